"""The reducer of the second data model: laws that hold for any events, and what it makes of every recording."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t3lens.domain.event import Event
from t3lens.domain.state import TurnState
from t3lens.t3code.v2 import events as types
from t3lens.t3code.v2.reducer import (
    COMMAND_TYPE,
    EFFECT_HUNG,
    SERVER_STARTED,
    START,
    SecondState,
    reduce,
    state_of_run,
    transitions,
)
from t3lens.t3code.v2.rules import PROFILES, REFERENCE, SecondRules
from t3lens.t3code.v2.words import RECONCILE_COMMAND, RUN_LIVE, RUN_OVER, RUN_STATUSES, RunStatus
from t3lens.time import parse_iso
from tests.recordings import Recording, needs_recordings_v2, recordings_v2

_KINDS = [*sorted(types.LIFECYCLE_TYPES), SERVER_STARTED, EFFECT_HUNG, "thread.visited", "made.up"]
_RUNS = ["r1", "r2", "r3"]
_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from([*sorted(RUN_STATUSES), "pending", "error", "no-such-status", ""]),
)  # fmt: skip
_PAYLOADS = st.one_of(
    st.fixed_dictionaries(
        {"status": st.sampled_from([*sorted(RUN_STATUSES)])},
        optional={
            "id": st.sampled_from([*_RUNS, "a1"]),
            "queueHeld": st.booleans(),
            COMMAND_TYPE: st.sampled_from([RECONCILE_COMMAND, "queued-run.cancel"]),
        },
    ),
    st.dictionaries(
        st.sampled_from(["id", "status", "type", "kind", "failure", "runAttemptId", "startedAt"]),
        _VALUES,
    ),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    made = []
    for number in range(draw(st.integers(0, 14))):
        made.append(
            Event(
                event_id=draw(st.sampled_from([f"e{number}", f"e{number}", f"e{number}", "e0"])),
                type=draw(st.sampled_from(_KINDS)),
                at=draw(st.integers(0, 10**6)),
                turn_id=draw(st.sampled_from([*_RUNS, None])),
                payload=draw(_PAYLOADS),
                sequence=number,
            )
        )
    return made


def _last(events: list[Event], rules: SecondRules) -> SecondState:
    state = START
    for event in events:
        state, _ = reduce(state, event, rules)
    return state


PROFILE = st.sampled_from(list(PROFILES.values()))


@given(histories(), PROFILE)
def test_every_event_makes_one_transition_and_a_replay_is_the_same_again(events: list[Event], rules: SecondRules) -> None:
    pairs = list(transitions(events, rules))
    assert len(pairs) == len(events)
    assert [step for _, step in pairs] == [step for _, step in transitions(events, rules)]
    assert all(step.why and step.rule.startswith("Q") for _, step in pairs)


@given(histories(), PROFILE)
def test_an_event_seen_twice_changes_nothing(events: list[Event], rules: SecondRules) -> None:
    state = _last(events, rules)
    for event in events:
        if event.event_id:
            again, step = reduce(state, event, rules)
            assert not step.applied
            assert again.statuses == state.statuses
            assert again.thread.session == state.thread.session


@given(histories(), PROFILE)
def test_a_run_that_is_over_stays_over(events: list[Event], rules: SecondRules) -> None:
    over: dict[str, str] = {}
    for state, step in transitions(events, rules):
        for run_id, status in over.items():
            now = state.statuses[run_id]
            assert now == status or now == RunStatus.ROLLED_BACK, step.why
        over |= {run: status for run, status in state.statuses.items() if status in RUN_OVER}


@given(histories(), PROFILE)
def test_what_is_shown_agrees_with_the_runs(events: list[Event], rules: SecondRules) -> None:
    for state, _ in transitions(events, rules):
        assert set(state.thread.turns) == set(state.statuses)
        for run_id, status in state.statuses.items():
            turn = state.thread.turns[run_id]
            assert turn.state is state_of_run(status)
            assert (turn.settled is not None) == (status in RUN_OVER)
        running = [r for r, t in state.thread.turns.items() if t.state is TurnState.RUNNING]
        assert list(state.thread.running) == running
        if state.thread.session is not None and state.active is not None:
            assert state.thread.session.active_turn_id == state.active
        assert state.held <= {r for r, s in state.statuses.items() if s == RunStatus.QUEUED}


def test_only_the_reference_ends_what_a_restart_and_a_hung_effect_leave() -> None:
    begun = Event(event_id="e1", type=types.RUN_CREATED, at=1, turn_id="r1", payload={"status": "running"})
    waits = Event(event_id="e2", type=types.RUN_CREATED, at=2, turn_id="r2", payload={"status": "queued"})
    for kind in (SERVER_STARTED, EFFECT_HUNG):
        more = Event(event_id="s", type=kind, at=3, turn_id="r1")
        for name, rules in PROFILES.items():
            after = _last([begun, waits, more], rules).statuses
            assert (after["r1"] in RUN_LIVE) is (name != REFERENCE.name)
            assert after["r2"] == "queued"


def _events(recording: Recording) -> Iterator[tuple[str, Event]]:
    commands = {row["command_id"]: row["command_type"] for row in recording.rows_v2("orchestration_command_receipts")}
    for row in recording.rows_v2("orchestration_events", order="sequence"):
        payload: dict[str, Any] = json.loads(row["payload_json"])
        metadata = json.loads(row["metadata_json"])
        if row["aggregate_kind"] == "thread":
            kind = row["event_type"]
            own = payload.get("id") if kind.startswith("run.") else None
            payload[COMMAND_TYPE] = commands.get(row["command_id"])
            yield (
                row["stream_id"],
                Event(
                    event_id=row["event_id"],
                    type=kind,
                    at=parse_iso(row["occurred_at"]),
                    turn_id=metadata.get("runId") or own,
                    payload=payload,
                    sequence=row["sequence"],
                ),
            )


@needs_recordings_v2
@pytest.mark.parametrize("recording", recordings_v2(), ids=lambda recording: recording.name)
def test_what_the_events_make_of_runs_and_questions_is_what_is_stored(
    recording: Recording, record_property: Callable[[str, object], None]
) -> None:
    by_thread: dict[str, list[Event]] = {}
    for thread, event in _events(recording):
        by_thread.setdefault(thread, []).append(event)
    stored = {row["run_id"]: row["status"] for row in recording.rows_v2("orchestration_v2_projection_runs")}
    asked = {
        row["runtime_request_id"]: row["status"] for row in recording.rows_v2("orchestration_v2_projection_runtime_requests")
    }
    pending = {request for request, status in asked.items() if status == "pending"}
    for rules in PROFILES.values():
        made: dict[str, str] = {}
        open_requests: set[str] = set()
        for events in by_thread.values():
            state = _last(events, rules)
            made |= state.statuses
            open_requests |= set(state.thread.requests)
        foretold = sum(made.get(run_id) == status for run_id, status in stored.items())
        right = sum((request in open_requests) == (request in pending) for request in asked)
        record_property("conformance_v2", f"{recording.build}|{rules.name}|{foretold}|{len(stored)}|{right}|{len(asked)}")
        if rules.queue_outlives_start and recording.build.startswith("0.0.31"):
            # the other build's rules tell what it would have done, where it would have done otherwise
            lost = {run_id for run_id, status in stored.items() if made[run_id] != status}
            assert {made[run_id] for run_id in lost} <= {"queued"}
            assert bool(lost) is recording.name.endswith("12c-queued-kill9-codex/3-after-restart")
            continue
        assert made == stored
        assert open_requests == pending


@needs_recordings_v2
def test_a_run_of_a_restart_is_told_as_its_victim() -> None:
    for recording in recordings_v2():
        for thread, right in recording.expected["threads"].items():
            if "lost-at-restart" in right["must"]:
                events = [event for of, event in _events(recording) if of == thread]
                rules = {step.rule for _, step in transitions(events, REFERENCE)}
                assert "Q4" in rules, recording.name
