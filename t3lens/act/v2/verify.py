"""Did it work? Runs, bindings, questions and the outbox are read back until they prove it, or the time is over.

That a command is stored proves nothing: what it asks for is an effect in the outbox, whose row says how it went. Server
and database must agree where both can be read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from t3lens.act.answer import Answer
from t3lens.act.connect import Connection
from t3lens.act.observe import server_started_at
from t3lens.act.plan import Action, Plan, Step
from t3lens.act.result import Outcome
from t3lens.act.send import SendEnd, SentCommand
from t3lens.act.target import Sighting
from t3lens.act.v2.observation import EffectSeen, SecondObservation
from t3lens.act.v2.restart_cost import cost_said, holds_queue
from t3lens.act.v2.stored import cost_of_restart
from t3lens.act.verify import Observed, Timing, await_state
from t3lens.t3code.v2 import remedies
from t3lens.t3code.v2.wire import text_mark
from t3lens.t3code.v2.words import REQUEST_PENDING, REQUEST_RESOLVED, RUN_LIVE, EffectStatus, RunStatus

__all__ = ["verify"]


def verify(
    plan: Plan,
    step: Step,
    sent: SentCommand,
    connection: Connection,
    timing: Timing,
    *,
    watch: Callable[[Sighting], None] | None = None,
) -> Observed:
    """Read back until the command did what it was for, the server says why not, or the time is over.

    Args:
        plan: What is carried out,
        step: and which step of it.
        sent: Its command, which may be stored.
        connection: To the home's server.
        timing: How long to wait.
        watch: Told about each look.
    """
    proof = _PROOFS[step.action]

    def decided(seen: Sighting) -> bool:
        return proof(step, sent, seen) is not None or _failed(sent, seen) is not None

    done, after = await_state(plan.target, connection, decided, timing, watch=watch)
    if after is None:
        return Observed(
            outcome=Outcome.NOT_CONFIRMED,
            detail="nothing could be read back: neither the server nor its database",
            after=None,
            code="not-confirmed",
            advice=("see whether T3 Code runs, then make a new plan",),
        )
    found = proof(step, sent, after) if done else None
    if found is not None:
        return found
    failure = _failed(sent, after)
    if failure is not None:
        return Observed(
            outcome=Outcome.FAILED,
            detail=f"the server could not do it: {failure.last_error or 'it gives no reason'}; {_seen_last(after)}",
            after=after,
            code="effect-failed",
            advice=("look at the reason, then make a new plan",),
        )
    return _unconfirmed(plan, sent, after, timing)


# --- proofs ------------------------------------------------------------------------------------------------------


def _interrupted(step: Step, sent: SentCommand, seen: Sighting) -> Observed | None:
    """The run is over in every source, its provider turn too, and no effect of the command is left."""
    run_id = str(step.about["runId"])
    runs = [run for one in seen.seconds if (run := one.run(run_id)) is not None]
    if not runs or any(run.status in RUN_LIVE for run in runs) or _has_open_effects(sent, seen):
        return None
    statuses = {run.status for run in runs}
    if len(statuses) != 1:
        return None
    (status,) = statuses
    if status == RunStatus.INTERRUPTED and _stored(sent, seen):
        if any(one.turn_runs for one in seen.seconds if one.active is None):
            return None
        return Observed(
            outcome=Outcome.APPLIED,
            detail=f"run {run_id} is interrupted, and what was asked of its provider is done{_next(seen)}",
            after=seen,
        )
    how = "the server was started again or shut down meanwhile" if status == RunStatus.CANCELLED else "not by this command"
    return Observed(
        outcome=Outcome.ALREADY,
        detail=f"run {run_id} is over: it ended as {status}, {how}{_next(seen)}",
        after=seen,
        advice=(remedies.NEW_MESSAGE,),
    )


def _detached(step: Step, sent: SentCommand, seen: Sighting) -> Observed | None:
    """No source has the session bound to the thread, and no effect of the command is left."""
    session_id = str(step.about["providerSessionId"])
    if not seen.seconds or any(one.has_bound(session_id) for one in seen.seconds) or _has_open_effects(sent, seen):
        return None
    if _failed(sent, seen) is not None:
        return None  # unbound by the command, and not let go
    if not _stored(sent, seen):
        return Observed(
            outcome=Outcome.ALREADY,
            detail=f"session {session_id} is no longer bound to the thread, not by this command",
            after=seen,
            advice=(remedies.DETACHED_NEXT,),
        )
    return Observed(
        outcome=Outcome.APPLIED,
        detail=f"session {session_id} is no longer bound to the thread",
        after=seen,
        advice=(remedies.DETACHED_NEXT,),
    )


def _answered(step: Step, sent: SentCommand, seen: Sighting) -> Observed | None:
    """The question is resolved in every source, and no effect of the command is left: that alone delivers the answer."""
    request_id = str(step.about["requestId"])
    found = {request.status for one in seen.seconds if (request := one.request(request_id)) is not None}
    if not found or REQUEST_PENDING in found or _has_open_effects(sent, seen) or _failed(sent, seen) is not None:
        return None
    if any(effect.status == EffectStatus.CANCELLED for effect in _effects_of(sent, seen)):
        return Observed(
            outcome=Outcome.FAILED,
            detail=f"the server was started again before the answer to request {request_id} reached its provider, and ended"
            f" what asked; {_seen_last(seen)}",
            after=seen,
            code="answer-not-delivered",
            advice=(remedies.NEW_MESSAGE,),
        )
    if found != {REQUEST_RESOLVED}:
        return Observed(
            outcome=Outcome.FAILED,
            detail=f"request {request_id} is {', '.join(sorted(found))}: an answer reaches nobody any more",
            after=seen,
            code="request-over",
            advice=(remedies.NEW_MESSAGE,),
        )
    said = Answer(decision=step.about["decision"]).words if "decision" in step.about else "answered"
    if not _stored(sent, seen):
        return Observed(
            outcome=Outcome.ALREADY,
            detail=f"request {request_id} is resolved, not by this command",
            after=seen,
        )
    by_message = any(request.by_message for one in seen.seconds if (request := one.request(request_id)) is not None)
    then = "its answer is a message of the thread" if by_message else "its provider has the answer"
    return Observed(
        outcome=Outcome.APPLIED,
        detail=f"request {request_id} is {said}, and {then}{_next(seen)}",
        after=seen,
    )


def _out_of_queue(step: Step, sent: SentCommand, seen: Sighting) -> Observed | None:
    """The run is cancelled in every source."""
    run_id = str(step.about["runId"])
    statuses = {run.status for one in seen.seconds if (run := one.run(run_id)) is not None}
    if not statuses or RunStatus.QUEUED in statuses or len(statuses) != 1:
        return None
    (status,) = statuses
    if status == RunStatus.CANCELLED and _stored(sent, seen):
        return Observed(
            outcome=Outcome.APPLIED,
            detail=f"queued run {run_id} is cancelled: its message is not sent{_next(seen)}",
            after=seen,
        )
    return Observed(
        outcome=Outcome.ALREADY,
        detail=f"run {run_id} is not queued any more: it is {status}, not by this command",
        after=seen,
    )


def _queue_goes_on(step: Step, sent: SentCommand, seen: Sighting) -> Observed | None:
    """No source has a queued run that is held."""
    if not seen.seconds or any(run.held for one in seen.seconds for run in one.queue):
        return None
    if not _stored(sent, seen):
        return Observed(
            outcome=Outcome.ALREADY, detail=f"no queued run is held, not by this command{_next(seen)}", after=seen
        )
    return Observed(outcome=Outcome.APPLIED, detail=f"the queue goes on{_next(seen)}", after=seen)


def _moved(step: Step, sent: SentCommand, seen: Sighting) -> Observed | None:
    """The run stands where it is to stand in the queue of every source."""
    run_id, before = str(step.about["runId"]), step.about["beforeRunId"]
    there = [one.stands_before(run_id, before) for one in seen.seconds]
    where = f"before {before}" if before is not None else "at the end of the queue"
    if there and all(there):
        if _stored(sent, seen):
            detail = f"queued run {run_id} stands {where}{_next(seen)}"
            return Observed(outcome=Outcome.APPLIED, detail=detail, after=seen)
        return Observed(
            outcome=Outcome.ALREADY, detail=f"queued run {run_id} stands {where}, not by this command", after=seen
        )
    return _left_the_queue(run_id, before, sent, seen)


def _left_the_queue(run_id: str, before: str | None, sent: SentCommand, seen: Sighting) -> Observed | None:
    """What a new order is worth once a run that it is about is queued no more."""
    queued = {run.run_id for one in seen.seconds for run in one.queue}
    gone = next((one for one in (run_id, before) if one is not None and one not in queued), None)
    if gone is None or not seen.seconds:
        return None
    status = next((run.status for one in seen.seconds if (run := one.run(gone)) is not None), "gone")
    if _received(sent, seen):
        return Observed(
            outcome=Outcome.APPLIED,
            detail=f"the new order was stored; run {gone} is queued no more since: it is {status}",
            after=seen,
        )
    return Observed(
        outcome=Outcome.ALREADY, detail=f"run {gone} is queued no more: it is {status}, not by this command", after=seen
    )


def _edited(step: Step, sent: SentCommand, seen: Sighting) -> Observed | None:
    """The message says the new text in every source."""
    run_id, wanted = str(step.about["runId"]), text_mark(str(step.about["text"]))
    runs = [run for one in seen.seconds if (run := one.run(run_id)) is not None]
    if not runs or any(run.text_mark != wanted for run in runs):
        return None
    if not _stored(sent, seen):
        return Observed(
            outcome=Outcome.ALREADY, detail=f"the message of run {run_id} says that, not by this command", after=seen
        )
    begun = "" if all(run.status == RunStatus.QUEUED for run in runs) else f"; its run is {runs[0].status} by now"
    return Observed(outcome=Outcome.APPLIED, detail=f"the message of run {run_id} says the new text{begun}", after=seen)


def _promoted(step: Step, sent: SentCommand, seen: Sighting) -> Observed | None:
    """The queued run is cancelled in every source, and no effect of the command is left: that alone delivers the message."""
    run_id, target = str(step.about["queuedRunId"]), str(step.about["targetRunId"])
    statuses = {run.status for one in seen.seconds if (run := one.run(run_id)) is not None}
    if (
        len(statuses) != 1
        or RunStatus.QUEUED in statuses
        or _has_open_effects(sent, seen)
        or _failed(sent, seen) is not None
    ):
        return None
    (status,) = statuses
    if status != RunStatus.CANCELLED or not _stored(sent, seen):
        return Observed(
            outcome=Outcome.ALREADY,
            detail=f"run {run_id} is not queued any more: it is {status}, not by this command",
            after=seen,
        )
    if any(effect.status == EffectStatus.CANCELLED for effect in _effects_of(sent, seen)):
        return Observed(
            outcome=Outcome.FAILED,
            detail=f"the server was started again before the message reached run {target}, and ended that run;"
            f" {_seen_last(seen)}",
            after=seen,
            code="message-not-delivered",
            advice=("send the message again",),
        )
    return Observed(
        outcome=Outcome.APPLIED, detail=f"the message of run {run_id} is handed to run {target}{_next(seen)}", after=seen
    )


_PROOFS: dict[Action, Callable[[Step, SentCommand, Sighting], Observed | None]] = {
    Action.INTERRUPT: _interrupted,
    Action.DETACH: _detached,
    Action.RESPOND: _answered,
    Action.CANCEL_QUEUED: _out_of_queue,
    Action.RESUME_QUEUE: _queue_goes_on,
    Action.MOVE_QUEUED: _moved,
    Action.EDIT_QUEUED: _edited,
    Action.PROMOTE_QUEUED: _promoted,
}


# --- parts of them -----------------------------------------------------------------------------------------------


def _effects_of(sent: SentCommand, seen: Sighting) -> tuple[EffectSeen, ...]:
    stored = seen.second_in_database
    return stored.effects_of(sent.command_id) if stored else ()


def _has_open_effects(sent: SentCommand, seen: Sighting) -> bool:
    """Whether something the command asked for is not done."""
    return any(effect.open for effect in _effects_of(sent, seen))


def _failed(sent: SentCommand, seen: Sighting) -> EffectSeen | None:
    """The effect of the command that the server gave up, if it did."""
    return next((effect for effect in _effects_of(sent, seen) if effect.status == EffectStatus.FAILED), None)


def _stored(sent: SentCommand, seen: Sighting) -> bool:
    """Whether the command is known to be stored: it was answered so, or its receipt or an effect of it is there."""
    return sent.ended is SendEnd.ACCEPTED or _received(sent, seen) or bool(_effects_of(sent, seen))


def _received(sent: SentCommand, seen: Sighting) -> bool:
    """Whether the receipt of the command, which is stored with what it changes, was read."""
    return any(sent.command_id in one.accepted for one in seen.seconds)


def _next(seen: Sighting) -> str:
    newest = seen.second or SecondObservation()
    if newest.active is not None:
        return f"; the next run {newest.active.run_id} is {newest.active.status}"
    if newest.queue:
        held = all(run.held for run in newest.queue)
        return f"; {len(newest.queue)} queued{', held until you resume the queue' if held else ''}"
    return ""


def _seen_last(seen: Sighting) -> str:
    newest = seen.second or SecondObservation()
    run = newest.active
    said = f"seen last: run {run.run_id} {run.status}" if run else "seen last: no run at work"
    return f"{said}, session {newest.bound.status if newest.bound else 'not bound'}"


def _unconfirmed(plan: Plan, sent: SentCommand, after: Sighting, timing: Timing) -> Observed:
    last = _seen_last(after)
    then = plan.precondition.server_started_at
    started = after.server_started_at or server_started_at(plan.target)
    if then is not None and started is not None and started != then:
        return Observed(
            outcome=Outcome.NOT_CONFIRMED,
            detail=f"the server was started again before it was done; {last}",
            after=after,
            code="server-restarted",
            advice=("make a new plan: it has to be asked for again",),
        )
    if all(source.source != "server" for source in after.sources):
        return Observed(
            outcome=Outcome.NOT_CONFIRMED,
            detail=f"the server does not answer any more; {last} (as stored)",
            after=after,
            code="server-gone",
            advice=(f"{remedies.START}, then make a new plan",),
        )
    left = [effect for effect in _effects_of(sent, after) if effect.open]
    if not left:
        return Observed(
            outcome=Outcome.NOT_CONFIRMED,
            detail=f"the effect did not show within {timing.poll:g} s; {last}",
            after=after,
            code="not-confirmed",
            advice=("look again in a moment (t3lens show); the server may still be at it",),
        )
    cost: tuple[str, ...] = ()
    if plan.target.database is not None:
        lost = cost_of_restart(Path(plan.target.database), but=plan.target.thread_id)
        cost = cost_said(lost, holds=holds_queue(plan.target, plan.belief))
    return Observed(
        outcome=Outcome.NOT_CONFIRMED,
        detail=f"accepted, and its effect {left[0].type} is still {left[0].status} after {timing.poll:g} s; {last}",
        after=after,
        code="effect-held",
        advice=("send no further commands to this thread: they would wait behind it", remedies.ONLY_RESTART, *cost),
    )
