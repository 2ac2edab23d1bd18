"""``state.sqlite`` → rows: an allow-list of tables, columns as found, one read transaction."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from t3lens.domain.state import LIVE
from t3lens.ingest.lines import clean_json, nested_too_deep
from t3lens.ingest.open_database import LONGEST, is_damage
from t3lens.store.waiting_rows import WaitingRows
from t3lens.t3code.v1 import schema
from t3lens.t3code.v1.event_types import ACTIVITY_APPENDED
from t3lens.t3code.v1.schema import COMMAND_RECEIPTS, ORCHESTRATION_EVENTS, StateTable
from t3lens.t3code.v2 import schema as second
from t3lens.t3code.v2.schema import EVENT_VERSION_COLUMN, RECEIPT_TYPE_COLUMN

__all__ = [
    "EVENT_COLUMNS",
    "NUMBER_COLUMNS",
    "SNAPSHOT_TABLES",
    "DatabaseReader",
    "SnapshotRow",
    "SnapshotTable",
    "json_or_null",
]

EVENT_COLUMNS: Final = {
    **{name.removesuffix("_json"): name for name in schema.EVENT_COLUMNS},
    EVENT_VERSION_COLUMN: EVENT_VERSION_COLUMN,
}
"""Columns of the event store: what they are called here, and there."""

RECEIPT_COLUMNS: Final = (*schema.RECEIPT_COLUMNS, RECEIPT_TYPE_COLUMN)
"""Columns of the receipts, those of the second data model included."""


@dataclass(frozen=True, slots=True)
class SnapshotTable:
    """A projection: where it stands, and what it is called here."""

    source: StateTable
    name: str


_NAMES: Final = {
    schema.PROJECTION_THREADS: "threads",
    schema.PROJECTION_THREAD_SESSIONS: "sessions",
    schema.PROVIDER_SESSION_RUNTIME: "bindings",
    schema.PROJECTION_TURNS: "turns",
    schema.PROJECTION_PENDING_APPROVALS: "approvals",
    schema.PROJECTION_STATE: "projectors",
    schema.PROJECTION_PROJECTS: "projects",
    schema.EFFECT_SQL_MIGRATIONS: "migrations",
}
SNAPSHOT_TABLES: Final = tuple(SnapshotTable(table, _NAMES[table.name]) for table in schema.TABLES)


_ESSENTIALS: Final = second.ESSENTIALS | schema.ESSENTIALS
"""Columns by table without which it is taken not to be there; both data models have some tables."""


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


NUMBER_COLUMNS: Final = frozenset(
    {"sequence", "stream_version", "result_sequence", "source_rowid", second.EVENT_VERSION_COLUMN}
)
"""Columns of events and receipts, by the store's names, that are whole numbers."""

LONGEST_NAME: Final = 1 << 20
"""Bytes that one value of a projection may have: these are names, times and states."""

_KEPT: Final = 1 << 12
_encode: Final = msgspec.json.Encoder().encode
_ALL: Final = 1 << 62


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
"""An escaped half of a surrogate pair; one without its other half is JSON that DuckDB refuses."""


def json_or_null(value: Any) -> str | None:
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
        odd: What stands where a table should: a view, which may never end and is not read.
        damaged: Whether pages were met that cannot be read.
    """

    con: sqlite3.Connection
    problems: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    damaged: bool = False
    _types: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of the database, with what only its write-ahead log has."""
        ((pages,),) = self.con.execute("PRAGMA page_count").fetchall()
        ((bytes_each,),) = self.con.execute("PRAGMA page_size").fetchall()
        return int(pages) * int(bytes_each)

    def types(self, table: str) -> Mapping[str, str]:
        """Columns of ``table`` as found, and their types as declared; empty if it is not there, or says nothing."""
        if table not in self._types:
            kinds = self.con.execute("SELECT type FROM sqlite_master WHERE lower(name) = lower(?)", (table,)).fetchall()
            if kinds and ("table",) not in kinds:
                self.odd.append(f"{table} is a {kinds[0][0]}, not a table")
                self._types[table] = {}
                return {}
            types = dict(self.con.execute("SELECT name, type FROM pragma_table_info(?)", (table,)))
            lacking = sorted(_ESSENTIALS.get(table, frozenset()) - set(types)) if types else []
            if lacking:
                self.odd.append(f"{table} has no column {', '.join(lacking)}, and is not read")
            self._types[table] = {} if lacking else types
        return self._types[table]

    def columns(self, table: str) -> list[str]:
        """Columns of ``table`` as found; empty if there is no such table."""
        return list(self.types(table))

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
        rows: list[tuple[Any, ...]] = []
        return rows, self._fetch_into(rows, table, names, tail, params, most_bytes)

    def _fetch_into(
        self,
        rows: list[tuple[Any, ...]] | WaitingRows,
        table: str,
        names: list[str],
        tail: str = "",
        params: tuple[Any, ...] = (),
        most_bytes: int | None = None,
    ) -> bool:
        """The same into ``rows``; whether ``most_bytes`` ended them."""
        quoted = ", ".join(_quoted(name) for name in names)
        size, cut = 0, False
        factory, self.con.text_factory = self.con.text_factory, bytes
        longest = self.con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST if most_bytes is not None else LONGEST_NAME)
        try:
            for row in self._rows(f'SELECT {quoted} FROM "{table}"', table, names, tail, params):
                rows.append(row)
                if most_bytes is not None:
                    size += sum(len(value) for value in row if isinstance(value, bytes))
                    if cut := size >= most_bytes:
                        break
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _IN_THE_WAY:
                raise
            self.problems.append(f"{table}: {error}")
            self.damaged = self.damaged or is_damage(error)
        finally:
            self.con.text_factory = factory
            self.con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
        return cut

    def _rows(
        self, select: str, table: str, names: list[str], tail: str, params: tuple[Any, ...]
    ) -> Iterator[tuple[Any, ...]]:
        """Rows one after the other; where a value is longer than may be, the rest with such values cut."""
        count = 0
        try:
            with contextlib.closing(self.con.execute(f"{select} {tail}", params)) as found:
                for row in found:
                    count += 1
                    yield row
            return
        except sqlite3.DataError as error:
            if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_TOOBIG:
                raise
        places = [row[0] for row in self.con.execute(f'SELECT rowid FROM "{table}" {tail}', params)]
        for place in places[count:]:
            try:
                found_here = self.con.execute(f"{select} WHERE rowid = ?", (place,)).fetchall()
            except sqlite3.DataError:
                found_here = [tuple(self._cut_value(table, name, place) for name in names)]
            yield from found_here

    def _cut_value(self, table: str, name: str, place: int) -> Any:
        """One value of a row; of one that is longer than may be the beginning, read without the rest."""
        try:
            return self.con.execute(f'SELECT {_quoted(name)} FROM "{table}" WHERE rowid = ?', (place,)).fetchone()[0]
        except sqlite3.DataError:
            with self.con.blobopen(table, name, place, readonly=True) as blob:
                size = len(blob)
                said = f"{table}: {name} of {size:,} bytes was cut"
                if said not in self.odd:
                    self.odd.append(said)
                return blob.read(_KEPT) + f" … ({size:,} bytes, cut)".encode()

    def events(self, after: int, limit: int = -1, most_bytes: int | None = None) -> tuple[Iterator[dict[str, Any]], bool]:
        """Events of the event store, in order, and whether a limit ended them.

        They are read at once, and decoded one by one when they are asked for.

        Args:
            after: The last sequence that is known.
            limit: At most so many; -1 for all.
            most_bytes: About the most to read; None for all.
        """
        names = self.columns(ORCHESTRATION_EVENTS)
        if not names:
            self.missing.append(ORCHESTRATION_EVENTS)
            return iter(()), False
        tail = "WHERE sequence > ? ORDER BY sequence LIMIT ?"
        rows, cut = self._fetch(ORCHESTRATION_EVENTS, names, tail, (after, limit), most_bytes)
        return _events(names, rows, after), cut or len(rows) == limit

    def events_at(self, sequences: Iterable[int]) -> list[dict[str, Any]]:
        """Events at some sequences, in order; read as ``events`` are."""
        return self._some_events(f"WHERE sequence IN ({', '.join(map(str, sequences))}) ORDER BY sequence", ())

    def events_of(self, thread: str, up_to: int) -> list[dict[str, Any]]:
        """Events of a thread up to a sequence, in order; read as ``events`` are."""
        tail = "WHERE aggregate_kind = 'thread' AND stream_id = ? AND sequence <= ? ORDER BY sequence"
        return self._some_events(tail, (thread, up_to))

    def _some_events(self, tail: str, params: tuple[Any, ...]) -> list[dict[str, Any]]:
        names = self.columns(ORCHESTRATION_EVENTS)
        rows, _ = self._fetch(ORCHESTRATION_EVENTS, names, tail, params, _ALL)
        return list(_events(names, rows, -1))

    def last_event(self) -> int:
        """The last sequence; 0 if there is none, or it cannot be told."""
        try:
            row = self.con.execute(f"SELECT max(sequence) FROM {ORCHESTRATION_EVENTS}").fetchone()
        except sqlite3.DatabaseError:
            return 0
        return row[0] if row and isinstance(row[0], int) else 0

    def working(self) -> frozenset[str]:
        """Ids of the threads whose session is stored as live; none where there are no sessions."""
        table, key = schema.PROJECTION_THREAD_SESSIONS, "thread_id"
        if not {key, "status"} <= {*self.columns(table)}:
            return frozenset()
        live = ", ".join(f"'{status}'" for status in sorted(LIVE))
        rows, _ = self._fetch(table, [key], f"WHERE status IN ({live})")
        return frozenset(str(_text(row[0])) for row in rows)

    def activities(self, threads: Iterable[str], up_to: int) -> list[tuple[int, str | None]]:
        """Sequences and payloads of the activities of some threads, in order of thread.

        Args:
            threads: Their ids.
            up_to: The last sequence that is asked for.
        """
        found = []
        tail = "WHERE aggregate_kind = 'thread' AND stream_id = ? AND event_type = ? AND sequence <= ?"
        for thread in sorted(threads):
            names, given = ["sequence", EVENT_COLUMNS["payload"]], (thread, ACTIVITY_APPENDED, up_to)
            rows, _ = self._fetch(ORCHESTRATION_EVENTS, names, tail, given, _ALL)
            found += [(sequence, json_or_null(payload)) for sequence, payload in rows]
        return found

    def event_id(self, sequence: int) -> str | None:
        """Id of the event at ``sequence``: tells whether this is still the store read before."""
        try:
            row = self.con.execute(f"SELECT event_id FROM {ORCHESTRATION_EVENTS} WHERE sequence = ?", (sequence,)).fetchone()
        except sqlite3.DatabaseError:
            return None
        return row[0] if row else None

    def counter(self, table: str) -> int:
        """The highest key a table with a counter ever gave out; it never goes back. 0 if it has none."""
        try:
            row = self.con.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        except sqlite3.DatabaseError:
            return 0
        return int(row[0]) if row and isinstance(row[0], int) else 0

    def receipts(self, after: int) -> Iterator[dict[str, Any]]:
        """Command receipts beyond row id ``after``, in order, each with its row id; read as ``events`` are."""
        found = self.columns(COMMAND_RECEIPTS)
        names = [name for name in RECEIPT_COLUMNS if name in found]
        if not names:
            self.missing.append(COMMAND_RECEIPTS)
            return iter(())
        tail = "WHERE rowid > ? ORDER BY rowid"
        rows, _ = self._fetch(COMMAND_RECEIPTS, ["rowid", *names], tail, (after,))
        absent = dict.fromkeys(RECEIPT_COLUMNS)
        return (absent | dict(zip(["source_rowid", *names], map(_text, row), strict=True)) for row in rows)

    def receipt_at(self, rowid: int) -> str | None:
        """Command id of the receipt at a row id: tells whether row ids still mean the same."""
        try:
            row = self.con.execute(f"SELECT command_id FROM {COMMAND_RECEIPTS} WHERE rowid = ?", (rowid,)).fetchone()
        except sqlite3.DatabaseError:
            return None
        return row[0] if row else None

    def all_rows(self, table: str, without: str | None = None) -> Iterator[dict[str, Any]]:
        """All rows of a table, with its columns as found; read as ``events`` are.

        Args:
            table: Its name.
            without: A column to leave out; it is looked at all the same, so that a damaged page below it is met.
        """
        names = self.columns(table)
        if without in names:
            assert without is not None
            self._fetch(table, names[:1], f"WHERE length(substr({_quoted(without)}, 1, 1)) < 0", (), _ALL)
            names = [name for name in names if name != without]
        rows, _ = self._fetch(table, names, most_bytes=_ALL)
        return (dict(zip(names, map(_text, row), strict=True)) for row in rows)

    def snapshot(self, only: frozenset[str] | None = None, *, for_rules: bool = False) -> Iterator[SnapshotRow]:
        """Projection and binding rows of all tables that are there; read as ``events`` are.

        Args:
            only: Names of the tables to read; None for all.
            for_rules: Whether of the columns that no view names it is enough to know their names: those of a first row.
        """
        fetched = []
        for table in SNAPSHOT_TABLES:
            if only is not None and table.name not in only:
                continue
            names = self.columns(table.source.name)
            if names:
                rows = WaitingRows()
                self._fetch_into(rows, table.source.name, names)
                fetched.append((table, names, rows))
            else:
                self.missing.append(table.source.name)
        return (row for table, names, rows in fetched for row in _snapshot_rows(table, names, rows, for_rules))

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
        event["payload"] = json_or_null(event["payload"])
        event["metadata"] = json_or_null(event["metadata"])
        yield event


def _snapshot_rows(table: SnapshotTable, names: list[str], rows: WaitingRows, for_rules: bool) -> Iterator[SnapshotRow]:
    """Rows as they are kept; each that was read is let go of when it is made."""
    known = table.source
    absent = dict.fromkeys((*known.columns, *known.json_columns.values()))
    plain = [name for name in known.columns if name in names]
    with_json = [(source, name) for source, name in known.json_columns.items() if source in names]
    others = [name for name in names if name not in known.columns and name not in known.json_columns]
    dumps = json.JSONEncoder().encode
    write = _quickly if for_rules and not with_json else dumps
    once = for_rules and table.source.name != schema.PROJECTION_THREADS  # of threads another model may have rows instead
    for values in rows.taken():
        row = dict(zip(names, map(_text, values), strict=True))
        key = row.get(known.key)
        content = absent | {name: row[name] for name in plain}
        for source, name in with_json:
            value = json_or_null(row[source])
            content[name] = None if value is None else json.loads(value)
        extra = dumps({name: row[name] for name in others}) if others else None
        yield SnapshotRow(table.name, None if key is None else str(key), write(content), extra)
        if once:
            others = []


def _quickly(content: dict[str, Any]) -> str:
    """JSON of values as SQLite has them: there is no number among them that is too long for this."""
    return _encode(content).decode()
