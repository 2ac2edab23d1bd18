"""What the server and people do to a thread: sessions that T3 Code itself wrote (W), requests, checkpoints, and
what rules R11 and R12 are asked. Each function takes a state in which the event is tracked already.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from t3lens.domain.event import RECONCILE, STOP_RESULT, Event, turn_named
from t3lens.domain.layered_mapping import put
from t3lens.domain.state import LIVE, PendingStart, SessionStatus, Settled, ThreadState
from t3lens.t3code.v1.event_types import (
    SESSION_SET,
    SESSION_STOP_REQUESTED,
    TURN_DIFF_COMPLETED,
    TURN_INTERRUPT_REQUESTED,
    TURN_START_REQUESTED,
)
from t3lens.t3code.v1.lifecycle.provider_rules import RUNTIME_STATES
from t3lens.t3code.v1.lifecycle.settling import (
    STATUSES,
    outcome_by_checkpoint,
    outcome_by_interrupt,
)
from t3lens.t3code.v1.lifecycle.steps import (
    Rule,
    Untold,
    applied,
    cleared,
    ignored,
    runs,
    set_session,
    write,
)
from t3lens.t3code.v1.rules import STARTUP_RECONCILE_ERROR, Rules
from t3lens.time import written_time

__all__ = ["SERVER_RULES"]

_STOPPED: Final = SessionStatus.STOPPED


def _session_written(state: ThreadState, event: Event, rules: Rules) -> Untold:
    """W: a reactor, a client or the startup reconcile (R11) wrote the session."""
    session: Any = event.value("session")
    fields = session if isinstance(session, dict) else {}
    status = STATUSES.get(str(fields.get("status")))
    if status is None:
        return ignored(
            state,
            event,
            "W",
            f"a session with unknown status {fields.get('status')!r} was written: ignored",
        )
    active = _string(fields.get("activeTurnId"))
    error = _string(fields.get("lastError"))
    updated_at = written_time(fields.get("updatedAt"), event.at)
    after = set_session(state, event, rules, status, active, error, updated_at)
    if error == STARTUP_RECONCILE_ERROR:
        return applied(
            state,
            after,
            event,
            "R11",
            "the server started and found no provider session: it ended this one",
        )
    return applied(
        state,
        after,
        event,
        "W",
        f"T3 Code itself set the session {status}{f' with turn {active}' if active else ''}",
    )


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _reconcile(state: ThreadState, event: Event, rules: Rules) -> Untold:
    """R11: payload ``live`` true/false, or null when the listing failed; ``status`` and ``activeTurnId`` if live."""
    live = event.value("live")
    if not rules.reconciles_at_start:
        return ignored(state, event, "R11", f"{rules.name} reconciles nothing")
    if live is not True and live is not False:
        return ignored(
            state,
            event,
            "R11",
            "which provider sessions are live could not be told: nothing changes",
        )
    if live:
        status = RUNTIME_STATES.get(str(event.value("status")))
        if status is None:
            return ignored(state, event, "R11", "the live session's status is unknown: nothing changes")
        active = _string(event.value("activeTurnId")) if status in LIVE else None
        after = set_session(state, event, rules, status, active, cleared(status, state))
        return applied(
            state,
            after,
            event,
            "R11",
            f"the provider session is live and {status}: the session mirrors it",
        )
    if state.status not in LIVE and state.active_turn_id is None:
        return ignored(state, event, "R11", "no provider session is live and none is expected: nothing to do")
    message = event.text("reason") or STARTUP_RECONCILE_ERROR
    after = set_session(state, event, rules, _STOPPED, None, message)
    return applied(state, after, event, "R11", "the provider session is not live: the session is stopped")


def _stop_result(state: ThreadState, event: Event, rules: Rules) -> Untold:
    """R12: payload ``outcome`` ``stopped``, ``gone`` or ``failed``, and ``detail``."""
    outcome = event.text("outcome")
    if outcome in ("stopped", "gone"):
        after = set_session(state, event, rules, _STOPPED, None, state.last_error)
        why = "the stop succeeded" if outcome == "stopped" else "the provider session was already gone"
        return applied(state, after, event, "R12", f"{why}: the session is stopped")
    if not rules.failed_stop_recorded or state.session is None:
        return ignored(state, event, "R12", f"the stop failed; {rules.name} records nothing of it")
    detail = event.text("detail") or "The provider session could not be stopped"
    after = replace(state, session=replace(state.session, last_error=detail))
    return applied(
        state,
        after,
        event,
        "R12",
        f"the stop failed ({detail}): the session is kept exactly as it is",
    )


def _turn_start_requested(state: ThreadState, event: Event, rules: Rules) -> Untold:
    pending = PendingStart(event.text("messageId"), event.at, event.event_id, state.active_turn_id)
    after = replace(state, pending=pending)
    return applied(
        state,
        after,
        event,
        "R14",
        f"{f'message {pending.message_id}' if pending.message_id else 'a message'} asks for a turn: a start is pending",
    )


def _turn_interrupt_requested(state: ThreadState, event: Event, rules: Rules) -> Untold:
    turn_id = event.turn_id or event.text("turnId")
    noted = _with_interrupt(state, turn_id or state.active_turn_id, event)
    outcome = outcome_by_interrupt(rules)
    if turn_id is not None and outcome is not None:
        after = write(noted, turn_id, outcome, event.at, Settled.REQUEST)
        return applied(
            state,
            after,
            event,
            "R14",
            f"an interrupt of {turn_named(turn_id)} was asked for and written at once",
        )
    asked = f"turn {turn_id}" if turn_id else "no turn in particular"
    return applied(
        state,
        noted,
        event,
        "R14",
        f"an interrupt of {asked} was asked for: the provider's answer decides",
    )


def _session_stop_requested(state: ThreadState, event: Event, rules: Rules) -> Untold:
    noted = state
    for turn_id in state.running:
        noted = _with_interrupt(noted, turn_id, event)
    return applied(state, noted, event, "R14", "a stop of the session was asked for: its result decides")


def _with_interrupt(state: ThreadState, turn_id: str | None, event: Event) -> ThreadState:
    turn = state.turns.get(turn_id) if turn_id else None
    if turn is None or turn.interrupt_requested_at is not None:
        return state
    return replace(state, turns=put(state.turns, turn.turn_id, replace(turn, interrupt_requested_at=event.at)))


def _turn_diff_completed(state: ThreadState, event: Event, rules: Rules) -> Untold:
    turn_id = event.turn_id or event.text("turnId")
    if turn_id is not None:
        status = event.text("status")
        outcome = outcome_by_checkpoint(status, rules, session_runs_it=runs(state, turn_id))
        if outcome is not None:
            after = write(state, turn_id, outcome, event.at, Settled.CHECKPOINT)
            return applied(
                state,
                after,
                event,
                "R14",
                f"the checkpoint of {turn_named(turn_id)} was taken: {rules.name} writes it {outcome}",
            )
    return ignored(state, event, "R14", f"the checkpoint of {turn_named(turn_id)} was taken: no lifecycle change")


SERVER_RULES: Final[dict[str, Rule]] = {
    SESSION_SET: _session_written,
    RECONCILE: _reconcile,
    STOP_RESULT: _stop_result,
    TURN_START_REQUESTED: _turn_start_requested,
    TURN_INTERRUPT_REQUESTED: _turn_interrupt_requested,
    SESSION_STOP_REQUESTED: _session_stop_requested,
    TURN_DIFF_COMPLETED: _turn_diff_completed,
}
"""The rule of each stored event type that has one, and of the questions that t3lens asks."""
