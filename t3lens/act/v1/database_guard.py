"""Keeping T3 Code's database safe while it is repaired: nobody else in it, a backup that is true, digests.

Only the offline repair uses this: everything else in t3lens reads, and takes no lock that a server could wait on.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from t3lens.act.v1.offline_rows import BINDING_COLUMNS, RepairRows
from t3lens.errors import Refused
from t3lens.ingest.open_database import is_locked
from t3lens.t3code.v1.schema import (
    COMMAND_RECEIPTS,
    ORCHESTRATION_EVENTS,
    PROVIDER_SESSION_RUNTIME,
)
from t3lens.writing import new_file

__all__ = ["BACKUP_MARK", "back_up", "check_integrity", "digest_others", "exclusive", "no_triggers", "who_has_open"]

BACKUP_MARK: Final = ".before-t3lens-"
"""Stands in the name of a backup, between that of the database and the time."""

_COUNTERS: Final = "sqlite_sequence"


def who_has_open(database: Path) -> list[str]:
    """The processes that have the database, its WAL or its shared memory open, as far as they may be looked at."""
    import psutil

    wanted = set()
    for name in (database, Path(f"{database}-wal"), Path(f"{database}-shm")):
        with contextlib.suppress(OSError):
            status = name.stat()
            wanted.add((status.st_dev, status.st_ino))
    found = []
    for process in psutil.process_iter(["pid", "name"]):
        if process.pid == os.getpid():
            continue
        try:
            paths = [file.path for file in process.open_files()]
        except (psutil.Error, OSError):
            continue  # another user's: the lock that is taken later tells
        for path in paths:
            with contextlib.suppress(OSError):
                status = Path(path).stat()
                if (status.st_dev, status.st_ino) in wanted:
                    found.append(f"{process.info['name']} (process {process.pid})")
                    break
    return found


@contextlib.contextmanager
def exclusive(database: Path) -> Iterator[sqlite3.Connection]:
    """The only connection to the database: a server, even an idle one, holds a lock that keeps this from opening.

    Raises:
        Refused: Somebody else has it open.
    """
    con = sqlite3.connect(f"{database.resolve().as_uri()}?mode=rw", uri=True, timeout=0, isolation_level=None)
    try:
        try:
            con.execute("PRAGMA locking_mode = EXCLUSIVE")
            con.execute("PRAGMA synchronous = FULL")
            con.execute("BEGIN EXCLUSIVE")
            con.execute("SELECT count(*) FROM sqlite_master").fetchone()
            con.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if is_locked(error):
                raise Refused(f"{database} is open in another process: end that first", code="database-in-use") from None
            raise
        yield con
    finally:
        con.close()


def check_integrity(con: sqlite3.Connection) -> None:
    """Return if the database is whole.

    Raises:
        Refused: It is damaged.
    """
    said = con.execute("PRAGMA integrity_check").fetchone()[0]
    if said != "ok":
        raise Refused(
            f"the database is damaged ({str(said)[:200]}): restore a backup instead",
            code="database-corrupt",
        )


def back_up(con: sqlite3.Connection, path: Path) -> Path:
    """A complete copy; it gets its name when it was compared with the original, before anything is written.

    Raises:
        Refused: Something stands there, or the copy is not what the database is.
    """
    if path.exists():
        raise Refused(f"{path} exists already; nothing was written", code="backup-exists")
    with new_file(path, like=path.name.partition(BACKUP_MARK)[0]) as making:
        copy = sqlite3.connect(making, isolation_level=None)
        try:
            con.backup(copy)
            check_integrity(copy)
            if _digest(copy) != _digest(con):
                raise Refused("the backup differs from the database; nothing was written", code="backup-differs")
        finally:
            copy.close()
    return path


def no_triggers(con: sqlite3.Connection, tables: Collection[str]) -> None:
    """Return if nothing happens beside when these tables are written.

    Raises:
        Refused: One is no table, or a trigger stands on it: what that would do is not known.
    """
    wanted = {name.lower() for name in tables}
    rows = con.execute("SELECT type, name, lower(tbl_name) FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchall()
    odd = sorted(f"the {kind} {name}" for kind, name, table in rows if table in wanted)
    if odd:
        raise Refused(
            f"the tables that a repair writes have more to them in this database ({', '.join(odd)[:300]}), and what that "
            "would do is not known; nothing was written",
            code="triggers",
        )


def _tables(con: sqlite3.Connection) -> list[str]:
    """All tables, those with secrets and SQLite's own too: only their digest is made, compared, and forgotten."""
    found = con.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return sorted([*(str(row[0]) for row in found), "sqlite_master"])


def _in_order(con: sqlite3.Connection, table: str, columns: str, condition: str = "1", *values: Any) -> sqlite3.Cursor:
    """Rows in an order that lasts: by row id, or by the key of a table that has no row ids."""
    sql = f'SELECT {columns} FROM "{_quoted(table)}" WHERE {condition}'
    try:
        return con.execute(f"{sql} ORDER BY rowid", values)
    except sqlite3.OperationalError:
        return con.execute(sql, values)


def _digest(con: sqlite3.Connection) -> str:
    digest = hashlib.sha256()
    for table in _tables(con):
        digest.update(table.encode())
        _update_digest(digest, _in_order(con, table, "*"))
    return digest.hexdigest()


def digest_others(con: sqlite3.Connection, rows: RepairRows) -> str:
    """A digest of all that the repair must leave alone: all but the two new rows and what is changed of the binding."""
    new, thread_id = rows.event["command_id"], rows.event["stream_id"]
    digest = hashlib.sha256()
    for table in _tables(con):
        digest.update(table.encode())
        if table == _COUNTERS:
            found = _in_order(con, table, "*", "name IS NOT ?", ORCHESTRATION_EVENTS)
        elif table in (ORCHESTRATION_EVENTS, COMMAND_RECEIPTS):
            found = _in_order(con, table, "*", "command_id IS NOT ?", new)
        elif table == PROVIDER_SESSION_RUNTIME:
            names = [str(row[1]) for row in con.execute(f"PRAGMA table_info({table})")]
            kept = ", ".join(
                f'CASE WHEN thread_id IS ?1 THEN NULL ELSE "{_quoted(name)}" END'
                if name in BINDING_COLUMNS
                else f'"{_quoted(name)}"'
                for name in names
            )
            found = _in_order(con, table, kept, "?1 IS ?1", thread_id)
        else:
            found = _in_order(con, table, "*")
        _update_digest(digest, found)
    return digest.hexdigest()


def _update_digest(digest: Any, rows: sqlite3.Cursor) -> None:
    for row in rows:
        digest.update(repr(row).encode("utf-8", "surrogatepass"))


def _quoted(name: str) -> str:
    return name.replace('"', '""')
