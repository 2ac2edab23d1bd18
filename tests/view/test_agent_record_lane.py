"""What an agent recorded itself stands beside what T3 Code stored: on the timeline, behind a finding, in documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import t3lens
from t3lens.lens.lens import Lens
from t3lens.live.explorer_data import view_payload
from t3lens.report.picture import timeline_svg as report_svg
from t3lens.sim.scenarios import build_home
from t3lens.view.records import find_record
from t3lens.view.scene.paint import scene_svg
from t3lens.view.timeline.data import TimelineIndex
from t3lens.view.timeline.fallback import timeline_fallback
from t3lens.view.timeline.scene import thread_scene, timeline_spec


@pytest.fixture(scope="module", params=["codex", "opencode"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lens, str]]:
    folder = tmp_path_factory.mktemp("recorded")
    told = build_home(folder / "home", "provider-cut", provider=request.param, records=folder / "agents")
    with t3lens.open(folder / "home", server="alive", as_of=told.as_of, records=folder / "agents") as lens:
        yield lens, next(iter(told.threads))


def test_its_turns_have_a_lane(opened: tuple[Lens, str]) -> None:
    lens, thread_id = opened
    thread = lens.thread(thread_id)
    index = TimelineIndex(lens.store, thread.home_id, thread_id, as_of=thread.as_of)
    try:
        data = index.view()
    finally:
        index.close()
    bars = [bar for bar in data.bars if bar.lane == "recorded"]
    agent = bars[0].title.partition(":")[0]
    assert [bar.title for bar in bars] == [f"{agent}: finished", f"{agent}: cut", f"{agent}: finished"]
    assert [bar.role for bar in bars] == ["state:completed", "state:error", "state:completed"]
    labels = [bar.label.split()[-1] for bar in thread_scene(data).bars if bar.lane == "recorded"]
    assert labels == ["finished", "cut", "finished"]
    assert bars[1].end == bars[2].start
    assert dict(bars[1].facts)["because"].startswith("it has no end")
    for picture in (scene_svg(thread_scene(data)), report_svg(data)):
        assert "agent&#x27;s record" in picture or "agent's record" in picture
    assert f"{agent}: cut" in timeline_fallback(data)[0]
    assert any(f"{agent}: cut" in str(trace) for trace in timeline_spec(data)["data"])
    sent = view_payload(data)
    assert "Turns, agent's record" in [title for _, _, title in sent["lanes"]]
    assert all(f"data-key='{bar.key}'" in sent["svg"] for bar in bars)


def test_a_findings_evidence_opens_the_recorded_turn(opened: tuple[Lens, str]) -> None:
    lens, thread_id = opened
    thread = lens.thread(thread_id)
    frame = lens.sql(f"SELECT finding_id FROM findings WHERE thread_id = '{thread_id}' AND code = 'provider-cut'")
    finding = find_record(lens.store, thread.home_id, thread_id, f"finding:{frame.iloc[0, 0]}")
    assert finding is not None
    keys = [near.key for near in finding.neighbours if near.key.startswith("recorded:")]
    found = find_record(lens.store, thread.home_id, thread_id, keys[0])
    assert found is not None
    assert found.title == "turn in the agent's record: cut"
    assert dict(found.facts)["outcome"] == "cut" and found.body
    assert len(found.neighbours) == 3
    assert len(lens.sql(found.sql)) == 1


def test_a_report_tells_the_place_and_not_the_words(opened: tuple[Lens, str], tmp_path: Path) -> None:
    lens, thread_id = opened
    text = lens.thread(thread_id).report(tmp_path / "report.md").read_text()
    assert "provider-cut" in text and "record" in text
    assert "Go on where you were" not in text
