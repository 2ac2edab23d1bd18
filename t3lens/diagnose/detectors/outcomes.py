"""Turns whose stored outcome is not what became of them: contradicted, never ended, lost, or ended on purpose."""

from __future__ import annotations

from collections.abc import Iterator

from t3lens.diagnose.case import Case, absence, session_of, stored_evidence
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.domain.event import Event
from t3lens.domain.finding import Confidence, Evidence, Remedy, Severity, Verdict
from t3lens.domain.state import LIVE, Turn, TurnState
from t3lens.t3code.native.words import ENDED_ON_PURPOSE
from t3lens.t3code.v1.event_types import TURN_COMPLETED, TURN_START_REQUESTED, TURN_STARTED
from t3lens.t3code.v1.rules import STARTUP_RECONCILE_ERROR

__all__ = [
    "interrupt_misrecorded",
    "interrupted_on_purpose",
    "lost_at_restart",
    "turn_outcome_differs",
]


@detector(
    "turn-outcome-differs",
    Severity.MEDIUM,
    Group.MISMATCH,
    "LEP",
    makes=Verdict.DIVERGED,
    thresholds=("settle",),
    condition="A turn stored as over contradicts its own end, or says completed though it never had one.",
    explanation=(
        "The turn's outcome as stored is not what the provider said of it. Nothing blocks, but people and reports "
        "that count on it are told something untrue."
    ),
)
def turn_outcome_differs(case: Case) -> Iterator[Hit]:
    """Stored outcome ≠ the turn's own terminal event."""
    for row in case.facts.turns:
        turn = case.expected.turns.get(row.turn_id or "")
        if turn is None or row.state in (TurnState.RUNNING, TurnState.PENDING):
            continue
        if case.live and case.session is not None and case.session.active_turn_id == row.turn_id:
            continue
        if (
            case.context.first_rules.message_end_settles
            and row.checkpoint_status is None
            and not case.context.older(turn.last_activity_at, "settle")
        ):
            continue  # the checkpoint writes the outcome of such a build a moment later
        if turn.terminal is None:
            yield from _never_ended(case, turn, row.state, case.turn_row(row))
        elif turn.terminal != row.state:
            if row.state == TurnState.INTERRUPTED and interrupted_on_purpose(turn):
                continue  # the provider calls the person's interrupt a failure; the row tells what happened
            event = _event(case, turn.terminal_event_id)
            yield Hit(
                summary=(
                    f"turn {row.turn_id} of {case.name} is stored as {row.state}, but its own end says {turn.terminal}."
                ),
                turn_id=row.turn_id,
                since=turn.terminal_at,
                since_event_id=turn.terminal_event_id,
                evidence=(*([case.event(event)] if event else []), case.turn_row(row)),
            )


def _never_ended(case: Case, turn: Turn, stored: str, row: Evidence) -> Iterator[Hit]:
    if stored != TurnState.COMPLETED:
        return
    started = next(
        (e for e in case.facts.canonical if e.type == TURN_STARTED and e.turn_id == turn.turn_id),
        None,
    )
    if started is None or any(
        event.at >= started.at and session_of(event).get("status") not in LIVE for event in case.lost_lines
    ):
        return  # its end may be among the lines the log lost
    how = f" ({turn.settled})" if turn.settled else ""
    yield Hit(
        summary=f"turn {turn.turn_id} of {case.name} is stored as completed, but the provider never ended it{how}.",
        confidence=Confidence.CERTAIN if case.log_complete else Confidence.LIKELY,
        turn_id=turn.turn_id,
        since=turn.completed_at,
        evidence=(
            row,
            case.event(started),
            absence("provider log", f"no {TURN_COMPLETED} of {turn.turn_id}"),
        ),
    )


def _event(case: Case, event_id: str | None) -> Event | None:
    return next((event for event in case.facts.canonical if event.event_id == event_id), None)


@detector(
    "lost-at-restart",
    Severity.INFO,
    Group.MISMATCH,
    "EP",
    remedy=Remedy.NEW_MESSAGE,
    condition="The server ended this turn when it started, because its provider had not survived.",
    explanation=(
        "The message has no answer and the turn will not go on by itself; a new message continues the conversation."
    ),
)
def lost_at_restart(case: Case) -> Iterator[Hit]:
    """Ended by startup reconcile, and nothing asked since."""
    session = case.facts.session
    if session is None or session.last_error != STARTUP_RECONCILE_ERROR:
        return
    event = next((e for e in reversed(case.session_sets) if _last_error(e) == STARTUP_RECONCILE_ERROR), None)
    before = event.sequence or 0 if event else case.context.home.last_sequence
    asked = _unanswered_message(case, before)
    turn = case.facts.turns[-1] if case.facts.turns and asked is None else None
    message = turn.pending_message_id if turn else asked
    yield Hit(
        summary=(
            f"a restart of the server ended {f'turn {turn.turn_id}' if turn else 'the session'} of {case.name}; "
            f"message {message or 'unknown'} has no answer. Send a new message to continue."
        ),
        turn_id=turn.turn_id if turn else None,
        since=session.updated_at,
        since_event_id=event.event_id if event else None,
        evidence=(
            *([stored_evidence(event)] if event else []),
            *([case.turn_row(turn)] if turn else []),
        ),
    )


def _unanswered_message(case: Case, before: int) -> str | None:
    """The message whose turn had not begun when the restart came, if the newest one before it was such."""
    asked = [
        event.text("messageId")
        for event in case.facts.stored
        if event.type == TURN_START_REQUESTED and (event.sequence or 0) < before
    ]
    taken = {turn.pending_message_id for turn in case.facts.turns}
    return asked[-1] if asked and asked[-1] not in taken else None


def _last_error(event: Event) -> object:
    return session_of(event).get("lastError")


@detector(
    "interrupt-misrecorded",
    Severity.LOW,
    Group.MISMATCH,
    "LEP",
    needs="EP",
    condition="A person interrupted or stopped the turn, and it stands as an error.",
    explanation=(
        'The provider reported the person\'s interrupt as a failure ("Aborted"), and so it was stored. Nothing '
        "failed; the turn was ended on purpose."
    ),
)
def interrupt_misrecorded(case: Case) -> Iterator[Hit]:
    """Interrupted on purpose, stored as error."""
    for row in case.facts.turns:
        turn = case.expected.turns.get(row.turn_id or "")
        if row.state != TurnState.ERROR or turn is None or not interrupted_on_purpose(turn):
            continue
        event = _event(case, turn.terminal_event_id)
        yield Hit(
            summary=f"turn {row.turn_id} of {case.name} was interrupted or stopped by a person, but stands as error.",
            turn_id=row.turn_id,
            since=row.completed_at or turn.completed_at,
            since_event_id=turn.terminal_event_id,
            evidence=(case.turn_row(row), *([case.event(event)] if event else [])),
        )


def interrupted_on_purpose(turn: Turn) -> bool:
    """Whether a turn that ended in error did so because a person asked to interrupt or stop it."""
    asked = turn.interrupt_requested_at
    if asked is None:
        return False
    ended = turn.terminal_at or turn.completed_at
    if ended is not None and ended < asked:
        return False
    return bool(ENDED_ON_PURPOSE.search(turn.error or "")) and turn.error != STARTUP_RECONCILE_ERROR
