"""The laws of the reducer, over generated streams and over every recorded one.

Each law is a function of one stream under one profile; generated streams are judged by hypothesis, recorded
threads under all profiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t3lens.domain.event import Event
from t3lens.domain.state import EMPTY, LIVE, SessionStatus, ThreadState, Transition, TurnState
from t3lens.t3code.v1.lifecycle.projection import project
from t3lens.t3code.v1.lifecycle.reducer import reduce, replay, transitions
from t3lens.t3code.v1.rules import PROFILES, Reopening, Rules
from tests.recordings import needs_recordings
from tests.t3code.streams import (
    hostile_streams,
    profiles,
    recorded_streams,
    streams,
    streams_with_repeats,
)

Steps = Sequence[tuple[ThreadState, Event, ThreadState, Transition]]
"""Before, event, after, transition."""

many = settings(max_examples=250)


def steps(events: Iterable[Event], rules: Rules) -> Steps:
    found, before = [], EMPTY
    for event in events:
        after, transition = reduce(before, event, rules)
        found.append((before, event, after, transition))
        before = after
    return found


# --- the laws ------------------------------------------------------------------------------------------------


def same_events_same_states(events: Sequence[Event], rules: Rules) -> None:
    once, again = list(transitions(events, rules)), list(transitions(events, rules))
    assert once == again
    assert repr(once) == repr(again)


def an_old_state_is_never_touched(events: Sequence[Event], rules: Rules) -> None:
    before, kept = EMPTY, []
    for event in events:
        kept.append((before, repr(before), len(before.seen)))
        before, _ = reduce(before, event, rules)
    for state, said, seen in kept:
        assert (repr(state), len(state.seen)) == (said, seen)


def transitions_form_a_chain(events: Sequence[Event], rules: Rules) -> None:
    for before, event, after, made in steps(events, rules):
        assert (made.event_id, made.type, made.at) == (event.event_id, event.type, event.at)
        assert (made.from_status, made.from_turn) == (before.status, before.active_turn_id)
        assert (made.to_status, made.to_turn) == (after.status, after.active_turn_id)
        assert made.rule and made.why
        if not made.applied:
            assert (after.session, after.running, after.pending) == (
                before.session,
                before.running,
                before.pending,
            ), made


def running_is_what_the_turns_say(events: Sequence[Event], rules: Rules) -> None:
    for _, _, after, made in steps(events, rules):
        runs = [key for key, turn in after.turns.items() if turn.state is TurnState.RUNNING]
        assert sorted(after.running) == sorted(runs), made
        assert sorted(after.activity) == sorted(runs), made
        assert [turn.index for turn in after.turns.values()] == list(range(len(after.turns)))


def a_turn_that_left_running_has_a_reason(events: Sequence[Event], rules: Rules) -> None:
    for before, event, after, made in steps(events, rules):
        left = [turn_id for turn_id in before.running if turn_id not in after.running]
        assert list(made.settled) == left
        for turn_id, turn in after.turns.items():
            assert (turn.settled is None) == (turn.state is TurnState.RUNNING), turn
            if turn_id in left:
                assert turn.completed_at is not None, event


def a_settled_turn_runs_again_only_as_its_profile_says(events: Sequence[Event], rules: Rules) -> None:
    for before, event, after, _ in steps(events, rules):
        for turn_id in after.running:
            old = before.turns.get(turn_id)
            if old is None or old.state is TurnState.RUNNING:
                continue
            if rules.reopening is Reopening.OWN_START:
                assert (event.type, event.turn_id) == ("turn.started", turn_id)
            else:
                assert old.state is TurnState.INTERRUPTED
                assert (after.status, after.active_turn_id) == (SessionStatus.RUNNING, turn_id)


def a_settled_turn_keeps_its_outcome_under_the_reference(events: Sequence[Event], rules: Rules) -> None:
    if rules.request_settles:
        return  # there an interrupt request or a checkpoint writes over any outcome
    for before, _, after, made in steps(events, rules):
        for turn_id, old in before.turns.items():
            new = after.turns[turn_id].state
            if old.state is not TurnState.RUNNING and new is not TurnState.RUNNING:
                assert new is old.state, made


def no_turn_runs_in_a_session_that_is_not_live(events: Sequence[Event], rules: Rules) -> None:
    if not rules.session_settles_turns:
        return  # that build leaves them running, which is its bug
    for _, _, after, made in steps(events, rules):
        assert not after.running or after.status in LIVE, made


def a_turn_is_active_only_while_the_status_allows_it(events: Sequence[Event], rules: Rules) -> None:
    """Live sessions have one; a failed one may name the turn that failed (R9); ``idle`` clears nothing (R6).

    Builds that keep the turn through an inactive state may have one whenever.
    """
    if not rules.inactive_state_clears_active:
        return
    allowed = LIVE | {SessionStatus.ERROR, SessionStatus.IDLE}
    for before, event, after, made in steps(events, rules):
        if after.active_turn_id is None:
            continue
        assert after.status in allowed, made
        if after.status is SessionStatus.ERROR and made.applied:
            names_it = event.type == "runtime.error" and event.turn_id == after.active_turn_id
            assert names_it or before.session == after.session or made.rule in ("R12", "R14"), made


LAWS: tuple[Callable[[Sequence[Event], Rules], None], ...] = (
    same_events_same_states,
    an_old_state_is_never_touched,
    transitions_form_a_chain,
    running_is_what_the_turns_say,
    a_turn_that_left_running_has_a_reason,
    a_settled_turn_runs_again_only_as_its_profile_says,
    a_settled_turn_keeps_its_outcome_under_the_reference,
    no_turn_runs_in_a_session_that_is_not_live,
    a_turn_is_active_only_while_the_status_allows_it,
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@given(events=streams, rules=profiles)
@many
def test_law_holds_for_generated_streams(
    law: Callable[[Sequence[Event], Rules], None], events: list[Event], rules: Rules
) -> None:
    law(events, rules)


@needs_recordings
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law_holds_for_every_recorded_thread(law: Callable[[Sequence[Event], Rules], None]) -> None:
    threads = recorded_streams()
    assert len(threads) > 200
    for _, events in threads:
        for rules in PROFILES.values():
            law(events, rules)


# --- laws about two streams ----------------------------------------------------------------------------------


@given(both=streams_with_repeats(), cut=st.integers(0, 40), rules=profiles)
@many
def test_replaying_in_two_parts_is_replaying_at_once(both: tuple[list[Event], list[Event]], cut: int, rules: Rules) -> None:
    _, events = both
    whole = list(transitions(events, rules))
    first = list(transitions(events[:cut], rules))
    middle = first[-1][0] if first else EMPTY
    assert first + list(transitions(events[cut:], rules, middle)) == whole


@needs_recordings
def test_recorded_threads_replayed_in_two_parts_are_as_replayed_at_once() -> None:
    for name, events in recorded_streams():
        for rules in PROFILES.values():
            cut = len(events) // 2
            middle = replay(events[:cut], rules)
            assert replay(events[cut:], rules, middle) == replay(events, rules), name


@given(both=streams_with_repeats(), rules=profiles)
@many
def test_a_repeated_event_id_changes_nothing(both: tuple[list[Event], list[Event]], rules: Rules) -> None:
    plain, repeated = both
    seen: set[str] = set()
    before = EMPTY
    for state, made in transitions(repeated, rules):
        if made.event_id in seen:
            assert state is before
            assert (made.applied, made.settled) == (False, ())
        seen.add(made.event_id)
        before = state
    assert before == replay(plain, rules)


@given(events=streams, one=streams, other=streams, rules=profiles)
@many
def test_one_state_continued_twice_gives_two_histories_that_do_not_mix(
    events: list[Event], one: list[Event], other: list[Event], rules: Rules
) -> None:
    start = replay(events, rules)
    offset = len(events)
    one, other = one[offset:], other[offset:]
    first = replay(one, rules, start)
    second = replay(other, rules, start)
    assert first == replay([*events, *one], rules)
    assert second == replay([*events, *other], rules)


# --- hostile input -------------------------------------------------------------------------------------------


@given(events=hostile_streams, rules=profiles)
@settings(max_examples=400)
def test_no_json_shape_makes_the_reducer_fail(events: list[Event], rules: Rules) -> None:
    for _, made in transitions(events, rules):
        assert isinstance(made.why, str) and made.why


@given(events=hostile_streams, rules=profiles)
@settings(max_examples=400)
def test_no_json_shape_makes_the_projection_fail(events: list[Event], rules: Rules) -> None:
    rebuilt = project(events, rules)
    assert all(turn_id == row.turn_id for turn_id, row in rebuilt.turns.items())


@given(events=streams | hostile_streams, rules=profiles)
@settings(max_examples=200)
def test_what_stands_in_rows_but_for_times_does_not_depend_on_times(events: list[Event], rules: Rules) -> None:
    dated, undated = project(events, rules), project(events, rules, dated=False)
    times = {"requested_at", "started_at", "completed_at", "updated_at"}
    pairs = [(dated.session, undated.session), (dated.pending, undated.pending)]
    pairs += zip(dated.turns.values(), undated.turns.values(), strict=True)
    assert list(dated.turns) == list(undated.turns)
    for one, other in pairs:
        assert (one is None) == (other is None)
        for name in set(one.__struct_fields__) - times if one is not None else ():
            assert getattr(one, name) == getattr(other, name)


@given(events=streams, cut=st.integers(0, 30), rules=profiles)
@many
def test_projecting_in_two_parts_is_projecting_at_once(events: list[Event], cut: int, rules: Rules) -> None:
    middle = project(events[:cut], rules)
    assert project(events[cut:], rules, middle) == project(events, rules)
