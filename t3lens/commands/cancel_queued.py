"""``t3lens cancel-queued``: take a message out of a thread's queue."""

from __future__ import annotations

from typing import Any

import click

from t3lens.commands.action_options import act, acting_options
from t3lens.commands.common import ChosenHomes

__all__ = ["command"]


@click.command(name="cancel-queued")
@acting_options
@click.option("--run", "run_id", metavar="ID", help="The queued run, as evidence names it; the only one if not said.")
def command(thread: str, chosen: ChosenHomes, run_id: str | None, **how: Any) -> int:
    """Take a queued message out of a thread's queue (second data model): plan, confirm, do, verify.

    The token comes from T3LENS_TOKEN, a keyring, or a prompt. Exit codes: 0 taken out (and read back), 1 not.
    """
    return act("cancel-queued", thread, chosen, run_id=run_id, **how)
