"""The options of commands that tell somebody: whom, of what, and when not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from t3lens.errors import UsageError

if TYPE_CHECKING:
    from t3lens.notify.notifier import Delivery, Notifier

__all__ = ["Notifying", "notify_options", "say_told"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_SEVERITIES: Final = ("critical", "high", "medium", "low", "info")


@dataclass(frozen=True, slots=True)
class Notifying:
    """Who is to be told of what, as typed.

    Attributes:
        urls: Addresses; never shown.
        commands: Commands; never shown.
        on: The severity from which findings are told.
        quiet: Hours in which nobody is told.
        state: Where what was told is kept.
    """

    urls: tuple[str, ...]
    commands: tuple[str, ...]
    on: str
    quiet: str | None
    state: Path | None

    def teller(self, *, gap: timedelta = timedelta(), settle: timedelta = timedelta()) -> Notifier | None:
        """What tells them; None if nobody is to be told.

        Args:
            gap: A target is told at most once in this time.
            settle: Something is over when it stayed away for so long.

        Raises:
            UsageError: An address, a command or the quiet hours are none.
        """
        import os

        from t3lens.notify.variable import NOTIFY_VARIABLE

        if not (self.urls or self.commands or os.environ.get(NOTIFY_VARIABLE, "").split()):
            if self.quiet is not None or self.state is not None:
                raise UsageError("--quiet-hours and --notify-state go with --notify or --exec: nobody is to be told")
            return None
        from t3lens.document.model import FailOn
        from t3lens.notify.ledger import Ledger, default_ledger
        from t3lens.notify.notifier import Notifier
        from t3lens.notify.quiet_hours import QuietHours
        from t3lens.notify.targets import targets

        return Notifier(
            Ledger(self.state or default_ledger()),
            targets(self.urls, self.commands),
            on=FailOn(self.on),
            quiet=QuietHours.parse(self.quiet) if self.quiet is not None else None,
            gap=gap,
            settle=settle,
        )


def say_told(told: Delivery, *, lasting: bool) -> None:
    """Say on stderr what could not be told.

    Args:
        told: What came of telling.
        lasting: Whether this process goes on, and tells it later.
    """
    for problem in told.problems:
        click.echo(f"t3lens: {problem}", err=True)
    if told.quiet and told.waiting and not lasting:
        click.echo(
            f"t3lens: {told.waiting:,} kept until the quiet hours are over: the first run after them tells it", err=True
        )


_OPTIONS: Final = (
    click.option("--notify", "urls", multiple=True, metavar="URL",
                 help="Tell this address (mail, Slack, Matrix, …: as apprise knows them) what is new and what is over; "
                      "@FILE for a file of addresses. Never shown."),
    click.option("--exec", "commands", multiple=True, metavar="COMMAND",
                 help="Run this command for each such finding, as JSON on its standard input; no shell, at most 30 s."),
    click.option("--notify-on", "on", type=click.Choice(_SEVERITIES), default="high", show_default=True,
                 help="Tell of findings of this severity or worse; what makes a thread stuck counts as high."),
    click.option("--quiet-hours", "quiet", metavar="HH:MM-HH:MM",
                 help="Tell nobody in these hours (local time); what comes meanwhile is told together after them."),
    click.option("--notify-state", "state", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                 help="Where what was told is kept; in your folder for states of programs if not said."),
)  # fmt: skip


def notify_options(function: _Command) -> _Command:
    """Give a command the options above; it gets them as ``notifying``."""
    names: Sequence[str] = tuple(Notifying.__dataclass_fields__)

    @wraps(function)
    def command(**given: Any) -> Any:
        notifying = Notifying(**{name: given.pop(name) for name in names})
        return function(notifying=notifying, **given)

    wrapped: Any = command
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]  # takes other words, as click calls it
