"""``t3lens decline``: say no to what a thread's provider asks."""

from __future__ import annotations

from typing import Any

import click

from t3lens.commands.action_options import act, acting_options
from t3lens.commands.common import ChosenHomes

__all__ = ["command"]


@click.command(name="decline")
@acting_options
@click.option(
    "--request",
    "request_id",
    metavar="ID",
    help="The approval, as evidence names it; all that are open if not said.",
)
def command(thread: str, chosen: ChosenHomes, request_id: str | None, **how: Any) -> int:
    """Decline what a thread's provider asks, or asked before it was gone: plan, confirm, do, verify.

    The token comes from T3LENS_TOKEN, a keyring, or a prompt. Exit codes: 0 declined (and read back), 1 not.
    """
    return act("decline", thread, chosen, request_id=request_id, **how)
