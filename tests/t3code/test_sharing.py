"""States share what they have in common, and one never sees what another one added."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from t3lens.domain.event import Event
from t3lens.domain.layered_mapping import put
from t3lens.domain.seen_events import NOTHING, SeenEvents
from t3lens.domain.state import EMPTY
from t3lens.t3code.v1.lifecycle.reducer import reduce
from t3lens.t3code.v1.rules import REFERENCE

KEYS = 80


@given(changes=st.lists(st.tuples(st.integers(0, KEYS), st.integers()), min_size=60, max_size=250))
@settings(max_examples=60)
def test_a_layered_mapping_is_the_dict_it_stands_for(changes: list[tuple[int, int]]) -> None:
    mapping: Mapping[int, int] = {}
    plain: dict[int, int] = {}
    for key, value in changes:
        before, copy = mapping, dict(plain)
        mapping = put(mapping, key, value)
        plain[key] = value
        assert dict(before) == copy, "the old mapping is untouched"
    assert mapping == plain
    assert list(mapping.items()) == list(plain.items())
    assert list(reversed(mapping)) == list(reversed(plain))
    assert (len(mapping), repr(mapping)) == (len(plain), repr(plain))
    for key in range(KEYS + 1):
        assert (key in mapping, mapping.get(key)) == (key in plain, plain.get(key))


def _all(seen: SeenEvents, ids: list[str]) -> SeenEvents:
    for event_id in ids:
        seen = seen.plus(event_id) or seen
    return seen


words = st.lists(st.sampled_from("abcdefgh"), max_size=12)


@given(first=words, one=words, other=words)
@settings(max_examples=300)
def test_two_sets_grown_from_one_hold_each_its_own(first: list[str], one: list[str], other: list[str]) -> None:
    start = _all(NOTHING, first)
    left, right = _all(start, one), _all(start, other)
    for seen, held in ((start, first), (left, first + one), (right, first + other)):
        assert len(seen) == len(set(held))
        assert [each for each in "abcdefgh" if each in seen] == sorted(set(held))
        assert seen == _all(NOTHING, held)
    assert NOTHING.plus("a") is not None
    assert len(NOTHING) == 0


def test_an_id_is_taken_once() -> None:
    seen = NOTHING.plus("a")
    assert seen is not None
    assert seen.plus("a") is None
    assert seen != NOTHING
    assert hash(seen) == hash(NOTHING.plus("a"))
    assert seen != "a"


def test_an_event_without_an_id_is_no_repetition_of_another() -> None:
    assert NOTHING.plus("") == NOTHING
    once, _ = reduce(EMPTY, Event(event_id="", type="turn.started", at=1, turn_id="T"), REFERENCE)
    ended, made = reduce(once, Event(event_id="", type="turn.completed", at=2, turn_id="T"), REFERENCE)
    assert made.applied
    assert ended.status == "ready"


def test_threads_that_continue_one_set_at_once_do_not_mix() -> None:
    start = _all(NOTHING, [f"common-{number}" for number in range(50)])
    ready = threading.Barrier(8)
    grown: dict[int, SeenEvents] = {}

    def grow(worker: int) -> None:
        ready.wait()
        grown[worker] = _all(start, [f"{worker}-{number}" for number in range(200)])

    workers = [threading.Thread(target=grow, args=(worker,)) for worker in range(8)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    for worker, seen in grown.items():
        assert len(seen) == 250
        assert all((f"{other}-0" in seen) == (other == worker) for other in range(8))
