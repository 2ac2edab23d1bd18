"""A dask cluster on loopback: a scheduler and workers, each a process of its own that is ended by its handle."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

__all__ = ["Cluster", "wait_for"]

_LONG_S = 240.0
_SLOW = Path(__file__).with_name("slow_homes.py")


def wait_for(what: str, there: Any) -> Any:
    """The first answer of ``there`` that is not false."""
    end = time.monotonic() + _LONG_S
    while time.monotonic() < end:
        found = there()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


class Cluster:
    """A scheduler, and as many workers as are started.

    Args:
        folder: Where its processes keep what they keep.
        protocol: What they speak.
        environment: More for the environment of each process.
    """

    def __init__(self, folder: Path, protocol: str = "tcp", environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._environment = environment or {}
        self._file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._start("scheduler", "--host", f"{protocol}://127.0.0.1:0", "--no-dashboard", "--no-show")
        self.address: str = wait_for("the scheduler", self._address)

    def _address(self) -> str | None:
        try:
            return str(json.loads(self._file.read_text())["address"])
        except (OSError, ValueError):
            return None

    def worker(self, memory: str = "700MiB") -> None:
        """Start a worker with one thread and a nanny."""
        self._start(
            "worker", "--nthreads", "1", "--memory-limit", memory, "--no-dashboard", "--host", "127.0.0.1",
            "--local-directory", str(self.folder), "--preload", str(_SLOW),
        )  # fmt: skip

    def _start(self, kind: str, *options: str) -> None:
        command = [sys.executable, "-m", "dask"]
        with (self.folder / f"{kind}-{len(self._processes)}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    [*command, kind, "--scheduler-file", str(self._file), *options],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=os.environ | {"T3LENS_CONFIG": "", "T3LENS_TEST_GATES": str(self.folder), **self._environment},
                )
            )

    @property
    def pids(self) -> list[int]:
        """Of the processes that were started; workers are children of theirs."""
        return [process.pid for process in self._processes]

    def close(self) -> None:
        """End all processes at once, and those they started."""
        for process in reversed(self._processes):
            children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            for one in (process, *children):
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            process.wait()
