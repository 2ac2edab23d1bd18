"""The ``t3lens`` command: one entry point, one-line errors, exit codes that mean something.

Exit codes: 0 fine, 1 findings at or above the threshold (or an action without the wanted effect), 2 wrong usage or
unreadable input, 3 an internal error, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from t3lens.commands import cli
from t3lens.commands.config import config_defaults
from t3lens.errors import ActionError, T3LensError

__all__ = ["main", "run"]

_DEBUG: Final = "T3LENS_DEBUG"
_FOUND, _USAGE, _INTERNAL, _INTERRUPTED = 1, 2, 3, 130


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read us went away; without this the interpreter complains at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: As after ``t3lens`` on the command line.

    Returns:
        The exit code.
    """
    try:
        defaults = config_defaults(cli, arguments, Path.cwd())
        code = cli.main(list(arguments), prog_name="t3lens", standalone_mode=False, default_map=defaults)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return _USAGE
    except click.ClickException as error:
        return _complain(_with_usage(error), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _complain("interrupted", _INTERRUPTED)
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except ActionError as error:
        return _complain(str(error), _FOUND)
    except T3LensError as error:
        return _complain(str(error), _USAGE)
    except Exception as error:
        if os.environ.get(_DEBUG):
            raise
        return _complain(
            f"internal error: {type(error).__name__}: {error} (a defect of t3lens; {_DEBUG}=1 shows where)",
            _INTERNAL,
        )
    return code if isinstance(code, int) else 0


def _with_usage(error: click.ClickException) -> str:
    message = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        message = f"{message.rstrip('.')}; see `{error.ctx.command_path} --help`"
    return message


def _complain(message: str, code: int) -> int:
    """One line on stderr, whatever stands in the message: it may quote hostile input."""
    line = " ".join(message.split())
    inert = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    click.echo(f"t3lens: {inert[:600]}", err=True)
    return code


if __name__ == "__main__":
    main()
