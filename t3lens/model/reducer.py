"""The lifecycle reducer: ``reduce(state, event, rules) -> (state, Transition)``.

Pure: it reads no clock, no file and no database, and never raises on any JSON shape. Rule ids ``R1`` … ``R14``
are those of the lifecycle rules; ``W`` marks a session that T3 Code itself wrote (a reactor, a client or the
startup reconcile), which is an input here and not a consequence of provider events.

    R1  turn.started            R5  terminal, no active turn    R9   runtime.error
    R2  turn.completed          R6  session.state.changed       R10  session leaves running (part of others)
    R3  turn.aborted            R7  session/thread.started      R11  reconcile
    R4  terminal of another     R8  session.exited              R12  stop     R13 last_error     R14 the rest
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from msgspec.structs import replace

from t3lens.model.events import RECONCILE, SESSION_SET, STOP_RESULT, Event
from t3lens.model.rules import STARTUP_RECONCILE_ERROR, Rules, Steering
from t3lens.model.settling import (
    STATUSES,
    outcome_by_checkpoint,
    outcome_by_interrupt,
    outcome_by_message_end,
    outcome_by_session,
    outcome_superseded,
    session_drops_pending,
    state_when_run,
)
from t3lens.model.state import (
    EMPTY,
    LIVE,
    PendingStart,
    Session,
    SessionStatus,
    Settled,
    ThreadState,
    Transition,
    Turn,
    TurnState,
)
from t3lens.model.time import written_time
from t3lens.model.tracking import track

__all__ = ["reduce", "replay", "transitions"]

_READY: Final = SessionStatus.READY
_ERROR: Final = SessionStatus.ERROR
_STARTING: Final = SessionStatus.STARTING
_RUNNING: Final = SessionStatus.RUNNING
_STOPPED: Final = SessionStatus.STOPPED
_INTERRUPTED: Final = SessionStatus.INTERRUPTED

_INACTIVE: Final = frozenset({_READY, _INTERRUPTED, _STOPPED, _ERROR})
_RUNTIME_STATES: Final = {**STATUSES, "waiting": _RUNNING}
"""``session.state.changed`` states; ``waiting`` (for a person) is a running session."""

_OUTCOMES: Final = {
    "failed": TurnState.ERROR,
    "interrupted": TurnState.INTERRUPTED,
    "cancelled": TurnState.INTERRUPTED,
}
"""``turn.completed`` states other than success; an unknown or absent one counts as completed (R2)."""

_Step = tuple[ThreadState, Transition]
_Rule = Callable[[ThreadState, Event, Rules], _Step]


def reduce(state: ThreadState, event: Event, rules: Rules) -> _Step:
    """The state after ``event``, and the transition that tells which rule decided and why.

    Args:
        state: The thread before; ``EMPTY`` at first.
        event: What happened. Events of a thread come in the order of ``t3lens.model.interleave``.
        rules: The profile to judge by.

    Returns:
        The new state (the old one is untouched) and exactly one transition.
    """
    handler = _HANDLERS.get(event.type)
    if handler is not None:
        return handler(track(state, event), event, rules)
    return track(state, event), _note(state, state, event, "R14", False, _activity_sentence(event))


def transitions(
    events: Iterable[Event], rules: Rules, state: ThreadState = EMPTY
) -> Iterator[_Step]:
    """Replay: every state and transition in turn. An event id seen before changes nothing.

    Args:
        events: One thread's events in order.
        rules: The profile to judge by.
        state: Where to begin.

    Yields:
        The state after each event, with its transition.
    """
    seen: set[str] = set()
    for event in events:
        if event.event_id in seen:
            yield (
                state,
                _note(
                    state,
                    state,
                    event,
                    "R14",
                    False,
                    f"{event.type} {event.event_id} was seen before: nothing changes",
                ),
            )
            continue
        seen.add(event.event_id)
        state, transition = reduce(state, event, rules)
        yield state, transition


def replay(events: Iterable[Event], rules: Rules, state: ThreadState = EMPTY) -> ThreadState:
    """The state after all of ``events``; see ``transitions``."""
    for after, _ in transitions(events, rules, state):
        state = after
    return state


# --- what several rules share --------------------------------------------------------------------------------


def _note(
    before: ThreadState, after: ThreadState, event: Event, rule: str, applied: bool, why: str
) -> Transition:
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
        applied,
        why,
        event.turn_id,
        old.status if old else None,
        new.status if new else None,
        old.active_turn_id if old else None,
        new.active_turn_id if new else None,
        settled,
        event.sequence,
    )


def _ignored(state: ThreadState, event: Event, rule: str, why: str) -> _Step:
    return state, _note(state, state, event, rule, False, why)


def _applied(before: ThreadState, after: ThreadState, event: Event, rule: str, why: str) -> _Step:
    return after, _note(before, after, event, rule, True, why)


def _activity_sentence(event: Event) -> str:
    if event.turn_id:
        return f"{event.type} is activity of turn {event.turn_id}: no lifecycle change"
    return f"{event.type} changes nothing in the lifecycle"


def _settle(
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
        turns={**state.turns, turn_id: turn},
        running=tuple(other for other in state.running if other != turn_id),
        activity={other: seen for other, seen in state.activity.items() if other != turn_id},
        items={key: item for key, item in state.items.items() if item.turn_id != turn_id}
        if state.items
        else state.items,
    )


def _write(
    state: ThreadState, turn_id: str, outcome: TurnState, at: int, how: Settled
) -> ThreadState:
    """``state`` with the turn's outcome written over whatever it was, as released servers do."""
    if turn_id in state.running:
        return _settle(state, turn_id, outcome, at, how)
    turn = state.turns.get(turn_id)
    if turn is None:
        turn = Turn(turn_id, len(state.turns), outcome, completed_at=at)
    turn = replace(turn, state=outcome, settled=how)
    return replace(state, turns={**state.turns, turn_id: turn})


def _run(
    state: ThreadState, turn_id: str, event: Event, rules: Rules, *, own_start: bool
) -> ThreadState:
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
        turns={**state.turns, turn_id: turn},
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
                state = _settle(state, other, outcome, at, Settled.SUPERSEDED)
    return state


def _set_session(
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
    session = Session(
        status,
        active,
        error,
        event.provider or (old.provider if old else None),
        event.provider_instance_id or (old.provider_instance_id if old else None),
        at,
    )
    state = replace(state, session=session)
    if status is _RUNNING and active is not None:
        state = _supersede(state, active, at, rules)
        own = event.type == "turn.started" and event.turn_id == active
        state = _run(state, active, event, rules, own_start=own)
    elif state.running and (outcome := outcome_by_session(status, rules)) is not None:
        why = error if status is _ERROR else None
        for turn_id in state.running:
            state = _settle(state, turn_id, outcome, at, Settled.SESSION, why)
    if state.pending is not None and session_drops_pending(status, rules):
        state = replace(state, pending=None)
    return state


def _cleared(status: SessionStatus, state: ThreadState) -> str | None:
    """R13: the last error, cleared when the session becomes ready."""
    return None if status is _READY else state.last_error


# --- the rules -----------------------------------------------------------------------------------------------


def _turn_started(state: ThreadState, event: Event, rules: Rules) -> _Step:
    """R1."""
    turn_id, active = event.turn_id, state.active_turn_id
    if turn_id is None:
        after = _set_session(state, event, rules, _RUNNING, None, state.last_error)
        return _applied(
            state,
            after,
            event,
            "R1",
            "a turn without an id started: the session runs, no turn is active",
        )
    if active is not None and active != turn_id:
        if rules.steering is Steering.NEVER:
            return _ignored(
                state,
                event,
                "R1",
                f"turn {turn_id} started while turn {active} is active: ignored, these rules know no steering",
            )
        if state.pending is None:
            return _ignored(
                state,
                event,
                "R1",
                f"turn {turn_id} started while turn {active} is active and no start is pending: ignored",
            )
        after = _set_session(state, event, rules, _RUNNING, turn_id, state.last_error)
        return _applied(
            state,
            after,
            event,
            "R1",
            f"turn {turn_id} replaces turn {active}, which a new message steered away from",
        )
    after = _set_session(state, event, rules, _RUNNING, turn_id, state.last_error)
    return _applied(state, after, event, "R1", f"turn {turn_id} started: the session runs it")


def _turn_completed(state: ThreadState, event: Event, rules: Rules) -> _Step:
    """R2, R4, R5."""
    said = event.text("state")
    outcome = _OUTCOMES.get(said or "", TurnState.COMPLETED)
    message = event.text("errorMessage")
    return _terminal(state, event, rules, outcome, said or "completed", message)


def _turn_aborted(state: ThreadState, event: Event, rules: Rules) -> _Step:
    """R3, R4, R5."""
    if not rules.aborted_settles:
        noted = _with_terminal(state, event, TurnState.INTERRUPTED)
        return _ignored(
            noted,
            event,
            "R3",
            f"turn.aborted of turn {event.turn_id} has no lifecycle effect under {rules.name}",
        )
    return _terminal(state, event, rules, TurnState.INTERRUPTED, "aborted", event.text("reason"))


def _with_terminal(state: ThreadState, event: Event, outcome: TurnState) -> ThreadState:
    """``state`` with the turn's own terminal event noted, whether or not it is accepted; the first one counts."""
    turn_id = event.turn_id or (state.active_turn_id if len(state.running) == 1 else None)
    turn = state.turns.get(turn_id) if turn_id else None
    if turn is None or turn.terminal is not None:
        return state
    turn = replace(turn, terminal=outcome, terminal_event_id=event.event_id, terminal_at=event.at)
    return replace(state, turns={**state.turns, turn.turn_id: turn})


def _terminal(
    before: ThreadState,
    event: Event,
    rules: Rules,
    outcome: TurnState,
    said: str,
    message: str | None,
) -> _Step:
    """The turn ended, says the provider: R2 and R3 for the active turn, R4 for another, R5 when none is active."""
    turn_id, active = event.turn_id, before.active_turn_id
    own = "R3" if event.type == "turn.aborted" else "R2"
    if active is not None and turn_id != active:
        state = _with_terminal(before, event, outcome) if turn_id else before
        if turn_id and turn_id in state.running and rules.terminal_outcome_is_own:
            after = _settle(state, turn_id, outcome, event.at, Settled.OWN_TERMINAL, message)
            return _applied(
                before,
                after,
                event,
                "R4",
                f"turn {turn_id} ended ({said}) while turn {active} is active: it is settled, the session goes on",
            )
        named = f"turn {turn_id}" if turn_id else "no turn"
        return _ignored(
            state,
            event,
            "R4",
            f"a terminal of {named} ({said}) does not end the session, whose active turn is {active}",
        )
    if active is None and turn_id is None and rules.idle_terminal_needs_turn:
        return _ignored(
            before,
            event,
            "R5",
            f"a terminal ({said}) without a turn id while no turn is active is ignored under {rules.name}",
        )
    state = _with_terminal(before, event, outcome)
    status = _ERROR if outcome is TurnState.ERROR else _READY
    error = (message or before.last_error or "Turn failed") if status is _ERROR else None
    if rules.terminal_outcome_is_own and turn_id is not None:
        state = _settle(state, turn_id, outcome, event.at, Settled.OWN_TERMINAL, error or message)
    after = _set_session(state, event, rules, status, None, error)
    if active is None:
        named = f"turn {turn_id}" if turn_id else "a turn without an id"
        return _applied(
            before,
            after,
            event,
            "R5",
            f"{named} ended ({said}) while no turn is active: the session becomes {status}",
        )
    return _applied(
        before, after, event, own, f"turn {turn_id} ended ({said}): the session becomes {status}"
    )


def _session_state_changed(state: ThreadState, event: Event, rules: Rules) -> _Step:
    """R6."""
    said = event.text("state")
    status = _RUNTIME_STATES.get(said or "")
    if status is None:
        return _ignored(state, event, "R6", f"the session state {said!r} is unknown: ignored")
    error = _cleared(status, state)
    if status is _ERROR:
        error = event.text("reason") or state.last_error or "Provider session error"
    active = state.active_turn_id
    if status in _INACTIVE and rules.inactive_state_clears_active:
        active = None
    if status is _READY and _held_starting(state, rules):
        after = _set_session(state, event, rules, _STARTING, active, state.last_error)
        return _applied(
            state,
            after,
            event,
            "R6",
            "the provider is ready but a start is pending: the session stays starting",
        )
    after = _set_session(state, event, rules, status, active, error)
    return _applied(
        state, after, event, "R6", f"the provider's session is {said}: the session becomes {status}"
    )


def _held_starting(state: ThreadState, rules: Rules) -> bool:
    return (
        rules.pending_start_holds_starting
        and state.status is _STARTING
        and state.pending is not None
    )


def _provider_started(state: ThreadState, event: Event, rules: Rules) -> _Step:
    """R7."""
    active = state.active_turn_id
    what = "provider session" if event.type == "session.started" else "provider thread"
    if active is not None:
        after = _set_session(state, event, rules, _RUNNING, active, state.last_error)
        return _applied(
            state,
            after,
            event,
            "R7",
            f"the {what} started while turn {active} is active: the session runs",
        )
    if _held_starting(state, rules):
        after = _set_session(state, event, rules, _STARTING, None, state.last_error)
        return _applied(
            state,
            after,
            event,
            "R7",
            f"the {what} started but a start is pending: the session stays starting",
        )
    after = _set_session(state, event, rules, _READY, None, None)
    return _applied(
        state, after, event, "R7", f"the {what} started and no turn is active: the session is ready"
    )


def _session_exited(state: ThreadState, event: Event, rules: Rules) -> _Step:
    """R8."""
    after = _set_session(state, event, rules, _STOPPED, None, state.last_error)
    return _applied(
        state, after, event, "R8", "the provider's session exited: the session is stopped"
    )


def _runtime_error(state: ThreadState, event: Event, rules: Rules) -> _Step:
    """R9."""
    active, turn_id = state.active_turn_id, event.turn_id
    if active is not None and turn_id is not None and turn_id != active:
        return _ignored(
            state,
            event,
            "R9",
            f"an error of turn {turn_id} does not concern the active turn {active}",
        )
    message = event.text("message") or "Provider runtime error"
    after = _set_session(state, event, rules, _ERROR, turn_id, message)
    return _applied(
        state,
        after,
        event,
        "R9",
        f"the provider reported an error{f' in turn {turn_id}' if turn_id else ''}: the session fails",
    )


def _session_written(state: ThreadState, event: Event, rules: Rules) -> _Step:
    """W: a reactor, a client or the startup reconcile (R11) wrote the session."""
    session: Any = event.value("session")
    fields = session if isinstance(session, dict) else {}
    status = STATUSES.get(str(fields.get("status")))
    if status is None:
        return _ignored(
            state,
            event,
            "W",
            f"a session with unknown status {fields.get('status')!r} was written: ignored",
        )
    active = _string(fields.get("activeTurnId"))
    error = _string(fields.get("lastError"))
    updated_at = written_time(fields.get("updatedAt"), event.at)
    after = _set_session(state, event, rules, status, active, error, updated_at)
    if error == STARTUP_RECONCILE_ERROR:
        return _applied(
            state,
            after,
            event,
            "R11",
            "the server started and found no provider session: it ended this one",
        )
    return _applied(
        state,
        after,
        event,
        "W",
        f"T3 Code itself set the session {status}{f' with turn {active}' if active else ''}",
    )


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _reconcile(state: ThreadState, event: Event, rules: Rules) -> _Step:
    """R11: payload ``live`` true/false, or null when the listing failed; ``status`` and ``activeTurnId`` if live."""
    live = event.value("live")
    if not rules.reconciles_at_start:
        return _ignored(state, event, "R11", f"{rules.name} reconciles nothing")
    if live is not True and live is not False:
        return _ignored(
            state,
            event,
            "R11",
            "which provider sessions are live could not be told: nothing changes",
        )
    if live:
        status = _RUNTIME_STATES.get(str(event.value("status")))
        if status is None:
            return _ignored(
                state, event, "R11", "the live session's status is unknown: nothing changes"
            )
        active = _string(event.value("activeTurnId")) if status in LIVE else None
        after = _set_session(state, event, rules, status, active, _cleared(status, state))
        return _applied(
            state,
            after,
            event,
            "R11",
            f"the provider session is live and {status}: the session mirrors it",
        )
    if state.status not in LIVE and state.active_turn_id is None:
        return _ignored(
            state, event, "R11", "no provider session is live and none is expected: nothing to do"
        )
    message = event.text("reason") or STARTUP_RECONCILE_ERROR
    after = _set_session(state, event, rules, _STOPPED, None, message)
    return _applied(
        state, after, event, "R11", "the provider session is not live: the session is stopped"
    )


def _stop_result(state: ThreadState, event: Event, rules: Rules) -> _Step:
    """R12: payload ``outcome`` ``stopped``, ``gone`` or ``failed``, and ``detail``."""
    outcome = event.text("outcome")
    if outcome in ("stopped", "gone"):
        after = _set_session(state, event, rules, _STOPPED, None, state.last_error)
        why = (
            "the stop succeeded"
            if outcome == "stopped"
            else "the provider session was already gone"
        )
        return _applied(state, after, event, "R12", f"{why}: the session is stopped")
    if not rules.failed_stop_recorded or state.session is None:
        return _ignored(state, event, "R12", f"the stop failed; {rules.name} records nothing of it")
    detail = event.text("detail") or "The provider session could not be stopped"
    after = replace(state, session=replace(state.session, last_error=detail))
    return _applied(
        state,
        after,
        event,
        "R12",
        f"the stop failed ({detail}): the session is kept exactly as it is",
    )


def _turn_start_requested(state: ThreadState, event: Event, rules: Rules) -> _Step:
    pending = PendingStart(event.text("messageId"), event.at, event.event_id, state.active_turn_id)
    after = replace(state, pending=pending)
    return _applied(
        state,
        after,
        event,
        "R14",
        f"message {pending.message_id} asks for a turn: a start is pending",
    )


def _turn_interrupt_requested(state: ThreadState, event: Event, rules: Rules) -> _Step:
    turn_id = event.turn_id or event.text("turnId")
    noted = _with_interrupt(state, turn_id or state.active_turn_id, event)
    outcome = outcome_by_interrupt(rules)
    if turn_id is not None and outcome is not None:
        after = _write(noted, turn_id, outcome, event.at, Settled.REQUEST)
        return _applied(
            state,
            after,
            event,
            "R14",
            f"an interrupt of turn {turn_id} was asked for and written at once",
        )
    asked = f"turn {turn_id}" if turn_id else "no turn in particular"
    return _applied(
        state,
        noted,
        event,
        "R14",
        f"an interrupt of {asked} was asked for: the provider's answer decides",
    )


def _session_stop_requested(state: ThreadState, event: Event, rules: Rules) -> _Step:
    noted = state
    for turn_id in state.running:
        noted = _with_interrupt(noted, turn_id, event)
    return _applied(
        state, noted, event, "R14", "a stop of the session was asked for: its result decides"
    )


def _with_interrupt(state: ThreadState, turn_id: str | None, event: Event) -> ThreadState:
    turn = state.turns.get(turn_id) if turn_id else None
    if turn is None or turn.interrupt_requested_at is not None:
        return state
    return replace(
        state, turns={**state.turns, turn.turn_id: replace(turn, interrupt_requested_at=event.at)}
    )


def _item_completed(state: ThreadState, event: Event, rules: Rules) -> _Step:
    turn_id = event.turn_id
    if turn_id is not None and event.value("itemType") == "assistant_message":
        turn = state.turns.get(turn_id)
        old = turn.state if turn else None
        outcome = outcome_by_message_end(old, rules, session_runs_it=_runs(state, turn_id))
        if outcome is not None and outcome is not old:
            after = _write(state, turn_id, outcome, event.at, Settled.MESSAGE_END)
            return _applied(
                state,
                after,
                event,
                "R14",
                f"an assistant message ended: {rules.name} writes turn {turn_id} as {outcome}",
            )
    return _ignored(state, event, "R14", _activity_sentence(event))


def _turn_diff_completed(state: ThreadState, event: Event, rules: Rules) -> _Step:
    turn_id = event.turn_id or event.text("turnId")
    if turn_id is not None:
        status = event.text("status")
        outcome = outcome_by_checkpoint(status, rules, session_runs_it=_runs(state, turn_id))
        if outcome is not None:
            after = _write(state, turn_id, outcome, event.at, Settled.CHECKPOINT)
            return _applied(
                state,
                after,
                event,
                "R14",
                f"the checkpoint of turn {turn_id} was taken: {rules.name} writes it {outcome}",
            )
    return _ignored(
        state, event, "R14", f"the checkpoint of turn {turn_id} was taken: no lifecycle change"
    )


def _runs(state: ThreadState, turn_id: str) -> bool:
    return state.status is _RUNNING and state.active_turn_id == turn_id


_HANDLERS: Final[dict[str, _Rule]] = {
    "turn.started": _turn_started,
    "turn.completed": _turn_completed,
    "turn.aborted": _turn_aborted,
    "session.state.changed": _session_state_changed,
    "session.started": _provider_started,
    "thread.started": _provider_started,
    "session.exited": _session_exited,
    "runtime.error": _runtime_error,
    "item.completed": _item_completed,
    SESSION_SET: _session_written,
    RECONCILE: _reconcile,
    STOP_RESULT: _stop_result,
    "thread.turn-start-requested": _turn_start_requested,
    "thread.turn-interrupt-requested": _turn_interrupt_requested,
    "thread.session-stop-requested": _session_stop_requested,
    "thread.turn-diff-completed": _turn_diff_completed,
}
