"""The tables that follow from events: one function per event type, as far as the build does not matter."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from t3lens.sim.builds import SimulatedBuild
from t3lens.sim.projection import ThreadRows
from t3lens.t3code.v1.lifecycle.projection import ProjectedThread, ProjectedTurn
from t3lens.time import Micros, iso, parse_iso

__all__ = ["Tables"]

_UPSERT_SESSION: Final = (
    "INSERT INTO projection_thread_sessions (thread_id, status, provider_name, active_turn_id, last_error,"
    " updated_at, runtime_mode, provider_instance_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (thread_id) DO UPDATE SET status = excluded.status, provider_name = excluded.provider_name,"
    " active_turn_id = excluded.active_turn_id, last_error = excluded.last_error,"
    " updated_at = excluded.updated_at, runtime_mode = excluded.runtime_mode,"
    " provider_instance_id = excluded.provider_instance_id"
)
_TURN_COLUMNS: Final = (
    "turn_id, pending_message_id, assistant_message_id, state, requested_at, started_at, completed_at,"
    " checkpoint_turn_count, checkpoint_ref, checkpoint_status"
)
_INSERT_TURN: Final = (
    f"INSERT INTO projection_turns (thread_id, {_TURN_COLUMNS}, checkpoint_files_json)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]')"
)
_UPDATE_TURN: Final = (
    "UPDATE projection_turns SET "
    + ", ".join(f"{name.strip()} = ?" for name in _TURN_COLUMNS.split(","))
    + " WHERE row_id = ?"
)

_NEWEST: Final = 2**62
"""Above every sequence."""


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class Tables:
    """Writes the projections.

    Args:
        connection: To the database.
        build: Whose rules apply.
    """

    def __init__(self, connection: sqlite3.Connection, build: SimulatedBuild) -> None:
        self.connection = connection
        self._build = build
        self._rows: dict[str, ThreadRows] = {}

    def rows(self, thread_id: str, *, until: int | None = None) -> ThreadRows:
        """Turn rows of a thread, read once (from the events up to a sequence) and kept."""
        rows = self._rows.get(thread_id)
        if rows is None:
            events = [
                (kind, msgspec.json.decode(payload), parse_iso(at))
                for kind, payload, at in self.connection.execute(
                    "SELECT event_type, payload_json, occurred_at FROM orchestration_events"
                    " WHERE aggregate_kind = 'thread' AND stream_id = ? AND sequence <= ?"
                    " ORDER BY stream_version",
                    (thread_id, _NEWEST if until is None else until),
                )
            ]
            ids = self.connection.execute("SELECT turn_id, row_id FROM projection_turns WHERE thread_id = ?", (thread_id,))
            row_ids: dict[str | None, int] = dict(ids.fetchall())
            found = self.connection.execute(
                "SELECT latest_turn_id FROM projection_threads WHERE thread_id = ?", (thread_id,)
            ).fetchone()
            rows = ThreadRows(self._build, events, row_ids, found[0] if found else None)
            self._rows[thread_id] = rows
        return rows

    def project(self, event_type: str, stream_id: str, payload: Mapping[str, Any], at: str) -> None:
        """Let the tables follow one event."""
        handler = _PROJECTIONS.get(event_type)
        if handler is not None:
            handler(self, stream_id, payload, at)
        if not event_type.startswith("thread.") or event_type == "thread.created":
            return
        rows = self.rows(stream_id)
        before = rows.apply(event_type, payload, parse_iso(at))
        if before is not None:
            self._store_turns(stream_id, before, rows)
        self.connection.execute(
            "UPDATE projection_threads SET updated_at = ?, latest_turn_id = ? WHERE thread_id = ?",
            (at, rows.latest_turn_id, stream_id),
        )

    def _store_turns(self, thread_id: str, before: ProjectedThread, rows: ThreadRows) -> None:
        if before.pending is not rows.pending and None in rows.row_ids:
            self.connection.execute("DELETE FROM projection_turns WHERE row_id = ?", (rows.row_ids.pop(None),))
        changed = [row for key, row in rows.turns.items() if before.turns.get(key) is not row]
        if rows.pending is not None and rows.pending is not before.pending:
            changed.append(rows.pending)
        for row in changed:
            row_id = rows.row_ids.get(row.turn_id)
            if row_id is None:
                cursor = self.connection.execute(_INSERT_TURN, (thread_id, *_turn_values(row)))
                assert cursor.lastrowid is not None
                rows.row_ids[row.turn_id] = cursor.lastrowid
            else:
                self.connection.execute(_UPDATE_TURN, (*_turn_values(row), row_id))

    def _project_created(self, project_id: str, payload: Mapping[str, Any], at: str) -> None:
        model = payload.get("defaultModelSelection")
        self.connection.execute(
            "INSERT INTO projection_projects (project_id, title, workspace_root, scripts_json, created_at,"
            " updated_at, default_model_selection_json) VALUES (?, ?, ?, '[]', ?, ?, ?)",
            (
                project_id,
                payload["title"],
                payload["workspaceRoot"],
                at,
                at,
                _json(model) if model else None,
            ),
        )

    def _thread_created(self, thread_id: str, payload: Mapping[str, Any], at: str) -> None:
        self._rows[thread_id] = ThreadRows(self._build)
        self.connection.execute(
            "INSERT INTO projection_threads (thread_id, project_id, title, created_at, updated_at, runtime_mode,"
            " interaction_mode, model_selection_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                thread_id,
                payload["projectId"],
                payload["title"],
                at,
                at,
                payload["runtimeMode"],
                payload["interactionMode"],
                _json(payload["modelSelection"]),
            ),
        )

    def _session_set(self, thread_id: str, payload: Mapping[str, Any], at: str) -> None:
        session = payload["session"]
        self.connection.execute(
            _UPSERT_SESSION,
            (
                thread_id,
                session["status"],
                session["providerName"],
                session["activeTurnId"],
                session["lastError"],
                session["updatedAt"],
                session["runtimeMode"],
                session.get("providerInstanceId"),
            ),
        )

    def _message_sent(self, thread_id: str, payload: Mapping[str, Any], at: str) -> None:
        self.connection.execute(
            "INSERT INTO projection_thread_messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (message_id) DO UPDATE SET text = text || excluded.text,"
            " turn_id = coalesce(excluded.turn_id, turn_id), is_streaming = excluded.is_streaming,"
            " updated_at = excluded.updated_at",
            (
                payload["messageId"],
                thread_id,
                payload["turnId"],
                payload["role"],
                payload["text"],
                int(payload["streaming"]),
                payload["createdAt"],
                payload["updatedAt"],
                "[]" if payload["role"] == "user" else None,
            ),
        )
        if payload["role"] == "user":
            self._set_thread(thread_id, "latest_user_message_at", payload["createdAt"])

    def _activity_appended(self, thread_id: str, payload: Mapping[str, Any], at: str) -> None:
        activity = payload["activity"]
        self.connection.execute(
            "INSERT OR REPLACE INTO projection_thread_activities VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            (
                activity["id"],
                thread_id,
                activity["turnId"],
                activity["tone"],
                activity["kind"],
                activity["summary"],
                _json(activity["payload"]),
                activity["createdAt"],
            ),
        )
        kind, request_id = activity["kind"], activity["payload"].get("requestId")
        if kind == "approval.requested" and request_id:
            self.connection.execute(
                "INSERT OR REPLACE INTO projection_pending_approvals VALUES (?, ?, ?, 'pending', NULL, ?, NULL)",
                (request_id, thread_id, activity["turnId"], activity["createdAt"]),
            )
        elif kind == "approval.resolved" and request_id:
            self._resolve(request_id, activity["payload"].get("decision"), activity["createdAt"])
        if kind.startswith(("approval.", "user-input.")):
            self._count_requests(thread_id)

    def _approval_response(self, thread_id: str, payload: Mapping[str, Any], at: str) -> None:
        self.connection.execute(
            "INSERT OR IGNORE INTO projection_pending_approvals VALUES (?, ?, NULL, 'pending', NULL, ?, NULL)",
            (payload["requestId"], thread_id, payload["createdAt"]),
        )
        self._resolve(payload["requestId"], payload["decision"], payload["createdAt"])
        self._count_requests(thread_id)

    def _resolve(self, request_id: str, decision: str | None, at: str) -> None:
        self.connection.execute(
            "UPDATE projection_pending_approvals SET status = 'resolved', decision = coalesce(?, decision),"
            " resolved_at = ? WHERE request_id = ?",
            (decision, at, request_id),
        )

    def _count_requests(self, thread_id: str) -> None:
        self.connection.execute(
            "UPDATE projection_threads SET pending_approval_count = (SELECT count(*) FROM"
            " projection_pending_approvals WHERE thread_id = ?1 AND status = 'pending'),"
            " pending_user_input_count = (SELECT count(*) FROM projection_thread_activities AS asked WHERE"
            " thread_id = ?1 AND kind = 'user-input.requested' AND NOT EXISTS (SELECT 1 FROM"
            " projection_thread_activities AS answered WHERE answered.thread_id = ?1 AND answered.kind ="
            " 'user-input.resolved' AND answered.payload_json ->> 'requestId' = asked.payload_json ->> 'requestId'))"
            " WHERE thread_id = ?1",
            (thread_id,),
        )

    def _set_thread(self, thread_id: str, column: str, value: str | None) -> None:
        self.connection.execute(f"UPDATE projection_threads SET {column} = ? WHERE thread_id = ?", (value, thread_id))

    def _meta_updated(self, thread_id: str, payload: Mapping[str, Any], at: str) -> None:
        if "title" in payload:
            self._set_thread(thread_id, "title", payload["title"])

    def _archived(self, thread_id: str, payload: Mapping[str, Any], at: str) -> None:
        self._set_thread(thread_id, "archived_at", at)

    def _unarchived(self, thread_id: str, payload: Mapping[str, Any], at: str) -> None:
        self._set_thread(thread_id, "archived_at", None)

    def _deleted(self, thread_id: str, payload: Mapping[str, Any], at: str) -> None:
        self._set_thread(thread_id, "deleted_at", at)

    def _settled(self, thread_id: str, payload: Mapping[str, Any], at: str) -> None:
        self._set_thread(thread_id, "settled_override", "settled")
        self._set_thread(thread_id, "settled_at", at)

    def _unsettled(self, thread_id: str, payload: Mapping[str, Any], at: str) -> None:
        self._set_thread(thread_id, "settled_override", "active")
        self._set_thread(thread_id, "settled_at", None)

    def _snoozed(self, thread_id: str, payload: Mapping[str, Any], at: str) -> None:
        self._set_thread(thread_id, "snoozed_until", payload.get("snoozedUntil"))
        self._set_thread(thread_id, "snoozed_at", at if payload.get("snoozedUntil") else None)

    def _pinned(self, thread_id: str, payload: Mapping[str, Any], at: str) -> None:
        self._set_thread(thread_id, "pinned_at", at if payload.get("orderKey") else None)
        self._set_thread(thread_id, "pin_order_key", payload.get("orderKey"))


_PROJECTIONS: Final = {
    "project.created": Tables._project_created,
    "thread.created": Tables._thread_created,
    "thread.session-set": Tables._session_set,
    "thread.message-sent": Tables._message_sent,
    "thread.activity-appended": Tables._activity_appended,
    "thread.approval-response-requested": Tables._approval_response,
    "thread.meta-updated": Tables._meta_updated,
    "thread.archived": Tables._archived,
    "thread.unarchived": Tables._unarchived,
    "thread.deleted": Tables._deleted,
    "thread.settled": Tables._settled,
    "thread.unsettled": Tables._unsettled,
    "thread.snoozed": Tables._snoozed,
    "thread.unsnoozed": Tables._snoozed,
    "thread.pinned": Tables._pinned,
    "thread.unpinned": Tables._pinned,
}


def _turn_values(row: ProjectedTurn) -> tuple[Any, ...]:
    """The row's columns, in the order of ``_TURN_COLUMNS``."""

    def written(at: Micros | None) -> str | None:
        return None if at is None else iso(at)

    return (
        row.turn_id,
        row.pending_message_id,
        row.assistant_message_id,
        str(row.state),
        iso(row.requested_at),
        written(row.started_at),
        written(row.completed_at),
        row.checkpoint_turn_count,
        row.checkpoint_ref,
        row.checkpoint_status,
    )
