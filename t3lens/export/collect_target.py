"""Where homes are collected to: a folder of this machine or a place elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from t3lens.places import RemotePlace, is_url, local_path, open_place
from t3lens.writing import make_folder, replace_file

__all__ = ["CollectTarget", "open_target"]


class CollectTarget(Protocol):
    """A folder that files are put to, each seen whole or not at all.

    Attributes:
        shown: What it is called.
    """

    @property
    def shown(self) -> str:
        """What it is called."""

    def read(self, name: str) -> bytes | None:
        """A file; None if it is not there."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""


def open_target(to: str, name: str) -> CollectTarget:
    """A place to collect to.

    Args:
        to: A folder or a URL.
        name: The folder in it.
    """
    to = local_path(to)
    return _Elsewhere(open_place(to).below(name)) if is_url(to) else _Folder(Path(to).expanduser() / name)


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.shown = str(path)

    def read(self, name: str) -> bytes | None:
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        path = self._path / name
        make_folder(path.parent)
        replace_file(path, content, private=True)

    def remove(self, name: str) -> None:
        (self._path / name).unlink(missing_ok=True)


class _Elsewhere:
    def __init__(self, place: RemotePlace) -> None:
        self._place = place
        self.shown = place.shown

    def read(self, name: str) -> bytes | None:
        try:
            return self._place.read(name)
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        self._place.write(name, content)

    def remove(self, name: str) -> None:
        self._place.remove(name)
