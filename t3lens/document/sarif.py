"""The audit as SARIF 2.1.0: a rule for each finding code with its help, a result for each finding."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote

from t3lens.diagnose import Detector, register_all
from t3lens.document.by_home import by_home
from t3lens.document.fail_on import failing, threshold
from t3lens.document.identity import finding_key, fingerprint, vanished_key
from t3lens.document.incidents import incident_length
from t3lens.document.model import (
    AuditDocument,
    EvidenceEntry,
    FailOn,
    FindingEntry,
    HomeEntry,
    IncidentEntry,
    ThreadEntry,
    VanishedEntry,
)
from t3lens.document.notices import notices
from t3lens.domain.finding import EvidenceKind, Severity
from t3lens.t3code.home_layout import STATE_SQLITE
from t3lens.view.page.escape import plain

__all__ = ["audit_sarif", "sarif_pieces"]

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_BASES: Final = "originalUriBaseIds"
_RESULTS: Final = "results"
_INDENT: Final = "    "
"""Of what stands in one of the two."""

_LEVEL: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_RANK: Final = {
    Severity.CRITICAL: 95.0,
    Severity.HIGH: 80.0,
    Severity.MEDIUM: 50.0,
    Severity.LOW: 20.0,
    Severity.INFO: 5.0,
}
_SCORE: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.0",
    Severity.LOW: "2.0",
    Severity.INFO: "0.0",
}
_HTTP: Final = re.compile(r"https?://\S+\Z")


def audit_sarif(document: AuditDocument) -> str:
    """SARIF for code scanning views. A known finding of a baseline is ``unchanged``, a vanished one ``absent``.

    An incident that is over, where they were asked for, is a result for information.

    Args:
        document: As ``audit_document`` makes it.
    """
    return "".join(sarif_pieces(document))


def sarif_pieces(document: AuditDocument) -> Iterator[str]:
    """The same, a home or a result at a time."""
    text = json.dumps(_log_without_rows(document), indent=1, ensure_ascii=True)
    head, rest = text.split(f'"{_BASES}": {{}}')  # in a text the quotation marks were escaped
    middle, end = rest.split(f'"{_RESULTS}": []')
    bases = (
        f'"HOME{number}": ' + _indented({"description": {"text": f"T3 home {home.home_id}, server {home.server}"}})
        for number, home in enumerate(document.homes)
    )
    yield head
    yield from _enclosed(f'"{_BASES}": {{', bases, "}")
    yield middle
    yield from _enclosed(f'"{_RESULTS}": [', map(_indented, _results(document)), "]")
    yield f"{end}\n"


def _enclosed(start: str, rows: Iterable[str], end: str) -> Iterator[str]:
    number = 0
    yield start
    for row in rows:
        yield f"{',' if number else ''}\n{_INDENT}{row}"
        number += 1
    yield f"\n{_INDENT[1:]}{end}" if number else end


def _indented(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=True).replace("\n", f"\n{_INDENT}")  # in a string no line ends


def _results(document: AuditDocument) -> Iterator[dict[str, Any]]:
    index = {code: place for place, code in enumerate(register_all())}
    fail_on = threshold(document)
    compared = document.baseline is not None
    threads, incidents = by_home(document.threads), by_home(document.incidents)
    for number, home in enumerate(document.homes):
        base = f"HOME{number}"
        here: list[HomeEntry | ThreadEntry] = [home, *threads(home.home_id)]
        for place in here:
            for finding in place.findings:
                yield _result(finding, place, base, index, fail_on, compared=compared)
        for one in incidents(home.home_id):
            if one.until is not None:
                yield _incident(one, base, index, compared=compared)
    for gone in document.vanished:
        yield _vanished(gone, index)


def _log_without_rows(document: AuditDocument) -> dict[str, Any]:
    """The log without what may be very much: what is said of each home, and the results."""
    unjudged = any(home.cannot_judge is not None for home in document.homes)
    run = {
        "tool": {
            "driver": {
                "name": "t3lens",
                "version": document.t3lens_version,
                "semanticVersion": document.t3lens_version,
                "rules": [_rule(detector) for detector in register_all().values()],
            }
        },
        _BASES: {},
        "invocations": [
            {
                "executionSuccessful": not (document.errors or unjudged),
                "toolExecutionNotifications": [
                    *(
                        {"level": "error" if unjudged else "warning", "message": {"text": text}}
                        for text in notices(document)
                    ),
                    *({"level": "error", "message": {"text": f"{one.path}: {one.message}"}} for one in document.errors),
                ],
            }
        ],
        _RESULTS: [],
        "columnKind": "unicodeCodePoints",
        "properties": {
            "asOf": document.as_of,
            "counts": document.counts,
            "failOn": threshold(document),
            **_baseline_properties(document),
        },
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _baseline_properties(document: AuditDocument) -> dict[str, Any]:
    if document.baseline is None:
        return {}
    compared = document.baseline
    return {
        "baseline": {
            "asOf": compared.as_of,
            "new": compared.new,
            "gone": len(compared.vanished),
            "known": compared.known,
            "remarks": [plain(text, 600) for text in compared.remarks],
        }
    }


def _rule(detector: Detector) -> dict[str, Any]:
    condition = detector.condition.replace("`", "")
    words = f"{condition[:1].upper()}{condition[1:]}".rstrip(".") + "."
    remedy = f"Remedy: {detector.remedy.value}."
    rule: dict[str, Any] = {
        "id": detector.code,
        "name": "".join(part.capitalize() for part in detector.code.split("-")),
        "shortDescription": {"text": detector.code.replace("-", " ").capitalize()},
        "fullDescription": {"text": words},
        "help": {
            "text": f"{detector.explanation} {remedy}",
            "markdown": f"{words}\n\n{detector.explanation}\n\n**{remedy}**",
        },
        "defaultConfiguration": {
            "level": _LEVEL[detector.severity],
            "rank": _RANK[detector.severity],
        },
        "properties": {
            "tags": ["t3-code", detector.group.name.lower()],
            "problem.severity": _LEVEL[detector.severity].replace("note", "recommendation"),
            "t3lens.severity": detector.severity.value,
            "t3lens.score": _SCORE[detector.severity],
        },
    }
    address = next((text for text in detector.references if _HTTP.match(text)), None)
    if address is not None:
        rule["helpUri"] = address
    return rule


def _result(
    finding: FindingEntry,
    place: HomeEntry | ThreadEntry,
    base: str,
    index: dict[str, int],
    fail_on: FailOn,
    *,
    compared: bool,
) -> dict[str, Any]:
    evidence = finding.evidence
    thread = place if isinstance(place, ThreadEntry) else None
    logged = [piece for piece in evidence if piece.kind is EvidenceKind.LOG and piece.line]
    logical = _logical(place, finding)
    first = logged[0] if logged else (evidence[0] if evidence else None)
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": _LEVEL[finding.severity],
        "message": {"text": f"{plain(finding.summary, 1000)} {plain(finding.explanation, 1500)}"},
        "locations": [_location(first, base, logical)],
        "partialFingerprints": {"t3lens/v1": fingerprint(finding_key(place, finding))},
        "rank": _RANK[finding.severity],
        "properties": {
            "confidence": finding.confidence,
            "remedy": finding.remedy,
            "since": finding.since,
            "homeId": place.home_id,
            "threadId": thread.thread_id if thread else None,
            "turnId": finding.turn_id,
            "verdict": thread.verdict if thread else None,
            "fails": failing(finding, place, fail_on),
        },
    }
    if finding.code in index:
        result["ruleIndex"] = index[finding.code]
    related = [piece for piece in evidence if piece is not first]
    if related:
        result["relatedLocations"] = [
            {**_location(piece, base, logical), "id": number,
             "message": {"text": plain(piece.excerpt, 300) or piece.kind}}
            for number, piece in enumerate(related, 1)
        ]  # fmt: skip
    if compared:
        result["baselineState"] = "unchanged" if finding.known else "new"
    return result


def _location(piece: EvidenceEntry | None, base: str, logical: list[dict[str, Any]]) -> dict[str, Any]:
    source = piece.source if piece else STATE_SQLITE  # of readers to find it by, so as it is: neither cut nor cleaned
    if piece is not None and piece.kind in (EvidenceKind.ROW, EvidenceKind.EVENT):
        source = STATE_SQLITE
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(source.lstrip("/"), errors="replace"), "uriBaseId": base}}
    if piece is not None and piece.line:
        physical["region"] = {"startLine": piece.line}
        if piece.offset is not None:
            physical["region"]["byteOffset"] = piece.offset
    return {"physicalLocation": physical, "logicalLocations": logical}


def _logical(place: HomeEntry | ThreadEntry, finding: FindingEntry) -> list[dict[str, Any]]:
    name = place.thread_id if isinstance(place, ThreadEntry) else place.home_id
    full = f"{place.home_id}/{name}"
    if finding.turn_id:
        full = f"{full}/{finding.turn_id}"
    return [{"name": name, "fullyQualifiedName": full, "kind": "member"}]


def _incident(one: IncidentEntry, base: str, index: dict[str, int], *, compared: bool) -> dict[str, Any]:
    """What was wrong with a thread and is over: for information; what goes on stands as findings."""
    full = f"{one.home_id}/{one.thread_id}" + (f"/{one.turn_id}" if one.turn_id else "")
    logical = [{"name": one.thread_id, "fullyQualifiedName": full, "kind": "member"}]
    first = next((piece for piece in one.evidence if piece.kind is EvidenceKind.LOG and piece.line), None)
    result: dict[str, Any] = {
        "ruleId": one.code,
        "level": "none",
        "kind": "informational",
        "message": {
            "text": f"Over since {one.until}, after {incident_length(one)} ({one.ended_by}): {plain(one.summary, 1000)}"
        },
        "locations": [_location(first or (one.evidence[0] if one.evidence else None), base, logical)],
        "partialFingerprints": {"t3lens-incident/v1": one.incident_id},
        "properties": {
            "incidentId": one.incident_id,
            "verdict": one.verdict,
            "since": one.since,
            "until": one.until,
            "endedBy": one.ended_by,
            "durationS": one.duration_s,
            "homeId": one.home_id,
            "threadId": one.thread_id,
            "turnId": one.turn_id,
            "fails": False,
        },
    }
    if one.code in index:
        result["ruleIndex"] = index[one.code]
    if compared:
        result["baselineState"] = "unchanged"
    return result


def _vanished(gone: VanishedEntry, index: dict[str, int]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": gone.code,
        "level": "none",
        "kind": "pass",
        "message": {"text": f"{gone.code} is gone from thread {gone.thread_id or 'of the home'}."},
        "partialFingerprints": {"t3lens/v1": fingerprint(vanished_key(gone))},
        "baselineState": "absent",
    }
    if gone.code in index:
        result["ruleIndex"] = index[gone.code]
    return result
