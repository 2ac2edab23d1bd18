"""A notebook in a real Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.notebooks.test_headless import ROOT

ARTEFACTS = ROOT / "artefacts" / "notebooks"
PATIENCE_MS = 240_000
"""How long anything may take: a server, a kernel and a browser share the machine with all other tests."""

_ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

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
_IDLE = """() => /\\| Idle/.test(document.querySelector('#jp-main-statusbar')?.textContent || '')
  || document.querySelector('.jp-NotebookKernelStatus-fade, .jp-Notebook-ExecutionIndicator[data-status=idle]')"""


@contextmanager
def chromium(**options: Any) -> Iterator[Any]:
    """A page with patience; without Chromium the test is skipped."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(
            "no Chromium on this machine; `make browser` installs it where that is possible"
        )
    from playwright.sync_api import sync_playwright

    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(_ARGS))
        page = browser.new_page(**options)
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(_TAKE_THE_KERNEL)
        try:
            yield page
        finally:
            browser.close()


def run_all(page: Any, url: str) -> None:
    """Open a notebook in JupyterLab or Notebook 7 and run all of its cells; returns when the first has begun."""
    page.goto(url)
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    for _ in range(10):  # what is run while the kernel is being chosen may be lost
        page.wait_for_function(_IDLE)
        asked = page.evaluate("window.asked")
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        page.wait_for_function(f"{_BEGUN} || window.asked > {asked}")
        if page.evaluate(_BEGUN):
            return
    raise AssertionError("the notebook's cells did not begin to run")


def shot(page: Any, name: str) -> None:
    page.screenshot(path=str(ARTEFACTS / f"{name}.png"))
