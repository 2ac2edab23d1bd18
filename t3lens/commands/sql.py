"""``t3lens sql``: any question, read-only."""

from __future__ import annotations

import click

from t3lens.commands.common import Chosen, over_homes, print_rows, rows_format

__all__ = ["command"]


@click.command(name="sql")
@click.argument("query")
@over_homes
@rows_format
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Give the query up after so long.",
)
def command(query: str, chosen: Chosen, shape: str, timeout: float | None) -> None:
    """Ask the documented views with one read-only SQL statement. No file is in its reach, and nothing changes.

    \b
    t3lens sql "from findings" PATH
    t3lens sql "select provider, count(*) from log_events group by all" --store FILE
    """
    with chosen.open() as lens:
        print_rows(lens.sql(query, timeout=timeout), shape, notices=lens.notices, exact=True)
