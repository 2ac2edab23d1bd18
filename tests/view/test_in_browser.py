"""What a person sees and does, in a real Chromium; the pictures are kept in ``artefacts/view``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from t3lens.diagnose import register_all
from t3lens.lens.lens import Lens
from t3lens.live.explorer import Explorer
from t3lens.view.page.standalone import timeline_html
from t3lens.view.page.tables import overview_html
from tests.view.harness import ARTEFACTS, opened, show_widget

pytestmark = pytest.mark.browser

_SIZES = {"wide": 1400, "narrow": 560}


@pytest.fixture
def explorer(lens: Lens) -> Iterator[Explorer]:
    made = Explorer(lens.session)
    yield made
    made.close()


def _keep(page: Any, name: str) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(ARTEFACTS / f"{name}.png"), full_page=True)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", list(_SIZES))
def test_a_timeline_page_is_drawn_in_the_readers_theme_and_fits_the_window(
    lens: Lens, playwright: Any, tmp_path: Path, theme: str, size: str
) -> None:
    pages = {"thread": lens.thread_for(lens.diagnosis.threads[0]).scene(), "fleet": lens.scene(group_by="home")}
    with opened(playwright, color_scheme=theme, viewport={"width": _SIZES[size], "height": 800}) as page:
        for name, scene in pages.items():
            page.goto(timeline_html(scene, tmp_path / f"{name}.html", name).as_uri())
            page.wait_for_selector("[data-drawn] rect.t3-mark")
            _keep(page, f"{name}-{theme}-{size}")
            ground = page.evaluate("getComputedStyle(document.querySelector('.t3-paper')).fill")
            assert ground == ("rgb(20, 24, 29)" if theme == "dark" else "rgb(255, 255, 255)")
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            assert page.locator(".t3-legend span").count() >= 3
        assert page.problems == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", list(_SIZES))
def test_the_explorer_is_drawn_and_fits(explorer: Explorer, playwright: Any, tmp_path: Path, dark: bool, size: str) -> None:
    with opened(playwright, viewport={"width": _SIZES[size], "height": 800}) as page:
        show_widget(page, explorer, tmp_path, dark=dark)
        page.wait_for_selector("rect.t3-mark")
        _keep(page, f"explorer-{'dark' if dark else 'light'}-{size}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert page.problems == []


def test_everything_is_reached_by_keyboard(explorer: Explorer, playwright: Any, tmp_path: Path) -> None:
    with opened(playwright, viewport={"width": 1400, "height": 800}) as page:
        show_widget(page, explorer, tmp_path)
        page.wait_for_selector("rect.t3-mark")
        chosen = page.locator(".t3-row[aria-selected=true] .t3-row-why")
        page.locator(".t3-list").focus()
        page.keyboard.press("f")
        page.wait_for_selector(".t3-side-pane [role=tabpanel]:not([hidden]) h3")
        assert page.locator(".t3-side-pane h3").first.inner_text() == chosen.inner_text()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.querySelector('#t3x-1-side-tab-moment').ariaSelected === 'true'")
        for _ in range(4):
            page.keyboard.press("ArrowDown")
        page.wait_for_function("document.querySelector('.t3-row[aria-selected=true]').ariaPosInSet === '5'")
        page.keyboard.press("?")
        assert page.locator("dialog.t3-help").is_visible()
        page.keyboard.press("Escape")
        assert not page.locator("dialog.t3-help").is_visible()
        assert page.problems == []


def test_every_control_has_a_name_and_shows_its_focus(explorer: Explorer, playwright: Any, tmp_path: Path) -> None:
    with opened(playwright, viewport={"width": 1400, "height": 800}) as page:
        show_widget(page, explorer, tmp_path)
        page.wait_for_selector("rect.t3-mark")
        nameless = page.evaluate(
            "[...document.querySelectorAll('button, input, select, [role=button], [role=listbox], [tabindex=\"0\"]')]"
            ".filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length"
            " || e.getAttribute('aria-labelledby'))).map((e) => e.outerHTML.slice(0, 80))"
        )
        assert nameless == []
        seen = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            found = page.evaluate(
                "(() => { const e = document.activeElement; const s = getComputedStyle(e);"
                " return [e.className?.baseVal ?? e.className, e.tagName,"
                " s.outlineStyle !== 'none' || e.tagName === 'BODY']; })()"
            )
            seen.add(found[0])
            assert found[2], found
        assert {"t3-list", "t3-timeline", "t3-finding", "t3-slider"} <= seen


def test_the_cause_stands_above_the_timeline_and_goes_with_its_thread(
    explorer: Explorer, playwright: Any, tmp_path: Path
) -> None:
    with opened(playwright, viewport={"width": 1000, "height": 700}) as page:  # so narrow that the story stands below
        show_widget(page, explorer, tmp_path)
        page.wait_for_selector("rect.t3-mark")
        cause, finding = page.locator(".t3-cause"), page.locator(".t3-finding").first
        finding.wait_for(state="attached")
        assert cause.inner_text().strip() and cause.inner_text() in finding.inner_text()
        assert cause.bounding_box()["y"] < page.locator("svg.t3-timeline").bounding_box()["y"]
        page.kernel_is_dead = True
        page.evaluate(
            "(() => { const to = window.toKernel; window.asked = [];"
            " window.toKernel = (text) => { window.asked.push(JSON.parse(text).do); return to(text); }; })()"
        )
        page.locator(".t3-list").focus()
        page.keyboard.press("ArrowDown")
        cause.wait_for(state="hidden")
        page.locator(".t3-slider").fill("300")
        page.keyboard.press("f")
        page.keyboard.press("c")
        page.wait_for_timeout(300)
        asked = set(page.evaluate("window.asked"))
        assert "thread" in asked <= {"thread", "ping"}, "nothing acts on the thread that was shown before"


def test_a_search_in_contents_leaves_what_it_found_in_the_list(explorer: Explorer, playwright: Any, tmp_path: Path) -> None:
    with opened(playwright, viewport={"width": 1400, "height": 800}) as page:
        show_widget(page, explorer, tmp_path)
        page.wait_for_selector("rect.t3-mark")
        page.get_by_label("Search threads").fill("createdAt")  # in records of each thread, in the title of none
        page.wait_for_function("!document.querySelector('.t3-row')")
        page.get_by_role("button", name="in contents").click()
        page.locator(".t3-row .t3-row-held").first.wait_for()
        assert "in contents" in page.locator(".t3-row").first.inner_text()
        assert "by contents" in page.locator(".t3-fleet-pane .t3-hint").inner_text()
        page.locator(".t3-row").nth(1).click()
        page.wait_for_selector("rect.t3-mark")
        page.get_by_label("Search threads").fill("createdAt and more")
        page.wait_for_function("!document.querySelector('.t3-row')")
        assert page.problems == []


def test_every_pane_tells_its_times_in_the_zone_that_is_chosen(explorer: Explorer, playwright: Any, tmp_path: Path) -> None:
    with opened(playwright, viewport={"width": 1400, "height": 900}, timezone_id="America/New_York") as page:
        show_widget(page, explorer, tmp_path)
        page.wait_for_selector("rect.t3-mark")
        box = page.locator("svg.t3-timeline").bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 6)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 40, box["y"] + 6, steps=4)
        page.mouse.up()
        page.wait_for_selector("#t3x-1-side-range table")
        page.get_by_label("Search threads").fill("createdAt")
        page.get_by_role("button", name="in contents").click()
        page.wait_for_selector("#t3x-1-side-found h3")
        page.locator("#t3x-1-side-tab-table").click()
        panes = ("story", "moment", "range", "found", "table")
        told = "(names) => names.map((name) => document.querySelector(`#t3x-1-side-${name}`).textContent)"
        zone = page.get_by_role("combobox", name="Times in")
        for kind, said, hour in (("utc", "UTC", "09:0"), ("local", "UTC−04:00", "05:0"), ("fork", "since the fork", " s")):
            zone.select_option(kind)
            for pane, text in zip(panes, page.evaluate(told, list(panes)), strict=True):
                if (kind, pane) != ("fork", "found"):  # what is found is of many threads, which have no fork in common
                    assert said in text and hour in text, (kind, pane)
            corner = page.locator(".t3-zone").text_content()
            assert corner == (said if kind == "fork" else f"2026-07-06, {said}"), "the clock of that day, not of today"
        page.locator("#t3x-1-side-tab-found").click()
        page.get_by_role("button", name="Close search").click()
        assert not page.locator("#t3x-1-side-tab-found").is_visible()
        assert page.locator(".t3-row .t3-row-since").first.is_visible()
        assert page.problems == []


def test_two_threads_are_compared_by_keyboard_and_share_what_is_chosen(
    explorer: Explorer, playwright: Any, tmp_path: Path
) -> None:
    with opened(playwright, viewport={"width": 1400, "height": 1000}) as page:
        show_widget(page, explorer, tmp_path)
        page.wait_for_selector("rect.t3-mark")
        page.locator(".t3-list").focus()
        page.keyboard.press("c")
        page.wait_for_selector(".t3-beside-pane [role=status]")
        page.keyboard.press("ArrowDown")
        below = page.locator(".t3-beside-pane svg.t3-timeline")
        below.wait_for()
        page.locator(".t3-beside-pane rect.t3-mark[data-key^='turn:']").first.click()
        page.wait_for_selector("#t3x-1-side-record .t3-facts")
        assert page.locator(".t3-beside-pane .t3-chosen").count() and not page.locator(".t3-time-pane .t3-chosen").count()
        page.locator(".t3-list").focus()
        for _ in range(3):
            page.keyboard.press("+")
            assert _between(page, ".t3-time-pane", ".t3-moment") and _between(page, ".t3-beside-pane", ".t3-moment")
        page.keyboard.press("a")
        page.locator(".t3-time-pane rect.t3-mark[data-key^='turn:']").first.click()
        page.wait_for_selector(".t3-time-pane .t3-chosen")
        assert not page.locator(".t3-beside-pane .t3-chosen").count(), "one thing is chosen at a time"
        box = below.bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 6)
        page.mouse.down()
        page.mouse.move(box["x"] + 400, box["y"] + 6, steps=4)
        page.mouse.up()
        page.wait_for_selector("#t3x-1-side-range h3")
        assert page.locator(".t3-brush").count() == page.locator(".t3-moment").count() == 2
        _keep(page, "explorer-compares")
        page.locator(".t3-list").focus()
        page.keyboard.press("ArrowUp")
        page.wait_for_selector(".t3-beside-pane [role=status]")
        page.keyboard.press("c")
        page.wait_for_function("!document.querySelector('.t3-beside-pane').childElementCount")
        assert page.problems == []


def test_beside_a_file_browser_the_cause_and_the_timeline_are_in_one_screen(
    explorer: Explorer, playwright: Any, tmp_path: Path
) -> None:
    with opened(playwright, viewport={"width": 1000, "height": 780}) as page:
        show_widget(page, explorer, tmp_path)
        page.wait_for_selector("rect.t3-mark")
        page.locator(".t3-cause").wait_for()
        for width in range(890, 1280, 10):  # whether the panes stand beside each other or not
            page.set_viewport_size({"width": width, "height": 780})
            page.wait_for_function(f"document.querySelector('.t3-explorer').clientWidth === {width} - 18")
            assert page.locator("svg.t3-timeline").bounding_box()["width"] >= 600, width
        for width in (1000, 484, 248, 232):
            page.set_viewport_size({"width": width, "height": 780})
            page.wait_for_function(f"document.querySelector('svg.t3-timeline').clientWidth < {width}")
            box = page.locator("svg.t3-timeline").bounding_box()
            seen = box["y"] + box["height"] - page.locator(".t3-cause").bounding_box()["y"]
            assert seen < 780, width
            wider = (
                "[...document.querySelectorAll('.t3-middle *, .t3-fleet-pane *')].filter((e) => !e.closest('svg, .t3-row')"
            )
            assert page.evaluate(f"{wider} && e.getBoundingClientRect().right > window.innerWidth).length") == 0, width
            if width == 1000:
                assert page.locator(".t3-explorer").bounding_box()["height"] < 780, "all of it in one screen"
                assert page.locator(".t3-finding").first.bounding_box()["y"] < 780
            else:
                assert box["y"] + box["height"] < 780, "with the list above them"


def test_a_click_on_a_bar_opens_its_record_and_dragging_filters_the_tables(
    explorer: Explorer, playwright: Any, tmp_path: Path
) -> None:
    with opened(playwright, viewport={"width": 1400, "height": 800}) as page:
        show_widget(page, explorer, tmp_path)
        page.wait_for_selector("rect.t3-mark")
        page.locator("rect.t3-mark[data-key^='turn:']").last.click()
        page.wait_for_selector("#t3x-1-side-record .t3-facts")
        assert "running" in page.locator("#t3x-1-side-record .t3-facts").inner_text()
        box = page.locator("svg.t3-timeline").bounding_box()
        y = box["y"] + 6
        page.mouse.move(box["x"] + 200, y)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 40, y, steps=4)
        page.mouse.up()
        page.wait_for_selector("#t3x-1-side-range table")
        assert " BETWEEN " in explorer.sql
        rows = page.locator("#t3x-1-side-range tbody tr").count()
        assert rows == len(explorer.selection().groupby(["label", "type"]))
        _keep(page, "explorer-range")
        assert page.problems == []


def _between(page: Any, pane: str, what: str) -> bool:
    """Whether what is chosen stands in the part of a timeline that its axis spans."""
    return page.evaluate(
        f"(() => {{ const svg = document.querySelector('{pane} svg.t3-timeline').getBoundingClientRect();"
        f" const box = document.querySelector('{pane} {what}')?.getBoundingClientRect();"
        " return Boolean(box) && box.left >= svg.left + 100 && box.left <= svg.right; })()"
    )


def test_zoom_keeps_what_was_chosen_last_and_comes_back_to_nothing_else(
    explorer: Explorer, playwright: Any, tmp_path: Path
) -> None:
    with opened(playwright, viewport={"width": 1400, "height": 900}) as page:
        show_widget(page, explorer, tmp_path)
        page.wait_for_selector("rect.t3-mark")
        box = page.locator("svg.t3-timeline").bounding_box()
        page.mouse.move(box["x"] + 220, box["y"] + 6)
        page.mouse.down()
        page.mouse.move(box["x"] + 330, box["y"] + 6, steps=4)
        page.mouse.up()
        page.wait_for_selector("#t3x-1-side-range table")
        page.locator(".t3-list").focus()
        page.keyboard.press("z")
        window = page.locator(".t3-window")
        edges = [float(window.get_attribute(name)) for name in ("x", "width")]
        page.keyboard.press("+")
        inner = [float(window.get_attribute(name)) for name in ("x", "width")]
        assert edges[0] < inner[0] and sum(inner) < sum(edges), "nobody chose the moment that the thread was opened with"
        page.keyboard.press("a")
        page.locator(".t3-time-pane rect.t3-mark[data-key^='turn:']").first.click()  # in the chosen range, too
        page.wait_for_selector("#t3x-1-side-record .t3-facts")
        page.locator(".t3-list").focus()
        for _ in range(3):
            page.keyboard.press("+")
            assert _between(page, ".t3-time-pane", ".t3-moment")
        told = page.locator(".t3-steps .t3-time")
        for _ in range(3):
            before = told.inner_text()
            page.keyboard.press("ArrowRight")
            page.wait_for_function("(was) => document.querySelector('.t3-steps .t3-time').textContent !== was", arg=before)
        for fold in (True, False):
            page.get_by_label("fold quiet time").set_checked(fold)
            page.locator(".t3-list").focus()
            for key in ("+", "+", "-", "+"):
                page.keyboard.press(key)
                assert _between(page, ".t3-time-pane", ".t3-moment"), "the event stepped to, not the turn chosen before"
        page.keyboard.press("a")
        page.mouse.move(box["x"] + box["width"] - 60, box["y"] + 60)
        page.keyboard.down("Control")
        for _ in range(8):
            page.mouse.wheel(0, -120)
            page.wait_for_timeout(50)
        page.keyboard.up("Control")
        assert float(window.get_attribute("width")) < edges[1]
        assert _between(page, ".t3-time-pane", ".t3-moment")
        assert page.problems == []


def test_two_explorers_of_a_page_have_no_id_in_common_and_a_hidden_one_takes_no_colour(
    lens: Lens, playwright: Any, tmp_path: Path
) -> None:
    made = [Explorer(lens.session) for _ in range(2)]
    ids = "[...document.querySelectorAll('.t3-explorer [id]')].map((one) => one.id)"
    try:
        with opened(playwright, viewport={"width": 1400, "height": 800}) as page:
            show_widget(page, made[0], tmp_path)
            page.wait_for_selector(".t3-time-pane pattern", state="attached")
            first = page.evaluate(ids)
            # Another copy of the script on the same page, as each widget has one: what it counts goes on.
            script = page.locator("script[type=module]").text_content().replace('"host"', '"second"')
            page.evaluate(
                "(text) => { const place = document.createElement('div'); place.id = 'second'; document.body.append(place);"
                " const made = document.createElement('script'); made.type = 'module'; made.textContent = text;"
                " document.body.append(made); }", script,
            )  # fmt: skip
            page.wait_for_selector("#second .t3-time-pane pattern", state="attached")
            both = page.evaluate(ids)
            assert len(both) > len(first) and len(set(both)) == len(both)
            fills = page.evaluate("[...document.querySelectorAll('[fill^=\"url\"]')].map((one) => one.getAttribute('fill'))")
            assert fills and all(") var(--t3-" in fill for fill in fills), "a colour for where the pattern is not drawn"
            assert {fill.split("#")[1].split(")")[0] for fill in fills} <= set(both)
            assert page.problems == []
    finally:
        for explorer in made:
            explorer.close()


def test_nothing_of_a_timeline_stands_behind_the_actions(explorer: Explorer, playwright: Any, tmp_path: Path) -> None:
    with opened(playwright, viewport={"width": 1400, "height": 800}) as page:
        show_widget(page, explorer, tmp_path)
        page.wait_for_selector("rect.t3-mark")
        for width in (1400, 1000):
            page.set_viewport_size({"width": width, "height": 800})
            page.locator(".t3-list").focus()
            for place in range(7):  # up to those of the second data model, which have more lanes
                page.wait_for_selector(".t3-time-pane rect.t3-mark")
                page.locator(".t3-act-pane button").first.wait_for()
                legend, steps, actions, all_of_it = (
                    page.locator(part).first.bounding_box()
                    for part in (".t3-time-pane .t3-legend", ".t3-steps", ".t3-act-pane", ".t3-explorer")
                )
                assert legend["y"] + legend["height"] <= steps["y"], place
                assert steps["y"] + steps["height"] <= actions["y"], place
                assert actions["y"] + actions["height"] <= all_of_it["y"] + all_of_it["height"], place
                page.keyboard.press("ArrowDown" if width == 1400 else "ArrowUp")
        assert page.problems == []


def test_in_the_list_no_code_is_cut_and_no_button_stands_alone(
    lens: Lens, explorer: Explorer, playwright: Any, tmp_path: Path
) -> None:
    longest = sorted(register_all(), key=len)[-5:]
    explorer._rows = [replace(row, primary=longest[n % 5]) for n, row in enumerate(explorer._rows)]
    with opened(playwright, viewport={"width": 900, "height": 800}) as page:
        show_widget(page, explorer, tmp_path)
        page.wait_for_selector("rect.t3-mark")
        for width in (1400, 900, 600):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_selector(".t3-row-why")
            told = page.evaluate(
                "[...document.querySelectorAll('.t3-row-why')].map((e) => [e.textContent, e.scrollWidth <= e.clientWidth,"
                " e.nextSibling.nextSibling.firstChild?.getBoundingClientRect().left"
                " >= e.getBoundingClientRect().right])"
            )
            assert {code for code, *_ in told} >= set(longest)
            assert all(whole and apart for _, whole, apart in told), width
            lines = page.evaluate(
                "[...document.querySelectorAll('.t3-time-pane .t3-tools button')].map((e) => e.getBoundingClientRect().top)"
            )
            assert min(lines.count(top) for top in lines) > 1, width
        assert page.problems == []


def test_the_overview_reads_well_in_both_themes(lens: Lens, playwright: Any, tmp_path: Path) -> None:
    page_file = tmp_path / "overview.html"
    page_file.write_text(f"<!doctype html><meta charset=utf-8><body>{overview_html(lens.store)}", "utf-8")
    for theme in ("light", "dark"):
        with opened(playwright, color_scheme=theme, viewport={"width": 900, "height": 500}) as page:
            page.goto(page_file.as_uri())
            assert page.locator(".t3-chip", has_text="stuck").count() >= 2
            _keep(page, f"overview-{theme}")


_NOTEBOOK = """.jp-RenderedHTMLCommon tbody tr { background: #111; color: #eee }
.jp-RenderedHTMLCommon tbody tr:nth-child(even) { background: #222 }
.jp-RenderedHTMLCommon tbody tr:hover { background: #333 }"""


def test_in_a_dark_notebook_every_row_is_light_on_paper(lens: Lens, playwright: Any, tmp_path: Path) -> None:
    page_file = tmp_path / "notebook.html"
    page_file.write_text(
        f"<!doctype html><meta charset=utf-8><style>{_NOTEBOOK}</style><body data-jp-theme-light=false>"
        f"<div class=jp-RenderedHTMLCommon>{overview_html(lens.store)}</div>", "utf-8",
    )  # fmt: skip
    grounds = "[...new Set([...document.querySelectorAll('tbody tr')].map((e) => getComputedStyle(e).backgroundColor))]"
    broken = "[...document.querySelectorAll('td .t3-id')].filter((e) => e.getClientRects().length > 1).length"
    with opened(playwright, viewport={"width": 700, "height": 700}) as page:
        page.goto(page_file.as_uri())
        assert set(page.evaluate(grounds)) == {"rgb(20, 24, 29)", "rgb(28, 33, 40)"}
        page.emulate_media(media="print")
        assert set(page.evaluate(grounds)) == {"rgb(255, 255, 255)", "rgb(246, 248, 250)"}
        assert page.evaluate(broken) == 0, "an id is broken in mid-letter"
