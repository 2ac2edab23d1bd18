"""OpenCode's database, read beside its server like T3 Code's: no trace beside it, no lock anybody waits for."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from t3lens.agents.opencode import MessageRow, OpenCodeSession, PartRow, reduce_session
from t3lens.agents.record import AgentRecord
from t3lens.errors import InputError
from t3lens.ingest.open_database import open_database

__all__ = ["database_records"]

_TABLES: Final = {
    "session": ("id",),
    "message": ("id", "session_id", "data"),
    "part": ("id", "message_id", "data"),
}
"""Without these columns nothing can be told."""


def database_records(path: Path, session_ids: Sequence[str] | None = None) -> Iterator[AgentRecord] | None:
    """The sessions of an OpenCode database, oldest first; None if it is another program's.

    Args:
        path: The database. It is opened once, and one state of it is read, however long that takes.
        session_ids: Only these sessions, in this order.

    Raises:
        InputError: It is OpenCode's, but damaged, locked, or laid out in a way that is not known.
    """
    with contextlib.ExitStack() as stack:
        con = stack.enter_context(open_database(path, alive=None))
        columns = {name: _columns(con, name) for name in _TABLES}
        if not all(columns.values()):
            return None
        for table, needed in _TABLES.items():
            lacking = [name for name in needed if name not in columns[table]]
            if lacking:
                raise InputError(
                    f"{path} is laid out in a way that is not known: its table {table} has no {', '.join(lacking)}",
                    code="unknown-layout",
                )
        return _records(stack.pop_all(), con, columns, session_ids)


def _records(
    opened: contextlib.ExitStack,
    con: sqlite3.Connection,
    columns: dict[str, list[str]],
    session_ids: Sequence[str] | None,
) -> Iterator[AgentRecord]:
    with opened:
        con.execute("BEGIN")
        wanted = ("id", "parent_id", "directory", "version", "time_created", "revert")
        if session_ids is None:
            rows = _select(con, "session", wanted, columns["session"], "ORDER BY time_created, id").fetchall()
        else:
            rows = [
                row
                for session_id in session_ids
                for row in _select(con, "session", wanted, columns["session"], "WHERE id = ?", session_id)
            ]
        for row in rows:
            session = OpenCodeSession(
                _text(row[0]) or "",
                _text(row[1]),
                _text(row[2]),
                _text(row[3]),
                _number(row[4]),
                _text(row[5]),
            )
            messages = [
                MessageRow(_text(key) or "", _number(created), _text(data) or "")
                for key, created, data in _select(
                    con,
                    "message",
                    ("id", "time_created", "data"),
                    columns["message"],
                    "WHERE session_id = ? ORDER BY time_created, id",
                    session.id,
                )
            ]

            def parts_of(message_id: str) -> list[PartRow]:
                found = _select(
                    con,
                    "part",
                    ("id", "data"),
                    columns["part"],
                    "WHERE message_id = ? ORDER BY time_created, id",
                    message_id,
                )
                return [PartRow(_text(key) or "", message_id, _text(data) or "") for key, data in found]

            yield reduce_session(session, messages, parts_of)


def _columns(con: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in con.execute(f"PRAGMA table_info('{table}')")]


def _select(
    con: sqlite3.Connection,
    table: str,
    wanted: tuple[str, ...],
    present: list[str],
    rest: str,
    *values: str,
) -> sqlite3.Cursor:
    """Rows of a table; a column this build does not have is NULL."""
    names = [name if name in present else f"NULL AS {name}" for name in wanted]
    if "time_created" not in present:
        rest = rest.replace("time_created, ", "")
    return con.execute(f"SELECT {', '.join(names)} FROM {table} {rest}", values)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
