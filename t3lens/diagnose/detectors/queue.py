"""Home-wide stalls: the one command queue of all threads, and the ingestion of provider events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from t3lens.counted import counted
from t3lens.diagnose.case import Case
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.evidence import absence, stored_evidence
from t3lens.diagnose.home_case import HomeCase
from t3lens.domain.event import Event
from t3lens.domain.finding import Evidence, Remedy, Severity, Verdict
from t3lens.domain.state import LIVE
from t3lens.t3code.v1.event_types import (
    RUNTIME_ERROR,
    SESSION_EXITED,
    SESSION_STARTED,
    SESSION_STATE_CHANGED,
    SESSION_STOP_REQUESTED,
    THREAD_STARTED,
    TURN_COMPLETED,
    TURN_INTERRUPT_REQUESTED,
    TURN_START_REQUESTED,
    TURN_STARTED,
)
from t3lens.t3code.v1.schema import ORCHESTRATION_EVENTS
from t3lens.time import SECOND, Micros, iso

__all__ = ["command_queue_stalled", "ingestion_stalled"]

_COMMANDS: Final = {
    TURN_START_REQUESTED: "start",
    TURN_INTERRUPT_REQUESTED: "interrupt",
    SESSION_STOP_REQUESTED: "stop",
}


def _unanswered(case: Case) -> list[Event]:
    """The thread's requests that nothing in the store or in the binding answers; of no interest without a server."""
    if case.context.server.dead:
        return []
    binding = case.facts.binding
    handled = (binding.last_event_at or 0) if binding is not None else 0
    found: list[Event] = []
    for event in case.facts.stored:
        sequence = event.sequence or 0
        if event.type not in _COMMANDS:
            continue
        if any((later.sequence or 0) > sequence for later in case.session_sets):
            continue
        if any(failure.sequence > sequence for failure in case.facts.failures):
            continue
        if event.type == TURN_START_REQUESTED and (
            handled >= event.at or _spoke_after(case, event.at, case.session_before(sequence))
        ):
            continue
        if event.type == SESSION_STOP_REQUESTED and case.over_before(sequence):
            continue
        if event.type == TURN_INTERRUPT_REQUESTED and case.session_before(sequence).get("status") not in LIVE:
            continue
        found.append(event)
    return found


def _spoke_after(case: Case, at: Micros, before: dict[str, object]) -> bool:
    """A message that steers a running turn is answered by the provider alone: by a turn it starts."""
    return before.get("status") in LIVE and any(
        event.type == TURN_STARTED and event.at >= at for event in case.facts.canonical
    )


@detector(
    "command-queue-stalled",
    Severity.CRITICAL,
    Group.QUEUE,
    "ER",
    needs="E",
    makes=Verdict.STUCK,
    remedy=Remedy.RESTART_SERVER,
    thresholds=("settle",),
    home_wide=True,
    looks=(_unanswered,),
    condition=(
        "A stop, interrupt or start is unanswered beyond the settle time, a later one on another thread too, and "
        "the server's command reactor wrote nothing since."
    ),
    explanation=(
        "All threads share one command queue. A command that never returns (an interrupt of a provider that is "
        "dead or stopped, say) blocks it: whatever is asked after that answers 200 and never runs. Send no more "
        "commands; restart the server, then stop what is still stuck. Queued commands are not replayed."
    ),
)
def command_queue_stalled(home: HomeCase) -> Iterator[Hit]:
    """Unanswered requests on two threads, and a silent reactor."""
    context = home.context
    if context.server.dead:
        return
    waiting = [
        (request, case)
        for case in home.cases.values()
        for request in case.told(_unanswered)
        if (request.sequence or 0) > context.home.last_reactor_sequence
        and not context.began_after(request.at)
        and context.older(request.at, "settle")
    ]
    waiting.sort(key=lambda pair: pair[0].sequence or 0)
    if len({case.facts.thread_id for _, case in waiting}) < 2:
        return
    first, first_case = waiting[0]
    evidence = (
        *(stored_evidence(request) for request, _ in waiting[:10]),
        absence(
            ORCHESTRATION_EVENTS,
            f"no server command after sequence {context.home.last_reactor_sequence}",
        ),
    )
    summary = (
        f"The command queue of all threads is stalled since the {_COMMANDS[first.type]} of {first_case.name} at "
        f"{iso(first.at)}: {counted(len(waiting), 'request')} {'waits' if len(waiting) == 1 else 'wait'}."
    )
    yield Hit(summary=summary, since=first.at, since_event_id=first.event_id, evidence=evidence)
    told: set[str] = set()
    for request, case in waiting:
        thread_id = case.facts.thread_id
        if thread_id in told:
            continue
        told.add(thread_id)
        yield Hit(
            thread_id=thread_id,
            summary=(
                f"The server's stalled command queue holds the {_COMMANDS[request.type]} of {case.name}, asked for at "
                f"{iso(request.at)} (stalled since {iso(first.at)})."
            ),
            turn_id=request.turn_id,
            since=request.at,
            since_event_id=request.event_id,
            evidence=tuple(dict.fromkeys((stored_evidence(request), *evidence))),
        )


_STORED_TYPES: Final = frozenset(
    {
        TURN_STARTED,
        TURN_COMPLETED,
        SESSION_STARTED,
        SESSION_STATE_CHANGED,
        SESSION_EXITED,
        THREAD_STARTED,
    }
    | {RUNTIME_ERROR}
)
"""Canonical types that ingestion answers with a session, if the rules accept them."""

_SUSTAINED: Final = 2
"""Lines in a row that ingestion should have answered: one may be on its way."""


@dataclass(frozen=True, slots=True)
class _Unstored:
    """A logged event that has no answer in the store.

    Attributes:
        event: The logged event.
        evidence: Where it stands.
        applies: Whether the rules of the build would have stored it.
    """

    event: Event
    evidence: Evidence
    applies: bool


def _newest_answered(case: Case) -> Micros:
    """Time of the thread's newest logged event that ingestion answered."""
    return max((event.at for event in case.facts.canonical if event.event_id in case.facts.anchors), default=0)


def _unstored(case: Case) -> list[_Unstored]:
    """The thread's events without an answer since its last answered one; of no interest without a server."""
    server = case.context.server
    if server.dead:
        return []
    since = max(case.told(_newest_answered) + 1, server.started_at or 0)
    late = [event for event in case.facts.canonical if event.at >= since and event.event_id not in case.facts.anchors]
    if not any(event.type in _STORED_TYPES for event in late):
        return []
    shipped = case.replays.shipped
    applied = {step.event_id for step in shipped.transitions if step.applied and step.rule not in ("R14", "W")}
    return [_Unstored(event, case.event(event), event.event_id in applied) for event in late]


def _waiting(case: Case, since: Micros) -> list[_Unstored]:
    """Events logged since then that the rules of the build would have stored, and that are not stored."""
    late = [one for one in case.told(_unstored) if one.event.at >= since]
    if not any(one.event.type in _STORED_TYPES for one in late):
        return []
    return [one for one in late if one.applies]


@detector(
    "ingestion-stalled",
    Severity.CRITICAL,
    Group.QUEUE,
    "LRE",
    makes=Verdict.STUCK,
    remedy=Remedy.RESTART_SERVER,
    thresholds=("settle", "lag"),
    home_wide=True,
    looks=(_newest_answered, _unstored),
    condition="Lifecycle events keep being logged, and ingestion answers none of them, on any thread.",
    explanation=(
        "The server still writes provider events to its log, but nothing of them reaches the database any more, so "
        "every thread shows what was true before. Restart the server."
    ),
)
def ingestion_stalled(home: HomeCase) -> Iterator[Hit]:
    """Lifecycle lines that the rules of the build would have stored, unanswered for longer than the settle time."""
    context = home.context
    if context.server.dead:
        return
    started = context.server.started_at or 0
    newest_answered = max((case.told(_newest_answered) for case in home.cases.values()), default=0)
    waiting = [
        (line, case)
        for case in home.cases.values()
        if not case.stranger  # a database that was never told of the thread is a copy from before
        for line in _waiting(case, max(newest_answered + 1, started))
        if context.older(line.event.at, "lag")
    ]
    waiting.sort(key=lambda pair: pair[0].event.at)
    if len(waiting) < _SUSTAINED or context.age(waiting[0][0].event.at) < context.threshold("settle"):
        return
    if waiting[-1][0].event.at - waiting[0][0].event.at < SECOND and len({c.facts.thread_id for _, c in waiting}) < 2:
        return
    first, first_case = waiting[0][0].event, waiting[0][1]
    evidence = (
        *(line.evidence for line, _ in waiting[:10]),
        absence(
            ORCHESTRATION_EVENTS,
            f"no provider command for any event logged after {iso(newest_answered)}",
        ),
    )
    yield Hit(
        summary=(
            f"Ingestion is stalled since {iso(first.at)}: {counted(len(waiting), 'lifecycle event')} "
            f"never reached the database, the first of them {first.type} of {first_case.name}."
        ),
        since=first.at,
        since_event_id=first.event_id,
        evidence=evidence,
    )
    for thread_id in sorted({case.facts.thread_id for _, case in waiting}):
        line, case = next(pair for pair in waiting if pair[1].facts.thread_id == thread_id)
        event = line.event
        yield Hit(
            thread_id=thread_id,
            summary=f"The database never got {event.type} of {case.name}, logged at {iso(event.at)}, nor anything since.",
            turn_id=event.turn_id,
            since=event.at,
            since_event_id=event.event_id,
            evidence=tuple(dict.fromkeys((line.evidence, *evidence))),
        )
