"""What is wrong with a home's databases, as far as conclusions depend on it: in words for people, and as facts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["SOUND", "DatabaseFaults", "all_faults", "known_faults", "write_faults"]


@dataclass(frozen=True, slots=True)
class DatabaseFaults:
    """What could not be read.

    Attributes:
        text: In words; None if all was read.
        damaged: Whether pages of a database are no pages of a database.
        missing_tables: Tables that are read, and are not there.
    """

    text: str | None = None
    damaged: bool = False
    missing_tables: tuple[str, ...] = ()


SOUND = DatabaseFaults()
"""Nothing is wrong."""


def all_faults(faults: Iterable[DatabaseFaults]) -> DatabaseFaults:
    """What is wrong with several databases together."""
    listed = list(faults)
    return DatabaseFaults(
        "; ".join(one.text for one in listed if one.text) or None,
        any(one.damaged for one in listed),
        tuple(table for one in listed for table in one.missing_tables),
    )


def write_faults(con: duckdb.DuckDBPyConnection, home_id: str, faults: DatabaseFaults) -> None:
    """Keep the faults of a home in the store; their text stands in its row of ``_homes``."""
    con.execute("DELETE FROM _database_faults WHERE home_id = ?", [home_id])
    con.execute(
        "INSERT INTO _database_faults VALUES (?, ?, ?)",
        [home_id, faults.damaged, list(faults.missing_tables)],
    )


def known_faults(con: duckdb.DuckDBPyConnection, home_id: str) -> DatabaseFaults | None:
    """What was wrong when the home was read last; None if it never was, or by a build that kept no such facts."""
    rows = con.execute(
        "SELECT database_error, damaged, missing_tables FROM _homes JOIN _database_faults USING (home_id) WHERE home_id = ?",
        [home_id],
    ).fetchall()
    if not rows:
        return None
    text, damaged, missing = rows[0]
    return DatabaseFaults(text, damaged, tuple(missing))
