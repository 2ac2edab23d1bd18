"""``t3lens move-queued``: give a queued message another place in its thread's queue."""

from __future__ import annotations

from typing import Any

import click

from t3lens.commands.action_options import act, acting_options
from t3lens.commands.common import ChosenHomes

__all__ = ["command"]


@click.command(name="move-queued")
@acting_options
@click.option("--run", "run_id", metavar="ID", required=True, help="The queued run, as evidence names it.")
@click.option("--before", metavar="ID", help="The queued run it is to stand before; the end of the queue if not said.")
def command(thread: str, chosen: ChosenHomes, run_id: str, before: str | None, **how: Any) -> int:
    """Give a queued message another place in its thread's queue (second data model): plan, confirm, do, verify.

    The token comes from T3LENS_TOKEN, a keyring, or a prompt. Exit codes: 0 moved (and read back), 1 not.
    """
    return act("move-queued", thread, chosen, run_id=run_id, before=before, **how)
