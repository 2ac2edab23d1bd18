"""Data health: what t3lens was given to judge by, and what in the database cannot be as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from t3lens.counted import counted
from t3lens.diagnose.case import Case
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.evidence import absence, log_evidence, stored_evidence
from t3lens.diagnose.facts import ModelInUse
from t3lens.diagnose.home_case import HomeCase
from t3lens.diagnose.projected import differences
from t3lens.diagnose.wording import capital, short
from t3lens.domain.event import Event
from t3lens.domain.finding import Confidence, Evidence, EvidenceKind, Remedy, Severity, Verdict
from t3lens.t3code.home_layout import STATE_SQLITE
from t3lens.t3code.v1.event_types import TURN_START_REQUESTED
from t3lens.t3code.v1.schema import (
    BINDING_STATUSES,
    ORCHESTRATION_EVENTS,
    PROJECTION_STATE,
    PROJECTION_THREADS,
    THREADS_PROJECTOR,
)
from t3lens.t3code.v1.server_trace import REAPER_SWEEP_FAILED, SESSION_REAPED
from t3lens.time import Micros, duration, iso

__all__ = [
    "database_corrupt",
    "database_older_than_log",
    "projection_differs",
    "projection_gap",
    "reaped_while_working",
    "reaper_disabled",
]

_SHOWN: Final = 5
"""So many events of several are named."""


@detector(
    "database-corrupt",
    Severity.CRITICAL,
    Group.DATA,
    "P",
    needs="",
    remedy=Remedy.RESTORE_BACKUP,
    home_wide=True,
    models=(ModelInUse.FIRST, ModelInUse.SECOND),
    condition=f"`PRAGMA quick_check` of {STATE_SQLITE} does not answer ok.",
    explanation=(
        "Pages of the database are damaged; what could be read was read. Stop the server, keep a copy of all three "
        "files, and recover or restore before anything else writes to it."
    ),
)
def database_corrupt(home: HomeCase) -> Iterator[Hit]:
    """Damaged database."""
    error = home.context.home.database_error
    if home.context.home.database_damaged and error:
        yield Hit(
            summary=f"The database is damaged: {error} ({STATE_SQLITE} of {home.context.home.path})",
            evidence=(absence(STATE_SQLITE, error),),
        )


@detector(
    "database-older-than-log",
    Severity.INFO,
    Group.DATA,
    "LE",
    remedy=Remedy.INVESTIGATE,
    home_wide=True,
    thresholds=("settle",),
    condition="Turns are logged whose messages the database never saw, and nothing newer is stored: it is an older copy.",
    explanation=(
        f"{STATE_SQLITE} was copied without its -wal file, or comes from a backup. What it says of the threads that went "
        "on since is not what became of them, so these are judged by the log alone. Copy all three database files "
        "together, with the logs, or let t3lens collect the home (t3lens bundle)."
    ),
)
def database_older_than_log(home: HomeCase) -> Iterator[Hit]:
    """A copy from before."""
    outdated = home.context.home.outdated
    if outdated is None:
        return
    by = duration(outdated.logged_at - outdated.stored_at)
    said = (
        f"The database is older than the logs: its newest event is of {iso(outdated.stored_at)}, they go on until "
        f"{iso(outdated.logged_at)}, {by} later, with turns whose messages it never saw."
    )
    evidence = (absence(ORCHESTRATION_EVENTS, f"no event after {iso(outdated.stored_at)}"),)
    yield Hit(summary=said, since=outdated.unseen_at, evidence=evidence)
    for thread_id, case in home.cases.items():
        if case.facts.outdated:
            last = case.facts.last_log
            yield Hit(
                thread_id=thread_id,
                summary=f"The database is older than the log of {case.name}, which is judged by the log alone.",
                since=outdated.stored_at,
                evidence=((log_evidence(last),) if last else ()) + evidence,
            )


@dataclass(frozen=True, slots=True)
class _Some:
    """Some stored events: how many, and the first of them."""

    count: int
    first: tuple[Event, ...]

    @classmethod
    def of(cls, events: Sequence[Event]) -> _Some:
        """Those of a list."""
        return cls(len(events), tuple(events[:_SHOWN]))


def _beyond_each_projector(case: Case) -> dict[str, _Some]:
    """The thread's events that stand beyond each projector; of no interest while a server runs."""
    facts = case.context.home
    if not case.context.server.dead:
        return {}
    return {
        projector: _Some.of([event for event in case.facts.stored if (event.sequence or 0) > applied])
        for projector, applied in facts.projectors.items()
        if applied < facts.last_sequence
    }


def _applied_by_threads_projector(case: Case) -> _Some:
    """The thread's events that the projector of threads applied, if it has no row all the same."""
    if case.facts.row is not None:
        return _Some(0, ())
    applied = case.context.home.projectors.get(THREADS_PROJECTOR, 0)
    return _Some.of([event for event in case.facts.stored if (event.sequence or 0) <= applied])


@detector(
    "projection-gap",
    Severity.HIGH,
    Group.DATA,
    "EP",
    makes=Verdict.DIVERGED,
    home_wide=True,
    looks=(_beyond_each_projector, _applied_by_threads_projector),
    condition="A projector is behind the event store while no server runs, or applied events left no row.",
    explanation=(
        "The tables that the app shows do not contain the newest events. The server catches up when it starts; if "
        "the gap is still there after a start, the projector fails on the event it stands before."
    ),
)
def projection_gap(home: HomeCase) -> Iterator[Hit]:
    """Projector behind the store, thread without its row."""
    facts = home.context.home
    yield from _threads_without_row(home)
    if not home.context.server.dead:
        return
    for projector, applied in sorted(facts.projectors.items()):
        if applied >= facts.last_sequence:
            continue
        row = Evidence(
            kind=EvidenceKind.ROW,
            source=PROJECTION_STATE,
            key=projector,
            excerpt=f"last applied sequence {applied} of {facts.last_sequence}",
        )
        behind = facts.last_sequence - applied
        summary = f"A projector is {counted(behind, 'event')} behind the store: {projector} stands at sequence {applied}."
        yield Hit(summary=summary, evidence=(row,))
        for thread_id, case in home.cases.items():
            missed = case.told(_beyond_each_projector)[projector]
            if missed.count:
                yield Hit(
                    thread_id=thread_id,
                    summary=f"A projector missed {counted(missed.count, 'stored event')} of {case.name}: {projector}.",
                    since=missed.first[0].at,
                    since_event_id=missed.first[0].event_id,
                    evidence=(row, *(stored_evidence(event) for event in missed.first)),
                )


def _threads_without_row(home: HomeCase) -> Iterator[Hit]:
    """Threads whose events were applied, and that the app does not know all the same."""
    for thread_id, case in home.cases.items():
        seen = case.told(_applied_by_threads_projector)
        if not seen.count:
            continue
        yield Hit(
            thread_id=thread_id,
            summary=f"The app does not know {case.name}: it has no row, but applied {counted(seen.count, 'event')}.",
            since=seen.first[0].at,
            since_event_id=seen.first[0].event_id,
            evidence=(
                absence(PROJECTION_THREADS, f"no row of {thread_id}"),
                stored_evidence(seen.first[0]),
            ),
        )


@detector(
    "projection-differs",
    Severity.HIGH,
    Group.DATA,
    "EP",
    makes=Verdict.DIVERGED,
    condition="The event store, replayed under the rules of its build, gives other session or turn rows.",
    explanation=(
        "The stored rows are not what their own events make of them: a projector failed, somebody edited the "
        "database, or the home was written by another build than t3lens takes it for (see --rules)."
    ),
)
def projection_differs(case: Case) -> Iterator[Hit]:
    """Rows ≠ their own events."""
    if not case.context.home.projectors or min(case.context.home.projectors.values()) < case.context.home.last_sequence:
        return
    found = differences(case.facts, case.context.first_rules)
    if found and any(not differences(case.facts, rules) for rules in case.context.other_rules):
        return  # the home was taken for the wrong one of two builds, and is in order
    for difference in found:
        yield Hit(
            summary=f"{capital(difference.in_short)} (in {case.name}).",
            confidence=Confidence.LIKELY if case.context.rules_guessed else Confidence.CERTAIN,
            turn_id=difference.turn_id,
            since=difference.event.at if difference.event else None,
            since_event_id=difference.event.event_id if difference.event else None,
            evidence=(
                Evidence(
                    kind=EvidenceKind.ROW,
                    source=difference.table,
                    key=difference.key,
                    excerpt=difference.sentence,
                ),
                *([stored_evidence(difference.event)] if difference.event else []),
            ),
        )


@detector(
    "reaped-while-working",
    Severity.HIGH,
    Group.DATA,
    "TL",
    makes=Verdict.DIVERGED,
    remedy=Remedy.NEW_MESSAGE,
    condition="The server reaped a provider session as idle while a task or tool of it was open.",
    explanation="The reaper looks at turns, not at background tasks: it ended work that was still going on.",
)
def reaped_while_working(case: Case) -> Iterator[Hit]:
    """A reap in the life of an open task."""
    for at, evidence in _reaps(case):
        open_then: list[str] = []
        for event, state in zip(case.replays.expected.events, case.replays.expected.states, strict=True):
            if event.at > at:
                break
            open_then = [f"task {short(task)}" for task in state.tasks] + [f"item {short(item)}" for item in state.items]
        if open_then:
            yield Hit(
                summary=f"The server reaped the session of {case.name} as idle at {iso(at)}, while {open_then[0]} was open.",
                remedy=Remedy.NONE if _asked_since(case, at) else None,
                since=at,
                evidence=(evidence,),
            )


def _asked_since(case: Case, at: Micros) -> bool:
    """Whether a person sent a message since: more is not to be done."""
    return any(event.type == TURN_START_REQUESTED and event.at > at for event in case.facts.stored)


def _reaps(case: Case) -> Iterator[tuple[int, Evidence]]:
    for span in case.context.home.spans:
        text = f"{span['name']} {span['events']}"
        if SESSION_REAPED in text and case.facts.thread_id in f"{span['thread_id']} {text} {span['attributes']}":
            at = span["ended_at"] or span["at"]
            if at is not None:
                yield at, _span_evidence(span)


def _span_evidence(span: dict[str, Any]) -> Evidence:
    return Evidence(
        kind=EvidenceKind.LOG,
        source=span["path"],
        line=span["line"],
        offset=span["offset"],
        at=span["at"],
        excerpt=str(span["name"]),
    )


@detector(
    "reaper-disabled",
    Severity.MEDIUM,
    Group.DATA,
    "TB",
    needs="",
    home_wide=True,
    remedy=Remedy.INVESTIGATE,
    condition="The reaper of idle provider sessions failed, or a binding has a status it does not know.",
    explanation="Idle provider processes are no longer ended; they add up until the machine is out of memory.",
)
def reaper_disabled(home: HomeCase) -> Iterator[Hit]:
    """Failing sweeps, unknown binding states."""
    failed = [span for span in home.context.home.spans if REAPER_SWEEP_FAILED in f"{span['name']} {span['events']}"]
    if failed:
        yield Hit(
            summary=f"The reaper of provider sessions failed {counted(len(failed), 'time')}, last {iso(failed[-1]['at'])}.",
            since=failed[0]["at"],
            evidence=tuple(_span_evidence(span) for span in failed[-3:]),
        )
    for thread_id, case in home.cases.items():
        binding = case.facts.binding
        if binding is not None and binding.status not in BINDING_STATUSES:
            yield Hit(
                thread_id=thread_id,
                summary=f"An unknown status stands in the runtime binding of {case.name}: {binding.status or 'nothing'}.",
                since=binding.last_seen_at,
                evidence=(case.binding_row(),),
            )
