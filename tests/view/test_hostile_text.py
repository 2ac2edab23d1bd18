"""Whatever a log says, it is shown as text: in tables, figures, pages and widgets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from t3lens.lens.lens import Lens
from t3lens.live.explorer import Explorer
from t3lens.view.fleet.figure import GROUPINGS, fleet_timeline
from t3lens.view.page.standalone import timeline_html, timeline_page
from t3lens.view.page.tables import frame_html, overview_html, overview_text
from t3lens.view.timeline.data import TimelineIndex
from t3lens.view.timeline.fallback import timeline_fallback
from t3lens.view.timeline.figure import thread_timeline
from t3lens.view.timeline.scene import thread_scene
from tests.view.harness import opened, show_widget
from tests.view.hostile import MARK


class _Reader(HTMLParser):
    """Collects what a browser would treat as markup."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        assert not any("javascript:" in (value or "") and name in ("href", "src") for name, value in attrs)


def _inert(html: str) -> None:
    reader = _Reader()
    reader.feed(html)
    assert not reader.tags & {"script", "img", "a", "i", "iframe", "foreignobject", "image", "use"}
    assert not {name for name in reader.attributes if name.startswith("on")}


def _data(lens: Lens) -> Any:
    thread = lens.diagnosis.threads[0]
    index = TimelineIndex(lens.store, thread.home_id, thread.thread_id, as_of=lens.as_of)
    try:
        return index.view()
    finally:
        index.close()


_TABLES: list[tuple[str, Callable[[Lens], str]]] = [
    ("overview", lambda lens: overview_html(lens.store)),
    ("events", lambda lens: frame_html(lens.sql("FROM log_events LIMIT 60"))),
    ("orchestration", lambda lens: frame_html(lens.sql("FROM orchestration_events LIMIT 60"))),
    ("findings", lambda lens: frame_html(lens.findings())),
    ("evidence", lambda lens: frame_html(lens.sql("FROM evidence"))),
    ("transitions", lambda lens: frame_html(lens.sql("FROM transitions LIMIT 60"))),
    ("timeline", lambda lens: timeline_fallback(_data(lens))[1]),
    ("fleet", lambda lens: lens.timeline()._repr_mimebundle_()["text/html"]),
]


@pytest.mark.parametrize("make", [m for _, m in _TABLES], ids=[name for name, _ in _TABLES])
def test_html_made_of_hostile_records_has_no_markup_of_theirs(hostile_lens: Lens, make: Callable[[Lens], str]) -> None:
    html = make(hostile_lens)
    _inert(html)
    assert len(html) < 2_000_000


def test_the_canary_is_in_what_is_shown_or_the_test_above_proves_nothing(
    hostile_lens: Lens,
) -> None:
    assert MARK in overview_html(hostile_lens.store)
    assert MARK in json.dumps(thread_timeline(*_where(hostile_lens), as_of=hostile_lens.as_of, static=True).to_dict())


def _where(lens: Lens) -> tuple[Any, str, str]:
    thread = lens.diagnosis.threads[0]
    return lens.store, thread.home_id, thread.thread_id


def test_text_for_a_terminal_has_no_escapes_and_no_direction_marks(hostile_lens: Lens) -> None:
    fleet = hostile_lens.timeline()._repr_mimebundle_()["text/plain"]
    for text in (
        overview_text(hostile_lens.store),
        timeline_fallback(_data(hostile_lens))[0],
        fleet,
    ):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
        assert all(len(line) < 400 for line in text.splitlines())


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for part in value.values() for text in _strings(part)]
    if isinstance(value, (list, tuple)):
        return [text for part in value for text in _strings(part)]
    return []


_OURS = re.compile(r'</?(b|i|br)>|<br>|<span style="font-size:13px">|</span>')


def test_figures_of_hostile_records_hold_only_our_own_markup(hostile_lens: Lens) -> None:
    figures = [thread_timeline(*_where(hostile_lens), as_of=hostile_lens.as_of, static=True)]
    figures += [fleet_timeline(hostile_lens.store, as_of=hostile_lens.as_of, group_by=g) for g in GROUPINGS]
    for figure in figures:
        spec = figure.to_dict()
        shown = [row[0] for trace in spec["data"] for row in trace.get("customdata", [])]
        shown += _strings(spec["layout"])
        shown += [text for trace in spec["data"] for text in _strings(trace.get("text", []))]
        for text in shown:
            rest = _OURS.sub("", text)
            assert "<" not in rest and "$" not in rest, text


def test_a_page_lets_only_its_own_scripts_run_and_asks_for_nothing(hostile_lens: Lens) -> None:
    page = timeline_page(thread_scene(_data(hostile_lens)), hostile_lens.diagnosis.threads[0].title or "")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "unsafe-inline" not in policy[1].split("style-src")[0]
    assert page.count("<script") == 1


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
def test_a_page_of_hostile_records_is_drawn_and_runs_nothing(
    hostile_lens: Lens, playwright: Any, tmp_path: Path, dark: bool
) -> None:
    html = "".join(make(hostile_lens) for _, make in _TABLES)
    page_file = timeline_html(thread_scene(_data(hostile_lens)), tmp_path / "page.html", "hostile", below=html)
    with opened(playwright, color_scheme="dark" if dark else "light") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri())
        page.wait_for_selector("[data-drawn]")
        bars = page.locator("[data-drawn] rect.t3-mark")
        assert bars.count() > 0
        for place in range(min(bars.count(), 4)):
            bars.nth(place).click(force=True)
        assert page.evaluate(f"window.{MARK}") is None
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
        assert page.problems == []
        assert page.evaluate("document.querySelectorAll('.t3-scene a, .t3-scene img').length") == 0


@pytest.mark.browser
def test_the_explorer_shows_hostile_records_as_text_and_keeps_its_layout(
    hostile_lens: Lens, playwright: Any, tmp_path: Path
) -> None:
    explorer = Explorer(hostile_lens.session, content=True)
    try:
        with opened(playwright, viewport={"width": 1300, "height": 760}) as page:
            show_widget(page, explorer, tmp_path)
            page.wait_for_selector(".t3-mark")
            marks = page.locator("path.t3-mark")
            for place in range(0, marks.count(), 7):
                marks.nth(place).click(force=True)
            page.get_by_role("tab", name="Story").click()
            page.locator(".t3-finding").first.click()
            page.wait_for_selector(".t3-side-pane h3")
            page.get_by_role("tab", name="As table").click()
            page.wait_for_selector(".t3-pane-body:not([hidden]) tbody tr")
            assert page.evaluate(f"window.{MARK}") is None
            assert page.locator(".t3-explorer img, .t3-explorer a, .t3-explorer script").count() == 0
            box = page.locator(".t3-explorer").bounding_box()
            assert box is not None and box["width"] <= 1300 and box["height"] < 1000
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            assert page.problems == []
    finally:
        explorer.close()
