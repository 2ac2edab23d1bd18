"""The marks of a thread's figure: ``TimelineData`` → plotly traces, always the same ones in the same order."""

from __future__ import annotations

from typing import Any, Final

from t3lens.view.page import theme
from t3lens.view.page.escape import figure_text
from t3lens.view.timeline.parts import ACTION_NAMES, INCIDENT_NAMES, Bar, Lane, TimelineData
from t3lens.view.timeline.words import bar_hover, finding_hover, mark_hover, stamp

__all__ = ["GAP", "Places", "is_stuck", "open_colour", "traces"]

_LANE_HEIGHT: Final = {"items": 0.62, "findings": 0.62}
_MANY_ROWS: Final = 0.72
GAP: Final = 0.22
"""Room between lanes, in rows."""
_CONNECTOR: Final = 0.16
_BAR_NAMES: Final = {
    "state:starting": "starting", "state:pending": "pending", "state:running": "running",
    "state:waiting": "waiting for a person", "state:ready": "ready", "state:idle": "idle",
    "state:completed": "completed", "state:interrupted": "interrupted", "state:stopped": "stopped",
    "state:error": "error", "item:message": "message", "item:reasoning": "reasoning", "item:tool": "tool",
    "item:failed": "failed item", "item:other": "other",
    "action:effect": f"action {ACTION_NAMES['action:effect']}",
    **INCIDENT_NAMES,
}  # fmt: skip
_MARK_NAMES: Final = {
    "item:lifecycle": "lifecycle event", "item:terminal": "end of turn or session", "item:trouble": "error or warning",
    "item:ask": "request", "item:command": "person's request", "item:other": "other event",
    **{r: f"action {name}" for r, name in ACTION_NAMES.items() if r != "action:effect"},
}  # fmt: skip


class Places:
    """Where each lane lies on the y axis, from the top down."""

    def __init__(self, lanes: tuple[Lane, ...]) -> None:
        self.tops: dict[str, float] = {}
        self.steps: dict[str, float] = {}
        self.centres: list[float] = []
        y = 0.0
        for lane in lanes:
            step = _LANE_HEIGHT.get(lane.key, 1.0 if lane.rows == 1 else _MANY_ROWS)
            self.tops[lane.key] = y
            self.steps[lane.key] = step
            self.centres.append(y + step * lane.rows / 2)
            y += step * lane.rows + GAP
        self.depth = y - GAP

    def row(self, lane: str, row: int = 0) -> float:
        """The height of a row's middle within its lane."""
        return self.tops[lane] + self.steps[lane] * (row + 0.5)


def traces(data: TimelineData, *, dark: bool = False) -> list[dict[str, Any]]:
    """The figure's traces as plain dictionaries, always the same ones in the same order (so they can be updated)."""
    places = Places(data.lanes)
    found = [_bar_trace(role, name, data, places) for role, name in _BAR_NAMES.items()]
    found.append(_density_trace(data, places))
    found += [_mark_trace(role, name, data, places) for role, name in _MARK_NAMES.items()]
    found.append(_open_trace(data, places))
    found += [_finding_trace(severity, data, places) for severity in theme.SEVERITY]
    _number_legend(found)
    return theme.swap(found, dark=True) if dark else found


def _number_legend(found: list[dict[str, Any]]) -> None:
    for place, trace in enumerate(found):
        trace["legendrank"] = 1000 + place
        trace["showlegend"] = bool(len(trace["x"])) and trace.get("showlegend", True)


def _pattern(entry: theme.Look) -> dict[str, Any]:
    return {
        "shape": entry.pattern, "size": 6, "solidity": 0.22, "fillmode": "overlay",
        "fgcolor": theme.CHROME["paper"].light,
    }  # fmt: skip


def _bar_trace(role: str, name: str, data: TimelineData, places: Places) -> dict[str, Any]:
    entry = theme.look(role)
    bars = [bar for bar in data.bars if bar.role == role]
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "base": [stamp(bar.start) for bar in bars],
        "x": [(bar.end - bar.start) / 1000 for bar in bars],
        "y": [places.row(bar.lane, bar.row) for bar in bars],
        "width": [_thickness(bar, places) for bar in bars],
        "customdata": [[bar_hover(bar), bar.key, bar.start, bar.end] for bar in bars],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "color": entry.light,
            "opacity": [0.6 if bar.count > 1 else 1 for bar in bars],
            "line": {"color": entry.light, "width": 1},
            "pattern": _pattern(entry),
        },
    }


def _thickness(bar: Bar, places: Places) -> float:
    """An action's bar only ties its mark to its effect; the others fill their row."""
    return places.steps[bar.lane] * (_CONNECTOR if bar.lane == "actions" else 0.78)


def _density_trace(data: TimelineData, places: Places) -> dict[str, Any]:
    """Where events are too many to show one by one: columns as high as their bucket is full."""
    entry = theme.look("item:other")
    dense = [mark for mark in data.marks if mark.dense]
    heights = [0.12 + 0.7 * mark.weight for mark in dense]
    return {
        "type": "bar",
        "orientation": "h",
        "name": "other events, counted",
        "base": [stamp(mark.at) for mark in dense],
        "x": [(mark.until - mark.at) / 1000 for mark in dense],
        "y": [places.row(m.lane) + (0.82 - h) / 2 for m, h in zip(dense, heights, strict=True)],
        "width": heights,
        "customdata": [[mark_hover(mark), mark.key, mark.at, mark.until] for mark in dense],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {"color": entry.light, "opacity": 0.55, "line": {"width": 0}},
    }


def _mark_trace(role: str, name: str, data: TimelineData, places: Places) -> dict[str, Any]:
    entry = theme.look(role)
    marks = [mark for mark in data.marks if mark.role == role and not mark.dense]
    quiet = role == "item:other"
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [stamp(mark.at) for mark in marks],
        "y": [places.row(mark.lane) for mark in marks],
        "customdata": [[mark_hover(mark), mark.key, mark.at, mark.until] for mark in marks],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "color": entry.light,
            "symbol": "line-ns" if quiet else entry.symbol,
            "size": [9 if quiet else 13 if mark.count > 1 else 10 for mark in marks],
            "opacity": 0.75 if quiet else 1,
            "line": {
                "color": entry.light if quiet else theme.CHROME["paper"].light,
                "width": 1.5 if quiet else 1,
            },
        },
    }


def _open_trace(data: TimelineData, places: Places) -> dict[str, Any]:
    """An arrow at the end of what has none, with how long it has been open."""
    found = [bar for bar in data.bars if bar.open and bar.end <= data.end]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "still open",
        "x": [stamp(bar.end) for bar in found],
        "y": [places.row(bar.lane, bar.row) for bar in found],
        "cliponaxis": False,
        "customdata": [[bar_hover(bar), bar.key, bar.start, bar.end] for bar in found],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "symbol": "triangle-right",
            "size": 17,
            "color": [open_colour(bar, data) for bar in found],
            "line": {"color": theme.CHROME["ink"].light, "width": 1.2},
        },
    }


def _finding_trace(severity: str, data: TimelineData, places: Places) -> dict[str, Any]:
    entry = theme.SEVERITY[severity]
    found = [f for f in data.findings if f.severity == severity]
    late = data.start + (data.end - data.start) * 7 // 10
    at = [data.start if f.since is None else f.since for f in found]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": f"finding: {severity}",
        "x": [stamp(moment) for moment in at],
        "y": [places.row("findings", f.row) for f in found],
        "text": [f"  {figure_text(f.code, 40)}  " for f in found],
        "textposition": ["middle left" if moment > late else "middle right" for moment in at],
        "textfont": {"color": theme.CHROME["ink"].light, "size": 11},
        "cliponaxis": False,
        "customdata": [
            [finding_hover(f), f"finding:{f.finding_id}", moment, moment] for f, moment in zip(found, at, strict=True)
        ],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "symbol": entry.symbol,
            "size": 13,
            "color": entry.light,
            "line": {"color": theme.CHROME["paper"].light, "width": 1},
        },
    }


def is_stuck(bar: Bar, data: TimelineData) -> bool:
    """Whether this bar is what the verdict *stuck* is about."""
    return data.verdict == "stuck" and bar.lane in ("session-stored", "turns-stored")


def open_colour(bar: Bar, data: TimelineData) -> str:
    """The colour at the end of what has none."""
    return theme.VERDICT["stuck"].light if is_stuck(bar, data) else theme.look(bar.role).light
