"""Events of a large database for who only judges it: those that decide how a thread stands go beside the store's tables.

The event store is gone through once, some thousand events at a time: for what stands of every event, and for what decides.
Nothing that is doubtful is read here (``Doubtful``): the ways of ``pages`` take it then.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from t3lens.ingest.byte_forms import TIME, Form, Ints, times_of
from t3lens.ingest.columnar import is_integer, is_text
from t3lens.ingest.database import EVENT_COLUMNS, DatabaseReader, json_or_null
from t3lens.ingest.needed import idle_activity
from t3lens.ingest.open_database import LONGEST
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

_SEPARATOR: Final = "\x1e"
_DECIDES: Final = 1
"""An event that decides how a thread stands;"""
_ENTIRE: Final = 2
"""one that is put into the table whole;"""
_REACTED: Final = 4
"""one that a reactor wrote: the last of a stretch is put into the table;"""
_ANCHOR: Final = 8
"""one that ingestion wrote."""
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
        self._sql = _all(needed, logged=logged)
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
        rows = self._events(after)
        if not rows:
            return None
        numbers_here, times_here, flags, *_ = zip(*rows, strict=True)
        if set(map(type, numbers_here)) != {int} or set(map(type, times_here)) != {str}:
            raise Doubtful
        sequences = np.array(numbers_here, np.int64)
        if sequences[0] <= after or not (sequences[1:] > sequences[:-1]).all():
            raise Doubtful
        moments = _moments(times_here)
        marked = np.array(flags, np.int8)
        whole = set(sequences[marked & _ENTIRE > 0].tolist())
        whole.update(sequences[marked & _REACTED > 0].tolist()[-1:])
        if self.events.anchors is not None:
            self.events.anchors.add([(row[3], row[6].split(":", 2)[1], row[0]) for row in rows if row[2] & _ANCHOR])
        whole |= self._decide([row for row in rows if row[2] & _DECIDES], moments[marked & _DECIDES > 0].tolist())
        return (sequences, moments), self._whole(sorted(whole))

    def _decide(self, rows: list[tuple[Any, ...]], moments: list[int]) -> set[int]:
        """Put beside what decides of a stretch; those of it that go into the table, too."""
        if not rows:
            return set()
        numbers_here, _, _, streams, ids, kinds, commands, payloads = zip(*rows, strict=True)
        for texts in (streams, ids, kinds, payloads):
            if set(map(type, texts)) != {str}:
                raise Doubtful
        if not set(map(type, commands)) <= {str, type(None)}:
            raise Doubtful
        together = "\n".join(payloads)  # looked through once: what is looked for is rare
        plain = payloads
        if _ESCAPE in together or max(map(len, payloads)) > _SHORT:
            plain = tuple(p if len(p) <= _SHORT and _ESCAPE not in p else json_or_null(p) for p in payloads)
        self._seen.update(streams)
        self.events.stored.add(list(zip(streams, numbers_here, ids, kinds, moments, commands, plain, strict=True)))
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

    def _events(self, after: int) -> list[tuple[Any, ...]]:
        given = (after, self._up_to, _AT_ONCE)
        try:
            return self._rows(self._sql, given)
        except sqlite3.DataError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_TOOBIG:
                raise
        # One may be of no concern, and is not handed out.
        return self._rows(self._sql, given, longest=LONGEST, at_once=1)

    def _rows(
        self, sql: str, given: tuple[object, ...], *, longest: int = _LONGEST, at_once: int = _FETCHED
    ) -> list[tuple[Any, ...]]:
        factory, self._con.text_factory = self._con.text_factory, str
        before = self._con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
        rows: list[tuple[Any, ...]] = []
        size = 0
        try:
            found = self._con.execute(sql, given)
            while some := found.fetchmany(at_once):
                rows += some
                sizes = [len(row[-1]) for row in some if isinstance(row[-1], str)]
                size += sum(sizes)
                if size > _MOST or (at_once == 1 and sizes and sizes[0] > _LONGEST):
                    raise Doubtful
        finally:
            self._con.text_factory = factory
            self._con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)
        return rows


def _all(needed: Needed, *, logged: bool) -> str:
    """SQL of the events of a stretch.

    Of each its sequence, its time, what it is (``_DECIDES`` and so on), whose it is, its id, its type, its command; and of
    those that decide how a thread stands what is read of the payload.
    """
    # Each payload is loaded whole, so that a damaged page below it is met.
    known = (
        f"CASE WHEN {_type} = '{ACTIVITY_APPENDED}' THEN CASE WHEN {idle_activity(_payload)} THEN 0 ELSE {_ENTIRE} END "
        f"WHEN {_whose} = '{_OF_A_THREAD}' AND {_type} IN ({listed(STATE_TYPES)}) THEN {_DECIDES} ELSE {_ENTIRE} END"
    )
    told = f"{_begins(_command, STARTUP_RECONCILE)} OR {_begins(_command, SHUTDOWN_RECONCILE)}"
    if needed.working:
        told += f" OR {_stream} IN ({listed(sorted(needed.working))})"
    reacted = f"{_begins(_command, REACTOR)} AND NOT {_begins(_command, CHECKPOINT_REACTOR)}"
    marks = f"{known} | CASE WHEN {told} THEN {_ENTIRE} ELSE 0 END | CASE WHEN {reacted} THEN {_REACTED} ELSE 0 END"
    if logged:
        marks += f" | CASE WHEN {_begins(_command, INGESTION)} THEN {_ANCHOR} ELSE 0 END"
    short = " ".join(f"WHEN '{kind}' THEN {_some_of(keys)}" for kind, keys in STORED_KEYS.items())
    return (
        f"SELECT {_sequence}, {_at}, {marks}, {_stream}, {_event}, {_type}, {_command}, "
        f"CASE {_type} WHEN '{ACTIVITY_APPENDED}' THEN NULL {short} ELSE {_payload} END "
        f"FROM {ORCHESTRATION_EVENTS} WHERE {_sequence} > ? AND {_sequence} <= ? ORDER BY {_sequence} LIMIT ?"
    )


def _some_of(keys: tuple[str, ...]) -> str:
    """SQL of a JSON list with the values of some keys of a payload; NULL, which is doubtful, if that is no JSON."""
    paths = ", ".join(f"'$.{key}'" for key in keys)
    return f"CASE WHEN json_valid({_payload}) THEN json_extract({_payload}, {paths}) END"


def _moments(times: tuple[str, ...]) -> Ints:
    """Microseconds UTC of times as the server writes them."""
    raw = _SEPARATOR.join((*times, "")).encode()
    if len(raw) != len(times) * (len(TIME) + 1):
        raise Doubtful
    rows = np.frombuffer(raw, np.uint8).reshape(-1, len(TIME) + 1)
    words = np.ascontiguousarray(rows[:, : len(TIME)]).view("<u8")
    moments, real = times_of(words)
    if not (real.all() and _FORM.fits(words).all() and (rows[:, len(TIME)] == ord(_SEPARATOR)).all()):
        raise Doubtful
    if moments.min() < 0 or moments.max() > _LAST:
        raise Doubtful
    return moments
