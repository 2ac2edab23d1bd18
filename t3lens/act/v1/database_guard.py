"""Keeping T3 Code's database safe while it is repaired: nobody else in it, a backup that is true, digests.

Only the offline repair uses this: everything else in t3lens reads, and takes no lock that a server could wait on.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from t3lens.act.v1.offline_rows import RepairRows
from t3lens.errors import Refused
from t3lens.ingest.open_database import is_locked
from t3lens.t3code.v1.schema import (
    COMMAND_RECEIPTS,
    ORCHESTRATION_EVENTS,
    PROVIDER_SESSION_RUNTIME,
    SECRET_TABLES,
)

__all__ = ["back_up", "digest_others", "exclusive", "sound", "who_has_open"]


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


def sound(con: sqlite3.Connection) -> None:
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
    """A complete copy, compared with the original before anything is written."""
    if path.exists():
        raise Refused(f"{path} exists already; nothing was written", code="backup-exists")
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    os.close(descriptor)
    copy = sqlite3.connect(path, isolation_level=None)
    try:
        con.backup(copy)
        sound(copy)
        if _digest(copy) != _digest(con):
            raise Refused("the backup differs from the database; nothing was written", code="backup-differs")
    finally:
        copy.close()
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
    return path


def _tables(con: sqlite3.Connection) -> list[str]:
    # the tables with secrets are copied as pages by the backup, and never read
    return sorted(
        str(row[0])
        for row in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not str(row[0]).startswith((SECRET_TABLES, "sqlite_"))
    )


def _digest(con: sqlite3.Connection) -> str:
    digest = hashlib.sha256()
    for table in _tables(con):
        digest.update(table.encode())
        _add(digest, con.execute(f'SELECT * FROM "{_quoted(table)}" ORDER BY rowid'))
    return digest.hexdigest()


def digest_others(con: sqlite3.Connection, rows: RepairRows) -> str:
    """A digest of every row that the repair must leave alone: all but the two new ones and the binding."""
    new, thread_id = rows.event["command_id"], rows.event["stream_id"]
    own = {
        ORCHESTRATION_EVENTS: ("command_id IS NOT ?", new),
        COMMAND_RECEIPTS: ("command_id IS NOT ?", new),
        PROVIDER_SESSION_RUNTIME: ("thread_id IS NOT ?", thread_id),
    }
    digest = hashlib.sha256()
    for table in _tables(con):
        digest.update(table.encode())
        condition, value = own.get(table, ("? IS NULL", None))
        _add(
            digest,
            con.execute(f'SELECT * FROM "{_quoted(table)}" WHERE {condition} ORDER BY rowid', (value,)),
        )
    return digest.hexdigest()


def _add(digest: Any, rows: sqlite3.Cursor) -> None:
    for row in rows:
        digest.update(repr(row).encode("utf-8", "surrogatepass"))


def _quoted(name: str) -> str:
    return name.replace('"', '""')
