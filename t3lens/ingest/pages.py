"""Rows of a database a page at a time, as Arrow tables: by column where that is sure and exact, else row by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from t3lens.ingest.arrow import numbers, text_views
from t3lens.ingest.columnar import Columns, read_columns
from t3lens.ingest.database import EVENT_COLUMNS, NUMBER_COLUMNS, RECEIPT_COLUMNS, DatabaseReader
from t3lens.ingest.needed import LEFT_OUT, Needed, head_of, is_idle
from t3lens.ingest.needed_second_model import SecondNeeded
from t3lens.t3code.v1.schema import COMMAND_RECEIPTS, ORCHESTRATION_EVENTS

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Page", "as_table", "event_page", "receipt_page"]

_AT_ONCE: Final = 2000
"""Rows that one statement joins; while it runs, a server cannot begin its write-ahead log anew."""
_AT_ONCE_CAREFULLY: Final = 250
_PAGE: Final = 20_000
_PAGE_BYTES: Final = 64 << 20
_JSON: Final = frozenset({"payload", "metadata"})
_ROWID: Final = "rowid"
_RECEIPT: Final = RECEIPT_COLUMNS[0]
"""Which command it is of: all that rules read of a receipt."""
_HEAD: Final = "head"
"""What the first bytes of a payload are called that is not read whole."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows to be stored together.

    Attributes:
        table: Them, by the store's names.
        last: The last one's key.
        more: Whether there may be more.
    """

    table: pa.Table
    last: int
    more: bool


def event_page(reader: DatabaseReader, after: int, *, needed: Needed | SecondNeeded | None = None) -> Page:
    """Events beyond ``after``, enough to store them together.

    Args:
        reader: The open database.
        after: The last sequence that is known.
        needed: What of them is needed; None if all is.
    """
    import pyarrow as pa

    found = reader.types(ORCHESTRATION_EVENTS)
    columns = _columns(ORCHESTRATION_EVENTS, "sequence", EVENT_COLUMNS, found) if "sequence" in found else None
    if columns is not None and needed is not None:
        columns = needed.of(columns) if isinstance(needed, SecondNeeded) else _only_needed(columns, needed)
    parts: list[pa.Table] = []
    rows = size = carefully = 0
    more = True
    while more and rows < _PAGE and size < _PAGE_BYTES:
        table = _read_table(reader, columns, EVENT_COLUMNS, after, needed) if columns is not None and not carefully else None
        if table is None:
            page, more = reader.events(after, _AT_ONCE_CAREFULLY, _PAGE_BYTES)
            table = as_table(EVENT_COLUMNS, page if needed is None else needed.only(page))
            more &= len(table) > 0  # a damaged index could show the same rows for ever
            # What made them doubtful may stand anywhere among those that were asked for together.
            carefully = max(0, (carefully or _AT_ONCE) - len(table))
        else:
            more = len(table) == _AT_ONCE
        if len(table):
            after = table.column("sequence")[-1].as_py()
            parts.append(table)
            rows, size = rows + len(table), size + table.nbytes
    return Page(pa.concat_tables(parts) if parts else as_table(EVENT_COLUMNS, ()), after, more)


def receipt_page(reader: DatabaseReader, after: int, *, needed: Needed | None = None) -> Page | None:
    """Receipts beyond row id ``after``, as ``event_page`` reads events; None if they have to be read row by row.

    Args:
        reader: The open database.
        after: The last row id that is known.
        needed: What of them is needed; None if all is.
    """
    import pyarrow as pa

    found = reader.types(COMMAND_RECEIPTS)
    if needed is not None:
        found = {name: kind for name, kind in found.items() if name == _RECEIPT}
    names = {name: name for name in RECEIPT_COLUMNS} | {"source_rowid": _ROWID}
    if not any(name in found for name in RECEIPT_COLUMNS):
        return None
    columns = _columns(COMMAND_RECEIPTS, _ROWID, names, dict(found) | {_ROWID: "INTEGER"})
    parts: list[pa.Table] = []
    more = True
    while more and len(parts) * _AT_ONCE < _PAGE:
        table = _read_table(reader, columns, names, after)
        if table is None:
            return None
        more = len(table) == _AT_ONCE
        if len(table):
            after = table.column("source_rowid")[-1].as_py()
        parts.append(table)
    return Page(pa.concat_tables(parts), after, more)


def _only_needed(columns: Columns, needed: Needed) -> Columns:
    """What is needed of events; all where a column is missing that tells what that is."""
    if any(EVENT_COLUMNS[name] not in columns.types for name in ("payload", "event_type", "stream_id")):
        return columns
    left = {EVENT_COLUMNS[name] for name in LEFT_OUT}
    return replace(
        columns,
        integers=tuple(name for name in columns.integers if name not in left),
        texts=(*(name for name in columns.texts if name not in left), _HEAD),
        types={name: kind for name, kind in columns.types.items() if name not in left} | {_HEAD: "TEXT"},
        instead=_replacements(columns, needed),
    )


def _replacements(columns: Columns, needed: Needed, also: Iterable[int] = ()) -> dict[str, str]:
    payload, kind, stream = (EVENT_COLUMNS[name] for name in ("payload", "event_type", "stream_id"))
    return {
        payload: needed.payload(payload, kind, stream, also, columns.key),
        _HEAD: head_of(payload, kind),
    }


def _read(
    reader: DatabaseReader, columns: Columns, after: int, needed: Needed | SecondNeeded | None
) -> pa.RecordBatch | None:
    """The next rows; of events whose first bytes do not tell that nobody needs them, the payload too."""
    batch = read_columns(reader.con, columns, after, _AT_ONCE)
    if batch is None or not isinstance(needed, Needed) or _HEAD not in columns.instead:
        return batch
    keys = batch.column(columns.key)
    also = [key for key, head in zip(keys.to_pylist(), batch.column(_HEAD).to_pylist(), strict=True)
            if head is not None and not is_idle(head)]  # fmt: skip
    if not also:
        return batch
    again = replace(columns, instead=_replacements(columns, needed, also))
    whole = read_columns(reader.con, again, after, len(batch))
    return whole if whole is not None and whole.column(columns.key).equals(keys) else None


def _columns(table: str, key: str, names: Mapping[str, str], found: Mapping[str, str]) -> Columns:
    there = {here: source for here, source in names.items() if source in found}
    return Columns(
        table,
        key,
        integers=tuple(source for here, source in there.items() if here in NUMBER_COLUMNS),
        texts=tuple(source for here, source in there.items() if here not in NUMBER_COLUMNS),
        json=frozenset(source for here, source in there.items() if here in _JSON),
        types={source: found[source] for source in there.values()},
    )


def _read_table(
    reader: DatabaseReader,
    columns: Columns,
    names: Mapping[str, str],
    after: int,
    needed: Needed | SecondNeeded | None = None,
) -> pa.Table | None:
    import pyarrow as pa

    batch = _read(reader, columns, after, needed)
    if batch is None:
        return None
    arrays = {}
    for here, source in names.items():
        if source in columns.types:
            arrays[here] = batch.column(source)
        else:
            arrays[here] = pa.nulls(len(batch), pa.int64() if here in NUMBER_COLUMNS else pa.string_view())
    return pa.table(arrays)


def as_table(names: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows that were read one by one, as a table like those that are read by column.

    Args:
        names: Columns of the store.
        rows: A value for each.
    """
    import pyarrow as pa

    found: Sequence[Mapping[str, Any]] = list(rows)
    arrays = {}
    for name in names:
        values = [row[name] for row in found]
        if name in NUMBER_COLUMNS:
            arrays[name] = numbers([v if isinstance(v, int) else None for v in values])
        else:
            arrays[name] = text_views([v if v is None or isinstance(v, str) else str(v) for v in values])
    return pa.table(arrays)
