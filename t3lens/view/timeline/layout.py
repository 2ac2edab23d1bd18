"""The paper a thread's figure is drawn on: axes, stripes, rules and notes."""

from __future__ import annotations

from typing import Any, Final

from t3lens.time import duration
from t3lens.view.page import theme
from t3lens.view.page.escape import figure_text
from t3lens.view.timeline.parts import Bar, TimelineData
from t3lens.view.timeline.traces import GAP, Places, is_stuck, open_colour
from t3lens.view.timeline.words import clock, stamp

__all__ = ["layout"]

_OPEN_NOTES: Final = 12


def _headline(data: TimelineData) -> str:
    words = [f"<b>{figure_text(data.title, 70)}</b>"]
    if data.verdict:
        sign = theme.look(f"verdict:{data.verdict}").sign
        words.append(f"{sign} {figure_text(data.verdict, 20)}")
    if data.primary:
        words.append(figure_text(data.primary, 40))
    if data.since is not None:
        words.append(f"since {clock(data.since)}")
    return "  ·  ".join(words)


def layout(data: TimelineData) -> dict[str, Any]:
    """The figure's layout on a light page."""
    places = Places(data.lanes)
    chrome = {name: entry.light for name, entry in theme.CHROME.items()}
    height = int(162 + 33 * places.depth)
    axis = {
        "gridcolor": chrome["grid"],
        "zeroline": False,
        "linecolor": chrome["rule"],
        "tickfont": {"color": chrome["muted"], "size": 12},
    }
    return {
        "height": height,
        "autosize": True,
        "margin": {"l": 8, "r": 28, "t": 58, "b": 8},
        "paper_bgcolor": chrome["paper"],
        "plot_bgcolor": chrome["paper"],
        "font": {"color": chrome["ink"], "family": "system-ui, 'Segoe UI', Roboto, sans-serif", "size": 12},
        "title": {
            "text": _headline(data), "x": 0, "xref": "container", "xanchor": "left", "pad": {"l": 12, "t": 14},
            "y": 1, "yref": "container", "yanchor": "top", "font": {"size": 15, "color": chrome["ink"]},
        },
        "barmode": "overlay",
        "bargap": 0,
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": chrome["panel"], "bordercolor": chrome["rule"], "align": "left",
            "font": {"color": chrome["ink"], "size": 12},
        },
        "dragmode": "zoom",
        "legend": {
            "orientation": "h", "x": 0, "y": -62 / (33 * places.depth + 1), "yanchor": "top",
            "font": {"color": chrome["muted"], "size": 11}, "itemclick": "toggle", "tracegroupgap": 0,
        },
        "xaxis": {
            **axis, "type": "date", "range": [stamp(data.start), stamp(data.end)], "showgrid": True,
            "automargin": True, "hoverformat": "%H:%M:%S.%L",
        },
        "yaxis": {
            **axis, "range": [places.depth + 0.15, -0.15], "fixedrange": True, "showgrid": False,
            "tickmode": "array", "tickvals": places.centres, "automargin": True,
            "ticktext": [figure_text(lane.title, 40) for lane in data.lanes],
        },
        "shapes": _shapes(data, places, chrome),
        "annotations": _annotations(data, places, chrome),
        "uirevision": f"{data.home_id}/{data.thread_id}",
    }  # fmt: skip


def _shapes(data: TimelineData, places: Places, chrome: dict[str, str]) -> list[dict[str, Any]]:
    shapes: list[dict[str, Any]] = []
    for place, lane in enumerate(data.lanes):
        if place % 2 == 0:
            top = places.tops[lane.key] - GAP / 2
            shapes.append({
                "type": "rect", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": top,
                "y1": top + places.steps[lane.key] * lane.rows + GAP, "layer": "below",
                "fillcolor": chrome["panel"], "line": {"width": 0},
            })  # fmt: skip
    moments = [(data.as_of, chrome["muted"], "dot")]
    if data.since is not None:
        moments.append((data.since, theme.SEVERITY["high"].light, "dash"))
    moments += [(at, theme.STATE["completed"].light, "solid") for at, _ in data.servers]
    moments += [(fork, theme.ITEM["action"].light, "dashdot") for fork in data.forks]
    for at, colour, dash in moments:
        shapes.append({
            "type": "line", "xref": "x", "x0": stamp(at), "x1": stamp(at), "yref": "paper", "y0": 0, "y1": 1,
            "line": {"color": colour, "width": 1.2, "dash": dash}, "layer": "below",
        })  # fmt: skip
    return shapes


def _annotations(data: TimelineData, places: Places, chrome: dict[str, str]) -> list[dict[str, Any]]:
    notes: list[dict[str, Any]] = [{
        "xref": "paper", "x": 1, "xanchor": "right", "yref": "paper", "y": 0, "yanchor": "top", "yshift": -18,
        "text": "times in UTC", "showarrow": False, "font": {"color": chrome["muted"], "size": 11},
    }]  # fmt: skip
    for lane, y in zip(data.lanes, places.centres, strict=True):
        if lane.note:
            notes.append({
                "xref": "paper", "x": 0.006, "xanchor": "left", "yref": "y", "y": y, "showarrow": False,
                "text": f"<i>{figure_text(lane.note, 40)}</i>", "font": {"color": chrome["muted"], "size": 11},
            })  # fmt: skip
    notes += _open_notes(data, places, chrome)
    for at, word in data.servers:
        if data.start <= at <= data.end:
            notes.append({
                "xref": "x", "x": stamp(at), "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False,
                "text": word, "font": {"color": chrome["muted"], "size": 11},
            })  # fmt: skip
    for fork in data.forks:
        notes.append({
            "xref": "x", "x": stamp(fork), "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False,
            "text": "history forks here", "font": {"color": theme.ITEM["action"].light, "size": 11},
        })  # fmt: skip
    return notes


def _open_word(bar: Bar, data: TimelineData) -> str:
    return f"stuck, {bar.role.partition(':')[2]}" if is_stuck(bar, data) else "open"


def _open_notes(data: TimelineData, places: Places, chrome: dict[str, str]) -> list[dict[str, Any]]:
    """How long each open thing has been open: in its bar where there is room, else beside it."""
    width = data.end - data.start
    found = [b for b in data.bars if b.open and data.start <= b.end <= data.end]
    notes = []
    for bar in [b for b in found if b.lane != "items"][:_OPEN_NOTES]:
        inside = bar.end - max(bar.start, data.start) > width // 5
        before = not inside and bar.end > data.start + width // 2
        beside = [b for b in found if b is not bar and (b.lane, b.row) == (bar.lane, bar.row)]
        labelled = any(b.end - max(b.start, data.start) > width // 5 for b in beside)
        if before and (labelled or not is_stuck(bar, data)):
            continue  # a label over its neighbours, or over theirs, would hide more than it tells
        at = bar.start if before else bar.end
        word = "stuck" if before else f"{_open_word(bar, data)} for"
        notes.append({
            "xref": "x", "x": stamp(at), "xanchor": "right" if inside or before else "left",
            "xshift": -12 if inside else -4 if before else 12, "yref": "y",
            "y": places.row(bar.lane, bar.row), "showarrow": False, "borderpad": 1,
            "text": f"{word} {duration(bar.end - bar.start)}",
            "bgcolor": open_colour(bar, data) if inside else chrome["panel"],
            "font": {"size": 11, "color": chrome["paper" if inside else "ink"]},
        })  # fmt: skip
    return notes
