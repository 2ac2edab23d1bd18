"""What t3lens shows in Notebook 7, in Voila and in pages that nbconvert writes, in a real Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tests.notebooks.lab import Lab
from tests.notebooks.page import chromium, run_all, shot
from tests.notebooks.test_headless import ROOT

pytestmark = pytest.mark.browser

_NAME = "everything.ipynb"
_CELLS = (
    "import t3lens\nlens = t3lens.open('home', server='dead')\nlens",
    "thread = lens.thread(lens.threads().thread_id[0])\nthread.timeline()",
    "lens.timeline()",
    "lens.explore(actions=False)",
    "thread.explain()",
    "thread.timeline(static=True)",
)


def everything() -> Any:
    """A notebook that shows one of each."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in _CELLS]
    return notebook


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("everything")
    shutil.copytree(ROOT / "sample_logs" / "orphaned-by-restart", folder / "home")
    nbformat.write(everything(), folder / _NAME)
    return folder


@pytest.fixture(scope="module")
def lab(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(folder, tmp_path_factory.mktemp("scratch"), {}) as lab:
        yield lab


# A front end may keep only those cells in the page that are in view.
_SCROLLED_TO = """(wanted) => {
  if (document.querySelectorAll(wanted).length >= 2) return true;
  const pane = document.querySelector('.jp-WindowedPanel-outer') || document.scrollingElement;
  const end = pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 2;
  pane.scrollTop = end ? 0 : pane.scrollTop + 400;
  return false;
}"""


def _drawn(page: Any) -> None:
    for wanted in (".js-plotly-plot .barlayer .point", ".t3-explorer .t3-timeline .t3-lane-name"):
        page.wait_for_function(_SCROLLED_TO, arg=wanted, polling=1_500)


def _open_a_finding(page: Any) -> Any:
    explorer = page.locator(".t3-explorer")
    explorer.scroll_into_view_if_needed()
    explorer.locator(".t3-finding").first.click()
    explorer.locator(".t3-pane-body .t3-facts").first.wait_for()
    return explorer


def test_notebook_7_draws_every_object_and_opens_records(lab: Lab, playwright: Any) -> None:
    lab.start_kernel(_NAME)
    with chromium(playwright, viewport={"width": 1300, "height": 1000}) as page:
        run_all(page, lab.url(_NAME, "notebooks"))
        try:
            _drawn(page)
        finally:
            shot(page, "notebook7")
        _open_a_finding(page)
        shot(page, "notebook7_explorer")


def test_voila_shows_every_object_to_who_may_only_look(lab: Lab, playwright: Any) -> None:
    with chromium(playwright, viewport={"width": 1300, "height": 1000}, color_scheme="light") as page:
        page.goto(lab.url(_NAME, "voila/render"))
        try:
            _drawn(page)
        finally:
            shot(page, "voila")
        explorer = _open_a_finding(page)
        assert explorer.get_by_role("button", name="Plan to stop").count() == 0
        shot(page, "voila_explorer")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_converted_notebook_shows_every_object_without_kernel_network_or_script(
    folder: Path, theme: str, tmp_path: Path, playwright: Any
) -> None:
    notebook = NotebookClient(
        everything(), timeout=480, startup_timeout=480, resources={"metadata": {"path": str(folder)}}
    ).execute()
    page_text, _ = HTMLExporter(theme=theme).from_notebook_node(notebook)
    target = tmp_path / "everything.html"
    target.write_text(page_text, "utf-8")
    wide = {"width": 1000, "height": 800}
    with chromium(playwright, viewport=wide, offline=True, java_script_enabled=False) as page:
        page.route("http*://**", lambda route: route.abort())
        page.goto(target.as_uri())
        page.screenshot(path=str(ROOT / "artefacts" / "notebooks" / f"nbconvert_{theme}.png"), full_page=True)
        shown = page.locator(".jp-OutputArea-output:has(section)")  # a figure's rule for paper shows nothing
        assert shown.count() == len(_CELLS)
        for place in range(len(_CELLS)):
            assert shown.nth(place).locator("section.t3").count() == 1, _CELLS[place]
            assert "stuck" in shown.nth(place).inner_text()
        assert page.locator("section.t3 svg").count() == 3
