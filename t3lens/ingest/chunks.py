"""Log files as large stretches of memory that hold whole lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Final

import numpy as np

from t3lens.ingest.byte_forms import Bytes, Flags, Ints, newlines_of
from t3lens.ingest.identity import FileState

__all__ = ["Chunk", "ChunkPool", "Piece", "lines_of"]

# Long enough that calls do not count, short enough that what is on its way when readers wait is soon done.
_CHUNK: Final = 4 << 20
_STEP: Final = 1 << 20
_LEAST_ROOM: Final = 64 << 10


@dataclass(slots=True)
class Piece:
    """Whole lines of one file within a chunk.

    Attributes:
        state: The file.
        start: Where they begin in the chunk.
        end: Where they end.
        number: Lines of the chunk before them.
        line: Lines of the file before them.
        offset: Bytes of the file before them.
    """

    state: FileState
    start: int
    end: int
    number: int
    line: int
    offset: int


@dataclass(slots=True)
class Chunk:
    """Memory filled with pieces of files, one behind the other.

    Attributes:
        memory: May be longer than what is used.
        used: Bytes of whole lines.
        filled: Bytes read, those of an unfinished line included.
        lines: Whole lines.
        newlines: Where lines end, in parts.
        pieces: What stands in it, in order.
        flags: Room to look for newlines in; of the pool, used by one read after the other.
    """

    memory: Bytes
    flags: Flags
    used: int = 0
    filled: int = 0
    lines: int = 0
    newlines: list[Ints] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether reading on needs another chunk."""
        return len(self.memory) - self.filled < _LEAST_ROOM

    @property
    def unfinished(self) -> int:
        """Bytes behind the last newline."""
        return self.filled - self.used

    def begin(self, state: FileState) -> None:
        """From here on lines are those of ``state``, which is moved on while they are read."""
        at = self.used
        self.pieces.append(Piece(state, at, at, self.lines, state.lines, state.bytes_ingested))

    def read(self, stream: IO[bytes], most: int) -> int:
        """Read some bytes behind what is there; how many."""
        stop = min(len(self.memory), self.filled + min(_STEP, most))
        target = self.memory[self.filled : stop]
        count: int = stream.readinto(target.data)  # type: ignore[attr-defined]  # every raw file has it
        ends = newlines_of(target[:count], self.flags)
        if len(ends):
            ends += self.filled
            self.newlines.append(ends)
            piece = self.pieces[-1]
            end = int(ends[-1]) + 1
            piece.state.bytes_ingested += end - self.used
            piece.state.lines += len(ends)
            self.lines += len(ends)
            piece.end = self.used = end
        self.filled += count
        return count

    def drop_unfinished(self) -> bytes:
        """Take out the bytes behind the last newline."""
        data = self.memory[self.used : self.filled].tobytes()
        self.filled = self.used
        return data


class ChunkPool:
    """Chunks whose memory is used again once nobody holds it: fresh memory costs as much as reading."""

    def __init__(self) -> None:
        self._memories: list[Bytes] = []
        self._flags = np.empty(_STEP + 7, np.bool_)

    def chunk(self, before: Chunk | None = None) -> Chunk:
        """An empty chunk, or one that goes on with the unfinished line of ``before``."""
        carried = before.unfinished if before else 0
        memory = self._memory() if carried < _CHUNK // 2 else np.empty(4 * carried, np.uint8)
        chunk = Chunk(memory, self._flags, filled=carried)
        if before and carried:
            memory[:carried] = before.memory[before.used : before.filled]
        return chunk

    def _memory(self) -> Bytes:
        for memory in self._memories:
            # Known to this list, to this loop and to getrefcount, and to no Arrow buffer any more.
            if sys.getrefcount(memory) == 3:
                return memory
        memory = np.empty(_CHUNK, np.uint8)
        self._memories.append(memory)
        return memory


def lines_of(stream: IO[bytes], start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines between two offsets, each with its own offset."""
    stream.seek(start)
    offset = start
    rest = b""
    while offset + len(rest) < end:
        data = stream.read(min(max(_STEP, len(rest)), end - offset - len(rest)))
        if not data:
            return
        rest += data
        position = 0
        while (stop := rest.find(b"\n", position) + 1) > 0:
            yield offset + position, rest[position:stop]
            position = stop
        offset += position
        rest = rest[position:]
