"""Interrupts and stops that a person asked for and that had no effect."""

from __future__ import annotations

from collections.abc import Iterator

from t3lens.diagnose.case import Case
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.evidence import absence, stored_evidence
from t3lens.domain.event import Event
from t3lens.domain.finding import Remedy, Severity, Verdict
from t3lens.domain.state import LIVE, SessionStatus
from t3lens.t3code.v1.event_types import (
    INTERRUPT_FAILED,
    SESSION_STOP_FAILED,
    SESSION_STOP_REQUESTED,
    TURN_INTERRUPT_REQUESTED,
    TURN_STARTED,
)
from t3lens.t3code.v1.schema import (
    ORCHESTRATION_EVENTS,
)
from t3lens.time import iso

__all__ = ["interrupt_without_effect", "stop_without_effect"]


def _overdue_requests(case: Case, kind: str) -> list[Event]:
    """The thread's requests of a kind that should have had their effect by now; asking again starts no new wait."""
    return [e for e in case.facts.stored if e.type == kind and case.context.older(e.at, "settle")]


def _failed(case: Case, kind: str, request: Event) -> bool:
    return any(f.kind == kind and f.sequence > (request.sequence or 0) for f in case.facts.failures)


@detector(
    "interrupt-without-effect",
    Severity.HIGH,
    Group.SPLIT,
    "E",
    makes=Verdict.STUCK,
    remedy=Remedy.RESTART_SERVER,
    thresholds=("settle",),
    condition="An interrupt was asked for, and the session neither left `running` nor reported a failure in time.",
    explanation=(
        "The server answered 200, which means stored and not done. The provider never ended the turn, and the "
        "server never said that it failed to. Do not repeat the interrupt; one that never returns blocks the "
        "command queue of all threads."
    ),
)
def interrupt_without_effect(case: Case) -> Iterator[Hit]:
    """Interrupt asked, nothing came of it."""
    if not case.live:
        return
    for request in _overdue_requests(case, TURN_INTERRUPT_REQUESTED):
        sequence = request.sequence or 0
        before = case.session_before(sequence)
        active = before.get("activeTurnId")
        if before.get("status") not in LIVE or any(
            s.get("status") not in LIVE or s.get("activeTurnId") != active for s in case.sessions_after(sequence)
        ):
            continue
        if _failed(case, INTERRUPT_FAILED, request):
            continue
        turn_id = request.turn_id
        aimless = "" if turn_id else " It named no turn, so on most builds it cannot have had an effect."
        yield Hit(
            summary=f"An interrupt asked for at {iso(request.at)} had no effect on {case.name}.{aimless}",
            turn_id=turn_id or (str(active) if active else None),
            remedy=Remedy.STOP if case.context.began_after(request.at) else None,
            since=request.at,
            since_event_id=request.event_id,
            evidence=(
                stored_evidence(request),
                case.session_row(),
                absence(
                    ORCHESTRATION_EVENTS,
                    f"no session that left running, and no failure, after sequence {sequence}",
                ),
            ),
        )
        return


@detector(
    "stop-without-effect",
    Severity.HIGH,
    Group.SPLIT,
    "EPB",
    needs="EP",
    makes=Verdict.STUCK,
    remedy=Remedy.RESTART_SERVER,
    thresholds=("settle",),
    condition="A stop was asked for, and the session neither became `stopped` nor reported a failure in time.",
    explanation=(
        "The server answered 200, which means stored and not done. Either its command queue is blocked (restart "
        "the server, then stop again: queued commands are not replayed), or it could not reach this thread."
    ),
)
def stop_without_effect(case: Case) -> Iterator[Hit]:
    """Stop asked, nothing came of it."""
    session = case.facts.session
    if session is None:
        return
    for request in _overdue_requests(case, SESSION_STOP_REQUESTED):
        sequence = request.sequence or 0
        if case.over_before(sequence) or _turn_since(case, sequence):
            continue
        if _failed(case, SESSION_STOP_FAILED, request):
            continue
        if any(s.get("status") in (SessionStatus.STOPPED, SessionStatus.ERROR) for s in case.sessions_after(sequence)):
            continue
        yield Hit(
            summary=f"A stop asked for at {iso(request.at)} had no effect on {case.name}.{_why_no_stop(case)}",
            remedy=_stops_it(case, request),
            turn_id=session.active_turn_id,
            since=request.at,
            since_event_id=request.event_id,
            evidence=(
                stored_evidence(request),
                case.session_row(),
                absence(
                    ORCHESTRATION_EVENTS,
                    f"no stopped session, and no failure, after sequence {sequence}",
                ),
            ),
        )
        return


def _why_no_stop(case: Case) -> str:
    """What is known to keep a stop from having an effect, as a sentence after a blank."""
    row = case.facts.row
    if row is not None and row.deleted_at is not None:
        return " The thread is deleted: the server cannot reach it."
    if row is not None and row.archived_at is not None:
        return " The thread is archived: unarchive it, stop it, archive it again."
    if case.unbound:
        return " It has no runtime binding: this build then does nothing, silently."
    return ""


def _stops_it(case: Case, request: Event) -> Remedy | None:
    """What has the effect that the stop had not, if it is no restart of the server."""
    row = case.facts.row
    if row is not None and row.deleted_at is not None:
        return Remedy.OFFLINE_REPAIR
    if case.unbound:
        return Remedy.OFFLINE_REPAIR if case.context.build.traits.stop_needs_binding else Remedy.STOP
    archived = row is not None and row.archived_at is not None
    return Remedy.STOP if archived or case.context.began_after(request.at) else None


def _turn_since(case: Case, sequence: int) -> bool:
    """Whether a turn began after ``sequence``: whatever was asked before is water under the bridge."""
    before = case.session_before(sequence).get("activeTurnId")
    if any(s.get("activeTurnId") not in (None, before) for s in case.sessions_after(sequence)):
        return True
    return any(
        event.type == TURN_STARTED and (event.sequence or 0) > sequence and step.applied
        for event, step in zip(case.replays.shipped.events, case.replays.shipped.transitions, strict=True)
    )
