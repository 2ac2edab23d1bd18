"""Times of events in a temporary file tell what the times of all in a list would."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

from t3lens.store import event_times
from t3lens.store.event_times import EventTimes, Fall


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Sequences and times of events, some of which fall back."""
    monkeypatch.setattr(event_times, "_AT_ONCE", 7)
    chosen = random.Random("times")
    return [(number * 3, number * 10 + chosen.randrange(-40, 40)) for number in range(1, 60)]


def _kept(events: list[tuple[int, int]]) -> EventTimes:
    kept = EventTimes()
    for start in range(0, len(events), 11):
        some = np.array(events[start : start + 11], np.int64)
        kept.add(some[:, 0], some[:, 1])
    return kept


def test_around_a_moment_stand_its_neighbours(events: list[tuple[int, int]]) -> None:
    kept = _kept(events)
    asked = [*range(-100, 800, 37), events[7][1]]
    sequences, times = kept.around(asked)
    found, every = set(times.tolist()), [at for _, at in events]
    assert set(zip(sequences.tolist(), times.tolist(), strict=True)) < set(events)
    assert {sequences.max(), sequences.min()} == {events[0][0], events[-1][0]}
    for moment in asked:
        assert max((at for at in found if at < moment), default=None) == max(
            (at for at in every if at < moment), default=None
        )
        assert min((at for at in found if at > moment), default=None) == min(
            (at for at in every if at > moment), default=None
        )
        assert (moment in found) == (moment in every)
    kept.close()


def test_of_nothing_asked_the_ends_are_kept(events: list[tuple[int, int]]) -> None:
    kept = _kept(events)
    sequences, times = kept.around([])
    every = [at for _, at in events]
    assert (times.min(), times.max(), sequences.max()) == (min(every), max(every), events[-1][0])
    assert len(sequences) <= 4
    assert [part.tolist() for part in EventTimes().around([5])] == [[], []]
    kept.close()


@pytest.mark.parametrize("by", [0, 12.5, 30])
@pytest.mark.parametrize("behind", [0, 20])
def test_falls_are_those_of_neighbours(events: list[tuple[int, int]], by: float, behind: int) -> None:
    kept = _kept(events[: len(events) - behind])
    expected = [Fall(after[0], before[1], after[1]) for before, after in pairwise(events) if before[1] - after[1] > by]
    later = events[len(events) - behind :]
    assert kept.falls(by, later, None) == expected != []
    assert kept.falls(by, later, 2) == expected[:2]
    kept.close()
