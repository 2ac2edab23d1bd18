"""Parts of a document that stay on the disk: of very many homes, none but the one that is looked at is in memory."""

from __future__ import annotations

import heapq
import os
import pickle
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Final, Generic, TypeVar, overload

import msgspec

from t3lens.scratch import process_folder

__all__ = ["DiskRows", "Ranking", "RowCodec", "each"]

_T = TypeVar("_T")

_RUN: Final = 4_000
"""So many keys are sorted in memory."""

_PLAIN: Final = b"m"
_OTHER: Final = b"p"
"""What stands before a row that msgpack cannot write: paths, and texts with names of files that are not Unicode."""


class RowCodec:
    """Structs and dataclasses of one kind as bytes, for this process alone.

    Args:
        kind: What they are.
    """

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._encoder = msgspec.msgpack.Encoder()

    @cached_property
    def _decoder(self) -> msgspec.msgpack.Decoder[Any]:
        return msgspec.msgpack.Decoder(self._kind)  # knows no paths: only what msgpack wrote needs it

    def encode(self, row: Any) -> bytes:
        """One as bytes."""
        try:
            return _PLAIN + self._encoder.encode(row)
        except (UnicodeEncodeError, TypeError):
            return _OTHER + pickle.dumps(row)

    def decode(self, content: bytes) -> Any:
        """What these bytes were."""
        if content[:1] == _OTHER:
            return pickle.loads(content[1:])  # what only this process ever had a name for
        return self._decoder.decode(memoryview(content)[1:])


class DiskRows(Sequence[_T], Generic[_T]):
    """A sequence of structs or dataclasses of one kind, in a file that nobody else sees and that goes with it.

    It is equal to any sequence of equal ones.

    Args:
        kind: What they are.
        rows: The first ones.
    """

    def __init__(self, kind: type[_T], rows: Iterable[_T] = ()) -> None:
        self._kind = kind
        self._codec = RowCodec(kind)
        self._file = tempfile.TemporaryFile(dir=process_folder())  # noqa: SIM115 - it lives as long as this
        self._ends = array("Q", [0])
        self._order: Sequence[int] | None = None
        self._flushed = True
        for row in rows:
            self.append(row)

    def append(self, row: _T) -> None:
        """Put one more at the end."""
        content = self._codec.encode(row)
        self._file.write(content)
        self._ends.append(self._ends[-1] + len(content))
        self._flushed = False

    def in_order(self, order: Iterable[int]) -> DiskRows[_T]:
        """The same rows in another order, from the same file; nothing is to be appended any more.

        Args:
            order: The place of each in this one.
        """
        found = DiskRows(self._kind)
        found._file, found._ends, found._flushed = self._file, self._ends, self._flushed
        found._order = array("Q", order)
        return found

    def each(self, change: Callable[[_T], _T | None]) -> DiskRows[_T]:
        """What becomes of each row; those of which nothing becomes are left out.

        Args:
            change: Called once for each, in order.
        """
        return DiskRows(self._kind, (found for row in self if (found := change(row)) is not None))

    def __len__(self) -> int:
        return len(self._ends) - 1 if self._order is None else len(self._order)

    def __iter__(self) -> Iterator[_T]:
        return (self._row_at(place) for place in (range(len(self)) if self._order is None else self._order))

    @overload
    def __getitem__(self, place: int) -> _T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[_T]: ...
    def __getitem__(self, place: int | slice) -> _T | Sequence[_T]:
        places = range(len(self)) if self._order is None else self._order
        return tuple(map(self._row_at, places[place])) if isinstance(place, slice) else self._row_at(places[place])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DiskRows | tuple | list):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # rows may still be appended

    def __repr__(self) -> str:
        return f"<{len(self):,} rows of {self._kind.__name__}>"

    def _row_at(self, place: int) -> _T:
        if not self._flushed:
            self._file.flush()
            self._flushed = True
        start, end = self._ends[place], self._ends[place + 1]
        content = os.pread(self._file.fileno(), end - start, start)
        found: _T = self._codec.decode(content)
        return found


def each(rows: Sequence[_T], change: Callable[[_T], _T | None]) -> Sequence[_T]:
    """What becomes of each of some rows, where they are: on the disk if these are; in a tuple otherwise.

    Args:
        rows: Of a document.
        change: Called once for each, in order; a row of which nothing becomes is left out.
    """
    if isinstance(rows, DiskRows):
        return rows.each(change)
    return tuple(found for row in rows if (found := change(row)) is not None)


class Ranking(Generic[_T]):
    """Finds the order of rows by their keys: some keys at a time are in memory, the others wait on the disk, sorted.

    Args:
        kind: What the keys are.
    """

    def __init__(self, kind: Any) -> None:  # a tuple with what is in it is no type to a type checker
        self._sorted = DiskRows[tuple[_T, int]](tuple[kind, int])
        self._starts: list[int] = []
        self._last: list[tuple[_T, int]] = []
        self._number = 0

    def append(self, key: _T) -> None:
        """Put the key of one more row at the end."""
        self._last.append((key, self._number))
        self._number += 1
        if len(self._last) == _RUN:
            self._put_away()

    def order(self) -> array[int]:
        """The places of the rows, in the order of their keys; of equal ones the first first."""
        if not self._starts:
            return array("Q", (place for _, place in sorted(self._last)))
        self._put_away()
        ends = [*self._starts[1:], len(self._sorted)]
        runs = [map(self._sorted.__getitem__, range(*run)) for run in zip(self._starts, ends, strict=True)]
        return array("Q", (place for _, place in heapq.merge(*runs)))

    def _put_away(self) -> None:
        self._starts.append(len(self._sorted))
        for one in sorted(self._last):
            self._sorted.append(one)
        self._last.clear()
