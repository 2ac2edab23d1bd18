"""What the commands that act share: show the plan, ask, do it, say what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from t3lens.commands.common import ChosenHomes, over_homes
from t3lens.errors import UsageError
from t3lens.t3code.home_layout import SERVER_RUNTIME
from t3lens.writing import NO_SPACE

if TYPE_CHECKING:
    from t3lens.act.plan import Kind

__all__ = ["act", "acting_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def acting_options(function: _Command) -> _Command:
    """THREAD, homes, and how to act."""
    options = (
        click.argument("thread"),
        over_homes,
        click.option("--dry-run", is_flag=True, help="Show the plan; send nothing."),
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--url", metavar="ORIGIN", help=f"The server; by {SERVER_RUNTIME} if not said."),
        click.option("--why", default="", metavar="TEXT", help="Your reason, for the journal."),
        click.option("--wait", is_flag=True, help="If a restart of the server is needed, wait for it."),
        click.option("--allow-remote", is_flag=True, help="Permit a server on another machine."),
        click.option("--format", "shape", type=click.Choice(["text", "json"]), default="text", show_default=True,
                     help="How to print plan and result."),
    )  # fmt: skip
    wrapped = function
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def act(
    kind: Kind,
    thread: str,
    chosen: ChosenHomes,
    *,
    dry_run: bool,
    yes: bool,
    url: str | None,
    why: str,
    wait: bool,
    allow_remote: bool,
    shape: str,
    offline: bool = False,
    request_id: str | None = None,
    answer: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    before: str | None = None,
    text: str = "",
) -> int:
    """Plan, confirm, do, verify.

    Returns:
        The exit code: 0 if the thread is now as wanted (or nothing was meant to be sent), else 1.
    """
    with chosen.open() as lens:
        found = lens.thread(thread)
        plan: Any
        if offline:
            plan = found.reconcile(offline=True)
        else:
            if url is not None:
                lens.connect(url, allow_remote=allow_remote, home=found.home_id)
            match kind:
                case "stop":
                    plan = found.stop()
                case "decline":
                    plan = found.decline(request_id)
                case "answer":
                    plan = found.answer(**(answer or {}), request_id=request_id)
                case "resume-queue":
                    plan = found.resume_queue()
                case "cancel-queued":
                    plan = found.cancel_queued(run_id)
                case "move-queued":
                    plan = found.move_queued(run_id or "", before=before)
                case "edit-queued":
                    plan = found.edit_queued(text, run_id)
                case "promote-queued":
                    plan = found.promote_queued(run_id)
                case "reconcile":
                    plan = found.reconcile()
        click.echo(repr(plan), err=shape == "json")
        # a plan that waits for a restart acts after it
        waits = wait and plan.plan.decision == "restart-server"
        if not dry_run and (plan.plan.acts or waits) and not yes:
            _ask()
        result = plan.execute(confirm=True, why=why, dry_run=dry_run, wait=wait)
    if shape == "json":
        click.echo(json.dumps(result.to_dict(), indent=2))
    else:
        click.echo(repr(result))
    return 0 if result.good or dry_run else 2 if result.code == NO_SPACE else 1


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody is there to confirm; look at the plan with --dry-run, then say --yes",
            code="not-confirmed",
        )
    click.confirm("Carry this out?", abort=True, err=True)
