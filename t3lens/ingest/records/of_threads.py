"""The records that belong to a home's threads, kept in the store as they stand now.

When its file changed a record is judged anew, and its rows are replaced together: records of dead turns change later
(Claude Code writes an answer for one at the next prompt), so no verdict on a part of it is kept. Of a large one that only
grew, no more is read than what is new.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from t3lens.agents.places import OPENCODE
from t3lens.errors import InputError
from t3lens.ingest.open_database import database_stamp
from t3lens.ingest.records.packed import read_packed
from t3lens.ingest.records.places import RecordPlaces
from t3lens.ingest.records.write import FoundRecord, RecordWriter
from t3lens.reading import NotRead, check_time, read_start
from t3lens.t3code.record_keys import RecordKey, agent_of, native_key, record_key
from t3lens.t3code.settings import SETTINGS_JSON, InstanceHome, instance_homes
from t3lens.t3code.v1.event_types import THREAD_STARTED
from t3lens.t3code.v1.log_grammar import CANONICAL

if TYPE_CHECKING:
    import duckdb

    from t3lens.ingest.homes import Home
    from t3lens.ingest.records.read import ReadRecord
    from t3lens.store import WriteSession

__all__ = ["AUTO", "OFF", "WantedRecord", "read_linked", "wanted_of"]

AUTO: Final = "auto"
OFF: Final = "off"
_REST: Final = 10
"""A record that grows all the time is read again only after this many times the processor time reading it took,"""
_QUICK: Final = 100_000
"""unless that was no more than this, microseconds."""

_NOWHERE: Final = "none found: never begun, deleted, or kept in another home or on another machine"
_ELSEWHERE: Final = "none found: an instance of it has its server elsewhere, and records are kept where that runs"
_LARGEST_SETTINGS: Final = 16 << 20

_FIRST_MODEL: Final = """
select home_id, thread_id, provider_name, resume_cursor::varchar, runtime_payload ->> 'cwd'
from _bindings where home_id in (select unnest(?)) order by thread_id
"""

_SAID_ITSELF: Final = f"""
select home_id, thread_id, payload ->> 'providerThreadId'
from log_events
where home_id in (select unnest(?)) and thread_id in (select unnest(?))
  and label = '{CANONICAL}' and type = '{THREAD_STARTED}'
qualify row_number() over (partition by home_id, thread_id order by logged_at desc, file_order desc, line desc) = 1
"""
"""The session that OpenCode named when it began: 0.0.23 keeps no cursor of it."""

_SECOND_MODEL: Final = """
from provider_threads
select home_id, thread_id, provider_name, native_id
where home_id in (select unnest(?)) and thread_id is not null and native_id is not null
qualify row_number() over (
    partition by home_id, thread_id order by last_run_ordinal desc nulls last, updated_at desc nulls last, provider_thread_id
) = 1
order by thread_id
"""
"""The thread of the provider that a thread's newest run used; a subagent of the provider belongs to no thread."""


@dataclass(frozen=True, slots=True)
class WantedRecord:
    """Which record is looked for.

    Attributes:
        thread_id: The thread whose it is.
        key: The agent, and its session.
        cwd: The folder the thread works in.
    """

    thread_id: str
    key: RecordKey
    cwd: str | None


@dataclass(frozen=True, slots=True)
class _KnownRecord:
    session_id: str
    path: str | None
    state: str
    why: str | None
    stamp: str | None
    read_at: int
    took: int


def read_linked(
    session: WriteSession,
    home: Home,
    records: Sequence[str],
    stop: Callable[[], bool] = lambda: False,
    *,
    states: bool = True,
    wanted: Sequence[WantedRecord] | None = None,
    keeper: RecordWriter | None = None,
) -> list[str]:
    """Bring the store's records of a home up to what the files say now.

    Args:
        session: The reading session that takes the rows.
        home: Whose threads; their cursors stand in the store already.
        records: ``("auto",)``, ``("off",)``, or files and folders to look in.
        stop: Whether to leave the rest for another time.
        states: Whether to keep how far records were read, so that one that grew is read on from there.
        wanted: Which records, where that was asked for of several homes together, of which the store knows none.
        keeper: Who then keeps them; he writes when that one says so.

    Returns:
        What could not be read, one sentence each.
    """
    con = session.connection()
    try:
        packed = None if tuple(records) == (OFF,) else read_packed(home.path)
    except InputError as error:
        return [str(error)]
    if packed is not None:
        kept = _known(con, home.home_id) if keeper is None else {}
        with _keeping(keeper or RecordWriter(session), home.home_id, kept, whole=keeper is None) as keeper:
            keeper.forget(sorted(kept))
            for record in packed:
                keeper.keep_packed(record)
        return []
    if wanted is None:
        wanted = [] if tuple(records) == (OFF,) else wanted_of(con, [home.home_id]).get(home.home_id, [])
    known = _known(con, home.home_id) if keeper is None else {}
    gone = sorted(set(known) - {one.thread_id for one in wanted})
    stamps = _Stamps()
    changed = [one for one in wanted if not _unchanged(one, known.get(one.thread_id), stamps)]
    if not changed and not gone:
        return []
    auto = tuple(records) == (AUTO,)
    places = RecordPlaces(None, _instances(home)) if auto else RecordPlaces([Path(name) for name in records])
    problems: dict[str, None] = {}
    writes = keeper is None
    with _keeping(keeper or RecordWriter(session, states=states), home.home_id, known, whole=writes) as keeper:
        keeper.forget(gone)
        for one, found in _looked_up(changed, known, places, stamps, partial(_state, session, home.home_id)):
            if stop():
                break
            if found.error:
                problems[found.error] = None
            before = known.get(one.thread_id)
            if before is None or found.read is not None or not _is_unchanged_record(one, before, found):
                keeper.keep(one.thread_id, one.key, found)
    return [*problems, *places.notes]


def _instances(home: Home) -> list[InstanceHome]:
    """Instances of providers that the home's settings give homes of their own."""
    try:
        return instance_homes(read_start(home.path / SETTINGS_JSON, _LARGEST_SETTINGS, home.path))
    except OSError:
        return []


@contextmanager
def _keeping(keeper: RecordWriter, home_id: str, known: Collection[str], *, whole: bool) -> Iterator[RecordWriter]:
    """A keeper of a home's records for a block, which writes at its end if that is the whole of what it keeps."""
    keeper.begin(home_id, known)
    yield keeper
    if whole:
        keeper.write()


def wanted_of(con: duckdb.DuckDBPyConnection, homes: Sequence[str]) -> dict[str, list[WantedRecord]]:
    """Which records some homes' threads name, by home.

    Args:
        con: The store, with what their databases say.
        homes: Their ids.
    """
    found: defaultdict[str, list[WantedRecord]] = defaultdict(list)
    seen = set()
    for home_id, thread_id, provider, native_id in con.execute(_SECOND_MODEL, [list(homes)]).fetchall():
        key = native_key(provider, native_id)
        if key is not None:
            seen.add((home_id, thread_id))
            found[home_id].append(WantedRecord(thread_id, key, None))
    nameless = {}
    for home_id, thread_id, provider, cursor, cwd in con.execute(_FIRST_MODEL, [list(homes)]).fetchall():
        key = record_key(provider, cursor)
        if thread_id is None or (home_id, thread_id) in seen:
            continue
        if key is not None:
            found[home_id].append(WantedRecord(thread_id, key, cwd))
        elif cursor in (None, "null") and agent_of(provider or "") == OPENCODE:
            nameless[home_id, thread_id] = provider, cwd
    if nameless:
        asked = [list({home_id for home_id, _ in nameless}), list({thread_id for _, thread_id in nameless})]
        for home_id, thread_id, session_id in con.execute(_SAID_ITSELF, asked).fetchall():
            provider, cwd = nameless.get((home_id, thread_id), (None, None))
            key = native_key(provider, session_id) if provider is not None else None
            if key is not None:
                found[home_id].append(WantedRecord(thread_id, key, cwd))
    return found


def _known(con: duckdb.DuckDBPyConnection, home_id: str) -> dict[str, _KnownRecord]:
    rows = con.execute(
        "SELECT thread_id, session_id, path, state, why, stamp, read_at, read_us FROM _provider_records WHERE home_id = ?",
        [home_id],
    ).fetchall()
    return {row[0]: _KnownRecord(*row[1:]) for row in rows}


def _state(session: WriteSession, home_id: str, thread_id: str) -> bytes | None:
    """How far a thread's record was read."""
    rows = (
        session.connection()
        .execute("SELECT state FROM _record_states WHERE home_id = ? AND thread_id = ?", [home_id, thread_id])
        .fetchall()
    )
    return bytes(rows[0][0]) if rows else None


class _Stamps:
    """What tells whether a file changed; each is looked at once, as many threads share a database."""

    def __init__(self) -> None:
        self._seen: dict[str, str | None] = {}

    def of(self, path: str) -> str | None:
        """Size, change time and identity of a file, a database's journals included; None while it is written to."""
        if path not in self._seen:
            self._seen[path] = database_stamp(Path(path)) if os.path.exists(path) else None  # noqa: PTH110 -- many
        return self._seen[path]


def _unchanged(one: WantedRecord, before: _KnownRecord | None, stamps: _Stamps) -> bool:
    """Whether the store has a thread's record as it is, or may leave it at that for a while."""
    if before is None or before.session_id != one.key.session_id or before.path is None:
        return False
    stamp = stamps.of(before.path)
    if stamp is not None:
        return stamp == before.stamp or _was_just_read(before)
    return _was_just_read(before) and os.path.exists(before.path)  # noqa: PTH110 -- many


def _was_just_read(before: _KnownRecord) -> bool:
    return before.took > _QUICK and 0 <= time.time_ns() // 1000 - before.read_at < _REST * before.took


def _is_unchanged_record(one: WantedRecord, before: _KnownRecord, found: FoundRecord) -> bool:
    return (before.session_id, before.path, before.state, before.why, before.stamp) == (
        one.key.session_id,
        str(found.path) if found.path else None,
        found.state,
        found.why or None,
        found.stamp,
    )


def _looked_up(
    wanted: Sequence[WantedRecord],
    known: Mapping[str, _KnownRecord],
    places: RecordPlaces,
    stamps: _Stamps,
    state_of: Callable[[str], bytes | None],
) -> Iterator[tuple[WantedRecord, FoundRecord]]:
    """What is found of each thread's record; a database that holds many is read once."""
    in_databases = [one for one in wanted if one.key.provider == OPENCODE]
    for one in wanted:
        if one.key.provider != OPENCODE:
            yield one, _in_files(one, places, stamps, state_of if one.thread_id in known else None)
    if in_databases:
        looked_in = [stamps.of(str(path)) for path in places.candidates(OPENCODE, "")]
        stamp = None if None in looked_in else "; ".join(filter(None, looked_in))
        there = [one for one in in_databases if not _absent_still(one, known.get(one.thread_id), stamp)]
        yield from _in_databases(there, places, stamps, stamp)


def _absent_still(one: WantedRecord, before: _KnownRecord | None, stamp: str | None) -> bool:
    """Whether the store knows that a session was not in these databases, and they did not change since."""
    if before is None or before.state != "absent" or before.session_id != one.key.session_id:
        return False
    return stamp is not None and stamp == before.stamp


def _in_files(
    one: WantedRecord, places: RecordPlaces, stamps: _Stamps, state_of: Callable[[str], bytes | None] | None
) -> FoundRecord:
    candidates = places.candidates(one.key.provider, one.key.session_id)
    state = state_of(one.thread_id) if state_of is not None and candidates else None  # mostly there is no file
    error = next((note for note in places.notes if one.key.session_id in note), None)
    for path in candidates:
        stamp, began, effort = stamps.of(str(path)), time.time_ns(), time.process_time_ns()
        try:
            found = [read for read in _read(path, places, one.key.provider, so_far=state) if _is_record_of(read, one.key)]
        except (InputError, OSError, sqlite3.Error) as problem:
            error = _problem_text(path, problem)
            continue
        if found:
            return _joined(one, found[0], stamp, began, time.process_time_ns() - effort)
    return _not_read(error)


def _in_databases(
    wanted: Sequence[WantedRecord], places: RecordPlaces, stamps: _Stamps, stamp_of_all: str | None
) -> Iterator[tuple[WantedRecord, FoundRecord]]:
    left: dict[str, list[WantedRecord]] = defaultdict(list)
    for one in wanted:
        left[one.key.session_id].append(one)
    errors = []
    for path in places.candidates(OPENCODE, ""):
        if not left:
            break
        stamp, began, effort = stamps.of(str(path)), time.time_ns(), time.process_time_ns()
        try:
            found = [read for read in _read(path, places, OPENCODE, list(left)) if read.record.provider == OPENCODE]
        except (InputError, OSError, sqlite3.Error) as problem:
            errors.append(_problem_text(path, problem))
            continue
        took = time.process_time_ns() - effort
        for read in found:
            for one in left.pop(read.record.session_id or "", ()):
                yield one, _joined(one, read, stamp, began, took)
    for one in [one for others in left.values() for one in others]:
        found_none = _not_read(errors[0] if errors else None, _ELSEWHERE if places.elsewhere(OPENCODE) else _NOWHERE)
        yield one, found_none if errors else replace(found_none, stamp=stamp_of_all)


def _read(
    path: Path,
    places: RecordPlaces,
    provider: str,
    session_ids: Sequence[str] | None = None,
    so_far: bytes | None = None,
) -> Iterator[ReadRecord]:
    check_time()
    if why := places.why_not_read(provider, path):
        raise NotRead(f"{path.name} {why}")
    from t3lens.ingest.records.read import read_file  # brings all agents' readers with it, and few homes have a record

    return read_file(path, session_ids, so_far)


def _is_record_of(read: ReadRecord, key: RecordKey) -> bool:
    return (read.record.provider, read.record.session_id) == (key.provider, key.session_id)


def _problem_text(path: Path, problem: Exception) -> str:
    return str(problem) if isinstance(problem, InputError) else f"{path} cannot be read: {problem}"


def _joined(one: WantedRecord, read: ReadRecord, stamp: str | None, began: int, took: int) -> FoundRecord:
    cwd = read.record.cwd
    if one.cwd and cwd and one.cwd != cwd and os.path.realpath(one.cwd) != os.path.realpath(cwd):
        return FoundRecord("absent", f"the session of that id worked in another folder, {cwd}")
    return FoundRecord("read", "", read, read.path, stamp, read.error, began // 1000, took // 1000)


def _not_read(error: str | None, why: str = _NOWHERE) -> FoundRecord:
    return FoundRecord("absent", why) if error is None else FoundRecord("unreadable", error, error=error)
