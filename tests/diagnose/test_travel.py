"""Time travel: a thread as it was, at a moment and after a step, is what replaying that prefix makes."""

from __future__ import annotations

import pytest

import t3lens
from t3lens.errors import UsageError
from t3lens.t3code.v1.lifecycle.reducer import replay
from t3lens.t3code.v1.rules import REFERENCE
from t3lens.time import SECOND
from tests.recordings import Recording, needs_recordings, recordings

pytestmark = needs_recordings


@pytest.mark.parametrize("recording", recordings()[::9], ids=lambda recording: recording.name)
def test_any_moment_and_any_step_equal_the_replay_of_the_prefix(recording: Recording) -> None:
    with t3lens.open(recording.path) as lens:
        for thread_id in recording.expected["threads"]:
            thread = lens.thread(thread_id)
            events = thread.diagnosis.case.replays.expected.events
            before = 0
            for number in range(len(events) + 1):
                state = thread.step(number)
                assert state.step == number
                assert state.expected == replay(events[:number], REFERENCE)
                past = thread.state_at(state.at)  # some events of this date were stored later, and had not happened
                assert past.step >= before
                assert past.expected == replay(events[: past.step], REFERENCE)
                before = past.step
            assert thread.state_at(thread.as_of + 3600 * SECOND).step == len(events)
            assert thread.step(-1).expected == replay(events[:-1], REFERENCE)
            assert thread.state_at(0).last is None
            with pytest.raises(UsageError, match="has"):
                thread.step(len(events) + 1)


def test_all_sessions_of_a_home_at_a_moment() -> None:
    recording = next(r for r in recordings("0.0.28") if r.scenario == "02-multi-turn")
    with t3lens.open(recording.path) as lens:
        (thread_id,) = recording.expected["threads"]
        running = next(e for e in lens.thread(thread_id).diagnosis.case.session_sets if "running" in str(e.payload))
        at_work = lens.sessions(as_of=running.at).iloc[0]
        assert (at_work.status, at_work.thread_id) == ("running", thread_id)
        assert lens.sessions(as_of="2020-01-01").iloc[0].status is None


def test_how_a_home_was_judged_stands_in_the_store() -> None:
    recording = recordings("0.0.33")[0]
    with t3lens.open(recording.path, server="dead", thresholds={"silence": 42}) as lens:
        row = lens.sql("from diagnoses").iloc[0]
        assert (row.server, row.rules, row.rules_guessed) == ("dead", "shipped-0.0.33", True)
        assert '"silence":42' in row.thresholds
        assert '"dead-provider"' in row.not_checked
