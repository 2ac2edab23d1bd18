"""Small homes that a store in memory has nothing of yet, read into it together.

Of a small home the statements that store it take longer than to read it does. So several are read first, and then each
statement stores what it stores of all of them, in one transaction. A home that is not as most are is left for who reads it
by itself, and one whose rows or lines cannot be stored with the others' costs them nothing: they are tried in halves.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.errors import StoreError
from t3lens.ingest.attribution import attribute_by_file, to_attribute
from t3lens.ingest.formats import FORMATS, Format
from t3lens.ingest.fresh_home import FreshHome, Unusual, look_at, same_files
from t3lens.ingest.homes import Home
from t3lens.ingest.identity import FileState, next_file_key
from t3lens.ingest.load import Load
from t3lens.ingest.logs import write_states
from t3lens.ingest.records.of_threads import OFF, read_linked, wanted_of
from t3lens.ingest.records.write import RecordWriter
from t3lens.ingest.report import HomeReport
from t3lens.ingest.second_model import attribute_records, with_messages
from t3lens.ingest.single_records import Work
from t3lens.ingest.sizes import HELD_AT_ONCE, SMALL
from t3lens.ingest.snapshots import INSERT_EVENTS, INSERT_RECEIPTS, content_hash
from t3lens.ingest.working_folders import note_working_folders
from t3lens.store.arrow_rows import repeated, typed_table
from t3lens.store.bare_engine import with_relations
from t3lens.time import now

if TYPE_CHECKING:
    import pyarrow as pa

    from t3lens.ingest.options import IngestOptions
    from t3lens.store import WriteSession

__all__ = ["read_together"]


def read_together(
    session: WriteSession,
    homes: Sequence[Home],
    options: IngestOptions,
    tell: Callable[[int], None],
    stop: Callable[[], bool],
) -> dict[str, HomeReport]:
    """Read small homes together, as far as they are as most are.

    Args:
        session: Where to: a store in memory.
        homes: Homes that are going to be read, and of which the store has nothing.
        options: How.
        tell: Called with the bytes of logs read now and then.
        stop: Asked now and then; True ends with the homes that were read whole.

    Returns:
        What was read, by home; homes that are not in it are to be read by themselves.
    """
    found: dict[str, HomeReport] = {}
    for group in _groups(homes):
        if stop():
            break
        if len(group) > 1:
            found |= _read(session, group, options, tell, stop)
    return found


def _groups(homes: Iterable[Home]) -> Iterator[list[Home]]:
    group: list[Home] = []
    held = 0
    for home in homes:
        size = _size(home)
        if size > SMALL:
            continue
        if held + size > HELD_AT_ONCE:
            yield group
            group, held = [], 0
        group.append(home)
        held += size
    yield group


def _size(home: Home) -> int:
    folders = {home.path if home.has_state else None, home.log_dir, home.trace_dir} - {None}
    size = 0
    for folder in folders:
        assert folder is not None
        try:
            size += sum(entry.stat().st_size for entry in folder.iterdir() if entry.is_file())
        except OSError:
            return SMALL + 1  # who reads it by itself says what is the matter
    return size


def _read(
    session: WriteSession,
    homes: Sequence[Home],
    options: IngestOptions,
    tell: Callable[[int], None],
    stop: Callable[[], bool],
) -> dict[str, HomeReport]:
    try:
        with session.as_one() as part:
            return _Group(part, options, stop).read(homes, tell)
    except Exception as error:
        if isinstance(error, StoreError | MemoryError):
            raise  # anything else is of a home, and comes up again where that is read by itself
    if len(homes) < 3 or stop():
        return {}
    half = len(homes) // 2
    first = _read(session, homes[:half], options, tell, stop)
    return first | _read(session, homes[half:], options, tell, stop)


class _Group:
    """Homes on their way into the store together."""

    def __init__(self, session: WriteSession, options: IngestOptions, stop: Callable[[], bool]) -> None:
        self._session = session
        self._con = session.connection()
        self._options = options
        self._stop = stop
        self._reports: dict[str, HomeReport] = {}

    def read(self, homes: Sequence[Home], tell: Callable[[int], None]) -> dict[str, HomeReport]:
        """Read them.

        Raises:
            Exception: Something of one of them cannot be stored so.
        """
        first = next_file_key(self._con)
        fresh = list(self._look_at(homes, first))
        if len(fresh) < 2:
            return {}
        self._store_rows(fresh)
        works = [work for one in fresh for work in one.works]
        if works:
            self._load(works, tell)
            for one in fresh:
                one.catalogue.put_in_order()
            write_states(self._con, [work.state for work in works], known=())
        if self._stop() or not all(same_files(one) for one in fresh):
            raise Unusual
        self._records(fresh)
        self._attribute(works)
        self._finish(fresh)
        return self._reports

    def _look_at(self, homes: Sequence[Home], next_key: int) -> Iterator[FreshHome]:
        options = self._options
        for home in homes:
            if self._stop():
                return
            try:
                one = look_at(
                    home,
                    next_key,
                    server=options.server,
                    probe=options.probe,
                    busy_s=options.busy_s,
                    budget_s=options.budget_s,
                    for_rules=options.for_rules,
                )
            except Exception:  # whatever it is, reading it by itself says it
                continue
            next_key += len(one.works)
            status = one.server.status if one.server is not None else options.server
            report = HomeReport(home.home_id, home.shown, server=status, files=len(one.works))
            report.events = sum(len(table) for table in one.rows.events)
            self._reports[home.home_id] = report
            yield one

    # --- databases ---------------------------------------------------------------------------

    def _store_rows(self, fresh: Sequence[FreshHome]) -> None:
        con, taken_at = self._con, now()
        self._insert(INSERT_EVENTS, [(one, table) for one in fresh for table in one.rows.events])
        self._insert(INSERT_RECEIPTS, [(one, table) for one in fresh for table in one.rows.receipts])
        numbers = [row[0] for row in con.execute("SELECT nextval('_snapshot_ids') FROM range(?)", [len(fresh)]).fetchall()]
        numbers.sort()
        snapshots = [
            (number, one.home.home_id, taken_at, taken_at, "database", self._digest(one))
            for number, one in zip(numbers, fresh, strict=True)
        ]
        self._append_rows("_snapshots", "snapshot_id# home_id taken_at@ last_seen_at@ origin content_hash", snapshots)
        rows = [(number, *row) for number, one in zip(numbers, fresh, strict=True) for row in one.rows.snapshot]
        self._append_rows("_snapshot_rows", "snapshot_id# table_name key content extra", rows)

    def _digest(self, one: FreshHome) -> str:
        return "" if self._options.for_rules else content_hash(one.rows.snapshot)

    def _insert(self, sql: str, tables: Sequence[tuple[FreshHome, pa.Table]]) -> None:
        """Store tables, those with columns of the same types together."""
        import pyarrow as pa

        alike: dict[str, list[pa.Table]] = {}
        for one, table in tables:
            if len(table):
                whose = repeated(one.home.home_id, len(table))
                alike.setdefault(str(table.schema), []).append(table.append_column("home_id", whose))
        for several in alike.values():
            with_relations(self._con).register("incoming", pa.concat_tables(several))
            self._con.execute(sql.replace("SELECT ?", "SELECT home_id", 1))
            self._con.unregister("incoming")

    def _append_rows(self, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            with_relations(self._con).register("incoming", typed_table(columns, rows))
            self._con.execute(f"INSERT INTO {table} BY NAME FROM incoming")
            self._con.unregister("incoming")

    # --- logs --------------------------------------------------------------------------------

    def _load(self, works: Sequence[Work], tell: Callable[[int], None]) -> None:
        first = works[0].state.file_key
        whose = [work.state.home_id for work in works]
        for kind, kind_format in FORMATS[self._options.metadata_only].items():
            todo = [work for work in works if work.file.name.kind == kind]
            if not todo:
                continue
            load = Load(self._con, whose, _of_many(kind_format, first), self._stop, tell, careful=False)
            done, left, moved = load.run(todo, None)
            if left or moved or len(done) != len(todo):
                raise Unusual
            self._check_counts(kind_format, [work.state for work in todo])

    def _check_counts(self, kind_format: Format, states: Sequence[FileState]) -> None:
        """Tell how much was stored, and see that every byte is in one row or quarantine entry."""
        keys = {"first": min(state.file_key for state in states), "last": max(state.file_key for state in states)}
        sums: Counter[int] = Counter()
        by_key = {state.file_key: state for state in states}
        for key, rejected, provisional, length, count in self._con.execute(
            _STORED.format(kind_format.table), keys
        ).fetchall():
            if key not in by_key:
                continue
            report = self._reports[by_key[key].home_id]
            report.bytes_read += length
            if rejected:
                report.quarantined += count
            else:
                report.records += count
            if not provisional:
                sums[key] += length
        if any(sums[state.file_key] != state.bytes_ingested - state.base_offset for state in states):
            raise Unusual  # who reads them by themselves says which

    # --- what is told from both --------------------------------------------------------------

    def _records(self, fresh: Sequence[FreshHome]) -> None:
        """Bring in the records that the homes' threads name."""
        options = self._options
        off = tuple(options.records) == (OFF,)
        wanted = {} if off else wanted_of(self._con, [one.home.home_id for one in fresh])
        keeper = RecordWriter(self._session, states=not options.metadata_only)
        for one in fresh:
            of_home = wanted.get(one.home.home_id, [])
            problems = read_linked(self._session, one.home, options.records, self._stop, wanted=of_home, keeper=keeper)
            self._reports[one.home.home_id].problems += problems
        keeper.write()

    def _attribute(self, works: Sequence[Work]) -> None:
        if not works:
            return
        states = [work.state for work in works]
        for home_id in with_messages(self._con, states[0].file_key, states[-1].file_key):
            attribute_records(self._con, home_id)
        files = {state.file_key: (state.home_id, state.family) for state in states if state.kind == _PROVIDER_LOG}
        for home_id in to_attribute(self._con, files):
            attribute_by_file(self._con, home_id, [state.file_key for state in states if state.home_id == home_id])

    def _finish(self, fresh: Sequence[FreshHome]) -> None:
        con = self._con
        ids = [one.home.home_id for one in fresh]
        con.execute("DELETE FROM _homes WHERE home_id IN (SELECT unnest(?))", [ids])
        read_at = now()
        self._append_rows("_homes", _HOME_COLUMNS, [_home_row(one, read_at) for one in fresh])
        starts = [(one.home.home_id, one.runtime.started_at) for one in fresh if one.runtime.started_at is not None]
        self._append_rows("_server_starts", "home_id started_at@", starts)
        self._append_rows(
            "_home_signs", "home_id signs", [(one.home.home_id, msgspec.json.encode(one.signs).decode()) for one in fresh]
        )
        con.execute("INSERT INTO _database_faults SELECT unnest(?), false, []", [ids])
        databases: list[tuple[Any, ...]] = [
            (one.home.home_id, one.choice.path.name, one.choice.model, True, one.choice.why, one.choice.sure, [])
            for one in fresh
        ]
        self._append_rows("_databases", "home_id name data_model in_use? why sure? only_here*", databases)
        for one in fresh:
            note_working_folders(con, one.home, server_alive=False)
        con.execute("DELETE FROM _unfinished WHERE home_id IN (SELECT unnest(?))", [ids])


_PROVIDER_LOG: Final = "provider-log"

_HOME_COLUMNS: Final = (
    "home_id path kind environment_id runtime_pid# runtime_origin runtime_started_at@ server_version has_database? "
    "has_logs? database_stamp last_ingested_at@"
)

_STORED: Final = """
FROM (SELECT file_key, length, false AS rejected, false AS provisional FROM {} WHERE file_key BETWEEN $first AND $last
      UNION ALL
      SELECT file_key, length, true, provisional FROM _quarantine WHERE file_key BETWEEN $first AND $last)
SELECT file_key, rejected, provisional, sum(length)::BIGINT, count(*)
GROUP BY ALL
"""


def _home_row(one: FreshHome, read_at: int) -> tuple[Any, ...]:
    home, runtime = one.home, one.runtime
    return (
        home.home_id, home.shown, home.kind, home.environment_id, runtime.pid, runtime.origin, runtime.started_at,
        one.server.version if one.server else None, True, home.log_dir is not None, one.stamp, read_at,
    )  # fmt: skip


def _of_many(kind_format: Format, first: int) -> Format:
    """The format for files of several homes, whose ids are given in the order of their files' keys."""
    many = copy.copy(kind_format)
    many.insert_fast = kind_format.insert_fast.replace("$home_id", f"$home_id[file_key - {first - 1}]")
    return many
