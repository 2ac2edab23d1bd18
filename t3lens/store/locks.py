"""Taking turns between processes, with locks the kernel drops when their holder dies.

DuckDB itself keeps a writer and everybody else apart; what it lacks is courtesy. Three lock files beside
the store add it: ``writer`` lets writers queue, ``waiting`` is held by readers that stand at the door (a
writer looks at it between batches), ``turn`` lets a writer in when readers follow each other without a gap.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system: DuckDB's own lock remains, without the courtesy
    fcntl = None  # type: ignore[assignment]

__all__ = ["LockFile"]

_STEP_S = 0.005


class LockFile:
    """An advisory lock on a file of its own; the file stays, the lock does not outlive its process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _open(self) -> int:
        return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @contextlib.contextmanager
    def hold(self, *, shared: bool = False, timeout: float | None = None) -> Iterator[bool]:
        """Hold the lock for a block.

        Args:
            shared: Together with other shared holders.
            timeout: Seconds to try for; None waits as long as it takes.

        Yields:
            Whether the lock was got before the time-out.
        """
        if fcntl is None:
            yield True
            return
        handle = self._open()
        try:
            yield _lock(handle, shared=shared, timeout=timeout)
        finally:
            os.close(handle)

    def is_held(self) -> bool:
        """Whether anybody holds it right now."""
        if fcntl is None:
            return False
        handle = self._open()
        try:
            return not _lock(handle, shared=False, timeout=0.0)
        finally:
            os.close(handle)


def _lock(handle: int, *, shared: bool, timeout: float | None) -> bool:
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    if timeout is None:
        fcntl.flock(handle, mode)
        return True
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(handle, mode | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_STEP_S)
