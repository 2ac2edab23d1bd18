"""``t3lens sql``: any question, read-only."""

from __future__ import annotations

import click

from t3lens.commands.common import ChosenHomes, over_homes, print_rows, rows_format

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
@click.option("--as-read", is_flag=True, help="Print secrets in the rows as they were read; they are masked otherwise.")
def command(query: str, chosen: ChosenHomes, shape: str, timeout: float | None, as_read: bool) -> None:
    """Ask the documented views with one read-only SQL statement. No file is in its reach, and nothing changes.

    \b
    t3lens sql "from findings" PATH
    t3lens sql "select provider, count(*) from log_events group by all" --store FILE
    """
    from t3lens.view.masked_table import without_secrets

    with chosen.open() as lens:
        rows = lens.sql(query, timeout=timeout)
        print_rows(rows if as_read else without_secrets(rows), shape, notices=lens.notices, exact=True)
