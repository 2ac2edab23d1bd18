"""Records and rejected bytes that were read one by one, and how they are put into the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from t3lens.ingest.lines import RejectedLine, redact
from t3lens.store.bind_rows import FLAG, NUMBER, TEXT, Column, execute_with

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from t3lens.ingest.formats import Format, Read
    from t3lens.ingest.identity import FileState
    from t3lens.ingest.log_files import SourceFile

__all__ = ["Malformed", "SingleRecords", "Work", "note_times"]

_REJECTED: Final = {
    "file_key": NUMBER, "line": NUMBER, "offset": NUMBER, "length": NUMBER, "reason": TEXT, "excerpt": TEXT,
    "provisional": FLAG,
}  # fmt: skip


class Malformed(Exception):
    """A line that looked plain is not; the statement failed as a whole."""


@dataclass(slots=True)
class Work:
    """A file to read on.

    Attributes:
        file: The file as it was listed.
        state: How far it was read; moved on while reading.
        final: Whether an unfinished last line will not be finished any more.
    """

    file: SourceFile
    state: FileState
    final: bool


class SingleRecords:
    """Takes lines apart one by one, within one transaction.

    Attributes:
        records: Records stored.
        quarantined: Quarantine entries made.
        bytes_read: Bytes that became rows or quarantine entries.
        passed_bytes: Those of lines that were only checked, by file.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, kind_format: Format) -> None:
        self._con = con
        self._format = kind_format
        self._reads: list[dict[str, Any]] = []
        self._rejected: list[tuple[Any, ...]] = []
        self._doubtful_bytes = 0
        self.records = 0
        self.quarantined = 0
        self.bytes_read = 0
        self.passed_bytes: dict[int, int] = {}

    def _forget_torn(self, works: list[Work]) -> None:
        """Drop what stands for last lines that were unfinished the last time."""
        for work in works:
            if work.state.torn_bytes:
                self._con.execute(
                    "DELETE FROM _quarantine WHERE file_key = ? AND provisional",
                    [work.state.file_key],
                )

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
        self._rejected.append((state.file_key, line, offset, len(data), reason, redact(data), provisional))

    def _read(self, state: FileState, data: bytes, line: int, offset: int) -> None:
        self._doubtful_bytes += len(data)
        for piece in self._format.read(data, first=offset == 0):
            place = offset + piece.start
            if isinstance(piece, RejectedLine):
                length = piece.end - piece.start
                self._rejected.append((state.file_key, line, place, length, piece.reason, piece.excerpt, False))
                continue
            self._add_record(state, piece, line, place)

    def _add_record(self, state: FileState, piece: Read, line: int, place: int) -> None:
        values = piece.values | {
            "home_id": state.home_id,
            "file_key": state.file_key,
            "line": line,
            "offset": place,
            "length": piece.end - piece.start,
        }
        if values.get("thread_id") is None and "label" in values:
            values["thread_id"] = state.thread_id or None
        if piece.logged_at is not None:
            self._note_time(state, piece.logged_at)
        self._reads.append(values)

    def _note_time(self, state: FileState, at: int) -> None:
        note_times(state, at, at)

    def _store_read(self) -> None:
        if self._reads:
            kinds = self._format.kinds
            columns = {name: Column(kinds.get(name, TEXT), [row.get(name) for row in self._reads])
                       for name in self._format.columns}  # fmt: skip
            execute_with(self._con, self._format.insert_read, columns, arrow=self._reads_table)
        if self._rejected:
            columns = {name: Column(_REJECTED[name], values)
                       for name, values in zip(_REJECTED, zip(*self._rejected, strict=True), strict=True)}  # fmt: skip
            insert = "INSERT INTO _quarantine SELECT * FROM incoming"
            execute_with(self._con, insert, columns, arrow=self._rejected_table)

    def _reads_table(self) -> pa.Table:
        import pyarrow as pa

        return pa.Table.from_pylist(self._reads, schema=self._format.read_schema())

    def _rejected_table(self) -> pa.Table:
        import pyarrow as pa

        return pa.table(dict(zip(_REJECTED, zip(*self._rejected, strict=True), strict=True)))


def note_times(state: FileState, first: int, last: int) -> None:
    """Widen the time that a file's records are known to span.

    Args:
        state: The file.
        first: When one was logged, microseconds UTC.
        last: When that or a later one was.
    """
    if state.first_logged_at is None or first < state.first_logged_at:
        state.first_logged_at = first
    if state.last_logged_at is None or last > state.last_logged_at:
        state.last_logged_at = last
