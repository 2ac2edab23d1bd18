"""What axe finds wrong for people who cannot see, point or tell colours apart: nothing, in either theme."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest

from t3lens.document.audit import audit_document
from t3lens.document.model import RollUpBy
from t3lens.document.pages import write_pages
from t3lens.document.roll_up import with_roll_ups
from t3lens.lens.lens import Lens
from t3lens.live.explorer import Explorer
from t3lens.view.page.standalone import timeline_html
from t3lens.view.page.tables import overview_html
from tests.view.harness import opened, show_widget

pytestmark = pytest.mark.browser

_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
_THEMES = pytest.mark.parametrize("theme", ["light", "dark"])


def _faults(page: Any, *, fragment: bool = False) -> list[str]:
    """Everything axe calls a violation; a widget is part of a page that has the level-one heading."""
    page.evaluate(_AXE)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    faults = [f"{fault['id']}: {node['html'][:200]} {node['failureSummary']}" for fault in found for node in fault["nodes"]]
    return [f for f in faults if not (fragment and f.startswith("page-has-heading-one"))]


def _thread_page(lens: Lens, folder: Path) -> Path:
    return timeline_html(lens.thread_for(lens.diagnosis.threads[0]).scene(), folder / "thread.html", "One thread")


def _fleet_page(lens: Lens, folder: Path) -> Path:
    return timeline_html(lens.scene(group_by="home"), folder / "fleet.html", "All threads")


def _overview_page(lens: Lens, folder: Path) -> Path:
    page = folder / "overview.html"
    page.write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>overview</title>'
        f"<main><h1>Overview</h1><h2>Threads</h2>{overview_html(lens.store)}</main>",
        "utf-8",
    )
    return page


@_THEMES
@pytest.mark.parametrize("make", [_thread_page, _fleet_page, _overview_page])
def test_a_page_has_no_fault_that_axe_knows(
    lens: Lens,
    playwright: Any,
    tmp_path: Path,
    make: Callable[[Lens, Path], Path],
    theme: str,
) -> None:
    with opened(playwright, color_scheme=theme, viewport={"width": 1200, "height": 800}) as page:
        page.goto(make(lens, tmp_path).as_uri())
        if page.locator("[data-scene]").count():
            page.wait_for_selector("[data-drawn]")
        assert _faults(page) == []
        assert page.locator("table tbody tr").count() > 0, "a figure has a table beside it"


@_THEMES
def test_the_pages_of_an_audit_have_no_fault_that_axe_knows(lens: Lens, playwright: Any, tmp_path: Path, theme: str) -> None:
    document = with_roll_ups(audit_document(lens.diagnosis, as_of=lens.as_of, version="1"), (RollUpBy.CODE, RollUpBy.HOME))
    write_pages(document, tmp_path / "pages")
    with opened(playwright, color_scheme=theme, viewport={"width": 1200, "height": 800}) as page:
        page.goto((tmp_path / "pages" / "index.html").as_uri())
        faults = {"index": _faults(page)}
        links = page.locator("main a[href$='.html']")
        assert links.count() > 1, "a page of each thread with trouble"
        links.first.click()
        page.wait_for_url("**/*-*.html")
        faults["a thread"] = _faults(page)
        assert {name: found for name, found in faults.items() if found} == {}


@_THEMES
def test_reports_of_all_threads_and_of_one_have_no_fault_that_axe_knows(
    lens: Lens, playwright: Any, tmp_path: Path, theme: str
) -> None:
    stuck = lens.diagnosis.threads[0]
    assert stuck.findings, "a report of one thread has its causes"
    reports = (lens.report(tmp_path / "all.html"), lens.thread_for(stuck).report(tmp_path / "one.html"))
    with opened(playwright, color_scheme=theme, viewport={"width": 1200, "height": 800}) as page:
        for report in reports:
            page.goto(report.as_uri())
            page.evaluate("document.querySelector('[data-scene]').scrollIntoView()")
            page.wait_for_selector("[data-drawn]")
            assert _faults(page) == [], report.name
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            page.set_viewport_size({"width": 420, "height": 800})  # so narrow that records have to be scrolled
            assert _faults(page) == [], report.name
            page.set_viewport_size({"width": 1200, "height": 800})


@_THEMES
@pytest.mark.parametrize("width", [1400, 560])
def test_the_explorer_has_no_fault_that_axe_knows_whatever_it_shows(
    lens: Lens, playwright: Any, tmp_path: Path, theme: str, width: int
) -> None:
    explorer = Explorer(lens.session)
    try:
        with opened(playwright, viewport={"width": width, "height": 800}) as page:
            show_widget(page, explorer, tmp_path, dark=theme == "dark")
            page.wait_for_selector("rect.t3-mark")
            seen = {"story": _faults(page, fragment=True)}
            page.locator(".t3-list").focus()
            page.keyboard.press("f")
            page.wait_for_selector(".t3-side-pane [role=tabpanel]:not([hidden]) h3")
            page.locator(".t3-toggle").last.click()
            seen["record, a verdict hidden"] = _faults(page, fragment=True)
            page.get_by_role("tab", name="At a time").click()
            seen["moment"] = _faults(page, fragment=True)
            page.get_by_role("tab", name="In range").click()
            seen["range"] = _faults(page, fragment=True)
            page.get_by_role("tab", name="As table").click()
            page.wait_for_selector(".t3-side-pane [role=tabpanel]:not([hidden]) tbody tr")
            seen["table"] = _faults(page, fragment=True)
            page.get_by_role("button", name="Plan to stop").click()
            page.wait_for_selector(".t3-plan h3")
            seen["plan"] = _faults(page, fragment=True)
            page.get_by_role("button", name="compare").click()
            page.locator(".t3-row[aria-selected='false']").first.click()
            page.wait_for_selector(".t3-beside-pane svg.t3-timeline")
            seen["two threads"] = _faults(page, fragment=True)
            page.locator(".t3-list").focus()
            page.keyboard.press("?")
            seen["help"] = _faults(page, fragment=True)
            assert {name: faults for name, faults in seen.items() if faults} == {}
    finally:
        explorer.close()


def test_every_mark_is_reached_and_opened_by_keyboard(lens: Lens, playwright: Any, tmp_path: Path) -> None:
    explorer = Explorer(lens.session)
    try:
        with opened(playwright, viewport={"width": 1400, "height": 800}) as page:
            show_widget(page, explorer, tmp_path)
            page.wait_for_selector("rect.t3-mark")
            rows = page.get_by_role("tab", name="As table")
            rows.focus()
            page.keyboard.press("Enter")
            page.wait_for_selector(".t3-side-pane [role=tabpanel]:not([hidden]) tbody tr")
            opens = page.locator(".t3-side-pane [role=tabpanel]:not([hidden]) tbody button")
            keys = page.locator(".t3-timeline .t3-mark:not(.t3-arrow)")
            assert opens.count() == keys.count()
            opens.nth(2).focus()
            page.keyboard.press("Enter")
            page.wait_for_selector("#t3x-1-side-record .t3-facts")
            assert page.problems == []
    finally:
        explorer.close()
