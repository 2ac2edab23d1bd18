"""A scene in a page: what a widget is sent of it, and the piece of HTML that a page of its own shows."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from t3lens.view.page import theme
from t3lens.view.page.escape import html_text, plain
from t3lens.view.page.tables import chip, table_html, when_text
from t3lens.view.scene.paint import legend_html, overview_svg, scene_svg
from t3lens.view.scene.parts import Fold, Scene

__all__ = ["scene_html", "scene_payload", "scene_tables"]

_MOST_ROWS = 80
_FALLBACK = re.compile(r"(var\(--t3-[a-z-]+),#[0-9a-f]{6}\)")


def scene_payload(scene: Scene) -> dict[str, Any]:
    """What the page's script must know besides the picture; numbers are microseconds UTC."""
    return {
        "id": scene.key, "title": plain(scene.title, 120), "verdict": scene.verdict, "primary": scene.primary,
        "as_of": scene.as_of, "zero": scene.zero, "records": scene.records, "whole": _edges(scene.whole),
        "range": _edges(scene.range),
        "opens": _edges(scene.opens), "folds": [_edges(fold) for fold in scene.folds], "height": scene.height,
        "gutter": scene.gutter,
        "lanes": [[lane.y, lane.high, plain(lane.title, 60)] for lane in scene.lanes],
    }  # fmt: skip


def _edges(stretch: Fold) -> list[int]:
    return [stretch.start, stretch.end]


def scene_html(scene: Scene, *, name: str) -> str:
    """The scene as a picture with its title, overview and legend; ``static/alone.js`` makes it move.

    Args:
        scene: What to show.
        name: What the ids in it begin with; no other scene of the page may have it.
    """
    told = html.escape(json.dumps(scene_payload(scene), separators=(",", ":")), quote=True)
    words = [f'<strong class="t3-title">{html_text(scene.title, 120)}</strong>']
    if scene.verdict in theme.VERDICT:
        words.append(chip("verdict", scene.verdict))
    if scene.primary:
        words.append(f'<span class="t3-hint">{html_text(scene.primary, 60)}</span>')
    shown = (
        f'<div class="t3-over">{overview_svg(scene)}</div>{scene_svg(scene, name=name, live=True, keys=False)}'
        f"{legend_html(scene, name=name)}"
    )
    # The page has the style sheet: a tenth of the picture is what its colours are where there is none.
    shown = _FALLBACK.sub(r"\1)", shown)
    return f'<div class="t3-scene" data-scene="{told}"><div class="t3-head">{"".join(words)}</div>{shown}</div>'


def scene_tables(scene: Scene) -> str:
    """What a scene shows, in words: what was found, and what lasted."""
    lanes = {lane.key: lane.title for lane in scene.lanes}
    found = [mark for mark in scene.marks if mark.role.startswith("severity:")]
    rows = [(mark.role.partition(":")[2], mark.title, when_text(mark.start), " ".join(mark.lines[1:2])) for mark in found]
    bars = [
        (lanes.get(bar.lane, bar.lane), bar.title, when_text(bar.start), "still open" if bar.open else when_text(bar.end))
        for bar in scene.bars
        if bar.lane != "items"
    ]
    listed = table_html(("severity", "code", "since", "summary"), rows, caption="Findings") if rows else ""
    return listed + table_html(
        ("lane", "what", "from", "until"), bars[:_MOST_ROWS], caption="Timeline", more=max(len(bars) - _MOST_ROWS, 0)
    )
