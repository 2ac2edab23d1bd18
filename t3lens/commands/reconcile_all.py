"""``t3lens reconcile-all``: reconcile many threads, worst first, one at a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click

from t3lens.commands.common import ChosenHomes, over_homes
from t3lens.counted import counted
from t3lens.errors import UsageError

__all__ = ["command"]


@click.command(name="reconcile-all")
@over_homes
@click.option("--only", "wanted", multiple=True, default=("stuck",), show_default=True, metavar="WORD",
              help="A verdict or a finding code; again for more.")  # fmt: skip
@click.option("--why", default="", metavar="TEXT", help="Your reason, for the journal; needed to act.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Act on at most N threads.")
@click.option("--dry-run", is_flag=True, help="Show the plans; send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--format", "shape", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="How to print plans and results.")  # fmt: skip
def command(
    chosen: ChosenHomes,
    *,
    wanted: tuple[str, ...],
    why: str,
    limit: int | None,
    dry_run: bool,
    yes: bool,
    shape: str,
) -> int:
    """Reconcile all threads of a verdict or a finding: worst first, one at a time.

    It ends at the first sign of a blocked command queue; run again, it goes on with what is left.
    Exit codes: 0 all done (and read back), 1 not, or a home was refused.
    """
    with chosen.open() as lens:
        plans = lens.reconcile(wanted)
        click.echo(repr(plans), err=shape == "json")
        if dry_run:
            if shape == "json":
                click.echo(json.dumps([plan.to_dict() for plan in plans], indent=2))
            return 1 if plans.refused else 0
        result = plans.execute(why=why, confirm=True if yes else _ask, limit=limit)
    click.echo(json.dumps(result.to_dict(), indent=2) if shape == "json" else repr(result))
    return 0 if not plans.refused and not result.left and all(one.good for one in result.results) else 1


def _ask(plans: Sequence[object]) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody is there to confirm; look at the plans with --dry-run, then say --yes",
            code="not-confirmed",
        )
    return click.confirm(f"Carry out {counted(len(plans), 'plan')}?", err=True)
