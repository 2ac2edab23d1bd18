"""The audit document in the formats other programs and people read; ``FORMATS`` is the table of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Final

from t3lens.document.model import AuditDocument, json_values

__all__ = ["FORMATS", "SUFFIXES", "audit_json_text", "audit_ndjson"]


def audit_json_text(document: AuditDocument) -> str:
    """The document itself, indented."""
    return json.dumps(json_values(document), indent=2, ensure_ascii=True) + "\n"


def audit_ndjson(document: AuditDocument) -> str:
    """One JSON object a line: a ``summary``, each ``home``, each ``thread``, each ``finding`` with its home and thread,
    each finding that is ``gone`` since an older audit, and each ``incident``, if they were asked for.

    Made for logs that are appended to by a schedule: every line carries ``as_of`` and stands alone.
    """
    as_of = document.as_of
    whole = json_values(document)
    lines: list[dict[str, object]] = [
        {
            "kind": "summary",
            **{key: part for key, part in whole.items() if key not in ("homes", "threads", "incidents")},
        }
    ]
    for home in whole["homes"]:
        lines.append({"kind": "home", "as_of": as_of, **_without_findings(home)})
        lines += [
            {
                "kind": "finding",
                "as_of": as_of,
                "home_id": home["home_id"],
                "thread_id": None,
                **one,
            }
            for one in home["findings"]
        ]
    for thread in whole["threads"]:
        lines.append({"kind": "thread", "as_of": as_of, **_without_findings(thread)})
        lines += [
            {
                "kind": "finding",
                "as_of": as_of,
                "home_id": thread["home_id"],
                "thread_id": thread["thread_id"],
                "verdict": thread["verdict"],
                **one,
            }
            for one in thread["findings"]
        ]
    lines += [{"kind": "gone", "as_of": as_of, **one} for one in whole.get("baseline", {}).get("vanished", ())]
    lines += [{"kind": "incident", "as_of": as_of, **one} for one in whole.get("incidents", ())]
    return "".join(json.dumps(line, ensure_ascii=True) + "\n" for line in lines)


def _without_findings(place: dict[str, object]) -> dict[str, object]:
    return {key: part for key, part in place.items() if key != "findings"}


def _made_by(module: str, name: str) -> Callable[[AuditDocument], str]:
    """A function of another module, loaded when it is called: the one format asked for is all that is needed."""

    def write(document: AuditDocument) -> str:
        text: str = getattr(import_module(f"t3lens.document.{module}"), name)(document)
        return text

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
