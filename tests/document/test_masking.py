"""Secrets leave the texts of a document, and it stays a document whatever a person's own rules say."""

from __future__ import annotations

import json
import re

import jsonschema
from msgspec.structs import replace

from t3lens.document.audit import audit_schema
from t3lens.document.formats import FORMATS
from t3lens.document.masking import masked
from t3lens.document.model import AuditDocument
from t3lens.redact import RedactionRules, Redactor

KEY = "sk-ant-" + "a1B2c3" * 5


def with_title(document: AuditDocument, title: str) -> AuditDocument:
    first, *others = document.threads
    return replace(document, threads=(replace(first, title=title), *others))


def test_a_secret_in_a_text_is_masked(document: AuditDocument) -> None:
    found = masked(with_title(document, f"use {KEY}"), Redactor())
    assert KEY not in FORMATS["json"](found)
    assert found.threads[0].title == "use ‹anthropic-key-1›"
    assert found.threads[1:] == masked(document, Redactor()).threads[1:]


def test_words_of_the_contract_are_no_texts(document: AuditDocument) -> None:
    words = ("stuck", "high", "session", "thread_id", "dead", "log", "idle")
    found = masked(with_title(document, "a stuck session"), Redactor(rules=RedactionRules(words=words)))
    assert re.fullmatch(r"a ‹word-\d› ‹word-\d›", found.threads[0].title or "")
    assert [t.verdict for t in found.threads] == [t.verdict for t in document.threads]
    for text in (FORMATS["json"](found), FORMATS["ndjson"](found).splitlines()[0]):
        assert '"counts"' in text
    jsonschema.validate(json.loads(FORMATS["json"](found)), audit_schema())


def test_a_field_that_a_person_names_is_masked_whole(document: AuditDocument) -> None:
    rules = RedactionRules(fields=frozenset({"evidence", "verdict"}))
    found = masked(document, Redactor(rules=rules))
    pieces = [p for t in found.threads for f in t.findings for p in f.evidence]
    assert pieces
    assert all(piece.source.startswith("‹secret-field-") for piece in pieces)
    assert found.counts == document.counts
