"""The audit document in the formats other programs and people read; ``FORMATS`` is the table of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from t3lens.document.model import AuditDocument, HomeEntry, IncidentEntry, ThreadEntry, json_values

__all__ = ["FORMATS", "SUFFIXES", "audit_json_text", "audit_ndjson", "in_pieces"]


def audit_json_text(document: AuditDocument) -> str:
    """The document itself, indented."""
    return "".join(_json_pieces(document))


def _json_pieces(document: AuditDocument) -> Iterator[str]:
    """The same, a home, a thread or an incident at a time."""
    values = _without_rows(document)
    last = len(values) - 1
    yield "{"
    for number, (name, value) in enumerate(values.items()):
        yield f"\n  {json.dumps(name)}: "
        rows = _rows(document, name)
        if rows:
            yield "["
            for place, row in enumerate(rows):
                yield ",\n    " if place else "\n    "
                yield _indented(row, "    ")
            yield "\n  ]"
        else:
            yield _indented(value, "  ")
        yield "" if number == last else ","
    yield "\n}\n"


def _without_rows(document: AuditDocument) -> dict[str, Any]:
    """The document as plain values without what may be very many; the names of these stand there."""
    values = json_values(replace(document, homes=(), threads=(), incidents=()))
    return values | ({"incidents": []} if document.incidents else {})


def _rows(document: AuditDocument, name: str) -> Sequence[HomeEntry | ThreadEntry | IncidentEntry]:
    if name == "incidents":
        return document.incidents
    return document.homes if name == "homes" else document.threads if name == "threads" else ()


def _indented(value: Any, indent: str) -> str:
    """JSON as ``json.dumps`` indents it, in a third of its time."""
    values = msgspec.to_builtins(value)
    try:
        text = msgspec.json.format(json.dumps(values, ensure_ascii=True), indent=2)
    except msgspec.DecodeError:  # half a surrogate pair, a number alone
        text = json.dumps(values, indent=2, ensure_ascii=True)
    return text.replace("\n", f"\n{indent}")  # in a string no line ends


def audit_ndjson(document: AuditDocument) -> str:
    """One JSON object a line: a ``summary``, each ``home``, each ``thread``, each ``finding`` with its home and thread,
    each finding that is ``gone`` since an older audit, and each ``incident``, if they were asked for.

    Made for logs that are appended to by a schedule: every line carries ``as_of`` and stands alone.
    """
    return "".join(_ndjson_pieces(document))


def _ndjson_pieces(document: AuditDocument) -> Iterator[str]:
    """The same, a line at a time."""
    return (json.dumps(line, ensure_ascii=True) + "\n" for line in _lines(document))


def _lines(document: AuditDocument) -> Iterator[dict[str, Any]]:
    as_of = document.as_of
    whole = _without_rows(document)
    left_out = ("homes", "threads", "incidents")
    yield {"kind": "summary", **{key: part for key, part in whole.items() if key not in left_out}}
    for home in document.homes:
        values = msgspec.to_builtins(home)
        yield {"kind": "home", "as_of": as_of, **_without_findings(values)}
        for one in values["findings"]:
            yield {"kind": "finding", "as_of": as_of, "home_id": home.home_id, "thread_id": None, **one}
    for thread in document.threads:
        values = msgspec.to_builtins(thread)
        yield {"kind": "thread", "as_of": as_of, **_without_findings(values)}
        place = {"home_id": thread.home_id, "thread_id": thread.thread_id, "verdict": values["verdict"]}
        for one in values["findings"]:
            yield {"kind": "finding", "as_of": as_of, **place, **one}
    for one in whole.get("baseline", {}).get("vanished", ()):
        yield {"kind": "gone", "as_of": as_of, **one}
    for incident in document.incidents:
        yield {"kind": "incident", "as_of": as_of, **msgspec.to_builtins(incident)}


def _without_findings(place: dict[str, object]) -> dict[str, object]:
    return {key: part for key, part in place.items() if key != "findings"}


def _made_by(module: str, name: str) -> Callable[[AuditDocument], Any]:
    """A function of another module, loaded when it is called: the one format asked for is all that is needed."""

    def write(document: AuditDocument) -> Any:
        return getattr(import_module(f"t3lens.document.{module}"), name)(document)

    return write


FORMATS: Final[dict[str, Callable[[AuditDocument], str]]] = {
    "json": audit_json_text,
    "ndjson": audit_ndjson,
    "junit": _made_by("junit", "audit_junit"),
    "sarif": _made_by("sarif", "audit_sarif"),
    "md": _made_by("markdown", "audit_markdown"),
    "html": _made_by("html", "audit_html"),
}
"""What turns an audit document into text, by the name of the format."""

_IN_PIECES: Final[dict[str, Callable[[AuditDocument], Iterable[str]]]] = {
    "json": _json_pieces,
    "ndjson": _ndjson_pieces,
    "junit": _made_by("junit", "junit_pieces"),
    "sarif": _made_by("sarif", "sarif_pieces"),
    "html": _made_by("html", "html_pieces"),
}


def in_pieces(shape: str, document: AuditDocument) -> Iterator[str]:
    """A document in one of ``FORMATS``, in pieces: for what grows with every thread, none of them is large.

    Args:
        shape: The format.
        document: What to write.
    """
    made = _IN_PIECES.get(shape)
    if made is None:
        yield FORMATS[shape](document)
    else:
        yield from made(document)


SUFFIXES: Final = {
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".xml": "junit",
    ".sarif": "sarif",
    ".md": "md",
    ".html": "html",
    ".htm": "html",
}
"""The format a file name asks for."""
