"""``t3lens ingest``: homes into a store file."""

from __future__ import annotations

import click

from t3lens.commands.common import ChosenHomes, over_homes
from t3lens.errors import UsageError
from t3lens.interrupts import stop_if_interrupted

__all__ = ["command"]


@click.command(name="ingest")
@over_homes
@click.option(
    "--metadata-only",
    is_flag=True,
    help="Leave message texts, tool output and native payloads out.",
)
def command(chosen: ChosenHomes, *, metadata_only: bool) -> None:
    """Read homes into a store file (--store); a second time only what is new."""
    if chosen.store is None:
        raise UsageError("ingest needs --store FILE to read into", code="no-store")
    from t3lens.ingest import IngestOptions, discover, ingest
    from t3lens.ingest.fetch import fetched, kept_beside
    from t3lens.session.options import default_paths, make_options
    from t3lens.store import Store

    options = make_options(
        as_of=chosen.as_of,
        server=chosen.server,
        rules=chosen.rules,
        thresholds=chosen.thresholds,
        records=chosen.records,
        budget=chosen.budget,
    )
    homes = fetched(discover(chosen.paths or default_paths()), kept_beside(chosen.store), options.budget)
    store = Store.open(chosen.store)
    try:
        how = IngestOptions(
            metadata_only=metadata_only,
            server=options.server.value,
            records=options.records,
            budget_s=options.budget,
            coverage=True,
        )
        report = ingest(store, homes, options=how)
    finally:
        store.close()
    click.echo(repr(report))
    stop_if_interrupted()
