"""The lines of a file, packed or not, with their numbers and byte offsets."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Protocol

from t3lens.errors import InputError
from t3lens.reading import check_time, open_regular

__all__ = ["LineTaker", "Place", "feed_lines"]

_BLOCK: Final = 1 << 20
_LONGEST: Final = 64 << 20
_KEPT: Final = 1 << 16
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_GZIP: Final = b"\x1f\x8b"


class LineTaker(Protocol):
    """Takes lines: their numbers, counted from 1, their byte offsets, their bytes without the end mark."""

    def feed(self, line: int, offset: int, raw: bytes) -> None:
        """Take one complete line; only the first bytes of one that is longer than 64 MiB."""

    def feed_last(self, line: int, offset: int, raw: bytes) -> None:
        """Take the last line, if it has no end mark."""


class Place(NamedTuple):
    """A place between lines: the number of the next one, counted from 1, and its byte offset."""

    line: int
    offset: int


_BEGINNING: Final = Place(1, 0)


def feed_lines(
    path: Path, taker: LineTaker, start: Place = _BEGINNING, before_last: Callable[[Place], None] | None = None
) -> None:
    """Give the lines of a file to ``taker``; one packed with zstd or gzip is unpacked on the way.

    Pushed and not pulled: a transcript has millions of short lines, and most are looked at for their first bytes.

    Args:
        path: The file.
        taker: Who is given the lines.
        start: Where to begin in a file that is not packed.
        before_last: Told how far the complete lines of a file that is not packed went, before one without an end is given.

    Raises:
        InputError: A packed file is damaged; what stands before the damage was given.
        OSError: It cannot be read.
    """
    number, offset = start
    pending: list[bytes] = []
    size = 0
    with open_regular(path) as stream:
        packed = _packing(stream)
        if not packed:
            stream.seek(offset)
        for block in _unpacked(stream, path, packed):
            first, newline, rest = block.partition(b"\n")
            pending.append(first)
            size += len(first)
            if not newline:
                if size > _LONGEST:
                    pending = [b"".join(pending)[:_KEPT]]
                continue
            taker.feed(number, offset, b"".join(pending))
            number, offset = number + 1, offset + size + 1
            pieces = rest.split(b"\n")
            last = pieces.pop()
            feed = taker.feed
            for raw in pieces:
                feed(number, offset, raw)
                number += 1
                offset += len(raw) + 1
            pending, size = [last], len(last)
    if before_last is not None and not packed:
        before_last(Place(number, offset))
    if size:
        taker.feed_last(number, offset, b"".join(pending))


def _packing(stream: BinaryIO) -> bytes:
    """The mark of the packing of a file; empty if it is plain."""
    magic = stream.read(len(_ZSTD))
    stream.seek(0)
    return next((mark for mark in (_ZSTD, _GZIP) if magic.startswith(mark)), b"")


def _unpacked(stream: BinaryIO, path: Path, packed: bytes) -> Iterator[bytes]:
    read: Callable[[int], bytes] = stream.read
    if packed == _ZSTD:
        import zstandard

        # Codex packs a file that grew since it was unpacked; another writer may append a frame.
        read = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True).read
    elif packed == _GZIP:
        read = gzip.GzipFile(fileobj=stream).read1  # gives what came before damage
    while True:
        check_time()
        try:
            block = read(_BLOCK)
        except Exception as error:  # each packing has its own kind
            if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
                raise
            raise InputError(f"{path} is damaged: it cannot be unpacked to its end ({error})", code="damaged") from None
        if not block:
            return
        yield block
