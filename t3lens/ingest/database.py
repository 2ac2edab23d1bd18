"""``state.sqlite`` → rows: an allow-list of tables, columns as found, one read transaction."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from t3lens.ingest.lines import clean_json, nested_too_deep

__all__ = [
    "EVENT_COLUMNS",
    "RECEIPT_COLUMNS",
    "SNAPSHOT_TABLES",
    "DatabaseReader",
    "SnapshotRow",
    "SnapshotTable",
]

EVENT_COLUMNS: Final = {
    "sequence": "sequence",
    "event_id": "event_id",
    "aggregate_kind": "aggregate_kind",
    "stream_id": "stream_id",
    "stream_version": "stream_version",
    "event_type": "event_type",
    "occurred_at": "occurred_at",
    "command_id": "command_id",
    "causation_event_id": "causation_event_id",
    "correlation_id": "correlation_id",
    "actor_kind": "actor_kind",
    "payload": "payload_json",
    "metadata": "metadata_json",
}
RECEIPT_COLUMNS: Final = (
    "command_id",
    "aggregate_kind",
    "aggregate_id",
    "accepted_at",
    "result_sequence",
    "status",
    "error",
)


@dataclass(frozen=True, slots=True)
class SnapshotTable:
    """A projection: where it stands, what it is called here, and which columns the views name."""

    source: str
    name: str
    key: str
    known: tuple[str, ...]
    json_columns: dict[str, str] = field(default_factory=dict)


SNAPSHOT_TABLES: Final = (
    SnapshotTable(
        "projection_threads",
        "threads",
        "thread_id",
        (
            "thread_id", "project_id", "title", "latest_turn_id", "created_at", "updated_at",
            "archived_at", "deleted_at", "runtime_mode", "pending_approval_count",
            "pending_user_input_count", "settled_override", "settled_at", "snoozed_until",
        ),
    ),
    SnapshotTable(
        "projection_thread_sessions",
        "sessions",
        "thread_id",
        (
            "thread_id", "status", "provider_name", "provider_instance_id", "provider_session_id",
            "provider_thread_id", "active_turn_id", "last_error", "updated_at", "runtime_mode",
        ),
    ),
    SnapshotTable(
        "provider_session_runtime",
        "bindings",
        "thread_id",
        (
            "thread_id", "status", "provider_name", "provider_instance_id", "adapter_key",
            "runtime_mode", "last_seen_at",
        ),
        {"resume_cursor_json": "resume_cursor", "runtime_payload_json": "runtime_payload"},
    ),
    SnapshotTable(
        "projection_turns",
        "turns",
        "row_id",
        (
            "row_id", "thread_id", "turn_id", "pending_message_id", "assistant_message_id", "state",
            "requested_at", "started_at", "completed_at", "checkpoint_turn_count", "checkpoint_ref",
            "checkpoint_status",
        ),
    ),
    SnapshotTable(
        "projection_pending_approvals",
        "approvals",
        "request_id",
        ("request_id", "thread_id", "turn_id", "status", "decision", "created_at", "resolved_at"),
    ),
    SnapshotTable(
        "projection_state", "projectors", "projector",
        ("projector", "last_applied_sequence", "updated_at"),
    ),
    SnapshotTable(
        "projection_projects", "projects", "project_id",
        ("project_id", "title", "workspace_root", "deleted_at"),
    ),
    SnapshotTable(
        "effect_sql_migrations", "migrations", "migration_id",
        ("migration_id", "name", "created_at"),
    ),
)  # fmt: skip


class SnapshotRow(NamedTuple):
    """One projection row.

    Attributes:
        table: Name of its ``SnapshotTable``.
        key: Its primary key as text.
        content: JSON of the columns the views name.
        extra: JSON of the others.
    """

    table: str
    key: str | None
    content: str
    extra: str | None


# Others are at work, which says nothing against the database.
_IN_THE_WAY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY)


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
"""An escaped half of a surrogate pair; one without its other half is JSON that DuckDB refuses."""


def _json_or_null(value: Any) -> str | None:
    """``value`` if it is JSON text, as a JSON string if it is other text."""
    if value is None:
        return None
    text = _text(value)
    if not isinstance(text, str):
        text = str(text)
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        return json.dumps(text)
    if nested_too_deep(text.encode("utf-8", "replace")):
        return json.dumps(text)
    return clean_json(decoded) if _SURROGATE.search(text) else text


@dataclass
class DatabaseReader:
    """Reads one open database; what cannot be read is noted, not raised.

    Attributes:
        con: The open database.
        problems: What went wrong, a line each.
        missing: Tables that are not there.
    """

    con: sqlite3.Connection
    problems: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    _columns: dict[str, list[str]] = field(default_factory=dict)

    def columns(self, table: str) -> list[str]:
        """Columns of ``table`` as found; empty if there is no such table."""
        if table not in self._columns:
            found = self.con.execute("SELECT name FROM pragma_table_info(?)", (table,))
            self._columns[table] = [row[0] for row in found]
        return self._columns[table]

    def tables(self) -> list[str]:
        """Names of all tables, in order of name."""
        rows, _ = self._fetch("sqlite_master", ["name"], "WHERE type = 'table' ORDER BY name")
        return [str(_text(row[0])) for row in rows]

    def rows(self, table: str, names: Sequence[str]) -> list[dict[str, Any]]:
        """Rows of a table, with those of the named columns that it has; none if it is not there."""
        found = [name for name in names if name in self.columns(table)]
        if not found:
            return []
        rows, _ = self._fetch(table, found)
        return [dict(zip(found, map(_text, row), strict=True)) for row in rows]

    def _fetch(
        self,
        table: str,
        names: list[str],
        tail: str = "",
        params: tuple[Any, ...] = (),
        most_bytes: int | None = None,
    ) -> tuple[list[tuple[Any, ...]], bool]:
        """Rows as they are stored, with nothing done to them yet, and whether ``most_bytes`` ended them.

        While a statement is open, a running server cannot begin its write-ahead log anew.
        """
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
        rows: list[tuple[Any, ...]] = []
        size, cut = 0, False
        factory, self.con.text_factory = self.con.text_factory, bytes
        try:
            sql = f'SELECT {quoted} FROM "{table}" {tail}'
            with contextlib.closing(self.con.execute(sql, params)) as found:
                for row in found:
                    rows.append(row)
                    if most_bytes is not None:
                        size += sum(len(value) for value in row if isinstance(value, bytes))
                        if cut := size >= most_bytes:
                            break
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _IN_THE_WAY:
                raise
            self.problems.append(f"{table}: {error}")
        finally:
            self.con.text_factory = factory
        return rows, cut

    def events(
        self, after: int, limit: int = -1, most_bytes: int | None = None
    ) -> tuple[Iterator[dict[str, Any]], bool]:
        """Events of the event store, in order, and whether a limit ended them.

        They are read at once, and decoded one by one when they are asked for.

        Args:
            after: The last sequence that is known.
            limit: At most so many; -1 for all.
            most_bytes: About the most to read; None for all.
        """
        names = self.columns("orchestration_events")
        if not names:
            self.missing.append("orchestration_events")
            return iter(()), False
        tail = "WHERE sequence > ? ORDER BY sequence LIMIT ?"
        rows, cut = self._fetch("orchestration_events", names, tail, (after, limit), most_bytes)
        return _events(names, rows, after), cut or len(rows) == limit

    def event_id(self, sequence: int) -> str | None:
        """Id of the event at ``sequence``: tells whether this is still the store read before."""
        try:
            row = self.con.execute(
                "SELECT event_id FROM orchestration_events WHERE sequence = ?", (sequence,)
            ).fetchone()
        except sqlite3.DatabaseError:
            return None
        return row[0] if row else None

    def receipts(self, after: int) -> Iterator[dict[str, Any]]:
        """Command receipts beyond row id ``after``, in order, each with its row id; read as ``events`` are."""
        found = self.columns("orchestration_command_receipts")
        names = [name for name in RECEIPT_COLUMNS if name in found]
        if not names:
            self.missing.append("orchestration_command_receipts")
            return iter(())
        tail = "WHERE rowid > ? ORDER BY rowid"
        rows, _ = self._fetch("orchestration_command_receipts", ["rowid", *names], tail, (after,))
        absent = dict.fromkeys(RECEIPT_COLUMNS)
        return (
            absent | dict(zip(["source_rowid", *names], map(_text, row), strict=True))
            for row in rows
        )

    def receipt_at(self, rowid: int) -> str | None:
        """Command id of the receipt at a row id: tells whether row ids still mean the same."""
        try:
            row = self.con.execute(
                "SELECT command_id FROM orchestration_command_receipts WHERE rowid = ?", (rowid,)
            ).fetchone()
        except sqlite3.DatabaseError:
            return None
        return row[0] if row else None

    def snapshot(self) -> Iterator[SnapshotRow]:
        """Projection and binding rows of all tables that are there; read as ``events`` are."""
        fetched = []
        for table in SNAPSHOT_TABLES:
            names = self.columns(table.source)
            if names:
                fetched.append((table, names, self._fetch(table.source, names)[0]))
            else:
                self.missing.append(table.source)
        return (
            _snapshot_row(table, dict(zip(names, map(_text, row), strict=True)))
            for table, names, rows in fetched
            for row in rows
        )

    def check(self) -> str | None:
        """What ``PRAGMA quick_check`` says if it is not ``ok``."""
        try:
            row = self.con.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            return str(error)
        return None if row and row[0] == "ok" else str(row[0] if row else "no answer")


def _events(names: list[str], rows: list[tuple[Any, ...]], after: int) -> Iterator[dict[str, Any]]:
    for values in rows:
        row = dict(zip(names, map(_text, values), strict=True))
        if not isinstance(row.get("sequence"), int) or row["sequence"] <= after:
            continue  # only a damaged index gives such rows
        after = row["sequence"]
        event = {name: row.get(source) for name, source in EVENT_COLUMNS.items()}
        event["payload"] = _json_or_null(event["payload"])
        event["metadata"] = _json_or_null(event["metadata"])
        yield event


def _snapshot_row(table: SnapshotTable, row: dict[str, Any]) -> SnapshotRow:
    content = {name: row.get(name) for name in table.known}
    for source, name in table.json_columns.items():
        value = _json_or_null(row.get(source))
        content[name] = None if value is None else json.loads(value)
    named = {*table.known, *table.json_columns}
    extra = {k: v for k, v in row.items() if k not in named}
    key = row.get(table.key)
    return SnapshotRow(
        table.name,
        None if key is None else str(key),
        json.dumps(content),
        json.dumps(extra) if extra else None,
    )
