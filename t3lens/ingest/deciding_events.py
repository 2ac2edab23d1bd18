"""Events of a large database for who only judges it: those that decide how a thread stands go beside the store's tables.

The event store is gone through twice, some thousand events at a time: for what stands of every event, and for what decides.
Nothing that is doubtful is read here (``Doubtful``): the ways of ``pages`` take it then.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from t3lens.ingest.byte_forms import TIME, Form, Ints, times_of
from t3lens.ingest.columnar import is_integer, is_text
from t3lens.ingest.database import EVENT_COLUMNS, DatabaseReader, json_or_null
from t3lens.ingest.needed import idle_activity
from t3lens.store.event_file import EventsBeside, RowsByThread
from t3lens.store.event_times import EventTimes
from t3lens.store.sql import listed, quoted
from t3lens.t3code.server_runs import SHUTDOWN_RECONCILE, STARTUP_RECONCILE, STARTUP_RECONCILE_ERROR
from t3lens.t3code.v1.event_types import ACTIVITY_APPENDED, STATE_TYPES, STORED_KEYS
from t3lens.t3code.v1.schema import ORCHESTRATION_EVENTS
from t3lens.t3code.v1.writers import CHECKPOINT_REACTOR, INGESTION, REACTOR

if TYPE_CHECKING:
    from t3lens.ingest.needed import Needed

__all__ = ["BesideReader", "Doubtful"]

_AT_ONCE: Final = 2_000
"""Events that one statement goes through; while it runs, a server cannot begin its write-ahead log anew."""
_PAGE: Final = 50_000
_FETCHED: Final = 100
_LONGEST: Final = 1 << 20
"""Bytes that one event may have here."""
_MOST: Final = 64 << 20
"""Letters of payloads that one statement may give."""
_SHORT: Final = 1_000
"""Letters of a payload that cannot be nested too deep."""
_LAST: Final = 253_402_128_000_000_000
"""No time beyond is one, nor before 1970: see ``moment_in``."""

_SEPARATOR: Final = b"\x1e"
_FORM: Final = Form(TIME)
_ESCAPE: Final = "\\u"
_RECONCILED: Final = f'"{STARTUP_RECONCILE_ERROR}"'

_sequence, _event, _whose, _stream, _type, _at, _command, _payload = (
    EVENT_COLUMNS[name]
    for name in (
        "sequence",
        "event_id",
        "aggregate_kind",
        "stream_id",
        "event_type",
        "occurred_at",
        "command_id",
        "payload",
    )
)
_OF_A_THREAD: Final = "thread"

_numbers: Final = msgspec.json.Decoder(list[int]).decode


class Doubtful(Exception):
    """Something is not as most is: it has to be read another way."""


def _begins(text: str, prefix: str) -> str:
    """SQL that is true of a text that begins so, quicker than a pattern."""
    return f"({text} >= {quoted(prefix)} AND {text} < {quoted(prefix[:-1] + chr(ord(prefix[-1]) + 1))})"


class BesideReader:
    """Reads the events of a large database for who only judges it.

    Args:
        reader: The open database.
        needed: Which threads work: all of theirs is put into the table.
        up_to: The last sequence to read.
        logged: Whether the home has logs.

    Attributes:
        events: What is kept beside.
        whole: Whether all was read.

    Raises:
        Doubtful: The table of events is not as it is known.
        sqlite3.Error: It cannot be read.
    """

    def __init__(self, reader: DatabaseReader, needed: Needed, up_to: int, *, logged: bool) -> None:
        types = reader.types(ORCHESTRATION_EVENTS)
        texts = (_event, _whose, _stream, _type, _at, _command, _payload)
        if not (is_integer(types.get(_sequence, "")) and all(is_text(types.get(name, "")) for name in texts)):
            raise Doubtful
        self.whole = False
        self._reader = reader
        self._con = reader.con
        self._up_to = up_to
        self._all, self._deciding, self._anchors = _all(needed), _deciding(), _anchors()
        self._seen: set[str] = set()
        self._streams = self._rows(f"SELECT {_whose}, {_stream}, count(*) FROM {ORCHESTRATION_EVENTS} GROUP BY 1, 2", ())
        weights: dict[str, int] = {}
        for _, stream, count in self._streams:
            weights[stream] = weights.get(stream, 0) + count
        anchors = RowsByThread(weights) if logged else None
        self.events = EventsBeside(up_to, weights, RowsByThread(weights), anchors, EventTimes())

    def read(self, stop: Callable[[], bool]) -> Iterator[list[dict[str, Any]]]:
        """Read all events up to the last, and give those that go into the table whole; ``events`` has the others.

        Args:
            stop: Asked again and again; True ends with what was read so far.

        Raises:
            Doubtful: Something is not as most is.
            sqlite3.Error: It cannot be read.
            OSError: The temporary files cannot be written.
        """
        whole: list[dict[str, Any]] = []
        after, size, more = -1, 0, True
        while more and not stop():
            stretch = self._stretch(after)
            if stretch is not None:
                (sequences, moments), found = stretch
                after, size = int(sequences[-1]), size + len(sequences)
                self.events.times.add(sequences, moments)
                whole += found
            more = stretch is not None
            if size >= _PAGE or (size and not more):
                yield whole
                whole, size = [], 0
        self.whole = not more
        if self.whole:
            self.events.ingested = frozenset(self._only_ingested())

    def _stretch(self, after: int) -> tuple[tuple[Ints, Ints], list[dict[str, Any]]] | None:
        """The next events: sequences and times of all, and those whole that go into the table so."""
        row = self._row(self._all, (after, self._up_to, _AT_ONCE))
        count, listed_here, moments_here, whole_here, reacted = row
        if not count:
            return None
        sequences = np.array(_numbers(b"[" + listed_here + b"]"), np.int64)
        if len(sequences) != count or sequences[0] <= after or not (sequences[1:] > sequences[:-1]).all():
            raise Doubtful
        moments = _moments(moments_here, count)
        whole = set(_numbers(b"[" + (whole_here or b"") + b"]"))
        if reacted is not None:
            whole.add(reacted)
        whole |= self._decide(after, sequences, moments)
        return (sequences, moments), self._whole(sorted(whole))

    def _decide(self, after: int, sequences: Ints, moments: Ints) -> set[int]:
        """Put beside what decides of a stretch; those of it that go into the table, too."""
        between = (after, int(sequences[-1]))
        if self.events.anchors is not None:
            told = self._rows(self._anchors, between)
            self.events.anchors.add([(stream, command.split(":", 2)[1], number) for stream, command, number in told])
        rows = self._rows(self._deciding, between)
        if not rows:
            return set()
        numbers_here, streams, ids, kinds, commands, payloads = zip(*rows, strict=True)
        for texts in (streams, ids, kinds, payloads):
            if set(map(type, texts)) != {str}:
                raise Doubtful
        if not set(map(type, commands)) <= {str, type(None)}:
            raise Doubtful
        at = np.searchsorted(sequences, numbers_here)
        if at[-1] >= len(sequences) or not np.array_equal(sequences[at], numbers_here):
            raise Doubtful
        together = "\n".join(payloads)  # looked through once: what is looked for is rare
        plain = payloads
        if _ESCAPE in together or max(map(len, payloads)) > _SHORT:
            plain = tuple(p if len(p) <= _SHORT and _ESCAPE not in p else json_or_null(p) for p in payloads)
        self._seen.update(streams)
        self.events.stored.add(
            list(zip(streams, numbers_here, ids, kinds, moments[at].tolist(), commands, plain, strict=True))
        )
        if _RECONCILED not in together:
            return set()
        return {number for number, payload in zip(numbers_here, payloads, strict=True) if _RECONCILED in payload}

    def _whole(self, sequences: list[int]) -> list[dict[str, Any]]:
        events = self._reader.events_at(sequences) if sequences else []
        if len(events) != len(sequences) or self._reader.damaged:
            raise Doubtful
        return events

    def _only_ingested(self) -> Iterator[str]:
        sql = (
            f"SELECT EXISTS (SELECT 1 FROM {ORCHESTRATION_EVENTS} WHERE {_whose} = ? AND {_stream} = ? "
            f"AND {_begins(_command, INGESTION)})"
        )
        for whose, stream, _ in self._streams:
            if stream not in self._seen and self._rows(sql, (whose, stream))[0][0]:
                yield stream

    def _row(self, sql: str, given: tuple[int, ...]) -> tuple[Any, ...]:
        factory, self._con.text_factory = self._con.text_factory, bytes
        try:
            row: tuple[Any, ...] = self._con.execute(sql, given).fetchone()
        finally:
            self._con.text_factory = factory
        return row

    def _rows(self, sql: str, given: tuple[object, ...]) -> list[tuple[Any, ...]]:
        factory, self._con.text_factory = self._con.text_factory, str
        longest = self._con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        rows: list[tuple[Any, ...]] = []
        size = 0
        try:
            found = self._con.execute(sql, given)
            while some := found.fetchmany(_FETCHED):
                rows += some
                size += sum(len(row[-1]) for row in some if isinstance(row[-1], str))
                if size > _MOST:
                    raise Doubtful
        finally:
            self._con.text_factory = factory
            self._con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
        return rows


def _all(needed: Needed) -> str:
    """SQL of what stands of every event of a stretch.

    How many there are, their sequences and times; the sequences of those that are put into the table whole, and of the last
    that a reactor wrote.
    """
    # Each is loaded whole, so that a damaged page below it is met.
    known = (
        f"CASE WHEN {_type} = '{ACTIVITY_APPENDED}' THEN {idle_activity(_payload)} "
        f"ELSE {_whose} = '{_OF_A_THREAD}' AND {_type} IN ({listed(STATE_TYPES)}) END"
    )
    told = f"{_begins(_command, STARTUP_RECONCILE)} OR {_begins(_command, SHUTDOWN_RECONCILE)}"
    working = f" OR {_stream} IN ({listed(sorted(needed.working))})" if needed.working else ""
    reacted = f"{_begins(_command, REACTOR)} AND NOT {_begins(_command, CHECKPOINT_REACTOR)}"
    return (
        f"SELECT count(*), group_concat({_sequence}), group_concat({_at}, x'{_SEPARATOR.hex()}'), group_concat(entire), "
        f"max(reacted) FROM (SELECT {_sequence}, {_at}, "
        f"CASE WHEN NOT ifnull({known}, 0) OR {told}{working} THEN {_sequence} END AS entire, "
        f"CASE WHEN {reacted} THEN {_sequence} END AS reacted "
        f"FROM {ORCHESTRATION_EVENTS} WHERE {_sequence} > ? AND {_sequence} <= ? ORDER BY {_sequence} LIMIT ?)"
    )


def _deciding() -> str:
    """SQL of the events of a stretch that decide how a thread stands."""
    # The index over whose they are would be gone through from its beginning for each stretch: hence the "+".
    short = " ".join(f"WHEN '{kind}' THEN {_some_of(keys)}" for kind, keys in STORED_KEYS.items())
    return (
        f"SELECT {_sequence}, {_stream}, {_event}, {_type}, {_command}, CASE {_type} {short} ELSE {_payload} END "
        f"FROM {ORCHESTRATION_EVENTS} WHERE {_sequence} > ? AND {_sequence} <= ? AND +{_whose} = '{_OF_A_THREAD}' "
        f"AND +{_type} IN ({listed(STATE_TYPES)}) ORDER BY {_sequence}"
    )


def _some_of(keys: tuple[str, ...]) -> str:
    """SQL of a JSON list with the values of some keys of a payload; NULL, which is doubtful, if that is no JSON."""
    paths = ", ".join(f"'$.{key}'" for key in keys)
    return f"CASE WHEN json_valid({_payload}) THEN json_extract({_payload}, {paths}) END"


def _anchors() -> str:
    """SQL of what ingestion stored of a stretch."""
    return (
        f"SELECT {_stream}, {_command}, {_sequence} FROM {ORCHESTRATION_EVENTS} "
        f"WHERE {_sequence} > ? AND {_sequence} <= ? AND +{_command} IS NOT NULL AND {_begins('+' + _command, INGESTION)} "
        f"ORDER BY {_sequence}"
    )


def _moments(raw: bytes | None, count: int) -> Ints:
    """Microseconds UTC of times as the server writes them."""
    if raw is None or len(raw) != count * (len(TIME) + 1) - 1:
        raise Doubtful
    rows = np.frombuffer(raw + _SEPARATOR, np.uint8).reshape(count, len(TIME) + 1)
    words = np.ascontiguousarray(rows[:, : len(TIME)]).view("<u8")
    times, real = times_of(words)
    if not (real.all() and _FORM.fits(words).all() and (rows[:, len(TIME)] == _SEPARATOR[0]).all()):
        raise Doubtful
    if times.min() < 0 or times.max() > _LAST:
        raise Doubtful
    return times
