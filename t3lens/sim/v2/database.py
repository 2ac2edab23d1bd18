"""The second data model's database as its server keeps it: events, receipts, projections of whole entities, the outbox."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.sim.ids import Ids
from t3lens.sim.v2.builds import SecondBuild
from t3lens.sim.v2.schema import add, create
from t3lens.time import SECOND, Micros, iso

__all__ = ["LEASE_S", "SecondDatabase"]

LEASE_S: Final = 30

_P: Final = "orchestration_v2_projection_"
_OUTBOX: Final = "orchestration_v2_effect_outbox"
_BINDINGS: Final = f"{_P}provider_session_bindings"

_TABLE_OF: Final = {
    "thread": (f"{_P}threads", "thread_id"),
    "run": (f"{_P}runs", "run_id"),
    "run-attempt": (f"{_P}run_attempts", "attempt_id"),
    "node": (f"{_P}nodes", "node_id"),
    "provider-session": (f"{_P}provider_sessions", "provider_session_id"),
    "provider-thread": (f"{_P}provider_threads", "provider_thread_id"),
    "provider-turn": (f"{_P}provider_turns", "provider_turn_id"),
    "runtime-request": (f"{_P}runtime_requests", "runtime_request_id"),
    "message": (f"{_P}messages", "message_id"),
    "turn-item": (f"{_P}turn_items", "turn_item_id"),
    "checkpoint-scope": (f"{_P}checkpoint_scopes", "scope_id"),
    "checkpoint": (f"{_P}checkpoints", "checkpoint_id"),
}
"""The projection that events of a kind change (the part of their type before the dot), and its key."""

_OTHER_NAMES: Final = {
    "provider": "providerInstanceId",
    "default_provider": "providerInstanceId",
    "parent_node_id": "parentNodeId",
}


def _camel(column: str) -> str:
    first, *rest = column.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class SecondDatabase:
    """Appends events and keeps every row that follows from them.

    Args:
        path: The file; made with all tables if it is not there, and migrated if it is of the first data model.
        build: The build whose tables are made.
        ids: Where event ids come from.
        at: When the tables are made, microseconds UTC.
        live: A server writes it: WAL. Else one compact file is left by ``close``.
        page_size: Of a file that is made.
    """

    def __init__(self, path: Path, build: SecondBuild, ids: Ids, at: Micros, *, live: bool, page_size: int = 4096) -> None:
        self.path = path
        self.live = live
        self._ids = ids
        fresh = not path.exists()
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self.connection.row_factory = sqlite3.Row
        run = self.connection.execute
        run(f"PRAGMA page_size = {page_size}")
        run("PRAGMA synchronous = OFF")
        run(f"PRAGMA journal_mode = {'WAL' if live else 'MEMORY'}")
        if fresh:
            with self.transaction():
                create(self.connection, build, at)
        elif not run("SELECT 1 FROM sqlite_master WHERE name = ?", (_OUTBOX,)).fetchone():
            with self.transaction():
                add(self.connection, build, at)
        found = run("SELECT max(sequence) FROM orchestration_events").fetchone()
        self.sequence: int = found[0] or 0
        self._columns: dict[str, list[str]] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written in it is written at once, or not at all; inside another it is a part of that."""
        if self.connection.in_transaction:
            yield
            return
        before = getattr(self, "sequence", 0)
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            self.sequence = before
            raise
        self.connection.execute("COMMIT")

    def close(self) -> None:
        """Write everything to the one file."""
        if self.live:
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            self.connection.execute("PRAGMA journal_mode = DELETE")
            self.connection.execute("VACUUM")
        self.connection.close()

    # --- events --------------------------------------------------------------------------------------------

    def append(
        self,
        event_type: str,
        thread_id: str,
        payload: Mapping[str, Any],
        at: Micros,
        *,
        command_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> int:
        """Store an event and what follows from it; its sequence.

        Args:
            event_type: ``run.updated``, …
            thread_id: Its thread (or project).
            payload: The whole entity after the change.
            at: When, microseconds UTC.
            command_id: The command it follows from; None for what a provider caused.
            metadata: Of the event.
        """
        kind = event_type.partition(".")[0]
        aggregate = "project" if kind == "project" else "thread"
        self.sequence += 1
        version = self._one(
            "SELECT coalesce(max(stream_version) + 1, 0) FROM orchestration_events WHERE stream_id = ?", thread_id
        )
        origin = f"command:{command_id}:" if command_id else ""
        event_id = self._ids.uuid() if aggregate == "project" else f"event:thread:{thread_id}:{origin}{self._ids.uuid()}"
        self.connection.execute(
            "INSERT INTO orchestration_events (sequence, event_id, aggregate_kind, stream_id, stream_version, event_type,"
            " occurred_at, command_id, correlation_id, actor_kind, payload_json, metadata_json, application_event_version)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 2)",
            (
                self.sequence,
                event_id,
                aggregate,
                thread_id,
                version,
                event_type,
                iso(at),
                command_id,
                command_id,
                "client" if aggregate == "project" else "server",
                _json(payload),
                _json(metadata or {}),
            ),
        )
        self._project(event_type, kind, thread_id, payload, at)
        return self.sequence

    def _project(self, event_type: str, kind: str, thread_id: str, payload: Mapping[str, Any], at: Micros) -> None:
        run = self.connection.execute
        if kind == "project":
            run(
                "INSERT INTO projection_projects (project_id, title, workspace_root, scripts_json, created_at, updated_at,"
                " default_model_selection_json) VALUES (?, ?, ?, '[]', ?, ?, ?)",
                (
                    thread_id,
                    payload["title"],
                    payload["workspaceRoot"],
                    iso(at),
                    iso(at),
                    _json(payload["defaultModelSelection"]),
                ),
            )
        elif event_type == "provider-session.detached":
            run(
                f"DELETE FROM {_BINDINGS} WHERE provider_session_id = ? AND thread_id = ?",
                (payload["providerSessionId"], thread_id),
            )
        elif kind in _TABLE_OF:
            self._upsert(kind, thread_id, payload)
            if event_type == "provider-session.attached":
                run(f"INSERT OR IGNORE INTO {_BINDINGS} VALUES (?, ?)", (payload["id"], thread_id))
            if kind == "turn-item":
                run(
                    "INSERT OR IGNORE INTO orchestration_v2_turn_item_positions VALUES (?, ?, ?)",
                    (thread_id, payload["id"], payload["ordinal"]),
                )
        run(
            f"UPDATE {_P}metadata SET last_sequence = ?, updated_at = ? WHERE projection_name = 'thread-projections'",
            (self.sequence, iso(at)),
        )

    def _upsert(self, kind: str, thread_id: str, payload: Mapping[str, Any]) -> None:
        table, key = _TABLE_OF[kind]
        columns = self._columns.get(table)
        if columns is None:
            columns = [str(row["name"]) for row in self.connection.execute(f"PRAGMA table_info({table})")]
            self._columns[table] = columns
        values: dict[str, Any] = {}
        for column in columns:
            name = _OTHER_NAMES.get(column) or _camel(column)
            values[column] = payload.get(name)
        values |= {key: payload["id"], "thread_id": thread_id, "payload_json": _json(payload)}
        if kind == "provider-session":
            values["thread_id"] = self._one(f"SELECT thread_id FROM {table} WHERE {key} = ?", payload["id"]) or thread_id
        names = ", ".join(values)
        marks = ", ".join("?" for _ in values)
        changes = ", ".join(f"{name} = excluded.{name}" for name in values if name != key)
        self.connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT ({key}) DO UPDATE SET {changes}",
            [int(value) if isinstance(value, bool) else value for value in values.values()],
        )

    # --- entities ------------------------------------------------------------------------------------------

    def entity(self, kind: str, key: str) -> dict[str, Any] | None:
        """An entity as it stands now."""
        table, name = _TABLE_OF[kind]
        row = self.connection.execute(f"SELECT payload_json FROM {table} WHERE {name} = ?", (key,)).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=dict[str, Any])

    def entities(self, kind: str, thread_id: str) -> list[dict[str, Any]]:
        """The entities of a thread, oldest first; of provider sessions those that are bound to it."""
        table, name = _TABLE_OF[kind]
        bound = f"{name} IN (SELECT {name} FROM {_BINDINGS} WHERE thread_id = ?)"
        where = bound if kind == "provider-session" else "thread_id = ?"
        order = "ordinal" if kind in ("run", "turn-item") else "rowid"
        rows = self.connection.execute(f"SELECT payload_json FROM {table} WHERE {where} ORDER BY {order}", (thread_id,))
        return [msgspec.json.decode(row[0], type=dict[str, Any]) for row in rows.fetchall()]

    def thread_ids(self) -> list[str]:
        """All threads, oldest first."""
        rows = self.connection.execute(f"SELECT thread_id FROM {_P}threads ORDER BY created_at, thread_id").fetchall()
        return [str(row[0]) for row in rows]

    def bound_threads(self, session_id: str) -> list[str]:
        """The threads that a session is bound to."""
        rows = self.connection.execute(
            f"SELECT thread_id FROM {_BINDINGS} WHERE provider_session_id = ? ORDER BY rowid", (session_id,)
        ).fetchall()
        return [str(row[0]) for row in rows]

    def rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """Rows of any statement."""
        return self.connection.execute(statement, values).fetchall()

    def _one(self, statement: str, *values: Any) -> Any:
        row = self.connection.execute(statement, values).fetchone()
        return None if row is None else row[0]

    # --- commands ------------------------------------------------------------------------------------------

    def receipt(self, command_id: str) -> sqlite3.Row | None:
        """What became of a command, if it came before."""
        found: sqlite3.Row | None = self.connection.execute(
            "SELECT * FROM orchestration_command_receipts WHERE command_id = ?", (command_id,)
        ).fetchone()
        return found

    def write_receipt(
        self, command: Mapping[str, Any], at: Micros, *, status: str = "accepted", error: str | None = None
    ) -> None:
        """Keep what became of a command."""
        project = str(command["type"]).startswith("project.")
        self.connection.execute(
            "INSERT INTO orchestration_command_receipts (command_id, aggregate_kind, aggregate_id, accepted_at,"
            " result_sequence, status, error, command_type) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                command["commandId"],
                "project" if project else "thread",
                command["projectId"] if project else command["threadId"],
                iso(at),
                self.sequence,
                status,
                error,
                command["type"],
            ),
        )

    # --- the outbox ----------------------------------------------------------------------------------------

    def add_effect(self, effect_id: str, command_id: str, thread_id: str, payload: Mapping[str, Any], at: Micros) -> None:
        """Something the server has to do."""
        self.connection.execute(
            f"INSERT OR IGNORE INTO {_OUTBOX} (effect_id, command_id, thread_id, effect_type, payload_json, status,"
            " available_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?)",
            (effect_id, command_id, thread_id, payload["type"], _json(payload), iso(at), iso(at), iso(at)),
        )

    def next_effect(self, thread_id: str) -> sqlite3.Row | None:
        """The effect of a thread to be taken up now: none while one is being worked on."""
        if self._one(f"SELECT count(*) FROM {_OUTBOX} WHERE thread_id = ? AND status = 'running'", thread_id):
            return None
        found: sqlite3.Row | None = self.connection.execute(
            f"SELECT * FROM {_OUTBOX} WHERE thread_id = ? AND status = 'pending' ORDER BY created_at, rowid LIMIT 1",
            (thread_id,),
        ).fetchone()
        return found

    def take_effect(self, effect_id: str, owner: str, at: Micros) -> None:
        """A worker has it, for as long as its lease says (which nothing reads)."""
        self.connection.execute(
            f"UPDATE {_OUTBOX} SET status = 'running', attempt_count = attempt_count + 1, lease_owner = ?,"
            " lease_expires_at = ?, updated_at = ? WHERE effect_id = ?",
            (owner, iso(at + LEASE_S * SECOND), iso(at), effect_id),
        )

    def end_effect(self, effect_id: str, at: Micros, *, status: str = "succeeded", error: str | None = None) -> None:
        """It is over."""
        self.connection.execute(
            f"UPDATE {_OUTBOX} SET status = ?, lease_owner = NULL, lease_expires_at = NULL, updated_at = ?,"
            " completed_at = ?, last_error = ? WHERE effect_id = ? AND status IN ('pending', 'running')",
            (status, iso(at), iso(at), error, effect_id),
        )

    def open_effects(self, thread_id: str) -> list[sqlite3.Row]:
        """What is not done of a thread."""
        return self.rows(
            f"SELECT * FROM {_OUTBOX} WHERE thread_id = ? AND status IN ('pending', 'running') ORDER BY created_at, rowid",
            thread_id,
        )

    def pend_again(self, effect_id: str, at: Micros) -> None:
        """To be taken up anew."""
        self.connection.execute(
            f"UPDATE {_OUTBOX} SET status = 'pending', lease_owner = NULL, lease_expires_at = NULL, updated_at = ?"
            " WHERE effect_id = ?",
            (iso(at), effect_id),
        )
