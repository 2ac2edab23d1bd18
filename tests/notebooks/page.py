"""A notebook in a real Chromium."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import nbformat
from playwright.sync_api import TimeoutError as PageTimeout

from tests.browser import launch
from tests.notebooks.test_headless import ROOT

ARTEFACTS = ROOT / "artefacts" / "notebooks"
PATIENCE_MS = 480_000
"""How long anything may take: a server, a kernel and a browser share the machine with all other tests."""
_LOST_MS: Final = 60_000

# A page whose kernel is not connected yet asks which one to take, whenever that may be.
_TAKE_THE_KERNEL = """
window.asked = 0;
new MutationObserver(() => {
  const dialog = document.querySelector('.jp-Dialog');
  if (!dialog || dialog.dataset.answered || !/kernel/i.test(dialog.textContent)) return;
  dialog.dataset.answered = 'yes';
  window.asked += 1;
  dialog.querySelector('.jp-mod-accept')?.click();
}).observe(document, { childList: true, subtree: true });
"""
_BEGUN = "/[*\\d]/.test(document.querySelector('.jp-CodeCell .jp-InputPrompt')?.textContent || '')"
_RUN = "/\\d/.test(document.querySelector('.jp-CodeCell .jp-InputPrompt')?.textContent || '')"
_LEFT_OUT = """[...document.querySelectorAll('.jp-CodeCell')].some((cell) =>
  /\\[\\s*\\]/.test(cell.querySelector('.jp-InputPrompt')?.textContent || '')
  && cell.querySelector('.cm-content')?.textContent.trim() !== '')"""
_IDLE = """() => /\\| Idle/.test(document.querySelector('#jp-main-statusbar')?.textContent || '')
  || document.querySelector('.jp-NotebookKernelStatus-fade, .jp-Notebook-ExecutionIndicator[data-status=idle]')"""


@contextmanager
def chromium(playwright: Any, **options: Any) -> Iterator[Any]:
    """A page with patience; without Chromium the test is skipped."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    browser = launch(playwright)
    page = browser.new_page(**options)
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(_TAKE_THE_KERNEL)
    try:
        yield page
    finally:
        browser.close()


def throttle(page: Any, rate: int) -> None:
    """Have the page's processor that many times slower."""
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": rate})


def run_all(page: Any, url: str) -> float:
    """Open a notebook in JupyterLab or Notebook 7 and run all of it; returns when the first cell was run, the others marked.

    Returns:
        When that was wished, by ``time.monotonic``.
    """
    page.goto(url)
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    # What is run while the kernel is being chosen, connected or exchanged for another may be lost, be it the first cell or
    # all others: their marks go away again.
    for _ in range(10):
        page.wait_for_function(_IDLE)
        asked = page.evaluate("window.asked")
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        wished = time.monotonic()
        with suppress(PageTimeout):  # its mark came and went between two looks
            page.wait_for_function(f"({_BEGUN} && !{_LEFT_OUT}) || window.asked > {asked}", timeout=_LOST_MS)
        page.wait_for_function(f"{_RUN} || !{_BEGUN}")
        if page.evaluate(f"{_RUN} && !{_LEFT_OUT}"):
            return wished
    raise AssertionError("the notebook's cells did not begin to run")


def save(page: Any, notebook: Path) -> None:
    """Save the notebook and wait until its file holds what its cells show."""
    until = time.monotonic() + PATIENCE_MS / 1_000
    while time.monotonic() < until:
        page.keyboard.press("Control+s")
        page.wait_for_timeout(500)
        shown = page.locator(".jp-CodeCell:has(.jp-OutputArea-child)").count()
        if sum(bool(cell.get("outputs")) for cell in nbformat.read(notebook, as_version=4).cells) >= shown > 0:
            return
    raise AssertionError("the notebook was not saved")


def shot(page: Any, name: str) -> None:
    page.screenshot(path=str(ARTEFACTS / f"{name}.png"))
