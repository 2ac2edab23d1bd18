"""A store as Parquet files, for any engine that reads them, and back.

Layout: ``DIR/<table>/home_id=…/day=…/*.parquet`` (``day`` only where rows have a time of their own). Tables that
can be read back are those of ``TABLES``; ``views`` beside them holds what was concluded, for reading only. The manifest
that lists the files is written last; an archive is read back whole or not at all.
"""

from __future__ import annotations

import glob as globbing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from t3lens.errors import InputError
from t3lens.export.archive_manifest import ArchivedFile, check_archives, digest_of, root_of, write_manifest
from t3lens.export.masked_rows import MaskedRows
from t3lens.store.bare_engine import with_relations
from t3lens.store.sql import quoted
from t3lens.writing import new_beside, not_written

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from t3lens.store import Store

__all__ = ["TABLES", "VIEWS", "ParquetReport", "is_parquet", "read_parquet", "rows_of", "write_parquet"]

_BY_DAY: Final = {
    "log_events": "coalesce(t.logged_at, t.created_at)",
    "orchestration_events": "t.occurred_at",
    "spans": "t.started_at",
    "receipts": "t.accepted_at",
}
_OF_FILE: Final = frozenset({"quarantine"})
_OF_SNAPSHOT: Final = frozenset({"snapshot_rows"})

TABLES: Final = (
    "homes",
    "server_starts",
    "working_folders",
    "home_signs",
    "unfinished",
    "database_faults",
    "files",
    "log_events",
    "quarantine",
    "spans",
    "orchestration_events",
    "receipts",
    "snapshots",
    "snapshot_rows",
    "databases",
    "entities",
    "provider_records",
    "record_turns",
    "record_quarantine",
)
"""What was read, in the order in which it is read back."""

VIEWS: Final = (
    "threads",
    "sessions",
    "turns",
    "runs",
    "effects",
    "verdicts",
    "findings",
    "evidence",
    "expected_sessions",
    "expected_turns",
)
"""What was concluded or is derived: written for readers, not read back."""


@dataclass(frozen=True, slots=True)
class ParquetReport:
    """What was written.

    Attributes:
        folder: The folder it was written to.
        rows: Rows by table.
        size: The bytes of all files.
        maskings: How many maskings were made, by kind.
    """

    folder: Path
    rows: dict[str, int]
    size: int
    maskings: dict[str, int]


def is_parquet(path: str) -> bool:
    """Whether a path or pattern means Parquet files."""
    return path.endswith(".parquet")


def write_parquet(store: Store, folder: Path, *, as_read: bool = False) -> ParquetReport:
    """Write a store as Parquet, partitioned by home and day.

    Prompts and answers are in it, their secrets masked, over the joined text of what streamed in pieces. Paths, hosts
    and addresses stay: this is data for programs, not a document.

    Args:
        store: What to write; diagnose first if the views are to hold conclusions.
        folder: A folder that does not exist or is empty.
        as_read: Leave secrets as they were read, too.

    Raises:
        InputError: The folder holds something, or cannot be written.
    """
    import duckdb

    from t3lens.version import __version__

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"{folder} is not empty; name a new folder, so that old files do not pass for new ones",
            code="not-empty",
        )
    rows: dict[str, int] = {}
    listed: dict[str, list[ArchivedFile]] = {}
    try:
        with new_beside(folder) as making, store.read() as con, duckdb.connect(":memory:") as files:
            masked = None if as_read else MaskedRows(con)
            for table in TABLES:
                rows[table] = _write(con, files, table, f"_{table}", making / table, masked)
                listed[table] = _listed(files, making, table)
            for view in VIEWS:
                rows[f"views/{view}"] = _write(con, files, view, view, making / "views" / view, masked)
            homes = [home for (home,) in con.execute("SELECT home_id FROM _homes ORDER BY home_id").fetchall()]
            write_manifest(making, __version__, homes, listed)
            size = sum(path.stat().st_size for path in making.rglob("*.parquet"))
            for path in making.rglob("*"):  # texts of prompts and answers are in it
                path.chmod(0o700 if path.is_dir() else 0o600)
    except (OSError, duckdb.Error) as error:
        raise not_written(folder, error) from error
    return ParquetReport(folder, rows, size, dict(masked.redactor.counts) if masked is not None else {})


def _listed(files: duckdb.DuckDBPyConnection, root: Path, table: str) -> list[ArchivedFile]:
    """The files of a table that was written."""
    if not (root / table).is_dir():
        return []
    counted = files.execute(
        "SELECT file_name, num_rows FROM parquet_file_metadata(?) ORDER BY file_name",
        [f"{globbing.escape(str(root / table))}/**/*.parquet"],
    ).fetchall()
    found = [(Path(name), rows) for name, rows in counted]
    return [
        ArchivedFile(path.relative_to(root).as_posix(), rows, path.stat().st_size, digest_of(path)) for path, rows in found
    ]


def _columns(con: duckdb.DuckDBPyConnection, source: str) -> list[tuple[str, str]]:
    described = con.execute(f'DESCRIBE FROM "{source}"').fetchall()
    return [(row[0], row[1]) for row in described]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _write(
    con: duckdb.DuckDBPyConnection,
    files: duckdb.DuckDBPyConnection,
    table: str,
    source: str,
    target: Path,
    masked: MaskedRows | None,
) -> int:
    """Write a table of ``con``, which reaches no file, with ``files``, which does."""
    (count,) = con.execute(f'SELECT count(*) FROM "{source}"').fetchall()[0]
    if not count:
        return 0
    partition = ["home_id", "day"] if table in _BY_DAY else ["home_id"]
    target.parent.mkdir(parents=True, exist_ok=True)
    content = rows_of(con, table, source, masked, by_day=True)
    with_relations(files).register("content", content)
    files.execute(
        f"COPY (FROM content) TO {quoted(str(target))} (FORMAT parquet, COMPRESSION zstd, "
        f"PARTITION_BY ({', '.join(partition)}), WRITE_PARTITION_COLUMNS false)"
    )
    files.unregister("content")
    return int(count)


def rows_of(
    con: duckdb.DuckDBPyConnection,
    table: str,
    source: str,
    masked: MaskedRows | None,
    *,
    by_day: bool = False,
    order: str = "",
) -> pa.RecordBatchReader:
    """The rows of a table or view, with the types other engines know and the home each is of.

    Args:
        con: The store; it does nothing else until all rows were taken.
        table: Its name, without an underscore.
        source: The same, as the store has it.
        masked: What masks their texts; None leaves them.
        by_day: Whether the day of each row stands beside it, where it has a time of its own.
        order: SQL of the columns they are ordered by; as they stand if empty.
    """
    columns = _columns(con, source)
    # JSON, ENUMs and unsigned sizes are DuckDB's own types; other engines read text and plain integers.
    shown = [
        f"t.{_quoted(name)}::VARCHAR AS {_quoted(name)}"
        if kind == "JSON" or kind.startswith("ENUM")
        else f"t.{_quoted(name)}::BIGINT AS {_quoted(name)}"
        if kind in ("UBIGINT", "UTINYINT")
        else f"t.{_quoted(name)}"
        for name, kind in columns
    ]
    join = ""
    if table in _OF_FILE:
        shown.append("f.home_id")
        join = "JOIN _files AS f USING (file_key)"
    elif table in _OF_SNAPSHOT:
        shown.append("s.home_id")
        join = "JOIN _snapshots AS s USING (snapshot_id)"
    if by_day and table in _BY_DAY:
        shown.append(f"coalesce(strftime({_BY_DAY[table]} AT TIME ZONE 'UTC', '%Y-%m-%d'), 'unknown') AS day")
    select = f'SELECT {", ".join(shown)} FROM "{source}" AS t {join}{f" ORDER BY {order}" if order else ""}'
    view = table == source
    texts = masked.texts(table, columns, view=view) if masked is not None else ()
    if masked is None or not texts:
        return with_relations(con).sql(select).to_arrow_reader()
    return masked.read(table, select, texts, view=view)


def read_parquet(store: Store, patterns: Iterable[str]) -> None:
    """Read what ``write_parquet`` wrote into a store.

    Args:
        store: Where to; homes it has already are left as they are.
        patterns: Paths or globs of Parquet files, such as ``DIR/**/*.parquet``.

    Raises:
        InputError: Nothing matches, or the files are not of t3lens.
    """
    import duckdb

    files = sorted({path for pattern in patterns for path in _matching(pattern)})
    of_archive: dict[Path, list[Path]] = {}
    for path in files:
        if _table_of(path) is not None:
            of_archive.setdefault(root_of(path), []).append(path)
    if not any(_table_of(path) == "homes" for found in of_archive.values() for path in found):
        raise InputError(
            f"{', '.join(patterns)}: no Parquet files that `t3lens export --parquet` wrote (no homes/ among them)",
            code="no-parquet",
        )
    check_archives(of_archive)
    try:
        with store.write() as con, duckdb.connect(":memory:") as reader:
            there = {row[0] for row in con.execute("SELECT home_id FROM _homes").fetchall()}
            for found in of_archive.values():
                by_table = {table: [str(path) for path in found if _table_of(path) == table] for table in TABLES}
                shifts = _shifts(con, reader, by_table["snapshots"])
                for table, paths in by_table.items():
                    if paths:
                        _read(con, reader, table, paths, there, shifts)
    except duckdb.Error as error:
        raise InputError(f"the Parquet files cannot be read: {error}", code="bad-parquet") from error


def _matching(pattern: str) -> list[Path]:
    where = str(Path(pattern).expanduser())
    found = [Path(path) for path in globbing.glob(where, recursive=True)]  # noqa: PTH207 - absolute too
    if not found:
        raise InputError(f"nothing matches {pattern}; check the pattern", code="no-parquet")
    return found


def _table_of(path: Path) -> str | None:
    """The table a file belongs to: the folder above its partitions; None for a view."""
    folders = [part for part in path.parts[:-1] if "=" not in part]
    if len(folders) > 1 and folders[-2] == "views":
        return None
    return folders[-1] if folders and folders[-1] in TABLES else None


def _shifts(con: duckdb.DuckDBPyConnection, reader: duckdb.DuckDBPyConnection, snapshots: list[str]) -> dict[str, int]:
    """What is added to the numbers of an archive, by column: each archive counts its files and snapshots from 1."""
    ((files,),) = con.execute("SELECT coalesce(max(file_key), 0) FROM _files").fetchall()
    shift = 0
    if snapshots:
        escaped = [globbing.escape(path) for path in snapshots]
        ((most,),) = reader.execute("SELECT coalesce(max(snapshot_id), 0) FROM read_parquet(?)", [escaped]).fetchall()
        taken = con.execute("SELECT nextval('_snapshot_ids') FROM range(?)", [most]).fetchall()
        shift = min((number for (number,) in taken), default=1) - 1
    return dict.fromkeys(("file_key", "parent_key"), files) | dict.fromkeys(("snapshot_id", "since", "until"), shift)


def _read(
    con: duckdb.DuckDBPyConnection,
    reader: duckdb.DuckDBPyConnection,
    table: str,
    paths: list[str],
    there: set[str],
    shifts: Mapping[str, int],
) -> None:
    """Read files with ``reader``, which reaches them, into a table of ``con``, which does not."""
    source = "read_parquet(?, hive_partitioning = true, hive_types_autocast = false, union_by_name = true)"
    escaped = [globbing.escape(path) for path in paths]
    described = reader.execute(f"DESCRIBE SELECT * FROM {source}", [escaped]).fetchall()
    given = {row[0] for row in described}  # files of an earlier version lack later columns
    columns = [name for name, _ in _columns(con, f"_{table}") if name in given]
    names = ", ".join(map(_quoted, columns))
    shifted = ", ".join(f"{_quoted(name)} + {shifts[name]}" if name in shifts else _quoted(name) for name in columns)
    wanted = f"SELECT {shifted} FROM {source} WHERE NOT list_contains(?, home_id)"
    content = with_relations(reader).sql(wanted, params=[escaped, sorted(there)]).to_arrow_reader()
    with_relations(con).register("content", content)
    con.execute(f"INSERT INTO _{table} ({names}) FROM content")
    con.unregister("content")
