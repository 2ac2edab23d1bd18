"""``t3lens stop``: end a thread's session."""

from __future__ import annotations

from typing import Any

import click

from t3lens.commands.action_options import act, acting_options
from t3lens.commands.common import ChosenHomes

__all__ = ["command"]


@click.command(name="stop")
@acting_options
def command(thread: str, chosen: ChosenHomes, **how: Any) -> int:
    """Stop a thread's session because you want it: plan, confirm, do, verify.

    The token comes from T3LENS_TOKEN, a keyring, or a prompt. Exit codes: 0 stopped (and read back), 1 not.
    """
    return act("stop", thread, chosen, **how)
