"""A plain figure in a page that has nothing else of t3lens: light on paper, whatever it was drawn for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import IPython.display
import pytest

from t3lens.lens.lens import Lens
from tests.view.harness import opened

_SHADE = """() => getComputedStyle(document.querySelector('.js-plotly-plot .svg-container')).filter"""

_OVER_ONE_ANOTHER = """() => {
  const plot = document.querySelector('.js-plotly-plot');
  const floor = plot.querySelector('.bglayer .bg, .cartesianlayer .bg')?.getBoundingClientRect().bottom
    ?? plot._fullLayout._size.t + plot._fullLayout._size.h;
  const texts = [...plot.querySelectorAll('.xtick text, .annotation-text, .updatemenu-button, .legend .legendtext')]
    .map((one) => ({ words: one.textContent, box: one.getBoundingClientRect() }))
    .filter(({ words, box }) => words && box.top >= floor - 2);
  const met = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const over = texts.flatMap((one, at) => texts.slice(at + 1).filter((two) => met(one.box, two.box))
    .map((two) => `${one.words} / ${two.words}`));
  return { over, texts: texts.map((one) => one.words) };
}"""
"""Texts below the axis that cover one another, and all that stand there."""


@pytest.mark.browser
@pytest.mark.parametrize("folded", [True, False])
def test_below_the_axis_nothing_covers_another(lens: Lens, playwright: Any, tmp_path: Path, folded: bool) -> None:
    found = (lens.thread_for(one) for one in lens.diagnosis.threads)
    thread = next(one for one in found if bool(one.scene().folds) is folded)
    figure = thread.timeline(static=True)
    figure.write_html(tmp_path / "plain.html", include_plotlyjs=True, post_script="window.given = true;")
    for width in (600, 1000):
        with opened(playwright, viewport={"width": width, "height": 700}) as page:
            page.goto((tmp_path / "plain.html").as_uri())
            page.wait_for_function("() => window.given && document.querySelector('.js-plotly-plot .legendtext')")
            for again in (False, True) if folded else (False,):
                if again:
                    page.evaluate(
                        "() => Plotly.relayout(document.querySelector('.js-plotly-plot'), {'xaxis.rangebreaks': [], "
                        "'xaxis.tickmode': 'auto'})"
                    )
                said = page.evaluate(_OVER_ONE_ANOTHER)
                assert "times in UTC" in " ".join(said["texts"]) and "light" in said["texts"]
                assert said["over"] == []


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
    assert "responsive" not in drawn["application/vnd.plotly.v1+json"]["config"], "JupyterLab's other theme takes its height"
    assert "@media print" in paper["text/html"] and len(paper["text/html"]) < 500
