"""Files below an address, here or elsewhere: in a folder, a bucket, whatever ``t3lens.places`` opens."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from t3lens.errors import InputError
from t3lens.places import RemotePlace, is_url, local_path, open_place
from t3lens.reading import NotRead
from t3lens.writing import replace_file

__all__ = ["FilePlace"]


class _Files(Protocol):
    def make(self) -> None: ...
    def read(self, name: str) -> bytes: ...
    def write(self, name: str, content: bytes) -> None: ...
    def remove(self, name: str) -> None: ...
    def names(self, folder: str) -> list[str]: ...
    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]: ...


class FilePlace:
    """Files below an address. They are small, written whole, and read whole; who reads sees the old one or the new one.

    Args:
        address: A folder, or a URL as ``t3lens.places`` knows them. It may hold a password, and is never shown with it.
        below: The name of the only folder in it that is used; the address itself if there is none.
        code: Of the error when the place cannot be used.

    Attributes:
        address: The same for every process of this machine, whatever folder that works in.
        shown: It as it may be told, without credentials.

    Raises:
        UsageError: What reaches it is not installed, or no such kind of place is known.
        InputError: It cannot be reached.
    """

    def __init__(self, address: str, below: str = "", *, code: str = "no-place") -> None:
        self._code = code
        if is_url(address):
            place = open_place(address).below(below)
            self.address, self.shown = place.url, place.shown
            self._files: _Files = _Elsewhere(place)
        else:
            folder = Path(local_path(address)).expanduser().absolute() / below
            self.address = self.shown = str(folder)
            self._files = _Folder(folder)

    def __repr__(self) -> str:
        return f"FilePlace({self.shown!r})"

    def make(self) -> None:
        """Make the folder, if it is one; else see whether the place can be reached."""
        with self._errors_named():
            self._files.make()

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if there is none."""
        with self._errors_named():
            try:
                return self._files.read(name)
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file, for this user alone where the place is a folder: what homes hold will be in it."""
        with self._errors_named():
            self._files.write(name, content)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._errors_named():
            self._files.remove(name)

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder of the place, in order."""
        with self._errors_named():
            try:
                return [f"{folder}/{name}" for name in sorted(self._files.names(folder))]
            except FileNotFoundError:
                return []

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """A file to read parts of."""
        with self._errors_named(), self._files.opened(name) as stream:
            yield stream

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except (OSError, NotRead) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise InputError(f"{self.shown}: {why}", code=self._code) from None


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self) -> None:
        self._folder.mkdir(0o700, parents=True, exist_ok=True)

    def read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        replace_file(path, content, private=True)

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        return [path.name for path in (self._folder / folder).iterdir() if not path.name.startswith(".")]

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        with (self._folder / name).open("rb") as stream:
            yield stream


class _Elsewhere:
    def __init__(self, place: RemotePlace) -> None:
        self._place = place

    def make(self) -> None:
        self._place.entry()

    def read(self, name: str) -> bytes:
        return self._place.read(name)

    def write(self, name: str, content: bytes) -> None:
        self._place.write(name, content)

    def remove(self, name: str) -> None:
        self._place.remove(name)

    def names(self, folder: str) -> list[str]:
        found = (entry.name.rpartition("/")[2] for entry in self._place.entries(folder) if not entry.folder)
        return [name for name in found if not name.startswith(".")]

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        yield io.BytesIO(self.read(name))
