"""``t3lens bundle``: the records behind a finding, as one small zip."""

from __future__ import annotations

from pathlib import Path

import click

from t3lens.commands.common import ChosenHomes, over_homes, say_notices
from t3lens.commands.document_options import told_threads, writing_options
from t3lens.counted import counted
from t3lens.t3code.v1.log_grammar import file_segment

__all__ = ["command"]


@click.command(name="bundle")
@told_threads
@over_homes
@writing_options
def command(
    threads: list[str],
    chosen: ChosenHomes,
    output: Path | None,
    content: bool,
    redact_with: Path | None,
) -> int:
    """Pack a thread's log lines and database rows for an issue report: small, redacted, enough to judge again.

    Every t3lens command takes the zip like a home, and comes to the same verdict. Exits with 1 if it would not.
    """
    with chosen.open() as lens:
        say_notices(lens.notices, err=True)
        path = output or Path(f"evidence-{file_segment(threads[0])[:8]}.zip" if threads else "evidence.zip")
        made = lens.bundle(path, threads or None, content=content, redact_with=redact_with)
    masked = sum(made.maskings.values())
    number = len(made.threads)
    click.echo(
        f"{made.path}: {counted(number, 'thread')}, {made.size:,} bytes, {masked:,} texts and "
        f"secrets left out"
        + ("; whole homes had to be taken in" if made.whole_homes else "")
        + ("" if made.reproduces else "; it does NOT lead to the same verdict")
    )
    return 0 if made.reproduces else 1
