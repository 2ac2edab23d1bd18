"""The few lines of many chunks that are stored, together in memory of their own.

Where most lines are passed over, a chunk leaves some hundred rows: too few for DuckDB to be quick with, and too few to hold
the memory of the chunk for, which is filled again at once and so stays near the processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from t3lens.ingest.byte_forms import Bytes, Ints
from t3lens.ingest.screen import LineOrigin, Screened

__all__ = ["Gathered", "Stretch"]

_ROWS: Final = 4096
_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """Sure lines, the bytes they stand in, and where they come from."""

    data: Bytes
    lines: Screened
    origin: LineOrigin

    @property
    def size(self) -> int:
        """Bytes of their JSON."""
        return int(self.lines.body_lengths.sum())


class Gathered:
    """Takes copies of lines until they are worth a batch."""

    def __init__(self) -> None:
        self._parts: list[Stretch] = []
        self._rows = self._size = 0

    @property
    def enough(self) -> bool:
        """Whether they are."""
        return self._rows >= _ROWS or self._size >= _BYTES

    def add(self, found: Stretch) -> None:
        """Copy the JSON of some lines, which follow those that are here; what they stood in may be filled again."""
        lines, view = found.lines, found.data.data
        ends = lines.bodies + lines.body_lengths
        copied = b"".join([view[start:end] for start, end in zip(lines.bodies.tolist(), ends.tolist(), strict=True)])
        self._parts.append(Stretch(np.frombuffer(copied, np.uint8), lines, found.origin))
        self._rows += len(lines.starts)
        self._size += len(copied)

    def take(self) -> Stretch | None:
        """All that is here, as one stretch that consists of JSON alone; None if that is nothing."""
        parts = [part for part in self._parts if len(part.data)]
        self._parts, self._rows, self._size = [], 0, 0
        if not parts:
            return None
        lengths = _all([part.lines.body_lengths for part in parts])
        bodies = np.cumsum(lengths) - lengths
        lines = Screened(
            bodies,
            _all([part.lines.lengths for part in parts]),
            bodies,
            lengths,
            np.concatenate([part.lines.labels for part in parts]),
            _all([part.lines.times for part in parts]),
            _all([part.lines.observed for part in parts]),
            np.concatenate([part.lines.wrapped for part in parts]),
            _all([part.lines.numbers for part in parts]),
            [],
        )
        threads: list[str] = []
        numbers = []
        for part in parts:
            named = part.origin.thread_numbers
            numbers.append(np.where(named >= 0, named + len(threads), -1).astype(np.int32))
            threads += part.origin.threads
        origin = LineOrigin(
            np.concatenate([part.origin.file_keys for part in parts]),
            _all([part.origin.lines for part in parts]),
            _all([part.origin.offsets for part in parts]),
            np.concatenate(numbers),
            threads,
        )
        return Stretch(np.concatenate([part.data for part in parts]), lines, origin)


def _all(columns: list[Ints]) -> Ints:
    return np.concatenate(columns)
