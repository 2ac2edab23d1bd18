"""The way into a ``state.sqlite``: how it is opened without a trace, and whether it changed."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from t3lens.reading import NotRead, check_time, open_regular, time_left, why_not_read
from t3lens.scratch import temporary_folder

__all__ = ["LONGEST", "database_stamp", "is_damage", "is_locked", "open_database"]

_STEPS: Final = 10_000
"""After so many steps of SQLite it is asked whether there is time left."""

LONGEST: Final = 64 << 20
"""Bytes that one value may have: one that is longer is not loaded, but cut, and that is said."""

_SETTLED_NS: Final = 1_000_000_000
_STEP_NS: Final = 50_000_000
_LOOKS: Final = 2
_BLOCK: Final = 4 << 20
_IN_PLACE: Final = "mode=ro&readonly_shm=1"
_PATIENCE_S: Final = 0.25


class _Connection(sqlite3.Connection):
    """Asks again when a statement met the head of a ``-shm`` that the server was just writing.

    SQLite takes a half-written head for one to be repaired, and says "read-only" to who may not.
    """

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return super().execute(sql, parameters)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_RECOVERY:
                    raise
                if time.monotonic() > deadline:
                    raise
            time.sleep(_PATIENCE_S / 1000)


@contextlib.contextmanager
def open_database(path: Path, *, alive: bool | None, busy_s: float = 5.0) -> Iterator[sqlite3.Connection]:
    """A read-only connection that leaves no trace beside the database, and no lock a writer waits for.

    That of a live server is read in place: SQLite readers hold up no writer of a ``-wal``, and told that
    the ``-shm`` is read-only they do not even note themselves there. That of a dead server which left a
    ``-wal`` (or a rollback journal) is read from a private copy: opening it in place could make a ``-shm``,
    and ignoring the ``-wal`` shows a stale database, or none. Without a ``-wal`` the file is complete.

    Args:
        path: The database file.
        alive: Whether its server runs; None if unclear.
        busy_s: How long to wait for a lock, seconds.

    Raises:
        sqlite3.Error: It cannot be opened.
        OSError: It cannot be read or copied, leads out of its folder, or is no regular file.
    """
    for suffix in ("", "-wal", "-shm", "-journal"):
        beside = Path(f"{path}{suffix}")
        if why := why_not_read(beside, beside.parent):
            raise NotRead(f"{beside.name} {why}")
    with contextlib.ExitStack() as stack:
        where, query = _way_in(path.resolve(), alive, stack)
        con = _connect(where, query, busy_s)
        stack.callback(lambda: con.close())
        if query == _IN_PLACE and not _can_read(con):
            # No reader before has left a mark in the -shm that this one could use.
            con.close()
            con = _connect(where, "mode=ro", busy_s)
        # Lets a file that lost its end, or a table's definition, be read as far as it goes.
        con.execute("PRAGMA writable_schema = ON")
        con.text_factory = lambda b: b.decode("utf-8", "replace")
        # What a view says is made by whoever wrote the file, and may never end.
        con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        con.set_authorizer(_tables_only)
        con.set_progress_handler(lambda: not time_left(), _STEPS)
        yield con


def _tables_only(_: int, __: str | None, ___: str | None, ____: str | None, view: str | None) -> int:
    """Tell SQLite whether a statement may read something: not where a view or a trigger asks for it."""
    return sqlite3.SQLITE_OK if view is None else sqlite3.SQLITE_DENY


def _way_in(path: Path, alive: bool | None, stack: contextlib.ExitStack) -> tuple[Path, str]:
    """Which file to open, and how; a private copy lasts as long as ``stack``."""
    for _ in range(_LOOKS):
        leftovers = [s for s in ("-wal", "-journal") if _size(Path(f"{path}{s}"))]
        shared = all(Path(f"{path}{suffix}").exists() for suffix in ("-wal", "-shm"))
        if shared and alive is not False:
            return path, _IN_PLACE
        if not leftovers:
            # Opened in place, SQLite would make a -wal and a -shm even to read.
            return path, "mode=ro&immutable=1" if _is_wal_mode(path) else "mode=ro"
        folder = stack.enter_context(temporary_folder())
        if _copied(path, folder, leftovers):
            return folder / path.name, "mode=rw"
    return path, _IN_PLACE if shared else "mode=ro"  # written to all the time: alive after all


def _connect(where: Path, query: str, busy_s: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{where.as_uri()}?{query}",
        factory=_Connection,
        uri=True,
        timeout=busy_s,
        isolation_level=None,
        check_same_thread=False,
    )


def _can_read(con: sqlite3.Connection) -> bool:
    try:
        con.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.OperationalError as error:
        return is_locked(error)
    except sqlite3.DatabaseError:
        pass  # damage, which is the caller's to tell
    return True


def is_locked(error: sqlite3.Error) -> bool:
    """Whether another connection holds what a statement needed."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether a statement met pages that are no pages of a database."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is_wal_mode(path: Path) -> bool:
    with open_regular(path) as stream:
        return stream.read(20)[18:20] == b"\2\2"


def _copied(path: Path, folder: Path, leftovers: list[str]) -> bool:
    """Copy the database with its journals; False if somebody wrote meanwhile, or took one away."""

    def state() -> list[tuple[int, int]]:
        found = [Path(f"{path}{suffix}") for suffix in ("", *leftovers)]
        return [(s.st_size, s.st_mtime_ns) for s in (f.stat() for f in found)]

    try:
        before = state()
        age = time.time_ns() - max(changed for _, changed in before)
        if 0 <= age < _STEP_NS:
            # Change times move in steps: another write in the same step would not show.
            time.sleep((_STEP_NS - age) / 1e9)
        for suffix in ("", *leftovers):
            _copy(Path(f"{path}{suffix}"), folder / f"{path.name}{suffix}")
        return state() == before
    except FileNotFoundError:
        return False


def _copy(source: Path, target: Path) -> None:
    with open_regular(source) as stream, target.open("wb") as out:
        while block := stream.read(_BLOCK):
            check_time()
            out.write(block)


def database_stamp(path: Path) -> str | None:
    """Sizes and change times of a database and its journals: equal means nothing was written.

    None while it is being written to: change times move in steps of some milliseconds, so a time that is
    only just past does not tell whether another write came in the same step.
    """
    parts = []
    for suffix in ("", "-wal", "-journal"):
        try:
            status = Path(f"{path}{suffix}").stat()
        except OSError:
            parts.append("-")
            continue
        if abs(time.time_ns() - status.st_mtime_ns) < _SETTLED_NS:
            return None
        parts.append(f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}")
    return " ".join(parts)
