"""When each event of a home was stored, in a temporary file: of hundreds of thousands a handful is ever asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from t3lens.scratch import process_folder

__all__ = ["EventTimes", "Fall"]

_Ints = npt.NDArray[np.int64]

_AT_ONCE: Final = 100_000
"""Events that are looked at together."""


class Fall(NamedTuple):
    """An event that is dated before the one that was stored before it; times in microseconds UTC."""

    sequence: int
    before: int
    after: int


class EventTimes:
    """Sequences and times of events, in order of sequence.

    Attributes:
        count: How many there are.
    """

    def __init__(self) -> None:
        self.count = 0
        self._file: IO[bytes] | None = None

    def add(self, sequences: _Ints, moments: _Ints) -> None:
        """Add events behind the last.

        Args:
            sequences: Their sequences, growing.
            moments: When each was stored, microseconds UTC.

        Raises:
            OSError: They cannot be written.
        """
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=process_folder())  # noqa: SIM115 - it lasts as long as this object
        self._file.write(np.stack((sequences, moments), axis=1).tobytes())
        self.count += len(sequences)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def around(self, moments: Iterable[int]) -> tuple[_Ints, _Ints]:
        """The events of which somebody may ask who knows some moments: sequences and times.

        They are the first, the last, the earliest and the latest, and of each moment the last before it, the first after
        it, and one at it.

        Args:
            moments: Microseconds UTC.

        Raises:
            OSError: They cannot be read back.
        """
        asked = np.array(sorted(set(moments)), np.int64)
        found = [_around(some, asked) for some in self._parts()]
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        last = _around(np.concatenate(found), asked)
        return last[:, 0], last[:, 1]

    def falls(self, by: float, later: Iterable[tuple[int, int | None]], most: int | None) -> list[Fall]:
        """Where the clock was set back: the first events that are dated before the one stored before them.

        Args:
            by: By more than so many microseconds.
            later: Sequences and times of further events, in order.
            most: At most so many; None for all.

        Raises:
            OSError: They cannot be read back.
        """
        found: list[Fall] = []
        before: int | None = None
        for some in self._parts():
            times = some[:, 1]
            earlier = np.concatenate((times[:1] if before is None else [before], times[:-1]))
            for at in np.flatnonzero(earlier - times > by).tolist():
                found.append(Fall(int(some[at, 0]), int(earlier[at]), int(times[at])))
            if most is not None and len(found) >= most:
                return found[:most]
            before = int(times[-1])
        for sequence, moment in later:
            if before is not None and moment is not None and before - moment > by:
                found.append(Fall(sequence, before, moment))
            before = moment
        return found[:most]

    def _parts(self) -> Iterator[_Ints]:
        if self._file is not None:
            self._file.seek(0)
            while data := self._file.read(_AT_ONCE * 16):
                yield np.frombuffer(data, np.int64).reshape(-1, 2)


def _around(some: _Ints, asked: _Ints) -> _Ints:
    """Those of some events that are next to the moments that are asked for, and at either end."""
    order = np.argsort(some[:, 1], kind="stable")  # they are nearly in order: then this is the quickest
    times = some[order, 1]
    ends = chain.from_iterable(
        (place - 1, place) for side in ("left", "right") for place in np.searchsorted(times, asked, side=side).tolist()
    )
    last = len(some) - 1
    places = {0, last, *(place for place in ends if 0 <= place <= last)}
    # In order of sequence, so that first and last of what is found so are those of all.
    result: _Ints = some[sorted({0, last, *order[sorted(places)].tolist()})]
    return result
