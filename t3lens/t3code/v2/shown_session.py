"""What a person sees of a thread of the second data model, in the words of sessions: it has no session of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from t3lens.domain.state import SessionStatus
from t3lens.t3code.v2.words import RUN_LIVE, SESSION_ERROR, RunStatus

__all__ = ["active_run", "session_status"]

_EARLY: Final = (RunStatus.PREPARING, RunStatus.STARTING)


def active_run(statuses: Sequence[str]) -> int | None:
    """Which of a thread's runs is live and does not wait behind another, the newest such; None if none is.

    Args:
        statuses: Status of each run, by ordinal.
    """
    for place in range(len(statuses) - 1, -1, -1):
        if statuses[place] in RUN_LIVE and statuses[place] != RunStatus.QUEUED:
            return place
    return None


def session_status(statuses: Sequence[str], bound: str | None) -> SessionStatus | None:
    """The status of the session a person would take the thread for; None if it has neither run nor session.

    Args:
        statuses: Status of each run, by ordinal.
        bound: Status of the newest provider session bound to the thread, if one is.
    """
    if not statuses and bound is None:
        return None
    latest = statuses[-1] if statuses else None
    active = active_run(statuses)
    if active is not None:
        return SessionStatus.STARTING if statuses[active] in _EARLY else SessionStatus.RUNNING
    if bound == SESSION_ERROR or latest == RunStatus.FAILED:
        return SessionStatus.ERROR
    if bound is None:
        return SessionStatus.STOPPED
    return SessionStatus.INTERRUPTED if latest == RunStatus.INTERRUPTED else SessionStatus.READY
