"""Whether the records can be trusted: what is missing, unknown, written by hand, or dated by a clock that was set back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from t3lens.counted import counted
from t3lens.diagnose.case import Case
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.evidence import absence, stored_evidence
from t3lens.diagnose.facts import ThreadFacts
from t3lens.diagnose.home_case import HomeCase
from t3lens.domain.finding import Evidence, EvidenceKind, Severity
from t3lens.t3code.data_model import unknown_migrations
from t3lens.t3code.v1.schema import (
    ORCHESTRATION_EVENTS,
    PROJECTION_PENDING_APPROVALS,
    PROJECTION_PROJECTS,
    PROJECTION_THREAD_SESSIONS,
    PROJECTION_THREADS,
    PROJECTION_TURNS,
    PROVIDER_SESSION_RUNTIME,
    TABLES,
)
from t3lens.t3code.v1.writers import INGESTION
from t3lens.time import SECOND, Micros, iso

__all__ = ["clock_went_back", "log_incomplete", "schema_unknown", "unexplained_write"]


@dataclass(frozen=True, slots=True)
class _LateRow:
    """A row that says of itself that it was written at a moment, microseconds UTC."""

    at: Micros
    row: Evidence


def _newer_than_any_event(case: Case) -> list[_LateRow]:
    """The thread's rows that are newer than the newest event of the home."""
    newest = case.context.home.extra.get("newest_event_at")
    if newest is None:
        return []
    late = newest + case.context.threshold("lag")
    return [_LateRow(at, row()) for at, row in _dated_rows(case) if at is not None and at > late]


def _dated_rows(case: Case) -> Iterator[tuple[Micros | None, Callable[[], Evidence]]]:
    """When each row of the thread was last written, as it says itself, and how it is pointed at."""
    facts = case.facts
    if facts.session is not None:
        yield facts.session.updated_at, case.session_row
    for turn in [*facts.turns, *([facts.pending] if facts.pending else [])]:
        dates = (turn.requested_at, turn.started_at, turn.completed_at)
        yield max([at for at in dates if at is not None], default=None), partial(case.turn_row, turn)
    if facts.row is not None:
        yield facts.row.updated_at, partial(_thread_row, facts)


def _thread_row(facts: ThreadFacts) -> Evidence:
    at = facts.row.updated_at if facts.row is not None else None
    return Evidence(
        kind=EvidenceKind.ROW,
        source=PROJECTION_THREADS,
        key=facts.thread_id,
        at=at,
        excerpt=f"thread {facts.thread_id}",
    )


@detector(
    "unexplained-write",
    Severity.INFO,
    Group.DATA,
    "ERP",
    home_wide=True,
    looks=(_newer_than_any_event,),
    thresholds=("lag",),
    condition="An event has no receipt, or a row is newer than any event: something else than the server wrote it.",
    explanation=(
        "Every event of the server comes with the receipt of its command, and every row of a projection follows from "
        "an event. What does not was written by hand or by a repair tool: it is what somebody wanted, not what happened."
    ),
)
def unexplained_write(home: HomeCase) -> Iterator[Hit]:
    """Events without receipts, rows without events."""
    for sequence, thread_id, event_id, kind in home.context.home.extra.get("without_receipt", ()):
        evidence = Evidence(
            kind=EvidenceKind.EVENT,
            source=ORCHESTRATION_EVENTS,
            event_id=event_id,
            key=str(sequence),
            excerpt=f"{kind} without a receipt",
        )
        yield Hit(
            thread_id=thread_id if thread_id in home.cases else None,
            summary=f"No command wrote an event that is stored: {kind}, sequence {sequence}, has no receipt.",
            since_event_id=event_id,
            evidence=(evidence,),
        )
    newest = home.context.home.extra.get("newest_event_at")
    if newest is None:
        return
    for thread_id, case in home.cases.items():
        for late in case.told(_newer_than_any_event):
            yield Hit(
                thread_id=thread_id,
                summary=(
                    f"No event wrote a row of {case.name} in {late.row.source}: it is of {iso(late.at)}, later than the "
                    f"newest event at {iso(newest)}."
                ),
                since=late.at,
                evidence=(late.row,),
            )


@detector(
    "clock-went-back",
    Severity.INFO,
    Group.DATA,
    "E",
    thresholds=("clock",),
    home_wide=True,
    condition="`occurred_at` falls by more than the threshold along `sequence`.",
    explanation="The machine's clock was set back, or slept: ages and silences around that moment are unreliable.",
)
def clock_went_back(home: HomeCase) -> Iterator[Hit]:
    """Time falls along the sequence."""
    for sequence, before, after in home.context.home.clock_falls:
        yield Hit(
            summary=f"Stored time went back by {(before - after) // SECOND} s at sequence {sequence}.",
            since=after,
            evidence=(
                Evidence(
                    kind=EvidenceKind.EVENT,
                    source=ORCHESTRATION_EVENTS,
                    key=str(sequence),
                    at=after,
                    excerpt=f"{iso(before)} is followed by {iso(after)}",
                ),
            ),
        )


@detector(
    "log-incomplete",
    Severity.INFO,
    Group.DATA,
    "L",
    condition="The log does not reach back to the thread's first turn, has gaps, or lost lines.",
    explanation=(
        "Rotation, a kill or a damaged file took lines away. What rests on their absence is less sure; what rests on "
        "lines that are there is not affected."
    ),
)
def log_incomplete(case: Case) -> Iterator[Hit]:
    """Missing, cut or quarantined lines."""
    reasons: list[str] = []
    evidence: list[Evidence] = []
    begun = [turn.started_at or turn.requested_at for turn in case.facts.turns]
    first = min((at for at in begun if at is not None), default=None)
    last = case.facts.first_log_at
    if first is not None and (last is None or last > first + 60 * SECOND) and _work_before(case, last):
        reasons.append("it begins after the thread's first turn" if last else "it has no lines at all")
        evidence.append(
            absence(
                "provider log",
                f"no lines before {iso(last)}" if last else "no lines of this thread",
            )
        )
    lost = case.lost_lines
    if lost:
        reasons.append(f"{counted(len(lost), 'event')} in the database without a line")
        evidence += [stored_evidence(event, f"{event.command_id}: its canonical event has no line") for event in lost[:5]]
    if case.facts.rotation_gaps:
        reasons.append(f"{case.facts.rotation_gaps} of its rotated files are missing in between")
        evidence.append(absence("provider log", f"{counted(case.facts.rotation_gaps, 'file')} between the rotated ones"))
    if case.facts.quarantined:
        reasons.append(f"{counted(case.facts.quarantined, 'line')} of its files could not be read")
        evidence.append(absence("provider log", f"{counted(case.facts.quarantined, 'line')} in quarantine"))
    if case.facts.truncated:
        reasons.append(f"{counted(case.facts.truncated, 'record')} with values that were cut short")
        evidence.append(absence("provider log", f"{counted(case.facts.truncated, 'record')} marked as truncated"))
    if reasons:
        yield Hit(
            summary=f"The log is incomplete: {'; '.join(reasons)} (in {case.name}).",
            since=first,
            evidence=tuple(evidence),
        )


def _work_before(case: Case, first_log: int | None) -> bool:
    """Whether the database knows of provider events before the first log line."""
    return any(
        event.command_id and event.command_id.startswith(INGESTION) and (first_log is None or event.at < first_log)
        for event in case.facts.stored
    )


_OF_VIEW: Final = {
    "sessions": PROJECTION_THREAD_SESSIONS,
    "bindings": PROVIDER_SESSION_RUNTIME,
    "approvals": PROJECTION_PENDING_APPROVALS,
    "projects": PROJECTION_PROJECTS,
    "threads": PROJECTION_THREADS,
    "turns": PROJECTION_TURNS,
}
"""The table behind each view whose further columns are looked at."""

_KNOWN_COLUMNS: Final = {table.name: table.others for table in TABLES}


@detector(
    "schema-unknown",
    Severity.INFO,
    Group.DATA,
    "EP",
    needs="",
    home_wide=True,
    condition="The home holds migrations, event types or columns that t3lens does not know.",
    explanation="A newer build or a fork wrote this home. Unknown events are kept, but no rule is applied to them.",
)
def schema_unknown(home: HomeCase) -> Iterator[Hit]:
    """Unknown types, migrations and columns."""
    facts = home.context.home
    unknown = facts.unknown_types
    if unknown:
        named = ", ".join(f"{kind} ({count})" for kind, count in sorted(unknown.items())[:10])
        yield Hit(
            summary=f"{counted(len(unknown), 'unknown event type')}: {named}.",
            evidence=(absence("known types", named),),
        )
    migrations = unknown_migrations(facts.extra.get("migrations", ()))
    if migrations:
        named = ", ".join(migrations[:10])
        yield Hit(
            summary=f"{counted(len(migrations), 'unknown migration')}: {named}.",
            evidence=(absence("known migrations", named),),
        )
    columns = [
        f"{table}.{name}"
        for table, name in facts.extra.get("columns", ())
        if table in _OF_VIEW and name not in _KNOWN_COLUMNS[_OF_VIEW[table]]
    ]
    if columns:
        named = ", ".join(columns[:10])
        yield Hit(
            summary=f"{counted(len(columns), 'unknown column')}: {named}.",
            evidence=(absence("known columns", named),),
        )
