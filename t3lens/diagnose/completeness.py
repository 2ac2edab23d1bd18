"""How complete what t3lens was given is: lines and files that are missing, and what of the database nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from t3lens.diagnose.home_queries import QueriedHome

__all__ = ["lost_of_logs", "schema_as_found"]

_REJECTED: Final = """
from _quarantine join _files using (file_key)
select file_key, count(*) as pieces @each
where @home and not provisional
group by file_key @each
"""
"""Lines that could not be read; a torn last one may still be on its way."""

_ROTATIONS: Final = """
from _files
select family, list({'rotation': rotation, 'file': file_key} order by file_key) as files @each
where @home and kind = 'provider-log' and status not in ('missing', 'truncated')
group by family @each having max(rotation) > min(rotation)
"""
"""The files of each log that was rotated."""

_THREADS: Final = """
from _log_events
select distinct file_key, thread_id
where home_id = $home and thread_id is not null and file_key in (select unnest($files))
order by all
"""

_MIGRATIONS: Final = "from migrations select migration_id, name @each where @home order by migration_id, name"

_COLUMNS: Final = """
from _snapshot_rows
select table_name, unnest(json_keys(any_value(extra))) as name @each(snapshot_id)
where snapshot_id in (from _snapshots select max(snapshot_id) where @home @grouped
                      having arg_max(origin, snapshot_id) = 'database')
  and extra is not null
group by table_name @each(snapshot_id)
order by all
"""
"""Columns that no view names; all rows of a table have the same."""


def lost_of_logs(asked: QueriedHome, threads: Sequence[str] | None) -> dict[str, tuple[int, int]]:
    """What is missing of the logs of a home's threads.

    Args:
        asked: The home.
        threads: Only these; None for all.

    Returns:
        By thread id: lines of its files that could not be read, and files missing between the rotated ones.
        Threads of which nothing is missing are not in it.
    """
    lost = [(file, pieces, 0) for file, pieces in asked.rows(_REJECTED)]
    for _, files in asked.rows(_ROTATIONS):
        lost += _gaps([(one["rotation"], one["file"]) for one in files])
    if not lost:
        return {}
    of_file: dict[int, list[str]] = {}
    named = asked.rows(_THREADS, {"files": [file for file, _, _ in lost]})
    for file, thread_id in named:
        if threads is None or thread_id in threads:
            of_file.setdefault(file, []).append(thread_id)
    found: dict[str, tuple[int, int]] = {}
    for file, pieces, gaps in lost:
        for thread_id in of_file.get(file, ()):
            before = found.get(thread_id, (0, 0))
            found[thread_id] = (before[0] + pieces, before[1] + gaps)
    return found


def _gaps(files: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Files missing between the rotated ones of a log, said of the newest of them: its key, no pieces, how many."""
    rotations = {rotation for rotation, _ in files}
    missing = max(rotations) - min(rotations) + 1 - len(rotations)
    return [(file, 0, missing) for rotation, file in files if missing and rotation == min(rotations)]


def schema_as_found(asked: QueriedHome, snapshot: int | None) -> tuple[list[tuple[int, str | None]], list[tuple[str, str]]]:
    """The migrations (id, name) that a home's database went through, and its columns (table, column) no view names.

    Args:
        asked: The home.
        snapshot: Its newest snapshot.
    """
    return asked.rows(_MIGRATIONS), asked.rows(_COLUMNS, whose=snapshot)
