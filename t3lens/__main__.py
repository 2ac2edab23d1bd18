"""``python -m t3lens`` is ``t3lens``: the command line, which is told of a signal before it has been imported."""

from __future__ import annotations

import sys

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
    cli.main()


if __name__ == "__main__":
    main()
