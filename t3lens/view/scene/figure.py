"""A scene as a plotly figure: one that people restyle, export and keep. Every text goes through ``escape``.

The traces are always the same ones in the same order, so that a live figure can be updated. Heights are pixels, as
they are in the scene; a mark carries the key of its record in ``customdata``, so that a click can open it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from t3lens.time import Micros, duration, to_datetime
from t3lens.view.page import theme
from t3lens.view.page.escape import figure_text, plain
from t3lens.view.scene.axis import NAMED_WITH_DAY, Axis, ticks
from t3lens.view.scene.lines import line_stretches, named_rows, named_rules, rule_stretches
from t3lens.view.scene.name_rows import USUAL_WIDTH, PlacedName, fold_names, placed_names, usual_axes
from t3lens.view.scene.paint import PALE
from t3lens.view.scene.parts import SCENE_TOP, Fold, LinePart, Scene, SceneBar, SceneMark, SceneRule
from t3lens.view.scene.telling import Telling

__all__ = ["ALL_TIME", "buttons_below", "figure_spec", "stamp"]

_HEAD: Final = 58
_HEAD_OF_LINES: Final = 52
_TITLE_TOP: Final = 14
_LINES_TOP: Final = 20
"""Above the axis: the title and the names of lines. Plotly sets the first of several lines of a title higher."""
_BUTTONS: Final = 84
"""Above the buttons, below the axis: its moments, which are slanted where there is little room, the day and zone."""
_BUTTON_ROW: Final = 38
_LETTER: Final = 6.4
_TITLE_LETTERS: Final = 36
_FACT_LETTERS: Final = 54
"""What stands in a line of the title, so that a narrow figure shows all of it: of its name, of what is said of it."""
_TITLE_LINE: Final = 20
_LINE_NAME: Final = 13
_NARROW_AXIS: Final = 210
"""What an axis has in a narrow figure."""
_DOT: Final = " · "
_TICKED: Final = 600
"""Moments are named as for an axis of so many pixels: where it has less plotly slants their names."""
_DASHES: Final = {"server": "solid", "stall": "solid", "since": "dash", "fork": "dashdot", "now": "dot"}
ALL_TIME: Final = "show all time"
"""What the button is called that unfolds quiet time."""
_MOST_LINES: Final = 400
"""More lines of rules are not drawn: plotly takes long for each."""
_LEGEND_ROW: Final = 19
_LEGEND_COLUMNS: Final = 2
"""As in a narrow figure: for so many rows there is room, and more are scrolled. A legend that takes of the plot's height
is left where it was when the figure becomes narrower, and lies on what is above it."""
_LEGEND_EDGE: Final = 12
_BOTTOM: Final = 10
"""Plotly wants some room below a legend."""
_PLATE_END: Final = "\u00a0" * 4
"""Between the words of an open end and its arrow."""
_BESIDE: Final = "\u00a0" * 3
"""Between a mark and its name."""
_BEYOND: Final = 0.03
"""A name may reach beyond the axis by so much of it."""
_NAME_HIGH: Final = 24
"""Plotly shows a text in a bar only where it has three pixels on each side."""


def stamp(at: Micros) -> str:
    """A time as plotly reads it."""
    return to_datetime(at).strftime("%Y-%m-%d %H:%M:%S.%f")


def _hover(one: SceneBar | SceneMark, told: Telling, *, is_open: bool = False) -> list[Any]:
    """What is said of something when it is pointed at, as HTML that plotly knows; whose record it is, and its moments."""
    return [_hover_words(one, told, is_open=is_open), one.key, one.start, one.end]


def _hover_words(one: SceneBar | SceneMark, told: Telling, *, is_open: bool) -> str:
    length = duration(one.end - one.start)
    first = told.clock(one.start)
    when = first if one.start == one.end else f"{first} – {told.clock(one.end)} ({length})"
    if is_open:
        when = f"{'from' if told.zero is not None else 'since'} {first}, still open after {length}"
    title, lines = one.title, one.lines
    return "<br>".join([f"<b>{figure_text(title, 90)}</b>", when, *(_wrapped(line) for line in lines)])


def _wrapped(text: str, width: int = 64) -> str:
    """``text`` escaped, broken into lines of about ``width`` characters."""
    lines = [""]
    for word in text[:400].split():
        if len(lines[-1]) + len(word) > width and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>   ".join(figure_text(line, width * 2) for line in lines[:5])


def figure_spec(
    scene: Scene,
    bar_names: Mapping[str, str],
    mark_names: Mapping[str, str],
    *,
    told: Telling | None = None,
    button_rows: int = 1,
) -> dict[str, Any]:
    """Traces and layout of a figure of ``scene``, in a light page's colours.

    It does not know how wide it will be: what plotly can leave away or turn where there is no room is left to it.

    Args:
        scene: What is shown.
        bar_names: What the roles of bars are called: each gets a trace, whether any bar has it or not.
        mark_names: The same for marks; findings have theirs besides.
        told: How its times are told; in UTC if not said.
        button_rows: For so many rows of buttons there is room below the axis.
    """
    told = told or Telling()
    found = [_bars(role, name, [b for b in scene.bars if b.role == role], told) for role, name in bar_names.items()]
    found.append(_columns(scene, told))
    alone = [mark for mark in scene.marks if not mark.high]
    placed = {one.key: one for one in placed_names(scene, usual_axes(_seen(scene), scene.folds, 0))}
    called = {**mark_names, **{f"severity:{name}": f"finding: {name}" for name in theme.SEVERITY}}
    found += [_marks(role, name, [m for m in alone if m.role == role], told) for role, name in called.items()]
    found.append(_open_ends(scene, told))
    found.append(_words(scene, placed))
    for place, trace in enumerate(found):
        trace["legendrank"] = 1000 + place
        trace["showlegend"] = bool(len(trace["x"])) and "insidetextanchor" not in trace
    entries = sum(trace["showlegend"] for trace in found)
    return {"data": found, "layout": _layout(scene, entries, told, button_rows)}


def _seen(scene: Scene) -> list[Fold]:
    """The stretches of time that are looked at: a figure of all of it opens at one part, a live one has as much again."""
    if scene.range == scene.whole:
        return [scene.opens, scene.whole]
    quarter = (scene.range.end - scene.range.start) // 4
    return [Fold(scene.range.start + quarter, scene.range.end - quarter)]


# --- traces --------------------------------------------------------------------------------------------------


def _bars(role: str, name: str, bars: list[SceneBar], told: Telling) -> dict[str, Any]:
    entry = theme.look(role)
    return {
        "type": "bar", "orientation": "h", "name": name,
        "base": [stamp(bar.start) for bar in bars],
        "x": [max((bar.end - bar.start) / 1000, 1e-3) for bar in bars],
        "y": [bar.y + bar.high / 2 for bar in bars],
        "width": [bar.high for bar in bars],
        "customdata": [_hover(b, told, is_open=b.open) for b in bars],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "color": entry.light,
            "opacity": [0.6 if bar.count > 1 else 1 for bar in bars],
            "line": {"color": entry.light, "width": 1},
            "pattern": {
                "shape": entry.pattern, "size": 6, "solidity": 0.22, "fillmode": "overlay",
                "fgcolor": theme.CHROME["paper"].light,
            },
        },
    }  # fmt: skip


def _columns(scene: Scene, told: Telling) -> dict[str, Any]:
    """Where events are too many to show one by one: columns as high as their time is full."""
    dense = [mark for mark in scene.marks if mark.high]
    lanes = {lane.key: lane for lane in scene.lanes}
    floors = [lanes[mark.lane].y + lanes[mark.lane].step - 1 for mark in dense]
    return {
        "type": "bar", "orientation": "h", "name": "other events, counted",
        "base": [stamp(mark.start) for mark in dense],
        "x": [max((mark.end - mark.start) / 1000, 1e-3) for mark in dense],
        "y": [floor - mark.high / 2 for floor, mark in zip(floors, dense, strict=True)],
        "width": [mark.high for mark in dense],
        "customdata": [_hover(m, told) for m in dense],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {"color": theme.look("item:other").light, "opacity": 0.55, "line": {"width": 0}},
    }  # fmt: skip


def _marks(role: str, name: str, marks: list[SceneMark], told: Telling) -> dict[str, Any]:
    entry = theme.look(role)
    quiet = role == "item:other"
    return {
        "type": "scatter", "mode": "markers", "name": name,
        "x": [stamp(mark.start) for mark in marks],
        "y": [mark.y for mark in marks],
        "cliponaxis": False,
        "customdata": [_hover(m, told) for m in marks],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "color": theme.CHROME["accent"].light if role == "note" else entry.light,
            "symbol": "line-ns" if quiet else "arrow-bar-down" if role == "note" else entry.symbol,
            "size": [9 if quiet else 13 if mark.count > 1 or mark.label else 10 for mark in marks],
            "opacity": 0.75 if quiet else 1,
            "line": {"color": entry.light if quiet else theme.CHROME["paper"].light, "width": 1.5 if quiet else 1},
        },
    }  # fmt: skip


def _open_ends(scene: Scene, told: Telling) -> dict[str, Any]:
    """An arrow at the end of what has none, with how long it has been open."""
    found = [bar for bar in scene.bars if bar.open and bar.end <= scene.range.end]
    return {
        "type": "scatter", "mode": "markers", "name": "still open",
        "x": [stamp(bar.end) for bar in found],
        "y": [bar.y + bar.high / 2 for bar in found],
        "cliponaxis": False,
        "customdata": [_hover(b, told, is_open=True) for b in found],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "symbol": "triangle-right", "size": 15,
            "color": [theme.look(bar.end_role).light for bar in found],
            "line": {"color": theme.CHROME["ink"].light, "width": 1.2},
        },
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Word:
    """A word at the end of a stretch of time that it may take: where that is too short for it, it is not shown."""

    start: Micros
    end: Micros
    y: float
    text: str
    ink: str
    ground: str = ""


def _words(scene: Scene, names: Mapping[str, PlacedName]) -> dict[str, Any]:
    """Names beside their marks, and how long what has no end has been open.

    Each stands in a bar that is not seen, since of all texts those in bars are the ones that plotly leaves away where
    they have no room (``uniformtext``), however wide the figure is and whatever is looked at. A bar ends where its word
    belongs, be it to the left of where it begins: what ends outside of the axis is not shown.
    """
    words = _names(scene, names) + _plates(scene)
    return {
        "type": "bar", "orientation": "h", "name": "names and open ends",
        "base": [stamp(word.start) for word in words],
        "x": [(word.end - word.start) / 1000 or 1e-3 for word in words],
        "y": [word.y for word in words],
        "width": [_NAME_HIGH for _ in words],
        "marker": {"opacity": 0, "line": {"width": 0}},
        "cliponaxis": False,
        "hoverinfo": "skip",
        "text": [word.text for word in words],
        "textposition": "inside", "insidetextanchor": "end", "textangle": 0,
        "insidetextfont": {
            "size": 11, "color": [word.ink for word in words],
            "shadow": [theme.halo(word.ground) if word.ground else "none" for word in words],
        },
    }  # fmt: skip


def _names(scene: Scene, names: Mapping[str, PlacedName]) -> list[_Word]:
    """Names as far as the next mark; of two that face each other each has the half between them."""
    ink = theme.CHROME["ink"].light
    found = []
    for mark in scene.marks:
        if mark.high or not mark.label or not names[mark.key].shown:
            continue
        left = names[mark.key].left
        area = next((one for one in _seen(scene) if one.start <= mark.start <= one.end), scene.range)
        edge = area.start if left else area.end + int(_BEYOND / Axis(area, scene.folds, left=0, width=1, fold_width=0).unit)
        for other in scene.marks:
            if other.y != mark.y or other.high or other.start == mark.start or (other.start > mark.start) is left:
                continue
            faces = other.key in names and names[other.key].shown and names[other.key].left is not left
            near = (other.start + mark.start) // 2 if faces else other.start
            edge = max(edge, near) if left else min(edge, near)
        name = figure_text(mark.label, 40)
        found.append(_Word(edge, mark.start, mark.y, f"{name}{_BESIDE}" if left else f"{_BESIDE}{name}", ink))
    return found


def _plates(scene: Scene) -> list[_Word]:
    """How long what has no end has been open, in front of its arrow; of the arrow's colour where the bar is of another."""
    found = []
    for bar in scene.bars:
        if bar.plate and scene.range.start <= bar.end <= scene.range.end:
            own = bar.end_role == bar.role and not theme.look(bar.role).pattern
            ink = theme.CHROME["ink" if bar.end_role in PALE else "paper"].light
            text = f"{figure_text(bar.plate, 60)}{_PLATE_END}"
            ground = "" if own else theme.look(bar.end_role).light
            found.append(_Word(bar.start, bar.end, bar.y + bar.high / 2, text, ink, ground))
    return found


# --- paper ---------------------------------------------------------------------------------------------------


def _headline(scene: Scene, told: Telling) -> list[str]:
    """The lines of the title: the name, and what is said of it."""
    facts = []
    if scene.verdict:
        facts.append(f"{theme.look(f'verdict:{scene.verdict}').sign} {plain(scene.verdict, 20)}")
    if scene.primary:
        facts.append(plain(scene.primary, 40))
    if scene.since is not None:
        facts.append(f"since {told.since(scene.since)}")
    name, *more = plain(scene.title, 200).split(_DOT) if scene.verdict is None else [plain(scene.title, 200)]
    lines = [f"<b>{figure_text(line, 200)}</b>" for line in textwrap.wrap(name, _TITLE_LETTERS)]
    said = _joined([*more, *facts])
    return lines + [f'<span style="font-size:13px">{figure_text(line, 200)}</span>' for line in said]


def _joined(facts: list[str]) -> list[str]:
    """Facts beside one another, as long as a line has room for them."""
    lines: list[str] = []
    for fact in facts:
        if lines and len(lines[-1]) + len(_DOT) + len(fact) <= _FACT_LETTERS:
            lines[-1] += f"{_DOT}{fact}"
        else:
            lines += textwrap.wrap(fact, _FACT_LETTERS)
    return lines


def _layout(scene: Scene, entries: int, told: Telling, button_rows: int) -> dict[str, Any]:
    chrome = {name: entry.light for name, entry in theme.CHROME.items()}
    depth = _depth(scene)
    legend = _LEGEND_ROW * -(-entries // _LEGEND_COLUMNS) + _LEGEND_EDGE
    below = _BUTTONS + _BUTTON_ROW * button_rows
    first = scene.opens if scene.range == scene.whole else scene.range
    title = _headline(scene, told)
    named = _line_names(scene)
    head = max(_HEAD, _HEAD_OF_LINES + _TITLE_LINE * (len(title) - 1)) + _LINE_NAME * max(named.values(), default=0)
    axis = {
        "gridcolor": chrome["grid"], "zeroline": False, "linecolor": chrome["rule"],
        "tickfont": {"color": chrome["muted"], "size": 12},
    }  # fmt: skip
    return {
        "height": int(depth + head + below + legend + _BOTTOM),
        "autosize": True,
        "margin": {"l": 8, "r": 28, "t": head, "b": below + legend + _BOTTOM},
        "paper_bgcolor": chrome["paper"],
        "plot_bgcolor": chrome["paper"],
        "font": {"color": chrome["ink"], "family": "system-ui, 'Segoe UI', Roboto, sans-serif", "size": 12},
        "title": {
            "text": "<br>".join(title), "x": 0, "xref": "container", "xanchor": "left", "y": 1,
            "pad": {"l": 12, "t": _TITLE_TOP if len(title) == 1 else _LINES_TOP},
             "yref": "container", "yanchor": "top", "font": {"size": 15, "color": chrome["ink"]},
        },
        "barmode": "overlay",
        "bargap": 0,
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": chrome["panel"], "bordercolor": chrome["rule"], "align": "left",
            "font": {"color": chrome["ink"], "size": 12},
        },
        "dragmode": "zoom",
        "uniformtext": {"mode": "hide", "minsize": 11},
        "legend": {
            # left of the axis, be it by nothing: then plotly gives it the room below the names of lanes, too
            "orientation": "h", "x": -0.001, "xanchor": "left", "y": -below / depth, "yanchor": "top",
            "maxheight": legend,
            "font": {"color": chrome["muted"], "size": 11}, "itemclick": "toggle", "tracegroupgap": 0,
        },
        "xaxis": {
            **axis, "type": "date", "range": [stamp(first.start), stamp(first.end)], "showgrid": True,
            "automargin": True, "autotickangles": [0, -35, -60, -90], "tickformatstops": _clock(scene),
            "hoverformat": "%H:%M:%S.%L", "rangebreaks": _breaks(scene),
            "title": {
                "text": told.of(scene.opens.start), "standoff": 4, "font": {"color": chrome["muted"], "size": 11},
            },
            **_ticks(scene, scene.folds, told),
        },
        "yaxis": {
            **axis, "range": [scene.height, SCENE_TOP], "fixedrange": True, "showgrid": False,
            "tickmode": "array", "tickvals": [lane.y + lane.high / 2 for lane in scene.lanes], "automargin": True,
            "ticktext": [_lane_name(lane.group, lane.title) for lane in scene.lanes],
        },
        "shapes": _shapes(scene, chrome),
        "annotations": _annotations(scene, chrome),
        "updatemenus": _switch(scene, told),
        "template": "none",  # all that it would say is said here; plotly's own takes 7 kB of each figure
        "uirevision": scene.key,
    }  # fmt: skip


def _lane_name(group: str, title: str) -> str:
    lead = f"<b>{figure_text(group, 34)}</b>   " if group else ""
    return f"{lead}{figure_text(title, 40)}"


def _breaks(scene: Scene) -> list[dict[str, Any]]:
    return [{"bounds": [stamp(fold.start), stamp(fold.end)]} for fold in scene.folds]


def _clock(scene: Scene) -> list[dict[str, Any]]:
    """How moments are named that plotly chooses, by the milliseconds between them: in one line, unlike its own way."""
    day = "%m-%d " if scene.whole.end - scene.whole.start > NAMED_WITH_DAY else ""
    steps = ((None, 999, "%H:%M:%S.%L"), (1000, 59_999, "%H:%M:%S"), (60_000, 86_399_999, "%H:%M"))
    return [{"dtickrange": [least, most], "value": f"{day}{clock}"} for least, most, clock in steps]


def _ticks(scene: Scene, folds: tuple[Fold, ...], told: Telling) -> dict[str, Any]:
    """The moments that the axis names: plotly's own choice counts the time that is folded, and from no fork."""
    if not folds and told.zero is None:
        return {"tickmode": "auto"}
    said = scene.opens.start  # the day of it stands below the axis
    if scene.range == scene.whole:
        near = ticks(Axis(scene.opens, folds, left=0, width=_TICKED, fold_width=0), told.zero, said=said)
        far = ticks(Axis(scene.whole, folds, left=0, width=_TICKED, fold_width=0), told.zero, said=said)
        named = near + [tick for tick in far if not scene.opens.start <= tick.at <= scene.opens.end]
    else:  # a live figure is given as much again as it shows
        named = ticks(Axis(scene.range, folds, left=0, width=2 * _TICKED), told.zero, said=said)
    return {
        "tickmode": "array", "tickvals": [stamp(tick.at) for tick in named], "ticktext": [tick.words for tick in named],
    }  # fmt: skip


def _switch(scene: Scene, told: Telling) -> list[dict[str, Any]]:
    """Two buttons below the axis: quiet time folded, or all of it."""
    if not scene.folds:
        return []
    folding = [
        {
            "method": "relayout", "label": "fold quiet time",
            "args": [{"xaxis.rangebreaks": _breaks(scene), **_named_ticks(scene, scene.folds, told)}],
        },
        {
            "method": "relayout", "label": ALL_TIME,
            "args": [{"xaxis.rangebreaks": [], **_named_ticks(scene, (), told)}],
        },
    ]  # fmt: skip
    return [buttons_below(scene, folding)]


def _named_ticks(scene: Scene, folds: tuple[Fold, ...], told: Telling) -> dict[str, Any]:
    """What a button tells the axis to name; times of a clock are still there when they are folded again."""
    if told.zero is None:
        return {"xaxis.tickmode": "array" if folds else "auto"}
    return {f"xaxis.{name}": value for name, value in _ticks(scene, folds, told).items()}


def buttons_below(scene: Scene, buttons: list[dict[str, Any]], row: int = 0) -> dict[str, Any]:
    """A row of buttons below the axis of a figure of ``scene``, at its right."""
    return {
        "type": "buttons", "direction": "right", "x": 1, "xanchor": "right", "yanchor": "top",
        "y": -(_BUTTONS + _BUTTON_ROW * row) / _depth(scene),
        "pad": {"t": 0, "r": 0}, "bgcolor": theme.CHROME["panel"].light, "bordercolor": theme.CHROME["rule"].light,
        "borderwidth": 1, "font": {"color": theme.CHROME["muted"].light, "size": 11}, "showactive": False,
        "buttons": buttons,
    }  # fmt: skip


def _depth(scene: Scene) -> float:
    return max(scene.height - SCENE_TOP, 40.0)


def _colour(kind: str) -> str:
    return {
        "now": theme.CHROME["muted"].light, "since": theme.SEVERITY["high"].light, "fork": theme.ITEM["action"].light,
        "server": theme.STATE["completed"].light, "stall": theme.SEVERITY["critical"].light,
    }[kind]  # fmt: skip


def _shapes(scene: Scene, chrome: dict[str, str]) -> list[dict[str, Any]]:
    shapes: list[dict[str, Any]] = [
        {
            "type": "rect", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": lane.y - 3, "y1": lane.y + lane.high + 3,
            "layer": "below", "fillcolor": chrome["panel"], "line": {"width": 0},
        }
        for place, lane in enumerate(scene.lanes)
        if place % 2 == 0 and not scene.bands
    ]  # fmt: skip
    shapes += [
        {
            "type": "rect", "xref": "x", "yref": "y", "x0": stamp(band.start), "x1": stamp(band.end), "y0": band.y,
            "y1": band.y + band.high, "fillcolor": chrome["panel"], "line": {"width": 0}, "layer": "below",
        }
        for band in scene.bands
    ]  # fmt: skip
    shapes += [
        {
            "type": "line", "xref": "x", "x0": stamp(fold.start), "x1": stamp(fold.start), "yref": "y", "y0": part.y,
            "y1": part.y + part.high, "line": {"color": chrome["rule"], "width": 6, "dash": "2px,3px"}, "layer": "above",
        }
        for fold in scene.folds
        for part in _fold_stretches(scene, fold)
    ]  # fmt: skip
    # the lines of the axis are plotly's own: where names stand they are covered
    shapes += [
        {
            "type": "rect", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": row.y, "y1": row.y + row.high,
            "layer": "between", "line": {"width": 0}, "fillcolor": chrome[_ground(scene, row.y)],
        }
        for row in named_rows(scene)
    ]  # fmt: skip
    lines = [
        {
            "type": "line", "xref": "x", "x0": stamp(rule.at), "x1": stamp(rule.at), "yref": "y", "y0": part.y,
            "y1": part.y + part.high, "layer": "below",
            "line": {"color": _colour(rule.kind), "width": 2.5 if rule.kind == "stall" else 1.2, "dash": _DASHES[rule.kind]},
        }
        for rule in scene.rules
        for part in rule_stretches(scene, rule)
    ]  # fmt: skip
    return shapes + lines[:_MOST_LINES]


def _fold_stretches(scene: Scene, fold: Fold) -> list[LinePart]:
    """Where the mark of a fold is drawn: not over a bar that says near it how long it has been open."""
    axis = Axis(scene.range, scene.folds, left=0, width=USUAL_WIDTH / 2, fold_width=0)
    parts = line_stretches(scene)
    for bar in scene.bars:
        if bar.plate and bar.start <= fold.start and fold.end <= bar.end:
            if axis.x(bar.end) - axis.x(fold.start) >= (len(bar.plate) + len(_PLATE_END)) * _LETTER:
                continue
            low, high = bar.y, bar.y + bar.high
            cut = [(part.y, min(part.y + part.high, low)) for part in parts]
            cut += [(max(part.y, high), part.y + part.high) for part in parts]
            parts = [LinePart(top, bottom - top) for top, bottom in sorted(cut) if bottom > top]
    return parts


def _ground(scene: Scene, y: float) -> str:
    """What is behind a height: the colour of its lane."""
    striped = any(place % 2 == 0 and lane.y <= y < lane.y + lane.high for place, lane in enumerate(scene.lanes))
    return "panel" if striped and not scene.bands else "paper"


def _line_names(scene: Scene) -> dict[SceneRule, int]:
    """Lines that are named above the axis, and in which row: two that would meet in a narrow figure are not in the same."""
    narrow = Axis(scene.range, scene.folds, left=0, width=_NARROW_AXIS, fold_width=0)
    rows: list[float] = []
    found = {}
    usual = Axis(scene.range, scene.folds, left=0, width=USUAL_WIDTH, fold_width=0)
    for rule in sorted(named_rules(scene, usual, _LETTER), key=lambda one: one.at):
        half = len(rule.label) / 2 * _LETTER + 3
        x = narrow.x(rule.at)
        row = next((place for place, taken in enumerate(rows) if taken <= x - half), len(rows))
        rows[row : row + 1] = [x + half]
        found[rule] = row
    return found


def _annotations(scene: Scene, chrome: dict[str, str]) -> list[dict[str, Any]]:
    def note(**given: Any) -> dict[str, Any]:
        font = {"color": given.pop("ink", chrome["muted"]), "size": 11}
        return {"showarrow": False, "font": font, **given}

    notes = [
        note(
            xref="paper",
            x=0.006,
            xanchor="left",
            yref="y",
            y=lane.y + lane.high / 2,
            text=f"<i>{figure_text(lane.note, 40)}</i>",
            bgcolor=chrome[_ground(scene, lane.y)],
        )
        for lane in scene.lanes
        if lane.note
    ]
    notes += [
        note(
            xref="x", x=stamp(rule.at), yref="paper", y=1, yanchor="bottom", yshift=_LINE_NAME * row,
            text=figure_text(rule.label, 40), ink=_colour("fork") if rule.kind == "fork" else chrome["muted"],
        )
        for rule, row in _line_names(scene).items()
    ]  # fmt: skip
    notes += [
        note(
            xref="x", x=stamp(one.fold.start), yref="y", y=one.y, textangle=-90, text=figure_text(one.words),
            bgcolor=chrome["paper"], borderpad=1,
        )
        for one in fold_names(scene)
    ]  # fmt: skip
    return notes
