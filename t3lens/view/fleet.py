"""The fleet's timeline: all threads as rows, turns as bars coloured by verdict, server runs as bands behind."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

from t3lens.errors import UsageError
from t3lens.model.time import SECOND, Micros, to_datetime
from t3lens.view import theme
from t3lens.view.escape import figure_text, plain, short_id
from t3lens.view.fleet_data import (
    FleetBar,
    FleetRow,
    ServerMark,
    fleet_bars,
    fleet_rows,
    server_marks,
    verdict_counts,
)
from t3lens.view.timeline import duration

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from t3lens.store import Store

__all__ = ["GROUPINGS", "fleet_timeline"]

Grouping = Literal["verdict", "project", "provider", "home"]
GROUPINGS: Final = ("verdict", "project", "provider", "home")

_ROWS: Final = 60
_BARS: Final = 2_400
_TELLING: Final = ("stuck", "diverged", "waiting", "failed")
_STATE_VERDICT: Final = {
    "error": "failed",
    "interrupted": "stopped",
    "completed": "idle",
    "running": "working",
    "pending": "working",
}


def fleet_timeline(
    store: Store,
    *,
    as_of: Micros,
    group_by: str = "verdict",
    limit: int = _ROWS,
    dark: bool = False,
) -> go.Figure:
    """One figure of all threads: who was at work when, what is stuck since when, and when servers came and went.

    Args:
        store: The store to read.
        as_of: Open turns reach to here, microseconds UTC.
        group_by: ``verdict``, ``project``, ``provider`` or ``home``.
        limit: How many threads get a row, worst first; the figure's title says how many there are.
        dark: Draw for a dark page.

    Raises:
        UsageError: An unknown grouping.
    """
    if group_by not in GROUPINGS:
        raise UsageError(f"cannot group by {plain(group_by, 40)!r}; one of {', '.join(GROUPINGS)}")
    import plotly.graph_objects as go

    rows = fleet_rows(store, sparks=False)
    shown = _grouped(rows[: max(limit, 1)], group_by)
    spec = _spec(rows, shown, fleet_bars(store), server_marks(store), as_of, group_by)
    return go.Figure(theme.swap(spec, dark=True) if dark else spec)


def _group(row: FleetRow, group_by: str) -> str:
    return str(getattr(row, group_by) or "–")


def _grouped(rows: list[FleetRow], group_by: str) -> list[FleetRow]:
    """``rows`` with those of one group together; groups and rows in them stay worst first."""
    order: dict[str, int] = {}
    for row in rows:
        order.setdefault(_group(row, group_by), len(order))
    return sorted(rows, key=lambda row: order[_group(row, group_by)])


def _spec(
    rows: list[FleetRow],
    shown: list[FleetRow],
    bars: list[FleetBar],
    marks: list[ServerMark],
    as_of: Micros,
    group_by: str,
) -> dict[str, Any]:
    place = {(row.home_id, row.thread_id): n for n, row in enumerate(shown)}
    mine = [bar for bar in bars if (bar.home_id, bar.thread_id) in place]
    drawn = _fewer(mine, as_of)
    by_verdict: dict[str, list[FleetBar]] = {}
    for bar in drawn:
        verdict = shown[place[bar.home_id, bar.thread_id]].verdict
        by_verdict.setdefault(_bar_verdict(bar, verdict), []).append(bar)
    traces = [
        _trace(verdict, by_verdict[verdict], place, shown, as_of)
        for verdict in theme.VERDICT
        if verdict in by_verdict
    ]
    traces.append(_open_ends([b for b in drawn if b.open], place, shown, as_of))
    traces.append(_since(shown))
    moments = [
        m for b in drawn for m in (b.start, _end(b, shown[place[b.home_id, b.thread_id]], as_of))
    ]
    moments += [m.at for m in marks] + [row.since for row in shown if row.since is not None]
    low, high = min(moments or [as_of]), max(moments or [as_of])
    pad = max((high - low) // 50, SECOND)
    return {
        "data": traces,
        "layout": _layout(rows, shown, marks, (low - pad, high + pad), as_of, group_by),
    }


def _bar_verdict(bar: FleetBar, verdict: str) -> str:
    """What a turn's colour says: what its findings make of it, else how it ended."""
    if bar.makes in theme.VERDICT:
        return str(bar.makes)
    if bar.open:
        return verdict if verdict in ("stuck", "diverged", "waiting") else "working"
    return _STATE_VERDICT.get(bar.state, "unknown")


def _fewer(bars: list[FleetBar], as_of: Micros) -> list[FleetBar]:
    """At most so many bars: open and accused turns all, then the longest."""
    if len(bars) <= _BARS:
        return bars
    return sorted(
        bars, key=lambda b: (not (b.open or b.makes), -((b.end or as_of) - b.start))
    )[:_BARS]  # fmt: skip


def _end(bar: FleetBar, row: FleetRow, as_of: Micros) -> Micros:
    """An open turn reaches to the moment its home's verdicts are about."""
    return max((row.as_of or as_of) if bar.open else bar.end or bar.start, bar.start)


def _stamp(at: Micros) -> str:
    return to_datetime(at).strftime("%Y-%m-%d %H:%M:%S.%f")


def _hover(bar: FleetBar, row: FleetRow, as_of: Micros) -> str:
    end = _end(bar, row, as_of)
    length = duration(end - bar.start)
    return "<br>".join((
        f"<b>{figure_text(row.title, 80)}</b>",
        f"turn {figure_text(short_id(bar.turn_id or 'pending', 36))}: {figure_text(bar.state, 20)}"
        + (f", open for {length}" if bar.open else f" ({length})"),
        f"thread {figure_text(row.verdict, 20)}{f': {figure_text(row.primary, 40)}' if row.primary else ''}",
        f"{to_datetime(bar.start):%Y-%m-%d %H:%M:%S} UTC",
    ))  # fmt: skip


def _trace(
    verdict: str,
    bars: list[FleetBar],
    place: dict[tuple[str, str], int],
    shown: list[FleetRow],
    as_of: Micros,
) -> dict[str, Any]:
    entry = theme.VERDICT[verdict]
    names = {"idle": "completed", "stopped": "interrupted or stopped"}
    rows = [place[bar.home_id, bar.thread_id] for bar in bars]
    return {
        "type": "bar", "orientation": "h", "name": names.get(verdict, verdict), "width": 0.68,
        "base": [_stamp(bar.start) for bar in bars],
        "x": [(_end(b, shown[place[b.home_id, b.thread_id]], as_of) - b.start) / 1000 for b in bars],
        "y": rows,
        "customdata": [
            [_hover(bar, shown[row], as_of), bar.home_id, bar.thread_id]
            for bar, row in zip(bars, rows, strict=True)
        ],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "color": entry.light, "line": {"color": entry.light, "width": 1},
            "pattern": {
                "shape": entry.pattern, "size": 6, "solidity": 0.18, "fillmode": "overlay",
                "fgcolor": theme.CHROME["paper"].light,
            },
        },
    }  # fmt: skip


def _open_ends(
    bars: list[FleetBar], place: dict[tuple[str, str], int], shown: list[FleetRow], as_of: Micros
) -> dict[str, Any]:
    rows = [place[bar.home_id, bar.thread_id] for bar in bars]
    verdicts = [_bar_verdict(bar, shown[row].verdict) for bar, row in zip(bars, rows, strict=True)]
    return {
        "type": "scatter", "mode": "markers", "name": "still open",
        "x": [_stamp(_end(b, shown[r], as_of)) for b, r in zip(bars, rows, strict=True)],
        "y": rows,
        "cliponaxis": False, "showlegend": bool(bars),
        "customdata": [[_hover(b, shown[r], as_of), b.home_id, b.thread_id] for b, r in zip(bars, rows, strict=True)],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "symbol": "triangle-right", "size": 13,
            "color": [theme.VERDICT[v].light for v in verdicts],
            "line": {"color": theme.CHROME["ink"].light, "width": 1},
        },
    }  # fmt: skip


def _since(shown: list[FleetRow]) -> dict[str, Any]:
    """Where each verdict began."""
    found = [(n, r) for n, r in enumerate(shown) if r.since is not None and r.verdict in _TELLING]
    return {
        "type": "scatter", "mode": "markers", "name": "verdict since", "showlegend": bool(found),
        "x": [_stamp(row.since or 0) for _, row in found], "y": [n for n, _ in found],
        "customdata": [
            [
                f"<b>{figure_text(row.title, 80)}</b><br>{figure_text(row.verdict, 20)}"
                f"{f': {figure_text(row.primary, 40)}' if row.primary else ''}"
                f"<br>since {to_datetime(row.since or 0):%Y-%m-%d %H:%M:%S} UTC",
                row.home_id, row.thread_id,
            ]
            for _, row in found
        ],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "symbol": [theme.look(f"verdict:{row.verdict}").symbol for _, row in found], "size": 9,
            "color": [theme.look(f"verdict:{row.verdict}").light for _, row in found],
            "line": {"color": theme.CHROME["paper"].light, "width": 1},
        },
    }  # fmt: skip


def _layout(
    rows: list[FleetRow],
    shown: list[FleetRow],
    marks: list[ServerMark],
    area: tuple[Micros, Micros],
    as_of: Micros,
    group_by: str,
) -> dict[str, Any]:
    chrome = {name: entry.light for name, entry in theme.CHROME.items()}
    counts = ", ".join(f"{n:,} {name}" for name, n in verdict_counts(rows).items())
    left = f"; the worst {len(shown)} shown" if len(shown) < len(rows) else ""
    depth = max(len(shown), 1)
    axis = {
        "gridcolor": chrome["grid"], "zeroline": False, "linecolor": chrome["rule"],
        "tickfont": {"color": chrome["muted"], "size": 11},
    }  # fmt: skip
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
        "xaxis": {**axis, "type": "date", "range": [_stamp(area[0]), _stamp(area[1])], "automargin": True},
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
        group = _group(row, group_by)
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
    spans = {
        home: [n for n, row in enumerate(shown) if row.home_id == home]
        for home in {row.home_id for row in shown}
    }
    for home, rows in sorted(spans.items()):
        mine = [mark for mark in marks if mark.home_id == home]
        known = [shown[row] for row in rows]
        first = min([row.first_at for row in known if row.first_at is not None] or [area[0]])
        last = max([row.last_at for row in known if row.last_at is not None] or [as_of])
        runs = [ServerMark(home, first, "start"), *(m for m in mine if m.kind != "stall")]
        runs = sorted(runs, key=lambda mark: mark.at)
        for run, following in pairwise([*runs, ServerMark(home, max(last, runs[-1].at), "stop")]):
            if run.kind == "stop" or following.at <= run.at:
                continue
            shapes += [
                {
                    "type": "rect", "xref": "x", "yref": "y", "x0": _stamp(run.at), "x1": _stamp(following.at),
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
                    "type": "line", "xref": "x", "yref": "y", "x0": _stamp(mark.at), "x1": _stamp(mark.at),
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


def _group_lines(
    shown: list[FleetRow], group_by: str, chrome: dict[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            "type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": n + 0.5, "y1": n + 0.5,
            "line": {"color": chrome["rule"], "width": 1},
        }
        for n, (row, following) in enumerate(pairwise(shown))
        if _group(row, group_by) != _group(following, group_by)
    ]  # fmt: skip


def _notes(
    shown: list[FleetRow], marks: list[ServerMark], chrome: dict[str, str]
) -> list[dict[str, Any]]:
    notes: list[dict[str, Any]] = [{
        "xref": "paper", "x": 1, "xanchor": "right", "yref": "paper", "y": 0, "yanchor": "top", "yshift": -18,
        "text": "times in UTC", "showarrow": False, "font": {"color": chrome["muted"], "size": 11},
    }]  # fmt: skip
    words = {"start": "server start", "stop": "server stop", "stall": "stall"}
    home = shown[0].home_id if shown else None
    if len({row.home_id for row in shown}) == 1:
        notes += [
            {
                "xref": "x", "x": _stamp(mark.at), "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False,
                "text": words[mark.kind], "font": {"color": chrome["muted"], "size": 10},
            }
            for mark in marks
            if mark.home_id == home
        ][:20]  # fmt: skip
    return notes
