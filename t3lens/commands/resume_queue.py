"""``t3lens resume-queue``: let a held queue go on."""

from __future__ import annotations

from typing import Any

import click

from t3lens.commands.action_options import act, acting_options
from t3lens.commands.common import ChosenHomes

__all__ = ["command"]


@click.command(name="resume-queue")
@acting_options
def command(thread: str, chosen: ChosenHomes, **how: Any) -> int:
    """Let a thread's held queue go on (nightlies of 0.0.46 on): plan, confirm, do, verify.

    The token comes from T3LENS_TOKEN, a keyring, or a prompt. Exit codes: 0 it goes on (and was read back), 1 not.
    """
    return act("resume-queue", thread, chosen, **how)
