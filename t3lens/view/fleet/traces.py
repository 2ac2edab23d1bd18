"""The marks of the fleet's figure: turns, open ends, and where each verdict began."""

from __future__ import annotations

from typing import Any, Final

from t3lens.time import Micros, duration, to_datetime
from t3lens.view.fleet.data import FleetBar, FleetIncident, FleetRow
from t3lens.view.page import theme
from t3lens.view.page.escape import figure_text, short_id
from t3lens.view.timeline.parts import INCIDENT_NAMES
from t3lens.view.timeline.words import stamp

__all__ = ["bar_end", "bar_trace", "bar_verdict", "fewer", "incident_end", "incident_trace", "open_ends", "since_trace"]

_BARS: Final = 2_400
_TELLING: Final = ("stuck", "diverged", "waiting", "failed")
_STATE_VERDICT: Final = {
    "error": "failed",
    "interrupted": "stopped",
    "completed": "idle",
    "running": "working",
    "pending": "working",
}


def bar_verdict(bar: FleetBar, verdict: str) -> str:
    """What a turn's colour says: what its findings make of it, else how it ended."""
    if bar.makes in theme.VERDICT:
        return str(bar.makes)
    if bar.open:
        return verdict if verdict in ("stuck", "diverged", "waiting") else "working"
    return _STATE_VERDICT.get(bar.state, "unknown")


def fewer(bars: list[FleetBar], as_of: Micros) -> list[FleetBar]:
    """At most so many bars: open and accused turns all, then the longest."""
    if len(bars) <= _BARS:
        return bars
    return sorted(bars, key=lambda b: (not (b.open or b.makes), -((b.end or as_of) - b.start)))[:_BARS]


def bar_end(bar: FleetBar, row: FleetRow, as_of: Micros) -> Micros:
    """An open turn reaches to the moment its home's verdicts are about."""
    return max((row.as_of or as_of) if bar.open else bar.end or bar.start, bar.start)


def _key(bar: FleetBar) -> str:
    return f"turn:{bar.turn_id}" if bar.turn_id else "session:row"


def _hover(bar: FleetBar, row: FleetRow, as_of: Micros) -> str:
    end = bar_end(bar, row, as_of)
    length = duration(end - bar.start)
    return "<br>".join(
        (
            f"<b>{figure_text(row.title, 80)}</b>",
            f"turn {figure_text(short_id(bar.turn_id or 'pending', 36))}: {figure_text(bar.state, 20)}"
            + (f", open for {length}" if bar.open else f" ({length})"),
            f"thread {figure_text(row.verdict, 20)}{f': {figure_text(row.primary, 40)}' if row.primary else ''}",
            f"{to_datetime(bar.start):%Y-%m-%d %H:%M:%S} UTC",
        )
    )


def bar_trace(
    verdict: str,
    bars: list[FleetBar],
    place: dict[tuple[str, str], int],
    shown: list[FleetRow],
    as_of: Micros,
) -> dict[str, Any]:
    """The bars of one verdict, each in the row of its thread."""
    entry = theme.VERDICT[verdict]
    names = {"idle": "completed", "stopped": "interrupted or stopped"}
    rows = [place[bar.home_id, bar.thread_id] for bar in bars]
    return {
        "type": "bar", "orientation": "h", "name": names.get(verdict, verdict), "width": 0.68,
        "showlegend": bool(bars),
        "base": [stamp(bar.start) for bar in bars],
        "x": [(bar_end(b, shown[place[b.home_id, b.thread_id]], as_of) - b.start) / 1000 for b in bars],
        "y": rows,
        "customdata": [
            [_hover(bar, shown[row], as_of), bar.home_id, bar.thread_id, _key(bar)]
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


def open_ends(
    bars: list[FleetBar], place: dict[tuple[str, str], int], shown: list[FleetRow], as_of: Micros
) -> dict[str, Any]:
    """The marks at the right ends of what still goes on."""
    rows = [place[bar.home_id, bar.thread_id] for bar in bars]
    verdicts = [bar_verdict(bar, shown[row].verdict) for bar, row in zip(bars, rows, strict=True)]
    return {
        "type": "scatter", "mode": "markers", "name": "still open",
        "x": [stamp(bar_end(b, shown[r], as_of)) for b, r in zip(bars, rows, strict=True)],
        "y": rows,
        "cliponaxis": False, "showlegend": bool(bars),
        "customdata": [
            [_hover(b, shown[r], as_of), b.home_id, b.thread_id, _key(b)] for b, r in zip(bars, rows, strict=True)
        ],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {
            "symbol": "triangle-right", "size": 13,
            "color": [theme.VERDICT[v].light for v in verdicts],
            "line": {"color": theme.CHROME["ink"].light, "width": 1},
        },
    }  # fmt: skip


def since_trace(shown: list[FleetRow]) -> dict[str, Any]:
    """Where each verdict began."""
    found = [(n, r) for n, r in enumerate(shown) if r.since is not None and r.verdict in _TELLING]
    return {
        "type": "scatter", "mode": "markers", "name": "verdict since", "showlegend": bool(found),
        "x": [stamp(row.since or 0) for _, row in found], "y": [n for n, _ in found],
        "customdata": [
            [
                f"<b>{figure_text(row.title, 80)}</b><br>{figure_text(row.verdict, 20)}"
                f"{f': {figure_text(row.primary, 40)}' if row.primary else ''}"
                f"<br>since {to_datetime(row.since or 0):%Y-%m-%d %H:%M:%S} UTC",
                row.home_id, row.thread_id, "session:row",
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


def incident_end(one: FleetIncident, row: FleetRow, as_of: Micros) -> Micros:
    """What goes on reaches to the moment its home's verdicts are about."""
    return max((row.as_of or as_of) if one.end is None else one.end, one.start)


def incident_trace(
    role: str,
    incidents: list[FleetIncident],
    place: dict[tuple[str, str], int],
    shown: list[FleetRow],
    ends: dict[str, Micros],
) -> dict[str, Any]:
    """The incidents of one kind: narrow bars above the turns they are about."""
    entry = theme.look(role)
    rows = [place[one.home_id, one.thread_id] for one in incidents]
    lasted = [ends[one.incident_id] - one.start for one in incidents]
    return {
        "type": "bar", "orientation": "h", "name": INCIDENT_NAMES[role], "width": 0.14, "showlegend": bool(incidents),
        "base": [stamp(one.start) for one in incidents],
        "x": [length / 1000 for length in lasted],
        "y": [row - 0.42 for row in rows],
        "customdata": [
            [_incident_hover(one, shown[row], length), one.home_id, one.thread_id, f"incident:{one.incident_id}"]
            for one, row, length in zip(incidents, rows, lasted, strict=True)
        ],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
        "marker": {"color": entry.light, "line": {"color": entry.light, "width": 1}},
    }  # fmt: skip


def _incident_hover(one: FleetIncident, row: FleetRow, lasted: Micros) -> str:
    end = "goes on" if one.end is None else f"ended by: {figure_text(one.ended_by, 30)}"
    least = "at least " if one.end is None else ""
    return "<br>".join(
        (
            f"<b>{figure_text(row.title, 80)}</b>",
            f"{figure_text(one.verdict, 20)}: {figure_text(one.code, 40)} for {least}{duration(lasted)}",
            end,
            f"{to_datetime(one.start):%Y-%m-%d %H:%M:%S} UTC",
        )
    )
