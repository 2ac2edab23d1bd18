"""Whose record a file is, told by its first lines: names are changed by people, contents are not."""

from __future__ import annotations

import re
from typing import Final, Protocol

from t3lens.agents.claude import ClaudeTranscript
from t3lens.agents.codex import CodexRollout
from t3lens.agents.gemini import GeminiChat
from t3lens.agents.lines import LineRecord
from t3lens.agents.pi import PiSession
from t3lens.agents.qwen import QwenChat
from t3lens.agents.record import AgentRecord
from t3lens.agents.values import JsonObject, as_object, json_object

__all__ = ["PROVIDERS", "RecordReader", "recognise", "recognise_name"]


class RecordReader(Protocol):
    """Takes the lines of one record and says what they come to."""

    def feed(self, line: int, offset: int, raw: bytes) -> None:
        """Take one complete line."""

    def feed_last(self, line: int, offset: int, raw: bytes) -> None:
        """Take the last line if it has no end mark."""

    def result(self) -> AgentRecord:
        """What was read."""


_READERS: Final[dict[str, type[LineRecord]]] = {
    reader.provider: reader for reader in (CodexRollout, ClaudeTranscript, GeminiChat, QwenChat, PiSession)
}

PROVIDERS: Final = (*_READERS, "opencode")
"""The agents whose records are understood, by the names they go by."""

_ROLLOUT: Final = re.compile(r"rollout-[\dT-]{19}-[0-9a-f-]{36}\.jsonl\b")
_CODEX_TYPES: Final = frozenset({"session_meta", "turn_context", "response_item", "event_msg", "compacted", "world_state"})
_CLAUDE_TYPES: Final = frozenset({"queue-operation", "last-prompt", "mode", "cost-state", "atis-latch", "tools-used"})


def recognise(raw: bytes) -> RecordReader | None:
    """A reader for the record in which ``raw`` is one of the first lines.

    Returns:
        None if the line does not tell: try the next, as records begin with lines of several kinds.
    """
    value = json_object(raw)
    provider = None if value is None else _provider(value)
    return None if provider is None else _READERS[provider]()


def recognise_name(name: str) -> RecordReader | None:
    """A reader for a file whose lines tell nothing (it is empty, or torn in its first), by its name."""
    return CodexRollout() if _ROLLOUT.match(name) else None


def _provider(value: JsonObject) -> str | None:
    kind = value.get("type")
    if kind in _CODEX_TYPES and "timestamp" in value and isinstance(value.get("payload"), dict):
        return "codex"
    if kind == "session" and isinstance(value.get("id"), str) and "cwd" in value:
        return "pi"
    if "sessionId" in value and "projectHash" in value and "startTime" in value:
        return "gemini"
    if not isinstance(value.get("sessionId"), str):
        return None
    if kind in _CLAUDE_TYPES:
        return "claude"
    if "uuid" not in value or "parentUuid" not in value:
        return None
    message = as_object(value.get("message"))
    if "parts" in message or "systemPayload" in value:
        return "qwen"
    if "content" in message or "isSidechain" in value:
        return "claude"
    return None
