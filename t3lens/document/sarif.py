"""The audit as SARIF 2.1.0: a rule for each finding code with its help, a result for each finding."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final
from urllib.parse import quote

from t3lens.diagnose import Detector, register_all
from t3lens.document.audit import AuditDocument, notices
from t3lens.document.failing import failing, threshold
from t3lens.view.page.escape import plain

__all__ = ["audit_sarif"]

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVEL: Final = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
_RANK: Final = {"critical": 95.0, "high": 80.0, "medium": 50.0, "low": 20.0, "info": 5.0}
_SCORE: Final = {"critical": "9.5", "high": "8.0", "medium": "5.0", "low": "2.0", "info": "0.0"}
_HTTP: Final = re.compile(r"https?://\S+\Z")


def audit_sarif(document: AuditDocument) -> str:
    """SARIF for code scanning views. A known finding of a baseline is ``unchanged``, a vanished one ``absent``.

    Args:
        document: As ``audit_document`` makes it.
    """
    rules = [_rule(detector) for detector in register_all().values()]
    index = {rule["id"]: place for place, rule in enumerate(rules)}
    fail_on = threshold(document)
    baseline = "baseline" in document
    bases: dict[str, Any] = {}
    results: list[dict[str, Any]] = []
    for number, home in enumerate(document["homes"]):
        base = f"HOME{number}"
        bases[base] = {
            "description": {
                "text": f"T3 home {plain(home['home_id'], 200)}, server {home['server']}"
            }
        }
        places: list[dict[str, Any]] = [{**home, "thread_id": None, "verdict": None}]
        places += [one for one in document["threads"] if one["home_id"] == home["home_id"]]
        results += [
            _result(finding, place, base, index, fail_on, baseline=baseline)
            for place in places
            for finding in place["findings"]
        ]
    for gone in document.get("baseline", {}).get("vanished", ()):
        results.append(_vanished(gone, index))
    unjudged = any(home.get("cannot_judge") is not None for home in document["homes"])
    run = {
        "tool": {
            "driver": {
                "name": "t3lens",
                "version": document["t3lens_version"],
                "semanticVersion": document["t3lens_version"],
                "rules": rules,
            }
        },
        "originalUriBaseIds": bases,
        "invocations": [
            {
                "executionSuccessful": not (document.get("errors") or unjudged),
                "toolExecutionNotifications": [
                    *(
                        {"level": "error" if unjudged else "warning", "message": {"text": text}}
                        for text in notices(document)
                    ),
                    *(
                        {"level": "error", "message": {"text": f"{one['path']}: {one['message']}"}}
                        for one in document.get("errors", ())
                    ),
                ],
            }
        ],
        "results": results,
        "columnKind": "unicodeCodePoints",
        "properties": {"asOf": document["as_of"], "counts": document["counts"], "failOn": fail_on},
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, ensure_ascii=True) + "\n"


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
            "level": _LEVEL[detector.severity.value],
            "rank": _RANK[detector.severity.value],
        },
        "properties": {
            "tags": ["t3-code", detector.group.name.lower()],
            "problem.severity": _LEVEL[detector.severity.value].replace("note", "recommendation"),
            "t3lens.severity": detector.severity.value,
            "t3lens.score": _SCORE[detector.severity.value],
        },
    }
    address = next((text for text in detector.references if _HTTP.match(text)), None)
    if address is not None:
        rule["helpUri"] = address
    return rule


def _result(
    finding: dict[str, Any],
    place: dict[str, Any],
    base: str,
    index: dict[str, int],
    fail_on: str,
    *,
    baseline: bool,
) -> dict[str, Any]:
    evidence = finding["evidence"]
    logged = [piece for piece in evidence if piece["kind"] == "log" and piece["line"]]
    logical = _logical(place, finding)
    first = logged[0] if logged else (evidence[0] if evidence else None)
    result: dict[str, Any] = {
        "ruleId": finding["code"],
        "level": _LEVEL[finding["severity"]],
        "message": {
            "text": f"{plain(finding['summary'], 1000)} {plain(finding['explanation'], 1500)}"
        },
        "locations": [_location(first, base, logical)],
        "partialFingerprints": {"t3lens/v1": _fingerprint(finding, place)},
        "rank": _RANK[finding["severity"]],
        "properties": {
            "confidence": finding["confidence"],
            "remedy": finding["remedy"],
            "since": finding["since"],
            "homeId": place["home_id"],
            "threadId": place["thread_id"],
            "turnId": finding["turn_id"],
            "verdict": place["verdict"],
            "fails": failing(finding, fail_on),
        },
    }
    if finding["code"] in index:
        result["ruleIndex"] = index[finding["code"]]
    related = [piece for piece in evidence if piece is not first]
    if related:
        result["relatedLocations"] = [
            {**_location(piece, base, logical), "id": number,
             "message": {"text": plain(piece["excerpt"], 300) or piece["kind"]}}
            for number, piece in enumerate(related, 1)
        ]  # fmt: skip
    if baseline:
        result["baselineState"] = "unchanged" if finding.get("baseline") == "known" else "new"
    return result


def _location(
    piece: dict[str, Any] | None, base: str, logical: list[dict[str, Any]]
) -> dict[str, Any]:
    source = piece["source"] if piece else "state.sqlite"
    if piece is not None and piece["kind"] in ("row", "event"):
        source = "state.sqlite"
    physical: dict[str, Any] = {
        "artifactLocation": {"uri": quote(plain(source, 500).lstrip("/")), "uriBaseId": base}
    }
    if piece is not None and piece["line"]:
        physical["region"] = {"startLine": piece["line"]}
        if piece["offset"] is not None:
            physical["region"]["byteOffset"] = piece["offset"]
    return {"physicalLocation": physical, "logicalLocations": logical}


def _logical(place: dict[str, Any], finding: dict[str, Any]) -> list[dict[str, Any]]:
    name = place["thread_id"] or place["home_id"]
    full = f"{place['home_id']}/{name}"
    if finding["turn_id"]:
        full = f"{full}/{finding['turn_id']}"
    return [{"name": plain(name, 200), "fullyQualifiedName": plain(full, 600), "kind": "member"}]


def _fingerprint(finding: dict[str, Any], place: dict[str, Any]) -> str:
    said = (place["home_id"], place["thread_id"] or "", finding["code"], finding["turn_id"] or "")
    return hashlib.sha256("\0".join(said).encode()).hexdigest()[:32]


def _vanished(gone: dict[str, Any], index: dict[str, int]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": gone["code"],
        "level": "none",
        "kind": "pass",
        "message": {
            "text": f"{gone['code']} is gone from thread {gone['thread_id'] or 'of the home'}."
        },
        "partialFingerprints": {"t3lens/v1": _fingerprint(gone, gone)},
        "baselineState": "absent",
    }
    if gone["code"] in index:
        result["ruleIndex"] = index[gone["code"]]
    return result
