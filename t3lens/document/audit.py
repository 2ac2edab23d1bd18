"""The audit document made of a diagnosis."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import msgspec

from t3lens.diagnose import Diagnosis, HomeDiagnosis, ThreadDiagnosis
from t3lens.document.incidents import entries, evidence_entry, in_order
from t3lens.document.model import (
    SCHEMA_VERSION,
    AuditDocument,
    ComparisonEntry,
    DifferingThreadEntry,
    EndEntry,
    ExpectedSessionEntry,
    FindingEntry,
    ForkEntry,
    HomeEntry,
    NotCheckedEntry,
    ServerStatus,
    SessionEntry,
    ThreadEntry,
    TurnEntry,
)
from t3lens.domain.finding import Finding, Verdict
from t3lens.t3code.home_layout import STATE_SQLITE
from t3lens.time import Micros, iso

if TYPE_CHECKING:
    from t3lens.diagnose.fleet_compare import FleetComparison, ThreadComparison
    from t3lens.incidents import Episode

__all__ = ["NO_RULES", "Incidents", "audit_document", "audit_schema", "blind_homes", "missing_inputs"]

NO_RULES: Final = "none"
"""What stands for the rules of a home that cannot be judged: none is applied to it."""

_MOST_FILES: Final = 5


class Incidents(msgspec.Struct, frozen=True):
    """What was wrong since a moment.

    Attributes:
        since: The moment, microseconds UTC.
        episodes: Those that were not over before it.
        no_past: Homes of which only what is wrong now is known, a sentence each.
    """

    since: Micros
    episodes: Sequence[Episode]
    no_past: Sequence[str]


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
    projects: Mapping[str, str] | None = None,
    comparison: FleetComparison | None = None,
    incidents: Incidents | None = None,
) -> AuditDocument:
    """A diagnosis as a document.

    Args:
        diagnosis: What was concluded.
        as_of: The moment of the whole document, microseconds UTC; homes and findings have their own.
        version: Version of t3lens.
        quarantined: Log lines that could not be read, in all homes.
        projects: The name of each thread's project, by thread id.
        comparison: What other rules would have made of the threads, if that was asked.
        incidents: What was wrong since a moment, if that was asked.
    """
    return AuditDocument(
        schema_version=SCHEMA_VERSION,
        t3lens_version=version,
        as_of=iso(as_of),
        notices=(*diagnosis.notices, *(incidents.no_past if incidents is not None else ())),
        homes=tuple(_home(home) for home in diagnosis.homes),
        threads=tuple(_thread(thread, projects or {}) for thread in diagnosis.threads),
        counts={Verdict(verdict): number for verdict, number in diagnosis.counts.items()},
        quarantined=quarantined,
        thresholds=msgspec.structs.asdict(diagnosis.options.thresholds),
        comparison=_comparison(comparison) if comparison is not None else None,
        incidents_since=iso(incidents.since) if incidents is not None else None,
        incidents=in_order(entries(incidents.episodes)) if incidents is not None else (),
    )


def missing_inputs(home: HomeDiagnosis) -> list[str]:
    """What a home lacks, so that its verdicts rest on less: one sentence each."""
    facts = home.home
    missing = []
    if facts.standing.cannot_judge is not None:
        if facts.database_error:
            missing.append(f"a database cannot be read ({facts.database_error})")
        return missing
    if facts.database_error:
        missing.append(_unread(facts.database_error))
    elif not facts.has_database:
        missing.append(f"no {STATE_SQLITE}: verdicts rest on the provider logs alone")
    if not facts.has_logs:
        missing.append("no provider logs: what the provider said is not known")
    if home.context.server.status == "unknown":
        why = home.context.server.why
        missing.append(f"whether the server runs is not known{f' ({why})' if why else ''}")
    problems = facts.file_problems
    missing += problems[:_MOST_FILES]
    if len(problems) > _MOST_FILES:
        missing.append(f"and {len(problems) - _MOST_FILES:,} more files that cannot be read as they are")
    return missing


def blind_homes(diagnosis: Diagnosis) -> list[str]:
    """The homes that told nothing at all, each with the reason: these are no clean homes."""
    return [
        f"{home.home.path}: {_unread(home.home.database_error)}, and there is nothing else to go by"
        for home in diagnosis.homes
        if home.home.standing.cannot_judge is None and home.home.database_error and not (home.threads or home.findings)
    ]


def _unread(error: str) -> str:
    return f"{STATE_SQLITE} cannot be read ({error})"


def _home(home: HomeDiagnosis) -> HomeEntry:
    context, standing = home.context, home.home.standing
    judged = standing.cannot_judge is None
    return HomeEntry(
        home_id=home.home.home_id,
        path=home.home.path,
        data_model=standing.model,
        cannot_judge=standing.cannot_judge,
        beyond_known=tuple(standing.beyond),
        server=ServerStatus(context.server.status),
        server_why=context.server.why,
        server_version=context.server.version or home.home.server_version,
        rules=context.rules.name if judged else NO_RULES,
        rules_guessed=context.rules_guessed and judged,
        log_generation=cast(Literal[1, 2, 3] | None, home.home.generation),
        as_of=iso(context.as_of),
        missing=tuple(missing_inputs(home)),
        not_checked=tuple(
            NotCheckedEntry(code=check.code, why=check.why) for check in home.checks if check.applies and not check.checked
        ),
        findings=tuple(_finding(finding) for finding in home.findings),
    )


def _thread(thread: ThreadDiagnosis, projects: Mapping[str, str]) -> ThreadEntry:
    stored, expected = thread.case.facts.session, thread.case.expected.session
    session = None
    if stored is not None:
        session = SessionEntry(
            status=stored.status,
            active_turn_id=stored.active_turn_id,
            last_error=stored.last_error,
            updated_at=iso(stored.updated_at),
        )
    expected_session = None
    if expected is not None:
        expected_session = ExpectedSessionEntry(
            status=expected.status.value,
            active_turn_id=expected.active_turn_id,
            last_error=expected.last_error,
        )
    return ThreadEntry(
        home_id=thread.home_id,
        thread_id=thread.thread_id,
        title=thread.title,
        provider=thread.provider,
        project=projects.get(thread.thread_id) or thread.project_id,
        verdict=thread.verdict,
        primary=thread.primary,
        since=_time(thread.since),
        session=session,
        expected_session=expected_session,
        turns=tuple(
            TurnEntry(turn_id=turn.turn_id, state=turn.state, expected_state=turn.expected)
            for turn in thread.case.turn_states
        ),
        findings=tuple(_finding(finding) for finding in thread.findings),
    )


def _finding(finding: Finding) -> FindingEntry:
    return FindingEntry(
        code=finding.code,
        severity=finding.severity,
        confidence=finding.confidence,
        turn_id=finding.turn_id,
        since=_time(finding.since),
        since_event_id=finding.since_event_id,
        summary=finding.summary,
        explanation=finding.explanation,
        remedy=finding.remedy,
        references=finding.references,
        evidence=tuple(evidence_entry(evidence) for evidence in finding.evidence),
    )


def _comparison(comparison: FleetComparison) -> ComparisonEntry:
    return ComparisonEntry(
        rules=comparison.rules,
        compared=comparison.compared,
        stuck=comparison.stuck,
        settled=comparison.settled,
        summary=comparison.summary,
        threads=tuple(_differing(thread) for thread in comparison.threads),
    )


def _differing(thread: ThreadComparison) -> DifferingThreadEntry:
    said = thread.comparison
    fork = None
    if said.fork is not None:
        fork = ForkEntry(
            event_id=said.fork.event_id,
            type=said.fork.type,
            at=iso(said.fork.at),
            why=said.why,
        )
    return DifferingThreadEntry(
        home_id=thread.home_id,
        thread_id=said.thread_id,
        verdict=thread.verdict,
        fork=fork,
        ends=(EndEntry(**said.before), EndEntry(**said.after)),
    )


def _time(at: Micros | None) -> str | None:
    return iso(at) if at is not None else None
