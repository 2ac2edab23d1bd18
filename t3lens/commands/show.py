"""``t3lens show``: one thread's story."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from t3lens.commands.common import ChosenHomes, over_homes, say_notices

if TYPE_CHECKING:
    from t3lens.lens.lens import Lens
    from t3lens.lens.thread import Thread
    from t3lens.redact import Redactor

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
def command(thread: str, chosen: ChosenHomes, at: str | None, compare: str | None, timeline: Path | None) -> None:
    """Tell one thread's story: what was asked, done, stored, and where it went wrong.

    THREAD is any unambiguous prefix of its id, or its title.
    """
    from t3lens.view.advice import following
    from t3lens.view.page.escape import masking

    with chosen.open() as lens:
        found = lens.thread(thread)
        with masking(_redactor(lens, found)):
            say_notices(lens.notices)
            if at is not None:
                click.echo(repr(found.state_at(at)))
            if compare is not None:
                click.echo(repr(found.compare(compare)))
            if at is None and compare is None:
                click.echo(
                    found.explain().text(following(found.explain().explanation, found.diagnosis.case.context.home.path))
                )
        if timeline is not None:
            from t3lens.commands.files import write_timeline

            click.echo(f"timeline: {write_timeline(found, timeline)}")


def _redactor(lens: Lens, thread: Thread) -> Redactor:
    """Masks what an audit masks; ids and the home's place are left as they are, so that a person can go on."""
    from t3lens.redact import Redactor
    from t3lens.redact.keys import keys_in

    redactor = Redactor(content=True)
    home = lens.session.home(thread.home_id).home
    redactor.keep_keys([home.path, *keys_in((thread.diagnosis, thread.diagnosis.case.facts))])
    return redactor
