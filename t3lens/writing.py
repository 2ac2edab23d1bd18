"""Writing files so that a kill or a full disk leaves the old one whole, and no litter after the next start.

What is new is written beside under a name that tells whose it is, and renamed when it is complete. What a killed process
left beside is removed by the next one that writes the same file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from t3lens.errors import InputError

__all__ = ["NO_SPACE", "is_full", "make_folder", "new_beside", "new_file", "not_written", "replace_file", "writing_file"]

NO_SPACE: Final = "no-space"
"""Code of what failed because a disk is full."""

_MARK: Final = ".t3lens-new-"
_PRIVATE: Final = 0o600
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FULL_SIGNS: Final = ("no space left", "disk is full", "file too large")
"""What libraries say that keep no error number: DuckDB, SQLite."""


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what it was made of, is that a disk is full or a quota used up."""
    while error is not None:
        if getattr(error, "errno", None) in _FULL or any(sign in str(error).lower() for sign in _FULL_SIGNS):
            return True
        error = error.__cause__
    return False


def not_written(path: Path, error: Exception) -> InputError:
    """What to say when a file or folder could not be written."""
    text = str(error)
    if is_full(error):
        return InputError(f"no space left for {path}; what stood there is as it was", code=NO_SPACE)
    why = error.strerror if isinstance(error, OSError) and error.strerror else text
    return InputError(f"{path} cannot be written: {why}", code="not-written")


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, for files that are going to be written.

    Raises:
        InputError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(folder, error) from error


def replace_file(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write a whole file in place of what stood there.

    Args:
        path: The file; its folder must be there.
        content: Text (as UTF-8) or bytes.
        private: For this user alone, whatever the umask says.

    Raises:
        InputError: It cannot be written; what stood there is as it was.
    """
    with writing_file(path, private=private) as stream:
        stream.write(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)


@contextmanager
def writing_file(path: Path, *, private: bool = False) -> Iterator[IO[bytes]]:
    """A stream whose content takes the place of a file when the block ends without an error.

    Raises:
        InputError: It cannot be written; what stood there is as it was.
    """
    target = _target_of_link(path)
    new: Path | None = None
    try:
        _tidy(target)
        if not _is_replaceable(target):  # a device or pipe, such as /dev/stdout: there is nothing to keep whole
            with target.open("wb") as stream:
                yield stream
            return
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}{_MARK}{os.getpid()}-", dir=target.parent)
        new = Path(name)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if not private:
            new.chmod(_mode(target))
        new.replace(target)
        new = None
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        if new is not None:
            new.unlink(missing_ok=True)


@contextmanager
def new_file(path: Path, *, like: str) -> Iterator[Path]:
    """An empty, private file for a block to fill, that gets its name when the block ends well.

    Args:
        path: The name; nothing stands there.
        like: How names of its kind begin: what killed processes left of any of them is removed.

    Raises:
        OSError: It cannot be made or named, or something has the name by now.
    """
    for left in path.parent.glob(f".{_glob_free(like)}*{_MARK}*"):
        _remove_left(left)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}{_MARK}{os.getpid()}-", dir=path.parent)
    os.close(handle)
    new = Path(name)
    try:
        yield new
        with new.open("rb") as stream:
            os.fsync(stream.fileno())
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        new.rename(path)
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{new}{suffix}").unlink(missing_ok=True)


@contextmanager
def new_beside(folder: Path) -> Iterator[Path]:
    """A new, private folder that takes the place of ``folder``, which is empty or not there, when the block ends well.

    Raises:
        OSError: It cannot be made or moved.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _tidy(folder)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name[:100]}{_MARK}{os.getpid()}-", dir=folder.parent))
    try:
        yield new
        if folder.is_dir():
            folder.rmdir()
        new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _target_of_link(path: Path) -> Path:
    """Where a link leads: the link stays, and what it leads to is replaced."""
    return path.resolve() if path.is_symlink() else path


def _is_replaceable(path: Path) -> bool:
    return not path.exists() or path.is_file()


def _mode(path: Path) -> int:
    """The mode of the file that is replaced; of a new one what the umask allows."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _tidy(target: Path) -> None:
    """Remove what killed processes left beside."""
    for left in target.parent.glob(f".{_glob_free(target.name[:100])}{_MARK}*"):
        _remove_left(left)


def _remove_left(left: Path) -> None:
    pid = left.name.rpartition(_MARK)[2].partition("-")[0]
    if pid.isdigit() and not _is_alive(int(pid)):
        with contextlib.suppress(OSError):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def _glob_free(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
