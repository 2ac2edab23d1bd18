"""The ``t3lens`` command: one entry point, one-line errors, exit codes that mean something.

Exit codes: 0 fine, 1 findings at or above the threshold (or an action without the wanted effect), 2 wrong usage or
unreadable input, 3 an internal error, 128 and the signal's number if it was interrupted (130: Ctrl-C, 143: terminated).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from t3lens import interrupts
from t3lens.commands import cli
from t3lens.commands.config import config_defaults
from t3lens.errors import DEBUG, ActionError, T3LensError, fail_loudly
from t3lens.writing import is_full

__all__ = ["NOTEBOOK_PARTS", "main", "run"]

_FOUND, _USAGE, _INTERNAL, _SIGNAL = 1, 2, 3, 128

NOTEBOOK_PARTS = frozenset({"anywidget", "ipywidgets", "jupyterlab", "plotly"})
"""What only notebooks and figures need: a slim installation leaves it out (``docs/slim.txt``)."""


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    with interrupts.listening():
        try:
            code = run(sys.argv[1:])
        except KeyboardInterrupt as error:  # between the command's end and here
            code = _interrupted(error)
    for number in interrupts.SIGNALS:  # all was said: what comes now is too late to change it
        signal.signal(number, signal.SIG_IGN)
    try:
        sys.stdout.flush()
    except OSError as error:
        # whoever read us went away, or there is no room; without this the interpreter complains at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError):
            code = _complain(_no_room(error), _USAGE)
    # A KeyboardInterrupt that left an evaluated text and was caught further out makes Python end by a signal all the
    # same; another evaluation forgets it.
    eval("0")
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: As after ``t3lens`` on the command line.

    Returns:
        The exit code.
    """
    with interrupts.listening():
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    try:
        defaults = config_defaults(cli, arguments, Path.cwd(), _say)
        code = cli.main(list(arguments), prog_name="t3lens", standalone_mode=False, default_map=defaults)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return _USAGE
    except click.ClickException as error:
        return _complain(_with_usage(error), error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        return _interrupted(error)
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except ActionError as error:
        return _said_of(error, str(error), _USAGE if is_full(error) else _FOUND)
    except T3LensError as error:
        return _said_of(error, str(error), _USAGE)
    except ImportError as error:
        part = (error.name or "").partition(".")[0]
        if part not in NOTEBOOK_PARTS or fail_loudly():
            return _defect(error)
        return _complain(f"this needs {part}, which a slim installation leaves out: pip install {part}", _USAGE)
    except Exception as error:
        return _defect(error)
    if interrupts.came() is not None:  # and was swallowed
        return _interrupted(None)
    return code if isinstance(code, int) else 0


def _defect(error: Exception) -> int:
    """What to say of an error that no command means to raise: a full disk, or a defect.

    Raises:
        Exception: The error itself, where somebody wants to see where it came from.
    """
    if fail_loudly():
        raise error
    if is_full(error):
        return _said_of(error, _no_room(error), _USAGE)
    return _said_of(
        error,
        f"internal error: {type(error).__name__}: {error} (a defect of t3lens; {DEBUG}=1 shows where)",
        _INTERNAL,
    )


def _no_room(error: Exception) -> str:
    """That a disk is full, in words; where a library hides which file it was, its own words tell."""
    name = getattr(error, "filename", None)
    where = str(name) if name is not None else "the output" if isinstance(error, OSError) else "what had to be written"
    said = "" if isinstance(error, OSError) else f" ({error})"
    return f"no space left for {where}{said}; files are whole, old or new"


def _interrupted(error: BaseException | None) -> int:
    if isinstance(error, click.Abort):  # click makes it of what it caught
        error = error.__cause__ or error
    return _complain(interrupts.to_be_told(error), _SIGNAL + (interrupts.came() or signal.SIGINT))


def _said_of(error: Exception, message: str, code: int) -> int:
    """What an error means; that of a command which was interrupted is the interrupt's doing."""
    return _interrupted(error) if interrupts.came() is not None else _complain(message, code)


def _with_usage(error: click.ClickException) -> str:
    message = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        message = f"{message.rstrip('.')}; see `{error.ctx.command_path} --help`"
    return message


def _complain(message: str, code: int) -> int:
    _say(message)
    return code


def _say(message: str) -> None:
    """One line on stderr, whatever stands in the message: it may quote hostile input."""
    line = " ".join(message.split())
    inert = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    click.echo(f"t3lens: {inert[:600]}", err=True)


if __name__ == "__main__":
    main()
