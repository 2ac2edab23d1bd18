"""Draw the README's picture: the timeline of a stuck thread, as a small PNG. ``make picture``."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from t3lens.lens.lens import open_lens
from t3lens.sim.demo import demo_home
from t3lens.view.page.standalone import timeline_html

__all__ = ["main"]

_TARGET = Path(__file__).parents[1] / "README-timeline.png"
_END = datetime(2026, 7, 6, 10, 0, tzinfo=UTC)


def main() -> None:
    """Make the demo's home as of a fixed moment, draw one thread, and photograph it."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        told = demo_home(Path(folder) / "home", end=_END)
        with open_lens(Path(folder) / "home", as_of=told.as_of, server="alive") as lens:
            thread = lens.thread("Rewrite the importer")
            page_file = Path(folder) / "timeline.html"
            timeline_html(thread.scene(), page_file, thread.title or "")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1000, "height": 640})
        page.goto(page_file.as_uri())
        page.locator("[data-drawn]").first.wait_for()
        page.screenshot(path=str(_TARGET))
        browser.close()
    print(f"{_TARGET.name}: {_TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
