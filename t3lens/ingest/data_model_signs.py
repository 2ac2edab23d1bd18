"""What a home's databases show of their data model, and the threads of the second one: read, kept, and read back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.ingest.database import SNAPSHOT_TABLES, DatabaseReader, SnapshotRow
from t3lens.ingest.database_faults import SOUND, DatabaseFaults
from t3lens.ingest.open_database import is_locked, open_database
from t3lens.t3code.data_model import THREADS_V2, Migration, Signs, is_judged_table
from t3lens.t3code.v1.schema import EFFECT_SQL_MIGRATIONS
from t3lens.writing import is_full

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "DatabaseSigns",
    "combine_signs",
    "known_signs",
    "read_later",
    "read_signs",
    "with_later",
    "write_signs",
]

_THREAD: Final = next(table for table in SNAPSHOT_TABLES if table.name == "threads")


@dataclass(frozen=True, slots=True)
class DatabaseSigns:
    """What one database shows.

    Attributes:
        name: Its file name.
        signs: Its tables and migrations; None if it could not be read.
        threads: Threads of the second data model in it; None if it has no table for them.
        faults: What went wrong.
    """

    name: str
    signs: Signs | None = None
    threads: tuple[SnapshotRow, ...] | None = None
    faults: DatabaseFaults = SOUND


def read_signs(reader: DatabaseReader, name: str) -> DatabaseSigns:
    """What an open database shows.

    Args:
        reader: The database.
        name: Its file name.

    Raises:
        sqlite3.Error: It is locked.
    """
    tables = [(name, table) for table in reader.tables() if is_judged_table(table) and reader.columns(table)]
    migrations = [
        Migration(row.get("migration_id"), str(row.get("name")), name)
        for row in reader.rows(EFFECT_SQL_MIGRATIONS, ("migration_id", "name"))
    ]
    signs = Signs(tables=tuple(tables), migrations=tuple(migrations))
    threads = None
    if (name, THREADS_V2) in tables:
        threads = tuple(_thread(row) for row in reader.rows(THREADS_V2, _THREAD.source.columns))
    return DatabaseSigns(name, signs, threads)


def _thread(row: dict[str, Any]) -> SnapshotRow:
    content = dict.fromkeys(_THREAD.source.columns) | row
    return SnapshotRow("threads", str(row.get("thread_id")), json.dumps(content), None)


def read_later(path: Path, *, alive: bool | None, busy_s: float) -> DatabaseSigns:
    """What a database of a later data model shows; what goes wrong is noted, not raised.

    Args:
        path: The file.
        alive: Whether its server runs; None if unclear.
        busy_s: How long to wait for a lock, seconds.
    """
    try:
        with open_database(path, alive=alive, busy_s=busy_s) as con:
            reader = DatabaseReader(con)
            seen = read_signs(reader, path.name)
            text = "; ".join((*reader.odd, *reader.problems)) or None
            return replace(seen, faults=DatabaseFaults(text, reader.damaged))
    except sqlite3.OperationalError as error:
        if is_full(error):
            raise
        why = "is locked by another program" if is_locked(error) else f"cannot be read: {error}"
        return DatabaseSigns(path.name, faults=DatabaseFaults(f"database-unreadable: {path.name} {why}"))
    except sqlite3.DatabaseError as error:
        text = f"database-corrupt: {path.name}: {error}"
        return DatabaseSigns(path.name, faults=DatabaseFaults(text, damaged=True))
    except OSError as error:
        if is_full(error):
            raise
        text = f"database-unreadable: {path.name}: {error.strerror}"
        return DatabaseSigns(path.name, faults=DatabaseFaults(text))


def combine_signs(seen: Sequence[DatabaseSigns], before: Signs) -> Signs:
    """The signs of all databases of a home.

    Args:
        seen: What each shows.
        before: What was known; it still holds for a database that could not be read now.
    """
    tables: list[tuple[str, str]] = []
    migrations: list[Migration] = []
    for one in seen:
        said = one.signs or before
        tables += [pair for pair in said.tables if pair[0] == one.name]
        migrations += [move for move in said.migrations if move.database == one.name]
    return Signs(tuple(one.name for one in seen), tuple(tables), tuple(migrations))


def with_later(first: Iterable[SnapshotRow], seen: Sequence[DatabaseSigns], own: DatabaseSigns) -> Iterator[SnapshotRow]:
    """Rows of ``state.sqlite``, with the threads of the second data model among them.

    A thread that both have is told by the second. Where the second stands in ``state.sqlite`` itself, the first's
    rows are left over, and a thread that only they have does not exist any more.

    Args:
        first: The first rows.
        seen: What the databases of later data models show.
        own: What ``state.sqlite`` shows.
    """
    later = [row for one in (*seen, own) for row in one.threads or ()]
    told = {row.key for row in later}
    over = own.threads is not None
    kept = (row for row in first if row.table != "threads" or not (over or row.key in told))
    return chain(kept, {row.key: row for row in later}.values())


def write_signs(con: duckdb.DuckDBPyConnection, home_id: str, signs: Signs) -> None:
    """Keep the signs of a home in the store."""
    con.execute("DELETE FROM _home_signs WHERE home_id = ?", [home_id])
    con.execute("INSERT INTO _home_signs VALUES (?, ?)", [home_id, msgspec.json.encode(signs).decode()])


def known_signs(con: duckdb.DuckDBPyConnection, home_id: str) -> Signs | None:
    """The signs of a home that the store holds; None if it was never looked at for them."""
    rows = con.execute("SELECT signs::VARCHAR FROM _home_signs WHERE home_id = ?", [home_id]).fetchall()
    return msgspec.json.decode(rows[0][0], type=Signs) if rows else None
