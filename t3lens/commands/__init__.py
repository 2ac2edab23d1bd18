"""The commands of ``t3lens``, one module each, imported when they are called.

A command module holds a click command named ``command``, imports nothing heavy at its top, and is listed in
``COMMANDS``; its function may return an exit code.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from t3lens.t3code.home_layout import DEFAULT_HOME
from t3lens.version import __version__

__all__ = ["COMMANDS", "cli"]

COMMANDS: Final[dict[str, str]] = {
    "audit": "Say which threads are stuck or stored untruly; the exit code tells a pipeline.",
    "sessions": "List sessions: as stored, as expected, as bound to a provider.",
    "incidents": "List what was wrong, from when to when, and what ended it; also what is over.",
    "findings": "List findings, worst thread first.",
    "show": "Tell one thread's story: what was asked, done, stored, and where it went wrong.",
    "sql": "Ask the documented views with one read-only SQL statement.",
    "ingest": "Read homes into a store file; a second time only what is new.",
    "records": "Say what coding agents' own records tell of each turn; needs no T3 home.",
    "detectors": "List what is looked for, and what could not be checked here.",
    "explain": "Explain a finding code: when it applies, why, and what helps.",
    "stop": "Stop a thread's session: plan, confirm, do, verify.",
    "decline": "Decline what a thread's provider asks, or asked before it was gone: plan, confirm, do, verify.",
    "answer": "Answer what a thread's provider asks: plan, confirm, do, verify.",
    "resume-queue": "Let a thread's held queue go on: plan, confirm, do, verify.",
    "cancel-queued": "Take a queued message out of a thread's queue: plan, confirm, do, verify.",
    "move-queued": "Give a queued message another place in its thread's queue: plan, confirm, do, verify.",
    "edit-queued": "Have a queued message say something else: plan, confirm, do, verify.",
    "promote-queued": "Hand a queued message to the run at work: plan, confirm, do, verify.",
    "reconcile": "Bring what is stored into agreement with what is true: plan, confirm, do, verify.",
    "reconcile-all": "Do that for all threads of a verdict or finding, worst first, one at a time.",
    "actions": "Show the journal of actions.",
    "watch": "Follow running homes and tell when a thread changes for the worse.",
    "report": "Write the incident document of a thread, or of all that are wrong.",
    "bundle": "Pack a thread's records for an issue report: small, redacted, enough to judge again.",
    "export": "Write everything as Parquet, for other engines.",
    "collect": "Pack what an audit needs of homes, without what was said, for another machine; again only what is new.",
    "demo": "Make a simulated home with trouble in it, and open the notebooks on it.",
    "sim": "Make simulated homes and serve them.",
}
"""Name and one line for each command, in the order ``--help`` lists them; module ``t3lens.commands.<name>``."""


class _LazyGroup(click.Group):
    """Imports a command's module only when that command is called: ``--help`` must be quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"t3lens.commands.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


_HELP: Final = f"""Which T3 Code sessions are stuck or stored untruly, since which event, why, and what helps.

\b
  t3lens audit                   the homes of this machine ({DEFAULT_HOME})
  t3lens audit PATH              a home, a folder of logs, one log file, a folder of homes
  t3lens show THREAD PATH        one thread's story
  t3lens demo                    a simulated home with trouble in it, in JupyterLab
"""

cli = _LazyGroup(
    name="t3lens",
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
)
cli = click.version_option(__version__, prog_name="t3lens")(cli)
