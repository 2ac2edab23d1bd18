"""Work beside a running server that must not wait for it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

__all__ = ["with_low_priority"]

_NICENESS: Final = 10

T = TypeVar("T")


def with_low_priority(run: Callable[[], T]) -> T:
    """What ``run`` returns or raises; meanwhile whoever wakes up has the processor at once.

    It runs in a thread of its own, because a priority once given up is not had back. Only Linux has
    priorities of threads; elsewhere this is a plain call.
    """
    if sys.platform != "linux":
        return run()
    with ThreadPoolExecutor(1, "t3lens-courtesy", _step_back) as pool:
        return pool.submit(run).result()


def _step_back() -> None:
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS)
