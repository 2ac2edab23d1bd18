"""Audits in the formats of others are valid there, and say the same as the audit."""

from __future__ import annotations

import json
import re
from io import StringIO
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import xmlschema
from msgspec.structs import replace
from rich.console import Console

from t3lens.commands.audit_output import SHAPES
from t3lens.document.audit import audit_schema
from t3lens.document.audit_filter import AuditFilter, chosen
from t3lens.document.baseline import baseline_of, with_baseline
from t3lens.document.fail_on import fails
from t3lens.document.formats import FORMATS, SUFFIXES
from t3lens.document.model import AuditDocument, IncidentEntry, UnreadableEntry
from t3lens.document.table import audit_table
from t3lens.domain.episode_end import EpisodeEnd
from t3lens.domain.finding import Verdict
from t3lens.errors import UsageError
from tests.document.older import older
from tests.document.schemas import JUNIT_XSD, SARIF

HOSTILE = "</failure>]]><script>alert(1)</script> \x00\x1b[31m \u202e | `x` ${{ secrets }} \ud800"


@pytest.fixture(scope="module")
def variants(document: AuditDocument) -> list[AuditDocument]:
    """The audit as it is, against a baseline, with a home that could not be read, hostile, and empty."""
    compared = with_baseline(document, baseline_of(older(document)))
    broken = replace(document, errors=(UnreadableEntry(path="/a <b>", message="gone & away"),))
    empty = replace(document, threads=(), counts={})
    return [
        document,
        compared,
        broken,
        hostile(document),
        empty,
        with_incidents(document),
        with_incidents(compared, HOSTILE),
    ]


def with_incidents(document: AuditDocument, title: str = "Port the parser") -> AuditDocument:
    """With an incident that is over and one that goes on, of the first thread that something is wrong with."""
    thread = next(one for one in document.threads if one.findings)
    finding = thread.findings[0]
    over = IncidentEntry(
        incident_id="05ed0d8774d3", home_id=thread.home_id, thread_id=thread.thread_id, title=title, provider="codex",
        verdict=Verdict.STUCK, code="silent-turn", codes=("silent-turn",), since="2026-07-01T10:00:00.000Z",
        until="2026-07-01T10:34:55.000Z", ended_by=EpisodeEnd.STOPPED, action_id=None, duration_s=2095.0,
        seen_until="2026-07-01T10:34:54.999Z", turn_id=None, message_id=None, confidence=finding.confidence,
        summary=f"{title} was silent", since_event_id=None, until_event_id=None, evidence=finding.evidence,
    )  # fmt: skip
    goes_on = replace(over, incident_id="53dcd231ec8a", until=None, ended_by=EpisodeEnd.NEVER)
    return replace(document, incidents_since="2026-07-01T00:00:00.000Z", incidents=(over, goes_on))


def hostile(document: AuditDocument) -> AuditDocument:
    """Texts that would be markup, code or controls, wherever a text may stand."""
    return replace(
        document,
        threads=tuple(
            replace(
                thread,
                title=HOSTILE,
                findings=tuple(
                    replace(
                        finding,
                        summary=HOSTILE,
                        evidence=tuple(replace(piece, source=HOSTILE, excerpt=HOSTILE) for piece in finding.evidence),
                    )
                    for finding in thread.findings
                ),
            )
            for thread in document.threads
        ),
    )


def test_formats_are_what_the_command_line_offers() -> None:
    assert ("table", *FORMATS) == SHAPES
    assert set(SUFFIXES.values()) <= set(FORMATS)


def test_junit_is_valid(variants: list[AuditDocument]) -> None:
    schema = xmlschema.XMLSchema(JUNIT_XSD)
    for document in variants:
        schema.validate(FORMATS["junit"](document))


def test_junit_has_a_case_for_each_thread_and_a_failure_for_each_bad_one(
    document: AuditDocument,
) -> None:
    root = ET.fromstring(FORMATS["junit"](document))
    cases = root.findall("testsuite/testcase")
    assert len(cases) == len(document.threads) + len(document.homes)
    failed = {case.get("name") for case in cases if case.find("failure") is not None}
    for thread in document.threads:
        bad = any(f.severity in ("critical", "high") for f in thread.findings)
        assert any(thread.thread_id in (name or "") for name in failed) is bad
    assert root.get("failures") == str(len(failed))


def test_sarif_is_valid(variants: list[AuditDocument]) -> None:
    for document in variants:
        jsonschema.validate(json.loads(FORMATS["sarif"](document)), SARIF)


def test_what_was_wrong_and_is_over_is_listed_and_fails_nothing(document: AuditDocument) -> None:
    told = with_incidents(document)
    cases = ET.fromstring(FORMATS["junit"](told)).findall(".//testcase[@classname='incident']")
    assert [case.get("name", "").split(":")[0] for case in cases] == ["05ed0d8774d3", "53dcd231ec8a"]
    texts = [case.findtext("system-out") or "" for case in cases]
    assert "ended by: stopped" in texts[0] and "for: 34 min 55 s" in texts[0].replace("\N{NO-BREAK SPACE}", " ")
    assert "it goes on" in texts[1]
    (run,) = json.loads(FORMATS["sarif"](told))["runs"]
    (shown,) = [one for one in run["results"] if one.get("kind") == "informational"]
    assert (shown["level"], shown["properties"]["endedBy"]) == ("none", "stopped")
    (before,) = json.loads(FORMATS["sarif"](document))["runs"]
    assert len(run["results"]) == len(before["results"]) + 1
    assert list(fails(told)) == list(fails(document))


@pytest.mark.parametrize("width", [80, 90, 100, 120])
def test_a_length_of_time_keeps_its_units(document: AuditDocument, width: int) -> None:
    console = Console(width=width, file=StringIO(), color_system=None)
    audit_table(with_incidents(document), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    assert "at least" in text
    assert not re.search(r"^\s*(s|min|h|d)\s*$", text, re.MULTILINE)


def test_every_sarif_result_names_a_rule_with_help(document: AuditDocument) -> None:
    run = json.loads(FORMATS["sarif"](document))["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    number = sum(len(p.findings) for p in (*document.homes, *document.threads))
    assert len(run["results"]) == number
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert len(rule["help"]["text"]) > 40
    prints = [result["partialFingerprints"]["t3lens/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_ndjson_lines_stand_alone_and_hold_everything(document: AuditDocument) -> None:
    lines = [json.loads(line) for line in FORMATS["ndjson"](document).splitlines()]
    kinds = [line["kind"] for line in lines]
    assert kinds[0] == "summary"
    assert kinds.count("thread") == len(document.threads)
    assert kinds.count("finding") == sum(len(place.findings) for place in document.places)
    assert all("as_of" in line for line in lines)


def test_json_keeps_to_its_schema(variants: list[AuditDocument]) -> None:
    for document in variants[:3]:
        jsonschema.validate(json.loads(FORMATS["json"](document)), audit_schema())


def test_hostile_texts_stay_texts(variants: list[AuditDocument]) -> None:
    page, markdown = FORMATS["html"](variants[3]), FORMATS["md"](variants[3])
    assert "<script" not in page
    assert "<script" not in markdown
    assert "\x1b" not in page + markdown
    assert "\u202e" not in page + markdown
    assert "script-src" not in page  # nothing may run at all


@pytest.mark.parametrize("shape", FORMATS)
def test_the_same_audit_makes_the_same_bytes(shape: str, document: AuditDocument) -> None:
    assert FORMATS[shape](document) == FORMATS[shape](replace(document))


# --- what is looked at ---------------------------------------------------------------------------------------


def test_ignored_codes_do_not_fail_and_verdicts_stay(document: AuditDocument) -> None:
    codes = {f.code for f in fails(document)}
    assert codes
    left = chosen(document, AuditFilter(ignore=frozenset(codes)))
    assert not list(fails(left))
    assert left.counts == document.counts


def test_only_one_code_is_left(document: AuditDocument) -> None:
    left = chosen(document, AuditFilter(only=frozenset({"orphaned-turn"})))
    found = {f.code for thread in left.threads for f in thread.findings}
    assert found == {"orphaned-turn"}


def test_only_one_provider_is_left(document: AuditDocument) -> None:
    provider = document.threads[0].provider
    left = chosen(document, AuditFilter(providers=frozenset({provider})))
    assert {thread.provider for thread in left.threads} == {provider}
    assert sum(left.counts.values()) == len(left.threads)


def test_a_time_window_leaves_out_what_began_before(document: AuditDocument) -> None:
    dated = sorted(t.since for t in document.threads if t.since)
    left = chosen(document, AuditFilter(start=dated[-1]))
    assert all(t.since is None or t.since >= dated[-1] for t in left.threads)
    assert len(left.threads) < len(document.threads)


def test_an_unknown_code_is_refused(document: AuditDocument) -> None:
    with pytest.raises(UsageError, match="no-such-code"):
        chosen(document, AuditFilter(ignore=frozenset({"no-such-code"})))


def test_the_document_is_indented_as_everybody_indents_json(variants: list[AuditDocument]) -> None:
    for one in variants:
        text = FORMATS["json"](one)
        assert text == json.dumps(json.loads(text), indent=2) + "\n"
