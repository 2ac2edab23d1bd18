"""``t3lens audit``: the verdict of every thread, for people and for pipelines."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from t3lens.commands.audit_many import ManyHomes, audit_many, many_homes_options
from t3lens.commands.audit_output import WantedOutputs, wanted_options
from t3lens.commands.common import ChosenHomes, over_homes
from t3lens.commands.notify_options import Notifying, notify_options, say_told
from t3lens.counted import counted
from t3lens.errors import InputError, UsageError
from t3lens.interrupts import stop_if_interrupted
from t3lens.view.page.escape import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from t3lens.document.model import AuditDocument, UnreadableEntry
    from t3lens.notify.notifier import Notifier

__all__ = ["command"]

_FAIL_ON: Final = ("critical", "high", "medium", "low", "info", "never")
"""The same as ``t3lens.document.model.FailOn``, without importing it."""


@click.command(name="audit")
@over_homes
@wanted_options
@notify_options
@click.option(
    "--fail-on",
    type=click.Choice(_FAIL_ON),
    default="high",
    show_default=True,
    help="Exit with 1 if there is a finding of this severity or worse; what makes a thread stuck counts as high.",
)
@click.option(
    "--compare",
    metavar="A,B",
    help="Say which threads would end differently under these two rules profiles, and from which event.",
)
@click.option(
    "--since",
    metavar="TIME",
    help="List too what was wrong at some time since this moment (ISO 8601), also what is over.",
)
@click.option("--all", "everything", is_flag=True, help="In the table: healthy threads and remarks too.")
@many_homes_options
def command(
    chosen: ChosenHomes,
    wanted: WantedOutputs,
    notifying: Notifying,
    fail_on: str,
    compare: str | None,
    since: str | None,
    everything: bool,
    many: ManyHomes,
) -> int:
    """Say which threads are stuck or stored untruly, since when, why, and what helps.

    PATH is a T3 home, its userdata folder, a folder of logs, one log file, or a folder of homes; ~/.t3 if not
    said. Nothing is written but a store you name. Exit codes: 0 nothing at or above the threshold, 1 findings,
    2 wrong usage, unreadable input, or a home that cannot be judged (with --jobs or --scheduler also if one of the homes
    could not be read), 3 an internal error.
    """
    many.check()
    kept = many.kept or chosen.store
    wanted.check(kept)
    teller = notifying.teller()
    pair = _pair(compare) if compare is not None else None
    moment = None
    if since is not None:
        from t3lens.time import parse_moment

        moment = parse_moment(since)
    failed: Sequence[UnreadableEntry] = ()
    blind: Sequence[str] = ()
    with _telling_if_unread(teller, chosen):
        if many.jobs is not None or many.scheduler is not None:
            found = audit_many(chosen, many, pair, moment)
            whole, projects, failed = found.document, found.projects, found.failed
            if found.removed:
                click.echo(
                    f"t3lens: removed {counted(found.removed, 'file')} of results, older than --keep-results", err=True
                )
        else:
            from t3lens.fleet.one_home import audit_session

            with chosen.session(conclusions=False, past=moment is not None) as session:
                audited = audit_session(session, pair, moment)
            whole, projects, blind = audited.document, audited.projects, audited.blind
    stop_if_interrupted()
    applied = wanted.apply(whole, fail_on, kept, projects)
    document = applied.document
    _show(document, wanted, everything)
    if teller is not None:
        teller.notice(document, applied.whole, _unread(document, blind))
        say_told(teller.deliver(now_or_never=True), lasting=False)
    if applied.kept is not None:
        applied.kept.write()
    for reason in blind:
        raise InputError(reason)
    from t3lens.document.notices import not_judged

    unjudged = not_judged(whole)
    for reason in unjudged:
        click.echo(f"t3lens: {plain(reason, 500)}", err=True)
    for one in failed:
        told = one.message if one.message.startswith(one.path) else f"{one.path}: {one.message}"
        click.echo(f"t3lens: {plain(told, 500)}", err=True)
    return 2 if failed or unjudged else 1 if _fails(document) else 0


@contextmanager
def _telling_if_unread(teller: Notifier | None, chosen: ChosenHomes) -> Iterator[None]:
    """Where what was named cannot be read at all, there is no audit to tell of: that is told."""
    try:
        yield
    except InputError as error:
        if teller is not None:
            from t3lens.places import plain_url
            from t3lens.redact import Redactor
            from t3lens.session.options import default_paths

            why = Redactor(content=True).text(str(error))
            named = [plain_url(path) for path in chosen.paths] or [str(path) for path in default_paths()]
            teller.notice_unread(dict.fromkeys([one for one in named if one in str(error)] or named, why))
            say_told(teller.deliver(now_or_never=True), lasting=False)
        raise


def _unread(document: AuditDocument, blind: Sequence[str]) -> dict[str, str]:
    """Why homes told nothing at all, by where they stand."""
    return {home.path: why for home in document.homes for why in blind if why.startswith(f"{home.path}: ")}


def _show(document: AuditDocument, wanted: WantedOutputs, everything: bool) -> None:
    wanted.write(document)
    text = wanted.text(document)
    if text is not None:
        for piece in text:
            click.echo(piece, nl=False)
        return
    from t3lens.document.table import audit_table
    from t3lens.view.terminal import terminal

    audit_table(document, terminal(), everything=everything)


def _pair(compare: str) -> tuple[str, str]:
    names = [name.strip() for name in compare.split(",") if name.strip()]
    if len(names) != 2:
        raise UsageError(
            f"--compare takes two rules profiles, as in settle,shipped-0.0.29; not {compare!r}",
            code="bad-compare",
        )
    return names[0], names[1]


def _fails(document: AuditDocument) -> bool:
    from t3lens.document.fail_on import fails

    return any(True for _ in fails(document))
