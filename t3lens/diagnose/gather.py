"""From the store to facts: who reads a home depends on the data model of the database that is in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from t3lens.diagnose import queries
from t3lens.diagnose.facts import HomeFacts, ModelInUse
from t3lens.diagnose.gatherer import Gatherer, why_cut_off
from t3lens.diagnose.in_time import asked_in_time
from t3lens.diagnose.v2.gather import SecondGatherer

if TYPE_CHECKING:
    import duckdb

    from t3lens.diagnose.options import Thresholds
    from t3lens.store import Store
    from t3lens.time import Micros

__all__ = ["gather"]


def gather(
    store: Store,
    home_id: str,
    thresholds: Thresholds,
    threads: Sequence[str] | None = None,
    known: HomeFacts | None = None,
    *,
    protocol: int | None = None,
    until: Micros | None = None,
    failure: Exception | None = None,
) -> HomeFacts:
    """Read what the store knows of a home.

    Args:
        store: Where it was ingested.
        home_id: Which home.
        thresholds: Only the clock threshold is used here.
        threads: Restrict to these thread ids; None for all.
        known: What was gathered of the whole home before: with ``threads``, its home-wide totals are taken over
            instead of counted again.
        protocol: The orchestration protocol its server names, if it names one.
        until: Leave out records that are newer, microseconds UTC; rows are as they are now (``past``).
        failure: What went wrong when it was judged: then nothing but its threads' names is read.

    Raises:
        InputError: The store has no such home.
        TookTooLong: There is no time left to judge it.
    """
    cut_off = why_cut_off(store, home_id)
    with store.read() as con, asked_in_time(con):
        only = list(threads) if threads is not None else None
        gatherer = _gatherer(con, home_id)(con, home_id, thresholds, only, protocol, until, cut_off=cut_off, failure=failure)
        return gatherer.home() if known is None or threads is None else gatherer.again(known)


def _gatherer(con: duckdb.DuckDBPyConnection, home_id: str) -> type[Gatherer]:
    """Who reads a home: by the data model of the database that is in use."""
    rows = con.execute(queries.MODEL, {"home": home_id}).fetchall()
    if not any(model == ModelInUse.SECOND for (model,) in rows):
        return Gatherer
    return SecondGatherer
