"""The incident document in a real browser: drawn offline, in either theme, on paper, and inert."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from t3lens.lens.lens import Lens
from tests.view.harness import opened

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(hostile_lens: Lens, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A document over homes with a canary in every text, with all texts shown."""
    path = tmp_path_factory.mktemp("report") / "incident.html"
    return hostile_lens.report(path, content=True)


def show(page: Any, report: Path) -> None:
    """Open the document and bring its first figure into view, where it is drawn."""
    page.goto(report.as_uri())
    page.evaluate("document.querySelector('[data-scene]').scrollIntoView()")
    page.wait_for_selector("[data-drawn]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_draws_offline_and_nothing_runs(playwright: Any, report: Path, scheme: str) -> None:
    requests: list[str] = []
    with opened(playwright, color_scheme=scheme) as page:
        page.on("request", lambda request: requests.append(request.url))
        show(page, report)
        assert page.evaluate("document.querySelectorAll('main script, main img, main iframe').length") == 0
        paper = page.evaluate("getComputedStyle(document.querySelector('.r-page')).backgroundColor")
        width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert [url for url in requests if not url.startswith("file:")] == []
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]
    assert width <= 0


def test_whole_ids_are_taken_by_a_button(playwright: Any, report: Path) -> None:
    with opened(playwright) as page:
        show(page, report)
        page.evaluate("navigator.clipboard.writeText = async (text) => { window.taken = text; }")
        ids = page.evaluate("[...document.querySelectorAll('.t3-id')].map((one) => one.textContent)")
        took = page.get_by_role("button", name="Copy this id")
        took.first.click()
        assert page.evaluate("window.taken") in ids
        assert took.first.text_content() == "copied"
        page.evaluate(
            "navigator.clipboard.writeText = async () => { throw new Error('no'); }; document.execCommand = () => false"
        )
        took.last.click()
        took.last.filter(has_text="not allowed here").wait_for()


def test_on_paper_it_is_light_and_shows_pictures(playwright: Any, report: Path) -> None:
    with opened(playwright, color_scheme="dark") as page:
        show(page, report)
        page.emulate_media(media="print")
        paper = page.evaluate("getComputedStyle(document.querySelector('.r-page')).backgroundColor")
        shown = page.evaluate(
            "[...document.querySelectorAll('.r-picture')].every(p => p.getBoundingClientRect().height > 50)"
        )
        figures = page.evaluate(
            "[...document.querySelectorAll('.t3-over, .t3-tools')].every(f => f.getBoundingClientRect().height === 0)"
        )
        printed = page.pdf(format="A4")
    assert (paper, shown, figures) == ("rgb(255, 255, 255)", True, True)
    assert printed.startswith(b"%PDF")


def test_it_can_be_read_on_a_narrow_screen(playwright: Any, report: Path) -> None:
    with opened(playwright, viewport={"width": 390, "height": 800}) as page:
        show(page, report)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
