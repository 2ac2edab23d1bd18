"""Rows of single records as the records that rules read: what is made of what the gatherer asked.

A large home has hundreds of thousands of them, so they are made column by column, some at a time: a loop over rows takes
longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, repeat

from t3lens.diagnose.facts import LogLine
from t3lens.diagnose.home_queries import Row
from t3lens.diagnose.payloads import LoggedPayloads, stored_payloads
from t3lens.domain.event import Event
from t3lens.t3code.v1.log_grammar import CANONICAL

__all__ = ["Logged", "Stored", "logged", "stored"]

_AT_ONCE = 1024
"""Rows that are made records together."""


@dataclass(frozen=True, slots=True)
class Logged:
    """Canonical events of a thread that follow one another in its log, and where each stands.

    Attributes:
        thread_id: Whose they are.
        events: The events, in log order.
        lines: The line of each.
    """

    thread_id: str
    events: list[Event]
    lines: list[LogLine]

    def stand_at(self, known: dict[str, LogLine]) -> dict[str, LogLine]:
        """Where the first record of each event stands, by the event's id.

        Args:
            known: What earlier lines of the thread told; it may be changed.
        """
        ids = [event.event_id for event in self.events]
        if not known:
            known = dict(zip(ids, self.lines, strict=True))
            if len(known) == len(ids):
                return known
            known = {}  # an event that was written twice stands where it was written first
        for event_id, line in zip(ids, self.lines, strict=True):
            known.setdefault(event_id, line)
        return known


@dataclass(frozen=True, slots=True)
class Stored:
    """Stored events of a thread that follow one another.

    Attributes:
        thread_id: Whose they are.
        events: The events by sequence.
    """

    thread_id: str
    events: list[Event]


def logged(rows: Iterator[Row]) -> Iterator[Logged]:
    """Canonical events; a thread may come again.

    Args:
        rows: As ``queries.CANONICAL`` gives them.
    """
    payloads = LoggedPayloads()
    for some in _some_at_a_time(rows):
        (
            threads,
            ids,
            kinds,
            times,
            turns,
            items,
            requests,
            providers,
            instances,
            paths,
            lines,
            offsets,
            values,
        ) = zip(*some, strict=True)
        events = list(
            map(
                Event,
                ids,
                kinds,
                times,
                _said(turns),
                _said(items),
                _said(requests),
                providers,
                instances,
                payloads.of_all(values),
            )
        )
        places = list(map(LogLine, paths, lines, offsets, times, repeat(CANONICAL), kinds))
        for begin, end in _runs(threads):
            yield Logged(threads[begin], events[begin:end], places[begin:end])


def stored(rows: Iterator[Row]) -> Iterator[Stored]:
    """Stored events that decide how a thread stands; a thread may come again.

    Args:
        rows: As ``queries.STORED`` gives them.
    """
    for some in _some_at_a_time(rows):
        threads, sequences, ids, kinds, times, commands, contents = zip(*some, strict=True)
        payloads = stored_payloads(kinds, contents)
        nothing = repeat(None)
        events = list(
            map(
                Event,
                ids,
                kinds,
                times,
                _texts([payload.get("turnId") for payload in payloads]),
                nothing,
                _texts([payload.get("requestId") for payload in payloads]),
                nothing,
                nothing,
                payloads,
                sequences,
                commands,
            )
        )
        for begin, end in _runs(threads):
            yield Stored(threads[begin], events[begin:end])


def _said(ids: Sequence[str | None]) -> list[str | None]:
    """An id that is empty names nothing."""
    return [one or None for one in ids]


def _texts(values: Sequence[object]) -> list[str | None]:
    return [value if isinstance(value, str) and value else None for value in values]


def _runs(threads: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where the rows of a thread that follow one another begin and end."""
    ends = [at for at, (one, other) in enumerate(pairwise(threads), 1) if one != other]
    return zip([0, *ends], [*ends, len(threads)], strict=True)


def _some_at_a_time(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while some := list(islice(rows, _AT_ONCE)):
        yield some
