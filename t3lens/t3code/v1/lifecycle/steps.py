"""What the lifecycle rules are made of: writing the session, settling a turn, and the transition that tells it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from t3lens.domain.event import Event, turn_named
from t3lens.domain.layered_mapping import put
from t3lens.domain.state import (
    ProviderSession,
    SessionStatus,
    Settled,
    ThreadState,
    Transition,
    Turn,
    TurnState,
)
from t3lens.t3code.v1.event_types import TURN_STARTED
from t3lens.t3code.v1.lifecycle.settling import (
    outcome_by_session,
    outcome_superseded,
    session_drops_pending,
    state_when_run,
)
from t3lens.t3code.v1.rules import Rules

__all__ = [
    "Rule",
    "Step",
    "Untold",
    "activity",
    "applied",
    "cleared",
    "ignored",
    "runs",
    "set_session",
    "settle",
    "write",
]

Step = tuple[ThreadState, Transition]
"""A state after an event, and the transition that led there."""

Untold = tuple[ThreadState, Callable[[], Transition]]
"""A state after an event, and what tells the transition: a replay that nobody follows step by step asks for none."""

Rule = Callable[[ThreadState, Event, Rules], Untold]
"""What one event type does: a state in which the event is tracked already, the event, the profile."""


def _note(before: ThreadState, after: ThreadState, event: Event, rule: str, why: str) -> Transition:
    settled = (
        ()
        if after.running == before.running
        else tuple(turn_id for turn_id in before.running if turn_id not in after.running)
    )
    old, new = before.session, after.session
    return Transition(
        event.event_id,
        event.type,
        event.at,
        rule,
        True,
        why,
        event.turn_id,
        old.status if old else None,
        new.status if new else None,
        old.active_turn_id if old else None,
        new.active_turn_id if new else None,
        settled,
        event.sequence,
    )


def _passed_over(state: ThreadState, event: Event, rule: str, why: str) -> Transition:
    session, turn_id = state.session, event.turn_id
    if session is None:
        status = active = None
    else:
        status, active = session.status, session.active_turn_id
    return Transition(
        event.event_id,
        event.type,
        event.at,
        rule,
        False,
        why,
        turn_id,
        status,
        status,
        active,
        active,
        (),
        event.sequence,
    )


def ignored(state: ThreadState, event: Event, rule: str, why: str) -> Untold:
    """``event`` noted in ``state`` (as activity) and nothing else changed by it."""
    return state, partial(_passed_over, state, event, rule, why)


def applied(before: ThreadState, after: ThreadState, event: Event, rule: str, why: str) -> Untold:
    """``event`` changed ``before`` to ``after``, or confirmed it."""
    return after, partial(_note, before, after, event, rule, why)


def activity(state: ThreadState, event: Event, rules: Rules) -> Untold:
    """R14: ``event`` is a sign of life and no more."""
    turn_id = event.turn_id
    if turn_id:
        why = f"{event.type} is activity of {turn_named(turn_id)}: no lifecycle change"
    else:
        why = f"{event.type} changes nothing in the lifecycle"
    return ignored(state, event, "R14", why)


def settle(
    state: ThreadState,
    turn_id: str | None,
    outcome: TurnState,
    at: int,
    how: Settled,
    error: str | None = None,
) -> ThreadState:
    """``state`` with the running turn ``turn_id`` settled; unchanged if it does not run."""
    if turn_id is None or turn_id not in state.running:
        return state
    turn = state.turns[turn_id]
    turn = replace(
        turn,
        state=outcome,
        completed_at=at,
        settled=how,
        error=error if error is not None else turn.error,
        last_activity_at=state.activity.get(turn_id),
    )
    return replace(
        state,
        turns=put(state.turns, turn_id, turn),
        running=tuple(other for other in state.running if other != turn_id),
        activity={other: seen for other, seen in state.activity.items() if other != turn_id},
        items={key: item for key, item in state.items.items() if item.turn_id != turn_id} if state.items else state.items,
    )


def write(state: ThreadState, turn_id: str, outcome: TurnState, at: int, how: Settled) -> ThreadState:
    """``state`` with the turn's outcome written over whatever it was, as released servers do."""
    if turn_id in state.running:
        return settle(state, turn_id, outcome, at, how)
    turn = state.turns.get(turn_id)
    if turn is None:
        turn = Turn(turn_id, len(state.turns), outcome, completed_at=at)
    turn = replace(turn, state=outcome, settled=how)
    return replace(state, turns=put(state.turns, turn_id, turn))


def _run(state: ThreadState, turn_id: str, event: Event, rules: Rules, *, own_start: bool) -> ThreadState:
    """``state`` with the session set to run ``turn_id``, which takes up the start that waits."""
    old, pending = state.turns.get(turn_id), state.pending
    now = state_when_run(old.state if old else None, rules, own_start=own_start)
    if old is not None and old.state is now and pending is None:
        return state
    turn = old or Turn(turn_id, len(state.turns), now)
    if pending is not None:
        turn = replace(
            turn,
            requested_at=turn.requested_at or pending.requested_at,
            message_id=turn.message_id or pending.message_id,
        )
    activity, running = state.activity, state.running
    if now is TurnState.RUNNING and turn_id not in running:
        turn = replace(
            turn,
            state=now,
            started_at=turn.started_at or event.at,
            completed_at=None,
            settled=None,
            error=None,
        )
        running = (*running, turn_id)
        activity = {**activity, turn_id: event.at}
    return replace(
        state,
        turns=put(state.turns, turn_id, turn),
        running=running,
        activity=activity,
        pending=None,
    )


def _supersede(state: ThreadState, turn_id: str, at: int, rules: Rules) -> ThreadState:
    """``state`` with every running turn but ``turn_id`` settled, because the session runs that one now."""
    outcome = outcome_superseded(rules)
    if outcome is not None:
        for other in state.running:
            if other != turn_id:
                state = settle(state, other, outcome, at, Settled.SUPERSEDED)
    return state


def set_session(
    state: ThreadState,
    event: Event,
    rules: Rules,
    status: SessionStatus,
    active: str | None,
    error: str | None,
    updated_at: int | None = None,
) -> ThreadState:
    """Write the session (R13 for its error) and let the rest follow: R10 and the pending start."""
    at = event.at if updated_at is None else updated_at
    old = state.session
    session = ProviderSession(
        status,
        active,
        error,
        event.provider or (old.provider if old else None),
        event.provider_instance_id or (old.provider_instance_id if old else None),
        at,
    )
    state = replace(state, session=session)
    if status is SessionStatus.RUNNING and active is not None:
        state = _supersede(state, active, at, rules)
        own = event.type == TURN_STARTED and event.turn_id == active
        state = _run(state, active, event, rules, own_start=own)
    elif state.running and (outcome := outcome_by_session(status, rules)) is not None:
        why = error if status is SessionStatus.ERROR else None
        for turn_id in state.running:
            state = settle(state, turn_id, outcome, at, Settled.SESSION, why)
    if state.pending is not None and session_drops_pending(status, rules):
        state = replace(state, pending=None)
    return state


def cleared(status: SessionStatus, state: ThreadState) -> str | None:
    """R13: the last error, cleared when the session becomes ready."""
    return None if status is SessionStatus.READY else state.last_error


def runs(state: ThreadState, turn_id: str) -> bool:
    """Whether the session is ``running`` with this turn active."""
    session = state.session
    return session is not None and session.status is SessionStatus.RUNNING and session.active_turn_id == turn_id
