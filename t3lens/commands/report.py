"""``t3lens report``: the incident document."""

from __future__ import annotations

from pathlib import Path

import click

from t3lens.commands.common import ChosenHomes, over_homes, say_notices
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
@click.option(
    "--incident",
    "incidents",
    multiple=True,
    metavar="ID",
    help="Tell of this incident, as `t3lens incidents` lists it; may be said several times.",
)
@click.option("--since", metavar="TIME", help="Tell of every incident that was not over before this moment.")
def command(
    threads: list[str],
    chosen: ChosenHomes,
    output: Path | None,
    content: bool,
    redact_with: Path | None,
    title: str | None,
    start: str | None,
    end: str | None,
    incidents: tuple[str, ...],
    since: str | None,
) -> None:
    """Write the incident document of one thread or of all that are wrong: stands alone, redacted.

    Beside the HTML file its Markdown twin is written, with the timelines as SVG; a FILE ending in .md writes these
    alone. Without --thread it tells of every thread that is stuck, diverged, waiting or failed. The document of a
    thread that is well again is about the worst that was wrong with it; --incident and --since tell of single incidents.
    """
    with chosen.open() as lens:
        say_notices(lens.notices, err=True)
        name = next(iter((*threads, *incidents)), "")
        path = output or Path(f"postmortem-{file_segment(name)[:8]}.html" if name else "postmortem.html")
        written = lens.report(
            path, threads or None, start=start, end=end, incidents=incidents, since=since,
            content=content, redact_with=redact_with, title=title,
        )  # fmt: skip
    click.echo(str(written))
