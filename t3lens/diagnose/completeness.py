"""How complete what t3lens was given is: lines and files that are missing, and what of the database nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import duckdb

__all__ = ["lost_of_logs", "schema_as_found"]

_REJECTED: Final = """
from _quarantine join source_files on file_id = file_key::varchar
select file_id, count(*) as pieces, 0 as gaps
where home_id = $home and not provisional
group by file_id
"""
"""Lines that could not be read; a torn last one may still be on its way."""

_GAPS: Final = """
from (from source_files
      select family, max(rotation) - min(rotation) + 1 - count(distinct rotation) as gaps, min(rotation) as rotation
      where home_id = $home and kind = 'provider-log' and status not in ('missing', 'truncated')
      group by family having gaps > 0)
join source_files using (family, rotation)
select file_id, 0 as pieces, gaps
where home_id = $home and kind = 'provider-log' and status not in ('missing', 'truncated')
"""
"""Files missing between the rotated ones of a log, said of the newest of them."""

_THREADS: Final = """
from log_events
select distinct file_id, thread_id
where home_id = $home and thread_id is not null and file_id in (select unnest($files))
order by all
"""

_MIGRATIONS: Final = "from migrations select migration_id, name where home_id = $home order by migration_id, name"

_COLUMNS: Final = """
from _latest_rows join snapshots using (home_id, snapshot_id)
select table_name, unnest(json_keys(any_value(extra))) as name
where home_id = $home and origin = 'database' and extra is not null
group by table_name
order by all
"""
"""Columns that no view names; all rows of a table have the same."""


def lost_of_logs(con: duckdb.DuckDBPyConnection, home_id: str, threads: Sequence[str] | None) -> dict[str, tuple[int, int]]:
    """What is missing of the logs of a home's threads.

    Args:
        con: The store.
        home_id: Which home.
        threads: Only these; None for all.

    Returns:
        By thread id: lines of its files that could not be read, and files missing between the rotated ones.
        Threads of which nothing is missing are not in it.
    """
    home = {"home": home_id}
    lost = [*con.execute(_REJECTED, home).fetchall(), *con.execute(_GAPS, home).fetchall()]
    if not lost:
        return {}
    of_file: dict[str, list[str]] = {}
    named = con.execute(_THREADS, home | {"files": [file for file, _, _ in lost]}).fetchall()
    for file, thread_id in named:
        if threads is None or thread_id in threads:
            of_file.setdefault(file, []).append(thread_id)
    found: dict[str, tuple[int, int]] = {}
    for file, pieces, gaps in lost:
        for thread_id in of_file.get(file, ()):
            before = found.get(thread_id, (0, 0))
            found[thread_id] = (before[0] + pieces, before[1] + gaps)
    return found


def schema_as_found(
    con: duckdb.DuckDBPyConnection, home_id: str
) -> tuple[list[tuple[int, str | None]], list[tuple[str, str]]]:
    """The migrations (id, name) that a home's database went through, and its columns (table, column) no view names."""
    home = {"home": home_id}
    return con.execute(_MIGRATIONS, home).fetchall(), con.execute(_COLUMNS, home).fetchall()
