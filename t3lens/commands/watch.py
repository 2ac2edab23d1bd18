"""``t3lens watch``: follow running homes in a terminal."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from t3lens.commands.common import ChosenHomes, over_homes, say_notices
from t3lens.commands.notify_options import Notifying, notify_options, say_told
from t3lens.errors import UsageError
from t3lens.places import is_url

if TYPE_CHECKING:
    from t3lens.document.model import AuditDocument
    from t3lens.notify.notifier import Notifier
    from t3lens.session.session import Session

__all__ = ["command"]

_LOOK_S: Final = 1.0
_TELL_S: Final = 5.0
"""What waits to be told is looked at so often."""

_GAP: Final = timedelta(minutes=1)
"""Nobody is told more than once in this time; what comes meanwhile is told together."""

_SETTLE: Final = timedelta(minutes=1)
"""Something is over when it stayed away for so long: what comes and goes is told once."""


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
@notify_options
def command(chosen: ChosenHomes, seconds: float | None, notifying: Notifying) -> None:
    """Follow running homes and tell when a thread's verdict changes. Ctrl-C ends it."""
    from t3lens.live.watch import Watch

    teller = notifying.teller(gap=_GAP, settle=_SETTLE)
    if any(is_url(path) for path in chosen.paths):
        raise UsageError("what is elsewhere is read once, and cannot be followed; watch it on its machine", code="elsewhere")
    with chosen.open() as lens:
        click.echo(repr(lens))
        said, notices = _verdicts(lens.session), lens.notices
        until = time.monotonic() + seconds if seconds is not None else None
        notifier = _Notifier(lens.session, teller) if teller is not None else None
        with Watch(lens.session) as watch:
            seen = watch.changes
            if notifier is not None:
                notifier.look()
            while until is None or time.monotonic() < until:
                left = _LOOK_S if until is None else min(_LOOK_S, max(until - time.monotonic(), 0))
                changed = watch.wait(seen + 1, left)
                if notifier is not None:
                    notifier.look(changed=changed)
                if not changed:
                    continue
                seen = watch.changes
                now = _verdicts(lens.session)
                if lens.notices != notices:
                    notices = lens.notices
                    say_notices(notices)
                _print_changes(lens.session, said, now)
                said = now


class _Notifier:
    """Tells somebody of what a session concludes, as it changes.

    Args:
        session: What is followed.
        teller: What tells people of it.
    """

    def __init__(self, session: Session, teller: Notifier) -> None:
        self._session = session
        self._teller = teller
        self._due = 0.0
        self._said: tuple[str, ...] = ()

    def look(self, *, changed: bool = True) -> None:
        """Note what is new or over, if something changed, and tell what is due.

        Args:
            changed: Whether something changed since the last look.
        """
        if changed:
            self._teller.notice(self._document())
        if not changed and time.monotonic() < self._due:
            return
        self._due = time.monotonic() + _TELL_S
        told = self._teller.deliver()
        if told.problems != self._said:  # the same trouble is said once
            say_told(told, lasting=True)
        self._said = told.problems

    def _document(self) -> AuditDocument:
        from t3lens.document.audit import audit_document
        from t3lens.document.masking import masked
        from t3lens.redact import Redactor
        from t3lens.version import __version__

        return masked(audit_document(self._session.diagnosis, as_of=self._session.as_of, version=__version__), Redactor())


def _verdicts(session: Session) -> _Said:
    return {
        (thread.home_id, thread.thread_id): (thread.verdict.value, thread.primary) for thread in session.diagnosis.threads
    }


def _print_changes(session: Session, before: _Said, now: _Said) -> None:
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
