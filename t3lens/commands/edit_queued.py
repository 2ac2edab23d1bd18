"""``t3lens edit-queued``: have a queued message say something else."""

from __future__ import annotations

from typing import Any

import click

from t3lens.commands.action_options import act, acting_options
from t3lens.commands.common import ChosenHomes

__all__ = ["command"]


@click.command(name="edit-queued")
@acting_options
@click.option("--run", "run_id", metavar="ID", help="The queued run, as evidence names it; the only one if not said.")
@click.option("--text", metavar="TEXT", required=True, help="What it is to say; its attachments stay.")
def command(thread: str, chosen: ChosenHomes, run_id: str | None, text: str, **how: Any) -> int:
    """Have a queued message say something else (second data model): plan, confirm, do, verify.

    The token comes from T3LENS_TOKEN, a keyring, or a prompt. Exit codes: 0 changed (and read back), 1 not.
    """
    return act("edit-queued", thread, chosen, run_id=run_id, text=text, **how)
