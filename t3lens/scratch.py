"""Folders for what lasts no longer than this process: for this user alone, and gone at the next start if it was killed.

They stand in one folder of this user below the system's folder for temporary files. Each process has one of its own in
it, and holds a lock on it for as long as it lives: a folder whose lock is free belongs to nobody any more.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import stat
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # not a POSIX system: what a killed process left stays for the system to tidy up
    fcntl = None  # type: ignore[assignment]

__all__ = ["forget_with", "new_folder", "process_folder", "temporary_folder", "user_folder"]

_PREFIX: Final = "t3lens-"
_LOCK: Final = ".in-use"
_GUARD: Final = threading.Lock()


class _Own:
    """The folder of this process; a forked process makes one of its own."""

    pid: int = 0
    folder: Path | None = None
    lock: int = -1


def process_folder() -> Path:
    """The folder of this process; it goes when the process ends.

    Raises:
        OSError: There is no place for temporary files.
    """
    with _GUARD:
        if _Own.folder is None or os.getpid() != _Own.pid or not _Own.folder.is_dir():
            _make()
        assert _Own.folder is not None
        return _Own.folder


def user_folder() -> Path | None:
    """The folder in which this user's processes have theirs: what stands in it may last longer than they do.

    None if there is none that only this user can use.
    """
    try:
        return _root()
    except OSError:
        return None


def new_folder() -> Path:
    """A new folder for one purpose; whoever asked removes it, at the latest it goes with the process."""
    return Path(tempfile.mkdtemp(dir=process_folder()))


def forget_with(owner: object, folder: Path) -> None:
    """Remove a folder when ``owner`` is no longer used, at the latest when Python ends."""
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder for a block."""
    folder = new_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make() -> None:
    root = _root()
    if root is None:  # somebody else has the name: a folder apart, which nobody tidies up after a kill
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    else:
        _tidy(root)
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
    _Own.pid, _Own.folder = os.getpid(), folder
    _Own.lock = _locked(folder)
    atexit.register(_remove, folder, os.getpid())


def _root() -> Path | None:
    """The folder of this user; None if what is called so is not a folder that only this user can use."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    root = Path(tempfile.gettempdir()) / f"{_PREFIX}{user}"
    with contextlib.suppress(FileExistsError):
        root.mkdir(mode=0o700)
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return None
    if hasattr(os, "getuid") and (found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077):
        return None
    return root


def _locked(folder: Path) -> int:
    if fcntl is None:
        return -1
    new = folder / f"{_LOCK}.new"
    handle = os.open(new, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    new.rename(folder / _LOCK)  # never seen without its lock
    return handle


def _tidy(root: Path) -> None:
    """Remove folders of processes that are gone."""
    if fcntl is None:
        return
    for folder in root.iterdir():
        with contextlib.suppress(OSError):
            handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)


def _remove(folder: Path, pid: int) -> None:
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)
