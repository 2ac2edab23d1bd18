"""What an output of a notebook has of the style sheet is what it needs of it, and looks the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from t3lens.lens.lens import Lens
from t3lens.view.page.assets import style_sheet
from t3lens.view.page.used_style import used_style
from tests.view.harness import opened

_NAMES = (
    "color", "background-color", "font", "padding", "margin", "border", "display", "overflow-x", "position", "width", "gap",
    "text-align", "white-space", "overflow-wrap", "fill", "stroke", "cursor", "user-select", "border-left-width",
)  # fmt: skip
_LOOKS = """(names) => [...document.querySelectorAll('body *')].filter((e) => !e.closest('title, defs')).map((e) => {
  const s = getComputedStyle(e); return [e.tagName, ...names.map((name) => s.getPropertyValue(name))].join(';'); })"""


def _panes(lens: Lens) -> dict[str, str]:
    thread = lens.thread_for(next(t for t in lens.diagnosis.threads if t.primary == "orphaned-turn"))
    return {
        "story": thread.explain()._repr_html_(),
        "overview": lens._repr_html_(),
        "timeline": thread.timeline(static=True)._repr_mimebundle_()["text/html"],
        "fleet": lens.timeline(static=True)._repr_mimebundle_()["text/html"],
    }


@pytest.mark.browser
def test_each_output_looks_as_it_would_with_the_whole_sheet(lens: Lens, playwright: Any, tmp_path: Path) -> None:
    panes = _panes(lens)
    for name, html in panes.items():
        part, _, pane = html.removeprefix("<style>").partition("</style>")
        assert len(part) < len(style_sheet()) / 3
        for which, style in (("part", part), ("whole", style_sheet())):
            page = f"<!doctype html><meta charset=utf-8><style>{style}</style><body>{pane}"
            (tmp_path / f"{name}-{which}.html").write_text(page, "utf-8")
    with opened(playwright, viewport={"width": 900, "height": 700}) as page:
        for name in panes:
            seen: list[list[list[str]]] = []
            for which in ("part", "whole"):
                page.goto((tmp_path / f"{name}-{which}.html").as_uri())
                seen.append([])
                for scheme, media in (("light", "screen"), ("dark", "screen"), ("dark", "print")):
                    page.emulate_media(color_scheme=scheme, media=media)
                    seen[-1].append(page.evaluate(_LOOKS, _NAMES))
            assert seen[0] == seen[1], name
            assert len(seen[0][0]) > 20 and seen[0][0] != seen[0][1]


def test_only_colours_that_are_named_are_told() -> None:
    style = used_style('<p class="t3 t3-hint" style="color:var(--t3-verdict-stuck)">x</p>')
    told = set(re.findall(r"(--t3-[\w-]+):", style))
    assert {"--t3-muted", "--t3-ink", "--t3-paper", "--t3-verdict-stuck"} <= told
    assert "--t3-verdict-idle" not in told and ".t3-chip" not in style and "{}" not in style


def test_a_picture_that_nothing_moves_has_nothing_to_move_it_by(lens: Lens) -> None:
    picture = _panes(lens)["timeline"]
    assert "<title>" in picture and " data-" not in picture and "display:none" not in picture.partition("</style>")[2]
