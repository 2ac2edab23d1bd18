"""A scene as a plotly figure: one that people restyle, export and keep. Every text goes through ``escape``.

The traces are always the same ones in the same order, so that a live figure can be updated. Heights are pixels, as
they are in the scene; a mark carries the key of its record in ``customdata``, so that a click can open it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, Final

from t3lens.time import Micros, duration, to_datetime
from t3lens.view.page import theme
from t3lens.view.page.escape import figure_text, plain
from t3lens.view.scene.axis import Axis, ticks
from t3lens.view.scene.lines import line_stretches, named_rows, named_rules, rule_stretches
from t3lens.view.scene.name_rows import USUAL_WIDTH, PlacedName, fold_names, placed_names, usual_axes
from t3lens.view.scene.paint import PALE
from t3lens.view.scene.parts import SCENE_TOP, Fold, Scene, SceneBar, SceneMark
from t3lens.view.scene.telling import Telling

__all__ = ["ALL_TIME", "buttons_below", "figure_spec", "stamp"]

_HEAD: Final = 58
_BELOW: Final = 105
"""Below the axis: its moments, the day and zone, the buttons. Plotly counts in parts of the axis's height, which a tall
legend makes smaller, so there is some room between them."""
_BUTTONS: Final = 60
_DAY: Final = 20
_DAY_BELOW_DAYS: Final = 34
"""Where plotly chooses the moments it says their day in a second line."""
_LETTER: Final = 6.4
_TITLE_LETTERS: Final = 78
_TICKED: Final = 600
"""Moments are named as for an axis of so many pixels: also where it has less their names do not touch."""
_DASHES: Final = {"server": "solid", "stall": "solid", "since": "dash", "fork": "dashdot", "now": "dot"}
ALL_TIME: Final = "show all time"
"""What the button is called that unfolds quiet time."""
_MOST_LINES: Final = 400
"""More lines of rules are not drawn: plotly takes long for each."""
_LEGEND_ROW: Final = 19
_LEGEND_COLUMNS: Final = 5


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
    scene: Scene, bar_names: Mapping[str, str], mark_names: Mapping[str, str], *, told: Telling | None = None
) -> dict[str, Any]:
    """Traces and layout of a figure of ``scene``, in a light page's colours.

    Args:
        scene: What is shown.
        bar_names: What the roles of bars are called: each gets a trace, whether any bar has it or not.
        mark_names: The same for marks; findings have theirs besides.
        told: How its times are told; in UTC if not said.
    """
    told = told or Telling()
    found = [_bars(role, name, [b for b in scene.bars if b.role == role], told) for role, name in bar_names.items()]
    found.append(_columns(scene, told))
    alone = [mark for mark in scene.marks if not mark.high]
    placed = {one.key: one for one in placed_names(scene, usual_axes(_seen(scene), scene.folds, 0))}
    called = {**mark_names, **{f"severity:{name}": f"finding: {name}" for name in theme.SEVERITY}}
    found += [_marks(role, name, [m for m in alone if m.role == role], placed, told) for role, name in called.items()]
    found.append(_open_ends(scene, told))
    for place, trace in enumerate(found):
        trace["legendrank"] = 1000 + place
        trace["showlegend"] = bool(len(trace["x"]))
    entries = sum(trace["showlegend"] for trace in found)
    return {"data": found, "layout": _layout(scene, entries, told)}


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


def _marks(role: str, name: str, marks: list[SceneMark], names: Mapping[str, PlacedName], told: Telling) -> dict[str, Any]:
    entry = theme.look(role)
    quiet = role == "item:other"
    named = role == "note" or role.startswith("severity:")
    trace: dict[str, Any] = {
        "type": "scatter", "mode": "markers+text" if named else "markers", "name": name,
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
    if named:
        placed = [names[mark.key] for mark in marks]
        trace["text"] = [
            f"  {figure_text(mark.label, 40)}  " if one.shown else "" for mark, one in zip(marks, placed, strict=True)
        ]
        trace["textposition"] = ["middle left" if one.left else "middle right" for one in placed]
        trace["textfont"] = {"color": theme.CHROME["ink"].light, "size": 11}
    return trace


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


# --- paper ---------------------------------------------------------------------------------------------------


def _headline(scene: Scene, told: Telling) -> str:
    lines = textwrap.wrap(plain(scene.title, 200), _TITLE_LETTERS)
    words = ["<br>".join(f"<b>{figure_text(line, 200)}</b>" for line in lines)]
    if scene.verdict:
        words.append(f"{theme.look(f'verdict:{scene.verdict}').sign} {figure_text(scene.verdict, 20)}")
    if scene.primary:
        words.append(figure_text(scene.primary, 40))
    if scene.since is not None:
        words.append(f"since {told.since(scene.since)}")
    return "  ·  ".join(words)


def _layout(scene: Scene, entries: int, told: Telling) -> dict[str, Any]:
    chrome = {name: entry.light for name, entry in theme.CHROME.items()}
    depth = _depth(scene)
    legend = _LEGEND_ROW * (entries // _LEGEND_COLUMNS + 2)
    first = scene.opens if scene.range == scene.whole else scene.range
    head = _HEAD + 19 * (len(scene.title) // _TITLE_LETTERS)
    axis = {
        "gridcolor": chrome["grid"], "zeroline": False, "linecolor": chrome["rule"],
        "tickfont": {"color": chrome["muted"], "size": 12},
    }  # fmt: skip
    return {
        "height": int(depth + head + _BELOW + legend),
        "autosize": True,
        "margin": {"l": 8, "r": 28, "t": head, "b": _BELOW + legend},
        "paper_bgcolor": chrome["paper"],
        "plot_bgcolor": chrome["paper"],
        "font": {"color": chrome["ink"], "family": "system-ui, 'Segoe UI', Roboto, sans-serif", "size": 12},
        "title": {
            "text": _headline(scene, told), "x": 0, "xref": "container", "xanchor": "left", "pad": {"l": 12, "t": 14},
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
            "orientation": "h", "x": 0, "y": -_BELOW / depth, "yanchor": "top",
            "font": {"color": chrome["muted"], "size": 11}, "itemclick": "toggle", "tracegroupgap": 0,
        },
        "xaxis": {
            **axis, "type": "date", "range": [stamp(first.start), stamp(first.end)], "showgrid": True,
            "automargin": True, "tickangle": 0, "hoverformat": "%H:%M:%S.%L", "rangebreaks": _breaks(scene),
            **_ticks(scene, scene.folds, told),
        },
        "yaxis": {
            **axis, "range": [scene.height, SCENE_TOP], "fixedrange": True, "showgrid": False,
            "tickmode": "array", "tickvals": [lane.y + lane.high / 2 for lane in scene.lanes], "automargin": True,
            "ticktext": [_lane_name(lane.group, lane.title) for lane in scene.lanes],
        },
        "shapes": _shapes(scene, chrome),
        "annotations": _annotations(scene, chrome, told),
        "updatemenus": _switch(scene, told),
        "template": "none",  # all that it would say is said here; plotly's own takes 7 kB of each figure
        "uirevision": scene.key,
    }  # fmt: skip


def _lane_name(group: str, title: str) -> str:
    lead = f"<b>{figure_text(group, 34)}</b>   " if group else ""
    return f"{lead}{figure_text(title, 40)}"


def _breaks(scene: Scene) -> list[dict[str, Any]]:
    return [{"bounds": [stamp(fold.start), stamp(fold.end)]} for fold in scene.folds]


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


def buttons_below(scene: Scene, buttons: list[dict[str, Any]]) -> dict[str, Any]:
    """A row of buttons below the axis of a figure of ``scene``, at its right."""
    return {
        "type": "buttons", "direction": "right", "x": 1, "xanchor": "right", "yanchor": "top",
        "y": -_BUTTONS / _depth(scene),
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
        for part in line_stretches(scene)
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


def _ground(scene: Scene, y: float) -> str:
    """What is behind a height: the colour of its lane."""
    striped = any(place % 2 == 0 and lane.y <= y < lane.y + lane.high for place, lane in enumerate(scene.lanes))
    return "panel" if striped and not scene.bands else "paper"


def _annotations(scene: Scene, chrome: dict[str, str], told: Telling) -> list[dict[str, Any]]:
    def note(**given: Any) -> dict[str, Any]:
        font = {"color": given.pop("ink", chrome["muted"]), "size": 11}
        return {"showarrow": False, "font": font, **given}

    day = _DAY_BELOW_DAYS if told.zero is None else _DAY
    notes = [
        note(
            xref="paper", x=0, xanchor="left", yref="paper", y=0, yanchor="top", yshift=-day, text=told.of(scene.opens.start)
        )
    ]
    notes += [
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
    axis = Axis(scene.range, scene.folds, left=0, width=USUAL_WIDTH, fold_width=0)
    for bar in scene.bars:
        room = len(bar.plate) * _LETTER + 24
        if (
            not bar.plate
            or not scene.range.start <= bar.end <= scene.range.end
            or axis.x(bar.end) - axis.x(bar.start) < room
        ):
            continue
        entry = theme.look(bar.end_role)
        notes.append(
            note(
                xref="x", x=stamp(bar.end), xanchor="right", xshift=-12, yref="y", y=bar.y + bar.high / 2, borderpad=1,
                text=figure_text(bar.plate, 60), bgcolor=entry.light, ink=chrome["ink" if bar.end_role in PALE else "paper"],
            )
        )  # fmt: skip
    notes += [
        note(
            xref="x", x=stamp(rule.at), yref="paper", y=1, yanchor="bottom", text=figure_text(rule.label, 40),
            ink=_colour("fork") if rule.kind == "fork" else chrome["muted"],
        )
        for rule in named_rules(scene, axis, _LETTER)
    ]  # fmt: skip
    notes += [
        note(
            xref="x", x=stamp(one.fold.start), yref="y", y=one.y, textangle=-90, text=figure_text(one.words),
            bgcolor=chrome["paper"], borderpad=1,
        )
        for one in fold_names(scene)
    ]  # fmt: skip
    return notes
