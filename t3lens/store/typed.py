"""Rows as an Arrow table whose column types are written beside their names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["typed_table"]


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
    arrays = [pa.array(column, type=field.type) for column, field in zip(values, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
