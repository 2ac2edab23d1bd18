"""The audit as a JSON document: a contract with pipelines, described by the schema that stands beside this file."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Final

from t3lens.diagnose import Diagnosis, HomeDiagnosis, ThreadDiagnosis
from t3lens.diagnose.fleet_compare import FleetComparison, ThreadComparison
from t3lens.domain.finding import Evidence, Finding
from t3lens.time import Micros, iso
from t3lens.view.page.escape import plain

__all__ = [
    "NO_RULES",
    "SCHEMA_VERSION",
    "AuditDocument",
    "audit_document",
    "audit_schema",
    "missing_inputs",
    "notices",
]

SCHEMA_VERSION: Final = 1
"""Grows when a field changes its meaning or goes; new fields leave it as it is."""

NO_RULES: Final = "none"
"""What stands for the rules of a home that cannot be judged: none is applied to it."""

AuditDocument = dict[str, Any]
"""A document that ``audit_schema()`` describes."""


def audit_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the document."""
    text = resources.files("t3lens.document").joinpath("audit.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def audit_document(
    diagnosis: Diagnosis,
    *,
    as_of: Micros,
    version: str,
    quarantined: int = 0,
    comparison: FleetComparison | None = None,
) -> AuditDocument:
    """A diagnosis as plain JSON values.

    Args:
        diagnosis: What was concluded.
        as_of: The moment of the whole document, microseconds UTC; homes and findings have their own.
        version: Of t3lens.
        quarantined: Log lines that could not be read, in all homes.
        comparison: What other rules would have made of the threads, if that was asked.
    """
    document: AuditDocument = {
        "schema_version": SCHEMA_VERSION,
        "t3lens_version": version,
        "as_of": iso(as_of),
        **({"notices": diagnosis.notices} if diagnosis.notices else {}),
        "homes": [_home(home) for home in diagnosis.homes],
        "threads": [_thread(thread) for thread in diagnosis.threads],
        "counts": diagnosis.counts,
        "quarantined": quarantined,
        "thresholds": {
            name: getattr(diagnosis.options.thresholds, name)
            for name in diagnosis.options.thresholds.__struct_fields__
        },
    }
    if comparison is not None:
        document["comparison"] = _comparison(comparison)
    return document


_NOTICES: Final = 10


def notices(document: AuditDocument) -> list[str]:
    """What is said at the top of every form of the document, one inert line each; of very many homes the first."""
    said: list[str] = document.get("notices", [])
    shown = [plain(text, 600) for text in said[:_NOTICES]]
    if len(said) > _NOTICES:
        shown.append(f"and {len(said) - _NOTICES:,} more homes of which such a thing is to be said")
    return shown


def missing_inputs(home: HomeDiagnosis) -> list[str]:
    """What a home lacks, so that its verdicts rest on less: one sentence each."""
    facts = home.home
    missing = []
    if facts.standing.cannot_judge is not None:
        if facts.database_error:
            missing.append(f"a database cannot be read ({facts.database_error})")
        return missing
    if facts.database_error:
        missing.append(f"state.sqlite cannot be read ({facts.database_error})")
    elif not facts.has_database:
        missing.append("no state.sqlite: verdicts rest on the provider logs alone")
    if not facts.has_logs:
        missing.append("no provider logs: what the provider said is not known")
    if home.context.server.status == "unknown":
        why = home.context.server.why
        missing.append(f"whether the server runs is not known{f' ({why})' if why else ''}")
    return missing


def _home(home: HomeDiagnosis) -> dict[str, Any]:
    context, standing = home.context, home.home.standing
    judged = standing.cannot_judge is None
    return {
        "home_id": home.home.home_id,
        "path": home.home.path,
        "data_model": standing.model.value,
        "cannot_judge": standing.cannot_judge,
        **({"beyond_known": list(standing.beyond)} if standing.beyond else {}),
        "server": context.server.status,
        "server_why": context.server.why,
        "server_version": context.server.version or home.home.server_version,
        "rules": context.rules.name if judged else NO_RULES,
        "rules_guessed": context.rules_guessed and judged,
        "log_generation": home.home.generation,
        "as_of": iso(context.as_of),
        "missing": missing_inputs(home),
        "not_checked": [
            {"code": check.code, "why": check.why} for check in home.checks if not check.checked
        ],
        "findings": [_finding(finding) for finding in home.findings],
    }


def _thread(thread: ThreadDiagnosis) -> dict[str, Any]:
    facts, expected = thread.case.facts, thread.case.expected
    stored = facts.session
    session = None
    if stored is not None:
        session = {
            "status": stored.status,
            "active_turn_id": stored.active_turn_id,
            "last_error": stored.last_error,
            "updated_at": iso(stored.updated_at),
        }
    expected_session = None
    if expected.session is not None:
        expected_session = {
            "status": expected.session.status.value,
            "active_turn_id": expected.session.active_turn_id,
            "last_error": expected.session.last_error,
        }
    return {
        "home_id": thread.home_id,
        "thread_id": thread.thread_id,
        "title": thread.title,
        "provider": thread.provider,
        "verdict": thread.verdict.value,
        "primary": thread.primary,
        "since": _time(thread.since),
        "session": session,
        "expected_session": expected_session,
        "turns": _turns(thread),
        "findings": [_finding(finding) for finding in thread.findings],
    }


def _turns(thread: ThreadDiagnosis) -> list[dict[str, Any]]:
    """Stored turns in their order, then those that only the log knows."""
    expected = thread.case.expected.turns
    turns: list[dict[str, Any]] = []
    rows = list(thread.case.facts.turns)
    if thread.case.facts.pending is not None:
        rows.append(thread.case.facts.pending)
    for row in rows:
        known = expected.get(row.turn_id) if row.turn_id else None
        turns.append(
            {
                "turn_id": row.turn_id,
                "state": row.state,
                "expected_state": known.state.value if known else None,
            }
        )
    stored = {row.turn_id for row in rows}
    turns += [
        {"turn_id": turn_id, "state": None, "expected_state": turn.state.value}
        for turn_id, turn in expected.items()
        if turn_id not in stored
    ]
    return turns


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "turn_id": finding.turn_id,
        "since": _time(finding.since),
        "since_event_id": finding.since_event_id,
        "summary": finding.summary,
        "explanation": finding.explanation,
        "remedy": finding.remedy.value,
        "references": list(finding.references),
        "evidence": [_evidence(evidence) for evidence in finding.evidence],
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "kind": evidence.kind.value,
        "source": evidence.source,
        "line": evidence.line,
        "offset": evidence.offset,
        "event_id": evidence.event_id,
        "key": evidence.key,
        "at": _time(evidence.at),
        "excerpt": evidence.excerpt,
    }


def _comparison(comparison: FleetComparison) -> dict[str, Any]:
    return {
        "rules": list(comparison.rules),
        "compared": comparison.compared,
        "stuck": comparison.stuck,
        "settled": comparison.settled,
        "summary": comparison.summary,
        "threads": [_compared(thread) for thread in comparison.threads],
    }


def _compared(thread: ThreadComparison) -> dict[str, Any]:
    said = thread.comparison
    fork = None
    if said.fork is not None:
        fork = {
            "event_id": said.fork.event_id,
            "type": said.fork.type,
            "at": iso(said.fork.at),
            "why": list(said.why),
        }
    return {
        "home_id": thread.home_id,
        "thread_id": said.thread_id,
        "verdict": thread.verdict.value,
        "fork": fork,
        "ends": [said.before, said.after],
    }


def _time(at: Micros | None) -> str | None:
    return iso(at) if at is not None else None
