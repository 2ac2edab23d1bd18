"""What a running server knows of a thread, and what goes wrong with it on purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from t3lens.domain.state import EMPTY, ThreadState
from t3lens.sim.providers import Provider
from t3lens.sim.scheduler import Signal
from t3lens.sim.script import Script

__all__ = ["Faults", "ThreadRuntime"]


class Faults(msgspec.Struct, kw_only=True):
    """What goes wrong on purpose; everything is off at first and may be changed while the server runs.

    Attributes:
        ingestion_paused: Canonical events are logged and not stored.
        loses_event: Says of a canonical event that it is logged and never ingested.
        loses_session_set: Says of a canonical event that its session is never stored.
        loses_line: Says of a log record (label, record) that it never reaches the log.
        stop_fails: By thread id, why stopping its provider fails.
        records_failed_stop: A failed stop leaves its activity, also on builds that lose it.
        swallows_answers: Threads whose answers reach nobody.
        unstartable: By provider instance, why it cannot be started.
        missing_folders: Workspace folders that are not there, so that no project can be made of them.
        skips_reconcile: The server does not reconcile at start, whatever its build does.
    """

    ingestion_paused: bool = False
    loses_event: Callable[[Mapping[str, Any]], bool] | None = None
    loses_session_set: Callable[[Mapping[str, Any]], bool] | None = None
    loses_line: Callable[[str, Mapping[str, Any]], bool] | None = None
    stop_fails: dict[str, str] = {}
    records_failed_stop: bool = False
    swallows_answers: set[str] = set()
    unstartable: dict[str, str] = {}
    missing_folders: set[str] = set()
    skips_reconcile: bool = False


class ThreadRuntime:
    """What the running server knows of one thread."""

    __slots__ = (
        "checkpoints",
        "cwd",
        "finished",
        "last_message",
        "model_selection",
        "provider",
        "runtime_mode",
        "said",
        "script",
        "state",
        "thawed",
        "thread_id",
    )

    def __init__(self, thread_id: str, model_selection: dict[str, Any], runtime_mode: str, cwd: str) -> None:
        self.thread_id = thread_id
        self.model_selection = model_selection
        self.runtime_mode = runtime_mode
        self.cwd = cwd
        self.state: ThreadState = EMPTY
        self.provider: Provider | None = None
        self.said: dict[str, str] = {}
        self.finished: set[str] = set()
        self.last_message: str | None = None
        self.checkpoints: dict[str, int] = {}
        self.script: Script | None = None
        self.thawed = Signal()
