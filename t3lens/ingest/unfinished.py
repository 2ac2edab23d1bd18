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
FROM (SELECT DISTINCT ON (home_id) * FROM (
    SELECT unnest($homes) AS home_id, unnest($paths), unnest($kinds), unnest($databases), unnest($logs))) AS n
WHERE NOT EXISTS (FROM _homes AS h WHERE h.home_id = n.home_id)
"""
_MARKED: Final = """
INSERT INTO _unfinished
SELECT home_id, make_timestamptz($began::BIGINT), 'its reading was interrupted'
FROM (SELECT DISTINCT unnest($homes) AS home_id) AS n
WHERE NOT EXISTS (FROM _unfinished AS u WHERE u.home_id = n.home_id)
"""


def begin(con: duckdb.DuckDBPyConnection, homes: Sequence[Home]) -> None:
    """Note that these homes are going to be read, and name those that the store does not know."""
    if not homes:
        return
    ids = [home.home_id for home in homes]
    con.execute(
        _NAMED,
        {
            "homes": ids,
            "paths": [home.shown for home in homes],
            "kinds": [home.kind for home in homes],
            "databases": [home.database is not None for home in homes],
            "logs": [home.log_dir is not None for home in homes],
        },
    )
    con.execute(_MARKED, {"homes": ids, "began": now()})


def failed(con: duckdb.DuckDBPyConnection, home_id: str, why: str) -> None:
    """Note why a home was not read to its end."""
    con.execute("UPDATE _unfinished SET why = ? WHERE home_id = ?", [why, home_id])


def finished(con: duckdb.DuckDBPyConnection, home_id: str) -> None:
    """Note that a home was read to its end."""
    con.execute("DELETE FROM _unfinished WHERE home_id = ?", [home_id])
