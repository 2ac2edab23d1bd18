from __future__ import annotations

import itertools

import pytest

from t3lens.errors import UsageError
from t3lens.lens.lens import Lens, open_lens
from t3lens.time import SECOND
from t3lens.view.timeline.data import BUDGET, TimelineData, TimelineIndex
from tests.view.big import big_log


def _stuck(lens: Lens, code: str = "orphaned-turn") -> tuple[str, str]:
    found = next(t for t in lens.diagnosis.threads if t.primary == code)
    return found.home_id, found.thread_id


def _view(lens: Lens, key: tuple[str, str], **options: str) -> TimelineData:
    index = TimelineIndex(lens.store, *key, as_of=lens.as_of, **options)
    try:
        return index.view()
    finally:
        index.close()


def test_a_stuck_turn_has_no_end_and_reaches_the_moment_the_verdict_is_about(lens: Lens) -> None:
    data = _view(lens, _stuck(lens))
    [turn] = [bar for bar in data.bars if bar.lane == "turns-stored" and bar.open]
    assert turn.end == lens.as_of
    assert data.verdict == "stuck"


def test_a_view_has_every_lane_and_says_why_one_is_empty(lens: Lens) -> None:
    data = _view(lens, _stuck(lens))
    keys = [lane.key for lane in data.lanes if lane.key != "incidents"]  # there where another test asked for them
    assert keys == [
        "session-stored", "session-expected", "turns-stored", "turns-expected", "items", "requests",
        "native", "canonical", "orchestration", "findings",
    ]  # fmt: skip
    empty = {lane.key for lane in data.lanes} - {bar.lane for bar in data.bars} - {mark.lane for mark in data.marks}
    assert all(lane.note for lane in data.lanes if lane.key in empty - {"findings"})


def test_stored_session_segments_follow_the_sequence_though_stored_times_go_back(
    lens: Lens,
) -> None:
    for thread in lens.diagnosis.threads:
        data = _view(lens, (thread.home_id, thread.thread_id))
        bars = [bar for bar in data.bars if bar.lane == "session-stored"]
        assert all(one.end <= two.start for one, two in itertools.pairwise(bars))
        assert all(bar.start <= bar.end for bar in data.bars)


def test_the_last_stored_segment_is_what_the_session_row_says(lens: Lens) -> None:
    for thread in lens.diagnosis.threads:
        if thread.case.second:
            continue  # the row is its provider's session, which is not the thread's
        data = _view(lens, (thread.home_id, thread.thread_id))
        last = [bar for bar in data.bars if bar.lane == "session-stored"][-1]
        assert last.role == f"state:{thread.case.session.status}"


def test_a_profile_that_the_store_has_no_replay_of_is_replayed_on_the_spot(lens: Lens) -> None:
    key = _stuck(lens, "turn-outcome-differs")
    data = _view(lens, key, compare="shipped-0.0.23")
    lanes = {lane.key: lane for lane in data.lanes}
    assert lanes["session-whatif"].title == "Session, if shipped-0.0.23"
    assert [bar for bar in data.bars if bar.lane == "session-whatif"]


def test_an_unknown_profile_is_refused_by_name(lens: Lens) -> None:
    with pytest.raises(UsageError, match="no-such-rules"):
        _view(lens, _stuck(lens), compare="no-such-rules")


def test_an_unknown_thread_is_refused(lens: Lens) -> None:
    with pytest.raises(UsageError, match="holds nothing"):
        _view(lens, (_stuck(lens)[0], "nobody"))


def test_the_state_at_a_moment_lists_what_was_going_on_then(lens: Lens) -> None:
    key = _stuck(lens)
    index = TimelineIndex(lens.store, *key, as_of=lens.as_of)
    try:
        bar = next(b for b in index.view().bars if b.lane == "turns-stored" and b.open)
        inside = {span.key for _, span in index.at(bar.start + 1)}
        before = {span.key for _, span in index.at(bar.start - 60 * SECOND)}
        assert bar.key in inside
        assert bar.key not in before
    finally:
        index.close()


def test_stepping_forward_and_back_returns_to_where_one_was(lens: Lens) -> None:
    index = TimelineIndex(lens.store, *_stuck(lens), as_of=lens.as_of)
    try:
        first = index.step(0, 1)
        assert first is not None
        second = index.step(first, 1)
        assert second is not None and second > first
        assert index.step(second, -1) == first
    finally:
        index.close()


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Lens:
    folder = tmp_path_factory.mktemp("big")
    big_log(folder, 40_000)
    return open_lens(folder, server="dead")


def test_however_much_a_thread_holds_a_view_stays_within_its_budget(big: Lens) -> None:
    thread = big.diagnosis.threads[0]
    index = TimelineIndex(big.store, thread.home_id, thread.thread_id, as_of=big.as_of)
    try:
        low, high = index.whole
        width = high - low
        for part in (1, 10, 100, 1000):
            data = index.view(low + width // 3, low + width // 3 + width // part)
            assert 0 < data.mark_count <= BUDGET
        assert index.view().reduced
    finally:
        index.close()


def test_reducing_loses_no_record_and_no_kind_of_lifecycle_event(big: Lens) -> None:
    thread = big.diagnosis.threads[0]
    index = TimelineIndex(big.store, thread.home_id, thread.thread_id, as_of=big.as_of)
    try:
        data = index.view()
        assert sum(mark.count for mark in data.marks) == data.records == 40_000
        kinds = {mark.title.rpartition("× ")[2] for mark in data.marks if not mark.dense}
        assert {"turn.started", "turn.completed", "runtime.error"} <= kinds
        errors = [mark for mark in data.marks if mark.role == "item:trouble"]
        assert sum(mark.count for mark in errors) == 3
        assert [bar for bar in data.bars if bar.open and bar.lane == "turns-expected"]
    finally:
        index.close()


def test_zooming_in_shows_each_record_again(big: Lens) -> None:
    thread = big.diagnosis.threads[0]
    index = TimelineIndex(big.store, thread.home_id, thread.thread_id, as_of=big.as_of)
    try:
        low = index.whole[0] + (index.whole[1] - index.whole[0]) // 2
        data = index.view(low, low + 2 * SECOND)
        assert not data.reduced
        assert data.marks and all(mark.count == 1 for mark in data.marks)
    finally:
        index.close()
