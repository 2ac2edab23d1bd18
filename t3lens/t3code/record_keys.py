"""Which agent's record belongs to a thread.

The first data model keeps a cursor in ``provider_session_runtime`` (0.0.23 none of OpenCode's sessions: the log names them,
in ``thread.started``), the second the agent's own id of the session in
``provider_threads`` (``nativeThreadRef.nativeId``).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

__all__ = ["RecordKey", "agent_of", "native_key", "record_key"]

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


def agent_of(provider: str) -> str | None:
    """The agent's own name by T3 Code's of its provider or driver; None if its records are not known."""
    return _AGENTS.get(provider)


def record_key(provider: str | None, cursor: str | None) -> RecordKey | None:
    """The record a thread's resume cursor leads to.

    Args:
        provider: ``provider_name`` of the binding.
        cursor: ``resume_cursor_json``.

    Returns:
        None if there is no cursor, it names no session, or the agent's records are not known.
    """
    if cursor is None:
        return None
    try:
        said = json.loads(cursor)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    names = _NAMES.get(_AGENTS.get(provider or "", ""), ("sessionId",))
    found = (native_key(provider, said.get(name)) for name in names)
    return next((key for key in found if key is not None), None)


def native_key(provider: str | None, session_id: object) -> RecordKey | None:
    """The record of an agent's session by the agent's own id of it.

    Args:
        provider: The agent, by T3 Code's name.
        session_id: The id.

    Returns:
        None if the agent's records are not known, or the id can be none: it becomes part of a file's name, so
        nothing else may stand in it.
    """
    agent = _AGENTS.get(provider or "")
    if agent is None or not isinstance(session_id, str) or not _ID.match(session_id):
        return None
    return RecordKey(agent, session_id)
