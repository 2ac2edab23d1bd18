"""Text for people in a terminal: at most 100 columns, colour only where somebody sees it, and nothing that steers it."""

from __future__ import annotations

import shutil
import sys
from datetime import datetime
from typing import IO, TYPE_CHECKING, Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from t3lens.view.page import theme
from t3lens.view.page.escape import plain
from t3lens.view.page.tables import cell_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WIDTH", "frame_table", "signed", "terminal"]

WIDTH: Final = 100
_CELL: Final = 200
_PROSE: Final = frozenset({"title", "summary", "condition", "why_not", "explanation", "why", "inputs", "thresholds"})
_PROSE_LEAST: Final = 36
_IDS: Final = frozenset({"thread_id", "home_id"})


def terminal(file: IO[str] | None = None) -> Console:
    """A console on ``file`` (stdout if not said) that never takes text for markup."""
    out = file or sys.stdout
    watched = out.isatty()
    width = min(WIDTH, shutil.get_terminal_size((WIDTH, 25)).columns) if watched else WIDTH
    return Console(
        file=out,
        width=width,
        force_terminal=watched,
        no_color=None if watched else True,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
    )


def signed(family: str, name: str) -> Text:
    """A verdict, severity or state with its sign, in its colour."""
    look = theme.look(f"{family}:{name}")
    return Text(f"{look.sign} {plain(name, 20)}", style=look.dark)


def frame_table(frame: pd.DataFrame) -> RenderableType:
    """Rows of a DataFrame for people: a table if it fits the width, else each row as a block of lines.

    Ids are cut to their first characters and times to the second; what programs need stands in JSON and CSV.
    """
    names = [str(name) for name in frame.columns]
    rows = [
        [_cell(name, value) for name, value in zip(names, row, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]
    if not rows:
        return Text("no rows", style="dim")
    widths = [
        max(len(text) for text in (*name.split("_"), *(row[place] for row in rows))) for place, name in enumerate(names)
    ]
    least = sum(min(width, _PROSE_LEAST) if name in _PROSE else width for name, width in zip(names, widths, strict=True))
    if least + 2 * len(names) > WIDTH:
        return _blocks(names, rows)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    for name, width in zip(names, widths, strict=True):
        prose = name in _PROSE
        table.add_column(
            plain(name.replace("_", " "), 40),
            justify="right" if frame[name].dtype.kind in "iuf" else "left",
            overflow="fold",
            min_width=min(width, _PROSE_LEAST) if prose else width,
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _blocks(names: list[str], rows: list[list[str]]) -> Group:
    wide = max(len(name) for name in names)
    blocks = [
        Text("\n".join(f"{plain(name, 40):<{wide}}  {cell}" for name, cell in zip(names, row, strict=True)) + "\n")
        for row in rows
    ]
    return Group(*blocks)


def _cell(name: str, value: object) -> str:
    if isinstance(value, datetime):
        return "" if value != value else f"{value:%Y-%m-%d %H:%M:%S}"
    text = cell_text(value, _CELL)
    return text[:8] if name in _IDS else text
