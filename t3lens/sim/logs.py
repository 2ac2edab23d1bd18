"""Provider event logs on disk, written the way each generation of T3 Code writes them.

Generation 1 has two writers, native and canonical, that append to one file per thread in batches of 200 ms,
each with its own idea of the file's size. Generation 2 has one writer with batches of a second, drops the
canonical deltas and names its files ``events.<segment>.log``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.time import SECOND, Micros, iso

__all__ = ["ProviderLogs", "segment"]

_BATCH: Final = {1: 200_000, 2: SECOND}
_MAX_BYTES: Final = 10 * 1024 * 1024
_KEPT_ROTATIONS: Final = 10
_UNSAFE: Final = re.compile(r"[^a-z0-9_-]+")

_NOT_KEPT: Final = frozenset(
    {
        "content.delta",
        "hook.progress",
        "item.updated",
        "task.progress",
        "thread.realtime.audio.delta",
        "tool.progress",
        "turn.proposed.delta",
    }
)
"""Canonical types that generation 2 does not keep."""

_encode = msgspec.json.Encoder().encode


def segment(thread_id: str) -> str:
    """The part of a log's file name that stands for a thread; lossy, as in T3 Code."""
    return _UNSAFE.sub("-", thread_id.lower())[:80]


class _Writer:
    """One batch of one writer of one file."""

    __slots__ = ("due", "lines", "path", "size")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size if path.exists() else 0
        self.lines: list[bytes] = []
        self.due: Micros = 0


class ProviderLogs:
    """The logs below ``logs/provider``.

    Args:
        folder: The folder; made if it is not there.
        generation: 1 or 2.
        max_bytes: Size at which a file is rotated away.

    Attributes:
        written: Bytes that went to disk.
    """

    def __init__(self, folder: Path, generation: int, *, max_bytes: int = _MAX_BYTES) -> None:
        self.folder = folder
        self.generation = generation
        self.max_bytes = max_bytes
        self.written = 0
        self._writers: dict[tuple[str | None, str], _Writer] = {}
        self._pending: dict[_Writer, None] = {}  # with lines to write, in the order they become due
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, thread_id: str | None) -> Path:
        """The file that the events of ``thread_id`` go to (None: events of no thread)."""
        name = f"{segment(thread_id) if thread_id else '_global'}.log"
        return self.folder / (name if self.generation == 1 else f"events.{name}")

    def write(self, label: str, thread_id: str | None, record: dict[str, Any], at: Micros) -> None:
        """Admit one record to the log at ``at``; it reaches the disk with its batch."""
        if self.generation == 2 and label == "CANON" and record["type"] in _NOT_KEPT:
            return
        key = (thread_id, label if self.generation == 1 else "")
        writer = self._writers.get(key)
        if writer is None:
            writer = self._writers[key] = _Writer(self.path(thread_id))
        self.flush(at)
        if not writer.lines:
            writer.due = at + _BATCH[self.generation]
            self._pending[writer] = None
        writer.lines.append(b"[%s] %s: %s\n" % (iso(at).encode(), label.encode(), _encode(record)))

    def flush(self, at: Micros | None = None) -> None:
        """Write every batch that is due at ``at``, in the order they became due; all of them if None."""
        while self._pending:
            writer = next(iter(self._pending))
            if at is not None and writer.due > at:
                return
            del self._pending[writer]
            self._append(writer)

    def drop_unflushed(self) -> int:
        """Forget what is not on disk yet, as a killed server does; how many lines that was."""
        lost = sum(len(writer.lines) for writer in self._writers.values())
        self._writers.clear()
        self._pending.clear()
        return lost

    def _append(self, writer: _Writer) -> None:
        data = b"".join(writer.lines)
        writer.lines = []
        if writer.size and writer.size + len(data) > self.max_bytes:
            _rotate(writer.path)
            writer.size = 0
        with writer.path.open("ab") as file:
            file.write(data)
        writer.size += len(data)
        self.written += len(data)


def _rotate(path: Path) -> None:
    """``x.log`` becomes ``x.log.1``, ``.1`` becomes ``.2`` …; the oldest goes."""
    if not path.exists():
        return
    for number in range(_KEPT_ROTATIONS, 0, -1):
        source = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
        if source.exists():
            source.replace(path.with_name(f"{path.name}.{number}"))
