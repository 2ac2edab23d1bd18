"""One transaction's worth of log lines, streamed into the store while they are read."""

from __future__ import annotations

import bisect
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np

from t3lens.ingest.attribution import thread_of_file
from t3lens.ingest.byte_forms import Bytes, Ints
from t3lens.ingest.chunks import Chunk, ChunkPool
from t3lens.ingest.formats import Format
from t3lens.ingest.gathered_lines import Gathered, Stretch
from t3lens.ingest.identity import tail_of
from t3lens.ingest.screen import LineOrigin, Screened, nothing_sure
from t3lens.ingest.single_records import Malformed, SingleRecords, Work, note_times
from t3lens.ingest.unneeded_lines import lines_passed_over
from t3lens.reading import open_unbuffered
from t3lens.store.bare_engine import with_relations

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["Load"]

_LONGEST_LINE: Final = 256 << 20
_TRANSACTION: Final = 1 << 30
_CAREFUL_TRANSACTION: Final = 64 << 20
_MOST_DOUBTFUL: Final = 64 << 20


@dataclass(slots=True)
class _CarefulChunk:
    """A chunk read carefully: what must be in the store of it, to find what is not."""

    chunk: Chunk
    lines: Screened
    origin: LineOrigin


class Load(SingleRecords):
    """Reads works into the store within one transaction."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        home_id: str | Sequence[str],
        kind_format: Format,
        should_stop: Callable[[], bool],
        tell: Callable[[int], None],
        careful: bool,
        one_by_one: bool = False,
    ) -> None:
        super().__init__(con, kind_format)
        self._home_id = home_id
        self._one_by_one = one_by_one
        self._for_rules = kind_format.for_rules and not careful and not one_by_one
        self._passed = 0
        self._should_stop = should_stop
        self._tell = tell
        self._careful = careful
        self._limit = _CAREFUL_TRANSACTION if careful else _TRANSACTION
        self._sure = 0
        self._kept: list[_CarefulChunk] = []
        self._failure: BaseException | None = None
        self._full = False
        self._pool = ChunkPool()
        self._chunk = self._pool.chunk()

    def run(self, todo: list[Work], stream: IO[bytes] | None) -> tuple[list[Work], list[Work], bool]:
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
        self._forget_torn(todo)
        source = self._batches(todo, stream)
        batches = pa.RecordBatchReader.from_batches(self._format.schema(), self._with_own_errors(source))
        sql = self._format.insert_careful if self._careful else self._format.insert_fast
        with_relations(self._con).register("incoming", batches)
        try:
            found = self._con.execute(sql, {"home_id": self._home_id}).fetchall()
        except (duckdb.Error, UnicodeDecodeError) as error:
            if self._failure is not None:
                raise self._failure from None
            # a message that quotes bytes which are no text cannot even be read
            malformed = isinstance(error, duckdb.InvalidInputException | UnicodeDecodeError)
            if not self._one_by_one and malformed:
                raise Malformed from error
            raise
        finally:
            source.close()
        self._con.unregister("incoming")
        if self._failure is not None:
            raise self._failure
        inserted = int(found[0][0]) if found else 0
        if inserted != self._sure:
            self._find_left_out()
        self._store_read()
        self.records = inserted + len(self._reads) + self._passed
        self.quarantined = len(self._rejected)
        return self._done, self._left, self._moved

    def _with_own_errors(self, source: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches; an error in here must not be mistaken for one of the query."""
        try:
            yield from source
        except BaseException as error:
            self._failure = error

    def _batches(self, todo: list[Work], stream: IO[bytes] | None) -> Generator[pa.RecordBatch, None, None]:
        """What DuckDB parses, a chunk of the files at a time."""
        gathered = Gathered()
        for chunk in self._chunks(todo, stream):
            found = self._sure_lines(chunk)
            if found is not None and self._for_rules and 2 * found.size < chunk.used:
                gathered.add(found)
                found = None
            if (found is not None or gathered.enough) and (before := gathered.take()) is not None:
                yield self._batch(before)
            if found is not None:
                yield self._batch(found)
            # Memory that is held here could not be filled again.
            del chunk, found
        if (rest := gathered.take()) is not None:
            yield self._batch(rest)

    def _batch(self, found: Stretch) -> pa.RecordBatch:
        return self._format.to_batch(found.data, found.lines, found.origin, whole=self._careful)

    def _chunks(self, todo: list[Work], stream: IO[bytes] | None) -> Iterator[Chunk]:
        for number, work in enumerate(todo):
            if self._full or (number and self._should_stop()):
                self._left += todo[number:]
                break
            if stream is not None:
                yield from self._file(work, stream, work.state.content_size, work.file.mtime_ns)
                continue
            try:
                opened = open_unbuffered(work.file.path, work.file.root)
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
        yield self._chunk

    def _next_chunk(self) -> Chunk:
        """Begin another chunk with the unfinished line; the one that is full."""
        full = self._chunk
        self._chunk = self._pool.chunk(full)
        self._chunk.begin(full.pieces[-1].state)
        return full

    def _file(self, work: Work, stream: IO[bytes], end: int, mtime_ns: int) -> Iterator[Chunk]:
        state = work.state
        state.torn_bytes = 0
        self._done.append(work)
        position = state.bytes_ingested
        stream.seek(position)
        self._chunk.begin(state)
        while position < end:
            if self._chunk.unfinished > _LONGEST_LINE:
                place = (state.lines + 1, state.bytes_ingested)
                data = self._chunk.drop_unfinished()
                self._reject(state, *place, data, "line-too-long")
                state.bytes_ingested += len(data)
                yield self._next_chunk()
            elif self._chunk.full:
                yield self._next_chunk()
            before = state.bytes_ingested
            count = self._chunk.read(stream, end - position)
            if not count:
                break
            position += count
            self.bytes_read += state.bytes_ingested - before
            self._tell(count)
            enough = self.bytes_read >= self._limit or self._doubtful_bytes >= _MOST_DOUBTFUL
            if (enough or self._should_stop()) and state.bytes_ingested > before:
                if position < end:
                    self._left.append(work)
                    self._full = True
                    break
                self._full = enough
        rest = self._chunk.drop_unfinished()
        if position >= end:
            # Only now is a file with this change time known to hold nothing new.
            state.mtime_ns = mtime_ns
            if rest and work.final:
                place = (state.lines + 1, state.bytes_ingested)
                self._reject(state, *place, rest, "torn", provisional=True)
                state.torn_bytes = len(rest)
                self.bytes_read += len(rest)
        state.tail_length, state.tail_hash = tail_of(stream, state.bytes_ingested)

    def _sure_lines(self, chunk: Chunk) -> Stretch | None:
        """The sure lines of a chunk that are stored; the others are read one by one."""
        if not chunk.lines:
            return None
        data = chunk.memory[: chunk.used]
        pieces = [piece for piece in chunk.pieces if piece.end > piece.start]
        newlines = np.concatenate(chunk.newlines)
        lines = self._format.screen(data, newlines) if not self._one_by_one else nothing_sure(newlines)
        for piece in pieces:
            if piece.state.thread_id is None:
                piece.state.thread_id = thread_of_file(piece.state, data[piece.start : piece.end].data)
        numbers = [piece.number for piece in pieces]
        for start, stop, number in lines.doubtful:
            piece = pieces[bisect.bisect_right(numbers, number) - 1]
            self._read(
                piece.state,
                data[start:stop].tobytes(),
                piece.line + number - piece.number + 1,
                piece.offset + start - piece.start,
            )
        if not len(lines.starts):
            return None
        # Lines are in order, so each piece has a stretch of them.
        bounds = np.append(np.searchsorted(lines.numbers, numbers), len(lines.numbers))
        counts = np.diff(bounds)

        def of_piece(values: list[int], kind: type[np.signedinteger[Any]] = np.int64) -> Any:
            return np.repeat(np.array(values, kind), counts)

        origin = LineOrigin(
            file_keys=of_piece([p.state.file_key for p in pieces], np.int32),
            lines=lines.numbers + of_piece([p.line - p.number + 1 for p in pieces]),
            offsets=lines.starts + of_piece([p.offset - p.start for p in pieces]),
            thread_numbers=of_piece([i if p.state.thread_id else -1 for i, p in enumerate(pieces)], np.int32),
            threads=[p.state.thread_id or "" for p in pieces],
        )
        if self._format.is_dated:
            for piece, first, behind in zip(pieces, bounds[:-1], bounds[1:], strict=True):
                if behind > first:
                    times = lines.times[[first, behind - 1]]
                    note_times(piece.state, int(times[0]), int(times[1]))
        if self._for_rules:
            lines, origin = self._without_idle(data, lines, origin, bounds)
        self._sure += len(lines.starts)
        if self._careful:
            self._kept.append(_CarefulChunk(chunk, lines, origin))
        return Stretch(data, lines, origin)

    def _without_idle(self, data: Bytes, lines: Screened, origin: LineOrigin, bounds: Ints) -> tuple[Screened, LineOrigin]:
        """The lines that are stored, and their origin; the others are counted."""
        passed = lines_passed_over(data, lines, bounds)
        if not passed.any():
            return lines, origin
        keys, lengths = origin.file_keys[passed], lines.lengths[passed]
        for key in np.unique(keys).tolist():
            self.passed_bytes[key] = self.passed_bytes.get(key, 0) + int(lengths[keys == key].sum())
        self._passed += len(keys)
        kept = ~passed
        return lines.some(kept), LineOrigin(
            origin.file_keys[kept],
            origin.lines[kept],
            origin.offsets[kept],
            origin.thread_numbers[kept],
            origin.threads,
        )

    def _find_left_out(self) -> None:
        """Take the lines the careful statement left out, one by one."""
        for kept in self._kept:
            lines, origin = kept.lines, kept.origin
            for piece in kept.chunk.pieces:
                here = np.flatnonzero((lines.starts >= piece.start) & (lines.starts < piece.end))
                if not len(here):
                    continue
                rows = self._con.execute(
                    f'SELECT "offset" FROM {self._format.table} WHERE file_key = ? AND "offset" BETWEEN ? AND ?',
                    [
                        piece.state.file_key,
                        int(origin.offsets[here[0]]),
                        int(origin.offsets[here[-1]]),
                    ],
                ).fetchall()
                present = np.array([row[0] for row in rows], np.int64)
                for i in here[~np.isin(origin.offsets[here], present)]:
                    start = int(lines.starts[i])
                    data = kept.chunk.memory[start : start + int(lines.lengths[i])].tobytes()
                    self._read(piece.state, data, int(origin.lines[i]), int(origin.offsets[i]))
