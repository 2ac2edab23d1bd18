"""What workers of the tests' clusters load first: homes whose folder says so are slow, greedy, or never end."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import t3lens.fleet.task
from t3lens.fleet.outcome import outcome_of
from t3lens.fleet.small_homes import audit_together

_GATES = Path(os.environ["T3LENS_TEST_GATES"])
_STEP = 20 << 20


def _wait(home: Any) -> None:
    kind = home.path.parent.name
    if "gate" in kind:
        (_GATES / f"{kind}.pid").write_text(str(os.getpid()))
        while not (_GATES / f"{kind}.open").exists():
            time.sleep(0.05)
    if "greedy" in kind:
        taken = []
        while len(taken) < 100:
            taken.append(b"x" * _STEP)
            time.sleep(0.02)
        raise AssertionError("nobody ended this worker")
    if kind == "endless":
        threading.Event().wait()


def _slowly(home: Any, *rest: Any) -> Any:
    _wait(home)
    return outcome_of(home, *rest)


def _slowly_together(homes: Any, *rest: Any) -> Any:
    for home in homes:
        _wait(home)
    return audit_together(homes, *rest)


t3lens.fleet.task.outcome_of = _slowly
t3lens.fleet.task.audit_together = _slowly_together
