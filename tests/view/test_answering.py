"""Widgets open complete, answer their page, and say so in the page when nobody answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import pytest

from t3lens.lens.lens import Lens
from t3lens.live.explorer import Explorer
from t3lens.time import SECOND, parse_iso
from t3lens.view.notebook.answering import AnsweringWidget
from t3lens.view.notebook.scripts import plotly_script
from t3lens.view.scene.figure import stamp
from t3lens.view.timeline.live import LiveTimeline
from tests.view.harness import opened, show_widget

_NO_ANSWER = "no answer from the kernel"


@pytest.fixture
def figure(lens: Lens) -> Iterator[LiveTimeline]:
    made = lens.thread_for(lens.diagnosis.threads[0]).timeline()
    yield made
    made.close()


@pytest.fixture(params=["explorer", "record pane"])
def widget(request: pytest.FixtureRequest, lens: Lens) -> Iterator[AnsweringWidget]:
    if request.param == "explorer":
        explorer = Explorer(lens.session)
        yield explorer
        explorer.close()
    else:
        yield request.getfixturevalue("figure")._pane


def test_a_figure_is_sent_once_and_complete(lens: Lens, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = ipywidgets.widgets.widget
    make = registry.comm.create_comm
    states: list[dict[str, Any]] = []

    def watched(**told: Any) -> Any:
        states.append(told["data"]["state"])
        return make(**told)

    monkeypatch.setattr(registry.comm, "create_comm", watched)
    made = lens.thread_for(lens.diagnosis.threads[0]).timeline()
    opened_as = [state for state in states if "_widget_data" in state]
    assert [len(state["_widget_data"]) for state in opened_as] == [len(made.data)]
    assert opened_as[0]["_widget_layout"]["xaxis"]["range"]
    assert opened_as[0]["_config"]["responsive"]
    made.close()


def test_plotlys_script_is_sent_once_for_all_figures(lens: Lens, figure: LiveTimeline) -> None:
    other = lens.thread_for(lens.diagnosis.threads[1]).timeline()
    assert other.library == figure.library == plotly_script().model_id
    assert len(figure._esm) < 10_000 < len(plotly_script().text)
    other.close()
    assert plotly_script().comm is not None
    plotly_script().close()
    assert plotly_script().model_id != figure.library, "closed by somebody, it is made anew"


def test_a_widget_answers_whatever_its_page_says(widget: AnsweringWidget) -> None:
    sent: list[dict[str, Any]] = []
    widget.send = lambda told, buffers=None: sent.append(told)  # type: ignore[method-assign]
    widget._handle_custom_msg({"do": "ping"}, [])
    assert sent == [{"here": "ping"}]
    sent.clear()
    widget._handle_custom_msg({"do": "nothing that it knows"}, [])
    assert sent[0] == {"here": "heard"}
    sent.clear()
    widget._handle_custom_msg(["not", "a", "message"], [])
    assert sent == []


def test_a_page_that_drew_nothing_is_sent_the_figure_again(figure: LiveTimeline, monkeypatch: pytest.MonkeyPatch) -> None:
    figure._repr_mimebundle_()
    sent: list[Any] = []
    shown: list[Any] = []
    monkeypatch.setattr(LiveTimeline, "send_state", lambda _self, key=None: sent.append(key))
    figure._frame.observe(lambda change: shown.append(change["new"]), "children")
    figure._pane._handle_custom_msg({"do": "blank"}, [])
    assert sent[-1] == ["_widget_data", "_widget_layout", "_config"]
    assert shown == [(), (figure,)]


def test_a_page_opened_later_is_told_what_changed_since_it_was_sent(figure: LiveTimeline) -> None:
    figure._repr_mimebundle_()
    shown: list[Any] = []
    figure._frame.observe(lambda change: shown.append(change["new"]), "children")
    figure._pane._handle_custom_msg({"do": "theme", "dark": False, "drawn": True}, [])
    assert shown == []
    figure._pane._handle_custom_msg({"do": "theme", "dark": True}, [])
    assert shown == []
    figure._pane._handle_custom_msg({"do": "theme", "dark": True, "drawn": True}, [])
    assert shown == [(), (figure,)]
    assert figure._widget_layout["paper_bgcolor"] == figure.layout.paper_bgcolor
    figure._pane._handle_custom_msg({"do": "theme", "dark": False}, [])


def test_a_figure_tells_its_times_in_the_readers_zone_and_shows_the_same(figure: LiveTimeline) -> None:
    hours = 2 * 3600 * SECOND

    def said() -> str:
        return str(figure.layout.xaxis.title.text)

    looked_at = figure._range
    first = parse_iso(figure.layout.xaxis.range[0].replace(" ", "T"))
    assert "times in UTC" in said()
    figure._pane._handle_custom_msg({"do": "zone", "minutes": 120}, [])
    assert "times in UTC+02:00" in said()
    assert parse_iso(figure.layout.xaxis.range[0].replace(" ", "T")) == first + hours
    figure.layout.xaxis.range = [stamp(first + hours + SECOND), stamp(first + hours + 5 * SECOND)]
    assert figure._range == (first + SECOND, first + 5 * SECOND), "what is looked at is asked for in UTC"
    figure._pane._handle_custom_msg({"do": "zone", "minutes": "long"}, [])
    figure._pane._handle_custom_msg({"do": "zone", "minutes": 0}, [])
    assert "times in UTC" in said() and "+02:00" not in said()
    assert parse_iso(figure.layout.xaxis.range[0].replace(" ", "T")) == first + SECOND
    assert looked_at[0] == first


def test_a_figure_counts_its_times_from_the_fork_and_shows_the_same(lens: Lens) -> None:
    orphan = next(t for t in lens.diagnosis.threads if t.primary == "orphaned-turn")
    figure = lens.thread_for(orphan).timeline()
    looked_at, by_the_clock = figure._range, figure.layout.xaxis.ticktext
    assert figure._pane.zero == figure.zero is not None
    figure._pane._handle_custom_msg({"do": "zone", "minutes": 120, "fork": True}, [])
    assert "times since the fork" in str(figure.layout.xaxis.title.text)
    assert "0 s" in figure.layout.xaxis.ticktext
    assert any("+" in str(one[0]) for trace in figure.data for one in (trace.customdata or ()))
    assert figure._range == looked_at
    figure.layout.xaxis.rangebreaks = []  # "show all time"
    figure.layout.xaxis.range = [stamp(figure.zero - SECOND), stamp(figure.zero + SECOND)]
    assert figure.layout.xaxis.tickmode == "array" and len(figure.layout.xaxis.ticktext) >= 3
    figure._pane._handle_custom_msg({"do": "zone", "minutes": 0}, [])
    assert "times in UTC" in str(figure.layout.xaxis.title.text)
    assert figure.layout.xaxis.tickmode == "auto" and by_the_clock
    figure.close()


def test_a_figure_drawn_anew_in_another_zone_follows_the_theme(figure: LiveTimeline) -> None:
    figure._repr_mimebundle_()
    figure._pane._handle_custom_msg({"do": "zone", "minutes": 120}, [])
    shown: list[Any] = []
    figure._frame.observe(lambda change: shown.append(change["new"]), "children")
    figure._pane._handle_custom_msg({"do": "theme", "dark": True}, [])
    assert shown == [(), (figure,)]
    figure._pane._handle_custom_msg({"do": "theme", "dark": False}, [])


def test_a_figure_without_a_fork_does_not_count_from_one(lens: Lens) -> None:
    fleet = lens.timeline(static=False)
    fleet._pane._handle_custom_msg({"do": "zone", "minutes": 120, "fork": True}, [])
    assert fleet._pane.zero is None and not fleet._since_fork
    assert "times in UTC+02:00" in str(fleet.layout.xaxis.title.text)
    fleet.close()


@pytest.mark.browser
def test_without_an_answer_the_page_says_so_until_there_is_one(
    widget: AnsweringWidget, playwright: Any, tmp_path: Path
) -> None:
    with opened(playwright, viewport={"width": 1400, "height": 800}) as page:
        page.clock.install(time=0)
        page.clock.pause_at(1)
        page.kernel_is_dead = True
        show_widget(page, widget, tmp_path)
        note = page.locator(".t3-problem", has_text=_NO_ANSWER)
        page.clock.fast_forward(60_000)  # as on a page that is busy for a minute: it has heard nothing, as it could not
        assert note.count() == 0
        page.clock.run_for(11_000)
        note.wait_for()
        page.kernel_is_dead = False
        page.clock.run_for(61_000)
        note.wait_for(state="hidden")
        if isinstance(widget, Explorer):
            page.locator("rect.t3-mark").first.wait_for()
        assert page.problems == []


@pytest.mark.browser
def test_an_explorer_that_opens_says_what_it_waits_for_wherever_it_shows_nothing_yet(
    lens: Lens, playwright: Any, tmp_path: Path
) -> None:
    explorer = Explorer(lens.session)
    try:
        with opened(playwright, viewport={"width": 1400, "height": 800}) as page:
            page.kernel_is_dead = True
            show_widget(page, explorer, tmp_path)
            waits = page.locator(".t3-time-pane [role=status]:visible", has_text="Fetching the threads")
            waits.wait_for()
            told: list[dict[str, Any]] = []
            explorer.send = lambda message, buffers=None: told.append(message)
            explorer._handle_custom_msg({"do": "hello"}, [])
            fleet = next(one for one in told if "fleet" in one)
            page.evaluate("(sent) => window.hear(sent)", {"fleet": {**fleet["fleet"], "rows": [], "counts": []}})
            page.locator(".t3-time-pane", has_text="There is no thread").wait_for()
            assert "Fetching" not in page.locator(".t3-explorer").inner_text()
        with opened(playwright, viewport={"width": 1400, "height": 800}) as page:
            page.kernel_is_dead = True
            show_widget(page, explorer, tmp_path)
            waits = page.locator(".t3-time-pane", has_text="Fetching the threads")
            waits.wait_for()
            page.evaluate("(sent) => window.hear(sent)", fleet)
            page.locator(".t3-row").first.wait_for()
            page.locator(".t3-time-pane", has_text="Fetching a thread").wait_for()
            assert "Fetching" in page.locator(".t3-side-pane [role=tabpanel]:visible").inner_text()
            page.evaluate("(sent) => sent.forEach(window.hear)", [one for one in told if "fleet" not in one])
            page.locator("rect.t3-mark").first.wait_for()
            assert "Fetching" not in page.locator(".t3-explorer").inner_text()
            assert page.problems == []
    finally:
        explorer.close()
