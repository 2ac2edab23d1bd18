"""The fleet's timeline where nothing runs: text, and HTML with a still picture and the table it was drawn from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from t3lens.time import Micros
from t3lens.view.fleet.data import FleetRow
from t3lens.view.fleet.pages import FleetPicture
from t3lens.view.page import theme
from t3lens.view.page.escape import distinct_prefixes, html_text, plain
from t3lens.view.page.tables import section, table_html, when_text
from t3lens.view.timeline.parts import INCIDENT_NAMES
from t3lens.view.timeline.picture import axis_steps, chrome, colour

__all__ = ["fleet_fallback", "fleet_html", "fleet_svg", "fleet_text"]

_WIDTH: Final = 960
_GUTTER: Final = 210
_RIGHT: Final = 16
_TOP: Final = 26
_ROW: Final = 20
_COLUMNS: Final = ("verdict", "title", "why", "since", "incidents", "turns", "provider", "project", "thread")


def fleet_svg(threads: FleetPicture) -> str:
    """The rows shown as one ``<svg>`` element; follows the page's theme as every picture does."""
    low, high = threads.whole
    bottom = _TOP + _ROW * max(len(threads.shown), 1)

    def x(at: Micros) -> float:
        share = min(max((at - low) / max(high - low, 1), 0.0), 1.0)
        return round(_GUTTER + share * (_WIDTH - _GUTTER - _RIGHT), 1)

    parts = []
    for at, words in axis_steps(low, high):
        parts.append(
            f'<line x1="{x(at)}" x2="{x(at)}" y1="{_TOP - 4}" y2="{bottom}" stroke="{chrome("grid")}"/>'
            f'<text x="{x(at)}" y="14" text-anchor="middle" font-size="11" fill="{chrome("muted")}">{words}</text>'
        )
    for place, row in enumerate(threads.shown):
        parts += _row(threads, row, _TOP + place * _ROW, x)
    label = f"Timeline of {len(threads.shown)} of {len(threads.rows)} threads; the table below tells the same"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {bottom + 16}" width="100%" style="max-width:{_WIDTH}px" role="img" '
        f'aria-label="{label}" font-family="system-ui,sans-serif">{"".join(parts)}'
        f'<text x="{_WIDTH - 4}" y="{bottom + 12}" text-anchor="end" font-size="11" fill="{chrome("muted")}">UTC</text>'
        "</svg>"
    )


def _row(threads: FleetPicture, row: FleetRow, top: float, x: Callable[[Micros], float]) -> list[str]:
    sign = theme.look(f"verdict:{row.verdict}").sign
    parts = [
        f'<text x="{_GUTTER - 8}" y="{top + 14}" text-anchor="end" font-size="11" fill="{chrome("ink")}">'
        f"{html_text(row.title, 30)} {sign}</text>"
    ]
    for start, end, verdict, is_open in threads.bars_of(row):
        fill = colour(f"verdict:{verdict}")
        left, right = x(start), x(end)
        parts.append(
            f'<rect x="{left}" y="{top + 3}" width="{max(right - left, 1.5):g}" height="{_ROW - 6}" fill="{fill}"/>'
        )
        if is_open:
            parts.append(
                f'<path d="M{right:g} {top + 2}l8 {_ROW / 2 - 2:g}l-8 {_ROW / 2 - 2:g}z" fill="{fill}" '
                f'stroke="{chrome("ink")}"/>'
            )
    for start, end, verdict in threads.incidents_of(row):
        left, right = x(start), x(end)
        parts.append(
            f'<rect x="{left}" y="{top}" width="{max(right - left, 1.5):g}" height="3" '
            f'fill="{colour(f"verdict:{verdict}")}"><title>{INCIDENT_NAMES[f"verdict:{verdict}"]}</title></rect>'
        )
    return parts


def fleet_fallback(threads: FleetPicture) -> tuple[str, str]:
    """The rows shown as text, and as HTML: a still picture and a table."""
    return fleet_text(threads), fleet_html(threads)


def fleet_html(threads: FleetPicture) -> str:
    """A still picture of the rows shown, and the same as a table."""
    short = distinct_prefixes(row.thread_id for row in threads.rows)
    rows = [
        (
            row.verdict, row.title, row.primary or "", when_text(row.since), len(threads.incidents_of(row)) or "",
            row.turns, row.provider or "",
            row.project or "", short[row.thread_id],
        )
        for row in threads.shown
    ]  # fmt: skip
    many = len(threads.rows)
    return section(
        f"<h3>{many:,} thread{'' if many == 1 else 's'}</h3>",
        fleet_svg(threads),
        table_html(_COLUMNS, rows, caption="Threads", more=many - len(rows)),
        label="Timeline of all threads",
    )


def fleet_text(threads: FleetPicture) -> str:
    """The rows shown, one a line."""
    lines = [f"{len(threads.rows):,} thread{'' if len(threads.rows) == 1 else 's'}"]
    for row in threads.shown:
        bars = threads.bars_of(row)
        when = f"{when_text(bars[0][0])} – {when_text(max(bar[1] for bar in bars))}" if bars else ""
        sign = theme.look(f"verdict:{row.verdict}").sign
        lines.append(f"  {sign} {row.verdict:<9}{plain(row.title, 28):<30}{row.primary or '':<26}{when}".rstrip())
    if len(threads.shown) < len(threads.rows):
        lines.append(f"  and {len(threads.rows) - len(threads.shown):,} more")
    return "\n".join(lines)
