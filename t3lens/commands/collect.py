"""``t3lens collect``: what an audit needs of homes, to a folder or a place elsewhere."""

from __future__ import annotations

import platform
import re

import click

from t3lens.errors import T3LensError, UsageError

__all__ = ["command"]


@click.command(name="collect")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--to",
    metavar="URL|DIR",
    required=True,
    help="Where to: a folder, or a URL as s3://bucket/fleet; each home gets a folder in it.",
)
@click.option("--as", "label", metavar="NAME", help="What this machine is called there; its host name if not said.")
@click.option(
    "--server",
    type=click.Choice(["auto", "alive", "dead"]),
    default="auto",
    show_default=True,
    help="Whether the homes' server runs: look, or take my word.",
)
@click.option(
    "--records",
    multiple=True,
    metavar="auto|off|PATH",
    help="Where the agents' own records are looked for: their homes here (auto), nowhere, or PATHs.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long reading a home may take (900 if not said).",
)
def command(
    paths: tuple[str, ...], to: str, label: str | None, server: str, records: tuple[str, ...], budget: float | None
) -> int:
    """Pack what an audit needs of homes, for those who may not open them.

    Prompts, answers, tool arguments and outputs stay here, secrets are masked; titles, paths, ids, times and the errors of
    programs go. Every t3lens command takes the place like a folder of homes, and comes to the same verdicts. A home that
    did not change writes nothing, of one that grew what is new is written. Exits with 2 if a home could not be collected.
    """
    name = label if label is not None else platform.node() or "machine"
    if not re.fullmatch(r"[\w.-]{1,100}", name) or name.startswith("."):
        raise UsageError(f"--as is a name of letters, digits, dots and dashes, not {name!r}", code="bad-name")
    from t3lens.export.collect import collect_path
    from t3lens.ingest import discover
    from t3lens.session.options import default_paths, make_options
    from t3lens.view.page.escape import plain

    options = make_options(server=server, records=records, budget=budget)
    failed = False
    for home in discover(paths or default_paths()):
        try:
            made = collect_path(home, to, name, options)
        except T3LensError as error:
            failed = True
            click.echo(f"t3lens: {plain(f'{home.shown}: {error}', 600)}", err=True)
            continue
        said = "nothing new" if made.unchanged else f"{made.written:,} of {made.size:,} bytes written"
        click.echo(f"{plain(home.shown, 300)} → {plain(made.place, 300)}: {said}")
    return 2 if failed else 0
