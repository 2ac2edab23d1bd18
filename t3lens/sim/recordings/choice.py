"""Which record an agent keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from t3lens.sim.recordings.database import DatabaseSession
from t3lens.sim.recordings.folder import AgentFolder
from t3lens.sim.recordings.recording import AgentSession, Recording
from t3lens.sim.recordings.rollout import Rollout
from t3lens.sim.recordings.transcript import Transcript

__all__ = ["recording_of"]

_MADE: Final[dict[str, Callable[[AgentFolder, AgentSession], Recording]]] = {
    "codex": Rollout,
    "claudeAgent": Transcript,
    "opencode": DatabaseSession,
}


def recording_of(folder: AgentFolder | None, session: AgentSession) -> Recording:
    """The record of a session; one that writes nothing without a folder, or where the agent's record is not known."""
    made = _MADE.get(session.driver) if folder is not None else None
    return made(folder, session) if made is not None and folder is not None else Recording()
