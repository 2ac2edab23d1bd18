"""``t3lens promote-queued``: hand a queued message to the run at work."""

from __future__ import annotations

from typing import Any

import click

from t3lens.commands.action_options import act, acting_options
from t3lens.commands.common import ChosenHomes

__all__ = ["command"]


@click.command(name="promote-queued")
@acting_options
@click.option("--run", "run_id", metavar="ID", help="The queued run, as evidence names it; the only one if not said.")
def command(thread: str, chosen: ChosenHomes, run_id: str | None, **how: Any) -> int:
    """Hand a queued message to the run at work (second data model): plan, confirm, do, verify.

    The token comes from T3LENS_TOKEN, a keyring, or a prompt. Exit codes: 0 handed over (and read back), 1 not.
    """
    return act("promote-queued", thread, chosen, run_id=run_id, **how)
