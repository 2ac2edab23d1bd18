"""The stored session and turns of one thread, rebuilt from its stored events alone.

``orchestration_events`` is T3 Code's event store and ``projection_thread_sessions`` and ``projection_turns``
are a pure function of it: the one computed here, under the rules of the build that wrote them. Where the
rebuilt rows and the stored ones part, a projector lost or failed to apply an event.

The replay of provider events is another thing (``reducer``: what should have been stored); what the two decide
alike is decided once, in ``settling``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from t3lens.domain.event import Event
from t3lens.domain.state import SessionStatus, TurnState
from t3lens.t3code.v1.event_types import (
    MESSAGE_SENT,
    REVERTED,
    SESSION_SET,
    TURN_DIFF_COMPLETED,
    TURN_INTERRUPT_REQUESTED,
    TURN_START_REQUESTED,
)
from t3lens.t3code.v1.lifecycle.settling import (
    STATUSES,
    outcome_by_checkpoint,
    outcome_by_interrupt,
    outcome_by_message_end,
    outcome_by_session,
    outcome_superseded,
    session_drops_pending,
    state_when_run,
)
from t3lens.t3code.v1.rules import Rules
from t3lens.time import Micros, written_time

__all__ = ["PROJECTED_TYPES", "ProjectedSession", "ProjectedThread", "ProjectedTurn", "project"]


class ProjectedSession(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``projection_thread_sessions``.

    Attributes:
        status: As stored; a ``SessionStatus`` unless a build has more.
        provider_name: Driver name.
        provider_instance_id: Configured instance of the provider.
        provider_session_id: The provider's own id of the session, where a build stores it.
        provider_thread_id: The provider's own id of the thread, where a build stores it.
        active_turn_id: The turn the session works on.
        last_error: What went wrong last.
        runtime_mode: ``full-access``, ``approval-required``, …
        updated_at: Microseconds UTC.
    """

    status: str
    provider_name: str | None = None
    provider_instance_id: str | None = None
    provider_session_id: str | None = None
    provider_thread_id: str | None = None
    active_turn_id: str | None = None
    last_error: str | None = None
    runtime_mode: str | None = None
    updated_at: Micros | None = None


class ProjectedTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``projection_turns``.

    Attributes:
        turn_id: None for the row of a start that waits.
        state: See ``TurnState``.
        requested_at: Microseconds UTC, as the other times.
        started_at: None while the start waits.
        completed_at: As stored; a turn that runs again keeps the time it was interrupted at.
        pending_message_id: The message that asked for the turn.
        assistant_message_id: The newest assistant message, or the one its checkpoint names.
        checkpoint_turn_count: Number of the checkpoint within the thread.
        checkpoint_ref: The git reference of the checkpoint.
        checkpoint_status: ``ready``, ``missing`` or ``error``.
        checkpoint_files: What changed, one JSON object per file.
        source_proposed_plan_thread_id: Thread of the plan that the message carries out.
        source_proposed_plan_id: Id of that plan.
    """

    turn_id: str | None
    state: TurnState
    requested_at: Micros
    started_at: Micros | None = None
    completed_at: Micros | None = None
    pending_message_id: str | None = None
    assistant_message_id: str | None = None
    checkpoint_turn_count: int | None = None
    checkpoint_ref: str | None = None
    checkpoint_status: str | None = None
    checkpoint_files: tuple[Any, ...] = ()
    source_proposed_plan_thread_id: str | None = None
    source_proposed_plan_id: str | None = None


class ProjectedThread(msgspec.Struct, frozen=True, kw_only=True):
    """What the projections hold of one thread.

    Attributes:
        session: None before the first ``thread.session-set``.
        turns: By turn id, in the order in which their rows were made; the pending row is not among them.
        pending: The row of the start that waits for a turn.
    """

    session: ProjectedSession | None = None
    turns: Mapping[str, ProjectedTurn] = {}
    pending: ProjectedTurn | None = None


def project(events: Iterable[Event], rules: Rules, thread: ProjectedThread | None = None) -> ProjectedThread:
    """The rows that ``rules`` make of one thread's stored events.

    Args:
        events: The thread's ``thread.*`` events by ``sequence``, whoever wrote them; types in which no session
            or turn is concerned may be left out (``PROJECTED_TYPES`` are those that are).
        rules: The profile of the build that projected them.
        thread: The rows before the first of ``events``; None before the thread's first event.

    Returns:
        The rows after the last event. No JSON shape of a payload makes this fail: what is not as T3 Code
        writes it is passed over.
    """
    rows = _RowsInWork(thread or ProjectedThread(), rules)
    for event in events:
        apply = _HANDLERS.get(event.type)
        if apply is not None:
            apply(rows, event)
    return rows.thread()


_RUNNING: Final = SessionStatus.RUNNING


# --- payloads ------------------------------------------------------------------------------------------------


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _fields(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


# --- one method per event type -------------------------------------------------------------------------------


class _RowsInWork:
    """The rows while they are being rebuilt: what is written where, without a copy of the thread per event."""

    def __init__(self, thread: ProjectedThread, rules: Rules) -> None:
        self.rules = rules
        self._superseded = outcome_superseded(rules)
        self.pending = thread.pending
        self._session = thread.session
        self._session_set: Event | None = None
        self._runs_turn = _running_turn(thread.session)
        self.turns: dict[str, ProjectedTurn] = {}
        self._running: dict[str, None] = {}
        self._by_checkpoint: dict[int, str] = {}
        for turn_id, row in thread.turns.items():
            self._put(turn_id, row)

    def _put(self, turn_id: str, row: ProjectedTurn) -> None:
        self.turns[turn_id] = row
        if row.state is TurnState.RUNNING:
            self._running[turn_id] = None
        else:
            self._running.pop(turn_id, None)
        if row.checkpoint_turn_count is not None:
            self._by_checkpoint[row.checkpoint_turn_count] = turn_id

    def _runs(self, turn_id: str) -> bool:
        return turn_id == self._runs_turn

    def thread(self) -> ProjectedThread:
        """The rows as they are now; only the last session that was set needs to become one."""
        session = self._session if self._session_set is None else _session_row(self._session_set)
        return ProjectedThread(session=session, turns=self.turns, pending=self.pending)

    def start_requested(self, event: Event) -> None:
        """A start replaces the one that waits: a thread has at most one pending row."""
        plan = _fields(event.value("sourceProposedPlan"))
        self.pending = ProjectedTurn(
            turn_id=None,
            state=TurnState.PENDING,
            requested_at=written_time(event.value("createdAt"), event.at),
            pending_message_id=event.text("messageId"),
            source_proposed_plan_thread_id=_string(plan.get("threadId")),
            source_proposed_plan_id=_string(plan.get("planId")),
        )

    def session_set(self, event: Event) -> None:
        payload = event.payload
        fields = payload.get("session") if isinstance(payload, dict) else None
        said = fields.get("status") if isinstance(fields, dict) else None
        if not isinstance(fields, dict) or not isinstance(said, str):
            return
        active = _string(fields.get("activeTurnId"))
        status = STATUSES.get(said)
        self._session_set = event
        self._runs_turn = active if status is _RUNNING else None
        if status is None:
            return
        if status is _RUNNING and active is not None:
            if self._running:
                self._settle_running(self._superseded, event, but=active)
            self._promote(active, event)
            return
        if session_drops_pending(status, self.rules):
            self.pending = None
        if self._running:
            self._settle_running(outcome_by_session(status, self.rules), event)

    def _settle_running(self, outcome: TurnState | None, event: Event, but: str | None = None) -> None:
        """Every running turn but one gets ``outcome``; its end is now, whatever a checkpoint in mid-turn wrote."""
        over = [turn_id for turn_id in self._running if turn_id != but]
        if outcome is None or not over:
            return
        at = written_time(_fields(event.value("session")).get("updatedAt"), event.at)
        for turn_id in over:
            self._put(turn_id, replace(self.turns[turn_id], state=outcome, completed_at=at))

    def _promote(self, turn_id: str, event: Event) -> None:
        """The turn runs and takes up the start that waits: what the pending row knows goes into its row."""
        pending, row = self.pending, self.turns.get(turn_id)
        if pending is None and turn_id in self._running:
            return
        if row is None:
            row = _begun(turn_id, pending.requested_at if pending else event.at)
        row = replace(row, state=state_when_run(row.state, self.rules, own_start=False))
        if pending is not None:
            row = replace(
                row,
                pending_message_id=row.pending_message_id or pending.pending_message_id,
                source_proposed_plan_thread_id=row.source_proposed_plan_thread_id or pending.source_proposed_plan_thread_id,
                source_proposed_plan_id=row.source_proposed_plan_id or pending.source_proposed_plan_id,
            )
        self._put(turn_id, row)
        self.pending = None

    def message_sent(self, event: Event) -> None:
        """An assistant message belongs to its turn, and its end may be the turn's."""
        payload = event.payload
        if not isinstance(payload, dict) or payload.get("role") != "assistant":
            return
        turn_id = event.text("turnId")
        if turn_id is None:
            return
        row = self.turns.get(turn_id)
        message_id = event.text("messageId")
        outcome = None
        streams = payload.get("streaming") is True
        if streams and row is not None and row.assistant_message_id == message_id and row.checkpoint_turn_count is None:
            return  # one more piece of the message that is known
        if not streams:
            state = row.state if row else None
            runs = self._runs(turn_id)
            outcome = outcome_by_message_end(state, self.rules, session_runs_it=runs)
        row = row or _begun(turn_id, written_time(event.value("createdAt"), event.at))
        row = replace(row, assistant_message_id=message_id)
        if outcome is not None:
            ended = written_time(event.value("updatedAt"), event.at)
            row = replace(row, state=outcome, completed_at=_first(row.completed_at, ended))
        self._put(turn_id, row)

    def interrupt_requested(self, event: Event) -> None:
        """Named, the turn is interrupted before the provider has done anything; not named, nothing changes."""
        turn_id, outcome = event.text("turnId"), outcome_by_interrupt(self.rules)
        if turn_id is None or outcome is None:
            return
        at = written_time(event.value("createdAt"), event.at)
        row = self.turns.get(turn_id) or _begun(turn_id, at)
        self._put(turn_id, replace(row, state=outcome, completed_at=_first(row.completed_at, at)))

    def diff_completed(self, event: Event) -> None:
        """The checkpoint is always written, the turn's state only when ``outcome_by_checkpoint`` says so."""
        turn_id = event.text("turnId")
        if turn_id is None:
            return
        at = written_time(event.value("completedAt"), event.at)
        status, files = event.text("status"), event.value("files")
        count = _count(event.value("checkpointTurnCount"))
        self._free_checkpoint(count, but=turn_id)
        row = self.turns.get(turn_id) or _begun(turn_id, at)
        outcome = outcome_by_checkpoint(status, self.rules, session_runs_it=self._runs(turn_id))
        row = replace(
            row,
            state=row.state if outcome is None else outcome,
            completed_at=at,
            assistant_message_id=event.text("assistantMessageId"),
            checkpoint_turn_count=count,
            checkpoint_ref=event.text("checkpointRef"),
            checkpoint_status=status,
            checkpoint_files=tuple(files) if isinstance(files, list) else (),
        )
        self._put(turn_id, row)

    def _free_checkpoint(self, count: int | None, but: str) -> None:
        """A checkpoint number belongs to one turn: another one that held it loses its checkpoint."""
        holder = self._by_checkpoint.get(count) if count is not None else None
        if holder is None or holder == but:
            return
        row = self.turns[holder]
        if row.checkpoint_turn_count == count:
            row = replace(
                row,
                checkpoint_turn_count=None,
                checkpoint_ref=None,
                checkpoint_status=None,
                checkpoint_files=(),
            )
            self._put(holder, row)

    def reverted(self, event: Event) -> None:
        """Turns after the checkpoint that was gone back to are deleted, and so is a start that waits."""
        last = _count(event.value("turnCount"))
        if last is None:
            return
        kept = {
            turn_id: row
            for turn_id, row in self.turns.items()
            if row.checkpoint_turn_count is not None and row.checkpoint_turn_count <= last
        }
        self.turns, self._running, self._by_checkpoint, self.pending = {}, {}, {}, None
        for turn_id, row in kept.items():
            self._put(turn_id, row)


def _running_turn(session: ProjectedSession | None) -> str | None:
    return session.active_turn_id if session and session.status == SessionStatus.RUNNING else None


def _session_row(event: Event) -> ProjectedSession:
    """The row that a ``thread.session-set`` writes."""
    fields = _fields(event.value("session"))
    return ProjectedSession(
        status=str(fields.get("status")),
        provider_name=_string(fields.get("providerName")),
        provider_instance_id=_string(fields.get("providerInstanceId")),
        provider_session_id=_string(fields.get("providerSessionId")),
        provider_thread_id=_string(fields.get("providerThreadId")),
        active_turn_id=_string(fields.get("activeTurnId")),
        last_error=_string(fields.get("lastError")),
        runtime_mode=_string(fields.get("runtimeMode")),
        updated_at=written_time(fields.get("updatedAt"), event.at),
    )


def _begun(turn_id: str, at: Micros) -> ProjectedTurn:
    """The row of a turn nothing was known of."""
    return ProjectedTurn(turn_id=turn_id, state=TurnState.RUNNING, requested_at=at, started_at=at)


def _first(old: Micros | None, new: Micros) -> Micros:
    return new if old is None else old


_HANDLERS: Final[dict[str, Callable[[_RowsInWork, Event], None]]] = {
    SESSION_SET: _RowsInWork.session_set,
    TURN_START_REQUESTED: _RowsInWork.start_requested,
    MESSAGE_SENT: _RowsInWork.message_sent,
    TURN_INTERRUPT_REQUESTED: _RowsInWork.interrupt_requested,
    TURN_DIFF_COMPLETED: _RowsInWork.diff_completed,
    REVERTED: _RowsInWork.reverted,
}

PROJECTED_TYPES: Final = frozenset(_HANDLERS)
"""Stored event types that write a session or turn row; a reader need hand over no others."""
