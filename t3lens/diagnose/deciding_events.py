"""What is asked of events that are beside the store's tables, and of those behind them that are in the table as ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from t3lens.diagnose import queries
from t3lens.time import SECOND

if TYPE_CHECKING:
    import duckdb

    from t3lens.store.event_file import EventsBeside

__all__ = ["AskedBeside"]

Row = tuple[Any, ...]


class AskedBeside:
    """A home's events beside the tables, as answers to the queries of single events.

    Args:
        con: The store.
        home_id: The home.
        events: Its events.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, home_id: str, events: EventsBeside) -> None:
        self._con, self._home_id = con, home_id
        self._events = events
        self._later = {
            sql: _by_thread(con, sql, home_id, events.last) for sql in (queries.STORED, queries.ANCHORS, queries.INGESTED)
        }

    @property
    def weights(self) -> Mapping[str, int]:
        """How many events there are beside the tables of each thread, and of each stream that is none."""
        return self._events.weights

    def rows(self, sql: str, threads: Sequence[str] | None, params: Mapping[str, Any]) -> Iterator[Row] | None:
        """Rows of a query of single events; None if it is none, or asks of those that are in the table.

        Args:
            sql: One of the queries of ``t3lens.diagnose.queries``.
            threads: Ids of the threads; None for all.
            params: Parameters of the query.
        """
        if sql == queries.CLOCK_FALLS:
            return self._clock_falls(params["clock"])
        later = self._later.get(sql)
        if later is None:
            return None
        asked = sorted({*self._events.weights, *later}) if threads is None else sorted(threads)
        if sql == queries.INGESTED:
            return ((thread,) for thread in asked if thread in self._events.ingested or thread in later)
        if sql == queries.STORED:
            return (row for thread in asked for row in (*self._events.stored.of(thread), *later.get(thread, ())))
        return (row for thread in asked for row in self._anchors(thread, later.get(thread, [])))

    def _clock_falls(self, seconds: float) -> Iterator[Row]:
        given = {"home": self._home_id, "last": self._events.last}
        later = self._con.execute(queries.TIMES_BEHIND, given).fetchall()
        return iter(self._events.times.falls(seconds * SECOND, later, queries.most_of(queries.CLOCK_FALLS)))

    def _anchors(self, thread: str, later: list[Row]) -> Iterator[Row]:
        """The first sequence of each canonical event."""
        first: dict[str, int] = {}
        before = self._events.anchors.of(thread) if self._events.anchors is not None else []
        for _, event_id, sequence in (*before, *later):
            first.setdefault(event_id, sequence)
        return ((thread, event_id, sequence) for event_id, sequence in first.items())


def _by_thread(con: duckdb.DuckDBPyConnection, sql: str, home_id: str, last: int) -> dict[str, list[Row]]:
    """What a query gives of the events behind one, by thread."""
    restricted, values = queries.only(sql.replace("@stored_until(sequence)", f"sequence > {last}"), None)
    found: dict[str, list[Row]] = {}
    for row in con.execute(restricted, values | {"home": home_id}).fetchall():
        found.setdefault(row[0], []).append(row)
    return found
