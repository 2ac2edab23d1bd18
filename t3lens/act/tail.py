"""The newest lines of a provider log: read from its end, since what is older than some megabytes is no sign of life."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from t3lens.t3code.v1.log_grammar import file_segment, parse_name

__all__ = ["TAIL_BUDGET", "files_of", "lines_backwards"]

TAIL_BUDGET: Final = 8 << 20
"""Bytes that are read at most for one look."""

_CHUNK: Final = 1 << 18


def files_of(log_dir: Path, thread_id: str | None) -> list[Path]:
    """A thread's log files as they are named, newest first; with None those of every thread."""
    segment = None if thread_id is None else file_segment(thread_id)
    found = []
    try:
        for path in log_dir.iterdir():
            name = parse_name(path.name)
            if (
                name is not None
                and name.kind == "provider-log"
                and name.compression is None
                and segment in (None, name.segment)
            ):
                found.append((-(name.generation or 0), name.rotation, path))
    except OSError:
        return []
    return [path for _, _, path in sorted(found)]


def lines_backwards(stream: Any, budget: int) -> Iterator[tuple[int, bytes]]:
    """Complete lines, last first, each with the offset of its end; an unfinished last line is none."""
    position = stream.seek(0, 2)
    rest = b""
    first = True
    read = 0
    while position > 0 and read <= budget:
        size = min(_CHUNK, position)
        position -= size
        stream.seek(position)
        block = stream.read(size) + rest
        read += size
        pieces = block.split(b"\n")
        offset = position + len(block)
        rest = pieces[0]
        for piece in reversed(pieces[1:]):
            if first:
                first = False
                offset -= len(piece) + 1
                continue
            yield offset, piece.rstrip(b"\r")
            offset -= len(piece) + 1
    if position == 0 and rest and not first:
        yield len(rest), rest.rstrip(b"\r")
