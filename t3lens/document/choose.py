"""What of an audit is looked at: codes, providers, projects, a time window, what is new since a baseline."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t3lens.document.audit import AuditDocument
from t3lens.domain.finding import VERDICT_ORDER
from t3lens.errors import InputError, UsageError

__all__ = ["Choice", "chosen", "read_baseline", "with_baseline", "without_content"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What to look at; empty means everything.

    Attributes:
        only: Only findings with these codes.
        ignore: No findings with these codes.
        providers: Only threads of these providers.
        threads: Only these thread ids (for projects, see ``lens``).
        start: Only threads and findings since this moment (ISO 8601), if they are dated;
        end: and up to this one.
    """

    only: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    threads: frozenset[str] | None = None
    start: str | None = None
    end: str | None = None


def check_codes(codes: Iterable[str]) -> None:
    """Refuse finding codes that do not exist.

    Raises:
        UsageError: The message names the wrong one.
    """
    from t3lens.diagnose import register_all

    table = register_all()
    for code in codes:
        if code not in table:
            raise UsageError(
                f"no finding code is called {code!r}; `t3lens detectors` lists them",
                code="unknown-code",
            )


def chosen(document: AuditDocument, choice: Choice) -> AuditDocument:
    """The part of an audit that ``choice`` names; verdicts and counts are those of the threads that stay.

    A thread's verdict is what it is: leaving out a finding does not change it.

    Args:
        document: As ``audit_document`` makes it; not changed.
        choice: What to look at.

    Raises:
        UsageError: A code does not exist.
    """
    check_codes((*choice.only, *choice.ignore))
    threads = [
        {**thread, "findings": [f for f in thread["findings"] if _keeps(f, choice)]}
        for thread in document["threads"]
        if _keeps_thread(thread, choice)
    ]
    homes = [
        {**home, "findings": [f for f in home["findings"] if _keeps(f, choice)]}
        for home in document["homes"]
    ]
    counts = {
        verdict.value: number
        for verdict in VERDICT_ORDER
        if (number := sum(1 for thread in threads if thread["verdict"] == verdict.value))
    }
    return {**document, "homes": homes, "threads": threads, "counts": counts}


def _keeps(finding: dict[str, Any], choice: Choice) -> bool:
    if choice.only and finding["code"] not in choice.only:
        return False
    if finding["code"] in choice.ignore:
        return False
    return _within(finding["since"], choice)


def _keeps_thread(thread: dict[str, Any], choice: Choice) -> bool:
    if choice.providers and (thread["provider"] or "") not in choice.providers:
        return False
    if choice.threads is not None and thread["thread_id"] not in choice.threads:
        return False
    return _within(thread["since"], choice)


def _within(since: str | None, choice: Choice) -> bool:
    """Times are all written alike, so that their order is the order of their texts."""
    if since is None:
        return True
    return (choice.start is None or since >= choice.start) and (
        choice.end is None or since <= choice.end
    )


# --- baseline ------------------------------------------------------------------------------------------------

_Key = tuple[str, str, str, str]


def _key(place: dict[str, Any], finding: dict[str, Any]) -> _Key:
    return (
        str(place["home_id"]),
        str(place.get("thread_id") or ""),
        str(finding["code"]),
        str(finding.get("turn_id") or ""),
    )


def read_baseline(path: Path) -> AuditDocument:
    """An audit that was kept as JSON, to compare with.

    Raises:
        InputError: The file cannot be read or is no audit.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"the baseline {path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"the baseline {path} is no JSON: {error}") from None
    if not isinstance(document, dict) or document.get("schema_version") != 1:
        raise InputError(
            f"the baseline {path} is no audit of this version; make one with --format json"
        )
    try:
        for place in (*document["homes"], *document["threads"]):
            for finding in place["findings"]:
                _key(place, finding)
    except (KeyError, TypeError):
        raise InputError(f"the baseline {path} is no whole audit document") from None
    return document


def with_baseline(document: AuditDocument, baseline: AuditDocument) -> AuditDocument:
    """An audit whose findings say whether an older one knows them, and which of the older ones vanished.

    A finding is the same if home, thread, code and turn are.

    Args:
        document: Now; not changed.
        baseline: Then.
    """
    known = {
        _key(place, finding)
        for place in (*baseline["homes"], *baseline["threads"])
        for finding in place["findings"]
    }
    now: set[_Key] = set()

    def marked(place: dict[str, Any]) -> dict[str, Any]:
        findings = []
        for finding in place["findings"]:
            key = _key(place, finding)
            now.add(key)
            findings.append({**finding, "baseline": "known" if key in known else "new"})
        return {**place, "findings": findings}

    homes = [marked(home) for home in document["homes"]]
    threads = [marked(thread) for thread in document["threads"]]
    vanished = [
        {"home_id": home, "thread_id": thread or None, "code": code, "turn_id": turn or None}
        for home, thread, code, turn in sorted(known - now)
    ]
    said = {
        "as_of": baseline.get("as_of"),
        "known": len(known & now),
        "new": len(now - known),
        "vanished": vanished,
    }
    return {**document, "homes": homes, "threads": threads, "baseline": said}


# --- redaction -----------------------------------------------------------------------------------------------


def without_content(document: AuditDocument, redactor: Any) -> AuditDocument:
    """An audit with the secrets in its texts masked.

    Args:
        document: Not changed.
        redactor: A ``Redactor``; one for everything that is written of this run, so that masks agree.
    """
    masked: AuditDocument = redactor.value(document)
    return masked
