"""The log files of a home as they are on disk now: listing them, and opening them whatever their packing."""

from __future__ import annotations

import contextlib
import gzip
import os
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from t3lens.ingest.homes import Home
from t3lens.ingest.lines import utf_16
from t3lens.reading import check_time, open_regular
from t3lens.scratch import process_folder
from t3lens.t3code.v1.log_grammar import LogName, parse_name

__all__ = ["Content", "Listing", "SourceFile", "list_files", "open_content"]

_BLOCK: Final = 1 << 20
_LITTLE: Final = 4 << 10
_LARGEST_UNPACKED: Final = 8 << 30


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One log file as listed.

    Attributes:
        path: Where it is; a pipe or a link may stand there.
        root: The folder it has to be in, links followed; None if a person named the file.
        relative: The same, relative to the home, with forward slashes.
        name: What its name says.
        size: Bytes on disk.
        mtime_ns: Last change, nanoseconds since the epoch.
        inode: Its number in its file system.
    """

    path: Path
    root: Path | None
    relative: str
    name: LogName
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Listing:
    """The files found, and what could not be looked at."""

    files: tuple[SourceFile, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """An open file's bytes, unpacked.

    Attributes:
        stream: Seekable, at its beginning.
        size: How many bytes to read; a live file may be longer by now.
        inode: Of the file that was opened.
        damage: What is wrong with the packing or the encoding, if anything; the bytes before the damage are there.
    """

    stream: IO[bytes]
    size: int
    inode: int
    damage: str | None = None


def _entries(folder: Path, problems: list[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(f"{folder.name}/: {error.strerror}")
        return []


def list_files(home: Home) -> Listing:
    """List provider logs and traces of ``home``: thread by thread, oldest file first."""
    base = home.path if home.kind != "file" else home.path.parent
    problems: list[str] = []
    found: dict[str, SourceFile] = {}
    for folder in dict.fromkeys(f for f in (home.log_dir, home.trace_dir) if f is not None):
        entries = _entries(folder, problems)
        below = folder.relative_to(base).as_posix() if entries else "."
        for entry in entries:
            name = parse_name(entry.name)
            if name is None or (home.files is not None and entry.name not in home.files):
                continue
            if name.kind == "provider-log" and folder != home.log_dir:
                continue
            path = Path(entry.path)
            try:
                if entry.is_dir():
                    continue
                status = entry.stat()
            except OSError:
                continue  # gone, or a link to nowhere: not a file now
            relative = entry.name if below == "." else f"{below}/{entry.name}"
            root = base if home.files is None else None
            found[relative] = SourceFile(path, root, relative, name, status.st_size, status.st_mtime_ns, status.st_ino)
    order = sorted(
        found.values(),
        key=lambda f: (
            f.name.kind, f.name.segment, f.name.generation or 0, -f.name.rotation, f.relative,
        ),
    )  # fmt: skip
    return Listing(tuple(order), tuple(problems))


@contextlib.contextmanager
def open_content(file: SourceFile) -> Iterator[Content]:
    """Open a file's bytes; a packed one is unpacked into a private temporary file first.

    Raises:
        OSError: It cannot be opened or read.
    """
    with open_regular(file.path, file.root) as packed:
        status = os.fstat(packed.fileno())
        if file.name.compression is None:
            yield Content(packed, status.st_size, status.st_ino, _encoding(packed))
            return
        with tempfile.TemporaryFile(dir=process_folder()) as plain:
            damage = _unpack(packed, plain, file.name.compression)
            size = plain.tell()
            yield Content(plain, size, status.st_ino, damage or _encoding(plain))


def _encoding(stream: IO[bytes]) -> str | None:
    """What is wrong with the encoding of a text that is no UTF-8, if that can be told from its beginning."""
    stream.seek(0)
    name = utf_16(stream.read(_LITTLE))
    stream.seek(0)
    if name is None:
        return None
    return (
        f"text in {name.upper()}, and logs are UTF-8: its lines are in quarantine, none is lost; convert a copy "
        f"(iconv -f {name.upper()} -t UTF-8) and name that instead"
    )


def _unpack(packed: IO[bytes], plain: IO[bytes], compression: str) -> str | None:
    """Unpack as far as possible; what stopped it, if anything did."""
    import zstandard

    try:
        for block in _gzip(packed) if compression == "gz" else _zstd(packed):
            check_time()
            plain.write(block)
            if plain.tell() > _LARGEST_UNPACKED:
                return f"unpacks to more than {_LARGEST_UNPACKED >> 30} GiB"
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        return f"damaged {compression} archive: {error}"
    return None


def _gzip(packed: IO[bytes]) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=packed, mode="rb") as source:
        while block := source.read1(_BLOCK):
            yield block


def _zstd(packed: IO[bytes]) -> Iterator[bytes]:
    """Unpack frame after frame; little input at a time, because a little can stand for very much."""
    import zstandard

    frame = None
    while data := packed.read(_LITTLE):
        while data:
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            yield frame.decompress(data)
            data = b""
            if frame.eof:
                data, frame = frame.unused_data, None
    if frame is not None:
        raise EOFError("it ends in the middle of a frame")
