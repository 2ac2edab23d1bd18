"""Which homes a reading began and did not end: what the store has of them is not whole, and nobody may judge it.

The mark is set before the first byte is read and taken away with the last, so an interrupt, a kill or an error
anywhere between leaves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from t3lens.time import now

if TYPE_CHECKING:
    import duckdb

    from t3lens.ingest.homes import Home

__all__ = ["begin", "failed", "finished"]

_NAMED: Final = """
INSERT INTO _homes (home_id, path, kind, has_database, has_logs)
SELECT $home, $path, $kind, $database, $logs WHERE NOT EXISTS (FROM _homes WHERE home_id = $home)
"""
_MARKED: Final = """
INSERT INTO _unfinished SELECT $home, make_timestamptz($began::BIGINT), 'its reading was interrupted'
WHERE NOT EXISTS (FROM _unfinished WHERE home_id = $home)
"""


def begin(con: duckdb.DuckDBPyConnection, homes: Sequence[Home]) -> None:
    """Note that these homes are going to be read, and name those that the store does not know."""
    began = now()
    for home in homes:
        con.execute(
            _NAMED,
            {
                "home": home.home_id,
                "path": home.shown,
                "kind": home.kind,
                "database": home.database is not None,
                "logs": home.log_dir is not None,
            },
        )
        con.execute(_MARKED, {"home": home.home_id, "began": began})


def failed(con: duckdb.DuckDBPyConnection, home_id: str, why: str) -> None:
    """Note why a home was not read to its end."""
    con.execute("UPDATE _unfinished SET why = ? WHERE home_id = ?", [why, home_id])


def finished(con: duckdb.DuckDBPyConnection, home_id: str) -> None:
    """Note that a home was read to its end."""
    con.execute("DELETE FROM _unfinished WHERE home_id = ?", [home_id])
