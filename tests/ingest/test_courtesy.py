"""Reading beside a running server: with less right to the processors, and no longer than that lasts."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from t3lens.ingest.low_priority import with_low_priority
from t3lens.store import Store
from tests.ingest.disk import read
from tests.ingest.test_database import make

_OF_THREADS = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of threads")


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def niced_threads(usual: int) -> list[str]:
    """Names of threads with a lower priority than usual, but for the one that Arrow's allocator tidies up in."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it ended meanwhile
            if os.getpriority(os.PRIO_PROCESS, int(task.name)) > usual:
                found.append((task / "comm").read_text().strip())
    return [name for name in found if not name.startswith("jemalloc")]


@_OF_THREADS
def test_the_priority_is_low_only_meanwhile() -> None:
    before = niceness()
    assert with_low_priority(niceness) == min(19, before + 10)
    assert niceness() == before


@_OF_THREADS
def test_what_is_read_after_the_database_is_read_at_the_usual_priority(tmp_path: Path) -> None:
    usual = niceness()
    home = tmp_path / "userdata"
    con = make(home)
    store = Store.open()
    read(store, home, server="alive")
    store.table("SELECT count(*) FROM range(1000000) WHERE range % 7 = 3")
    # The thread that read takes a moment to end, and with a low priority a longer one.
    deadline = time.monotonic() + 30
    while niced_threads(usual) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert niced_threads(usual) == []
    con.close()


def test_an_error_is_the_callers() -> None:
    def fail() -> None:
        raise ValueError("as it was")

    with pytest.raises(ValueError, match="as it was"):
        with_low_priority(fail)


def test_an_interrupt_waits_for_what_is_under_way() -> None:
    ended = []

    def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        ended.append(True)

    with pytest.raises(KeyboardInterrupt):
        with_low_priority(work)
    assert ended
