"""What was wrong and is over has bars of its own: on a thread's timeline, in its pictures, and in the fleet's."""

from __future__ import annotations

from t3lens.lens.lens import Lens
from t3lens.lens.thread import Thread
from t3lens.live.explorer import Explorer
from t3lens.live.explorer_data import view_payload
from t3lens.report.picture import timeline_svg as report_svg
from t3lens.view.fleet.pages import FleetPicture
from t3lens.view.fleet.picture import fleet_html
from t3lens.view.records import find_record
from t3lens.view.scene.paint import scene_svg
from t3lens.view.timeline.data import TimelineData, TimelineIndex
from t3lens.view.timeline.fallback import timeline_fallback
from t3lens.view.timeline.scene import thread_scene, timeline_spec


def _view(lens: Lens, thread: Thread) -> TimelineData:
    lens.session.incidents(threads=[thread.thread_id])
    index = TimelineIndex(lens.store, thread.home_id, thread.thread_id, as_of=thread.as_of)
    try:
        return index.view()
    finally:
        index.close()


def test_an_incident_that_is_over_is_a_bar_with_both_ends(healed_lens: Lens) -> None:
    thread = healed_lens.thread("Use ")
    (had,) = healed_lens.session.incidents(threads=[thread.thread_id])
    data = _view(healed_lens, thread)
    (bar,) = [bar for bar in data.bars if bar.lane == "incidents"]
    assert (bar.start, bar.end, bar.open, bar.role) == (had.since, had.until, False, "verdict:stuck")
    assert dict(bar.facts)["ended by"] == "stopped"
    named = {trace["name"]: trace for trace in timeline_spec(data)["data"]}
    assert len(named["was stuck"]["x"]) == 1
    assert not named["had failed"]["x"]
    payload = view_payload(data)
    assert ">was stuck</span>" in payload["legend"]
    assert payload["svg"].count(f"data-key='{bar.key}'") == 1
    for picture in (scene_svg(thread_scene(data)), report_svg(data)):
        assert "Incidents" in picture
        assert "stuck: silent-turn" in picture
    text, html = timeline_fallback(data)
    assert "stuck: silent-turn" in text
    assert "stuck: silent-turn" in html


def test_one_that_goes_on_is_open_and_a_thread_without_any_has_no_lane(healed_lens: Lens, lens: Lens) -> None:
    data = _view(healed_lens, healed_lens.thread("Goes on"))
    (bar,) = [bar for bar in data.bars if bar.lane == "incidents"]
    assert bar.open
    assert bar.end == data.as_of
    well = next(thread for thread in lens.diagnosis.threads if not lens.session.incidents(threads=[thread.thread_id]))
    assert "incidents" not in [lane.key for lane in _view(lens, lens.thread_for(well)).lanes]


def test_its_bar_opens_what_is_known_of_it(healed_lens: Lens) -> None:
    thread = healed_lens.thread("Use ")
    (had,) = healed_lens.session.incidents(threads=[thread.thread_id])
    found = find_record(healed_lens.store, thread.home_id, thread.thread_id, f"incident:{had.incident_id}")
    assert found is not None
    assert found.title == "stuck: silent-turn"
    assert dict(found.facts)["ended by"] == "stopped"
    assert len(found.neighbours) >= 1
    assert all(
        find_record(healed_lens.store, thread.home_id, thread.thread_id, near.key) is not None for near in found.neighbours
    )
    assert len(healed_lens.sql(found.sql)) == 1


def test_the_explorer_shows_them(healed_lens: Lens) -> None:
    explorer = healed_lens.explore(actions=False)
    assert isinstance(explorer, Explorer)
    sent: list[dict[str, object]] = []
    explorer.send = lambda told, buffers=None: sent.append(told)  # type: ignore[method-assign]
    thread = healed_lens.thread("Use ")
    explorer._on_message({"do": "thread", "home": thread.home_id, "thread": thread.thread_id})
    explorer.close()
    views = [told["view"] for told in sent if "view" in told]
    assert any("Incidents" in [title for _, _, title in view["lanes"]] for view in views if isinstance(view, dict))


def test_the_fleet_shows_them_page_by_page(healed_lens: Lens) -> None:
    asked: list[list[str]] = []

    def recall(threads: list[str]) -> None:
        asked.append(threads)
        healed_lens.session.incidents(threads=threads)

    fleet = FleetPicture(healed_lens.store, as_of=healed_lens.as_of, group_by="verdict", limit=2, recall=recall)
    fleet.show(2)
    assert [len(threads) for threads in asked] == [2, 1]
    whole = FleetPicture(healed_lens.store, as_of=healed_lens.as_of, group_by="verdict", limit=60, recall=recall)
    bars = {trace["name"]: trace for trace in whole.spec(*whole.whole)["data"]}
    assert [len(bars[name]["x"]) for name in ("was stuck", "had failed", "waited for a person")] == [2, 1, 0]
    assert "was stuck" in fleet_html(whole)
    figure = healed_lens.timeline(static=True)
    assert sum(len(trace.x) for trace in figure.data if trace.name == "was stuck") == 2
