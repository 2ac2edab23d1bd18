"""Text for people in a terminal: as wide as it is, colour only where somebody sees it, and nothing that steers it."""

from __future__ import annotations

import re
import shutil
import sys
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, Final, cast

from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from t3lens.view.page import theme
from t3lens.view.page.escape import distinct_prefixes, nested_text, plain
from t3lens.view.page.tables import cell_text

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import ConsoleOptions, RenderableType, RenderResult

__all__ = ["WIDTH", "FrameTable", "Jointed", "signed", "terminal"]

WIDTH: Final = 100
"""Columns of what no terminal shows: a file, a pipe."""

_PADDING: Final = re.compile(r" +(?=\n)")
_JOINTS: Final = re.compile(r"(?<=[-/_. ])(?=.)")
_CELL: Final = 200
_EXACT_CELL: Final = 100_000
_PROSE: Final = frozenset({"title", "summary", "condition", "why_not", "explanation", "why", "inputs", "thresholds"})
_PROSE_LEAST: Final = 36
_TITLE_LEAST: Final = 16
_IDS: Final = frozenset({"thread_id", "home_id"})


def terminal(file: IO[str] | None = None) -> Console:
    """A console on ``file`` (stdout if not said) that never takes text for markup."""
    out = file or sys.stdout
    watched = out.isatty()
    width = shutil.get_terminal_size((WIDTH, 25)).columns if watched else WIDTH
    return Console(
        file=out if watched else cast("IO[str]", _Trimmed(out)),
        width=width,
        force_terminal=watched,
        no_color=None if watched else True,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
    )


class _Trimmed:
    """A text file whose lines end where their words do: columns are padded, and a pipe or a file keeps that."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out

    def write(self, text: str) -> int:
        return self._out.write(_PADDING.sub("", text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


def signed(family: str, name: str) -> Text:
    """A verdict, severity or state with its sign, in its colour."""
    look = theme.look(f"{family}:{name}")
    return Text(f"{look.sign} {plain(name, 20)}", style=look.dark)


class Jointed:
    """A name that is broken at its joints, after ``-``, ``/``, ``_``, ``.`` or a space: what it is made of stays whole.

    Args:
        text: The name; inert already.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    @property
    def widths(self) -> tuple[int, int]:
        """How wide its longest part is, and how wide all of it."""
        return max(map(len, _JOINTS.split(self._text))), len(self._text)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(*self.widths)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = ""
        for part in _JOINTS.split(self._text):
            if line and len(line) + len(part.rstrip()) > options.max_width:
                yield Text(line)
                line = ""
            line += part
        yield Text(line, overflow="fold")


class FrameTable:
    """Rows of a DataFrame for people: a table if it fits the width, else each row as a block of lines.

    Ids are cut to what tells them apart and times to the second; what programs need stands in JSON and CSV.

    Args:
        frame: The rows to print.
        exact: Names, ids, numbers and times as they are, as for a query's answer.
    """

    def __init__(self, frame: pd.DataFrame, *, exact: bool = False) -> None:
        self._names = [str(name) for name in frame.columns]
        self._numeric = [kind.kind in "iuf" for kind in frame.dtypes]
        self._exact = exact
        columns = [_column(name, list(frame.iloc[:, place]), exact) for place, name in enumerate(self._names)]
        self._rows = list(zip(*columns, strict=True))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._rows:
            yield Text("no rows", style="dim")
            return
        words = [[name] if self._exact else name.split("_") for name in self._names]
        widths = [
            max(len(text) for text in (*parts, *(row[place] for row in self._rows))) for place, parts in enumerate(words)
        ]
        least = [min(width, _least(name)) for name, width in zip(self._names, widths, strict=True)]
        if sum(least) + 2 * (len(least) - 1) > options.max_width:
            yield self._blocks()
            return
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
        for name, width, numeric in zip(self._names, least, self._numeric, strict=True):
            shown = plain(name if self._exact else name.replace("_", " "), 40)
            table.add_column(shown, justify="right" if numeric else "left", overflow="fold", min_width=width)
        for row in self._rows:
            table.add_row(*(Text(cell) for cell in row))
        yield table

    def _blocks(self) -> Group:
        blocks: list[RenderableType] = []
        for row in self._rows:
            block = Table.grid(padding=(0, 2))
            block.add_column(no_wrap=True)
            block.add_column(overflow="fold")  # what is long goes on below itself
            for name, cell in zip(self._names, row, strict=True):
                if cell or self._exact:
                    block.add_row(Text(plain(name if self._exact else name.replace("_", " "), 40), style="dim"), Text(cell))
            blocks += [block, Text("")]
        return Group(*blocks)


def _least(name: str) -> int:
    """How narrow a column may become: titles and sentences fold, all else stays whole."""
    return _TITLE_LEAST if name == "title" else _PROSE_LEAST if name in _PROSE else _EXACT_CELL


def _column(name: str, values: list[object], exact: bool) -> list[str]:
    if exact:
        return [_exact(value) for value in values]
    if name in _IDS:
        short = distinct_prefixes(str(value) for value in values)
        return [plain(short[str(value)]) if isinstance(value, str) else cell_text(value, _CELL) for value in values]
    return [_cell(value) for value in values]


def _exact(value: object) -> str:
    if isinstance(value, datetime):
        return "" if value != value else value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    value = nested_text(value)
    return str(value) if isinstance(value, (int, float)) and value == value else cell_text(value, _EXACT_CELL)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return "" if value != value else f"{value:%Y-%m-%d %H:%M:%S}"
    return cell_text(value, _CELL)
