"""``t3lens sql``: any question, read-only."""

from __future__ import annotations

import click

from t3lens.commands.common import Chosen, over_homes, print_rows, rows_format

__all__ = ["command"]


@click.command(name="sql")
@click.argument("query")
@over_homes
@rows_format
def command(query: str, chosen: Chosen, shape: str) -> None:
    """Ask the documented views with one read-only SQL statement.

    \b
    t3lens sql "from findings" PATH
    t3lens sql "select provider, count(*) from log_events group by all" --store FILE
    """
    with chosen.open() as lens:
        print_rows(lens.sql(query), shape, notices=lens.notices)
