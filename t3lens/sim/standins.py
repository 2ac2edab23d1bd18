"""Stand-ins for the processes that a real server runs its providers in."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final, Self

__all__ = ["StandIns"]

_WORDS: Final = ("opencode serve", "codex app-server")
_EACH: Final = 6


class StandIns:
    """Processes that look like providers' from outside, below the one that serves a simulated home.

    Without them every working thread of the home would be found to have lost its provider. They do nothing, and end
    with the ``with`` block, or when this process does.
    """

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        program = shutil.which("cat")
        for words in _WORDS * _EACH if program else ():
            # it ends when its standard input does, so also when this process is killed
            self._running.append(
                subprocess.Popen([words], executable=program, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            )
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        self._running.clear()
