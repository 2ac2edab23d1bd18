"""The fleet's timeline: all threads, some rows at once, each group together, nothing lost by turning pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from t3lens.lens.lens import Lens
from t3lens.time import SECOND
from t3lens.view.fleet.figure import fleet_timeline
from t3lens.view.fleet.live import LiveFleet
from t3lens.view.fleet.pages import FleetPicture
from t3lens.view.fleet.scene import cut_at_word


@pytest.fixture
def figure(lens: Lens) -> Iterator[LiveFleet]:
    threads = FleetPicture(lens.store, as_of=lens.as_of, group_by="verdict", limit=4)
    made = LiveFleet(threads, lens.store)
    yield made
    made.close()


def _say(figure: LiveFleet, **message: Any) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    figure._pane.send = lambda told, buffers=None: sent.append(told)  # type: ignore[method-assign]
    figure._pane._handle_custom_msg(message, [])
    return [told for told in sent if "here" not in told]


def test_turning_pages_shows_every_thread_once_and_stops_at_the_end(figure: LiveFleet, lens: Lens) -> None:
    many = len(lens.diagnosis.threads)
    assert _say(figure, do="theme", dark=False) == [{"rows": {"first": 1, "last": 4, "all": many}}]
    seen = [row.thread_id for row in figure._threads.shown]
    for _ in range(many):
        told = _say(figure, do="rows", by=1)[-1]["rows"]
        if told["first"] > len(seen):
            seen += [row.thread_id for row in figure._threads.shown]
    assert sorted(seen) == sorted(found.thread_id for found in lens.diagnosis.threads)
    assert told["last"] == many
    assert len(figure.layout.yaxis.ticktext) == many % 4 or 4


def test_the_figure_takes_the_pages_theme_and_keeps_it_on_the_next_page(figure: LiveFleet) -> None:
    light = figure.layout.paper_bgcolor
    _say(figure, do="theme", dark=True)
    assert figure.layout.paper_bgcolor != light
    dark = [trace.marker.color for trace in figure.data]
    _say(figure, do="rows", by=1)
    assert [t.marker.color for t in figure.data if isinstance(t.marker.color, str)] == [
        colour for colour in dark if isinstance(colour, str)
    ]
    _say(figure, do="theme", dark=False)
    assert figure.layout.paper_bgcolor == light


def test_a_click_on_a_turn_opens_its_record(figure: LiveFleet) -> None:
    trace = next(trace for trace in figure.data if trace.type == "bar" and len(trace.x))
    home_id, thread_id, key = figure._record_of(trace.customdata[0])
    figure._of = (home_id, thread_id)
    figure.show_record(key)
    assert figure.selection.key == key
    assert key.startswith("turn:")


def test_without_a_front_end_it_is_a_picture_a_table_and_a_text(lens: Lens) -> None:
    bundle = fleet_timeline(lens.store, as_of=lens.as_of, limit=3)._repr_mimebundle_()
    assert "<svg" in bundle["text/html"] and "<table" in bundle["text/html"]
    assert f"and {len(lens.diagnosis.threads) - 3} more" in bundle["text/plain"]
    assert "application/vnd.plotly.v1+json" in bundle


def test_homes_of_another_season_do_not_squeeze_each_other(lens: Lens) -> None:
    threads = FleetPicture(lens.store, as_of=lens.as_of, group_by="home", limit=60)
    scene = threads.scene()
    there = [at for bar in scene.bars for at in (bar.start, bar.end)] + [mark.start for mark in scene.marks]
    shut = sum(fold.end - fold.start for fold in scene.folds)
    seen = scene.whole.end - scene.whole.start - shut
    assert shut > 30 * 24 * 3600 * SECOND, "the samples were recorded in different months"
    assert max(there) - min(there) - shut > seen * 0.9, "what is left of the time is nearly all of the picture"


def test_names_beside_the_rows_end_at_a_word_and_keep_their_sign(lens: Lens) -> None:
    assert cut_at_word("Speed up the parser", 14) == "Speed up the…"
    assert cut_at_word("Speed up the", 12) == "Speed up the"
    assert cut_at_word("approval-left-open", 16) == "approval-left…"
    assert cut_at_word("Donaudampfschifffahrt is long", 12) == "Donaudampfs…", "a word with no end is cut somewhere"
    scene = FleetPicture(lens.store, as_of=lens.as_of, group_by="home", limit=60).scene()
    for lane in scene.lanes:
        assert lane.title[-1] == lane.short[-1] and not lane.title[-1].isalnum()
        assert len(lane.group) <= 16 and len(lane.short) <= 16 and len(f"{lane.group}{lane.title}") <= 39
