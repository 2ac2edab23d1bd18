"""A plain figure in a page that has nothing else of t3lens: light on paper, whatever it was drawn for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import IPython.display
import pytest

from t3lens.lens.lens import Lens
from tests.view.harness import opened

_SHADE = """() => getComputedStyle(document.querySelector('.js-plotly-plot .svg-container')).filter"""


@pytest.mark.browser
def test_a_dark_figure_in_a_page_of_plotlys_own_prints_light(lens: Lens, playwright: Any, tmp_path: Path) -> None:
    figure = lens.thread_for(lens.diagnosis.threads[0]).timeline(static=True, dark=True)
    figure.write_html(tmp_path / "dark.html", include_plotlyjs=True, post_script="window.given = true;")
    with opened(playwright) as page:
        page.goto((tmp_path / "dark.html").as_uri())
        page.wait_for_function("() => window.given && document.querySelector('.js-plotly-plot .main-svg')")
        assert page.evaluate(_SHADE) == "none"
        page.emulate_media(media="print")
        assert "invert(1)" in page.evaluate(_SHADE)


@pytest.mark.parametrize("which", ["thread", "fleet"])
def test_a_notebook_gets_what_makes_its_print_light_with_each_plain_figure(
    lens: Lens, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    made = (
        lens.thread_for(lens.diagnosis.threads[0]).timeline(static=True) if which == "thread" else lens.timeline(static=True)
    )
    made._ipython_display_()
    paper, drawn = shown
    assert "application/vnd.plotly.v1+json" in drawn
    assert "@media print" in paper["text/html"] and len(paper["text/html"]) < 500
