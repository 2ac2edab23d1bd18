"""Drawing a thread's timeline: ``TimelineData`` → one plotly figure on one time axis.

Every mark's words go through ``escape``; every colour, pattern and symbol comes from ``theme``. A mark carries
the key of its record in ``customdata``, so that a click can open the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from t3lens.model.time import SECOND, Micros, to_datetime
from t3lens.view import theme
from t3lens.view.escape import figure_text, short_id
from t3lens.view.timeline_data import (
    ACTION_NAMES,
    Bar,
    FindingMark,
    Lane,
    Mark,
    TimelineData,
    TimelineIndex,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from t3lens.store import Store

__all__ = ["draw", "duration", "thread_timeline", "traces"]

_LANE_HEIGHT: Final = {"items": 0.62, "findings": 0.62}
_MANY_ROWS: Final = 0.72
_GAP: Final = 0.22
_OPEN_NOTES: Final = 12
_CONNECTOR: Final = 0.16
_WHOLE: Final = ("because", "last error", "error", "said", "why", "session")
_BAR_NAMES: Final = {
    "state:starting": "starting", "state:pending": "pending", "state:running": "running",
    "state:waiting": "waiting for a person", "state:ready": "ready", "state:idle": "idle",
    "state:completed": "completed", "state:interrupted": "interrupted", "state:stopped": "stopped",
    "state:error": "error", "item:message": "message", "item:reasoning": "reasoning", "item:tool": "tool",
    "item:failed": "failed item", "item:other": "other",
    "action:effect": f"action {ACTION_NAMES['action:effect']}",
}  # fmt: skip
_MARK_NAMES: Final = {
    "item:lifecycle": "lifecycle event", "item:terminal": "end of turn or session", "item:trouble": "error or warning",
    "item:ask": "request", "item:command": "person's request", "item:other": "other event",
    **{r: f"action {name}" for r, name in ACTION_NAMES.items() if r != "action:effect"},
}  # fmt: skip


def duration(span: Micros) -> str:
    """A length of time for people: ``850 ms``, ``12 s``, ``4 min 5 s``, ``3 h 20 min``, ``2 d 4 h``."""
    seconds = abs(span) / SECOND
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = int(seconds)
    for size, unit, below, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")


def _stamp(at: Micros) -> str:
    return to_datetime(at).strftime("%Y-%m-%d %H:%M:%S.%f")


def _clock(at: Micros) -> str:
    return to_datetime(at).strftime("%H:%M:%S.%f")[:-3]


class _Places:
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
            y += step * lane.rows + _GAP
        self.depth = y - _GAP

    def row(self, lane: str, row: int = 0) -> float:
        return self.tops[lane] + self.steps[lane] * (row + 0.5)


def traces(data: TimelineData, *, dark: bool = False) -> list[dict[str, Any]]:
    """The figure's traces as plain dictionaries, always the same ones in the same order (so they can be updated)."""
    places = _Places(data.lanes)
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


def _bar_hover(bar: Bar) -> str:
    length = duration(bar.end - bar.start)
    when = (
        f"since {_clock(bar.start)}, still open after {length}"
        if bar.open
        else f"{_clock(bar.start)} – {_clock(bar.end)} ({length})"
    )
    return _hover(bar.title, when, bar.facts)


def _hover(title: str, when: str, facts: tuple[tuple[str, str], ...]) -> str:
    lines = [f"<b>{figure_text(title, 90)}</b>", when]
    for name, value in facts:
        shown = value if name in _WHOLE else short_id(value, 44)
        lines.append(f"{figure_text(name, 30)}: {_wrapped(shown)}")
    return "<br>".join(lines)


def _wrapped(text: str, width: int = 64) -> str:
    """``text`` escaped, broken into lines of about ``width`` characters."""
    lines = [""]
    for word in text[:400].split():
        if len(lines[-1]) + len(word) > width and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>   ".join(figure_text(line, width * 2) for line in lines[:5])


def _pattern(entry: theme.Look) -> dict[str, Any]:
    return {
        "shape": entry.pattern, "size": 6, "solidity": 0.22, "fillmode": "overlay",
        "fgcolor": theme.CHROME["paper"].light,
    }  # fmt: skip


def _bar_trace(role: str, name: str, data: TimelineData, places: _Places) -> dict[str, Any]:
    entry = theme.look(role)
    bars = [bar for bar in data.bars if bar.role == role]
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "base": [_stamp(bar.start) for bar in bars],
        "x": [(bar.end - bar.start) / 1000 for bar in bars],
        "y": [places.row(bar.lane, bar.row) for bar in bars],
        "width": [_thickness(bar, places) for bar in bars],
        "customdata": [[_bar_hover(bar), bar.key, bar.start, bar.end] for bar in bars],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "color": entry.light,
            "opacity": [0.6 if bar.count > 1 else 1 for bar in bars],
            "line": {"color": entry.light, "width": 1},
            "pattern": _pattern(entry),
        },
    }


def _thickness(bar: Bar, places: _Places) -> float:
    """An action's bar only ties its mark to its effect; the others fill their row."""
    return places.steps[bar.lane] * (_CONNECTOR if bar.lane == "actions" else 0.78)


def _density_trace(data: TimelineData, places: _Places) -> dict[str, Any]:
    """Where events are too many to show one by one: columns as high as their bucket is full."""
    entry = theme.look("item:other")
    dense = [mark for mark in data.marks if mark.dense]
    heights = [0.12 + 0.7 * mark.weight for mark in dense]
    return {
        "type": "bar",
        "orientation": "h",
        "name": "other events, counted",
        "base": [_stamp(mark.at) for mark in dense],
        "x": [(mark.until - mark.at) / 1000 for mark in dense],
        "y": [places.row(m.lane) + (0.82 - h) / 2 for m, h in zip(dense, heights, strict=True)],
        "width": heights,
        "customdata": [[_mark_hover(mark), mark.key, mark.at, mark.until] for mark in dense],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {"color": entry.light, "opacity": 0.55, "line": {"width": 0}},
    }


def _mark_hover(mark: Mark) -> str:
    when = _clock(mark.at)
    if mark.count > 1:
        when = f"{when} – {_clock(mark.until)}; zoom in for each"
    return _hover(mark.title, when, mark.facts)


def _mark_trace(role: str, name: str, data: TimelineData, places: _Places) -> dict[str, Any]:
    entry = theme.look(role)
    marks = [mark for mark in data.marks if mark.role == role and not mark.dense]
    quiet = role == "item:other"
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [_stamp(mark.at) for mark in marks],
        "y": [places.row(mark.lane) for mark in marks],
        "customdata": [[_mark_hover(mark), mark.key, mark.at, mark.until] for mark in marks],
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


def _open_trace(data: TimelineData, places: _Places) -> dict[str, Any]:
    """An arrow at the end of what has none, with how long it has been open."""
    found = [bar for bar in data.bars if bar.open and bar.end <= data.end]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "still open",
        "x": [_stamp(bar.end) for bar in found],
        "y": [places.row(bar.lane, bar.row) for bar in found],
        "cliponaxis": False,
        "customdata": [[_bar_hover(bar), bar.key, bar.start, bar.end] for bar in found],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "symbol": "triangle-right",
            "size": 17,
            "color": [_open_colour(bar, data) for bar in found],
            "line": {"color": theme.CHROME["ink"].light, "width": 1.2},
        },
    }


def _finding_trace(severity: str, data: TimelineData, places: _Places) -> dict[str, Any]:
    entry = theme.SEVERITY[severity]
    found = [f for f in data.findings if f.severity == severity]
    late = data.start + (data.end - data.start) * 7 // 10
    at = [data.start if f.since is None else f.since for f in found]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": f"finding: {severity}",
        "x": [_stamp(moment) for moment in at],
        "y": [places.row("findings", f.row) for f in found],
        "text": [f"  {figure_text(f.code, 40)}  " for f in found],
        "textposition": ["middle left" if moment > late else "middle right" for moment in at],
        "textfont": {"color": theme.CHROME["ink"].light, "size": 11},
        "cliponaxis": False,
        "customdata": [
            [_finding_hover(f), f"finding:{f.finding_id}", moment, moment]
            for f, moment in zip(found, at, strict=True)
        ],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "symbol": entry.symbol,
            "size": 13,
            "color": entry.light,
            "line": {"color": theme.CHROME["paper"].light, "width": 1},
        },
    }


def _finding_hover(finding: FindingMark) -> str:
    where = ", of the whole home" if finding.home_wide else ""
    since = "" if finding.since is None else f" since {_clock(finding.since)}"
    lines = [
        f"<b>{figure_text(finding.code, 40)}</b> ({finding.severity}, {finding.confidence}{where})",
        f"{_wrapped(finding.summary)}{since}",
    ]
    if finding.remedy not in ("", "none"):
        lines.append(f"remedy: {figure_text(finding.remedy, 40)}")
    return "<br>".join(lines)


def _headline(data: TimelineData) -> str:
    words = [f"<b>{figure_text(data.title, 70)}</b>"]
    if data.verdict:
        sign = theme.look(f"verdict:{data.verdict}").sign
        words.append(f"{sign} {figure_text(data.verdict, 20)}")
    if data.primary:
        words.append(figure_text(data.primary, 40))
    if data.since is not None:
        words.append(f"since {_clock(data.since)}")
    return "  ·  ".join(words)


def draw(data: TimelineData, *, dark: bool = False) -> go.Figure:
    """The plain figure of ``data``, with a still picture and tables for pages that cannot draw it."""
    from t3lens.view._still_figure import StillTimeline

    spec = {"data": traces(data), "layout": layout(data)}
    if dark:
        spec = theme.swap(spec, dark=True)
    figure = StillTimeline(spec)
    figure._t3lens_data = data
    return figure


def layout(data: TimelineData) -> dict[str, Any]:
    """The figure's layout on a light page."""
    places = _Places(data.lanes)
    chrome = {name: entry.light for name, entry in theme.CHROME.items()}
    height = int(162 + 33 * places.depth)
    axis = {
        "gridcolor": chrome["grid"], "zeroline": False, "linecolor": chrome["rule"],
        "tickfont": {"color": chrome["muted"], "size": 12},
    }  # fmt: skip
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
            **axis, "type": "date", "range": [_stamp(data.start), _stamp(data.end)], "showgrid": True,
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


def _shapes(data: TimelineData, places: _Places, chrome: dict[str, str]) -> list[dict[str, Any]]:
    shapes: list[dict[str, Any]] = []
    for place, lane in enumerate(data.lanes):
        if place % 2 == 0:
            top = places.tops[lane.key] - _GAP / 2
            shapes.append({
                "type": "rect", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": top,
                "y1": top + places.steps[lane.key] * lane.rows + _GAP, "layer": "below",
                "fillcolor": chrome["panel"], "line": {"width": 0},
            })  # fmt: skip
    moments = [(data.as_of, chrome["muted"], "dot")]
    if data.since is not None:
        moments.append((data.since, theme.SEVERITY["high"].light, "dash"))
    moments += [(at, theme.STATE["completed"].light, "solid") for at, _ in data.servers]
    moments += [(fork, theme.ITEM["action"].light, "dashdot") for fork in data.forks]
    for at, colour, dash in moments:
        shapes.append({
            "type": "line", "xref": "x", "x0": _stamp(at), "x1": _stamp(at), "yref": "paper", "y0": 0, "y1": 1,
            "line": {"color": colour, "width": 1.2, "dash": dash}, "layer": "below",
        })  # fmt: skip
    return shapes


def _annotations(
    data: TimelineData, places: _Places, chrome: dict[str, str]
) -> list[dict[str, Any]]:
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
                "xref": "x", "x": _stamp(at), "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False,
                "text": word, "font": {"color": chrome["muted"], "size": 11},
            })  # fmt: skip
    for fork in data.forks:
        notes.append({
            "xref": "x", "x": _stamp(fork), "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False,
            "text": "history forks here", "font": {"color": theme.ITEM["action"].light, "size": 11},
        })  # fmt: skip
    return notes


def _is_stuck(bar: Bar, data: TimelineData) -> bool:
    return data.verdict == "stuck" and bar.lane in ("session-stored", "turns-stored")


def _open_colour(bar: Bar, data: TimelineData) -> str:
    return theme.VERDICT["stuck"].light if _is_stuck(bar, data) else theme.look(bar.role).light


def _open_word(bar: Bar, data: TimelineData) -> str:
    return f"stuck, {bar.role.partition(':')[2]}" if _is_stuck(bar, data) else "open"


def _open_notes(
    data: TimelineData, places: _Places, chrome: dict[str, str]
) -> list[dict[str, Any]]:
    """How long each open thing has been open: in its bar where there is room, else beside it."""
    width = data.end - data.start
    found = [b for b in data.bars if b.open and data.start <= b.end <= data.end]
    notes = []
    for bar in [b for b in found if b.lane != "items"][:_OPEN_NOTES]:
        inside = bar.end - max(bar.start, data.start) > width // 5
        before = not inside and bar.end > data.start + width // 2
        if before and not _is_stuck(bar, data):
            continue  # a label over its neighbours would hide more than it tells
        at = bar.start if before else bar.end
        word = "stuck" if before else f"{_open_word(bar, data)} for"
        notes.append({
            "xref": "x", "x": _stamp(at), "xanchor": "right" if inside or before else "left",
            "xshift": -12 if inside else -4 if before else 12, "yref": "y",
            "y": places.row(bar.lane, bar.row), "showarrow": False, "borderpad": 1,
            "text": f"{word} {duration(bar.end - bar.start)}",
            "bgcolor": _open_colour(bar, data) if inside else chrome["panel"],
            "font": {"size": 11, "color": chrome["paper" if inside else "ink"]},
        })  # fmt: skip
    return notes


def thread_timeline(
    store: Store,
    home_id: str,
    thread_id: str,
    *,
    as_of: Micros,
    compare: str | None = None,
    static: bool = False,
    content: bool = False,
    dark: bool = False,
) -> go.Figure:
    """One figure of everything that is known about a thread, on one time axis.

    Args:
        store: The store to read.
        home_id: The thread's home.
        thread_id: The thread, in full.
        as_of: The moment the verdict is about, microseconds UTC; open things reach to here.
        compare: A rules profile to show as a third pair of lanes, the fork marked.
        static: A plain figure, without a kernel behind it; otherwise one that refines itself on zoom.
        content: Let the record pane show prompt and answer text too.
        dark: Draw for a dark page. A live figure finds out by itself.

    Raises:
        UsageError: The store knows nothing of this thread.
    """
    index = TimelineIndex(store, home_id, thread_id, as_of=as_of, compare=compare)
    if static:
        try:
            return draw(index.view(), dark=dark)
        finally:
            index.close()
    from t3lens.view._live_figure import LiveTimeline

    return LiveTimeline(index, store, content=content, dark=dark)
