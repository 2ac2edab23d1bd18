"""A person's own SQL: one statement, read-only, over the documented views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from t3lens.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from t3lens.store.store import Store

__all__ = ["read_only"]


def read_only(store: Store, query: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> pd.DataFrame:
    """The result of one query as a DataFrame.

    Args:
        store: The store to ask.
        query: One statement that only reads.
        params: Values for ``?`` or ``$name``.

    Raises:
        UsageError: It is no single reading statement, or DuckDB refuses it; the message is DuckDB's.
    """
    import duckdb

    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise UsageError(f"the query does not parse: {error}", code="bad-sql") from None
    if len(statements) != 1:
        raise UsageError(f"one statement at a time; this has {len(statements)}", code="bad-sql")
    kind = statements[0].type
    if kind not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
        raise UsageError(
            f"only reading is allowed here, and this is a {kind.name} statement; the views are: see `from homes`",
            code="read-only",
        )
    with store.read() as con:
        try:
            values = dict(params) if isinstance(params, Mapping) else list(params)
            frame: pd.DataFrame = con.sql(query, params=values).to_arrow_table().to_pandas()
            return frame
        except duckdb.Error as error:
            raise UsageError(f"the query failed: {error}", code="bad-sql") from None
