"""Reading homes into a store, incrementally: the one way in."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from t3lens.errors import StoreError, fail_loudly
from t3lens.ingest.attribution import attribute_by_file
from t3lens.ingest.data_model_signs import (
    DatabaseSigns,
    combine_signs,
    known_signs,
    read_later,
    read_signs,
    with_later,
    write_signs,
)
from t3lens.ingest.database import DatabaseReader
from t3lens.ingest.database_faults import SOUND, DatabaseFaults, all_faults, known_faults, write_faults
from t3lens.ingest.databases import DatabaseInUse, choose, databases_in, write_databases
from t3lens.ingest.home_files import ServerRuntime, not_home_files, read_runtime
from t3lens.ingest.homes import Home, later_databases
from t3lens.ingest.logs import read_logs
from t3lens.ingest.low_priority import with_low_priority
from t3lens.ingest.open_database import database_stamp, is_locked, open_database
from t3lens.ingest.options import IngestOptions
from t3lens.ingest.progress import Meter, Progress
from t3lens.ingest.records.of_threads import read_linked
from t3lens.ingest.report import HomeReport, IngestReport
from t3lens.ingest.same_home import as_in_store
from t3lens.ingest.second_model import attribute_records
from t3lens.ingest.server import ServerState
from t3lens.ingest.snapshots import forget_beside, store_database, store_rows, store_times
from t3lens.ingest.unfinished import begin, failed, finished
from t3lens.ingest.working_folders import note_working_folders
from t3lens.interrupts import held_back
from t3lens.reading import Budget, within
from t3lens.store import Store
from t3lens.t3code.data_model import Signs
from t3lens.t3code.home_layout import STATE_SQLITE
from t3lens.time import SECOND, now
from t3lens.writing import is_full

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from t3lens.ingest.database import SnapshotRow
    from t3lens.store import WriteSession

__all__ = ["IngestOptions", "ingest"]

_CHECKED_UP_TO: Final = 512 << 20
_CHECK_AGAIN: Final = 600 * SECOND
_CHECKED: Final = "database-checked:"


def ingest(
    store: Store,
    homes: Sequence[Home],
    *,
    progress: Progress | None = None,
    options: IngestOptions | None = None,
) -> IngestReport:
    """Read what is new in ``homes`` into ``store``.

    What cannot be read is in the report (and, for a database, in ``homes.database_error``); the rest is
    read all the same. Ctrl-C ends after the current batch; a second one at once (while the database of a
    running server is read, with the statement at hand).

    Args:
        store: Where to. A damaged one is set aside and everything is read anew.
        homes: The homes that ``discover`` found.
        progress: Told bytes read and bytes to read; None shows a bar in a terminal or notebook when it
            takes longer than a second.
        options: How to read; see ``IngestOptions``.

    Raises:
        StoreError: The store is busy for long, or was written by a newer t3lens.
    """
    options = options or IngestOptions()
    started = time.monotonic()
    homes = as_in_store(store, homes)
    with held_back() as stop:
        try:
            with store.ingesting(), store.writing() as session:
                report = _run(session, homes, progress, options, stop)
        except StoreError as error:
            if error.code != "store-damaged" or store.path is None:
                raise
            aside = store.rebuild()
            with store.ingesting(), store.writing() as session:
                report = _run(session, homes, progress, options, stop)
            report.set_aside = str(aside)
        if store.set_aside is not None:
            report.set_aside = str(store.set_aside)
        report.interrupted = stop()
    if options.coverage:
        report.coverage = store.table("SELECT * FROM coverage").to_pylist()
    report.seconds = time.monotonic() - started
    return report


def _run(
    session: WriteSession,
    homes: Sequence[Home],
    progress: Progress | None,
    options: IngestOptions,
    stop: Callable[[], bool],
) -> IngestReport:
    report = IngestReport()
    new = _new_to(session, homes) if session.in_memory and len(homes) > 1 else []
    with session.transaction() as con:
        begin(con, homes)
    with Meter.watching(progress, session.connection(), homes) as meter:
        together = _read_together(session, new, options, meter, stop)
        for home in homes:
            if home.home_id in together:
                report.homes.append(together[home.home_id])
                continue
            if stop():
                break
            try:
                report.homes.append(_read_home(session, home, meter, options, stop))
            except Exception as error:
                if _is_of_the_store(error) or is_full(error) or fail_loudly():
                    raise
                report.homes.append(_not_read(session, home, error))
    return report


def _new_to(session: WriteSession, homes: Sequence[Home]) -> list[Home]:
    """Homes that the store has nothing of, of which no two have one id."""
    known = Counter(row[0] for row in session.connection().execute("SELECT home_id FROM _homes").fetchall())
    known.update(home.home_id for home in homes)
    return [home for home in homes if known[home.home_id] == 1]


def _read_together(
    session: WriteSession, homes: Sequence[Home], options: IngestOptions, meter: Meter, stop: Callable[[], bool]
) -> dict[str, HomeReport]:
    """What can be read of new homes together: where several are small, which takes a while to import."""
    if len(homes) < 2:
        return {}
    from t3lens.ingest.small_homes import read_together

    return read_together(session, homes, options, meter.add, stop)


def _is_of_the_store(error: Exception) -> bool:
    """Whether it is the store that failed, as it would with every home."""
    import duckdb

    of_store = (StoreError, MemoryError, duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException)
    return isinstance(error, of_store)


def _not_read(session: WriteSession, home: Home, error: Exception) -> HomeReport:
    """A home that reading failed on: that is said of it, and the others are read."""
    return _unread_home(session, home, f"reading it failed ({type(error).__name__}: {error})")


def _unread_home(session: WriteSession, home: Home, why: str) -> HomeReport:
    """A home that is not read, or not to its end: it is not judged."""
    with session.transaction() as con:
        failed(con, home.home_id, why)
    return HomeReport(home.home_id, home.shown, problems=[why], whole=False)


def _read_home(
    session: WriteSession,
    home: Home,
    meter: Meter,
    options: IngestOptions,
    interrupted: Callable[[], bool],
) -> HomeReport:
    budget = Budget(options.budget_s)
    odd = [home.left_out] if home.left_out is not None else not_home_files(home.path) if home.has_state else []
    if home.kind == "collected" or (home.elsewhere is not None and not home.path.exists()):
        odd.append("it is elsewhere or was collected: its copy or its rows are read, and it was not brought here")
    if odd:
        return _unread_home(session, home, "; ".join(odd))
    with within(budget):
        return _read_whole(session, home, meter, options, interrupted, budget)


def _read_whole(
    session: WriteSession,
    home: Home,
    meter: Meter,
    options: IngestOptions,
    interrupted: Callable[[], bool],
    budget: Budget,
) -> HomeReport:
    def stop() -> bool:
        return interrupted() or budget.used_up

    server = None
    status: str = options.server
    if options.server == "auto":
        server = options.probe(home)
        status = server.status
    one = HomeReport(home.home_id, home.shown, server=status)
    alive = {"alive": True, "dead": False}.get(status)

    choice: DatabaseInUse | None = None

    def read_database() -> tuple[DatabaseFaults, str | None]:
        nonlocal home, choice
        choice = choose(databases_in(home), server=server, alive=alive, busy_s=options.busy_s)
        if choice is not None:
            home = replace(home, database=choice.path)
        return _read_database(session, home, one, alive, options, stop, choice)

    if alive is False or (home.database is None and not later_databases(home)):
        faults, stamp = read_database()
    else:
        with session.one_thread():
            faults, stamp = with_low_priority(read_database)
    if faults.text:
        one.problems.append(faults.text)
    logs = read_logs(
        session,
        home,
        dead=alive is False,
        metadata_only=options.metadata_only,
        tell=meter.add,
        stop=stop,
        for_rules=options.for_rules and options.newest_lines,
    )
    one.files, one.unchanged, one.missing = logs.files, logs.unchanged, logs.missing
    one.records, one.quarantined = logs.records, logs.quarantined
    one.bytes_read = logs.bytes_read
    one.problems += logs.problems
    if home.database is not None:
        one.problems += read_linked(session, home, options.records, stop, states=not options.metadata_only)
    with session.transaction() as con:
        _write_home(con, home, server, faults.text, stamp)
        store_times(con, home.home_id, session.beside.get(home.home_id))
        write_faults(con, home.home_id, faults)
        attribute_records(con, home.home_id)
        attribute_by_file(con, home.home_id, logs.changed)
        write_databases(con, home.home_id, choice)
        note_working_folders(con, home, server_alive=server is not None and server.status == "alive")
        if budget.used_up and not interrupted():
            why = f"reading it used up its {options.budget_s:g} s (--budget)"
            one.problems.append(why)
            failed(con, home.home_id, why)
        elif not stop():
            finished(con, home.home_id)
    one.whole = not stop()
    return one


def _write_home(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    server: ServerState | None,
    error: str | None,
    stamp: str | None,
) -> None:
    runtime = (read_runtime(home.path) if home.has_state else None) or ServerRuntime()
    con.execute("DELETE FROM _homes WHERE home_id = ?", [home.home_id])
    con.execute(
        "INSERT INTO _homes VALUES (?, ?, ?, ?, ?, ?, make_timestamptz(?::BIGINT), ?, ?, ?, ?, ?, "
        "make_timestamptz(?::BIGINT))",
        [
            home.home_id,
            home.shown,
            home.kind,
            home.environment_id,
            runtime.pid,
            runtime.origin,
            runtime.started_at,
            server.version if server else None,
            home.database is not None,
            home.log_dir is not None,
            error,
            stamp,
            now(),
        ],
    )
    if runtime.started_at is not None:
        start = [home.home_id, runtime.started_at]
        con.execute(
            """INSERT INTO _server_starts SELECT $1, make_timestamptz($2::BIGINT) AS started_at
            WHERE NOT EXISTS (FROM _server_starts WHERE home_id = $1 AND started_at = make_timestamptz($2::BIGINT))""",
            start,
        )


def _read_database(
    session: WriteSession,
    home: Home,
    report: HomeReport,
    alive: bool | None,
    options: IngestOptions,
    stop: Callable[[], bool],
    choice: DatabaseInUse | None,
) -> tuple[DatabaseFaults, str | None]:
    """Read the databases: what went wrong, and the stamp of what was read whole.

    The one in use is read in full. Of the others only their signs and their threads are.
    """
    later = tuple(path for path in databases_in(home) if path != home.database)
    if home.database is None and not later:
        if home.has_state:
            _note_signs(session, home, Signs())
            return DatabaseFaults(f"no {STATE_SQLITE}: only logs could be read"), None
        return SOUND, None
    if choice is not None:
        _forget_another(session, home, choice)
    stamp = _stamp(home, later)
    con = session.connection()
    known = con.execute("SELECT database_stamp FROM _homes WHERE home_id = ?", [home.home_id]).fetchall()
    earlier = known_faults(con, home.home_id)
    before = known_signs(con, home.home_id)
    same = stamp is not None and known == [(stamp,)]
    if same and earlier == SOUND and before is not None:
        _touch_snapshot(session, home)
        return SOUND, stamp
    seen = [read_later(path, alive=alive, busy_s=options.busy_s) for path in later]
    own, faults, whole = DatabaseSigns(STATE_SQLITE), SOUND, True
    if home.database is not None:
        first = _First(
            session,
            home,
            home.database,
            report,
            alive,
            options,
            stop,
            seen,
            stamp is not None,
            choice is not None,
        )
        faults, whole = first.read(earlier or SOUND)
        own = first.own
    elif all(one.signs is not None for one in seen):
        store_rows(session, home.home_id, with_later((), seen, own), now())
    every = [*([own] if home.database is not None else []), *seen]
    _note_signs(session, home, combine_signs(every, before or Signs()))
    return all_faults([faults, *(one.faults for one in seen)]), stamp if whole else None


@dataclass(slots=True)
class _First:
    """The reading of the database in use."""

    session: WriteSession
    home: Home
    database: Path
    report: HomeReport
    alive: bool | None
    options: IngestOptions
    stop: Callable[[], bool]
    later: Sequence[DatabaseSigns]
    settled: bool
    chosen: bool
    own: DatabaseSigns = field(default_factory=lambda: DatabaseSigns(STATE_SQLITE))

    def read(self, before: DatabaseFaults) -> tuple[DatabaseFaults, bool]:
        """What went wrong, and whether it was read whole.

        Args:
            before: What went wrong the last time; it holds still where the reading is cut off.
        """
        session, home, database = self.session, self.home, self.database
        try:
            with open_database(database, alive=self.alive, busy_s=self.options.busy_s) as con:
                reader = DatabaseReader(con)
                self.own = read_signs(reader, database.name)
                count = _count_events(session, home)
                how = self.options
                whole = store_database(
                    session,
                    home,
                    reader,
                    now(),
                    self.stop,
                    self._complete,
                    for_rules=how.for_rules,
                    only_judged=how.for_rules and how.newest_lines and session.in_memory,
                )
                self.report.events = max(0, _count_events(session, home) - count)
                if not whole:
                    return before, False
                damage = None
                small = database.stat().st_size <= _CHECKED_UP_TO
                # A check reads all of it, and meanwhile a running server cannot begin its write-ahead log anew.
                quiet = self.settled and not _checked_lately(session, home)
                if reader.problems or (small and (quiet or not self.alive)):
                    damage = reader.check()
                    if damage is None:
                        _note_check(session, home)
                if damage:
                    text = f"database-corrupt: {damage}; what could be read is shown"
                    return DatabaseFaults(text, damaged=True), False
                if reader.missing:
                    reader.problems.append(f"no table {', '.join(reader.missing)}")
                text = "; ".join((*reader.odd, *reader.problems))
                missing = tuple(reader.missing)
                return DatabaseFaults(text or None, reader.damaged, missing), True
        except sqlite3.OperationalError as error:
            if is_full(error):
                raise
            text = f"database-unreadable: {database.name} cannot be read: {error}"
            if is_locked(error):
                text = f"database-locked: {database.name} is locked by another program; only logs were read"
            return DatabaseFaults(text), False
        except sqlite3.DatabaseError as error:
            return DatabaseFaults(f"database-corrupt: {database.name}: {error}", damaged=True), False
        except OSError as error:
            if is_full(error):
                raise
            text = f"database-unreadable: {database.name} cannot be read: {error.strerror}"
            return DatabaseFaults(text), False

    def _complete(self, rows: Iterable[SnapshotRow]) -> Iterable[SnapshotRow]:
        return rows if self.chosen else with_later(rows, self.later, self.own)


def _stamp(home: Home, later: Sequence[Path]) -> str | None:
    """Of all databases together; None while one is being written to."""
    stamps = [database_stamp(path) for path in (*filter(None, (home.database,)), *later)]
    return None if None in stamps else " ".join(filter(None, stamps))


def _note_signs(session: WriteSession, home: Home, signs: Signs) -> None:
    with session.transaction() as con:
        write_signs(con, home.home_id, signs)


def _forget_another(session: WriteSession, home: Home, choice: DatabaseInUse) -> None:
    """If another database of the home was read before, what it said holds no more."""
    known = (
        session.connection().execute("SELECT name FROM _databases WHERE home_id = ? AND in_use", [home.home_id]).fetchall()
    )
    if not known or known[0][0] == choice.path.name:
        return
    forget_beside(session, home.home_id)
    with session.transaction() as con:
        for table in ("_orchestration_events", "_receipts", "_entities"):
            con.execute(f"DELETE FROM {table} WHERE home_id = ?", [home.home_id])
        con.execute(
            "DELETE FROM _snapshot_rows WHERE snapshot_id IN (SELECT snapshot_id FROM _snapshots WHERE home_id = ?)",
            [home.home_id],
        )
        con.execute("DELETE FROM _snapshots WHERE home_id = ?", [home.home_id])
        con.execute("UPDATE _homes SET database_stamp = NULL WHERE home_id = ?", [home.home_id])


def _checked_lately(session: WriteSession, home: Home) -> bool:
    """Whether the database was checked whole, and found sound, a short while ago."""
    found = session.connection().execute("SELECT value FROM _meta WHERE key = ?", [_CHECKED + home.home_id]).fetchall()
    return bool(found) and 0 <= now() - int(found[0][0]) < _CHECK_AGAIN


def _note_check(session: WriteSession, home: Home) -> None:
    with session.transaction() as con:
        con.execute("INSERT OR REPLACE INTO _meta VALUES (?, ?)", [_CHECKED + home.home_id, str(now())])


def _count_events(session: WriteSession, home: Home) -> int:
    events = session.beside.get(home.home_id)
    sql = "SELECT count(*) FROM _orchestration_events WHERE home_id = ? AND sequence > ?"
    last, count = (events.last, events.times.count) if events is not None else (-1, 0)
    return count + int(session.connection().execute(sql, [home.home_id, last]).fetchall()[0][0])


def _touch_snapshot(session: WriteSession, home: Home) -> None:
    """The newest snapshot still holds."""
    with session.transaction() as con:
        con.execute(
            "UPDATE _snapshots SET last_seen_at = make_timestamptz(?::BIGINT) WHERE snapshot_id = "
            "(SELECT max(snapshot_id) FROM _snapshots WHERE home_id = ? AND origin = 'database')",
            [now(), home.home_id],
        )
