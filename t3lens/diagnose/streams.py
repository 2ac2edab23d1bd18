"""Records of all threads of a home, read once from the first thread to the last, and handed out some threads at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, Final

from t3lens.diagnose import queries
from t3lens.store.bare_engine import with_relations

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["Streams", "rows_of", "values_of"]

_AT_ONCE: Final = 4096
"""Rows that are held as Python values, of each query: few enough that the processor has them at hand."""
_MANY: Final = 512
"""So many texts tell whether those of a column repeat."""


class Streams:
    """Queries whose rows come in order of thread, each held open until all of them were taken.

    Each is put in order by itself and kept as a table of its connection: to hold several sorts open takes more memory the
    more rows there are.

    Args:
        connection: Gives a connection for one query; what is to be done with it when all is over is the caller's.
    """

    def __init__(self, connection: Callable[[], duckdb.DuckDBPyConnection]) -> None:
        self._connection = connection
        self._open: dict[str, _Rows] = {}
        self._ordered: dict[str, duckdb.DuckDBPyConnection] = {}

    def rows(self, sql: str, params: dict[str, Any], threads: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Rows of some threads; their id is the first column.

        Args:
            sql: One of the queries of records.
            params: Parameters of the statement.
            threads: Ids of the threads, in order, and beyond all that were asked for before.
        """
        if sql not in self._open:
            con = self._in_order(sql, params)
            self._open[sql] = _Rows(_python_values(with_relations(con).sql("from in_order").to_arrow_reader(_AT_ONCE)))
        return self._open[sql].up_to(threads[-1]) if threads else iter(())

    def threads(self, sql: str, params: dict[str, Any]) -> list[str]:
        """Ids of the threads that have rows.

        Args:
            sql: One of the queries of records.
            params: Parameters of the statement.
        """
        found = self._in_order(sql, params).execute("select distinct #1 from in_order").fetchall()
        return [thread for (thread,) in found]

    def _in_order(self, sql: str, params: dict[str, Any]) -> duckdb.DuckDBPyConnection:
        """A connection with the rows of a query, in order of thread."""
        if sql not in self._ordered:
            restricted, _ = queries.only(sql, None)
            ordered = restricted if "order by" in restricted else f"{restricted} order by thread_id"
            given = {name: value for name, value in params.items() if f"${name}" in restricted}
            con = self._ordered[sql] = self._connection()
            con.execute(f"create temp table in_order as ({ordered})", given)
        return self._ordered[sql]


class _Rows:
    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def up_to(self, thread: str) -> Iterator[tuple[Any, ...]]:
        while self._next is not None and self._next[0] <= thread:
            yield self._next
            self._next = next(self._rows, None)


def rows_of(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The rows of a table as Python values, some at a time."""
    return _python_values(table.to_batches(max_chunksize=_AT_ONCE))


def _python_values(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[Any, ...]]:
    return chain.from_iterable(zip(*columns, strict=True) for columns in _columns(batches))


def _columns(batches: Iterable[pa.RecordBatch]) -> Iterator[list[Iterable[Any]]]:
    repeat: list[bool] | None = None
    for batch in batches:
        if repeat is None:  # as it begins, it goes on
            repeat = [_repeats(column) for column in batch.columns]
        yield [_values(column, repeats) for column, repeats in zip(batch.columns, repeat, strict=True)]


def values_of(column: pa.ChunkedArray | pa.Array) -> Iterable[Any]:
    """A column as Python values; lists of one length (``json_extract_string`` of so many paths) are cut out of one list.

    Of texts that repeat (types, turns, files) each is made once: millions of them are most of what a large home takes.
    """
    return _values(column, _repeats(column))


def _values(column: pa.ChunkedArray | pa.Array, repeats: bool) -> Iterable[Any]:
    import pyarrow as pa

    if repeats:
        return _shared(column)
    if not pa.types.is_list(column.type):
        return list(column.to_pylist())
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    ends = whole.offsets.to_pylist()
    width = ends[1] - ends[0] if len(ends) > 1 else 0
    if not width or whole.null_count or any(b - a != width for a, b in pairwise(ends)):
        return list(whole.to_pylist())
    flat = whole.flatten().to_pylist()
    return (flat[at : at + width] for at in range(0, len(flat), width))


def _repeats(column: pa.ChunkedArray | pa.Array) -> bool:
    """Whether a column holds texts and says the same again and again, by how it begins."""
    import pyarrow as pa

    texts = pa.types.is_string(column.type) and len(column) >= _MANY
    return texts and len(column.slice(0, _MANY).unique()) <= _MANY // 2


def _shared(column: pa.ChunkedArray | pa.Array) -> Iterable[Any]:
    """A column of texts as Python values, each text made once."""
    import pyarrow as pa

    coded = column.dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    indices = coded.indices
    texts = coded.dictionary.to_pylist()
    if indices.null_count:
        return [None if at is None else texts[at] for at in indices.to_pylist()]
    # as NumPy, or with nulls filled, they would make pyarrow import pandas
    numbers = memoryview(indices.buffers()[1]).cast("i")
    return map(texts.__getitem__, numbers[indices.offset : indices.offset + len(indices)])
