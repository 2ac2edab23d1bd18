"""A timeline in a page of its own, in a real Chromium: zoom, folded time, zones, keyboard, print, no network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from t3lens.lens.lens import Lens
from t3lens.view.page.standalone import timeline_html
from tests.view.harness import opened

pytestmark = pytest.mark.browser

_FOLDS = "[...document.querySelectorAll('[data-t=z]')].filter((one) => one.style.display !== 'none').length"
_AXIS = "[...document.querySelectorAll('.t3-ticks text')].map((one) => one.textContent)"
_INSIDE = """(() => { const box = document.querySelector('.t3-chosen').getBoundingClientRect();
  const all = document.querySelector('svg.t3-timeline').getBoundingClientRect();
  return box.width > 0 && box.right >= all.left && box.left <= all.right; })()"""
_COVERED = """(() => { const words = '.t3-ticks text, .t3-zone, [data-t=k], [data-t=f], [data-t=g]';
  const boxes = [...document.querySelectorAll(words)]
  .filter((one) => one.style.display !== 'none').map((one) => [one.textContent, one.getBoundingClientRect()]);
  const hit = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2;
  return boxes.flatMap(([a, one], n) => boxes.slice(n + 1).filter(([, other]) => hit(one, other))
    .map(([b]) => `${a} / ${b}`)); })()"""


@pytest.fixture
def page(lens: Lens, playwright: Any, tmp_path: Path) -> Iterator[Any]:
    thread = next(t for t in lens.diagnosis.threads if t.primary == "orphaned-turn")
    asked: list[str] = []
    with opened(playwright, viewport={"width": 1100, "height": 800}, timezone_id="Asia/Kolkata") as page:
        page.on("request", lambda request: asked.append(request.url))
        page.goto(timeline_html(lens.thread_for(thread).scene(), tmp_path / "thread.html", "One").as_uri())
        page.wait_for_selector("[data-drawn]")
        yield page
        assert page.problems == []
        assert [url for url in asked if not url.startswith("file:")] == []


def test_quiet_time_is_folded_until_somebody_wants_all_of_it(page: Any) -> None:
    assert page.evaluate(_FOLDS) >= 1
    page.get_by_label("fold quiet time").uncheck()
    assert page.evaluate(_FOLDS) == 0
    page.get_by_label("fold quiet time").check()
    assert page.evaluate(_FOLDS) >= 1


def test_times_are_told_in_utc_in_local_time_or_from_the_fork_and_always_said_which(page: Any) -> None:
    zone = page.locator(".t3-zone")
    assert "UTC" in zone.text_content() and page.evaluate(_COVERED) == []
    utc = page.evaluate(_AXIS)
    page.get_by_label("Times in").select_option("local")
    assert "UTC+05:30" in zone.text_content()
    local = page.evaluate(_AXIS)
    assert local != utc and page.evaluate(_COVERED) == []
    page.get_by_label("Times in").select_option("fork")
    assert "fork" in zone.text_content()
    assert all(text[0] in "+−0" for text in page.evaluate(_AXIS)) and page.evaluate(_COVERED) == []


def test_what_is_chosen_by_keyboard_is_told_and_stays_in_view_while_zooming(page: Any) -> None:
    page.locator("svg.t3-timeline").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert page.locator(".t3-picked b").inner_text()
    window = page.locator(".t3-window")
    before = float(window.get_attribute("width"))
    for _ in range(6):
        page.keyboard.press("+")
        assert page.evaluate(_INSIDE)
    assert float(window.get_attribute("width")) < before / 2
    assert page.evaluate(_COVERED) == []
    page.get_by_role("button", name="Whole thread").click()
    assert float(window.get_attribute("width")) > before * 0.9


def test_print_is_light_and_whole(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    paper = "getComputedStyle(document.querySelector('.t3-paper')).fill"
    assert page.evaluate(paper) == "rgb(20, 24, 29)", "the theme is followed at once"
    page.emulate_media(color_scheme="dark", media="print")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    assert not page.locator(".t3-tools").is_visible()
    assert page.locator("svg.t3-timeline").is_visible()


def test_narrow_or_wide_nothing_covers_anything(page: Any) -> None:
    for width in (380, 700, 1600):
        page.set_viewport_size({"width": width, "height": 800})
        until = time.monotonic() + 240
        # the page runs no script but its own, so Playwright cannot have it wait for a condition in there
        while page.evaluate("document.querySelector('svg.t3-timeline').viewBox.baseVal.width") > width:
            assert time.monotonic() < until, width
            page.wait_for_timeout(50)
        assert page.evaluate(_COVERED) == [], width
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
