"""What the stored events of a thread of the second data model make of its runs: pure, total, one rule per step.

A run is a turn, and what a person sees of the thread stands for a session, so that both models are shown alike.

==== ============================================ =================================================================
rule event                                        effect
==== ============================================ =================================================================
Q1   ``run.created``                              the run is there: it waits behind another, or is being started
Q2   ``run.updated``, a live status               the run works on; ``waiting`` means its checkpoint is outstanding
Q3   ``run.updated``, a status that is over       the run's own end settles it; a failure stays one
Q4   the same, by a server's start or shutdown    the run is a victim of the restart: its message has no answer
Q5   ``run.updated`` of a run that is over        ignored, unless it is rolled back: what is over stays over
Q6   ``provider-turn.updated``                    the provider's word on the run is kept; it settles nothing
Q7   ``runtime-request.updated``                  a person is asked, or is not any more
Q8   ``run-attempt.*``                            the run is tried (again); it settles nothing
Q9   the item of an interrupt, or of an error     the wish, or the reason, is noted at its run
Q10  ``provider-session.*``                       an error of the session is noted where no run is live
Q11  a server started (no stored event)           what an earlier server left live is over; queued runs are held
Q12  an effect hangs (no stored event)            its run does not work any more
Q13  everything else                              no change
==== ============================================ =================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from t3lens.domain.event import Event
from t3lens.domain.state import (
    EMPTY,
    OpenRequest,
    ProviderSession,
    SessionStatus,
    Settled,
    ThreadState,
    Transition,
    Turn,
    TurnState,
)
from t3lens.t3code.v2 import events as types
from t3lens.t3code.v2.rules import SecondRules
from t3lens.t3code.v2.words import (
    ERROR_ITEM,
    INTERRUPT_REQUEST_ITEM,
    PROVIDER_TURN_LIVE,
    RECONCILE_COMMAND,
    REQUEST_PENDING,
    RUN_LIVE,
    RUN_STATUSES,
    SESSION_ERROR,
    RunStatus,
)
from t3lens.time import Micros, parse_iso

__all__ = [
    "COMMAND_TYPE",
    "EFFECT_HUNG",
    "LOST_AT_RESTART",
    "SERVER_STARTED",
    "START",
    "SecondState",
    "reduce",
    "state_of_run",
    "time_of",
    "transitions",
]

SERVER_STARTED: Final = "t3lens.server-started"
"""Not from T3 Code: a server started at this moment."""
EFFECT_HUNG: Final = "t3lens.effect-hung"
"""Not from T3 Code: an effect of the run in ``turn_id`` is held longer than anybody works on it."""
COMMAND_TYPE: Final = "commandType"
"""Member of an event's payload: the type of the command it follows from, by its receipt."""

LOST_AT_RESTART: Final = "The server was restarted or shut down before this message was answered."
HUNG: Final = "An effect of this run hangs, and nothing will take it up again."


def state_of_run(status: str) -> TurnState:
    """What a run's status is in the words of turns; an unknown one counts as running, it is not known to be over."""
    return _STATES.get(status, TurnState.RUNNING)


_STATES: Final[dict[str, TurnState]] = {
    RunStatus.PREPARING: TurnState.PENDING,
    RunStatus.QUEUED: TurnState.PENDING,
    RunStatus.STARTING: TurnState.PENDING,
    RunStatus.RUNNING: TurnState.RUNNING,
    RunStatus.WAITING: TurnState.RUNNING,
    RunStatus.COMPLETED: TurnState.COMPLETED,
    RunStatus.INTERRUPTED: TurnState.INTERRUPTED,
    RunStatus.FAILED: TurnState.ERROR,
    RunStatus.CANCELLED: TurnState.INTERRUPTED,
    RunStatus.ROLLED_BACK: TurnState.INTERRUPTED,
}
_TERMINALS: Final = {
    "completed": TurnState.COMPLETED,
    "interrupted": TurnState.INTERRUPTED,
    "cancelled": TurnState.INTERRUPTED,
    "failed": TurnState.ERROR,
}


class SecondState(msgspec.Struct, frozen=True):
    """Everything the reducer knows of one thread after some event.

    Attributes:
        thread: The same in the words both models share.
        statuses: Status of each run, in the second model's words, in order of first sight.
        attempts: The run of each attempt.
        held: Ids of the queued runs that wait until a person resumes the queue.
    """

    thread: ThreadState = EMPTY
    statuses: dict[str, str] = {}
    attempts: dict[str, str] = {}
    held: frozenset[str] = frozenset()

    @property
    def active(self) -> str | None:
        """The run that is live and does not wait behind another."""
        for run_id in reversed(self.statuses):
            status = self.statuses[run_id]
            if status in RUN_LIVE and status != RunStatus.QUEUED:
                return run_id
        return None


START: Final = SecondState()
"""A thread nothing is known of."""


class _RuleStep(msgspec.Struct):
    """What a rule made of an event."""

    rule: str
    why: str
    state: SecondState
    applied: bool = True
    settled: tuple[str, ...] = ()


def reduce(state: SecondState, event: Event, rules: SecondRules) -> tuple[SecondState, Transition]:
    """What one event does to a thread, and why; never raises, never reads a clock.

    Args:
        state: The thread before.
        event: One of its stored events, in order of their sequence, or one of the two of our own.
        rules: Those of the build, or the reference.
    """
    if event.event_id in state.thread.seen:
        step = _RuleStep("Q13", f"event {event.event_id} was seen before", state, applied=False)
    else:
        rule = _RULES.get(event.type)
        step = rule(state, event, rules) if rule else _RuleStep("Q13", f"{event.type}: no change", state, applied=False)
    after = _seen(step.state, event, state)
    before_session, after_session = state.thread.session, after.thread.session
    transition = Transition(
        event_id=event.event_id,
        type=event.type,
        at=event.at,
        rule=step.rule,
        applied=step.applied,
        why=step.why,
        turn_id=event.turn_id,
        from_status=before_session.status if before_session else None,
        to_status=after_session.status if after_session else None,
        from_turn=state.thread.active_turn_id,
        to_turn=after.thread.active_turn_id,
        settled=step.settled,
        sequence=event.sequence,
    )
    return after, transition


def transitions(events: Iterable[Event], rules: SecondRules) -> Iterator[tuple[SecondState, Transition]]:
    """The state after each event, with what the event did."""
    state = START
    for event in events:
        state, transition = reduce(state, event, rules)
        yield state, transition


def _seen(state: SecondState, event: Event, before: SecondState) -> SecondState:
    thread = state.thread
    newest = max(before.thread.last_event_at or event.at, event.at)
    seen = before.thread.seen
    activity = thread.activity
    if event.turn_id in thread.running:
        activity = {**activity, event.turn_id: event.at}
    thread = msgspec.structs.replace(thread, last_event_at=newest, seen=seen.plus(event.event_id) or seen, activity=activity)
    return msgspec.structs.replace(state, thread=thread)


def time_of(event: Event, name: str) -> Micros | None:
    """A time that an event's payload names, microseconds UTC; None if it names none that can be read."""
    text = event.text(name)
    if text is None:
        return None
    try:
        return parse_iso(text)
    except ValueError:
        return None


def _run(state: SecondState, event: Event, rules: SecondRules) -> _RuleStep:
    run_id, status = event.turn_id, event.text("status")
    if run_id is None or status not in RUN_STATUSES:
        said = f"{event.type} says no run" if run_id is None else f"run {run_id} has the unknown status {status!r}"
        return _RuleStep("Q13", f"{said}: no change", state, applied=False)
    before = state.statuses.get(run_id)
    over = before is not None and before not in RUN_LIVE
    if over and status != RunStatus.ROLLED_BACK and before != status:
        why = f"run {run_id} is {before} and stays so: {status} comes too late"
        return _RuleStep("Q5", why, state, applied=False)
    if status in RUN_LIVE:
        return _live(state, event, run_id, status, before)
    kept = before == RunStatus.QUEUED and rules.queue_outlives_start and _by_reconcile(event, status)
    return _held(state, event, run_id) if kept else _over(state, event, run_id, status)


def _by_reconcile(event: Event, status: str) -> bool:
    return status == RunStatus.CANCELLED and event.value(COMMAND_TYPE) == RECONCILE_COMMAND


def _held(state: SecondState, event: Event, run_id: str) -> _RuleStep:
    """What-if: the build of these rules keeps a queued run that another one cancelled at its start."""
    after = msgspec.structs.replace(state, held=state.held | {run_id})
    why = f"a server of this build would have held queued run {run_id} at its start, not cancelled it"
    return _RuleStep("Q4", why, _shown(after, event))


def _live(state: SecondState, event: Event, run_id: str, status: str, before: str | None) -> _RuleStep:
    after = _with_run(state, event, run_id, status)
    # only what waits in the queue can be held there
    held = bool(event.value("queueHeld")) and after.statuses.get(run_id) == RunStatus.QUEUED
    changed = after.held - {run_id} | ({run_id} if held else frozenset())
    after = msgspec.structs.replace(after, held=frozenset(changed))
    if before is None:
        return _RuleStep("Q1", f"run {run_id} was asked for: {_LIVE_WORDS[status]}", _shown(after, event))
    said = f"run {run_id} {_LIVE_WORDS[status]}"
    return _RuleStep("Q2", f"{said}{', held until the queue is resumed' if held else ''}", _shown(after, event))


_LIVE_WORDS: Final[dict[str, str]] = {
    RunStatus.PREPARING: "is being prepared",
    RunStatus.QUEUED: "waits behind another run",
    RunStatus.STARTING: "is being started",
    RunStatus.RUNNING: "runs",
    RunStatus.WAITING: "has its answer, its checkpoint is outstanding",
}


def _over(state: SecondState, event: Event, run_id: str, status: str) -> _RuleStep:
    victim = _by_reconcile(event, status)
    after = _with_run(state, event, run_id, status)
    turn = after.thread.turns[run_id]
    error = turn.error or (LOST_AT_RESTART if victim else None)
    settled = turn.settled or (Settled.SESSION if victim else Settled.OWN_TERMINAL)
    turn = msgspec.structs.replace(
        turn,
        settled=settled,
        error=error,
        completed_at=turn.completed_at or event.at,
        last_activity_at=state.thread.activity.get(run_id),
    )
    after = _with_turn(after, turn)
    after = msgspec.structs.replace(after, held=after.held - {run_id})
    if victim:
        why = f"run {run_id} was cancelled by a server's start or shutdown: its message has no answer"
    elif status == RunStatus.CANCELLED:
        why = f"run {run_id} was taken out of the queue"
    else:
        why = f"run {run_id} is over by its own end: {status}"
    rule = "Q4" if victim else "Q3"
    return _RuleStep(rule, why, _shown(after, event, ended=turn), settled=(run_id,))


def _with_run(state: SecondState, event: Event, run_id: str, status: str) -> SecondState:
    turns = state.thread.turns
    old = turns.get(run_id)
    turn = old or Turn(run_id, len(turns), TurnState.PENDING)
    over = status not in RUN_LIVE
    turn = msgspec.structs.replace(
        turn,
        state=state_of_run(status),
        requested_at=time_of(event, "requestedAt") or turn.requested_at or event.at,
        started_at=time_of(event, "startedAt") or turn.started_at,
        completed_at=(time_of(event, "completedAt") or turn.completed_at) if over else None,
        message_id=event.text("userMessageId") or turn.message_id,
    )
    statuses = {**state.statuses, run_id: status}
    return _with_turn(msgspec.structs.replace(state, statuses=statuses), turn)


def _with_turn(state: SecondState, turn: Turn) -> SecondState:
    turns = {**state.thread.turns, turn.turn_id: turn}
    running = tuple(run_id for run_id, one in turns.items() if one.state is TurnState.RUNNING)
    thread = msgspec.structs.replace(state.thread, turns=turns, running=running)
    return msgspec.structs.replace(state, thread=thread)


def _shown(state: SecondState, event: Event, ended: Turn | None = None) -> SecondState:
    """The state with what a person sees of the thread brought up to date."""
    old = state.thread.session
    active = state.active
    error = old.last_error if old else None
    if active is not None:
        running = state.thread.turns[active].state is TurnState.RUNNING
        status = SessionStatus.RUNNING if running else SessionStatus.STARTING
    elif ended is not None:
        status = _AFTER[ended.state]
        if ended.state is TurnState.ERROR or ended.settled is Settled.SESSION:
            status, error = SessionStatus.ERROR, ended.error or error or "Run failed"
        else:
            error = None
    else:
        status = old.status if old else SessionStatus.IDLE
    session = ProviderSession(
        status=status,
        active_turn_id=active,
        last_error=error,
        provider=event.provider or (old.provider if old else None),
        provider_instance_id=event.provider_instance_id or (old.provider_instance_id if old else None),
        updated_at=event.at,
    )
    thread = msgspec.structs.replace(state.thread, session=session)
    return msgspec.structs.replace(state, thread=thread)


_AFTER: Final = {
    TurnState.COMPLETED: SessionStatus.READY,
    TurnState.INTERRUPTED: SessionStatus.INTERRUPTED,
    TurnState.ERROR: SessionStatus.ERROR,
    TurnState.PENDING: SessionStatus.STARTING,
    TurnState.RUNNING: SessionStatus.RUNNING,
}


def _attempt(state: SecondState, event: Event, rules: SecondRules) -> _RuleStep:
    attempt, status, run_id = event.text("id"), event.text("status"), event.turn_id
    if attempt is None or run_id is None:
        return _RuleStep("Q13", f"{event.type} names no run: no change", state, applied=False)
    after = msgspec.structs.replace(state, attempts={**state.attempts, attempt: run_id})
    reason = event.text("reason")
    tried = f" ({reason})" if reason and reason != "initial" else ""
    return _RuleStep("Q8", f"an attempt{tried} at run {run_id} is {status}", after)


def _provider_turn(state: SecondState, event: Event, rules: SecondRules) -> _RuleStep:
    status = event.text("status") or ""
    run_id = event.turn_id or state.attempts.get(event.text("runAttemptId") or "")
    turn = state.thread.turns.get(run_id or "")
    if turn is None:
        return _RuleStep("Q13", f"a provider turn of no known run is {status}: no change", state, applied=False)
    if status in PROVIDER_TURN_LIVE or status not in _TERMINALS:
        return _RuleStep("Q6", f"the provider works on run {run_id}: its turn is {status}", state)
    terminal = msgspec.structs.replace(
        turn, terminal=_TERMINALS[status], terminal_event_id=event.event_id, terminal_at=event.at
    )
    why = f"by the provider's word run {run_id} is {status}; only the run's own end settles it"
    return _RuleStep("Q6", why, _with_turn(state, terminal))


def _request(state: SecondState, event: Event, rules: SecondRules) -> _RuleStep:
    request_id, status = event.text("id"), event.text("status")
    if request_id is None:
        return _RuleStep("Q13", f"{event.type} names no request: no change", state, applied=False)
    requests = dict(state.thread.requests)
    if status == REQUEST_PENDING:
        kind = event.text("kind") or ""
        question = "input" in kind or "question" in kind
        requests[request_id] = OpenRequest(request_id, question, event.at, event.turn_id, event.event_id)
        why = f"a person is asked: request {request_id}"
    else:
        requests.pop(request_id, None)
        why = f"request {request_id} is {status}"
    thread = msgspec.structs.replace(state.thread, requests=requests)
    return _RuleStep("Q7", why, msgspec.structs.replace(state, thread=thread))


def _item(state: SecondState, event: Event, rules: SecondRules) -> _RuleStep:
    kind, turn = event.text("type"), state.thread.turns.get(event.turn_id or "")
    if turn is None or kind not in (ERROR_ITEM, INTERRUPT_REQUEST_ITEM):
        return _RuleStep("Q13", f"{event.type} ({kind}): no change", state, applied=False)
    if kind == INTERRUPT_REQUEST_ITEM:
        asked = msgspec.structs.replace(turn, interrupt_requested_at=event.at)
        return _RuleStep("Q9", f"a person asked to interrupt run {turn.turn_id}", _with_turn(state, asked))
    failure = event.value("failure")
    said = failure.get("message") if isinstance(failure, dict) else None
    failed = msgspec.structs.replace(turn, error=said if isinstance(said, str) else turn.error)
    after = _with_turn(state, failed)
    session = after.thread.session
    if session is not None and session.status is SessionStatus.ERROR and failed.error:
        told = msgspec.structs.replace(session, last_error=failed.error)
        after = msgspec.structs.replace(after, thread=msgspec.structs.replace(after.thread, session=told))
    return _RuleStep("Q9", f"run {turn.turn_id} failed, and why is noted", after)


def _session(state: SecondState, event: Event, rules: SecondRules) -> _RuleStep:
    status = event.text("status")
    if event.type == types.PROVIDER_SESSION_DETACHED:
        session = state.thread.session
        if session is None or state.active is not None:
            return _RuleStep("Q10", "the provider session was let go", state)
        gone = msgspec.structs.replace(session, status=SessionStatus.STOPPED, updated_at=event.at)
        thread = msgspec.structs.replace(state.thread, session=gone)
        return _RuleStep("Q10", "the provider session was let go", msgspec.structs.replace(state, thread=thread))
    if status != SESSION_ERROR or state.active is not None:
        return _RuleStep(
            "Q10",
            f"the provider session is {status}: it says nothing about the run",
            state,
            applied=False,
        )
    old = state.thread.session
    session = ProviderSession(
        status=SessionStatus.ERROR,
        last_error=event.text("lastError") or (old.last_error if old else None) or "Provider session error",
        provider=event.provider or (old.provider if old else None),
        updated_at=event.at,
    )
    thread = msgspec.structs.replace(state.thread, session=session)
    return _RuleStep("Q10", "the provider session is in error", msgspec.structs.replace(state, thread=thread))


def _server_started(state: SecondState, event: Event, rules: SecondRules) -> _RuleStep:
    if not rules.start_ends_runs:
        return _RuleStep(
            "Q13",
            "a server started: these rules end only what the store says is over",
            state,
            applied=False,
        )
    ended: list[str] = []
    held = set(state.held)
    after = state
    for run_id, status in state.statuses.items():
        if status not in RUN_LIVE:
            continue
        if status == RunStatus.QUEUED and rules.start_holds_queue:
            held.add(run_id)
            continue
        after = _end(after, event, run_id, RunStatus.CANCELLED, LOST_AT_RESTART)
        ended.append(run_id)
    if not ended and held == state.held:
        return _RuleStep("Q11", "a server started, and nothing was left live", state, applied=False)
    after = msgspec.structs.replace(after, held=frozenset(held))
    last = after.thread.turns[ended[-1]] if ended else None
    why = f"a server started: {', '.join(ended) or 'no run'} of an earlier one is over"
    return _RuleStep("Q11", why, _shown(after, event, ended=last), settled=tuple(ended))


def _effect_hung(state: SecondState, event: Event, rules: SecondRules) -> _RuleStep:
    run_id = event.turn_id or state.active
    if not rules.hung_effect_ends_run:
        return _RuleStep("Q13", "an effect hangs: these rules know nothing of it", state, applied=False)
    if run_id is None or state.statuses.get(run_id) not in RUN_LIVE:
        return _RuleStep("Q12", "an effect hangs, and no run waits for it", state, applied=False)
    after = _end(state, event, run_id, RunStatus.FAILED, HUNG)
    why = f"an effect of run {run_id} hangs and nobody will take it up again: the run does not work any more"
    ended = after.thread.turns[run_id]
    return _RuleStep("Q12", why, _shown(after, event, ended=ended), settled=(run_id,))


def _end(state: SecondState, event: Event, run_id: str, status: RunStatus, error: str) -> SecondState:
    after = _with_run(state, event, run_id, status)
    turn = msgspec.structs.replace(
        after.thread.turns[run_id],
        settled=Settled.SESSION,
        error=error,
        completed_at=event.at,
        last_activity_at=state.thread.activity.get(run_id),
    )
    return _with_turn(after, turn)


_Rule = Any
_RULES: Final[dict[str, _Rule]] = {
    types.RUN_CREATED: _run,
    types.RUN_UPDATED: _run,
    types.RUN_ATTEMPT_CREATED: _attempt,
    types.RUN_ATTEMPT_UPDATED: _attempt,
    types.PROVIDER_TURN_UPDATED: _provider_turn,
    types.REQUEST_UPDATED: _request,
    types.TURN_ITEM_UPDATED: _item,
    types.PROVIDER_SESSION_ATTACHED: _session,
    types.PROVIDER_SESSION_UPDATED: _session,
    types.PROVIDER_SESSION_DETACHED: _session,
    SERVER_STARTED: _server_started,
    EFFECT_HUNG: _effect_hung,
}
