"""``t3lens reconcile``: bring what is stored into agreement with what is true."""

from __future__ import annotations

from typing import Any

import click

from t3lens.commands.action_options import act, acting_options
from t3lens.commands.common import ChosenHomes

__all__ = ["command"]


@click.command(name="reconcile")
@acting_options
@click.option("--offline", is_flag=True, help="Repair the database itself; only while no server runs.")
def command(thread: str, chosen: ChosenHomes, **how: Any) -> int:
    """Bring what is stored into agreement with what is true, by the least harmful step: plan, confirm, do, verify.

    The token comes from T3LENS_TOKEN, a keyring, or a prompt. Exit codes: 0 done (and read back), 1 not.
    """
    return act("reconcile", thread, chosen, **how)
