"""How events become rows: the part of the projections that depends on the build, per thread and in memory.

Sessions and turns follow the rules of the build; the reducer has its own view of turns (what is true), this is
what T3 Code stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from t3lens.sim.builds import Build

__all__ = ["ThreadRows", "TurnRow"]

TurnRow = dict[str, Any]
"""One row of ``projection_turns``, by column; ``row_id`` is None until it is stored."""

_LIVE: Final = frozenset({"starting", "running"})
_DELETES_PENDING: Final = frozenset({"error", "stopped", "interrupted"})
_SETTLES_AS: Final = {"error": "error", "stopped": "interrupted", "interrupted": "interrupted"}


class ThreadRows:
    """Session and turn rows of one thread, and which of them changed since ``take_changes``.

    Args:
        build: Whose rules apply.
        turns: Stored turn rows, oldest first.
        latest_turn_id: As stored.
    """

    def __init__(
        self, build: Build, turns: list[TurnRow] | None = None, latest_turn_id: str | None = None
    ) -> None:
        self._build = build
        self.turns: list[TurnRow] = turns or []
        self.latest_turn_id = latest_turn_id
        self._changed: dict[int, TurnRow] = {}
        self._removed: list[TurnRow] = []

    def take_changes(self) -> tuple[list[TurnRow], list[TurnRow]]:
        """Rows to write and rows to delete since the last call."""
        changed, removed = list(self._changed.values()), self._removed
        self._changed, self._removed = {}, []
        return changed, removed

    def turn(self, turn_id: str | None) -> TurnRow | None:
        """The row of a turn."""
        return next((row for row in reversed(self.turns) if row["turn_id"] == turn_id), None)

    @property
    def pending(self) -> TurnRow | None:
        """The row of the requested turn that no provider turn has taken up."""
        return self.turn(None) if any(row["turn_id"] is None for row in self.turns) else None

    def apply(self, event_type: str, payload: Mapping[str, Any], occurred_at: str) -> None:
        """Take one ``thread.*`` event into account."""
        handler = _HANDLERS.get(event_type)
        if handler is not None:
            handler(self, payload, occurred_at)

    def start_requested(self, payload: Mapping[str, Any], occurred_at: str) -> None:
        """A turn was asked for: it replaces the one that waits."""
        self._remove_pending()
        self._add(None, "pending", payload["createdAt"], message_id=payload["messageId"])

    def session_set(self, payload: Mapping[str, Any], occurred_at: str) -> None:
        """The session was written."""
        rules = self._build.rules
        session = payload["session"]
        status, active, at = session["status"], session["activeTurnId"], session["updatedAt"]
        if active is not None or not self._build.keeps_latest_turn:
            self.latest_turn_id = active
        if status == "running" and active is not None:
            self._promote(active, at)
        elif status not in _LIVE and rules.session_settles_turns:
            outcome = _SETTLES_AS.get(status, str(rules.ready_settles_as))
            for row in self.turns:
                if row["state"] == "running":
                    self._change(row, state=outcome, completed_at=row["completed_at"] or at)
        if rules.inactive_deletes_pending and status in _DELETES_PENDING:
            self._remove_pending()

    def interrupt_requested(self, payload: Mapping[str, Any], occurred_at: str) -> None:
        """A named turn is written interrupted at once, whatever the provider does."""
        row = self.turn(payload.get("turnId")) if payload.get("turnId") else None
        if row is not None and row["state"] in ("running", "pending"):
            self._change(row, state="interrupted", completed_at=payload["createdAt"])

    def message_sent(self, payload: Mapping[str, Any], occurred_at: str) -> None:
        """An assistant message belongs to its turn; before 0.0.28 its end also ended the turn."""
        row = (
            self.turn(payload["turnId"])
            if payload["role"] == "assistant" and payload["turnId"]
            else None
        )
        if row is None:
            return
        self._change(row, assistant_message_id=payload["messageId"])
        if (
            self._build.rules.message_end_settles
            and not payload["streaming"]
            and row["state"] == "running"
        ):
            self._change(row, state="completed", completed_at=payload["updatedAt"])

    def diff_completed(self, payload: Mapping[str, Any], occurred_at: str) -> None:
        """The checkpoint of a turn was taken, and says how it ended."""
        row = self.turn(payload["turnId"])
        at = payload["completedAt"]
        if row is None:
            row = self._add(payload["turnId"], "running", at, started_at=at)
        self._change(
            row,
            state="error" if payload["status"] == "error" else "completed",
            completed_at=at,
            assistant_message_id=payload["assistantMessageId"] or row["assistant_message_id"],
            checkpoint_turn_count=payload["checkpointTurnCount"],
            checkpoint_ref=payload["checkpointRef"],
            checkpoint_status=payload["status"],
        )
        self.latest_turn_id = payload["turnId"]

    def _promote(self, turn_id: str, at: str) -> None:
        rules, pending, row = self._build.rules, self.pending, self.turn(turn_id)
        if row is None:
            asked = pending["requested_at"] if pending else at
            message = pending["pending_message_id"] if pending else None
            self._add(turn_id, "running", asked, message_id=message, started_at=asked)
        if pending is not None:
            self._remove_pending()
        if rules.session_settles_turns:
            for other in self.turns:
                if other["turn_id"] != turn_id and other["state"] == "running":
                    self._change(other, state=str(rules.superseded_as), completed_at=at)

    def _add(
        self,
        turn_id: str | None,
        state: str,
        asked: str,
        *,
        message_id: str | None = None,
        started_at: str | None = None,
    ) -> TurnRow:
        row: TurnRow = {
            "row_id": None,
            "turn_id": turn_id,
            "pending_message_id": message_id,
            "assistant_message_id": None,
            "state": state,
            "requested_at": asked,
            "started_at": started_at,
            "completed_at": None,
            "checkpoint_turn_count": None,
            "checkpoint_ref": None,
            "checkpoint_status": None,
        }
        self.turns.append(row)
        self._changed[id(row)] = row
        return row

    def _change(self, row: TurnRow, **columns: Any) -> None:
        row.update(columns)
        self._changed[id(row)] = row

    def _remove_pending(self) -> None:
        for row in [row for row in self.turns if row["turn_id"] is None]:
            self.turns.remove(row)
            self._changed.pop(id(row), None)
            if row["row_id"] is not None:
                self._removed.append(row)


_HANDLERS: Final = {
    "thread.turn-start-requested": ThreadRows.start_requested,
    "thread.session-set": ThreadRows.session_set,
    "thread.turn-interrupt-requested": ThreadRows.interrupt_requested,
    "thread.message-sent": ThreadRows.message_sent,
    "thread.turn-diff-completed": ThreadRows.diff_completed,
}
