"""``t3lens actions``: the journal."""

from __future__ import annotations

from typing import Final

import click

from t3lens.commands.common import print_rows, rows_format

__all__ = ["command"]

_COLUMNS: Final = ("started_at", "kind", "outcome", "thread_id", "title", "why", "who")


@click.command(name="actions")
@rows_format
@click.option("--thread", metavar="PREFIX", help="Only actions on threads whose id begins so.")
def command(shape: str, thread: str | None) -> None:
    """Show the journal of actions: who did what when and why, and what came of it."""
    from t3lens.act import Journal

    frame = Journal().frame()
    if thread:
        frame = frame[frame["thread_id"].fillna("").str.startswith(thread)]
    print_rows(frame, shape, columns=_COLUMNS)
