"""An empty store as a pattern of the next ones: copying its tables and views takes a sixth of making them.

DuckDB looks at every view when it is made, but not when it comes out of a file.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from t3lens.scratch import process_folder, temporary_folder
from t3lens.store import schema as _schema
from t3lens.store.bare_engine import Error
from t3lens.store.sql import quoted

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

__all__ = ["prepare_in_memory"]

_NAME: Final = "pattern"
_IN_MEMORY: Final = "memory"
"""What DuckDB calls the database of a connection that has no file."""


class _Made:
    """How many stores in memory this process has made."""

    stores: int = 0


def prepare_in_memory(con: duckdb.DuckDBPyConnection, *, brief: bool = False) -> None:
    """Make the tables and views of a store in memory.

    The first of a process is made; as most processes need no other, only the second leaves a pattern.

    Args:
        con: A connection that has nothing yet, and may still open files.
        brief: Whether some views may be left for later, see ``schema.prepare``.
    """
    path = process_folder() / f"{_NAME}.duckdb"
    if path.exists() and _copied(con, path):
        return
    _schema.prepare(con, "in memory", brief=brief)
    if brief:
        return
    _Made.stores += 1
    if _Made.stores > 1:
        _leave(con, path)


def _copied(con: duckdb.DuckDBPyConnection, path: Path) -> bool:
    try:
        con.execute(f"ATTACH {quoted(str(path))} AS {_NAME} (READ_ONLY)")
        _copy(con, _NAME, _IN_MEMORY)
    except Error:  # somebody tidied up
        return False
    return True


def _leave(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    with suppress(Error, OSError), temporary_folder() as folder:
        new = folder / path.name
        con.execute(f"ATTACH {quoted(str(new))} AS {_NAME}")
        _copy(con, _IN_MEMORY, _NAME)
        new.rename(path)


def _copy(con: duckdb.DuckDBPyConnection, source: str, target: str) -> None:
    try:
        con.execute(f"COPY FROM DATABASE {source} TO {target} (SCHEMA)")
        con.execute(f"INSERT INTO {target}.{_schema.META} FROM {source}.{_schema.META}")
    finally:
        con.execute(f"DETACH {_NAME}")
