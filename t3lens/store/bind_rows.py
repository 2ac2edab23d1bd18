"""Rows from Python for one statement: a few go as its parameters, many as Arrow, whose import costs more than a few rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from t3lens.store.bare_engine import with_relations

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["FEW", "FLAG", "NUMBER", "REAL", "TEXT", "TEXTS", "TIME", "UNSIGNED", "Column", "execute_with"]

TEXT: Final = "unnest({}::VARCHAR[])"
NUMBER: Final = "unnest({}::BIGINT[])"
UNSIGNED: Final = "unnest({}::UBIGINT[])"
REAL: Final = "unnest({}::DOUBLE[])"
FLAG: Final = "unnest({}::BOOLEAN[])"
TEXTS: Final = "unnest({}::VARCHAR[][])"
TIME: Final = "make_timestamptz(unnest({}::BIGINT[]))"
"""Microseconds UTC."""

FEW: Final = 1_000
"""Rows that go as parameters."""


class Column(NamedTuple):
    """Values of one column and what they are: one of the kinds of this module."""

    kind: str
    values: Sequence[Any]


def execute_with(
    con: duckdb.DuckDBPyConnection,
    sql: str,
    columns: Mapping[str, Column],
    params: Sequence[Any] | Mapping[str, Any] = (),
    *,
    name: str = "incoming",
    arrow: Callable[[], pa.Table],
) -> list[tuple[Any, ...]]:
    """Run a statement that reads rows from Python.

    Args:
        con: A connection.
        sql: The statement; it may begin with no ``WITH`` of its own.
        columns: The rows, by the names the statement knows; all of one length.
        params: Values for its ``?`` or ``$name``.
        name: What the statement calls the rows.
        arrow: Makes a table of the same rows, where they are many.

    Returns:
        What the statement gives.
    """
    if len(next(iter(columns.values())).values) <= FEW:
        marks = [f"given_{place}" for place in range(len(columns))]
        values = [list(column.values) for column in columns.values()]
        named = isinstance(params, Mapping)
        given = ", ".join(
            f'{column.kind.format(f"${mark}" if named else "?")} AS "{one}"'
            for mark, (one, column) in zip(marks, columns.items(), strict=True)
        )
        whole = f"WITH {name} AS (SELECT {given}) {sql}"
        if isinstance(params, Mapping):
            return con.execute(whole, {**dict(zip(marks, values, strict=True)), **params}).fetchall()
        return con.execute(whole, [*values, *params]).fetchall()
    with_relations(con).register(name, arrow())
    try:
        return con.execute(sql, params).fetchall()
    finally:
        con.unregister(name)
