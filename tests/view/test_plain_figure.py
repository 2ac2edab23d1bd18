"""A plain figure in a page that has nothing else of t3lens: light on paper, whatever it was drawn for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import IPython.display
import pytest

from t3lens.lens.lens import Lens
from t3lens.time import SECOND
from t3lens.view.scene import switches
from tests.view.harness import opened

_SHADE = """() => getComputedStyle(document.querySelector('.js-plotly-plot .svg-container')).filter"""

_WIDTHS = (400, 600, 1000, 1600)
_DRAWN = """(width) => {
  const plot = document.querySelector('.js-plotly-plot');
  return window.given && plot?.querySelector('.legendtext') && innerWidth === width
    && Math.abs(plot._fullLayout.width - plot.getBoundingClientRect().width) < 1;
}"""

_OVER_ONE_ANOTHER = """() => {
  const plot = document.querySelector('.js-plotly-plot');
  const corners = (one) => {
    const { x, y, width, height } = one.getBBox(), at = one.getScreenCTM();
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
      .map(([h, v]) => [at.a * h + at.c * v + at.e, at.b * h + at.d * v + at.f]);
  };
  const over = (one, other) => ![one, other].some((all) => all.some(([x, y], n) => {
    const [u, v] = all[(n + 1) % 4], long = Math.hypot(u - x, v - y) || 1;
    const [low, high] = [one, other].map((each) => each.map(([h, k]) => (h * (y - v) + k * (u - x)) / long));
    return Math.max(...low) < Math.min(...high) + 1 || Math.max(...high) < Math.min(...low) + 1;
  }));
  const kinds = {
    title: '.gtitle, .xtitle', tick: '.xtick text, .ytick text', note: '.annotation-text', button: '.updatemenu-button',
    entry: '.legend .legendtext', word: '.barlayer .bartext',
  };
  const legend = plot.querySelector('.legend .bg').getBoundingClientRect();
  const unrolled = (entry) => entry.getBoundingClientRect().top < legend.bottom;
  const texts = Object.entries(kinds).flatMap(([kind, wanted]) => [...plot.querySelectorAll(wanted)]
    .filter((one) => one.textContent && one.getBoundingClientRect().width && (kind !== 'entry' || unrolled(one)))
    .map((one) => ({ kind, words: one.textContent.trim(), one, corners: corners(one) })));
  const { left, top, right, bottom } = plot.querySelector('.main-svg').getBoundingClientRect();
  const roomy = ({ one, kind }) => kind !== 'word'
    || one.getBoundingClientRect().width <= one.parentElement.querySelector('path').getBoundingClientRect().width;
  return {
    over: texts.flatMap((one, at) => texts.slice(at + 1).filter((two) => over(one.corners, two.corners))
      .map((two) => `${one.words} / ${two.words}`)),
    cut: texts.filter((one) => !roomy(one)
      || one.corners.some(([x, y]) => x < left - 1 || x > right + 9 || y < top - 1 || y > bottom + 1))
      .map((one) => one.words),
    texts: texts.map(({ kind, words }) => [kind, words]),
  };
}"""
"""Texts that cover one another, as they are turned; texts that reach out of the figure, or out of their bar; all texts.

A page has a margin of eight pixels, in which the end of a slanted text may be."""


@pytest.mark.browser
@pytest.mark.parametrize("which", ["folded", "not folded", "since the fork", "fleet"])
def test_no_text_covers_another_or_is_cut_however_wide_the_figure_is(
    lens: Lens, playwright: Any, tmp_path: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switches, "_offset", lambda at: 2 * 3600 * SECOND if which == "fleet" else 0)
    found = [lens.thread_for(one) for one in lens.diagnosis.threads]
    if which == "fleet":
        figure = lens.timeline(static=True, dark=True)
    else:
        thread = next(one for one in found if bool(one.scene().folds) is (which != "not folded"))
        figure = thread.timeline(static=True, since_fork=which == "since the fork")
    figure.write_html(tmp_path / "plain.html", include_plotlyjs=True, post_script="window.given = true;")
    with opened(playwright, viewport={"width": 1000, "height": 700}) as page:
        page.goto((tmp_path / "plain.html").as_uri())
        for width in _WIDTHS:
            page.set_viewport_size({"width": width, "height": 700})
            page.wait_for_function(_DRAWN, arg=width)
            said = page.evaluate(_OVER_ONE_ANOTHER)
            told = " ".join(words for kind, words in said["texts"] if kind == "title")
            assert ("times since the fork" if which == "since the fork" else "times in UTC") in told
            assert ["button", "light"] in said["texts"]
            assert (said["over"], said["cut"]) == ([], []), width
            if width == _WIDTHS[-1] and which == "folded":
                words = [words for kind, words in said["texts"] if kind == "word"]
                assert {mark.label for mark in thread.scene().marks if mark.label} <= set(words)
        if which == "folded":
            page.get_by_text("show all time").click()
            page.wait_for_function("() => !document.querySelector('.js-plotly-plot')._fullLayout.xaxis.rangebreaks?.length")
            said = page.evaluate(_OVER_ONE_ANOTHER)
            assert (said["over"], said["cut"]) == ([], [])


@pytest.mark.browser
def test_how_long_something_is_open_is_said_where_its_bar_has_the_room(lens: Lens, playwright: Any, tmp_path: Path) -> None:
    shown = {}
    found = [lens.thread_for(one) for one in lens.diagnosis.threads]
    thread = max(found, key=lambda one: sum(bar.end - bar.start for bar in one.scene().bars if bar.plate))
    thread.timeline(static=True).write_html(
        tmp_path / "plain.html", include_plotlyjs=True, post_script="window.given = true;"
    )
    with opened(playwright, viewport={"width": 1000, "height": 700}) as page:
        page.goto((tmp_path / "plain.html").as_uri())
        for width in (300, 1000):
            page.set_viewport_size({"width": width, "height": 700})
            page.wait_for_function(_DRAWN, arg=width)
            words = [words for kind, words in page.evaluate(_OVER_ONE_ANOTHER)["texts"] if kind == "word"]
            shown[width] = [one for one in words if " for " in one]
    assert not shown[300] and any(one.startswith("stuck for ") for one in shown[1000])


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
    assert "@media print" in paper["text/html"] and len(paper["text/html"]) < 4_000, "with what follows the page's theme"
