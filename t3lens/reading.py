"""Reading that ends: of regular files only, inside their folder only, and no longer than a home may take.

A pipe, a device or a view that never ends may stand where a file or a table should, and a link may lead to somebody else's
file; it costs its home, and no other.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Final

__all__ = [
    "Budget",
    "NotRead",
    "check_time",
    "leads_out",
    "open_regular",
    "open_unbuffered",
    "read_start",
    "seconds_left",
    "time_left",
    "why_not_read",
    "within",
]

_FLAGS: Final = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOCTTY"))
_LINK: Final = "is a link that leads out of its folder, and is not followed"
_ODD: Final = "is no regular file"
_UNTIL: ContextVar[float | None] = ContextVar("until", default=None)


class NotRead(OSError):
    """A file is there and is not read; the text says why."""

    def __init__(self, why: str) -> None:
        super().__init__(None, why)

    def __str__(self) -> str:
        return str(self.strerror)


class Budget:
    """The time one home may take, from now.

    Args:
        seconds: How long it may take, in seconds.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.until = time.monotonic() + seconds

    @property
    def used_up(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self.until


@contextmanager
def within(budget: Budget) -> Iterator[None]:
    """For a block, in this thread, let what asks ``time_left`` go on no longer than the budget lasts."""
    token = _UNTIL.set(budget.until)
    try:
        yield
    finally:
        _UNTIL.reset(token)


def time_left() -> bool:
    """Whether what is read now may go on."""
    until = _UNTIL.get()
    return until is None or time.monotonic() < until


def seconds_left() -> float | None:
    """How long what is read now may go on; None for as long as it takes."""
    until = _UNTIL.get()
    return None if until is None else max(0.0, until - time.monotonic())


def check_time() -> None:
    """Raise ``NotRead`` where no time is left."""
    if not time_left():
        raise NotRead("the time for reading its home was used up")


def leads_out(path: Path, root: Path) -> bool:
    """Whether what stands at ``path``, below the folder ``root``, is in truth elsewhere, by a link."""
    return not path.resolve().is_relative_to(root.resolve())


def why_not_read(path: Path, root: Path) -> str | None:
    """Why a file below ``root`` is not opened, though it is there: in words that follow its name; None if it can be.

    Raises:
        OSError: It cannot be looked at.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if leads_out(path, root):
        return _LINK
    return None if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else _ODD


def open_regular(path: Path, root: Path | None = None) -> BufferedReader:
    """Open a file to read.

    Args:
        path: The file.
        root: The folder it must be in, links followed; None for a file that somebody named.

    Raises:
        OSError: It cannot be opened, leads out of ``root``, or is a pipe, a device or a folder: reading might never end.
    """
    return BufferedReader(open_unbuffered(path, root))


def open_unbuffered(path: Path, root: Path | None = None) -> FileIO:
    """The same as ``open_regular``, without a buffer."""
    if root is not None and leads_out(path, root):
        raise NotRead(f"{path.name} {_LINK}")
    handle = os.open(path, os.O_RDONLY | _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise NotRead(f"{path.name} {_ODD}")
        return FileIO(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_start(path: Path, most: int, root: Path | None = None) -> bytes:
    """The first bytes of a file, at most so many.

    Raises:
        OSError: The file cannot be opened, or is no regular file; see ``open_regular``.
    """
    with open_regular(path, root) as stream:
        return stream.read(most)
