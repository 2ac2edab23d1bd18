"""Time travel gives what replaying the prefix gives, and costs a few events however long the thread is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.replay import long_thread
from t3lens.domain.event import Event
from t3lens.domain.state import EMPTY
from t3lens.t3code.v1.lifecycle import history as history_module
from t3lens.t3code.v1.lifecycle import reducer
from t3lens.t3code.v1.lifecycle.history import History
from t3lens.t3code.v1.lifecycle.reducer import replay, transitions
from t3lens.t3code.v1.rules import PROFILES, Rules, profile
from tests.recordings import needs_recordings
from tests.t3code.streams import profiles, recorded_streams, streams_with_repeats, times

both_streams = streams_with_repeats()
spans = st.integers(1, 7)


@given(both=both_streams, rules=profiles, every=spans, at=times)
@settings(max_examples=200)
def test_the_state_at_a_time_is_the_replay_of_what_had_happened(
    both: tuple[list[Event], list[Event]], rules: Rules, every: int, at: int
) -> None:
    _, events = both
    happened: list[Event] = []
    for event in events:
        if event.at > at:
            break
        happened.append(event)
    history = History(events, rules, every=every)
    assert history.count_at(at) == len(happened)
    assert history.state_at(at) == replay(happened, rules)


@given(both=both_streams, rules=profiles, every=spans, data=st.data())
@settings(max_examples=200)
def test_steps_are_those_of_the_replay_in_whatever_order_one_looks(
    both: tuple[list[Event], list[Event]], rules: Rules, every: int, data: st.DataObject
) -> None:
    _, events = both
    history = History(events, rules, every=every)
    expected = list(transitions(events, rules))
    assert list(history.transitions) == [made for _, made in expected]
    for index in data.draw(st.permutations(range(len(events)))):
        assert history.step(index) == expected[index]
        assert history.step(index - len(events)) == expected[index]
        assert history.state_after(index) == (expected[index - 1][0] if index else EMPTY)
    assert history.final == (expected[-1][0] if expected else EMPTY)


@given(both=both_streams, rules=profiles, every=spans, cut=st.integers(0, 40))
@settings(max_examples=100)
def test_a_history_that_goes_on_is_the_history_of_the_whole(
    both: tuple[list[Event], list[Event]], rules: Rules, every: int, cut: int
) -> None:
    _, events = both
    history = History(events[:cut], rules, every=every)
    history.extend(events[cut:])
    whole = History(events, rules, every=every)
    assert list(history.transitions) == list(whole.transitions)
    assert [history.state_after(n) for n in range(len(events) + 1)] == [whole.state_after(n) for n in range(len(events) + 1)]


@needs_recordings
def test_recorded_threads_can_be_travelled_in() -> None:
    for name, events in recorded_streams():
        for rules in PROFILES.values():
            history = History(events, rules, every=5)
            for number, (state, _) in enumerate(transitions(events, rules), start=1):
                assert history.state_after(number) == state, name


def test_a_look_into_a_very_long_thread_replays_only_a_few_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = profile("settle")
    events = long_thread(0, 1_000)
    history = History(events, rules)
    replayed: list[int] = []

    def counted(part: list[Event], *rest: object) -> object:
        replayed.append(len(part))
        return reducer.replay(part, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(history_module, "replay", counted)
    for at in (events[0].at, events[7_777].at, events[12_345].at, events[-1].at):
        state = history.state_at(at)
        assert state.last_event_at == at
    assert len(replayed) == 3, "the newest state is at hand"
    assert max(replayed) < 256


def test_a_state_that_there_is_not_is_an_index_error() -> None:
    history = History(long_thread(0, 1), profile("settle"))
    for count in (-1, len(history) + 1):
        with pytest.raises(IndexError, match="events"):
            history.state_after(count)
    with pytest.raises(IndexError):
        history.step(len(history))
    with pytest.raises(ValueError, match="at least 1"):
        History([], profile("settle"), every=0)
