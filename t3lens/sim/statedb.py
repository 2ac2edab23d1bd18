"""``state.sqlite`` as T3 Code keeps it: the event store, its receipts and the projections of its events."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.sim.builds import SimulatedBuild
from t3lens.sim.ids import Ids
from t3lens.sim.projection import ThreadRows
from t3lens.sim.schema import PROJECTORS, create
from t3lens.sim.tables import Tables
from t3lens.time import Micros, iso

__all__ = ["CommandReceipt", "StateDatabase", "fix_header"]

_INSERT_EVENT: Final = (
    "INSERT INTO orchestration_events (sequence, event_id, aggregate_kind, stream_id, stream_version, event_type,"
    " occurred_at, command_id, causation_event_id, correlation_id, actor_kind, payload_json, metadata_json)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_RECEIPT: Final = "INSERT INTO orchestration_command_receipts VALUES (?, ?, ?, ?, ?, ?, ?)"
_UPSERT_BINDING: Final = (
    "INSERT INTO provider_session_runtime VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (thread_id) DO UPDATE SET provider_name = excluded.provider_name,"
    " adapter_key = excluded.adapter_key, runtime_mode = excluded.runtime_mode, status = excluded.status,"
    " last_seen_at = excluded.last_seen_at, resume_cursor_json = excluded.resume_cursor_json,"
    " runtime_payload_json = excluded.runtime_payload_json, provider_instance_id = excluded.provider_instance_id"
)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class CommandReceipt(msgspec.Struct, frozen=True):
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
        self, path: Path, build: SimulatedBuild, ids: Ids, at: Micros, *, live: bool, page_size: int = 4096
    ) -> None:
        self.path = path
        self.live = live
        self._build = build
        self._ids = ids
        self._versions: dict[tuple[str, str], int] = {}
        self.frozen_projectors: set[str] = set()
        fresh = not path.exists()
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._tables = Tables(self.connection, build)
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
        found = self.connection.execute("SELECT min(last_applied_sequence) FROM projection_state").fetchone()
        applied = self.sequence if found[0] is None else found[0]
        missed = self.connection.execute(
            "SELECT event_type, stream_id, payload_json, occurred_at FROM orchestration_events"
            " WHERE sequence > ? ORDER BY sequence",
            (applied,),
        ).fetchall()
        for stream_id in {stream for _, stream, _, _ in missed}:
            self._tables.rows(stream_id, until=applied)
        for event_type, stream_id, payload, occurred_at in missed:
            self._tables.project(event_type, stream_id, msgspec.json.decode(payload), occurred_at)

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
        if kind == "thread" and event_type != "thread.created":
            self._tables.rows(stream_id)  # as they are before this event
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
            self._tables.project(event_type, stream_id, payload, occurred_at)
        return event_id

    def accept(self, command_id: str, kind: str, aggregate_id: str, at: Micros) -> int:
        """Write the receipt of a command whose events are stored; the sequence it reached."""
        self._receipt(command_id, kind, aggregate_id, at, "accepted", None)
        return self.sequence

    def reject(self, command_id: str, kind: str, aggregate_id: str, at: Micros, error: str) -> None:
        """Write the receipt of a command that was refused; it stays refused for ever."""
        self._receipt(command_id, kind, aggregate_id, at, "rejected", error)
        self.commit()

    def receipt(self, command_id: str) -> CommandReceipt | None:
        """The receipt of a command id, if it was ever used."""
        row = self.connection.execute(
            "SELECT aggregate_id, result_sequence, status, error FROM orchestration_command_receipts WHERE command_id = ?",
            (command_id,),
        ).fetchone()
        return CommandReceipt(*row) if row else None

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

    def rows(self, thread_id: str) -> ThreadRows:
        """Session and turn rows of a thread, read once and kept."""
        return self._tables.rows(thread_id)

    def row(self, table: str, key: str, value: str) -> dict[str, Any] | None:
        """One row of ``table`` by its key, by column name."""
        cursor = self.connection.execute(f"SELECT * FROM {table} WHERE {key} = ?", (value,))
        found = cursor.fetchone()
        return None if found is None else dict(zip([c[0] for c in cursor.description], found, strict=True))

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
            [(name, self.sequence, self._last_at) for name in PROJECTORS if name not in self.frozen_projectors],
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


def fix_header(path: Path) -> None:
    """Give the file's counters and the number of the library that wrote it fixed values.

    They count writes and name a version, and say nothing about the content; samples are compared byte for byte.
    """
    with path.open("r+b") as file:
        for offset, value in ((24, 1), (92, 1), (96, 3_040_001)):
            file.seek(offset)
            file.write(value.to_bytes(4, "big"))
