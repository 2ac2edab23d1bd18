"""Events of a home that are judged thread by thread and then let go: beside the tables of a store in memory.

To put hundreds of thousands of rows into tables, in order of thread, and out of them again takes longer than to judge them.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec

from t3lens.scratch import process_folder

if TYPE_CHECKING:
    from t3lens.store.event_times import EventTimes

__all__ = ["EventsBeside", "RowsByThread"]

Row = tuple[Any, ...]

_OF_A_GROUP: Final = 40_000
"""Rows of threads that are kept, and read back, together."""
_HELD: Final = 20_000
"""Rows that are held in memory before they are written."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[tuple[Any, ...]]).decode


class RowsByThread:
    """Rows of many threads that come in any order of thread, and go out thread by thread; a temporary file has most of them.

    Threads stand in groups of neighbours, so that who asks for them in order reads each group once.

    Args:
        weights: About how many rows there will be of each thread. There may be others.
    """

    def __init__(self, weights: Mapping[str, int]) -> None:
        self._firsts = _firsts(weights)
        self._groups = _Groups(self._firsts)
        self._held: list[list[Row]] = [[] for _ in self._firsts]
        self._count = 0
        self._places: list[list[tuple[int, int]]] = [[] for _ in self._firsts]
        self._file: IO[bytes] | None = None
        self._end = 0
        self._open: tuple[int, Mapping[str, list[Row]]] | None = None

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows; the first value of each is its thread's id, the others are numbers, texts and None.

        Raises:
            OSError: They cannot be written.
        """
        held, groups = self._held, self._groups
        for row in rows:
            held[groups[row[0]]].append(row)
        self._count += len(rows)
        self._open = None
        if self._count >= _HELD:
            self._write()

    def of(self, thread: str) -> list[Row]:
        """The rows of a thread, in the order in which they came.

        Raises:
            OSError: They cannot be read back.
        """
        group = self._groups[thread]
        if self._open is None or self._open[0] != group:
            self._open = None  # one at a time is in memory
            self._open = (group, self._read(group))
        return self._open[1].get(thread, [])

    def close(self) -> None:
        """Let go of the file."""
        self._open = None
        if self._file is not None:
            self._file.close()

    def _write(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=process_folder())  # noqa: SIM115 - it lasts as long as this object
        for group, rows in enumerate(self._held):
            if rows:
                data = _encode(rows)
                self._file.write(data)
                self._places[group].append((self._end, len(data)))
                self._end += len(data)
                rows.clear()
        self._count = 0

    def _read(self, group: int) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for rows in self._parts(group):
            for row in rows:
                thread = row[0]
                if thread in found:
                    found[thread].append(row)
                else:
                    found[thread] = [row]
        return found

    def _parts(self, group: int) -> Iterator[list[Row]]:
        for start, size in self._places[group]:
            assert self._file is not None
            self._file.seek(start)
            yield _decode(self._file.read(size))
        yield self._held[group]


class _Groups(dict[str, int]):
    """In which group a thread is."""

    def __init__(self, firsts: list[str]) -> None:
        super().__init__()
        self._firsts = firsts

    def __missing__(self, thread: str) -> int:
        group = self[thread] = max(0, bisect_right(self._firsts, thread) - 1)
        return group


def _firsts(weights: Mapping[str, int]) -> list[str]:
    """The first thread of each group."""
    firsts: list[str] = []
    size = 0
    for thread in sorted(weights):
        if not firsts or size + weights[thread] > _OF_A_GROUP:
            firsts.append(thread)
            size = 0
        size += weights[thread]
    return firsts or [""]


@dataclass(slots=True)
class EventsBeside:
    """What is kept of a home's events beside the table, up to one of them.

    What is asked of single events of no thread, or of few threads, stands in the table whole; so do all behind that one. Of
    the others it has the sequence and the time of those that somebody may ask for (``EventTimes.around``).

    Attributes:
        last: The sequence up to which.
        weights: How many events there are of each thread, and of each stream that is none.
        stored: Events that decide how a thread stands: its id, sequence, event id, type, microseconds UTC, command id,
            payload as JSON (of types that have ``STORED_KEYS``: the values of these).
        anchors: What ingestion stored: the thread's id, the id of the canonical event, sequence; None where no log was
            there that could be held against it.
        times: Sequence and time of each.
        ingested: Threads that ingestion stored something of, but nothing that is in ``stored``.
    """

    last: int
    weights: dict[str, int]
    stored: RowsByThread
    anchors: RowsByThread | None
    times: EventTimes
    ingested: frozenset[str] = field(default=frozenset())

    def close(self) -> None:
        """Let go of the files."""
        self.times.close()
        self.stored.close()
        if self.anchors is not None:
            self.anchors.close()
