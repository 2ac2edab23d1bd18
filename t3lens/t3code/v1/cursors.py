"""Which agent's record belongs to a thread: what T3 Code keeps of it in ``provider_session_runtime``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

__all__ = ["RecordKey", "record_key"]

_AGENTS: Final = {
    "codex": "codex",
    "claudeAgent": "claude",
    "opencode": "opencode",
    "gemini": "gemini",
    "qwen": "qwen",
    "pi": "pi",
}
"""The agents' own names by the names T3 Code and its forks give them."""

_NAMES: Final = {"codex": ("threadId",), "claude": ("resume", "sessionId")}
"""Where a cursor holds the agent's id of the session; ``threadId`` of Claude's is T3 Code's own."""

_ID: Final = re.compile(r"[A-Za-z0-9][\w-]{5,79}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class RecordKey:
    """What a record is found by.

    Attributes:
        provider: The agent, by its own name.
        session_id: The agent's id of the session.
    """

    provider: str
    session_id: str


def record_key(provider: str | None, cursor: str | None) -> RecordKey | None:
    """The record a thread's resume cursor leads to.

    Args:
        provider: ``provider_name`` of the binding.
        cursor: ``resume_cursor_json``.

    Returns:
        None if there is no cursor, it names no session, or the agent's records are not known.
    """
    agent = _AGENTS.get(provider or "")
    if agent is None or cursor is None:
        return None
    try:
        said = json.loads(cursor)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    for name in _NAMES.get(agent, ("sessionId",)):
        value = said.get(name)
        # An id becomes part of a file's name, so nothing else may stand in it.
        if isinstance(value, str) and _ID.match(value):
            return RecordKey(agent, value)
    return None
