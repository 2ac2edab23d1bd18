"""Log files as large stretches of memory that hold whole lines, and work done in a thread of its own."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Final, Generic, TypeVar

import numpy as np

from t3lens.ingest._forms import Bytes, Ints
from t3lens.ingest._identity import FileState

__all__ = ["Ahead", "Chunk", "ChunkPool", "Piece", "lines_of"]

# Long enough that calls do not count, short enough that what is on its way when readers wait is soon done.
_CHUNK: Final = 4 << 20
_STEP: Final = 1 << 20
_LEAST_ROOM: Final = 64 << 10

T = TypeVar("T")


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
    """

    memory: Bytes
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
        count: int = stream.readinto(target.data)  # type: ignore[attr-defined]
        ends = np.flatnonzero(target[:count] == 10)
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

    def chunk(self, before: Chunk | None = None) -> Chunk:
        """An empty chunk, or one that goes on with the unfinished line of ``before``."""
        carried = before.unfinished if before else 0
        memory = self._memory() if carried < _CHUNK // 2 else np.empty(4 * carried, np.uint8)
        chunk = Chunk(memory, filled=carried)
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


class Ahead(Generic[T]):
    """An iterator whose items are made in a thread, a few ahead of being asked for.

    An error of the source is raised where its item would come.
    """

    def __init__(self, source: Iterator[T], depth: int = 1) -> None:
        self._source = source
        self._ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(depth)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="t3lens-read-ahead", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            for item in self._source:
                if not self._put((item, None)):
                    return
            self._put((None, None))
        except BaseException as error:
            self._put((None, error))

    def _put(self, entry: tuple[T | None, BaseException | None]) -> bool:
        while not self._closed.is_set():
            try:
                self._ready.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def __iter__(self) -> Iterator[T]:
        while True:
            item, error = self._ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item

    def close(self) -> None:
        """End the thread; what it made and nobody asked for is lost."""
        self._closed.set()
        self._thread.join()
