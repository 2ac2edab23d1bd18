"""No planted secret survives, however it is nested and encoded, and little else is masked."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from typing import Any

import pytest

from t3lens.redact import Redactor
from tests.recordings import needs_recordings, recordings
from tests.redact.corpus import KINDS, Planted, innocent, planted

CORPUS = planted()


def everything_said(value: Any) -> str:
    """All texts in a value, with what is readable once JSON and base64 in them are undone."""
    found: list[str] = []

    def walk(part: Any) -> None:
        if isinstance(part, str):
            found.append(part)
            undone(part)
        elif isinstance(part, dict):
            for key, inner in part.items():
                walk(key)
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    def undone(text: str) -> None:
        try:
            inner = json.loads(text)
        except ValueError:
            pass
        else:
            if isinstance(inner, str | dict | list):
                walk(inner)
        for run in text.split():
            for undo in (lambda t: base64.b64decode(t, validate=True), bytes.fromhex):
                try:
                    data = undo(run)
                except ValueError:
                    continue
                packed = data[:2] == b"\x1f\x8b"
                data = gzip.decompress(data) if packed else data
                found.append(data.decode("utf-8", "replace"))
                found.append(data.decode("utf-16-le", "replace"))
        if "%" in text:
            from urllib.parse import unquote

            found.append(unquote(text))
            found.append(unquote(unquote(text)))
        if "\\u" in text:
            found.append(text.encode("ascii", "ignore").decode("unicode_escape", "ignore"))
        if "&" in text:
            import html

            found.append(html.unescape(text))

    walk(value)
    return "\n".join(found)


def shape(value: Any) -> Any:
    """The structure of a value without its texts."""
    if isinstance(value, dict):
        return [shape(part) for part in value.values()]
    if isinstance(value, list):
        return [shape(part) for part in value]
    return type(value).__name__ if isinstance(value, str) else value


def pieces(secret: str) -> list[str]:
    """What counts as a leak: the secret, or any long line of it."""
    return [line for line in secret.split("\n") if len(line) >= 4]


def test_the_corpus_is_what_it_says() -> None:
    assert len(CORPUS) == 500
    assert len(KINDS) == 20
    for one in CORPUS:
        said = everything_said(one.value)
        assert any(piece in said for piece in pieces(one.secret)), one


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_of_this_kind_survives(kind: str) -> None:
    leaks = []
    for one in CORPUS:
        if one.kind != kind:
            continue
        masked = Redactor(content=True).value(one.value)
        said = everything_said(masked)
        if any(piece in said for piece in pieces(one.secret)):
            leaks.append((one.text[:160], masked))
    assert not leaks


def test_structure_stays_as_it_was() -> None:
    redactor = Redactor(content=True)
    for one in CORPUS:
        assert shape(redactor.value(one.value)) == shape(one.value)


def test_json_in_a_text_stays_json() -> None:
    text = json.dumps({"stdout": "password=hunter2hunter2", "exit": 1})
    masked = json.loads(Redactor(content=True).text(text))
    assert masked["exit"] == 1
    assert "hunter2" not in masked["stdout"]


def test_masks_are_the_same_for_the_same_secret_and_differ_for_others() -> None:
    redactor = Redactor(content=True)
    tokens = [one.secret for one in CORPUS if one.kind == "github token"][:2]
    a, b, again = (redactor.text(f"used {token}") for token in (tokens[0], tokens[1], tokens[0]))
    assert a == again
    assert a != b


def test_malformed_lines_are_masked_too() -> None:
    for one in CORPUS[::7]:
        torn = f'[2026-07-01T10:00:00.000Z] CANON: {{"type":"x","detail":"{one.text}'
        assert not leaked(Redactor(content=True).text(torn), one)


def leaked(text: str, one: Planted) -> bool:
    return any(piece in everything_said(text) for piece in pieces(one.secret))


def test_without_content_not_even_the_texts_are_left() -> None:
    redactor = Redactor()
    record = {
        "type": "content.delta",
        "payload": {"streamKind": "assistant_text", "delta": "my own words"},
    }
    masked = redactor.record(record)
    assert masked["type"] == "content.delta"
    assert masked["payload"]["streamKind"] == "assistant_text"
    assert "words" not in json.dumps(masked)
    assert "12 characters" in masked["payload"]["delta"]


def test_what_is_no_secret_is_hardly_ever_masked() -> None:
    texts = innocent()
    redactor = Redactor(content=True)
    wrong = [text for text in texts if redactor.text(text) != text]
    kinds = Counter(redactor.counts)
    assert len(wrong) <= len(texts) // 100, (kinds, wrong[:5])


@needs_recordings
def test_of_recorded_texts_only_homes_and_hosts_are_masked() -> None:
    redactor = Redactor(content=True)
    texts: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, str):
            texts.add(value)
        for part in value.values() if isinstance(value, dict) else ():
            collect(part)
        for part in value if isinstance(value, list) else ():
            collect(part)

    for recording in recordings()[::4]:
        for events in (*recording.canonical.values(), *recording.stored.values()):
            for event in events:
                collect(dict(event.payload))
    for text in texts:
        redactor.text(text)
    assert len(texts) > 500
    # The recorded machine's home folder and the host of a manual: nothing that is no such thing.
    assert set(redactor.counts) <= {"home-path", "host"}
