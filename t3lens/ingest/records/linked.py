"""The records that belong to a home's threads, kept in the store as they stand now.

A record is read whole when its file changed, and its rows are replaced together: records of dead turns change later
(Claude Code writes an answer for one at the next prompt), so no verdict on a part of it is kept.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from t3lens.errors import InputError
from t3lens.ingest.open_database import database_stamp
from t3lens.ingest.records.places import RecordPlaces
from t3lens.ingest.records.read import ReadRecord, read_file
from t3lens.redact import Redactor
from t3lens.t3code.v1.cursors import RecordKey, record_key

if TYPE_CHECKING:
    import duckdb

    from t3lens.agents import RecordMark
    from t3lens.ingest.homes import Home
    from t3lens.store import WriteSession

__all__ = ["AUTO", "OFF", "read_linked"]

AUTO: Final = "auto"
OFF: Final = "off"
_REST: Final = 10
"""A record that grows all the time is read again only after this many times the time reading it took."""

_LONGEST_ERROR: Final = 500

_WANTED: Final = """
select thread_id, provider_name, resume_cursor::varchar, runtime_payload ->> 'cwd'
from _bindings where home_id = ? order by thread_id
"""


@dataclass(frozen=True, slots=True)
class _Wanted:
    thread_id: str
    key: RecordKey
    cwd: str | None


@dataclass(frozen=True, slots=True)
class _Known:
    session_id: str
    path: str | None
    stamp: str | None
    read_at: int
    took: int


def read_linked(session: WriteSession, home: Home, records: Sequence[str]) -> list[str]:
    """Bring the store's records of a home up to what the files say now.

    Args:
        session: Where to.
        home: Whose threads; their cursors stand in the store already.
        records: ``("auto",)``, ``("off",)``, or files and folders to look in.

    Returns:
        What could not be read, one sentence each.
    """
    con = session.connection()
    wanted = [] if tuple(records) == (OFF,) else list(_wanted(con, home.home_id))
    known = _known(con, home.home_id)
    gone = set(known) - {one.thread_id for one in wanted}
    if gone:
        with session.transaction() as writing:
            _forget(writing, home.home_id, sorted(gone))
    auto = tuple(records) == (AUTO,)
    places = RecordPlaces(None if auto else [Path(name) for name in records])
    problems = []
    absent: list[tuple[_Wanted, _Found]] = []
    for one in wanted:
        before = known.get(one.thread_id)
        found = _look(one, before, places)
        if found is None:
            continue
        if found.error:
            problems.append(found.error)
        if found.read is None:
            absent.append((one, found))
            continue
        with session.transaction() as writing:
            _forget(writing, home.home_id, [one.thread_id])
            _keep(writing, home.home_id, one, found)
    if absent:
        with session.transaction() as writing:
            _forget(writing, home.home_id, [one.thread_id for one, _ in absent])
            _keep_absent(writing, home.home_id, absent)
    return problems


def _wanted(con: duckdb.DuckDBPyConnection, home_id: str) -> Iterator[_Wanted]:
    for thread_id, provider, cursor, cwd in con.execute(_WANTED, [home_id]).fetchall():
        key = record_key(provider, cursor)
        if key is not None and thread_id is not None:
            yield _Wanted(thread_id, key, cwd)


def _known(con: duckdb.DuckDBPyConnection, home_id: str) -> dict[str, _Known]:
    rows = con.execute(
        "SELECT thread_id, session_id, path, stamp, read_at, read_us FROM _provider_records WHERE home_id = ?",
        [home_id],
    ).fetchall()
    return {row[0]: _Known(*row[1:]) for row in rows}


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found of a thread's record: it, or why there is none."""

    state: str
    why: str
    read: ReadRecord | None = None
    path: Path | None = None
    stamp: str | None = None
    error: str | None = None
    read_at: int = 0
    took: int = 0


def _look(one: _Wanted, before: _Known | None, places: RecordPlaces) -> _Found | None:
    """Read the record of a thread; None if the store has it as it is."""
    if before is not None and before.session_id == one.key.session_id and before.path is not None:
        path = Path(before.path)
        stamp = _stamp(path)
        unchanged = stamp is not None and stamp == before.stamp
        resting = 0 <= time.time_ns() // 1000 - before.read_at < _REST * before.took
        if path.exists() and (unchanged or resting):
            return None
    candidates = places.candidates(one.key.provider, one.key.session_id)
    error = None
    for path in candidates:
        stamp, began = _stamp(path), time.time_ns()
        try:
            read = _session_of(path, one.key)
        except (InputError, OSError, sqlite3.Error) as problem:
            error = f"{path} cannot be read: {problem}"
            continue
        if read is None:
            continue
        cwd = read.record.cwd
        if one.cwd and cwd and Path(one.cwd) != Path(cwd):
            return _Found("absent", f"the session of that id worked in another folder, {cwd}")
        took = (time.time_ns() - began) // 1000
        return _Found("read", "", read, path, stamp, read.error, began // 1000, took)
    if error is not None:
        return _Found("unreadable", error, error=error)
    return _Found(
        "absent",
        "none found: never begun, deleted, or kept in another home or on another machine",
    )


def _session_of(path: Path, key: RecordKey) -> ReadRecord | None:
    for read in read_file(path, session_id=key.session_id):
        if (read.record.provider, read.record.session_id) == (key.provider, key.session_id):
            return read
    return None


def _stamp(path: Path) -> str | None:
    """Size, change time and identity of a file, a database's journals included; None while it is written to."""
    return database_stamp(path) if path.exists() else None


def _forget(con: duckdb.DuckDBPyConnection, home_id: str, threads: list[str]) -> None:
    for table in ("_provider_records", "_record_turns"):
        con.execute(
            f"DELETE FROM {table} WHERE home_id = ? AND thread_id IN (SELECT unnest(?))",
            [home_id, threads],
        )


def _keep_absent(con: duckdb.DuckDBPyConnection, home_id: str, absent: Sequence[tuple[_Wanted, _Found]]) -> None:
    """That there is no record of some threads: many at once, as with homes of other machines all are."""
    con.execute(
        "INSERT INTO _provider_records BY NAME SELECT $home AS home_id, unnest($threads) AS thread_id, "
        "unnest($providers) AS provider, unnest($sessions) AS session_id, unnest($states) AS state, unnest($whys) AS why, "
        "[] AS builds, [] AS open_sub_agents, 0 AS read_at, 0 AS read_us",
        {
            "home": home_id,
            "threads": [one.thread_id for one, _ in absent],
            "providers": [one.key.provider for one, _ in absent],
            "sessions": [one.key.session_id for one, _ in absent],
            "states": [found.state for _, found in absent],
            "whys": [found.why or None for _, found in absent],
        },
    )


def _keep(con: duckdb.DuckDBPyConnection, home_id: str, one: _Wanted, found: _Found) -> None:
    record = found.read.record if found.read is not None else None
    con.execute(
        "INSERT INTO _provider_records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "make_timestamptz(?::BIGINT), make_timestamptz(?::BIGINT), ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            home_id,
            one.thread_id,
            one.key.provider,
            one.key.session_id,
            str(found.path) if found.path is not None else None,
            found.state,
            found.why or None,
            list(record.builds) if record else [],
            record.cwd if record else None,
            record.origin.value if record and record.origin else None,
            record.parent_id if record else None,
            record.first_at if record else None,
            record.last_at if record else None,
            found.read.size if found.read else None,
            record.lines if record else None,
            record.unread if record else None,
            record.torn if record else None,
            list(found.read.open_sub_agents) if found.read else [],
            found.stamp,
            found.read_at,
            found.took,
        ],
    )
    if record is not None and record.turns:
        _keep_turns(con, home_id, one.thread_id, found.read)


def _keep_turns(con: duckdb.DuckDBPyConnection, home_id: str, thread_id: str, read: ReadRecord | None) -> None:
    import pyarrow as pa

    assert read is not None
    turns, redactor = read.record.turns, Redactor()
    text, number = pa.string(), pa.int64()
    columns: dict[str, Any] = {
        "place": pa.array(range(len(turns)), number),
        "turn_id": pa.array([_whole(t.turn_id) for t in turns], text),
        "outcome": pa.array([t.outcome.value for t in turns], text),
        "confidence": pa.array([t.sureness.value for t in turns], text),
        "why": pa.array([_whole(t.why) for t in turns], text),
        "kind": pa.array([t.kind.value for t in turns], text),
        "started_at": pa.array([t.started_at for t in turns], number),
        "ended_at": pa.array([t.ended_at for t in turns], number),
        "error": pa.array([_masked(t.error, redactor) for t in turns], text),
        "retries": pa.array([t.retries for t in turns], number),
        "steered_by": pa.array([json.dumps(t.steered_by) for t in turns], text),
        "inherited": pa.array([t.inherited for t in turns], pa.bool_()),
        "void": pa.array([t.void for t in turns], pa.bool_()),
        "marks": pa.array([json.dumps([_mark(m) for m in t.evidence]) for t in turns], text),
    }
    con.register("incoming", pa.table(columns))
    con.execute(
        "INSERT INTO _record_turns SELECT ?, ?, place, turn_id, outcome, confidence, why, kind, "
        "make_timestamptz(started_at), make_timestamptz(ended_at), error, retries, steered_by, "
        "inherited, void, marks FROM incoming",
        [home_id, thread_id],
    )
    con.unregister("incoming")


def _whole(text: str | None) -> str | None:
    """Text that Arrow takes: half a surrogate pair is replaced."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def _masked(error: str | None, redactor: Redactor) -> str | None:
    """An agent's sentence about an error, secrets masked: findings quote it."""
    return None if error is None else _whole(redactor.text(error[:_LONGEST_ERROR]))


def _mark(mark: RecordMark) -> dict[str, Any]:
    return {
        "what": mark.what,
        "at": mark.at,
        "line": mark.line,
        "offset": mark.offset,
        "size": mark.size,
        "table": mark.table,
        "row": mark.row,
    }
