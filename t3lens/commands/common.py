"""What most commands share: which homes, judged how; and how rows are printed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from t3lens.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from t3lens.lens.lens import Lens
    from t3lens.session.session import Session

__all__ = ["ROWS", "ChosenHomes", "over_homes", "print_rows", "rows_format", "say_notices"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

ROWS: Final = ("table", "json", "csv", "csv-exact")
"""How rows can be printed."""


@dataclass(frozen=True, slots=True)
class ChosenHomes:
    """The homes a person named on the command line, and how they are to be judged.

    Attributes:
        paths: As given; empty for the store's homes, or this machine's.
        store: The store file; None keeps everything in memory.
        as_of: The moment, as typed.
        server: ``auto``, ``alive`` or ``dead``.
        rules: Profile name.
        thresholds: Seconds by name.
        records: Where agents' own records are looked for; empty if not said.
        budget: Seconds that reading one home may take, and judging it may.
    """

    paths: tuple[str, ...]
    store: Path | None
    as_of: str | None
    server: str
    rules: str | None
    thresholds: dict[str, float]
    records: tuple[str, ...] = ()
    budget: float | None = None

    def open(self, *, conclusions: bool = True) -> Lens:
        """The lens over them; nothing is left behind without ``--store``.

        Args:
            conclusions: Whether a store in memory should hold what is concluded, for SQL.
        """
        from t3lens.lens.lens import Lens

        return Lens(self.session(conclusions=conclusions))

    def session(self, *, conclusions: bool = True, past: bool = True) -> Session:
        """The engine over them.

        Args:
            conclusions: Whether a store in memory should hold what is concluded, for SQL.
            past: Whether it may be asked what was wrong before.
        """
        from t3lens.lens.opening import open_session

        if not self.paths and self.store is not None and not self.store.exists():
            raise UsageError(
                f"the store {self.store} does not exist; name the homes to read into it",
                code="no-store",
            )
        return open_session(
            self.paths or None,
            store=self.store,
            as_of=self.as_of,
            server=self.server,
            rules=self.rules,
            thresholds=self.thresholds,
            records=self.records,
            budget=self.budget,
            conclusions=conclusions or self.store is not None,
            past=past,
        )


def _threshold(_: click.Context, __: click.Parameter, values: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for value in values:
        name, equals, number = value.partition("=")
        try:
            if not equals:
                raise ValueError
            found[name.strip()] = float(number)
        except ValueError:
            raise click.BadParameter(f"{value!r} is not NAME=SECONDS, as in settle=30", param_hint="--threshold") from None
    return found


_OPTIONS: Final = (
    click.option("--store", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                 help="Keep what was read in this DuckDB file; the next run reads only what is new."),
    click.option("--as-of", metavar="TIME",
                 help="Look at the homes, and judge them, as they were at this moment (ISO 8601, UTC if not said)."),
    click.option("--server", type=click.Choice(["auto", "alive", "dead"]), default="auto", show_default=True,
                 help="Whether the homes' server runs: look, or take my word."),
    click.option("--rules", metavar="PROFILE",
                 help="Rules of the build that wrote the homes (shipped-0.0.29, …); guessed by home if not said."),
    click.option("--silence", type=click.FloatRange(min=0), metavar="SECONDS",
                 help="How long a running turn may say nothing; the same as --threshold silence=SECONDS."),
    click.option("--threshold", "thresholds", multiple=True, callback=_threshold, metavar="NAME=SECONDS",
                 help="Another threshold; `t3lens detectors` names them."),
    click.option("--records", multiple=True, metavar="auto|off|PATH",
                 help="Where the agents' own records are looked for: their homes here (auto), nowhere, or PATHs."),
    click.option("--budget", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
                 help="How long reading a home may take, and judging it (900 if not said); else it is not judged."),
    click.option("-v", "--verbose", is_flag=True, expose_value=False,
                 help="Say on stderr which options were read from which file."),
)  # fmt: skip


def over_homes(function: _Command) -> _Command:
    """Give a command ``[PATH]...`` and the options that say how to judge; it gets them as ``chosen``."""

    @wraps(function)
    def command(
        paths: tuple[str, ...],
        store: Path | None,
        as_of: str | None,
        server: str,
        rules: str | None,
        silence: float | None,
        thresholds: dict[str, float],
        records: tuple[str, ...],
        budget: float | None,
        **rest: Any,
    ) -> Any:
        limits = dict(thresholds)
        if silence is not None:
            limits["silence"] = silence
        chosen = ChosenHomes(paths, store, as_of, server, rules, limits, records, budget)
        return function(chosen=chosen, **rest)

    wrapped: Any = command
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return click.argument("paths", nargs=-1, metavar="[PATH]...")(wrapped)  # type: ignore[no-any-return]  # takes other words, as click calls it


def rows_format(function: _Command) -> _Command:
    """Give a command ``--format table|json|csv|csv-exact`` for rows; it gets it as ``shape``."""
    option = click.option(
        "--format", "shape", type=click.Choice(ROWS), default="table", show_default=True,
        help="How to print the rows; csv does nothing in a terminal or a spreadsheet, csv-exact has the values as they are.",
    )  # fmt: skip
    return option(function)


def say_notices(notices: Sequence[str], *, err: bool = False) -> None:
    """Say first what is to be read first: homes that cannot be judged, or less surely than usual, and why.

    Args:
        notices: ``lens.notices``.
        err: On stderr, where stdout is for programs.
    """
    from t3lens.view.page.escape import plain

    for text in notices:
        click.echo(f"!! {plain(text, 600)}", err=err)


def print_rows(
    frame: pd.DataFrame, shape: str, *, columns: Sequence[str] = (), notices: Sequence[str] = (), exact: bool = False
) -> None:
    """Print a DataFrame to stdout.

    Args:
        frame: The rows to print.
        shape: One of ``ROWS``. JSON and CSV carry all columns, and times as ISO 8601. In ``csv`` what a terminal would obey
            is replaced, and what a spreadsheet would calculate begins with an apostrophe.
        columns: The columns a table shows, in order; all if empty.
        notices: What is said before; on stderr unless a table is printed.
        exact: A table shows names and values as they are.
    """
    say_notices(notices, err=shape != "table")
    if shape in ("csv", "csv-exact"):
        if shape == "csv":
            import pandas as pd

            from t3lens.view.page.escape import inert_cell

            names = [inert_cell(name) for name in frame.columns]
            frame = pd.DataFrame(
                {place: _inert(frame.iloc[:, place]) for place in range(len(names))}, index=frame.index
            ).set_axis(names, axis=1)
        else:
            frame = _unnested(frame)
        frame.to_csv(sys.stdout, index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")
        return
    if shape == "json":
        text = frame.to_json(orient="records", date_format="iso", date_unit="us", force_ascii=True)
        click.echo(text)
        return
    from t3lens.view.terminal import FrameTable, terminal

    shown = frame[[name for name in columns if name in frame.columns]] if columns else frame
    terminal().print(FrameTable(shown, exact=exact))


def _unnested(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows with lists and rows within cells as JSON: Python's own text for them is read by nothing else."""
    from t3lens.view.page.escape import nested_text

    columns = {
        place: column.map(nested_text, na_action="ignore") if column.dtype.kind == "O" else column
        for place, column in enumerate(frame.iloc[:, place] for place in range(frame.shape[1]))
    }
    import pandas as pd

    return pd.DataFrame(columns, index=frame.index).set_axis(frame.columns, axis=1)


def _inert(column: pd.Series) -> pd.Series:
    """A column whose texts do nothing where they are shown; numbers and times need no look."""
    from t3lens.view.page.escape import inert_cell

    return column if column.dtype.kind in "biufmM" else column.map(inert_cell, na_action="ignore")
