"""Which file on disk continues which file read before: by content, because names and inodes change.

A file is known by the hash of its head (through its first full line), and continued where it was left if
the bytes before that place still have the hash they had. A file that shares only its beginning with a known
one (cut in place, restored from a backup, copied and written on) gets an entry of its own that begins where
they part; what they share stays with the known one. So no record is lost and none is there twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any, Final, Self

from t3lens.ingest.log_files import Content, SourceFile

if TYPE_CHECKING:
    import duckdb

__all__ = ["FILE_COLUMNS", "Catalogue", "FileState", "next_file_key", "row_of", "tail_of"]

_HEAD: Final = 4096
_SHORTEST_HEAD: Final = 64
_TAIL: Final = 4096


@dataclass(slots=True)
class FileState:
    """How far a file has been read: one row of ``_files``.

    Attributes:
        base_offset: Bytes at the beginning that stand in ``parent_key``'s rows, not in this file's.
        base_line: Number of lines in those bytes.
        bytes_ingested: Bytes in rows or quarantine for good, ``base_offset`` included.
        torn_bytes: Bytes of a last line without newline, in quarantine until it goes on.
    """

    file_key: int
    home_id: str
    path: str
    kind: str
    family: str
    rotation: int
    generation: int | None
    compression: str | None
    thread_id: str | None
    head_length: int
    head_hash: str | None
    tail_length: int
    tail_hash: str
    size: int
    mtime_ns: int
    inode: int
    parent_key: int | None
    base_offset: int
    base_line: int
    bytes_ingested: int
    lines: int
    torn_bytes: int
    first_logged_at: int | None
    last_logged_at: int | None
    status: str
    error: str | None
    file_order: int
    content_size: int


FILE_COLUMNS: Final = tuple(field.name for field in fields(FileState))
row_of: Final[Callable[[FileState], tuple[Any, ...]]] = attrgetter(*FILE_COLUMNS)
"""The values of a file in the order of its columns; ``dataclasses.astuple`` copies each, which takes forty times as long."""
_TIMES: Final = ("first_logged_at", "last_logged_at")
_SELECT: Final = (
    "SELECT "
    + ", ".join(f"epoch_us({c})" if c in _TIMES else c for c in FILE_COLUMNS)
    + " FROM _files WHERE home_id = ? AND kind <> 'database'"
)


def _read_at(stream: IO[bytes], offset: int, length: int) -> bytes:
    stream.seek(offset)
    return stream.read(length)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _fingerprint(stream: IO[bytes], size: int) -> tuple[int, str | None]:
    """Length and hash of the head; none for a file too young to be told from others."""
    head = _read_at(stream, 0, min(_HEAD, size))
    end = head.find(b"\n", _SHORTEST_HEAD - 1) + 1
    length = end or (_HEAD if len(head) == _HEAD else 0)
    return (length, _hash(head[:length])) if length else (0, None)


def tail_of(stream: IO[bytes], end: int) -> tuple[int, str]:
    """Length and hash of the bytes before ``end``."""
    length = min(_TAIL, end)
    return length, _hash(_read_at(stream, end - length, length))


def _continues(state: FileState, content: Content) -> bool:
    """Whether ``content`` still has everything that was read as ``state``."""
    if content.size < state.bytes_ingested:
        return False
    start = state.bytes_ingested - state.tail_length
    return _hash(_read_at(content.stream, start, state.tail_length)) == state.tail_hash


Signature = tuple[Any, ...]
"""What tells one piece of a file from another: place, length and what it says."""


def next_file_key(con: duckdb.DuckDBPyConnection) -> int:
    """The number that the next new file gets."""
    return int(con.execute("SELECT coalesce(max(file_key), 0) FROM _files").fetchall()[0][0]) + 1


class Catalogue:
    """All files of one home that were ever read, and where they are now."""

    def __init__(self, con: duckdb.DuckDBPyConnection, home_id: str) -> None:
        rows = con.execute(_SELECT, [home_id]).fetchall()
        self._add_new(home_id, next_file_key(con), [FileState(*row) for row in rows])

    @classmethod
    def empty(cls, home_id: str, next_key: int) -> Self:
        """Of a home of which no file was ever read.

        Args:
            home_id: Which home.
            next_key: The number that its first file gets.
        """
        catalogue = cls.__new__(cls)
        catalogue._add_new(home_id, next_key, [])
        return catalogue

    def _add_new(self, home_id: str, next_key: int, states: list[FileState]) -> None:
        self.home_id = home_id
        self.states = {state.file_key: state for state in states}
        self._by_path = {state.path: state for state in states if state.status not in ("missing", "truncated")}
        self._next_key = next_key

    def at(self, relative: str) -> FileState | None:
        """The file last seen under this path."""
        return self._by_path.get(relative)

    def unchanged(self, file: SourceFile, *, final: bool) -> bool:
        """Whether nothing can be new in ``file`` (without opening it).

        Args:
            file: The file as it was listed.
            final: Whether its last line, if unfinished, will not be finished any more.
        """
        state = self.at(file.relative)
        if state is None or state.status == "unreadable":
            return False
        same = (state.size, state.mtime_ns, state.inode) == (file.size, file.mtime_ns, file.inode)
        complete = state.bytes_ingested + state.torn_bytes == state.content_size
        return same and (complete or not final)

    def kin(self, file: SourceFile, content: Content) -> list[FileState]:
        """Entries that begin like ``content``, the one read farthest first."""
        return self._with_same_head(file, _fingerprint(content.stream, content.size)[1])

    def _with_same_head(self, file: SourceFile, head_hash: str | None) -> list[FileState]:
        here = self.at(file.relative)
        kin = [
            state
            for state in self.states.values()
            if head_hash and state.head_hash == head_hash and state.kind == file.name.kind
        ]
        if not kin and here is not None and here.head_hash is None:
            kin = [here]
        return sorted(kin, key=lambda s: (s.bytes_ingested, s.path == file.relative), reverse=True)

    def resolve(
        self,
        file: SourceFile,
        content: Content,
        still_there: Callable[[FileState], bool],
        pieces: Callable[[IO[bytes], int], Iterator[tuple[int, list[Signature]]]],
        stored: Callable[[FileState], list[Signature]],
    ) -> FileState:
        """The entry that ``content`` continues, moved to this path, or a new one.

        Args:
            file: The file as it was listed.
            content: The bytes of the file.
            still_there: Whether an entry's own file is on disk as last read.
            pieces: Takes a stream apart line by line: (end offset of the line, its pieces).
            stored: The pieces of an entry as the store has them, in order.
        """
        head_length, head_hash = _fingerprint(content.stream, content.size)
        kin = self._with_same_head(file, head_hash)
        known = next((state for state in kin if _continues(state, content)), None)
        best, cut, lines = None, known.bytes_ingested if known else 0, 0
        # What was read farther may share more of the file than what the whole file continues.
        for state in kin:
            if state.bytes_ingested <= cut:
                break
            length, count = _shared_length(content.stream, content.size, pieces, stored(state))
            if length > cut:
                best, cut, lines = state, length, count
        if known is not None and best is None:
            return self._continue(known, file, content, head_length, head_hash, still_there)
        state = self._new_state(file, head_length, head_hash)
        if best is not None:
            state.parent_key = best.file_key
            state.base_offset = state.bytes_ingested = cut
            state.base_line = state.lines = lines
            state.thread_id = best.thread_id
            state.tail_length, state.tail_hash = tail_of(content.stream, cut)
            if best.path == file.relative:
                best.status = "truncated"
        return self._settle(state, file, content)

    def _continue(
        self,
        state: FileState,
        file: SourceFile,
        content: Content,
        head_length: int,
        head_hash: str | None,
        still_there: Callable[[FileState], bool],
    ) -> FileState:
        elsewhere = state.path != file.relative and still_there(state)
        if elsewhere:
            copy = self._new_state(file, head_length, head_hash)
            copy.parent_key = state.file_key
            copy.base_offset = copy.bytes_ingested = state.bytes_ingested
            copy.base_line = copy.lines = state.lines
            copy.thread_id = state.thread_id
            copy.tail_length, copy.tail_hash = state.tail_length, state.tail_hash
            return self._settle(copy, file, content)
        state.head_length, state.head_hash = head_length, head_hash
        return self._settle(state, file, content)

    def _settle(self, state: FileState, file: SourceFile, content: Content) -> FileState:
        before = self._by_path.get(file.relative)
        if before is not None and before is not state and before.status != "truncated":
            before.status = "missing"
        if self._by_path.get(state.path) is state and state.path != file.relative:
            del self._by_path[state.path]
        self._by_path[file.relative] = state
        state.path = file.relative
        state.rotation = file.name.rotation
        state.family = file.name.family
        state.generation = file.name.generation
        state.compression = file.name.compression
        # The change time is noted when the file has been read, so that an interrupted one is looked at again.
        state.size, state.mtime_ns, state.inode = file.size, 0, content.inode
        state.content_size = content.size
        state.error = content.damage
        state.status = "damaged" if content.damage else "present"
        self.states[state.file_key] = state
        return state

    def _new_state(self, file: SourceFile, head_length: int, head_hash: str | None) -> FileState:
        key = self._next_key
        self._next_key += 1
        return FileState(
            file_key=key, home_id=self.home_id, path=file.relative, kind=file.name.kind,
            family=file.name.family, rotation=file.name.rotation, generation=file.name.generation,
            compression=file.name.compression, thread_id=None, head_length=head_length,
            head_hash=head_hash, tail_length=0, tail_hash=_hash(b""), size=0, mtime_ns=0, inode=0,
            parent_key=None, base_offset=0, base_line=0, bytes_ingested=0, lines=0, torn_bytes=0,
            first_logged_at=None, last_logged_at=None, status="present", error=None, file_order=0,
            content_size=0,
        )  # fmt: skip

    def unreadable(self, file: SourceFile, error: str) -> FileState:
        """Note that ``file`` could not be read; what was read of it before stays."""
        state = self.at(file.relative) or self._new_state(file, 0, None)
        state.status, state.error = "unreadable", error
        self.states[state.file_key] = state
        self._by_path[file.relative] = state
        return state

    def mark_missing(self, present: set[str]) -> list[FileState]:
        """Entries whose file is gone since; their rows stay."""
        gone = []
        for state in self.states.values():
            if state.status in ("missing", "truncated"):
                continue
            if state.path not in present or self._by_path.get(state.path) is not state:
                state.status = "missing"
                gone.append(state)
        return gone

    def put_in_order(self) -> None:
        """Number the files in the order of truth: generation 1 before 2, oldest rotation first.

        Files that are gone keep their place by the time of their first record.
        """
        families: dict[tuple[str, str], list[FileState]] = {}
        for state in self.states.values():
            segment = state.family.removeprefix("events.") if state.generation == 2 else state.family
            families.setdefault((state.kind, segment), []).append(state)
        for states in families.values():
            here = sorted(
                (s for s in states if s.status not in ("missing", "truncated")),
                key=lambda s: (s.generation or 0, -s.rotation, s.file_key),
            )
            for state in sorted(
                (s for s in states if s.status in ("missing", "truncated")),
                key=lambda s: (s.generation or 0, s.first_logged_at or 0, s.file_key),
            ):
                here.insert(_place_in_order(here, state), state)
            for number, state in enumerate(here, 1):
                state.file_order = number


def _place_in_order(present: list[FileState], gone: FileState) -> int:
    """Before the first file of its generation that begins later; else behind its generation."""
    place = 0
    for number, state in enumerate(present):
        if (state.generation or 0) > (gone.generation or 0):
            return number
        later = (state.first_logged_at or 1 << 62) > (gone.first_logged_at or 0)
        if (state.generation or 0) == (gone.generation or 0) and later:
            return number
        place = number + 1
    return place


def _shared_length(
    stream: IO[bytes],
    size: int,
    pieces: Callable[[IO[bytes], int], Iterator[tuple[int, list[Signature]]]],
    known: list[Signature],
) -> tuple[int, int]:
    """How many bytes (whole lines) and lines at the beginning of ``stream`` are what is known."""
    cut = lines = position = 0
    for end, found in pieces(stream, size):
        if known[position : position + len(found)] != found:
            break
        position += len(found)
        cut, lines = end, lines + 1
    return cut, lines
