"""A thread of the second data model on its timeline: lanes for attempts, provider turns, nodes and the outbox."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import t3lens
from t3lens.sim.v2.stories import SECOND_STORIES
from t3lens.view.records import find_record
from t3lens.view.timeline.data import TimelineData, TimelineIndex
from t3lens.view.timeline.figure import draw

OWN = {"attempts", "provider-turns", "nodes", "effects"}


def drawn(home: Path, thread_id: str, **how: object) -> TimelineData:
    with t3lens.open(home, **how) as lens:
        thread = lens.thread(thread_id)
        index = TimelineIndex(lens.store, thread.home_id, thread.thread_id, as_of=thread.as_of)
        try:
            return index.view()
        finally:
            index.close()


@pytest.fixture
def held(tmp_path: Path) -> TimelineData:
    told = SECOND_STORIES["v2-interrupt-held"].tell(tmp_path / "home")
    (thread,) = (key for key, expect in told.threads.items() if expect.verdict == ("stuck",))
    return drawn(tmp_path / "home", thread, as_of=told.as_of, server=told.server)


def test_an_effect_that_hangs_is_open_to_the_end(held: TimelineData) -> None:
    effects = {bar.title: bar for bar in held.bars if bar.lane == "effects"}
    assert set(effects) == {"provider-turn.start succeeded", "provider-turn.interrupt running"}
    hangs = effects["provider-turn.interrupt running"]
    assert hangs.open
    assert hangs.end == held.as_of
    assert not effects["provider-turn.start succeeded"].open


def test_each_kind_has_its_lane_and_runs_stand_among_the_turns(held: TimelineData) -> None:
    counts = Counter(bar.lane for bar in held.bars)
    assert set(counts) >= OWN
    assert counts["attempts"] == counts["provider-turns"] == 1, "the queued run was not begun"
    assert counts["turns-stored"] == 2
    assert {lane.key for lane in held.lanes} >= OWN


def test_what_failed_and_what_was_cancelled_do_not_look_alike(tmp_path: Path) -> None:
    roles = {}
    for name in ("v2-failed", "v2-lost-at-restart", "v2-healthy"):
        told = SECOND_STORIES[name].tell(tmp_path / name)
        data = drawn(tmp_path / name, next(iter(told.threads)), as_of=told.as_of, server=told.server)
        roles[name] = {bar.role for bar in data.bars if bar.lane == "attempts"}
    assert roles == {
        "v2-failed": {"state:error"},
        "v2-lost-at-restart": {"state:interrupted"},
        "v2-healthy": {"state:completed"},
    }


def test_a_question_opens_its_row_since_no_record_of_a_log_names_it(tmp_path: Path) -> None:
    told = SECOND_STORIES["v2-approval-open"].tell(tmp_path / "home")
    thread = next(iter(told.threads))
    data = drawn(tmp_path / "home", thread, as_of=told.as_of, server=told.server)
    (bar,) = (bar for bar in data.bars if bar.lane == "requests")
    with t3lens.open(tmp_path / "home", as_of=told.as_of, server=told.server) as lens:
        record = find_record(lens.store, data.home_id, thread, bar.key)
    assert record is not None
    assert dict(record.facts)["state"] == "open"


def test_a_thread_of_the_first_data_model_has_none_of_these_lanes() -> None:
    sample = Path(__file__).resolve().parents[2] / "sample_logs" / "healthy"
    with t3lens.open(sample, server="dead") as lens:
        thread = lens.diagnosis.threads[0].thread_id
    assert not OWN & {lane.key for lane in drawn(sample, thread, server="dead").lanes}


def test_a_queued_run_writes_nothing_over_the_one_it_waits_for() -> None:
    home = Path(__file__).resolve().parents[2] / "sample_logs" / "v2-interrupt-held"
    with t3lens.open(home, server="dead") as lens:
        (thread,) = [found.thread_id for found in lens.diagnosis.threads if found.verdict == "stuck"]
    (words,) = [trace for trace in draw(drawn(home, thread, server="dead")).data if trace.name == "names and open ends"]
    with_room = [  # plotly leaves away what its bar has no room for
        (y, text) for y, text, length in zip(words.y, words.text, words.x, strict=True) if " for " in text and length > 1
    ]
    places = Counter(y for y, _ in with_room)
    assert places
    assert max(places.values()) == 1, with_room
