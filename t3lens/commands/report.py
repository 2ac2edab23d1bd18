"""``t3lens report``: the incident document."""

from __future__ import annotations

from pathlib import Path

import click

from t3lens.commands._common import Chosen, over_homes

__all__ = ["command"]


@click.command(name="report")
@click.argument("thread")
@over_homes
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to; .html or .md. By default postmortem-<thread>.html here.",
)
@click.option("--content", is_flag=True, help="Include prompt and answer text (redacted).")
def command(thread: str, chosen: Chosen, output: Path | None, content: bool) -> None:  # fmt: skip
    """Write the incident document of a thread: stands alone, redacted."""
    with chosen.open() as lens:
        found = lens.thread(thread)
        path = output or Path(f"postmortem-{found.thread_id[:8]}.html")
        click.echo(str(found.report(path, content=content)))
