"""A person's own SQL: one statement, read-only, over the documented views."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from t3lens.errors import UsageError
from t3lens.store.bare_engine import with_relations
from t3lens.store.read_only import named_tables, refusal

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from t3lens.store.store import Store

__all__ = ["given_up_after", "read_only", "tables_in"]


def read_only(
    store: Store,
    query: str,
    params: Sequence[Any] | Mapping[str, Any] = (),
    *,
    timeout: float | None = None,
) -> pd.DataFrame:
    """The result of one query as a DataFrame.

    Three things keep it from changing anything: what it says is looked through before it runs, it runs in a
    transaction that cannot write, and the store's connections reach no file but the store.

    Args:
        store: The store to ask.
        query: One statement that only reads.
        params: Values for ``?`` or ``$name``.
        timeout: Seconds after which it is given up; None waits as long as it takes.

    Raises:
        UsageError: It is no single reading statement, it took too long, or DuckDB refuses it; the message is DuckDB's.
    """
    import duckdb

    with store.read() as con:
        reason = refusal(con, query)
        if reason is not None:
            raise UsageError(reason, code="read-only")
        values = dict(params) if isinstance(params, Mapping) else list(params)
        con.execute("BEGIN TRANSACTION READ ONLY")
        try:
            with given_up_after(con, timeout):
                return _with_order(with_relations(con).sql(query, params=values).to_arrow_table().to_pandas())
        except duckdb.InterruptException:
            raise UsageError(f"the query was given up after {timeout:g} s; ask for less", code="timeout") from None
        except duckdb.Error as error:
            raise UsageError(f"the query failed: {error}", code="bad-sql") from None
        finally:
            with suppress(duckdb.Error):
                con.execute("ROLLBACK")


def tables_in(store: Store, query: str) -> frozenset[str]:
    """The names of tables and views that a query asks, in lower case; empty if it does not parse."""
    with store.read() as con:
        return named_tables(con, query)


def _with_order(frame: pd.DataFrame) -> pd.DataFrame:
    """A result whose ENUMs compare as they do in SQL; Arrow hands their words over in order, and does not say so."""
    for place, kind in enumerate(frame.dtypes):
        if kind == "category":
            frame.isetitem(place, frame.iloc[:, place].array.as_ordered())
    return frame


@contextmanager
def given_up_after(con: duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[None]:
    """For a block, interrupt what ``con`` does when it takes longer.

    Args:
        con: The connection.
        seconds: How long; None for as long as it takes.
    """
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, _interrupt, [con])
    timer.daemon = True
    try:
        timer.start()
        yield
    finally:
        timer.cancel()
        if timer.is_alive():
            timer.join()


def _interrupt(con: duckdb.DuckDBPyConnection) -> None:
    import duckdb

    with suppress(duckdb.Error):  # it was closed meanwhile
        con.interrupt()
