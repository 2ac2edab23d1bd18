"""No widget of ours stays empty: on a slow page, on a page that hears nothing at first, reloaded, without a kernel.

By default each front end runs one notebook with one of everything, once, at one speed; ``--full-size`` runs that and
the shipped notebooks at three speeds, thirty times and more in each of two front ends.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import nbformat
import pytest

from t3lens.demo import ServedHome
from tests.notebooks.figures import BARS, SHOWN, Shown, await_drawn, await_run, reload_until_drawn
from tests.notebooks.lab import Lab
from tests.notebooks.page import chromium, run_all, save, shot, throttle
from tests.notebooks.test_headless import NOTEBOOKS, ROOT
from tests.notebooks.test_other_front_ends import everything

pytestmark = pytest.mark.browser

_NAME: Final = "everything.ipynb"
_APPS: Final = {"jupyterlab": "lab", "notebook7": "notebooks"}
_EVERYTHING: Final = Shown(2, 1)
_SIZE: Final = {"width": 1300, "height": 1000}
_NO_ANSWER: Final = "no answer from the kernel"

# anywidget waits two seconds for a widget's script, then gives up on all messages to it. Here it gives up at once, as
# it does on a page that is busy with something else for two seconds.
_DEAF = """{ const wait = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (ms) => wait(ms === 2000 ? 0 : ms); }"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder, scratch = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("scratch")
    shutil.copytree(ROOT / "sample_logs" / "orphaned-by-restart", folder / "home")
    notebook = everything()
    del notebook.cells[-1]  # the plain figure, which is none of our widgets
    nbformat.write(notebook, folder / _NAME)
    with ServedHome(scratch / "served") as served:
        environment = {
            "T3LENS_DEMO_HOME": str(served.home),
            "T3LENS_TOKEN": served.server.token,
            "T3LENS_ACTIONS": "1",
            "T3LENS_JOURNAL": str(scratch / "journal.ndjson"),
        }
        with Lab(folder, scratch, environment) as lab:
            yield lab


def _opened(lab: Lab, page: Any, app: str, source: Path, number: int = 0) -> Path:
    """Run all of a notebook under a name of its own, so that nothing is left of runs before."""
    name = f"{source.stem}-{app}-{number}.ipynb"
    shutil.copy(source, lab.folder / name)
    lab.start_kernel(name)
    run_all(page, lab.url(name, _APPS[app]))
    return lab.folder / name


def _drawn(page: Any, name: str, wanted: Shown = _EVERYTHING) -> None:
    try:
        await_drawn(page, wanted)
    finally:
        shot(page, name)


@pytest.mark.parametrize("app", list(_APPS))
def test_on_a_slow_page_no_figure_stays_without_its_marks(lab: Lab, app: str, playwright: Any, full_size: bool) -> None:
    rates = (1, 3, 6) if full_size else (3,)
    ours = {lab.folder / _NAME: _EVERYTHING}
    if full_size:
        ours |= {path: SHOWN[path.name] for path in NOTEBOOKS}
    number = 0
    for repeat in range(3 if full_size else 1):
        for rate in rates:
            for source, wanted in ours.items():
                number += 1
                with chromium(playwright, viewport=_SIZE) as page:
                    throttle(page, rate)
                    _opened(lab, page, app, source, number)
                    await_run(page)
                    _drawn(page, f"slow-{app}-{source.stem}-{rate}-{repeat}", wanted)
                lab.end_kernels()


@pytest.mark.parametrize("app", list(_APPS))
def test_a_page_that_hears_nothing_at_first_shows_everything_and_again_when_reloaded(
    lab: Lab, app: str, playwright: Any
) -> None:
    with chromium(playwright, viewport=_SIZE) as page:
        page.add_init_script(_DEAF)
        notebook = _opened(lab, page, app, lab.folder / _NAME)
        _drawn(page, f"deaf-{app}")
        _opens_records(page)
        save(page, notebook)
        try:
            reload_until_drawn(page, _EVERYTHING)
        finally:
            shot(page, f"deaf-{app}-reloaded")
        _opens_records(page)


def _opens_records(page: Any) -> None:
    """Both ways of asking the kernel for a record are answered."""
    explorer = page.locator(".t3-explorer")
    explorer.scroll_into_view_if_needed()
    explorer.locator(".t3-finding").first.click()
    explorer.locator(".t3-pane-body .t3-facts").first.wait_for()
    figure = page.locator(".js-plotly-plot").first
    figure.scroll_into_view_if_needed()
    bars = figure.locator(BARS)
    boxes = [bars.nth(place).bounding_box() for place in range(bars.count())]
    widest = max((box for box in boxes if box), key=lambda box: box["width"])
    page.mouse.click(widest["x"] + widest["width"] / 3, widest["y"] + widest["height"] / 2)
    page.locator(".t3-record .t3-facts").first.wait_for()


def test_voila_shows_everything_on_a_page_that_hears_nothing_at_first(lab: Lab, playwright: Any) -> None:
    with chromium(playwright, viewport=_SIZE) as page:
        page.add_init_script(_DEAF)
        page.goto(lab.url(_NAME, "voila/render"))
        _drawn(page, "deaf-voila")
        _opens_records(page)


@pytest.mark.parametrize("app", list(_APPS))
def test_where_the_kernel_has_died_explorer_and_figure_say_that_there_is_no_answer(
    lab: Lab, app: str, playwright: Any
) -> None:
    with chromium(playwright, viewport=_SIZE) as page:
        _opened(lab, page, app, lab.folder / _NAME, 1_000)
        _drawn(page, f"dead-{app}-before")
        lab.end_kernels()
        page.evaluate("document.querySelectorAll('.jp-Dialog .jp-mod-reject').forEach((b) => b.click())")
        page.locator(".t3-explorer .t3-finding").first.dispatch_event("click")
        page.evaluate("{ const page = document.body.dataset; page.jpThemeLight = String(page.jpThemeLight === 'false'); }")
        # figures tell of a theme that changed
        for widget in (".t3-explorer", ".t3-record"):
            note = page.locator(f"{widget} > .t3-problem", has_text=_NO_ANSWER)
            note.first.wait_for()
        shot(page, f"dead-{app}")
