"""What provider events do to a thread: rules R1 to R9, and the end of an assistant message.

Each function takes a state in which the event is tracked already; see ``reducer`` for the list of rules.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from t3lens.domain.event import Event, turn_named
from t3lens.domain.layered_mapping import put
from t3lens.domain.state import SessionStatus, Settled, ThreadState, TurnState
from t3lens.t3code.v1.event_types import (
    ITEM_COMPLETED,
    RUNTIME_ERROR,
    SESSION_EXITED,
    SESSION_STARTED,
    SESSION_STATE_CHANGED,
    THREAD_STARTED,
    TURN_ABORTED,
    TURN_COMPLETED,
    TURN_STARTED,
)
from t3lens.t3code.v1.lifecycle.settling import STATUSES, outcome_by_message_end
from t3lens.t3code.v1.lifecycle.steps import (
    Rule,
    Untold,
    activity,
    applied,
    cleared,
    ignored,
    runs,
    set_session,
    settle,
    write,
)
from t3lens.t3code.v1.rules import Rules, Steering

__all__ = ["PROVIDER_RULES", "RUNTIME_STATES"]

_READY: Final = SessionStatus.READY
_ERROR: Final = SessionStatus.ERROR
_STARTING: Final = SessionStatus.STARTING
_RUNNING: Final = SessionStatus.RUNNING
_STOPPED: Final = SessionStatus.STOPPED

_INACTIVE: Final = frozenset({_READY, SessionStatus.INTERRUPTED, _STOPPED, _ERROR})

RUNTIME_STATES: Final = {**STATUSES, "waiting": _RUNNING}
"""``session.state.changed`` states; ``waiting`` (for a person) is a running session."""

_OUTCOMES: Final = {
    "failed": TurnState.ERROR,
    "interrupted": TurnState.INTERRUPTED,
    "cancelled": TurnState.INTERRUPTED,
}
"""``turn.completed`` states other than success; an unknown or absent one counts as completed (R2)."""


def _turn_started(state: ThreadState, event: Event, rules: Rules) -> Untold:
    """R1: a turn begins."""
    turn_id, active = event.turn_id, state.active_turn_id
    if turn_id is None:
        after = set_session(state, event, rules, _RUNNING, None, state.last_error)
        return applied(
            state,
            after,
            event,
            "R1",
            "a turn without an id started: the session runs, no turn is active",
        )
    if active is not None and active != turn_id:
        if rules.steering is Steering.NEVER:
            return ignored(
                state,
                event,
                "R1",
                f"turn {turn_id} started while turn {active} is active: ignored, these rules know no steering",
            )
        if state.pending is None:
            return ignored(
                state,
                event,
                "R1",
                f"turn {turn_id} started while turn {active} is active and no start is pending: ignored",
            )
        after = set_session(state, event, rules, _RUNNING, turn_id, state.last_error)
        return applied(
            state,
            after,
            event,
            "R1",
            f"turn {turn_id} replaces turn {active}, which a new message steered away from",
        )
    after = set_session(state, event, rules, _RUNNING, turn_id, state.last_error)
    return applied(state, after, event, "R1", f"{turn_named(turn_id)} started: the session runs it")


def _turn_completed(state: ThreadState, event: Event, rules: Rules) -> Untold:
    """R2, R4, R5: a turn ends as it says."""
    said = event.text("state")
    outcome = _OUTCOMES.get(said or "", TurnState.COMPLETED)
    message = event.text("errorMessage")
    return _terminal(state, event, rules, outcome, said or "completed", message)


def _turn_aborted(state: ThreadState, event: Event, rules: Rules) -> Untold:
    """R3, R4, R5: a turn is aborted."""
    if not rules.aborted_settles:
        noted = _with_terminal(state, event, TurnState.INTERRUPTED)
        return ignored(
            noted,
            event,
            "R3",
            f"turn.aborted of {turn_named(event.turn_id)} has no lifecycle effect under {rules.name}",
        )
    return _terminal(state, event, rules, TurnState.INTERRUPTED, "aborted", event.text("reason"))


def _with_terminal(state: ThreadState, event: Event, outcome: TurnState) -> ThreadState:
    """``state`` with the turn's own terminal event noted, whether or not it is accepted; the first one counts."""
    turn_id = event.turn_id or (state.active_turn_id if len(state.running) == 1 else None)
    turn = state.turns.get(turn_id) if turn_id else None
    if turn is None or turn.terminal is not None:
        return state
    turn = replace(turn, terminal=outcome, terminal_event_id=event.event_id, terminal_at=event.at)
    return replace(state, turns=put(state.turns, turn.turn_id, turn))


def _terminal(
    before: ThreadState,
    event: Event,
    rules: Rules,
    outcome: TurnState,
    said: str,
    message: str | None,
) -> Untold:
    """The turn ended, says the provider: R2 and R3 for the active turn, R4 for another, R5 when none is active."""
    turn_id, active = event.turn_id, before.active_turn_id
    own = "R3" if event.type == TURN_ABORTED else "R2"
    if active is not None and turn_id != active:
        state = _with_terminal(before, event, outcome) if turn_id else before
        if turn_id and turn_id in state.running and rules.terminal_outcome_is_own:
            after = settle(state, turn_id, outcome, event.at, Settled.OWN_TERMINAL, message)
            return applied(
                before,
                after,
                event,
                "R4",
                f"turn {turn_id} ended ({said}) while turn {active} is active: it is settled, the session goes on",
            )
        named = f"turn {turn_id}" if turn_id else "no turn"
        return ignored(
            state,
            event,
            "R4",
            f"a terminal of {named} ({said}) does not end the session, whose active turn is {active}",
        )
    if active is None and turn_id is None and rules.idle_terminal_needs_turn:
        return ignored(
            before,
            event,
            "R5",
            f"a terminal ({said}) without a turn id while no turn is active is ignored under {rules.name}",
        )
    state = _with_terminal(before, event, outcome)
    status = _ERROR if outcome is TurnState.ERROR else _READY
    error = (message or before.last_error or "Turn failed") if status is _ERROR else None
    if rules.terminal_outcome_is_own and turn_id is not None:
        state = settle(state, turn_id, outcome, event.at, Settled.OWN_TERMINAL, error or message)
    after = set_session(state, event, rules, status, None, error)
    if active is None:
        named = f"turn {turn_id}" if turn_id else "a turn without an id"
        return applied(
            before,
            after,
            event,
            "R5",
            f"{named} ended ({said}) while no turn is active: the session becomes {status}",
        )
    return applied(before, after, event, own, f"{turn_named(turn_id)} ended ({said}): the session becomes {status}")


def _session_state_changed(state: ThreadState, event: Event, rules: Rules) -> Untold:
    """R6: the provider says how its session is."""
    said = event.text("state")
    status = RUNTIME_STATES.get(said or "")
    if status is None:
        return ignored(state, event, "R6", f"the session state {said!r} is unknown: ignored")
    error = cleared(status, state)
    if status is _ERROR:
        error = event.text("reason") or state.last_error or "Provider session error"
    active = state.active_turn_id
    if status in _INACTIVE and rules.inactive_state_clears_active:
        active = None
    if status is _READY and _held_starting(state, rules):
        after = set_session(state, event, rules, _STARTING, active, state.last_error)
        return applied(
            state,
            after,
            event,
            "R6",
            "the provider is ready but a start is pending: the session stays starting",
        )
    after = set_session(state, event, rules, status, active, error)
    return applied(state, after, event, "R6", f"the provider's session is {said}: the session becomes {status}")


def _held_starting(state: ThreadState, rules: Rules) -> bool:
    return rules.pending_start_holds_starting and state.status is _STARTING and state.pending is not None


def _provider_started(state: ThreadState, event: Event, rules: Rules) -> Untold:
    """R7."""
    active = state.active_turn_id
    what = "provider session" if event.type == SESSION_STARTED else "provider thread"
    if active is not None:
        after = set_session(state, event, rules, _RUNNING, active, state.last_error)
        return applied(
            state,
            after,
            event,
            "R7",
            f"the {what} started while turn {active} is active: the session runs",
        )
    if _held_starting(state, rules):
        after = set_session(state, event, rules, _STARTING, None, state.last_error)
        return applied(
            state,
            after,
            event,
            "R7",
            f"the {what} started but a start is pending: the session stays starting",
        )
    after = set_session(state, event, rules, _READY, None, None)
    return applied(state, after, event, "R7", f"the {what} started and no turn is active: the session is ready")


def _session_exited(state: ThreadState, event: Event, rules: Rules) -> Untold:
    """R8."""
    after = set_session(state, event, rules, _STOPPED, None, state.last_error)
    return applied(state, after, event, "R8", "the provider's session exited: the session is stopped")


def _runtime_error(state: ThreadState, event: Event, rules: Rules) -> Untold:
    """R9."""
    active, turn_id = state.active_turn_id, event.turn_id
    if active is not None and turn_id is not None and turn_id != active:
        return ignored(
            state,
            event,
            "R9",
            f"an error of {turn_named(turn_id)} does not concern the active turn {active}",
        )
    message = event.text("message") or "Provider runtime error"
    after = set_session(state, event, rules, _ERROR, turn_id, message)
    return applied(
        state,
        after,
        event,
        "R9",
        f"the provider reported an error{f' in turn {turn_id}' if turn_id else ''}: the session fails",
    )


def _item_completed(state: ThreadState, event: Event, rules: Rules) -> Untold:
    turn_id = event.turn_id
    if turn_id is not None and event.value("itemType") == "assistant_message":
        turn = state.turns.get(turn_id)
        old = turn.state if turn else None
        outcome = outcome_by_message_end(old, rules, session_runs_it=runs(state, turn_id))
        if outcome is not None and outcome is not old:
            after = write(state, turn_id, outcome, event.at, Settled.MESSAGE_END)
            return applied(
                state,
                after,
                event,
                "R14",
                f"an assistant message ended: {rules.name} writes {turn_named(turn_id)} as {outcome}",
            )
    return activity(state, event, rules)


PROVIDER_RULES: Final[dict[str, Rule]] = {
    TURN_STARTED: _turn_started,
    TURN_COMPLETED: _turn_completed,
    TURN_ABORTED: _turn_aborted,
    SESSION_STATE_CHANGED: _session_state_changed,
    SESSION_STARTED: _provider_started,
    THREAD_STARTED: _provider_started,
    SESSION_EXITED: _session_exited,
    RUNTIME_ERROR: _runtime_error,
    ITEM_COMPLETED: _item_completed,
}
"""The rule of each canonical event type that has one."""
