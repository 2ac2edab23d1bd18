"""A thread of the second data model as it was at a moment: its events up to then tell how every run and request stood.

An event holds the whole entity after the change, and compaction keeps those that the life of a run is read from; so the
newest event of an entity up to a moment is the row as it was. Rows without such an event are taken by their own times.
An effect that ended later was at work from when it could be, behind those before it: that is how the server takes them
up. How far the projections had come is not kept: they are taken to have been up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from t3lens.diagnose.facts import HomeFacts, LogLine
from t3lens.diagnose.v2.as_session import in_common_words
from t3lens.diagnose.v2.facts import (
    AttemptRow,
    EffectRow,
    NodeRow,
    ProviderSessionRow,
    ProviderTurnRow,
    RequestRow,
    RunRow,
    SecondFacts,
)
from t3lens.domain.event import Event
from t3lens.t3code.v2 import events as types
from t3lens.t3code.v2.reducer import time_of
from t3lens.t3code.v2.words import (
    LEASE_S,
    PROVIDER_TURN_LIVE,
    REQUEST_PENDING,
    EffectStatus,
    EffectType,
    RunStatus,
)
from t3lens.time import SECOND, Micros

__all__ = ["cut_second", "rewind_second"]

_Row = TypeVar("_Row")


def rewind_second(home: HomeFacts, moment: Micros) -> None:
    """Make the rows of a home what they were at a moment.

    Args:
        home: Gathered with ``until=moment``: its logs and events are cut already; changed.
        moment: Microseconds UTC.
    """
    threads = [facts for facts in home.threads.values() if isinstance(facts, SecondFacts)]
    if not any(facts.went_on or _outbox_went_on(facts, moment) for facts in threads):
        return
    home.last_applied = None
    for facts in threads:
        created = facts.row.created_at if facts.row is not None else None
        if created is not None and created > moment:
            del home.threads[facts.thread_id]  # it did not exist
        else:
            _as_it_was(facts, moment)


def _outbox_went_on(facts: SecondFacts, moment: Micros) -> bool:
    return any(max(effect.created_at or 0, effect.updated_at or 0) > moment for effect in facts.effects)


def cut_second(facts: SecondFacts, events: Sequence[Event], moment: Micros, last: LogLine | None) -> SecondFacts:
    """A thread's facts as they were at a moment, from all that is known of it now.

    Args:
        facts: All of it; not changed.
        events: Its events up to the moment.
        moment: Microseconds UTC.
        last: The last sign of life before the moment, of log or store (that has no path); None if it came just then.
    """
    kept = {event.event_id for event in events}
    was = msgspec.structs.replace(
        facts,
        stored=[event for event in facts.stored if event.event_id in kept],
        heard=last if last is not None and last.path else None,
        helpers_at=facts.helpers_at if (facts.helpers_at or 0) <= moment else moment,
        worked_at=last.at if last is not None else moment,
        ends=[end for end in facts.ends if end.at <= moment],
        asked_again_at=facts.asked_again_at if (facts.asked_again_at or 0) <= moment else moment,
        statuses=[line for line in facts.statuses if line.at <= moment],
    )
    _as_it_was(was, moment)
    return was


def _as_it_was(facts: SecondFacts, moment: Micros) -> None:
    newest = _newest(facts.stored)
    facts.runs = sorted(
        _rows_at(facts.runs, lambda run: run.run_id, newest, types.RUN_UPDATED, _run_of, lambda run: _run_then(run, moment)),
        key=lambda run: (run.ordinal, run.run_id),
    )
    runs = {run.run_id for run in facts.runs}
    facts.attempts = [
        one
        for one in _rows_at(
            facts.attempts, lambda one: one.attempt_id, newest, types.RUN_ATTEMPT_UPDATED, _attempt_of, lambda one: one
        )
        if one.run_id in runs
    ]
    facts.nodes = [_node_then(node, moment) for node in facts.nodes if node.run_id in runs]
    facts.provider_turns = _rows_at(
        facts.provider_turns,
        lambda turn: turn.provider_turn_id,
        newest,
        types.PROVIDER_TURN_UPDATED,
        _turn_of,
        lambda turn: _turn_then(turn, moment),
    )
    facts.sessions = _sessions(facts, moment)
    facts.asked = _rows_at(
        facts.asked,
        lambda asked: asked.request_id,
        newest,
        types.REQUEST_UPDATED,
        _request_of,
        lambda asked: _request_then(asked, moment),
    )
    facts.effects = [then for one in facts.effects if (then := _effect_then(one, facts.effects, moment)) is not None]
    facts.reasons = [reason for reason in facts.reasons if (reason.at or 0) <= moment]
    facts.interrupts = [
        msgspec.structs.replace(one, done_at=_if_then(one.done_at, moment))
        for one in facts.interrupts
        if (one.at or 0) <= moment
    ]
    facts.tools = [
        msgspec.structs.replace(one, ended_at=_if_then(one.ended_at, moment))
        for one in facts.tools
        if (one.started_at or 0) <= moment
    ]
    facts.subagents = [
        msgspec.structs.replace(one, ended_at=_if_then(one.ended_at, moment))
        for one in facts.subagents
        if (one.started_at or 0) <= moment
    ]
    if facts.record is not None and (facts.record.last_at or moment + 1) > moment:
        facts.record = None  # it keeps no past
    if facts.imported is not None and (facts.imported.imported_at or 0) > moment:
        facts.imported = None
    if facts.row is not None:
        facts.row = msgspec.structs.replace(
            facts.row,
            latest_turn_id=facts.runs[-1].run_id if facts.runs else None,
            archived_at=_if_then(facts.row.archived_at, moment),
            deleted_at=_if_then(facts.row.deleted_at, moment),
            pending_approval_count=sum(asked.pending for asked in facts.asked),
        )
    in_common_words(facts)


_KINDS = {types.RUN_CREATED: types.RUN_UPDATED, types.RUN_ATTEMPT_CREATED: types.RUN_ATTEMPT_UPDATED}
"""An entity's first event is called otherwise for some."""


def _newest(events: Iterable[Event]) -> dict[tuple[str, str], Event]:
    """The newest event of each entity, by its kind and id."""
    found: dict[tuple[str, str], Event] = {}
    for event in events:
        key = event.text("id")
        if key is not None:
            found[_KINDS.get(event.type, event.type), key] = event
    return found


def _rows_at(
    rows: Iterable[_Row],
    key: Callable[[_Row], str],
    newest: dict[tuple[str, str], Event],
    kind: str,
    of_event: Callable[[_Row | None, Event], _Row],
    of_row: Callable[[_Row], _Row | None],
) -> list[_Row]:
    """The rows of a kind as they were: by the newest event of each, or by the row's own times where it has none."""
    events = {entity: event for (of, entity), event in newest.items() if of == kind}
    found = []
    for row in rows:
        event = events.pop(key(row), None)
        then = of_row(row) if event is None else of_event(row, event)
        if then is not None:
            found.append(then)
    return found + [of_event(None, event) for event in events.values()]


def _run_of(row: RunRow | None, event: Event) -> RunRow:
    ordinal = event.value("ordinal")
    return RunRow(
        row.run_id if row is not None else event.text("id") or "",
        row.ordinal if row is not None else ordinal if isinstance(ordinal, int) else 0,
        event.text("status") or "",
        time_of(event, "requestedAt"),
        time_of(event, "startedAt"),
        time_of(event, "completedAt"),
        event.text("userMessageId"),
        event.text("providerThreadId"),
        bool(event.value("queueHeld")),
    )


def _run_then(row: RunRow, moment: Micros) -> RunRow | None:
    if (row.requested_at or 0) > moment:
        return None
    if row.completed_at is None or row.completed_at <= moment:
        return row
    status = RunStatus.RUNNING if row.started_at is not None and row.started_at <= moment else RunStatus.STARTING
    return msgspec.structs.replace(row, status=status, completed_at=None, started_at=_if_then(row.started_at, moment))


def _attempt_of(row: AttemptRow | None, event: Event) -> AttemptRow:
    status = event.text("status") or ""
    if row is not None:
        return msgspec.structs.replace(row, status=status)
    return AttemptRow(event.text("id") or "", event.turn_id, status, None, event.text("reason"))


def _node_then(row: NodeRow, moment: Micros) -> NodeRow:
    if row.completed_at is None or row.completed_at <= moment:
        return row
    return msgspec.structs.replace(row, status=RunStatus.RUNNING, completed_at=None)


def _turn_of(row: ProviderTurnRow | None, event: Event) -> ProviderTurnRow:
    native = event.value("nativeTurnRef")
    said = native.get("nativeId") if isinstance(native, dict) else None
    return ProviderTurnRow(
        event.text("id") or "",
        event.text("providerThreadId"),
        event.text("runAttemptId"),
        event.text("status") or "",
        row.native_id if row is not None else said if isinstance(said, str) else None,
        time_of(event, "startedAt"),
        time_of(event, "completedAt"),
    )


def _turn_then(row: ProviderTurnRow, moment: Micros) -> ProviderTurnRow | None:
    if (row.started_at or 0) > moment:
        return None
    if row.status in PROVIDER_TURN_LIVE or row.completed_at is None or row.completed_at <= moment:
        return row
    return msgspec.structs.replace(row, status="running", completed_at=None)


def _request_of(row: RequestRow | None, event: Event) -> RequestRow:
    capability = event.value("responseCapability")
    said = capability.get("type") if isinstance(capability, dict) else None
    return RequestRow(
        event.text("id") or "",
        event.text("kind") or (row.kind if row is not None else ""),
        event.text("status") or "",
        row.created_at if row is not None else event.at,
        row.run_id if row is not None and row.run_id else event.turn_id,
        said if isinstance(said, str) else None,
        row.resolved_at if row is not None and event.text("status") != REQUEST_PENDING else None,
    )


def _request_then(row: RequestRow, moment: Micros) -> RequestRow | None:
    if (row.created_at or 0) > moment:
        return None
    if row.resolved_at is None or row.resolved_at <= moment:
        return row
    return msgspec.structs.replace(row, status=REQUEST_PENDING, resolved_at=None)


def _sessions(facts: SecondFacts, moment: Micros) -> list[ProviderSessionRow]:
    """The sessions bound at a moment: attached, and not let go since."""
    bound: dict[str, ProviderSessionRow] = {}
    told = False
    for event in facts.stored:
        if event.type == types.PROVIDER_SESSION_DETACHED:
            bound.pop(event.text("providerSessionId") or "", None)
        elif event.type in (types.PROVIDER_SESSION_ATTACHED, types.PROVIDER_SESSION_UPDATED):
            session = event.text("id") or ""
            if event.type == types.PROVIDER_SESSION_UPDATED and session not in bound:
                continue
            bound[session] = ProviderSessionRow(
                session, event.text("status") or "", event.text("driver"), event.text("lastError"), event.at
            )
        else:
            continue
        told = True
    if told:
        return sorted(bound.values(), key=lambda one: (one.updated_at or 0, one.provider_session_id))
    return [one for one in facts.sessions if (one.updated_at or 0) <= moment]


def _ended_at(effect: EffectRow) -> Micros | None:
    return None if effect.open else effect.completed_at or effect.updated_at


def _effect_then(effect: EffectRow, others: Sequence[EffectRow], moment: Micros) -> EffectRow | None:
    created = effect.created_at or 0
    ended = _ended_at(effect)
    if created > moment:
        return None
    if (ended is not None and ended <= moment) or (effect.open and (effect.updated_at or created) <= moment):
        return effect
    title = effect.effect_type == EffectType.TITLE
    before = any(
        (other.created_at or 0) < created
        and (other.effect_type == EffectType.TITLE) is title
        and ((done := _ended_at(other)) is None or done > moment)
        for other in others
    )
    begun = effect.available_at or created
    was = msgspec.structs.replace(effect, attempt_count=1, completed_at=None, last_error=None, updated_at=created)
    if before or begun > moment or effect.attempt_count > 1:
        return msgspec.structs.replace(was, status=EffectStatus.PENDING, lease_expires_at=None, available_at=moment)
    return msgspec.structs.replace(
        was, status=EffectStatus.RUNNING, updated_at=begun, lease_expires_at=begun + LEASE_S * SECOND
    )


def _if_then(at: Micros | None, moment: Micros) -> Micros | None:
    return at if at is not None and at <= moment else None
