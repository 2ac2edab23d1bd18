"""What was wrong and is over, in homes of the second data model: read off the recordings of whole stories."""

from __future__ import annotations

import pytest

import t3lens
from tests.recordings import needs_recordings_v2, recordings_v2

pytestmark = needs_recordings_v2

_STORIES = {
    "07-kill9-server/3-after-next-turn": [("failed", "lost-at-restart", "new-message")],
    "09b-frozen-interrupt/4-after-cont": [("stuck", "effect-stalled", "interrupted")],
    "10-approval/3-after-accept": [("waiting", "waiting-for-user", "answered")],
    "10b-approval-restart-codex/4-after-respond": [
        ("waiting", "waiting-for-user", "restart"),
        ("failed", "lost-at-restart", "never"),
    ],
    "13c-provider-killed-then-remedies-codex/3-after-fourth-message": [
        ("stuck", "effect-stalled", "stopped"),
        ("stuck", "effect-stalled", "never"),
    ],
    "11-two-threads/2-live": [],
    "12-steering-codex/2-live": [],
    "12b-queued/2-live": [],
}


def _opened(name: str) -> t3lens.Lens:
    recording = next(one for one in recordings_v2() if one.name.endswith(name))
    expected = recording.expected
    return t3lens.open(recording.path, progress=False, as_of=expected["as_of"], server=expected["server"])


@pytest.mark.parametrize("name", _STORIES)
def test_what_was_wrong_and_what_ended_it_is_told(name: str) -> None:
    with _opened(name) as lens:
        found = lens.incidents()
        assert list(zip(found["verdict"], found["code"], found["ended_by"], strict=True)) == _STORIES[name]
        over = found[found["ended_by"] != "never"]
        assert (over["to"] > over["from"]).all()


def test_a_thread_at_a_moment_is_told_as_stored_and_as_expected() -> None:
    with _opened("09b-frozen-interrupt/3-second-message-frozen") as lens:
        thread = lens.thread_for(lens.diagnosis.threads[0])
        end = thread.step(len(thread.transitions()))
        for moment in (thread.step(7), end):
            row = moment.to_row()
            assert row["status"] == "running"
            assert row["active_turn_id"] == lens.diagnosis.threads[0].case.session.active_turn_id
        assert end.to_row()["expected_status"] == "error"
        assert thread.step(7).to_row()["expected_status"] == "running"
