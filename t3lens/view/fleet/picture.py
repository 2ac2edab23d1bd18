"""The fleet's timeline where nothing runs: text, and HTML with a still picture and the table it was drawn from."""

from __future__ import annotations

from typing import Final

from t3lens.counted import counted
from t3lens.view.fleet.pages import FleetPicture
from t3lens.view.page import theme
from t3lens.view.page.escape import distinct_prefixes, plain
from t3lens.view.page.tables import section, table_html, when_text
from t3lens.view.scene.paint import scene_svg

__all__ = ["fleet_fallback", "fleet_html", "fleet_svg", "fleet_text"]

_COLUMNS: Final = ("verdict", "title", "why", "since", "incidents", "turns", "provider", "project", "thread")


def fleet_svg(threads: FleetPicture) -> str:
    """The rows shown as one ``<svg>`` element; follows the page's theme as every picture does."""
    return scene_svg(threads.scene(), name="t3fleet", legend=True)


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
        f"<h3>{counted(many, 'thread')}</h3>",
        fleet_svg(threads),
        table_html(_COLUMNS, rows, caption="Threads", more=many - len(rows)),
        label="Timeline of all threads",
    )


def fleet_text(threads: FleetPicture) -> str:
    """The rows shown, one a line."""
    lines = [counted(len(threads.rows), "thread")]
    for row in threads.shown:
        bars = threads.bars_of(row)
        when = f"{when_text(bars[0][0])} – {when_text(max(bar[1] for bar in bars))}" if bars else ""
        sign = theme.look(f"verdict:{row.verdict}").sign
        lines.append(f"  {sign} {row.verdict:<9}{plain(row.title, 28):<30}{row.primary or '':<26}{when}".rstrip())
    if len(threads.shown) < len(threads.rows):
        lines.append(f"  and {len(threads.rows) - len(threads.shown):,} more")
    return "\n".join(lines)
