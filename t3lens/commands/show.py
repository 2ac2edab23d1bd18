"""``t3lens show``: one thread's story."""

from __future__ import annotations

from pathlib import Path

import click

from t3lens.commands.common import Chosen, over_homes, say_notices

__all__ = ["command"]


@click.command(name="show")
@click.argument("thread")
@over_homes
@click.option("--at", metavar="TIME", help="Time travel: what was so at this moment.")
@click.option("--compare", metavar="PROFILE", help="What would differ under other rules.")
@click.option(
    "--timeline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the timeline as a stand-alone HTML page.",
)
def command(thread: str, chosen: Chosen, at: str | None, compare: str | None, timeline: Path | None) -> None:
    """Tell one thread's story: what was asked, done, stored, and where it went wrong.

    THREAD is any unambiguous prefix of its id, or its title.
    """
    with chosen.open() as lens:
        found = lens.thread(thread)
        say_notices(lens.notices)
        if at is not None:
            click.echo(repr(found.state_at(at)))
        if compare is not None:
            click.echo(repr(found.compare(compare)))
        if at is None and compare is None:
            click.echo(repr(found.explain()))
        if timeline is not None:
            from t3lens.commands.files import write_timeline

            click.echo(f"timeline: {write_timeline(found, timeline)}")
