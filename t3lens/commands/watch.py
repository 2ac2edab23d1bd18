"""``t3lens watch``: follow running homes in a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click

from t3lens.commands.common import Chosen, over_homes, say_notices

if TYPE_CHECKING:
    from t3lens.session.session import Session

__all__ = ["command"]

_LOOK_S: Final = 1.0

_Said = dict[tuple[str, str], tuple[str, str | None]]


@click.command(name="watch")
@over_homes
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="End after so long; else when interrupted.",
)
def command(chosen: Chosen, seconds: float | None) -> None:
    """Follow running homes and tell when a thread's verdict changes. Ctrl-C ends it."""
    from t3lens.live.watch import Watch

    with chosen.open() as lens:
        click.echo(repr(lens))
        said, notices = _verdicts(lens.session), lens.notices
        until = time.monotonic() + seconds if seconds is not None else None
        with Watch(lens.session) as watch:
            seen = watch.changes
            while until is None or time.monotonic() < until:
                left = _LOOK_S if until is None else min(_LOOK_S, max(until - time.monotonic(), 0))
                if not watch.wait(seen + 1, left):
                    continue
                seen = watch.changes
                now = _verdicts(lens.session)
                if lens.notices != notices:
                    notices = lens.notices
                    say_notices(notices)
                _tell(lens.session, said, now)
                said = now


def _verdicts(session: Session) -> _Said:
    return {
        (thread.home_id, thread.thread_id): (thread.verdict.value, thread.primary) for thread in session.diagnosis.threads
    }


def _tell(session: Session, before: _Said, now: _Said) -> None:
    from t3lens.time import iso
    from t3lens.view.page.escape import distinct_prefixes, plain

    short = distinct_prefixes(thread_id for _, thread_id in now)
    titles = {(t.home_id, t.thread_id): t.title for t in session.diagnosis.threads}
    for key, (verdict, primary) in now.items():
        old = before.get(key)
        if old == (verdict, primary):
            continue
        because = f" ({primary})" if primary else ""
        was = f", was {old[0]}" if old else ", new"
        title = plain(titles[key] or "", 60)
        click.echo(f"{iso(session.as_of)} {plain(short[key[1]])} {title}: {verdict}{because}{was}")
