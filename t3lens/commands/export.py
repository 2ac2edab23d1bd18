"""``t3lens export``: everything that was read and concluded, for other engines."""

from __future__ import annotations

from pathlib import Path

import click

from t3lens.commands.common import ChosenHomes, over_homes, say_notices
from t3lens.counted import counted

__all__ = ["command"]


@click.command(name="export")
@over_homes
@click.option("--parquet", "folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", required=True,
              help="A new or empty folder; partitioned by home and day.")  # fmt: skip
@click.option("--as-read", is_flag=True, help="Leave secrets in the texts as they were read.")
def command(chosen: ChosenHomes, folder: Path, as_read: bool) -> None:
    """Write everything as Parquet: log records, stored events, snapshots, findings. Secrets in the texts are masked.

    Any t3lens command takes it back as 'DIR/**/*.parquet'.
    """
    with chosen.open() as lens:
        say_notices(lens.notices, err=True)
        made = lens.export_parquet(folder, as_read=as_read)
    rows = sum(made.rows.values())
    click.echo(f"{made.folder}: {counted(rows, 'row')} in {counted(len(made.rows), 'table')}, {made.size:,} bytes")
