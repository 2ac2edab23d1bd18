"""A home as it was at a moment, from records that go on: what its events up to then make of it, and nothing newer.

Sessions, turns and starts that wait are rebuilt from the event store under the rules of the build. Of what only a row
tells (a runtime binding, a projector, an agent's own record) the past is not known, and it is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from t3lens.diagnose.facts import ApprovalRow, HomeFacts, LogLine, SessionRow, ThreadFacts, TurnRow
from t3lens.diagnose.queries import Until
from t3lens.domain.event import Event
from t3lens.t3code.v1.lifecycle.projection import ProjectedThread, ProjectedTurn, project
from t3lens.t3code.v1.rules import Rules
from t3lens.t3code.v1.writers import CHECKPOINT_REACTOR, REACTOR
from t3lens.time import Micros

__all__ = ["UNKNOWABLE", "cut", "happened_by", "rewind", "session_then"]

_PENDING = "pending"
_NO_SEQUENCE: Final = 2**62
"""Behind every event."""

UNKNOWABLE: Final = (
    "its runtime binding (what the provider service had last done for it)",
    "whether its provider's process was alive",
    "how far the server's projectors had come, and whether a row said something else than the events",
    "what the agent's own record said by then",
    "what was wrong with the home as a whole, as commands of other threads that kept its server busy",
)
"""What no record keeps of the past of a thread, as parts of a sentence."""


def rewind(home: HomeFacts, rules: Rules, moment: Micros) -> None:
    """Make the rows of threads that went on after ``moment`` what they were then.

    Args:
        home: Gathered with ``until=moment``: its logs and events are cut already; changed.
        rules: The rules of the build that wrote it.
        moment: Microseconds UTC.
    """
    later = [facts for facts in home.threads.values() if facts.went_on]
    if not later:
        return
    # how far each projector had come is not kept: it is taken to have been up to date
    home.projectors = {}
    home.last_reactor_sequence = max((_last_of_reactor(facts) for facts in home.threads.values()), default=0)
    for facts in later:
        there = facts.row is not None and (facts.row.created_at or moment + 1) <= moment
        if not there and not facts.stored and not facts.canonical and not facts.records:
            del home.threads[facts.thread_id]  # it did not exist
        else:
            _rewind(facts, rules, moment)


def happened_by(facts: ThreadFacts, events: Sequence[Event], until: Until | None) -> list[Event]:
    """Of a thread's replayed events, in their order, those that had happened by a moment.

    Args:
        facts: Of the thread.
        events: Its canonical and stored events.
        until: Which of the home's records are those up to the moment, as ``until_of`` says; None for all.
    """
    if until is None:
        return list(events)
    last = _last(until)

    def was(event: Event) -> bool:
        if event.event_id not in facts.refs:
            return (event.sequence or 0) < last
        # what was stored because of a log line came after the line
        return event.at <= until.moment or (facts.anchors.get(event.event_id) or _NO_SEQUENCE) < last

    return [event for event in events if was(event)]


def session_then(facts: ThreadFacts, until: Until | None, rules: Rules) -> SessionRow | None:
    """The stored session that a thread had at a moment.

    Args:
        facts: Of the thread as it stands.
        until: Which of the home's records are those up to the moment; None for all.
        rules: The rules of the build that wrote it.
    """
    if until is None:
        return facts.session
    last = _last(until)
    stored = [event for event in facts.stored if (event.sequence or 0) < last]
    if len(stored) == len(facts.stored) and (facts.last_log is None or facts.last_log.at <= until.moment):
        return facts.session
    return _session(project(stored, rules))


def _last(until: Until) -> int:
    return until.sequence if until.sequence is not None else _NO_SEQUENCE


def cut(facts: ThreadFacts, events: Sequence[Event], rules: Rules, moment: Micros, last_log: LogLine | None) -> ThreadFacts:
    """A thread's facts as they were at a moment, from all that is known of it now.

    Args:
        facts: All of it; not changed.
        events: Its canonical and stored events up to the moment.
        rules: The rules of the build that wrote it.
        moment: Microseconds UTC.
        last_log: Its newest log line then.
    """
    kept = {event.event_id for event in events}
    sequence = max((event.sequence or 0 for event in events), default=0)
    was = msgspec.structs.replace(
        facts,
        canonical=[event for event in facts.canonical if event.event_id in kept],
        stored=[event for event in facts.stored if (event.sequence or 0) <= sequence],
        anchors={key: at for key, at in facts.anchors.items() if at <= sequence},
        native=[sign for sign in facts.native if sign.at <= moment],
        failures=[failure for failure in facts.failures if failure.sequence <= sequence],
        errors=[failure for failure in facts.errors if failure.sequence <= sequence],
        questions={key: asked for key, asked in facts.questions.items() if asked.sequence <= sequence},
        asks=[],
        messages_taken=[at for at in facts.messages_taken if at <= moment],
        last_log=last_log,
        last_activity=None,
        stored_at=None,
        told=[event for event in facts.told if (event.sequence or 0) <= sequence],
        went_on=True,
    )
    _rewind(was, rules, moment)
    return was


def _last_of_reactor(facts: ThreadFacts) -> int:
    stored = [
        event.sequence or 0
        for event in facts.stored
        if event.command_id and event.command_id.startswith(REACTOR) and not event.command_id.startswith(CHECKPOINT_REACTOR)
    ]
    failed = [failure.sequence for failure in (*facts.failures, *facts.errors)]
    return max([*stored, *failed], default=0)


def _rewind(facts: ThreadFacts, rules: Rules, moment: Micros) -> None:
    made = project(facts.stored, rules)
    facts.session = _session(made)
    rows = {turn.turn_id: turn.row_id for turn in facts.turns}
    facts.turns = [_row(turn, rows.get(turn.turn_id)) for turn in made.turns.values()]
    facts.pending = _row(made.pending, None) if made.pending is not None else None
    facts.approvals = [_open_again(approval, moment) for approval in facts.approvals if (approval.created_at or 0) <= moment]
    if facts.binding is not None and (facts.binding.last_seen_at or moment + 1) > moment:
        facts.binding = None
    if facts.record is not None and (facts.record.last_at or moment + 1) > moment:
        facts.record = None
    if facts.row is not None:
        facts.row = msgspec.structs.replace(
            facts.row,
            latest_turn_id=facts.turns[-1].turn_id if facts.turns else None,
            updated_at=facts.stored[-1].at if facts.stored else facts.row.created_at,
            archived_at=_if_then(facts.row.archived_at, moment),
            deleted_at=_if_then(facts.row.deleted_at, moment),
            pending_approval_count=sum(approval.status == _PENDING for approval in facts.approvals),
        )


def _session(made: ProjectedThread) -> SessionRow | None:
    session = made.session
    if session is None:
        return None
    return SessionRow(
        session.status, session.active_turn_id, session.last_error, session.updated_at or 0, session.provider_name
    )


def _row(turn: ProjectedTurn, row_id: int | None) -> TurnRow:
    return TurnRow(
        row_id=row_id,
        turn_id=turn.turn_id,
        pending_message_id=turn.pending_message_id,
        state=turn.state.value,
        requested_at=turn.requested_at,
        started_at=turn.started_at,
        completed_at=turn.completed_at,
        assistant_message_id=turn.assistant_message_id,
        checkpoint_turn_count=turn.checkpoint_turn_count,
        checkpoint_ref=turn.checkpoint_ref,
        checkpoint_status=turn.checkpoint_status,
    )


def _open_again(approval: ApprovalRow, moment: Micros) -> ApprovalRow:
    if approval.resolved_at is None or approval.resolved_at <= moment:
        return approval
    return msgspec.structs.replace(approval, status=_PENDING, resolved_at=None)


def _if_then(at: Micros | None, moment: Micros) -> Micros | None:
    return at if at is not None and at <= moment else None
