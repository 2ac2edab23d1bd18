"""``state.sqlite`` as T3 Code keeps it: the event store, its receipts and the projections of its events."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.model.projection import ProjectedThread, TurnRow
from t3lens.model.time import Micros, iso, parse_iso
from t3lens.sim.builds import Build
from t3lens.sim.ids import Ids
from t3lens.sim.projection import ThreadRows
from t3lens.sim.schema import PROJECTORS, create

__all__ = ["Receipt", "StateDatabase", "fix_header"]

_INSERT_EVENT: Final = (
    "INSERT INTO orchestration_events (sequence, event_id, aggregate_kind, stream_id, stream_version, event_type,"
    " occurred_at, command_id, causation_event_id, correlation_id, actor_kind, payload_json, metadata_json)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_RECEIPT: Final = "INSERT INTO orchestration_command_receipts VALUES (?, ?, ?, ?, ?, ?, ?)"
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
_UPSERT_BINDING: Final = (
    "INSERT INTO provider_session_runtime VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (thread_id) DO UPDATE SET provider_name = excluded.provider_name,"
    " adapter_key = excluded.adapter_key, runtime_mode = excluded.runtime_mode, status = excluded.status,"
    " last_seen_at = excluded.last_seen_at, resume_cursor_json = excluded.resume_cursor_json,"
    " runtime_payload_json = excluded.runtime_payload_json, provider_instance_id = excluded.provider_instance_id"
)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class Receipt(msgspec.Struct, frozen=True):
    """What became of a command: the sequence it reached, or why it was rejected.

    Attributes:
        aggregate_id: The thread or project it was for.
        sequence: The event store's sequence after it.
        status: ``accepted`` or ``rejected``.
        error: Why it was rejected.
    """

    aggregate_id: str
    sequence: int
    status: str
    error: str | None


class StateDatabase:
    """Appends events and keeps every row that follows from them.

    Args:
        path: The file; made with the tables of ``build`` if it is not there.
        build: Whose tables and rules.
        ids: Where event ids come from.
        at: When the tables are made.
        live: A server writes it: WAL, and every command is its own transaction. Else everything is one
            transaction until ``close``, which leaves one compact file that depends on its content alone.
        page_size: Of a file that is made.
    """

    def __init__(
        self, path: Path, build: Build, ids: Ids, at: Micros, *, live: bool, page_size: int = 4096
    ) -> None:
        self.path = path
        self.live = live
        self._build = build
        self._ids = ids
        self._rows: dict[str, ThreadRows] = {}
        self._versions: dict[tuple[str, str], int] = {}
        self.frozen_projectors: set[str] = set()
        fresh = not path.exists()
        self.connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=30
        )
        run = self.connection.execute
        run(f"PRAGMA page_size = {page_size}")
        run("PRAGMA synchronous = OFF")
        run(f"PRAGMA journal_mode = {'WAL' if live else 'MEMORY'}")
        if not live:
            run("PRAGMA locking_mode = EXCLUSIVE")
        run("BEGIN")
        if fresh:
            create(self.connection, build, at)
        found = run("SELECT max(sequence), max(occurred_at) FROM orchestration_events").fetchone()
        self.sequence: int = found[0] or 0
        self._last_at: str = found[1] or iso(at)
        for kind, stream, version in run(
            "SELECT aggregate_kind, stream_id, max(stream_version) FROM orchestration_events GROUP BY 1, 2"
        ):
            self._versions[kind, stream] = version
        if not fresh:
            self._catch_up()
        self.commit()

    def _catch_up(self) -> None:
        """Project what was stored while no server ran, as every start does."""
        found = self.connection.execute(
            "SELECT min(last_applied_sequence) FROM projection_state"
        ).fetchone()
        applied = self.sequence if found[0] is None else found[0]
        missed = self.connection.execute(
            "SELECT event_type, stream_id, payload_json, occurred_at FROM orchestration_events"
            " WHERE sequence > ? ORDER BY sequence",
            (applied,),
        ).fetchall()
        for stream_id in {stream for _, stream, _, _ in missed}:
            self.rows(stream_id, until=applied)
        for event_type, stream_id, payload, occurred_at in missed:
            self._project(event_type, stream_id, msgspec.json.decode(payload), occurred_at)

    # --- events --------------------------------------------------------------------------------------------

    def append(
        self,
        event_type: str,
        stream_id: str,
        payload: Mapping[str, Any],
        *,
        at: Micros,
        command_id: str,
        actor: str,
        causation: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> str:
        """Store one event and project it; its event id."""
        kind = "project" if event_type.startswith("project.") else "thread"
        if kind == "thread" and event_type != "thread.created":
            self.rows(stream_id)  # read before the event is among the stored ones
        version = self._versions.get((kind, stream_id), -1) + 1
        self._versions[kind, stream_id] = version
        self.sequence += 1
        event_id = self._ids.uuid()
        occurred_at = iso(at)
        self._last_at = occurred_at
        self.connection.execute(
            _INSERT_EVENT,
            (
                self.sequence,
                event_id,
                kind,
                stream_id,
                version,
                event_type,
                occurred_at,
                command_id,
                causation,
                command_id,
                actor,
                _json(payload),
                _json(metadata or {}),
            ),
        )
        if not self.frozen_projectors:
            self._project(event_type, stream_id, payload, occurred_at)
        return event_id

    def accept(self, command_id: str, kind: str, aggregate_id: str, at: Micros) -> int:
        """Write the receipt of a command whose events are stored; the sequence it reached."""
        self._receipt(command_id, kind, aggregate_id, at, "accepted", None)
        return self.sequence

    def reject(self, command_id: str, kind: str, aggregate_id: str, at: Micros, error: str) -> None:
        """Write the receipt of a command that was refused; it stays refused for ever."""
        self._receipt(command_id, kind, aggregate_id, at, "rejected", error)
        self.commit()

    def receipt(self, command_id: str) -> Receipt | None:
        """The receipt of a command id, if it was ever used."""
        row = self.connection.execute(
            "SELECT aggregate_id, result_sequence, status, error FROM orchestration_command_receipts"
            " WHERE command_id = ?",
            (command_id,),
        ).fetchone()
        return Receipt(*row) if row else None

    def _receipt(
        self,
        command_id: str,
        kind: str,
        aggregate_id: str,
        at: Micros,
        status: str,
        error: str | None,
    ) -> None:
        row = (command_id, kind, aggregate_id, iso(at), self.sequence, status, error)
        self.connection.execute(_INSERT_RECEIPT, row)

    # --- rows ----------------------------------------------------------------------------------------------

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
                    (thread_id, self.sequence if until is None else until),
                )
            ]
            ids = self.connection.execute(
                "SELECT turn_id, row_id FROM projection_turns WHERE thread_id = ?", (thread_id,)
            )
            row_ids: dict[str | None, int] = dict(ids.fetchall())
            found = self.connection.execute(
                "SELECT latest_turn_id FROM projection_threads WHERE thread_id = ?", (thread_id,)
            ).fetchone()
            rows = ThreadRows(self._build, events, row_ids, found[0] if found else None)
            self._rows[thread_id] = rows
        return rows

    def row(self, table: str, key: str, value: str) -> dict[str, Any] | None:
        """One row of ``table`` by its key, by column name."""
        cursor = self.connection.execute(f"SELECT * FROM {table} WHERE {key} = ?", (value,))
        found = cursor.fetchone()
        return (
            None
            if found is None
            else dict(zip([c[0] for c in cursor.description], found, strict=True))
        )

    def all(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """Every row of a query, by column name."""
        cursor = self.connection.execute(sql, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, values, strict=True)) for values in cursor]

    def bind(
        self,
        thread_id: str,
        *,
        provider: str,
        instance: str,
        runtime_mode: str,
        status: str,
        at: Micros,
        cursor: Any,
        payload: Mapping[str, Any],
    ) -> None:
        """Write the runtime binding of a thread; not through events, as in T3 Code."""
        self.connection.execute(
            _UPSERT_BINDING,
            (
                thread_id,
                provider,
                provider,
                runtime_mode,
                status,
                iso(at),
                _json(cursor),
                _json(payload),
                instance,
            ),
        )

    # --- transactions --------------------------------------------------------------------------------------

    def commit(self) -> None:
        """End the command: on a live server it is on disk now."""
        if self.live:
            self._mark_projected()
            self.connection.execute("COMMIT")
            self.connection.execute("BEGIN")

    def _mark_projected(self) -> None:
        if self.sequence == 0:
            return
        self.connection.executemany(
            "INSERT INTO projection_state VALUES (?, ?, ?) ON CONFLICT (projector) DO UPDATE SET"
            " last_applied_sequence = excluded.last_applied_sequence, updated_at = excluded.updated_at",
            [
                (name, self.sequence, self._last_at)
                for name in PROJECTORS
                if name not in self.frozen_projectors
            ],
        )

    def abandon(self) -> None:
        """Let go of the file as a killed server does: the WAL stays where it is."""
        self.connection.execute("COMMIT")
        # a kept read transaction stops the closing connection from folding the WAL into the file
        keeper = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, isolation_level=None)
        keeper.execute("BEGIN")
        keeper.execute("SELECT count(*) FROM projection_state").fetchone()
        self.connection.close()
        keeper.close()

    def close(self) -> None:
        """Write everything; what is not live becomes one compact file that depends on its content alone."""
        self._mark_projected()
        self.connection.execute("COMMIT")
        if self.live:
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.connection.close()
            return
        self.connection.execute("PRAGMA journal_mode = DELETE")
        self.connection.execute("VACUUM")
        self.connection.close()
        fix_header(self.path)

    # --- projections ---------------------------------------------------------------------------------------

    def _project(
        self, event_type: str, stream_id: str, payload: Mapping[str, Any], at: str
    ) -> None:
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
            self.connection.execute(
                "DELETE FROM projection_turns WHERE row_id = ?", (rows.row_ids.pop(None),)
            )
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
            "INSERT INTO projection_thread_activities VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
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
        self.connection.execute(
            f"UPDATE projection_threads SET {column} = ? WHERE thread_id = ?", (value, thread_id)
        )

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
    "project.created": StateDatabase._project_created,
    "thread.created": StateDatabase._thread_created,
    "thread.session-set": StateDatabase._session_set,
    "thread.message-sent": StateDatabase._message_sent,
    "thread.activity-appended": StateDatabase._activity_appended,
    "thread.approval-response-requested": StateDatabase._approval_response,
    "thread.meta-updated": StateDatabase._meta_updated,
    "thread.archived": StateDatabase._archived,
    "thread.unarchived": StateDatabase._unarchived,
    "thread.deleted": StateDatabase._deleted,
    "thread.settled": StateDatabase._settled,
    "thread.unsettled": StateDatabase._unsettled,
    "thread.snoozed": StateDatabase._snoozed,
    "thread.unsnoozed": StateDatabase._snoozed,
    "thread.pinned": StateDatabase._pinned,
    "thread.unpinned": StateDatabase._pinned,
}


def _turn_values(row: TurnRow) -> tuple[Any, ...]:
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


def fix_header(path: Path) -> None:
    """Give the file's counters and the number of the library that wrote it fixed values.

    They count writes and name a version, and say nothing about the content; samples are compared byte for byte.
    """
    with path.open("r+b") as file:
        for offset, value in ((24, 1), (92, 1), (96, 3_040_001)):
            file.seek(offset)
            file.write(value.to_bytes(4, "big"))
