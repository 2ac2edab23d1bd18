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

# Both are gone through in the order of their indices, side by side: looked up in another, each receipt would be a page of
# its own.
_LAST: Final = (
    f"SELECT {_COMMAND} FROM {ORCHESTRATION_EVENTS} WHERE {_COMMAND} > ? COLLATE BINARY ORDER BY {_COMMAND} "
    f"LIMIT 1 OFFSET {_AT_ONCE - 1}"
)
_VERY_LAST: Final = f"SELECT max({_COMMAND}) FROM {ORCHESTRATION_EVENTS}"
_BETWEEN: Final = "{0} > ?1 COLLATE BINARY AND {0} <= ?2 COLLATE BINARY"
_MISSING: Final = (
    f"SELECT {_COMMAND} FROM {ORCHESTRATION_EVENTS} WHERE {_BETWEEN.format(_COMMAND)} "
    f"EXCEPT SELECT {_RECEIPT} FROM {COMMAND_RECEIPTS} WHERE {_BETWEEN.format(_RECEIPT)} ORDER BY 1 LIMIT 1"
)
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
        if not _all_are_there(reader, stop):
            return False
        after: int | None = -(2**63)
        while after is not None:
            if stop():
                return False
            after, _ = reader.con.execute(_RECEIPTS, (after,)).fetchone()
    except sqlite3.Error:
        return False
    return True


def _all_are_there(reader: DatabaseReader, stop: Callable[[], bool]) -> bool:
    """Whether there is a receipt of each command of an event."""
    after: str | None = ""
    (very_last,) = reader.con.execute(_VERY_LAST).fetchone()
    while after is not None and after != very_last:
        if stop():
            return False
        found = reader.con.execute(_LAST, (after,)).fetchone()
        last = found[0] if found is not None else very_last
        if _REPLACED in str(last):
            return False  # beyond what is no UTF-8 nothing is in order
        if reader.con.execute(_MISSING, (after, last)).fetchone() is not None:
            return False
        after = last
    return True


def _are_indexed(reader: DatabaseReader) -> bool:
    """Whether both are gone through side by side by an index, and compare as the texts they are."""
    types = (reader.types(ORCHESTRATION_EVENTS).get(_COMMAND), reader.types(COMMAND_RECEIPTS).get(_RECEIPT))
    if types != ("TEXT", "TEXT"):
        return False
    plan = [str(row[-1]) for row in reader.con.execute(f"EXPLAIN QUERY PLAN {_MISSING}", ("", ""))]
    searched = [step for step in plan if step.startswith("SEARCH")]
    return len(searched) == 2 and not any("SCAN" in step or "TEMP" in step for step in plan)
