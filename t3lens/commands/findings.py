"""``t3lens findings``: every finding with its evidence."""

from __future__ import annotations

from typing import Final

import click

from t3lens.commands.common import ChosenHomes, over_homes, print_rows, rows_format

__all__ = ["command"]

_COLUMNS: Final = ("severity", "confidence", "code", "thread_id", "since", "summary")


@click.command(name="findings")
@over_homes
@rows_format
@click.option("--code", "codes", multiple=True, metavar="CODE", help="Only findings of this code.")
def command(chosen: ChosenHomes, shape: str, codes: tuple[str, ...]) -> None:
    """List findings, worst thread first; JSON has the evidence too."""
    if codes:
        from t3lens.commands.explain import detector

        for code in codes:
            detector(code)
    with chosen.open() as lens:
        frame = lens.findings()
        if codes:
            frame = frame[frame["code"].isin(codes)]
        print_rows(frame, shape, columns=_COLUMNS, notices=lens.notices)
