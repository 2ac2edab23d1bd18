"""A look into a replay gives what replaying the beginning gives, and costs a few events however long the thread is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.replay import long_thread
from t3lens.diagnose import replays
from t3lens.diagnose.replays import replay_thread
from t3lens.domain.event import Event
from t3lens.domain.state import EMPTY
from t3lens.t3code.v1.lifecycle.reducer import transitions
from t3lens.t3code.v1.rules import PROFILES, Rules, profile
from tests.recordings import needs_recordings
from tests.t3code.streams import profiles, recorded_streams, streams_with_repeats


@given(both=streams_with_repeats(), rules=profiles, every=st.integers(1, 7), data=st.data())
@settings(max_examples=200)
def test_states_and_transitions_are_those_of_the_steps_in_whatever_order_one_looks(
    both: tuple[list[Event], list[Event]], rules: Rules, every: int, data: st.DataObject
) -> None:
    _, events = both
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replays, "_KEPT_EVERY", every)
        replay = replay_thread(events, rules)
        steps = list(transitions(events, rules))
        states = [EMPTY, *(state for state, _ in steps)]
        for number in data.draw(st.permutations(range(len(states)))):
            assert replay.state_after(number) == states[number]
            if number:
                assert replay.transition_at(number) == steps[number - 1][1]
    assert [*replay.states] == states[1:]
    assert [replay.state_after(number) for number in range(len(states))] == states


@needs_recordings
def test_recorded_threads_can_be_travelled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "_KEPT_EVERY", 5)
    for name, events in recorded_streams():
        for rules in PROFILES.values():
            replay = replay_thread(events, rules)
            for number, (state, told) in enumerate(transitions(events, rules), start=1):
                assert (replay.state_after(number), replay.transition_at(number)) == (state, told), name


def test_a_look_into_a_very_long_thread_replays_only_a_few_events(monkeypatch: pytest.MonkeyPatch) -> None:
    events = long_thread(0, 1_000)
    replayed: list[int] = []
    whole: list[int] = []
    real, steps = replays.replay, replays.transitions

    def counted(part: Sequence[Event], *rest: Any) -> Any:
        replayed.append(len(part))
        return real(part, *rest)

    def through(part: Sequence[Event], *rest: Any) -> Any:
        whole.append(len(part))
        return steps(part, *rest)

    replay = replay_thread(events, profile("settle"))
    monkeypatch.setattr(replays, "replay", counted)
    monkeypatch.setattr(replays, "transitions", through)
    assert replay.state_after(len(events)) is replay.final
    assert not whole, "the newest state is at hand"
    for number in (1, 7_777, 12_345, len(events) - 1):
        assert replay.state_after(number).last_event_at == events[number - 1].at
    assert whole == [len(events)]
    assert len(replayed) == 4
    assert max(replayed) < 256
