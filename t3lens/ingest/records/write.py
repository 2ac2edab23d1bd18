"""How records of threads are put into the store: many at a time, each whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from t3lens.ingest.incoming import execute_incoming
from t3lens.ingest.records.packed import PackedRecord, record_row, turn_rows
from t3lens.store.bind_rows import FLAG, NUMBER, TEXT, TEXTS, Column

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import duckdb

    from t3lens.agents import AgentTurn, RecordMark
    from t3lens.ingest.records.read import ReadRecord
    from t3lens.redact import Redactor
    from t3lens.store import WriteSession
    from t3lens.t3code.record_keys import RecordKey

__all__ = ["FoundRecord", "RecordWriter"]

_LONGEST_ERROR: Final = 500
_TABLES: Final = ("_provider_records", "_record_turns", "_record_quarantine", "_record_states")
_BATCH: Final = 20_000
"""Rows that are written together: large enough that the transactions cost little, small enough to be forgotten."""


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """What was found of a thread's record: it, or why there is none.

    Attributes:
        state: ``read``, ``absent`` or ``unreadable``.
        why: Why it is not read; empty if it is.
        read: The record.
        path: Its file.
        stamp: What tells whether the file changed since.
        error: What could not be read of it.
        read_at: When, microseconds UTC.
        took: How long that took, microseconds.
    """

    state: str
    why: str
    read: ReadRecord | None = None
    path: Path | None = None
    stamp: str | None = None
    error: str | None = None
    read_at: int = 0
    took: int = 0


class RecordWriter:
    """Takes what was found of threads' records and writes it in batches; what is left when ``write`` says so.

    Args:
        session: The reading session that takes the rows.
        states: Whether to keep how far records were read, which holds sentences about errors as they stand there.
    """

    def __init__(self, session: WriteSession, *, states: bool = True) -> None:
        self._known: Collection[str] = ()
        self._states_too = states
        self._session = session
        self._home_id = ""
        self._gone: dict[str, list[str]] = {}
        self._records: list[dict[str, Any]] = []
        self._turns: list[dict[str, Any]] = []
        self._rejected: list[dict[str, Any]] = []
        self._states: list[tuple[str, str, bytes]] = []

    @cached_property
    def _redactor(self) -> Redactor:
        from t3lens.redact import Redactor

        return Redactor()

    def begin(self, home_id: str, known: Collection[str]) -> None:
        """Take the records of a home.

        Args:
            home_id: Whose threads.
            known: Threads of which something is kept.
        """
        self._home_id, self._known = home_id, known

    def forget(self, threads: Sequence[str]) -> None:
        """Drop what is kept of some threads."""
        gone = [thread_id for thread_id in threads if thread_id in self._known]
        if gone:
            self._gone.setdefault(self._home_id, []).extend(gone)

    def keep(self, thread_id: str, key: RecordKey, found: FoundRecord) -> None:
        """Replace what is kept of a thread's record."""
        self.forget([thread_id])
        self._records.append({"home_id": self._home_id, **_record_row(thread_id, key, found)})
        if found.read is not None:
            turns, rejected = found.read.record.turns, found.read.record.rejected
            self._turns += [self._turn_row(thread_id, place, turn) for place, turn in enumerate(turns)]
            self._rejected += [{"home_id": self._home_id, "thread_id": thread_id, **_mark_fields(mark)} for mark in rejected]
            if found.read.so_far is not None and self._states_too:
                self._states.append((self._home_id, thread_id, found.read.so_far))
        if len(self._records) + len(self._turns) >= _BATCH:
            self.write()

    def keep_packed(self, record: PackedRecord) -> None:
        """Replace what is kept of a thread's record by what a bundle says of it."""
        self.forget([record.thread_id])
        self._records.append({"home_id": self._home_id, **record_row(record)})
        self._turns += [{"home_id": self._home_id, **row} for row in turn_rows(record)]

    def write(self) -> None:
        """Write what was taken."""
        if not self._gone and not self._records:
            return
        with self._session.transaction() as con:
            for home_id, gone in self._gone.items():
                for table in _TABLES:
                    con.execute(
                        f"DELETE FROM {table} WHERE home_id = ? AND thread_id IN (SELECT unnest(?))", [home_id, gone]
                    )
            _insert(con, _INSERT_RECORDS, self._records, _RECORD_COLUMNS)
            _insert(con, _INSERT_TURNS, self._turns, _TURN_COLUMNS)
            _insert(con, _INSERT_REJECTED, self._rejected, _REJECTED_COLUMNS)
            for state in self._states:
                con.execute("INSERT INTO _record_states VALUES (?, ?, ?)", list(state))
        self._gone, self._records, self._turns, self._rejected, self._states = {}, [], [], [], []

    def _turn_row(self, thread_id: str, place: int, turn: AgentTurn) -> dict[str, Any]:
        return {
            "home_id": self._home_id,
            "thread_id": thread_id,
            "place": place,
            "turn_id": _without_surrogates(turn.turn_id),
            "outcome": turn.outcome.value,
            "confidence": turn.sureness.value,
            "why": _without_surrogates(turn.why),
            "kind": turn.kind.value,
            "started_at": turn.started_at,
            "ended_at": turn.ended_at,
            "error": self._masked(turn.error),
            "retries": turn.retries,
            "steered_by": json.dumps(turn.steered_by),
            "inherited": turn.inherited,
            "void": turn.void,
            "marks": json.dumps([_mark_fields(m) for m in turn.evidence]),
        }

    def _masked(self, error: str | None) -> str | None:
        """An agent's sentence about an error, secrets masked: findings quote it."""
        return None if error is None else _without_surrogates(self._redactor.text(error[:_LONGEST_ERROR]))


def _record_row(thread_id: str, key: RecordKey, found: FoundRecord) -> dict[str, Any]:
    read = found.read
    record = read.record if read is not None else None
    return {
        "thread_id": thread_id,
        "provider": key.provider,
        "session_id": key.session_id,
        "path": _without_surrogates(str(found.path)) if found.path is not None else None,
        "state": found.state,
        "why": _without_surrogates(found.why or None),
        "builds": [_without_surrogates(build) for build in record.builds] if record else [],
        "cwd": _without_surrogates(record.cwd) if record else None,
        "origin": record.origin.value if record and record.origin else None,
        "parent": _without_surrogates(record.parent_id) if record else None,
        "first_at": record.first_at if record else None,
        "last_at": record.last_at if record else None,
        "size": read.size if read else None,
        "lines": record.lines if record else None,
        "unread": record.unread if record else None,
        "torn": record.torn if record else None,
        "open_sub_agents": list(read.open_sub_agents) if read else [],
        "stamp": found.stamp,
        "read_at": found.read_at,
        "took": found.took,
    }


_RECORD_COLUMNS: Final = {
    "home_id": TEXT, "thread_id": TEXT, "provider": TEXT, "session_id": TEXT, "path": TEXT, "state": TEXT,
    "why": TEXT, "builds": TEXTS, "cwd": TEXT, "origin": TEXT, "parent": TEXT, "first_at": NUMBER, "last_at": NUMBER,
    "size": NUMBER, "lines": NUMBER, "unread": NUMBER, "torn": NUMBER, "open_sub_agents": TEXTS,
    "stamp": TEXT, "read_at": NUMBER, "took": NUMBER,
}  # fmt: skip

_INSERT_RECORDS: Final = """
INSERT INTO _provider_records
SELECT home_id, thread_id, provider, session_id, path, state, why, builds, cwd, origin, parent,
       make_timestamptz(first_at), make_timestamptz(last_at), size, lines, unread, torn, open_sub_agents,
       stamp, read_at, took
FROM incoming
"""

_TURN_COLUMNS: Final = {
    "home_id": TEXT, "thread_id": TEXT, "place": NUMBER, "turn_id": TEXT, "outcome": TEXT, "confidence": TEXT,
    "why": TEXT, "kind": TEXT, "started_at": NUMBER, "ended_at": NUMBER, "error": TEXT, "retries": NUMBER,
    "steered_by": TEXT, "inherited": FLAG, "void": FLAG, "marks": TEXT,
}  # fmt: skip

_INSERT_TURNS: Final = """
INSERT INTO _record_turns
SELECT home_id, thread_id, place, turn_id, outcome, confidence, why, kind, make_timestamptz(started_at),
       make_timestamptz(ended_at), error, retries, steered_by, inherited, void, marks
FROM incoming
"""


_REJECTED_COLUMNS: Final = {
    "home_id": TEXT, "thread_id": TEXT, "line": NUMBER, "offset": NUMBER, "size": NUMBER, "what": TEXT,
}  # fmt: skip

_INSERT_REJECTED: Final = """
INSERT INTO _record_quarantine SELECT home_id, thread_id, line, "offset", size, what FROM incoming
"""


def _insert(con: duckdb.DuckDBPyConnection, sql: str, rows: list[dict[str, Any]], columns: dict[str, str]) -> None:
    if rows:
        execute_incoming(con, sql, {name: Column(kind, [row[name] for row in rows]) for name, kind in columns.items()})


def _without_surrogates(text: str | None) -> str | None:
    """Text that Arrow takes: half a surrogate pair is replaced."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def _mark_fields(mark: RecordMark) -> dict[str, Any]:
    return {
        "what": mark.what,
        "at": mark.at,
        "line": mark.line,
        "offset": mark.offset,
        "size": mark.size,
        "table": mark.table,
        "row": mark.row,
    }
