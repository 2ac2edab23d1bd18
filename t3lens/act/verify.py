"""Did it work? The stored state is read back until it is as expected, or the time is over.

Two sources are asked, the server and ``state.sqlite``; both that can be read must agree. An answer of 200 is never
a proof, and neither is silence.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from t3lens.act.answer import DECLINED
from t3lens.act.connect import Connection
from t3lens.act.observe import observe, server_started_at
from t3lens.act.plan import Plan
from t3lens.act.result import Outcome
from t3lens.act.send import SentCommand
from t3lens.act.target import CommandFailure, Sighting, Target
from t3lens.act.v1.stored import carried_out_since
from t3lens.errors import ActionError
from t3lens.t3code.home_layout import STATE_SQLITE
from t3lens.t3code.v1 import remedies
from t3lens.t3code.v1.event_types import APPROVAL_RESPOND_FAILED, SESSION_STOP_FAILED

__all__ = ["Observed", "Timing", "await_state", "try_to_observe", "verify_decline", "verify_stop"]


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait, in seconds.

    Attributes:
        poll: For the effect of a command. The server answers within 3 s when it is well; after 20 s its queue
            counts as blocked.
        interval: Between two reads.
        restart: For a person to restart the server.
    """

    poll: float = remedies.QUEUE_BLOCKED_AFTER_S
    interval: float = 0.4
    restart: float = 900.0


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What reading back came to.

    Attributes:
        outcome: ``applied``, ``already`` (the server did it itself), ``failed`` or ``not confirmed``.
        detail: The same in words.
        after: What was seen last; None if nothing could be read.
        advice: What to do next.
        code: Stable name, where it is no success.
        queue_blocked: Whether the command queue looks blocked.
    """

    outcome: Outcome
    detail: str
    after: Sighting | None
    advice: tuple[str, ...] = ()
    code: str | None = None
    queue_blocked: bool | None = None


def try_to_observe(target: Target, connection: Connection) -> Sighting | None:
    """What can be read now, from the server and the database, else from the database alone; None if nothing."""
    try:
        return observe(target, connection.for_looking())
    except ActionError:
        seen = observe(target, alive=True)
        return seen if seen.found else None


def await_state(
    target: Target,
    connection: Connection,
    holds: Callable[[Sighting], bool],
    timing: Timing,
    *,
    watch: Callable[[Sighting], None] | None = None,
) -> tuple[bool, Sighting | None]:
    """Read until ``holds``; whether it came true in time, and what was seen last."""
    until = time.monotonic() + timing.poll
    last: Sighting | None = None
    pause = threading.Event()
    while True:
        seen = try_to_observe(target, connection)
        if seen is not None:
            last = seen
            if watch is not None:
                watch(seen)
            if holds(seen):
                return True, seen
        if time.monotonic() >= until:
            return False, last
        pause.wait(timing.interval)


def verify_stop(
    plan: Plan,
    sent: SentCommand,
    before: Sighting,
    connection: Connection,
    timing: Timing,
    *,
    watch: Callable[[Sighting], None] | None = None,
) -> Observed:
    """Read back until the session is stopped, the server says why not, or the time is over."""
    known = {failure.activity_id for failure in before.failures}

    def decided(seen: Sighting) -> bool:
        return (
            plan.expected.holds(seen)
            or _new_failure(seen, known, SESSION_STOP_FAILED) is not None
            or (_restarted(plan, seen) and seen.settled)
        )

    done, after = await_state(plan.target, connection, decided, timing, watch=watch)
    if done and after is not None:
        failure = _new_failure(after, known, SESSION_STOP_FAILED)
        if plan.expected.holds(after):
            return Observed(
                outcome=Outcome.APPLIED,
                detail=_success(plan, after),
                after=after,
            )
        if failure is not None:
            return Observed(
                outcome=Outcome.FAILED,
                detail=f"the server could not stop the session: {failure.detail}; it is kept as it was",
                after=after,
                code="stop-failed",
                advice=("look at the reason, then make a new plan",),
            )
        return Observed(
            outcome=Outcome.ALREADY,
            detail=(
                f"the server was started again meanwhile and ended the session itself: it is stored as {_status(after)}"
            ),
            after=after,
            advice=(remedies.NEW_MESSAGE,),
        )
    return _not_confirmed(plan, sent, after, timing)


def verify_decline(
    plan: Plan,
    request_id: str,
    sent: SentCommand,
    before: Sighting,
    connection: Connection,
    timing: Timing,
    *,
    watch: Callable[[Sighting], None] | None = None,
) -> Observed:
    """Read back until the request is resolved and it is known what became of the answer, or the time is over.

    The stored request turns resolved as soon as the command is stored. That its provider took the answer, or that
    the server could not hand it over, comes later; where nobody is there to take it, the latter is the success.
    """
    known = {failure.activity_id for failure in before.failures}
    said = (plan.answer or DECLINED).words

    def failed(seen: Sighting) -> CommandFailure | None:
        return _new_failure(seen, known, APPROVAL_RESPOND_FAILED, request_id)

    def taken(seen: Sighting) -> bool:
        return request_id in seen.answered

    def decided(seen: Sighting) -> bool:
        return request_id not in (seen.open_requests or ()) and (taken(seen) or failed(seen) is not None)

    done, after = await_state(plan.target, connection, decided, timing, watch=watch)
    if after is None or not done:
        still_open = after is not None and request_id in (after.open_requests or ())
        what = (
            f"request {request_id} is {'still open' if still_open else 'resolved, and what became of the answer not known'}"
        )
        return _not_confirmed(plan, sent, after, timing, seen_last=what)
    failure = failed(after)
    if taken(after):
        return Observed(
            outcome=Outcome.APPLIED,
            detail=f"request {request_id} is {said}, and its provider took the answer",
            after=after,
        )
    assert failure is not None
    if plan.expected.delivered:
        return Observed(
            outcome=Outcome.FAILED,
            detail=f"request {request_id} is stored as {said}, but its provider did not take the answer: {failure.detail}",
            after=after,
            code="answer-failed",
            advice=("look at the thread again (t3lens show): its asker may be gone",),
        )
    return Observed(
        outcome=Outcome.APPLIED,
        detail=f"request {request_id} is {said}; as expected, nobody was there to take the answer",
        after=after,
    )


def _success(plan: Plan, after: Sighting) -> str:
    turn = plan.precondition.active_turn_id
    state = after.turns.get(turn) if turn else None
    text = "the session is stopped and holds no turn"
    if turn and state == "running":
        text += f"; turn {turn} stays stored as running, as this build leaves it"
    elif turn and state:
        text += f"; turn {turn} is {state}"
    return text


def _not_confirmed(
    plan: Plan, sent: SentCommand, after: Sighting | None, timing: Timing, *, seen_last: str | None = None
) -> Observed:
    asked = "answer" if seen_last is not None else "stop"
    if after is None:
        return Observed(
            outcome=Outcome.NOT_CONFIRMED,
            detail=f"within {timing.poll:g} s nothing could be read back: neither the server nor its database",
            after=None,
            code="not-confirmed",
            advice=("see whether T3 Code runs, then make a new plan",),
        )
    last = f"seen last: {seen_last or f'session {_status(after)}'}"
    if after.running_turns and seen_last is None:
        last += f", turn {', '.join(after.running_turns)} still running"
    if _restarted(plan, after):
        return Observed(
            outcome=Outcome.NOT_CONFIRMED,
            detail=f"the server was started again before it was done, and forgets what was queued; {last}",
            after=after,
            code="server-restarted",
            advice=(f"make a new plan: the {asked} has to be asked for again",),
        )
    if seen_last is None and after.binding_read and after.binding is None and after.session is not None:
        return Observed(
            outcome=Outcome.NOT_CONFIRMED,
            detail=(
                f"the thread has no runtime binding, and some builds then accept a stop and do nothing, silently; {last}"
            ),
            after=after,
            code="no-binding",
            queue_blocked=False,
            advice=(f"{remedies.NEW_MESSAGE} and binds it again",),
        )
    if all(source.source != "server" for source in after.sources):
        return Observed(
            outcome=Outcome.NOT_CONFIRMED,
            detail=f"the server does not answer any more; {last} (in {STATE_SQLITE})",
            after=after,
            code="server-gone",
            advice=(f"{remedies.START}, then make a new plan",),
        )
    blocked = _queue_blocked(plan.target, sent)
    if blocked:
        detail = (
            f"accepted, and for {timing.poll:g} s the server carried out nothing for any thread: its command queue"
            f" looks blocked; {last}"
        )
        advice = remedies.QUEUE_BLOCKED_ADVICE
    else:
        detail = f"the effect did not show within {timing.poll:g} s; {last}"
        advice = (
            "look again in a moment (t3lens show); the server may still be at it",
            "if it stays so, restart the T3 Code server and make a new plan",
        )
    return Observed(
        outcome=Outcome.NOT_CONFIRMED,
        detail=detail,
        after=after,
        code="queue-blocked" if blocked else "not-confirmed",
        queue_blocked=blocked,
        advice=advice,
    )


def _new_failure(seen: Sighting, known: set[str], kind: str, request_id: str | None = None) -> CommandFailure | None:
    """The failure of this kind (and of the answer to this request) that was not there before."""
    return next(
        (f for f in seen.failures if f.kind == kind and f.activity_id not in known and request_id in (None, f.request_id)),
        None,
    )


def _restarted(plan: Plan, seen: Sighting) -> bool:
    then = plan.precondition.server_started_at
    now = seen.server_started_at or server_started_at(plan.target)
    return then is not None and now is not None and now != then


def _status(seen: Sighting) -> str:
    session = seen.session
    if session is None:
        return "absent"
    return f"{session.status}, active turn {session.active_turn_id or 'none'}"


def _queue_blocked(target: Target, sent: SentCommand) -> bool | None:
    """Whether nothing that the server's reactor writes came after the command; None if that cannot be read."""
    if target.database is None or sent.sequence is None:
        return None
    carried_out = carried_out_since(Path(target.database), sent.sequence)
    return None if carried_out is None else not carried_out
