"""``t3lens ingest``: homes into a store file."""

from __future__ import annotations

from typing import Final

import click

from t3lens.commands._common import Chosen, over_homes
from t3lens.errors import UsageError

__all__ = ["command"]

_MEGA: Final = 1_000_000


@click.command(name="ingest")
@over_homes
def command(chosen: Chosen) -> None:
    """Read homes into a store file (--store); a second time only what is new."""
    if chosen.store is None:
        raise UsageError("ingest needs --store FILE to read into", code="no-store")
    from t3lens.ingest import discover, ingest
    from t3lens.lens import default_paths, make_options
    from t3lens.store import Store

    make_options(
        as_of=chosen.as_of,
        server=chosen.server,
        rules=chosen.rules,
        thresholds=chosen.thresholds,
    )
    homes = discover(chosen.paths or default_paths())
    store = Store.open(chosen.store)
    try:
        report = ingest(store, homes)
    finally:
        store.close()
    number = len(homes)
    click.echo(
        f"{number} home{'' if number == 1 else 's'}: {report.records:,} new records from"
        f" {report.bytes_read / _MEGA:,.1f} MB into {chosen.store}"
        + (f", {report.quarantined:,} lines quarantined" if report.quarantined else "")
    )
    for problem in report.problems:
        click.echo(f"  {problem}", err=True)
