"""One transaction's worth of log lines, streamed into the store while they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np

from t3lens.ingest._bulk import Screened
from t3lens.ingest._formats import Format, Read
from t3lens.ingest._identity import FileState, tail_of
from t3lens.ingest._lines import Rejected, redact
from t3lens.ingest._sources import SourceFile

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["Load", "Malformed", "Work", "lines_of"]

_BLOCK: Final = 2 << 20
_LONGEST_LINE: Final = 256 << 20
_TRANSACTION: Final = 1 << 30
_CAREFUL_TRANSACTION: Final = 64 << 20
_THREAD: Final = re.compile(rb'"threadId"\s*:\s*"([^"\\]{1,200})"')
_MOST_DOUBTFUL: Final = 64 << 20


class Malformed(Exception):
    """A line that looked whole is malformed JSON; the fast statement failed as a whole."""


@dataclass(slots=True)
class Work:
    """A file to read on.

    Attributes:
        file: As listed.
        state: How far it was read; moved on while reading.
        final: Whether an unfinished last line will not be finished any more.
    """

    file: SourceFile
    state: FileState
    final: bool


def lines_of(stream: IO[bytes], start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines between two offsets, each with its own offset."""
    offset = start
    for block, complete in _blocks(stream, start, end):
        if not complete:
            return
        position = 0
        while (stop := block.find(b"\n", position) + 1) > 0:
            yield offset + position, block[position:stop]
            position = stop
        offset += len(block)


def _blocks(stream: IO[bytes], start: int, end: int) -> Iterator[tuple[bytes, bool]]:
    """Blocks of whole lines, then what is left without a newline (``False``).

    A line beyond any sense (256 MiB) comes in blocks without newline, not ``complete`` either.
    """
    stream.seek(start)
    rest = b""
    position = start
    while position < end:
        data = stream.read(min(_BLOCK, end - position))
        if not data:
            break
        position += len(data)
        cut = data.rfind(b"\n") + 1
        if cut:
            yield rest + data[:cut] if rest else data[:cut], True
            rest = data[cut:]
        elif len(rest) > _LONGEST_LINE:
            yield rest, False
            rest = data
        else:
            # Long lines come in ever larger reads, or joining them would take quadratic time.
            more = stream.read(min(max(len(rest), _BLOCK), end - position))
            position += len(more)
            rest = rest + data + more
            cut = rest.rfind(b"\n") + 1
            if cut:
                yield rest[:cut], True
                rest = rest[cut:]
    if rest:
        yield rest, False


@dataclass(slots=True)
class _Kept:
    """A block read carefully: what must be in the store of it, to find what is not."""

    state: FileState
    data: bytes
    lines: Screened
    line: int
    offset: int


class Load:
    """Reads works into the store within one transaction."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        home_id: str,
        kind_format: Format,
        should_stop: Callable[[], bool],
        tell: Callable[[int], None],
        careful: bool,
    ) -> None:
        self._con = con
        self._home_id = home_id
        self._format = kind_format
        self._should_stop = should_stop
        self._tell = tell
        self._careful = careful
        self._limit = _CAREFUL_TRANSACTION if careful else _TRANSACTION
        self._sure = 0
        self._reads: list[dict[str, Any]] = []
        self._rejected: list[tuple[Any, ...]] = []
        self._doubtful_bytes = 0
        self._kept: list[_Kept] = []
        self._failure: BaseException | None = None
        self._full = False
        self.records = 0
        self.quarantined = 0
        self.bytes_read = 0

    def run(
        self, todo: list[Work], stream: IO[bytes] | None
    ) -> tuple[list[Work], list[Work], bool]:
        """Read ``todo`` in order until done, told to stop, or enough for one transaction.

        Returns:
            Works read (all or in part), works left to do, and whether a file had moved away meanwhile.

        Raises:
            Malformed: See there; the transaction is spoilt.
        """
        import duckdb
        import pyarrow as pa

        self._done: list[Work] = []
        self._left: list[Work] = []
        self._moved = False
        for work in todo:
            if work.state.torn_bytes:
                self._con.execute(
                    "DELETE FROM _quarantine WHERE file_key = ? AND provisional",
                    [work.state.file_key],
                )
        schema = self._format.schema()
        batches = pa.RecordBatchReader.from_batches(schema, self._guarded(todo, stream))
        sql = self._format.insert_careful if self._careful else self._format.insert_fast
        self._con.register("incoming", batches)
        try:
            found = self._con.execute(sql, {"home_id": self._home_id}).fetchall()
        except duckdb.Error as error:
            if self._failure is not None:
                raise self._failure from None
            if not self._careful and isinstance(error, duckdb.InvalidInputException):
                raise Malformed from error
            raise
        self._con.unregister("incoming")
        if self._failure is not None:
            raise self._failure
        inserted = int(found[0][0]) if found else 0
        if inserted != self._sure:
            self._find_left_out()
        self._store_read()
        self.records = inserted + len(self._reads)
        self.quarantined = len(self._rejected)
        return self._done, self._left, self._moved

    def _guarded(self, todo: list[Work], stream: IO[bytes] | None) -> Iterator[pa.RecordBatch]:
        """Batches; an error in here must not be mistaken for one of the query."""
        try:
            yield from self._batches(todo, stream)
        except BaseException as error:
            self._failure = error

    def _batches(self, todo: list[Work], stream: IO[bytes] | None) -> Iterator[pa.RecordBatch]:
        for number, work in enumerate(todo):
            if self._full or (number and self._should_stop()):
                self._left += todo[number:]
                return
            if stream is not None:
                yield from self._file(work, stream, work.state.content_size, work.file.mtime_ns)
                continue
            try:
                opened = work.file.path.open("rb")
            except OSError:
                self._moved = True
                continue
            with opened:
                status = os.fstat(opened.fileno())
                if status.st_ino != work.state.inode or status.st_size < work.state.content_size:
                    self._moved = True  # rotated or cut since it was planned: the next pass sees
                    continue
                work.state.content_size = work.state.size = status.st_size
                yield from self._file(work, opened, status.st_size, status.st_mtime_ns)

    def _file(
        self, work: Work, stream: IO[bytes], end: int, mtime_ns: int
    ) -> Iterator[pa.RecordBatch]:
        state = work.state
        state.torn_bytes = 0
        self._done.append(work)
        for data, complete in _blocks(stream, state.bytes_ingested, end):
            if complete:
                yield from self._block(state, data)
            elif state.bytes_ingested + len(data) < end:
                self._reject(state, state.lines + 1, state.bytes_ingested, data, "line-too-long")
                state.bytes_ingested += len(data)
            elif work.final:
                self._reject(
                    state, state.lines + 1, state.bytes_ingested, data, "torn", provisional=True
                )
                state.torn_bytes = len(data)
            self.bytes_read += len(data)
            self._tell(len(data))
            enough = self.bytes_read >= self._limit or self._doubtful_bytes >= _MOST_DOUBTFUL
            if enough or self._should_stop():
                if state.bytes_ingested + state.torn_bytes < end and complete:
                    self._left.append(work)
                    self._full = True
                    break
                self._full = enough
        else:
            # Only now is a file with this change time known to hold nothing new.
            state.mtime_ns = mtime_ns
        state.tail_length, state.tail_hash = tail_of(stream, state.bytes_ingested)

    def _block(self, state: FileState, data: bytes) -> Iterator[pa.RecordBatch]:
        first = state.bytes_ingested == 0
        lines = self._format.screen(data, first=first)
        if state.thread_id is None:
            state.thread_id = _default_thread(state, data)
        for start, stop, number in lines.doubtful:
            self._read(
                state, data[start:stop], state.lines + number + 1, state.bytes_ingested + start,
                first=first and start == 0,
            )  # fmt: skip
        if len(lines.starts):
            self._sure += len(lines.starts)
            if self._format.table == "_log_events":
                _note_times(state, int(lines.times[0]), int(lines.times[-1]))
            if self._careful:
                self._kept.append(_Kept(state, data, lines, state.lines, state.bytes_ingested))
            yield self._format.to_batch(
                data,
                lines,
                file_key=state.file_key,
                default_thread=state.thread_id or None,
                line=state.lines,
                offset=state.bytes_ingested,
            )
        state.lines += lines.lines
        state.bytes_ingested += len(data)

    def _reject(
        self,
        state: FileState,
        line: int,
        offset: int,
        data: bytes,
        reason: str,
        *,
        provisional: bool = False,
    ) -> None:
        self._rejected.append(
            (state.file_key, line, offset, len(data), reason, redact(data), provisional)
        )

    def _read(self, state: FileState, data: bytes, line: int, offset: int, *, first: bool) -> None:
        self._doubtful_bytes += len(data)
        for piece in self._format.read(data, first=first):
            place = offset + piece.start
            if isinstance(piece, Rejected):
                length = piece.end - piece.start
                self._rejected.append(
                    (state.file_key, line, place, length, piece.reason, piece.excerpt, False)
                )
                continue
            self._add(state, piece, line, place)

    def _add(self, state: FileState, piece: Read, line: int, place: int) -> None:
        values = piece.values | {
            "home_id": self._home_id,
            "file_key": state.file_key,
            "line": line,
            "offset": place,
            "length": piece.end - piece.start,
        }
        if values.get("thread_id") is None and "label" in values:
            values["thread_id"] = state.thread_id or None
        if piece.logged_at is not None:
            _note_times(state, piece.logged_at, piece.logged_at)
        self._reads.append(values)

    def _find_left_out(self) -> None:
        """Take the lines the careful statement left out, one by one."""
        for kept in self._kept:
            last = kept.offset + len(kept.data)
            rows = self._con.execute(
                f'SELECT "offset" FROM {self._format.table} WHERE file_key = ? '
                'AND "offset" >= ? AND "offset" < ?',
                [kept.state.file_key, kept.offset, last],
            ).fetchall()
            present = np.array([row[0] for row in rows], np.int64) - kept.offset
            out = ~np.isin(kept.lines.starts, present)
            for i in np.flatnonzero(out):
                start = int(kept.lines.starts[i])
                self._read(
                    kept.state,
                    kept.data[start : start + int(kept.lines.lengths[i])],
                    kept.line + int(kept.lines.numbers[i]) + 1,
                    kept.offset + start,
                    first=kept.offset == 0 and start == 0,
                )

    def _store_read(self) -> None:
        import pyarrow as pa

        if self._reads:
            schema = self._format.read_schema()
            self._con.register("incoming", pa.Table.from_pylist(self._reads, schema=schema))
            self._con.execute(self._format.insert_read)
            self._con.unregister("incoming")
        if self._rejected:
            names = ("file_key", "line", "offset", "length", "reason", "excerpt", "provisional")
            columns = dict(zip(names, zip(*self._rejected, strict=True), strict=True))
            self._con.register("incoming", pa.table(columns))
            self._con.execute("INSERT INTO _quarantine SELECT * FROM incoming")
            self._con.unregister("incoming")


def _note_times(state: FileState, first: int, last: int) -> None:
    if state.first_logged_at is None or first < state.first_logged_at:
        state.first_logged_at = first
    if state.last_logged_at is None or last > state.last_logged_at:
        state.last_logged_at = last


def _default_thread(state: FileState, data: bytes) -> str | None:
    """The thread of records that name none: the first thread the file names (none for ``_global``)."""
    if state.kind != "provider-log" or state.family.endswith("_global.log"):
        return None
    found = _THREAD.search(data)
    return found[1].decode("utf-8", "replace") if found else None
