"""The lines of a file, packed or not, with their numbers and byte offsets."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from t3lens.errors import InputError

__all__ = ["Line", "file_lines"]

_BLOCK: Final = 1 << 20
_LONGEST: Final = 256 << 20
_KEPT: Final = 1 << 16
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_GZIP: Final = b"\x1f\x8b"


@dataclass(slots=True)
class Line:
    """One line of a file.

    Attributes:
        number: Counted from 1.
        offset: Byte offset in the (unpacked) file.
        raw: Its bytes without the end mark; only the first of them if it is longer than 256 MB.
        ended: Whether it has its end mark; only the last can lack it.
    """

    number: int
    offset: int
    raw: bytes
    ended: bool


def file_lines(path: Path) -> Iterator[Line]:
    """The lines of a file; one packed with zstd or gzip is unpacked on the way.

    Raises:
        InputError: A packed file is damaged; what stands before the damage came first.
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        yield from _lines(_unpacked(stream, path))


def _lines(blocks: Iterator[bytes]) -> Iterator[Line]:
    number, offset = 1, 0
    pending: list[bytes] = []
    pending_size = 0
    for block in blocks:
        first, newline, rest = block.partition(b"\n")
        if not newline:
            pending_size += len(block)
            if pending_size <= _LONGEST:
                pending.append(block)
            else:
                pending = [b"".join(pending)[:_KEPT]]
            continue
        pending.append(first)
        size = pending_size + len(first)
        yield Line(number, offset, b"".join(pending), True)
        number, offset = number + 1, offset + size + 1
        pieces = rest.split(b"\n")
        last = pieces.pop()
        for raw in pieces:
            yield Line(number, offset, raw, True)
            number, offset = number + 1, offset + len(raw) + 1
        pending, pending_size = [last], len(last)
    if pending_size:
        yield Line(number, offset, b"".join(pending), False)


def _unpacked(stream: BinaryIO, path: Path) -> Iterator[bytes]:
    magic = stream.read(len(_ZSTD))
    stream.seek(0)
    read: Callable[[int], bytes] = stream.read
    if magic == _ZSTD:
        import zstandard

        # Codex packs a file that grew since it was unpacked; another writer may append a frame.
        read = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True).read
    elif magic.startswith(_GZIP):
        read = gzip.GzipFile(fileobj=stream).read
    while True:
        try:
            block = read(_BLOCK)
        except Exception as error:  # each packing has its own kind
            if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
                raise
            raise InputError(
                f"{path} is damaged: it cannot be unpacked to its end ({error})", code="damaged"
            ) from None
        if not block:
            return
        yield block
