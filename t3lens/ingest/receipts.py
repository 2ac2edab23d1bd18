"""Whether every stored event has the receipt of its command, asked of the database itself.

Rules want to know of a receipt only that it is there. To look each up where it stands takes a fraction of the time of
reading all of them and joining them with the events. What is not plain (no index, a damaged page, an event without
one) is not answered here: then receipts are read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

from t3lens.ingest.database import EVENT_COLUMNS, RECEIPT_COLUMNS, DatabaseReader
from t3lens.t3code.v1.schema import COMMAND_RECEIPTS, ORCHESTRATION_EVENTS

__all__ = ["every_event_has_one", "newest_receipt"]

_AT_ONCE: Final = 5000
"""Rows that one statement looks at; while it runs, a server cannot begin its write-ahead log anew."""

_REPLACED: Final = "\ufffd"
_COMMAND: Final = EVENT_COLUMNS["command_id"]
_RECEIPT: Final = RECEIPT_COLUMNS[0]

# Both are gone through in the order of their indices: looked up in another, each receipt would be a page of its own.
_FOUND: Final = f"SELECT 1 FROM {COMMAND_RECEIPTS} WHERE {_RECEIPT} = {{}} COLLATE BINARY"
_COMMANDS: Final = (
    f"SELECT {_COMMAND} FROM {ORCHESTRATION_EVENTS} WHERE {_COMMAND} > ? COLLATE BINARY ORDER BY {_COMMAND} LIMIT {_AT_ONCE}"
)
_MISSING: Final = f"SELECT max({_COMMAND}), sum(NOT EXISTS ({_FOUND.format('e.' + _COMMAND)})) FROM ({_COMMANDS}) AS e"
_WITHOUT: Final = f"SELECT EXISTS (SELECT 1 FROM {ORCHESTRATION_EVENTS} WHERE {_COMMAND} IS NULL OR {_COMMAND} = '')"
# In the order of the table, so that a damaged page of it is met.
_RECEIPTS: Final = (
    f"SELECT max(rowid), count(substr({_RECEIPT}, 1, 1)) FROM (SELECT rowid, {_RECEIPT} "
    f"FROM {COMMAND_RECEIPTS} NOT INDEXED WHERE rowid > ? ORDER BY rowid LIMIT {_AT_ONCE})"
)


def newest_receipt(reader: DatabaseReader) -> int | None:
    """The row id of the newest receipt; None if there is none, or it cannot be told.

    Args:
        reader: The open database.
    """
    try:
        found = reader.con.execute(f"SELECT max(rowid) FROM {COMMAND_RECEIPTS}").fetchone()
    except sqlite3.Error:
        return None
    return found[0] if found is not None and isinstance(found[0], int) else None


def every_event_has_one(reader: DatabaseReader, stop: Callable[[], bool]) -> bool:
    """Whether every event has its receipt; no if that is not plain.

    Args:
        reader: The open database. All receipts are read besides, so that what is damaged of them is met.
        stop: Asked again and again; True ends with no.
    """
    if not _are_indexed(reader):
        return False
    try:
        if reader.con.execute(_WITHOUT).fetchone()[0]:
            return False
        for sql, first in ((_MISSING, ""), (_RECEIPTS, -(2**63))):
            after: str | int | None = first
            while after is not None:
                if stop():
                    return False
                after, found = reader.con.execute(sql, (after,)).fetchone()
                if sql is _MISSING and (found or _REPLACED in str(after)):
                    return False  # beyond what is no UTF-8 nothing is in order
    except sqlite3.Error:
        return False
    return True


def _are_indexed(reader: DatabaseReader) -> bool:
    """Whether both are found without going through all of them, and compare as the texts they are."""
    types = (reader.types(ORCHESTRATION_EVENTS).get(_COMMAND), reader.types(COMMAND_RECEIPTS).get(_RECEIPT))
    if types != ("TEXT", "TEXT"):
        return False
    plans = [reader.con.execute(f"EXPLAIN QUERY PLAN {sql}", ("",)).fetchall() for sql in (_COMMANDS, _FOUND.format("?"))]
    return all(len(plan) == 1 and str(plan[0][-1]).startswith("SEARCH") for plan in plans)
