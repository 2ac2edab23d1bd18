"""``python -m t3lens`` is ``t3lens``: the command line, which is told of a signal before it has been imported."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading

from t3lens import interrupts

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    with interrupts.listening():
        try:
            from t3lens import cli
        except (KeyboardInterrupt, Exception) as error:  # importing turns an interrupt into other errors
            number = interrupts.came()
            if number is None:
                raise
            print(f"t3lens: {interrupts.to_be_told(error)}", file=sys.stderr)
            sys.exit(128 + number)
    try:
        cli.main()
    except SystemExit as ended:
        _leave(ended.code)
        raise


def _leave(code: object) -> None:
    """End the process without taking apart all that was imported, which takes longer than many a command.

    What was registered for the end is done before; whoever waits for a thread goes the long way.
    """
    if not isinstance(code, int) or any(
        not one.daemon for one in threading.enumerate() if one is not threading.main_thread()
    ):
        return
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
