"""Rows that wait to be stored: some thousand of them in memory, the others in a temporary file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any, Final

import msgspec

from t3lens.scratch import process_folder

__all__ = ["WaitingRows"]

_HELD: Final = 10_000
"""Rows that are held in memory before they are written."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[tuple[Any, ...]]).decode


class WaitingRows:
    """Rows of numbers, texts, bytes and None, which are taken in the order in which they came, once."""

    def __init__(self) -> None:
        self._held: list[tuple[Any, ...]] = []
        self._sizes: list[int] = []
        self._file: IO[bytes] | None = None

    def append(self, row: tuple[Any, ...]) -> None:
        """Add a row.

        Raises:
            OSError: Rows cannot be written.
        """
        self._held.append(row)
        if len(self._held) >= _HELD:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=process_folder())  # noqa: SIM115 - it lasts as long as this object
            self._sizes.append(self._file.write(_encode(self._held)))
            self._held.clear()

    def taken(self) -> Iterator[tuple[Any, ...]]:
        """The rows; each is let go of when it was given.

        Raises:
            OSError: Rows cannot be read back.
        """
        held, self._held = self._held, []
        if self._file is not None:
            with self._file as file:
                file.seek(0)
                for size in self._sizes:
                    yield from _let_go(_decode(file.read(size)))
        yield from _let_go(held)


def _let_go(rows: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    rows.reverse()
    while rows:
        yield rows.pop()
