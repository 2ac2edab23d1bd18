"""A place that all machines of a run reach: a folder, a bucket, whatever fsspec opens. Its address may hold a password."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from t3lens.errors import InputError, UsageError

__all__ = ["SharedPlace", "shown"]

_LOCAL: Final = frozenset({"file", "local"})


def shown(url: str) -> str:
    """An address as it may be told: without user, password, query and fragment."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


class SharedPlace:
    """Files below an address. They are small, written whole, and read whole.

    Args:
        url: The address; a path alone is a folder.

    Raises:
        UsageError: fsspec is not installed, or does not know such addresses.
        InputError: It cannot be reached.
    """

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise UsageError("this needs fsspec: pip install 't3lens[fleet]'", code="no-fleet") from None
        self._url = url
        with self._told():
            try:
                self._files, self._root = url_to_fs(url, use_listings_cache=False)
            except (ValueError, ImportError) as error:
                raise UsageError(f"{shown(url)} cannot be opened: {_first_line(error)}", code="bad-url") from None

    def __repr__(self) -> str:
        return f"SharedPlace({shown(self._url)!r})"

    def make(self) -> None:
        """Make the folder, if it is one: for this user alone, since what homes hold will be in it."""
        if self._files.protocol in _LOCAL or _LOCAL & set(self._files.protocol):
            with self._told():
                Path(self._root).mkdir(0o700, parents=True, exist_ok=True)

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if there is none."""
        with self._told():
            try:
                content: bytes = self._files.cat_file(self._at(name))
            except FileNotFoundError:
                return None
            return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file. Who reads it while it is written may see a part of it."""
        with self._told():
            path = self._at(name)
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(path, content)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._told():
            try:
                self._files.rm_file(self._at(name))
            except FileNotFoundError:
                return

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder of the place, in order."""
        with self._told():
            try:
                found = self._files.ls(self._at(folder), detail=False)
            except FileNotFoundError:
                return []
            return sorted(f"{folder}/{path.rpartition('/')[2]}" for path in found)

    @contextmanager
    def opened(self, name: str) -> Iterator[Any]:
        """A file to read parts of."""
        with self._told(), self._files.open(self._at(name), "rb") as stream:
            yield stream

    def _at(self, name: str) -> str:
        return f"{self._root.rstrip(os.sep).rstrip('/')}/{name}"

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Every library has errors of its own; whichever it is, the address is named and its password is not."""
        try:
            yield
        except (UsageError, InputError):
            raise
        except Exception as error:
            raise InputError(f"{shown(self._url)}: {type(error).__name__}", code="no-results-place") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
