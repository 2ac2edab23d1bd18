"""Text for people in a terminal: at most 100 columns, colour only where somebody sees it, and nothing that steers it."""

from __future__ import annotations

import shutil
import sys
from typing import IO, TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from t3lens.view import theme
from t3lens.view.escape import plain
from t3lens.view.tables import cell_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WIDTH", "frame_table", "signed", "terminal"]

WIDTH: Final = 100
_CELL: Final = 200


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


def frame_table(frame: pd.DataFrame) -> Table:
    """Rows of a DataFrame as a table; every cell is one line of inert text."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    for name in frame.columns:
        number = frame[name].dtype.kind in "iuf"
        table.add_column(
            plain(name, 40),
            justify="right" if number else "left",
            overflow="ellipsis",
            no_wrap=True,
        )
    for row in frame.itertuples(index=False, name=None):
        table.add_row(*(Text(cell_text(value, _CELL)) for value in row))
    return table
