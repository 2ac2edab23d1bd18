"""The first notebook in real JupyterLab, in real Chromium: drawn, clicked, planned, confirmed, healed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from t3lens.demo import ServedHome
from t3lens.view.page import theme
from tests.notebooks.figures import BARS
from tests.notebooks.lab import Lab
from tests.notebooks.page import chromium, run_all, shot
from tests.notebooks.test_headless import ROOT, stored_status

pytestmark = pytest.mark.browser

_PAPERS = """(wanted) => {
  const colour = (hex) => `rgb(${[1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).join(', ')})`;
  const plots = [...document.querySelectorAll('.js-plotly-plot')];
  return plots.length === wanted.length && plots.every((plot, at) => plot.querySelector('.point')
    && plot.getBoundingClientRect().height > 300
    && plot.querySelector('.main-svg').style.background.includes(colour(wanted[at])));
}"""
"""Whether the page's figures have marks, their height, and papers of these colours."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHome]:
    with ServedHome(tmp_path_factory.mktemp("served") / "home") as served:
        yield served


@pytest.fixture(scope="module")
def lab(served: ServedHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder, scratch = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("scratch")
    shutil.copy(ROOT / "notebooks" / "01_investigate.ipynb", folder)
    environment = {
        "T3LENS_DEMO_HOME": str(served.home),
        "T3LENS_TOKEN": served.server.token,
        "T3LENS_ACTIONS": "1",
        "T3LENS_JOURNAL": str(scratch / "journal.ndjson"),
    }
    with Lab(folder, scratch, environment) as lab:
        yield lab


@pytest.fixture(scope="module")
def page(lab: Lab, playwright: Any) -> Iterator[Any]:
    with chromium(playwright, viewport={"width": 1500, "height": 1000}, timezone_id="Asia/Tokyo") as page:
        lab.start_kernel("01_investigate.ipynb")
        run_all(page, lab.url("01_investigate.ipynb"))
        try:
            page.locator(".t3-timeline .t3-lane-name").first.wait_for()  # the explorer, near the end
        except Exception:
            shot(page, "01_not_drawn")
            raise
        yield page


def test_the_timeline_is_drawn_and_a_click_on_a_bar_shows_its_record(page: Any) -> None:
    figure = page.locator(".js-plotly-plot").first
    figure.scroll_into_view_if_needed()
    bars = figure.locator(BARS)
    bars.first.wait_for(state="attached")
    assert bars.count() >= 4
    click_the_widest(page, bars)
    record = figure.locator("xpath=ancestor::*[contains(@class,'jp-OutputArea-output')]").locator(".t3-record")
    record.locator(".t3-facts").first.wait_for()
    shot(page, "01_timeline_clicked")
    assert "Click a mark" not in record.first.inner_text()


def test_the_timeline_tells_its_times_in_the_readers_zone_since_the_fork_and_back(page: Any) -> None:
    output = page.locator(".js-plotly-plot").first.locator("xpath=ancestor::*[contains(@class,'jp-OutputArea-output')]")
    zones = output.locator(".t3-record").get_by_label("Times in")
    seen = (
        "(told) => { const plot = document.querySelector('.js-plotly-plot'); const svg = plot?.querySelector('.main-svg');"
        " return svg && [...plot.querySelectorAll('.xtitle')].some((e) => new RegExp(told).test(e.textContent))"
        " && plot.querySelectorAll('.barlayer .point path').length >= 4 && plot.querySelectorAll('.xtick').length >= 2"
        " && svg.getBoundingClientRect().width > plot.parentElement.getBoundingClientRect().width - 40; }"
    )
    for zone, told in (
        ("local", r"times in UTC\+09:00$"),
        ("fork", "times since the fork, .* UTC$"),
        ("utc", "times in UTC$"),
    ):
        zones.select_option(zone)
        page.wait_for_function(seen, arg=told)
        shot(page, f"01_timeline_{zone}")


def test_the_explorer_stops_a_stuck_session_by_plan_arm_and_confirm(page: Any, served: ServedHome) -> None:
    explorer = page.locator(".t3-timeline").last.locator("xpath=ancestor::*[contains(@class,'jp-OutputArea-output')]")
    explorer.scroll_into_view_if_needed()
    click_the_widest(page, explorer.locator(".t3-timeline .t3-mark"))
    explorer.locator(".t3-pane-body .t3-facts").first.wait_for()
    shot(page, "01_explorer_record")
    before = {path: stored_status(served.home, path) for path in threads(served.home)}
    explorer.get_by_role("button", name="Plan to reconcile").click()
    explorer.get_by_role("button", name="Arm: reconcile").click()
    explorer.get_by_role("button", name="Confirm: reconcile").click()
    explorer.locator(".t3-outcome.t3-good").wait_for()
    shot(page, "01_explorer_stopped")
    after = {path: stored_status(served.home, path) for path in threads(served.home)}
    changed = {path for path in after if after[path] != before[path]}
    assert len(changed) == 1
    assert {after[path] for path in changed} == {"stopped"}


def test_plain_figures_are_as_dark_as_the_page_when_drawn_and_when_it_is_switched(lab: Lab, playwright: Any) -> None:
    code = f"import t3lens\nlens = t3lens.open({str(ROOT / 'sample_logs' / 'orphaned-by-restart')!r})"
    thread = "lens.thread_for(lens.diagnosis.threads[0]).timeline(static=True{})"
    cells = [code, thread.format(""), "lens.timeline(static=True)", thread.format(", dark=True")]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    nbformat.write(notebook, lab.folder / "plain.ipynb")
    with chromium(playwright, viewport={"width": 1400, "height": 1000}) as page:
        lab.start_kernel("plain.ipynb")
        run_all(page, lab.url("plain.ipynb"))
        paper = theme.CHROME["paper"]
        page.wait_for_function(_PAPERS, arg=[paper.light, paper.light, paper.dark])
        for name, colour in (("JupyterLab Dark", paper.dark), ("JupyterLab Light", paper.light)):
            page.get_by_role("menuitem", name="Settings", exact=True).click()
            page.get_by_text("Theme", exact=True).hover()
            page.get_by_text(name, exact=True).click()
            page.wait_for_function(_PAPERS, arg=[colour] * 3)
            shot(page, f"plain_in_{name}")
            if colour == paper.dark:
                run_all(page, lab.url("plain.ipynb"))
                page.wait_for_function(_PAPERS, arg=[colour] * 3)


def click_the_widest(page: Any, marks: Any) -> None:
    boxes = [marks.nth(place).bounding_box() for place in range(marks.count())]
    widest = max((box for box in boxes if box), key=lambda box: box["width"])
    page.mouse.click(widest["x"] + widest["width"] / 3, widest["y"] + widest["height"] / 2)


def threads(home: Path) -> list[str]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as connection:
        rows = connection.execute("SELECT thread_id FROM projection_thread_sessions").fetchall()
    return [row[0] for row in rows]
