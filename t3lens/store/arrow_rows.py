"""Rows as an Arrow table, or as columns for one statement, whose types are written beside their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from t3lens.store.bind_rows import FLAG, NUMBER, TEXT, TEXTS, TIME, Column, execute_with

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["insert_typed", "repeated", "typed_table"]

_KINDS: Final = {"@": TIME, "#": NUMBER, "?": FLAG, "*": TEXTS}


def insert_typed(con: duckdb.DuckDBPyConnection, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Put rows into a table of the store.

    Args:
        con: The store, in a transaction.
        table: Its name.
        columns: As for ``typed_table``.
        rows: A value for each column.
    """
    if not rows:
        return
    given = {
        name.rstrip("@#?*"): Column(_KINDS.get(name[-1], TEXT), column)
        for name, column in zip(columns.split(), zip(*rows, strict=True), strict=True)
    }
    execute_with(con, f"INSERT INTO {table} BY NAME FROM incoming", given, arrow=lambda: typed_table(columns, rows))


def typed_table(columns: str, rows: Iterable[tuple[Any, ...]]) -> pa.Table:
    """Rows as a table.

    Args:
        columns: Names in order; ``@`` behind one is a time (microseconds UTC), ``#`` an integer, ``?`` a boolean, ``*`` a
            list of strings, nothing a string.
        rows: A value for each column.
    """
    import pyarrow as pa

    types = {
        "@": pa.timestamp("us", tz="UTC"),
        "#": pa.int64(),
        "?": pa.bool_(),
        "*": pa.list_(pa.string()),
    }
    names = columns.split()
    schema = pa.schema([(name.rstrip("@#?*"), types.get(name[-1], pa.string())) for name in names])
    values = list(zip(*rows, strict=True)) or [()] * len(names)
    arrays = [_array(column, field.type) for column, field in zip(values, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Values as one column. ``pa.array`` would do, but imports pandas to see whether they are some of its own."""
    import numpy as np
    import pyarrow as pa

    known = np.fromiter((value is not None for value in values), np.bool_, len(values))
    valid = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
    if pa.types.is_string(kind):
        encoded = [b"" if value is None else value.encode() for value in values]
        return pa.Array.from_buffers(kind, len(values), [valid, _offsets(encoded), pa.py_buffer(b"".join(encoded))])
    if pa.types.is_list(kind):
        lists = [value or () for value in values]
        inner = _array([one for value in lists for one in value], kind.value_type)
        return pa.Array.from_buffers(kind, len(values), [valid, _offsets(lists)], children=[inner])
    plain = (value or 0 for value in values)
    if pa.types.is_boolean(kind):
        data = np.packbits(np.fromiter(plain, np.bool_, len(values)), bitorder="little")
    else:
        data = np.fromiter(plain, np.int64, len(values))
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(data)])


def _offsets(parts: Sequence[Any]) -> pa.Buffer:
    """Where each part begins, and where the last one ends."""
    import numpy as np
    import pyarrow as pa

    ends = np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)))
    if len(ends) and ends[-1] > np.iinfo(np.int32).max:
        raise OverflowError("more text than one column takes")
    return pa.py_buffer(np.concatenate(([0], ends)).astype(np.int32))


def repeated(text: str, times: int) -> pa.Array:
    """A column with the same text in each row."""
    import pyarrow as pa

    return _array([text] * times, pa.string())
