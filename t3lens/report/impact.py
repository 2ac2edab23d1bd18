"""What an incident cost: how long, which turns, and who waited for an answer."""

from __future__ import annotations

import msgspec

from t3lens.diagnose import ThreadDiagnosis
from t3lens.domain.finding import WRONG_VERDICTS
from t3lens.time import Micros

__all__ = ["Impact", "Waiting", "impact", "with_what_came"]


class Waiting(msgspec.Struct, frozen=True):
    """A person's matter that nobody took care of.

    Attributes:
        what: ``message``, ``approval`` or ``question``.
        reference: Its id.
        since: Since when, microseconds UTC.
        turn_id: Its turn.
        later: What has become of it since.
    """

    what: str
    reference: str
    since: Micros | None
    turn_id: str | None
    later: str = ""


class Impact(msgspec.Struct, frozen=True):
    """How long (microseconds; None if nothing is wrong), which turns, who waited."""

    lasted: Micros | None
    turns: tuple[str, ...]
    waiting: tuple[Waiting, ...]


def impact(diagnosis: ThreadDiagnosis) -> Impact:
    """What the state of a thread costs.

    Args:
        diagnosis: The thread.
    """
    case = diagnosis.case
    if diagnosis.verdict not in WRONG_VERDICTS:
        return Impact(None, (), ())
    lasted = max(0, case.context.as_of - diagnosis.since) if diagnosis.since is not None else None
    turns = [f.turn_id for f in diagnosis.findings if f.turn_id and f.makes is not None]
    turns += [turn.turn_id for turn in case.facts.turns if turn.turn_id and turn.state == "running"]
    if case.session is not None and case.session.active_turn_id:
        turns.append(case.session.active_turn_id)
    waiting = [
        Waiting(
            "question" if request.question else "approval",
            request.request_id,
            request.opened_at,
            request.turn_id,
        )
        for request in case.requests.open
    ]
    pending = case.facts.pending
    if pending is not None and pending.pending_message_id:
        waiting.append(Waiting("message", pending.pending_message_id, pending.requested_at, None))
    unique = dict.fromkeys(turns)
    for turn in case.facts.turns:
        if turn.turn_id in unique and turn.pending_message_id:
            waiting.append(
                Waiting(
                    "message",
                    turn.pending_message_id,
                    turn.requested_at or turn.started_at,
                    turn.turn_id,
                )
            )
    return Impact(lasted, tuple(unique), tuple(waiting))


def with_what_came(hit: Impact, now: ThreadDiagnosis) -> Impact:
    """The same, with what has become of each matter since.

    Args:
        hit: As it was then.
        now: The thread as it stands.
    """
    return msgspec.structs.replace(
        hit, waiting=tuple(msgspec.structs.replace(one, later=_later_turns(one, now)) for one in hit.waiting)
    )


def _later_turns(one: Waiting, now: ThreadDiagnosis) -> str:
    if one.what != "message":
        still = {request.request_id for request in now.case.requests.open}
        return "still open" if one.reference in still else "closed"
    turns = [turn for turn in now.case.facts.turns if turn.pending_message_id == one.reference]
    if any(turn.state == "completed" and turn.assistant_message_id for turn in turns):
        return "answered"
    return "has no answer"
