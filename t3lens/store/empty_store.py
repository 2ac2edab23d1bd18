"""An empty store as a pattern of all others: copying its tables and views takes a fifth of making them.

DuckDB looks at every view when it is made, but not when it comes out of a file. So the first store that is made on a machine
leaves an empty one behind, in this user's folder for temporary files, and whoever needs one later copies that.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Final

from t3lens.scratch import process_folder, temporary_folder, user_folder
from t3lens.store import schema as _schema
from t3lens.store.bare_engine import Error, engine_version
from t3lens.store.sql import quoted

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

__all__ = ["SMALL", "empty_store", "prepare_in_memory"]

SMALL: Final = "ROW_GROUP_SIZE 30720, BLOCK_SIZE 16384"
"""How a file is attached that holds little.

Every table takes a block of its own, however little is in it. With the smallest there are a store takes four times the bytes
of a small home; with DuckDB's default (256 KiB) thirty times.
"""

_NAME: Final = "pattern"
_IN_MEMORY: Final = "memory"
"""What DuckDB calls the database of a connection that has no file."""

_FORGOTTEN_S: Final = 30 * 86_400


def empty_store() -> Path | None:
    """The file of an empty store, with this package's schema and little room; None if none was made yet."""
    path = _place()
    return path if path.is_file() else None


def prepare_in_memory(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables and views of a store in memory.

    Args:
        con: A connection that has nothing yet, and may still open files.
    """
    path = _place()
    if path.is_file() and _copied(con, path):
        return
    _schema.prepare(con, "in memory")
    _leave(con, path)


@cache
def _key() -> str:
    return hashlib.sha256(f"{_schema.fingerprint()}\0{engine_version()}\0{SMALL}".encode()).hexdigest()[:16]


def _place() -> Path:
    return (user_folder() or process_folder()) / f"{_NAME}-{_key()}.duckdb"


def _copied(con: duckdb.DuckDBPyConnection, path: Path) -> bool:
    try:
        con.execute(f"ATTACH {quoted(str(path))} AS {_NAME} (READ_ONLY)")
        _copy(con, _NAME, _IN_MEMORY)
    except Error:  # somebody tidied up
        return False
    return True


def _leave(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Make the pattern of what was made; without one all goes on as well, only slower."""
    with suppress(Error, OSError), temporary_folder() as folder:
        new = folder / path.name
        con.execute(f"ATTACH {quoted(str(new))} AS {_NAME} ({SMALL})")
        _copy(con, _IN_MEMORY, _NAME)
        new.chmod(0o600)
        new.rename(path)
        for other in path.parent.glob(f"{_NAME}-*.duckdb"):  # of another version
            if other != path and other.stat().st_mtime < time.time() - _FORGOTTEN_S:
                other.unlink()


def _copy(con: duckdb.DuckDBPyConnection, source: str, target: str) -> None:
    try:
        con.execute(f"COPY FROM DATABASE {source} TO {target} (SCHEMA)")
        con.execute(f"INSERT INTO {target}.{_schema.META} FROM {source}.{_schema.META}")
    finally:
        con.execute(f"DETACH {_NAME}")
