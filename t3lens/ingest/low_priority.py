"""Work beside a running server that must not wait for it."""

from __future__ import annotations

import contextlib
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["with_low_priority"]

_NICENESS: Final = 10
_LOOK_S: Final = 0.5

T = TypeVar("T")


def with_low_priority(run: Callable[[], T]) -> T:
    """What ``run`` returns or raises; meanwhile whoever wakes up has the processor at once.

    It runs in a thread of its own, because a priority once given up is not had back. Threads that ``run``
    begins inherit the low priority. Only Linux has priorities of threads; elsewhere this is a plain call.
    """
    if sys.platform != "linux":
        return run()
    results: list[T] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()
    done = threading.Event()

    def work() -> None:
        try:
            _step_back()
            results.append(context.run(run))
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    worker = threading.Thread(target=work, name="t3lens-courtesy")
    interrupt = None
    begun = False
    # An interrupt is held back: what the worker has in hand must not be closed under its feet.
    while not done.is_set() and (worker.is_alive() or not begun or interrupt is None):
        try:
            if not begun:
                begun = True
                worker.start()
            done.wait(_LOOK_S)
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt
    if errors:
        raise errors[0]
    return results[0]


def _step_back() -> None:
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):  # forbidden in some sandboxes
        now = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, now + _NICENESS)
