"""The two kinds of log files as the reader sees them: how lines are screened, read and stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from t3lens.ingest import statements as _statements
from t3lens.ingest import trace as _trace
from t3lens.ingest.identity import Signature
from t3lens.ingest.lines import RejectedLine, read_line
from t3lens.store.bind_rows import NUMBER, REAL, TIME
from t3lens.t3code.v1.event_types import KEPT_PREFIXES
from t3lens.t3code.v1.log_grammar import CANONICAL

if TYPE_CHECKING:
    import pyarrow as pa

    from t3lens.ingest.byte_forms import Bytes, Ints
    from t3lens.ingest.screen import LineOrigin, Screened

__all__ = ["FORMATS", "FORMATS_FOR_RULES", "Format"]


class Format(Protocol):
    """What the reader needs to know about a kind of log file.

    Attributes:
        table: Where records go.
        insert_fast: SQL that parses each line once, and fails as a whole on one that is not plain.
        insert_careful: SQL that leaves malformed lines out.
        insert_read: SQL for records the careful reader made.
        signatures: SQL for what the store has of one file: place, length, and what it says.
        columns: Of ``table``, in order.
        kinds: What those are that are no text, as ``t3lens.store.bind_rows`` names it.
        for_rules: Whether lines that no rule reads need not be stored.
        is_dated: Whether a file is known by when its first and its last line were logged.
    """

    table: str
    insert_fast: str
    insert_careful: str
    insert_read: str
    signatures: str
    columns: tuple[str, ...]
    kinds: Mapping[str, str]
    is_dated: bool
    for_rules: bool

    def schema(self) -> pa.Schema:
        """Columns of a batch of sure lines."""

    def read_schema(self) -> pa.Schema:
        """Columns of records the careful reader made."""

    def screen(self, data: Bytes, newlines: Ints) -> Screened:
        """Sort lines into sure and doubtful ones."""

    def to_batch(self, data: Bytes, lines: Screened, origin: LineOrigin, *, whole: bool) -> pa.RecordBatch:
        """The sure lines as columns: whole for the careful statement."""

    def read(self, data: bytes, *, first: bool) -> Iterator[Read | RejectedLine]:
        """Take one line apart, carefully."""


@dataclass(frozen=True, slots=True)
class Read:
    """A record the careful reader made: where it is in its line, and its columns."""

    start: int
    end: int
    logged_at: int | None
    values: dict[str, Any]

    def signature(self, offset: int) -> Signature:
        """As ``Format.signatures`` gives it for the stored record."""
        values = self.values
        if "label" not in values:
            name = values.get("span_id")
        else:
            # two logs that begin alike may go on with different records of one type and length
            name = values.get("type") if values.get("event_id") is None else values["event_id"]
        return (offset + self.start, self.end - self.start, values.get("label"), name)


_PLACE: Final = dict.fromkeys(("file_key", "line", "offset", "length"), NUMBER)


class _ProviderLog:
    table = "_log_events"
    columns: tuple[str, ...] = _statements.COLUMNS
    kinds: Mapping[str, str] = _PLACE | {"logged_at": TIME, "created_at": TIME}
    is_dated = True
    insert_read = _statements.INSERT_READ
    signatures = (
        'SELECT "offset", length, label, coalesce(event_id, type) FROM _log_events WHERE file_key = ? AND "offset" < ?'
    )

    def __init__(self, *, metadata_only: bool, for_rules: bool = False) -> None:
        self.metadata_only = metadata_only
        self.for_rules = for_rules
        self.insert_fast = _statements.INSERT_FAST[metadata_only]
        self.insert_careful = _statements.INSERT_CAREFUL[metadata_only]

    def schema(self) -> pa.Schema:
        from t3lens.ingest.screen import batch_schema

        return batch_schema()

    def screen(self, data: Bytes, newlines: Ints) -> Screened:
        from t3lens.ingest.screen import screen

        return screen(data, newlines)

    def to_batch(self, data: Bytes, lines: Screened, origin: LineOrigin, *, whole: bool) -> pa.RecordBatch:
        from t3lens.ingest.screen import to_batch

        return to_batch(data, lines, origin, whole=whole)

    def read_schema(self) -> pa.Schema:
        import pyarrow as pa

        kinds: Mapping[str, str] = {
            "logged_at": pa.timestamp("us", "UTC"),
            "created_at": pa.timestamp("us", "UTC"),
            "file_key": pa.int32(),
            "line": pa.int64(),
            "offset": pa.int64(),
            "length": pa.int64(),
        }
        return pa.schema([(name, kinds.get(name, pa.string())) for name in _statements.COLUMNS])

    def read(self, data: bytes, *, first: bool) -> Iterator[Read | RejectedLine]:
        for piece in read_line(data, first=first):
            if isinstance(piece, RejectedLine):
                yield piece
                continue
            values = piece.values | {"label": piece.label, "logged_at": piece.logged_at}
            if self.metadata_only and not (piece.label == CANONICAL and str(values.get("type")).startswith(KEPT_PREFIXES)):
                values["payload"] = None
            yield Read(piece.start, piece.end, piece.logged_at, values)


class _Trace:
    for_rules = False
    table = "_spans"
    insert_fast = _trace.INSERT_FAST
    insert_careful = _trace.INSERT_CAREFUL
    insert_read = _trace.INSERT_READ
    columns: tuple[str, ...] = _trace.COLUMNS
    kinds: Mapping[str, str] = _PLACE | {"started_at": TIME, "ended_at": TIME, "duration_ms": REAL}
    is_dated = False
    signatures = 'SELECT "offset", length, NULL, span_id FROM _spans WHERE file_key = ? AND "offset" < ?'

    schema = staticmethod(_trace.batch_schema)
    read_schema = staticmethod(_trace.read_schema)
    screen = staticmethod(_trace.screen)
    to_batch = staticmethod(_trace.to_batch)

    def read(self, data: bytes, *, first: bool) -> Iterator[Read | RejectedLine]:
        for piece in _trace.read_line(data, first=first):
            if isinstance(piece, RejectedLine):
                yield piece
            else:
                start, end, values = piece
                yield Read(start, end, values.get("ended_at"), values)


def _formats(*, metadata_only: bool) -> dict[str, Format]:
    return {"provider-log": _ProviderLog(metadata_only=metadata_only), "trace": _Trace()}


FORMATS: Final = {flag: _formats(metadata_only=flag) for flag in (False, True)}
"""By metadata only, then by kind of file."""

FORMATS_FOR_RULES: Final = FORMATS[False] | {"provider-log": _ProviderLog(metadata_only=False, for_rules=True)}
"""By kind of file, where nobody asks for what no rule reads."""
