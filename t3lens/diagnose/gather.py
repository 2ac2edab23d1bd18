"""From the store to facts: who reads a home depends on the data model of the database that is in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from t3lens.diagnose import queries
from t3lens.diagnose.facts import HomeFacts, ModelInUse, ThreadFacts
from t3lens.diagnose.gatherer import Gatherer, why_cut_off
from t3lens.diagnose.home_queries import QueriedHome, QueriedHomes
from t3lens.diagnose.streams import Streams
from t3lens.diagnose.time_limit import asked_in_time
from t3lens.diagnose.v2.gather import SecondGatherer

if TYPE_CHECKING:
    import duckdb

    from t3lens.diagnose.options import Thresholds
    from t3lens.store import Store
    from t3lens.time import Micros

__all__ = ["Parts", "gather", "gather_in_parts"]

_RECORDS_OF_A_PART: Final = 40_000
"""So many records are judged together: many enough that asking for them does not count."""


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
    together: QueriedHomes | None = None,
) -> HomeFacts:
    """Read what the store knows of a home.

    Args:
        store: Where it was ingested.
        home_id: Id of the home.
        thresholds: Only the clock threshold is used here.
        threads: Restrict to these thread ids; None for all.
        known: What was gathered of the whole home before: with ``threads``, its home-wide totals are taken over
            instead of counted again.
        protocol: The orchestration protocol its server names, if it names one.
        until: Leave out records that are newer, microseconds UTC; rows are as they are now (``past``).
        failure: What went wrong when it was judged: then nothing but its threads' names is read.
        together: With which other homes the store is asked; not with ``threads`` or ``until``.

    Raises:
        InputError: The store has no such home.
        TookTooLong: There is no time left to judge it.
    """
    with ExitStack() as stack:

        def connection() -> duckdb.DuckDBPyConnection:
            con = stack.enter_context(store.read())
            stack.enter_context(asked_in_time(con))
            return con

        asked = QueriedHome.of(store, connection(), home_id, together)
        cut_off = why_cut_off(store, asked)
        only = list(threads) if threads is not None else None
        of_model = _gatherer(asked)
        gatherer = of_model(
            asked, thresholds, only, protocol, until, cut_off=cut_off, failure=failure, connections=connection
        )
        try:
            return gatherer.home() if known is None or threads is None else gatherer.again(known)
        finally:
            gatherer.close()


@dataclass(frozen=True, slots=True)
class Parts:
    """A home whose threads are read some at a time.

    Attributes:
        store: Where it was ingested.
        home: All of it but its threads' records.
        thresholds: Only the clock threshold is used.
        protocol: The orchestration protocol its server names, if it names one.
        weights: Its threads, and streams that are none, with the number of their records.
        of_model: Who reads them.
    """

    store: Store
    home: HomeFacts
    thresholds: Thresholds
    protocol: int | None
    weights: Mapping[str, int]
    of_model: type[Gatherer]

    def of(self, threads: Sequence[str] | None = None) -> Iterator[dict[str, ThreadFacts]]:
        """Everything known of some threads by their ids, a part after the other.

        Args:
            threads: Their ids; None for all.

        Raises:
            TookTooLong: There is no time left to judge the home.
        """
        with ExitStack() as stack:
            streams = None

            def connection() -> duckdb.DuckDBPyConnection:
                con = stack.enter_context(self.store.read())
                stack.enter_context(asked_in_time(con))
                return con

            if self.home.home_id in self.store.beside:
                stack.enter_context(self.store.with_less_memory())
            asked = QueriedHome.of(self.store, connection(), self.home.home_id)
            if threads is None:
                streams = Streams(connection)
                owners = self.of_model(asked, self.thresholds, None, self.protocol).owners(streams)
                threads = sorted({*self.weights, *self.home.threads, *owners})
            for part in self._split(threads):
                yield self.of_model(asked, self.thresholds, part, self.protocol).records(self.home, streams)

    def _split(self, threads: Sequence[str]) -> Iterator[list[str]]:
        part: list[str] = []
        size = 0
        for thread in threads:
            weight = self.weights.get(thread, 0)
            if part and size + weight > _RECORDS_OF_A_PART:
                yield part
                part, size = [], 0
            part.append(thread)
            size += weight
        if part:
            yield part


def gather_in_parts(store: Store, home_id: str, thresholds: Thresholds, *, protocol: int | None = None) -> Parts | None:
    """Read what the store knows of a home, its threads' records some at a time.

    Args:
        store: Where it was ingested.
        home_id: Id of the home.
        thresholds: Only the clock threshold is used here.
        protocol: The orchestration protocol its server names, if it names one.

    Returns:
        None if it has to be read at once, or may: it is small; it cannot be judged; or its database may be older than its
        logs, which all of them tell together.

    Raises:
        InputError: The store has no such home.
        TookTooLong: There is no time left to judge it.
    """
    with store.read() as con, asked_in_time(con):
        asked = QueriedHome.of(store, con, home_id)
        of_model = _gatherer(asked)
        gatherer = of_model(asked, thresholds, None, protocol, cut_off=why_cut_off(store, asked))
        weights = gatherer.weights()
        if sum(weights.values()) <= _RECORDS_OF_A_PART:
            return None
        home = gatherer.home(brief=True)
        first = home.model is ModelInUse.FIRST
        if home.standing.cannot_judge is not None or (first and gatherer.could_be_outdated(home)):
            return None
    return Parts(store, home, thresholds, protocol, weights, of_model)


def _gatherer(asked: QueriedHome) -> type[Gatherer]:
    """Who reads a home: by the data model of the database that is in use."""
    is_second = any(model == ModelInUse.SECOND for (model,) in asked.rows(queries.MODEL))
    return SecondGatherer if is_second else Gatherer
