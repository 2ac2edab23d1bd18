"""The paper the fleet's figure is drawn on: rows, groups, and the runs of servers behind them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from t3lens.time import Micros
from t3lens.view.fleet.data import FleetRow, ServerMark, verdict_counts
from t3lens.view.page import theme
from t3lens.view.page.escape import figure_text
from t3lens.view.timeline.words import stamp

__all__ = ["fleet_layout", "group_of"]


def group_of(row: FleetRow, group_by: str) -> str:
    """The name of the group a thread stands in."""
    return str(getattr(row, group_by) or "–")


def fleet_layout(
    rows: list[FleetRow],
    shown: list[FleetRow],
    first: int,
    marks: list[ServerMark],
    area: tuple[Micros, Micros],
    as_of: Micros,
    group_by: str,
) -> dict[str, Any]:
    """The figure's layout: a row for each thread shown, what is drawn behind them, the title with the counts."""
    chrome = {name: entry.light for name, entry in theme.CHROME.items()}
    counts = ", ".join(f"{n:,} {name}" for name, n in verdict_counts(rows).items())
    left = ""
    if len(shown) < len(rows):
        which = f"the worst {len(shown)}" if first == 0 else f"{first + 1:,} to {first + len(shown):,}"
        left = f"; {which} shown"
    depth = max(len(shown), 1)
    axis = {
        "gridcolor": chrome["grid"],
        "zeroline": False,
        "linecolor": chrome["rule"],
        "tickfont": {"color": chrome["muted"], "size": 11},
    }
    return {
        "height": 158 + 24 * depth,
        "margin": {"l": 8, "r": 24, "t": 52, "b": 8},
        "paper_bgcolor": chrome["paper"], "plot_bgcolor": chrome["paper"],
        "font": {"color": chrome["ink"], "family": "system-ui, 'Segoe UI', Roboto, sans-serif", "size": 12},
        "title": {
            "text": f"<b>{len(rows):,} thread{'' if len(rows) == 1 else 's'}</b>  ·  {counts}{left}", "x": 0,
            "xref": "container", "xanchor": "left", "pad": {"l": 12, "t": 14}, "y": 1, "yref": "container",
            "yanchor": "top", "font": {"size": 15, "color": chrome["ink"]},
        },
        "barmode": "overlay", "hovermode": "closest", "dragmode": "zoom",
        "hoverlabel": {
            "bgcolor": chrome["panel"], "bordercolor": chrome["rule"], "align": "left",
            "font": {"color": chrome["ink"], "size": 12},
        },
        "legend": {
            "orientation": "h", "x": 0, "y": -46 / (24 * depth), "yanchor": "top",
            "font": {"color": chrome["muted"], "size": 11},
        },
        "xaxis": {**axis, "type": "date", "range": [stamp(area[0]), stamp(area[1])], "automargin": True},
        "yaxis": {
            **axis, "range": [depth - 0.5, -0.5], "fixedrange": True, "showgrid": False, "automargin": True,
            "tickmode": "array", "tickvals": list(range(len(shown))),
            "ticktext": _labels(shown, group_by),
        },
        "shapes": _bands(shown, marks, area, as_of, chrome) + _group_lines(shown, group_by, chrome),
        "annotations": _notes(shown, marks, chrome),
    }  # fmt: skip


def _labels(shown: list[FleetRow], group_by: str) -> list[str]:
    """Title and verdict sign of each row; the first row of a group names the group before it."""
    labels = []
    before = None
    for row in shown:
        group = group_of(row, group_by)
        sign = theme.look(f"verdict:{row.verdict}").sign
        lead = f"<b>{figure_text(group, 34)}</b>   " if group != before else ""
        labels.append(f"{lead}{figure_text(row.title, 28)}  {sign}")
        before = group
    return labels


def _bands(
    shown: list[FleetRow],
    marks: list[ServerMark],
    area: tuple[Micros, Micros],
    as_of: Micros,
    chrome: dict[str, str],
) -> list[dict[str, Any]]:
    """Each run of a home's server as a band behind that home's rows; a stall as a line across them."""
    shapes: list[dict[str, Any]] = []
    spans = {home: [n for n, row in enumerate(shown) if row.home_id == home] for home in {row.home_id for row in shown}}
    for home, rows in sorted(spans.items()):
        mine = [mark for mark in marks if mark.home_id == home]
        known = [shown[row] for row in rows]
        first = min([row.first_at for row in known if row.first_at is not None] or [area[0]])
        ends = [at for row in known for at in (row.last_at, row.as_of) if at is not None]
        last = max(ends or [as_of])  # a server that is alive runs on to the moment looked at
        runs = [ServerMark(home, first, "start"), *(m for m in mine if m.kind != "stall")]
        runs = sorted(runs, key=lambda mark: mark.at)
        for run, following in pairwise([*runs, ServerMark(home, max(last, runs[-1].at), "stop")]):
            if run.kind == "stop" or following.at <= run.at:
                continue
            shapes += [
                {
                    "type": "rect", "xref": "x", "yref": "y", "x0": stamp(run.at), "x1": stamp(following.at),
                    "y0": top - 0.5, "y1": bottom + 0.5, "fillcolor": chrome["panel"], "line": {"width": 0},
                    "layer": "below",
                }
                for top, bottom in _stretches(rows)
            ]  # fmt: skip
        colours = {
            "start": theme.STATE["completed"].light,
            "stop": theme.STATE["stopped"].light,
            "stall": theme.SEVERITY["critical"].light,
        }
        for mark in mine:
            shapes += [
                {
                    "type": "line", "xref": "x", "yref": "y", "x0": stamp(mark.at), "x1": stamp(mark.at),
                    "y0": top - 0.5, "y1": bottom + 0.5, "layer": "below",
                    "line": {
                        "color": colours[mark.kind], "width": 2.5 if mark.kind == "stall" else 1.2,
                        "dash": "solid" if mark.kind == "stall" else "dot",
                    },
                }
                for top, bottom in _stretches(rows)
            ]  # fmt: skip
    return shapes[:400]


def _stretches(rows: list[int]) -> list[tuple[int, int]]:
    """Neighbouring row numbers as first and last."""
    found: list[tuple[int, int]] = []
    for row in rows:
        if found and found[-1][1] == row - 1:
            found[-1] = (found[-1][0], row)
        else:
            found.append((row, row))
    return found


def _group_lines(shown: list[FleetRow], group_by: str, chrome: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": n + 0.5, "y1": n + 0.5,
            "line": {"color": chrome["rule"], "width": 1},
        }
        for n, (row, following) in enumerate(pairwise(shown))
        if group_of(row, group_by) != group_of(following, group_by)
    ]  # fmt: skip


def _notes(shown: list[FleetRow], marks: list[ServerMark], chrome: dict[str, str]) -> list[dict[str, Any]]:
    notes: list[dict[str, Any]] = [{
        "xref": "paper", "x": 1, "xanchor": "right", "yref": "paper", "y": 0, "yanchor": "top", "yshift": -18,
        "text": "times in UTC", "showarrow": False, "font": {"color": chrome["muted"], "size": 11},
    }]  # fmt: skip
    words = {"start": "server start", "stop": "server stop", "stall": "stall"}
    home = shown[0].home_id if shown else None
    if len({row.home_id for row in shown}) == 1:
        notes += [
            {
                "xref": "x", "x": stamp(mark.at), "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False,
                "text": words[mark.kind], "font": {"color": chrome["muted"], "size": 10},
            }
            for mark in marks
            if mark.home_id == home
        ][:20]  # fmt: skip
    return notes
