"""``t3lens report``: the incident document."""

from __future__ import annotations

from pathlib import Path

import click

from t3lens.commands.common import Chosen, over_homes, say_notices
from t3lens.commands.document_options import told_threads, writing_options
from t3lens.t3code.v1.log_grammar import file_segment

__all__ = ["command"]


@click.command(name="report")
@told_threads
@over_homes
@writing_options
@click.option("--title", metavar="TEXT", help="Title of the document.")
@click.option(
    "--from",
    "start",
    metavar="TIME",
    help="Only threads with a finding or a turn since this moment.",
)
@click.option(
    "--until",
    "end",
    metavar="TIME",
    help="Only threads with a finding or a turn up to this moment.",
)
def command(
    threads: list[str],
    chosen: Chosen,
    output: Path | None,
    content: bool,
    redact_with: Path | None,
    title: str | None,
    start: str | None,
    end: str | None,
) -> None:
    """Write the incident document of one thread or of all that are wrong: stands alone, redacted.

    Beside the HTML file its Markdown twin is written, with the timelines as SVG; a FILE ending in .md writes these
    alone. Without --thread it tells of every thread that is stuck, diverged, waiting or failed.
    """
    with chosen.open() as lens:
        say_notices(lens.notices, err=True)
        path = output or Path(f"postmortem-{file_segment(threads[0])[:8]}.html" if threads else "postmortem.html")
        written = lens.report(
            path, threads or None, start=start, end=end,
            content=content, redact_with=redact_with, title=title,
        )  # fmt: skip
    click.echo(str(written))
