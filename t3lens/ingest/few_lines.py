"""A few log lines, each taken apart as ``lines`` does it: what reads many at once would take longer to import."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Final

from t3lens.ingest.attribution import thread_of_file
from t3lens.ingest.identity import FileState, tail_of
from t3lens.ingest.single_records import SingleRecords, Work, note_times
from t3lens.reading import open_unbuffered

if TYPE_CHECKING:
    import duckdb

    from t3lens.ingest.formats import Format

__all__ = ["FEW", "FewLines", "are_few"]

FEW: Final = 256 << 10
"""Bytes of lines that are few; of one transaction."""


def are_few(works: list[Work]) -> bool:
    """Whether what is new in some files is so little that it is read line by line."""
    return sum(max(0, work.file.size - work.state.bytes_ingested) for work in works) <= FEW


class FewLines(SingleRecords):
    """Reads works into the store within one transaction, as ``load.Load`` does."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        kind_format: Format,
        should_stop: Callable[[], bool],
        tell: Callable[[int], None],
    ) -> None:
        super().__init__(con, kind_format)
        self._should_stop = should_stop
        self._tell = tell
        self._times: list[int] = []

    def run(self, todo: list[Work]) -> tuple[list[Work], list[Work], bool]:
        """Read ``todo`` in order until done or told to stop.

        Returns:
            Works read, works left to do, and whether a file had moved away meanwhile.
        """
        self._forget_torn(todo)
        done: list[Work] = []
        left: list[Work] = []
        moved = False
        for number, work in enumerate(todo):
            if number and self._should_stop():
                left = todo[number:]
                break
            state = work.state
            try:
                opened = open_unbuffered(work.file.path, work.file.root)
            except OSError:
                moved = True
                continue
            with opened:
                status = os.fstat(opened.fileno())
                if status.st_ino != state.inode or status.st_size < state.content_size:
                    moved = True  # rotated or cut since it was planned: the next pass sees
                    continue
                state.content_size = state.size = status.st_size
                done.append(work)
                # What was written since it was planned is for the next time, if that is much.
                end = min(status.st_size, state.bytes_ingested + 2 * FEW)
                if self._file(work, opened, end, all_of_it=end == status.st_size):
                    # Only now is a file with this change time known to hold nothing new.
                    state.mtime_ns = status.st_mtime_ns
        self._store_read()
        self.records = len(self._reads)
        self.quarantined = len(self._rejected)
        return done, left, moved

    def _note_time(self, state: FileState, at: int) -> None:
        self._times.append(at)

    def _file(self, work: Work, stream: IO[bytes], end: int, *, all_of_it: bool) -> bool:
        """Read a file on to ``end``; whether that is, and was, all of it."""
        state = work.state
        state.torn_bytes = 0
        stream.seek(state.bytes_ingested)
        data = stream.read(end - state.bytes_ingested)
        complete = all_of_it and state.bytes_ingested + len(data) == end
        self._tell(len(data))
        whole = data[: data.rfind(b"\n") + 1]
        if whole and state.thread_id is None:
            state.thread_id = thread_of_file(state, memoryview(whole))
        self._times.clear()
        for line in whole.split(b"\n")[:-1]:
            self._read(state, line + b"\n", state.lines + 1, state.bytes_ingested)
            state.lines += 1
            state.bytes_ingested += len(line) + 1
        if self._times and self._format.is_dated:
            note_times(state, self._times[0], self._times[-1])
        self.bytes_read += len(whole)
        rest = data[len(whole) :]
        if complete and rest and work.final:
            self._reject(state, state.lines + 1, state.bytes_ingested, rest, "torn", provisional=True)
            state.torn_bytes = len(rest)
            self.bytes_read += len(rest)
        state.tail_length, state.tail_hash = tail_of(stream, state.bytes_ingested)
        return complete
