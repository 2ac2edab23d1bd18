"""``t3lens sessions``: every session as it is stored, as it should be, and as it is bound to a provider."""

from __future__ import annotations

from typing import Final

import click

from t3lens.commands.common import ChosenHomes, over_homes, print_rows, rows_format

__all__ = ["command"]

_COLUMNS: Final = (
    "verdict", "thread_id", "title", "status", "expected_status", "binding_status", "updated_at", "provider",
)  # fmt: skip


@click.command(name="sessions")
@over_homes
@rows_format
def command(chosen: ChosenHomes, shape: str) -> None:
    """List sessions: as stored, as expected, as bound to a provider.

    With --as-of the verdicts are about that moment; the stored sessions are those that were read.
    """
    with chosen.open() as lens:
        print_rows(lens.sessions(), shape, columns=_COLUMNS, notices=lens.notices)
