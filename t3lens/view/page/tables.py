"""Tables and overviews as inert HTML and as text: what the library's objects show in a notebook.

Everything that comes from a store goes through ``escape``; pandas' own HTML and ``Styler`` are not used, because
they would let log text through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import isnan
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from t3lens.counted import counted
from t3lens.time import Micros, iso, to_datetime
from t3lens.view.page import theme
from t3lens.view.page.escape import distinct_prefixes, html_text, plain
from t3lens.view.page.used_style import used_style

if TYPE_CHECKING:
    import pandas as pd

    from t3lens.store import Store
    from t3lens.view.fleet.data import FleetRow

__all__ = [
    "Lines",
    "cell_text",
    "chip",
    "facts_html",
    "frame_html",
    "id_html",
    "notices_html",
    "overview_html",
    "overview_text",
    "section",
    "table_html",
    "when_text",
]

_WORST: Final = 12
_CELL: Final = 120
_LONG: Final = 34
_ID_ROOM: Final = 30
_ID_TAIL: Final = 8
_CHIP_FAMILIES: Final = {
    "verdict": theme.VERDICT,
    "severity": theme.SEVERITY,
    "state": theme.STATE,
    "status": theme.STATE,
}


class Lines(tuple[str, ...]):
    """A cell of several lines, each a sentence or a piece of evidence; untrusted."""

    __slots__ = ()


def section(*parts: str, label: str = "t3lens") -> str:
    """HTML parts (escaped already) as one piece of page that carries its style and follows the page's theme."""
    body = "".join(parts)
    pane = f'<section class="t3 t3-pane" aria-label="{html_text(label)}">{body}</section>'
    return f"<style>{used_style(pane)}</style>{pane}"


def notices_html(notices: Sequence[str]) -> str:
    """What is to be read first, as a box at the top of a page or pane; untrusted. Nothing if there is nothing."""
    said = "".join(f"<p><b>{html_text(text, 700)}</b></p>" for text in notices)
    return f'<div class="t3-notice" role="alert">{said}</div>' if said else ""


def chip(family: str, name: object, note: str = "") -> str:
    """A state, verdict or severity as a coloured chip: sign, word, optional note."""
    text = plain(name, 40)
    entry = _CHIP_FAMILIES.get(family, {}).get(text)
    if entry is None:
        return html_text(text, 40)
    role = "state" if family == "status" else family
    extra = f" <b>{html_text(note, 20)}</b>" if note else ""
    return (
        f'<span class="t3-chip" style="--t3-c:var(--t3-{role}-{html_text(text)})">'
        f'<span class="t3-sign" aria-hidden="true">{entry.sign}</span>{html_text(text)}{extra}</span>'
    )


def cell_text(value: object, limit: int = _CELL) -> str:
    """One table cell as plain text: times in UTC with milliseconds, nothing for what is missing."""
    if value is None or (isinstance(value, float) and isnan(value)) or str(value) == "NaT":
        return ""
    if not isinstance(value, (str, bytes)) and hasattr(value, "__iter__"):
        parts = list(value)
        if all(isinstance(part, str) for part in parts):
            return plain(", ".join(parts), limit)
        return counted(len(parts), "record")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    return plain(value, limit)


def table_html(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: str = "",
    more: int = 0,
    limit: int = _CELL,
) -> str:
    """Rows as an HTML table; columns named after a verdict, severity, status or state show chips.

    Args:
        columns: Headings, in order.
        rows: Values, in the same order; untrusted.
        caption: What the table shows, for eyes and screen readers.
        more: How many rows are left out, said below the table.
        limit: How long a cell may be; a sentence that is to be read needs more than a value does.
    """
    head = "".join(f'<th scope="col">{html_text(name.replace("_", " "))}</th>' for name in columns)
    body = []
    for row in rows:
        cells = []
        for name, value in zip(columns, row, strict=True):
            family = name.rsplit("_", 1)[-1]
            if family in _CHIP_FAMILIES and value is not None:
                cells.append(f"<td>{chip(family, value)}</td>")
                continue
            if isinstance(value, Lines):
                cells.append(f'<td class="t3-long">{"<br>".join(html_text(part, limit) for part in value)}</td>')
                continue
            text = cell_text(value, limit)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if _is_id(name) and text:
                cells.append(f"<td>{id_html(text, narrow=True)}</td>")
                continue
            kind = "number" if number else "long" if len(text) > _LONG else ""
            style = f' class="t3-{kind}"' if kind else ""
            cells.append(f"<td{style}>{html_text(text, limit)}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    note = f'<p class="t3-hint">and {more:,} more</p>' if more else ""
    title = f"<caption>{html_text(caption)}</caption>" if caption else ""
    return (
        f'<div class="t3-scroll" tabindex="0" role="group" aria-label="{html_text(caption or "table")}">'
        f'<table class="t3-table">{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>{note}"
    )


def id_html(value: object, *, narrow: bool = False) -> str:
    """An id that one click selects whole, so that it can be copied; where the page runs a script, a button copies it.

    Args:
        value: The id; untrusted.
        narrow: Of a long one the middle has no room to be seen; selected and copied it is whole all the same.
    """
    text = plain(value, 400)
    if not narrow or len(text) <= _ID_ROOM:
        return f'<span class="t3-id">{html_text(text)}</span>'
    head, tail = text[:-_ID_TAIL], text[-_ID_TAIL:]
    return (
        f'<span class="t3-id" title="{html_text(text)}"><span class="t3-id-head">{html_text(head)}</span>'
        f"{html_text(tail)}</span>"
    )


def _is_id(name: str) -> bool:
    return name.endswith(("_id", " id")) or name in ("id", "thread", "turn", "home", "reference")


def frame_html(frame: pd.DataFrame, *, caption: str = "", limit: int = 50) -> str:
    """A DataFrame as one inert HTML section, its first ``limit`` rows."""
    shown = frame.head(limit)
    columns = [str(name) for name in shown.columns]
    rows = shown.itertuples(index=False, name=None)
    return section(
        table_html(columns, rows, caption=caption, more=max(len(frame) - limit, 0)),
        label=caption or "table",
    )


def facts_html(facts: Mapping[str, object] | Iterable[tuple[str, object]]) -> str:
    """Name and value pairs as a definition list; untrusted."""
    pairs = facts.items() if isinstance(facts, Mapping) else facts
    rows = "".join(
        f"<dt>{html_text(name)}</dt><dd>{html_text(cell_text(value, 600), 600)}</dd>"
        for name, value in pairs
        if value is not None
    )
    return f'<dl class="t3-facts">{rows}</dl>'


_COLUMNS: Final = ("verdict", "thread", "title", "why", "since", "status", "turns", "provider")


def _overview_row(row: FleetRow, short: str) -> tuple[object, ...]:
    return (
        row.verdict, short, row.title, row.primary or "", when_text(row.since), row.status,
        row.turns, row.provider or "",
    )  # fmt: skip


def when_text(at: Micros | None) -> str:
    """A time in UTC to the second; nothing for none."""
    return "" if at is None else f"{to_datetime(at):%Y-%m-%d %H:%M:%S}"


def overview_html(
    store: Store,
    *,
    as_of: Micros | None = None,
    worst: int = _WORST,
    notices: Sequence[str] = (),
) -> str:
    """What a ``Lens`` shows: what is to be read first, verdict counts, then the worst threads."""
    from t3lens.view.fleet.data import fleet_rows, verdict_counts

    rows = fleet_rows(store, sparks=False)
    counts = "".join(chip("verdict", name, f"{n:,}") for name, n in verdict_counts(rows).items())
    moment = f' <span class="t3-hint">as of {iso(as_of)}</span>' if as_of is not None else ""
    bad = [row for row in rows if row.verdict in ("stuck", "diverged", "waiting", "failed")]
    shown = (bad or rows)[:worst]
    short = distinct_prefixes(row.thread_id for row in rows)
    return section(
        notices_html(notices),
        f"<h3>{counted(len(rows), 'thread')}{moment}</h3>",
        f'<p class="t3-chips">{counts}</p>',
        table_html(
            _COLUMNS, (_overview_row(row, short[row.thread_id]) for row in shown),
            caption="Worst threads first" if bad else "Threads", more=len(rows) - len(shown),
        ) if shown else '<p class="t3-hint">No threads in this store.</p>',
        label="Overview",
    )  # fmt: skip


def overview_text(
    store: Store,
    *,
    as_of: Micros | None = None,
    worst: int = _WORST,
    notices: Sequence[str] = (),
) -> str:
    """The overview for a terminal or a notebook without HTML: at most 100 columns wide."""
    from t3lens.view.fleet.data import fleet_rows, verdict_counts

    rows = fleet_rows(store, sparks=False)
    moment = f" as of {iso(as_of)}" if as_of is not None else ""
    counts = ", ".join(f"{n:,} {name}" for name, n in verdict_counts(rows).items())
    lines = [line for text in notices for line in wrap(f"!! {plain(text, 600)}", 100)]
    lines += [f"{counted(len(rows), 'thread')}{moment}: {counts or 'none'}"]
    bad = [row for row in rows if row.verdict in ("stuck", "diverged", "waiting", "failed")]
    short = distinct_prefixes(row.thread_id for row in rows)
    for row in bad[:worst]:
        sign = theme.look(f"verdict:{row.verdict}").sign
        since = f"since {to_datetime(row.since):%m-%d %H:%M:%S}" if row.since is not None else ""
        lines.append(
            f"  {sign} {row.verdict:<9}{plain(short[row.thread_id]):<9} {plain(row.title, 28):<30}"
            f"{row.primary or '':<26}{since}".rstrip()
        )
    if len(bad) > worst:
        lines.append(f"  and {len(bad) - worst:,} more")
    return "\n".join(lines)
