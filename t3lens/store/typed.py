"""Rows as an Arrow table, or as columns for one statement, whose types are written beside their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from t3lens.store.given import FLAG, NUMBER, TEXT, TEXTS, TIME, Column, execute_with

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["insert_typed", "typed_table"]

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
    arrays = [pa.array(column, type=field.type) for column, field in zip(values, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
