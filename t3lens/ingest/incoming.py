"""Rows that were read in Python, for one statement of the store that calls them ``incoming``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from t3lens.store.bind_rows import FLAG, TEXT, TEXTS, UNSIGNED, Column, execute_with

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["execute_incoming"]


def execute_incoming(
    con: duckdb.DuckDBPyConnection,
    sql: str,
    columns: Mapping[str, Column],
    params: Sequence[Any] | Mapping[str, Any] = (),
) -> list[tuple[Any, ...]]:
    """Run a statement over some rows.

    Args:
        con: The store.
        sql: The statement.
        columns: The rows, by the names the statement knows: texts, whole numbers, truth values or lists of texts.
        params: Its parameters.

    Returns:
        What the statement gives.
    """
    return execute_with(con, sql, columns, params, arrow=partial(_table, columns))


def _table(columns: Mapping[str, Column]) -> pa.Table:
    import pyarrow as pa

    from t3lens.ingest.arrow import flags, lists, numbers, strings

    make: dict[str, Any] = {TEXT: strings, TEXTS: lists, FLAG: flags, UNSIGNED: partial(numbers, unsigned=True)}
    return pa.table({name: make.get(column.kind, numbers)(column.values) for name, column in columns.items()})
