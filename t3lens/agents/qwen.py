"""Qwen Code: ``projects/<slug>/chats/<session uuid>.jsonl``.

Seen with 0.24.4. A tree like Claude Code's with messages like Gemini's. Nothing marks an end; an interrupted answer
is written like a whole one, but without its use of tokens.
"""

from __future__ import annotations

from typing import Any, Final

from t3lens.agents.draft import Draft
from t3lens.agents.lines import LineRecord
from t3lens.agents.record import RecordMark, Sureness, TurnOutcome
from t3lens.agents.values import JsonObject, as_list, as_object, as_text, first_text, stamp

__all__ = ["QwenChat"]

_ERROR: Final = "qwen-code.api_error"
_RESPONSE: Final = "qwen-code.api_response"


class QwenChat(LineRecord):
    """Reduces the lines of one chat."""

    provider = "qwen"

    def __init__(self) -> None:
        super().__init__()
        self._responded = False

    def _take(self, line: int, offset: int, raw: bytes) -> None:
        value = self._parsed(raw)
        if value is None:
            return
        at = stamp(value.get("timestamp"))
        self._seen(at, as_text(value.get("version")))
        self.session_id = self.session_id or as_text(value.get("sessionId"))
        self.cwd = self.cwd or as_text(value.get("cwd"))
        kind = as_text(value.get("type")) or ""
        mark = self.mark(kind, at, line, offset, raw)
        parts = as_list(as_object(value.get("message")).get("parts"))
        if kind == "user" and not _has_part(parts, "functionResponse"):
            if value.get("provenance") in (None, "real_user"):
                turn = as_text(value.get("uuid"))
                self.drafts.append(Draft(mark, turn, started_at=at, doing="waiting for the model"))
                self._responded = False
        elif self.current is None:
            return
        elif kind in ("user", "tool_result"):
            self.current.goes_on(mark, "waiting for the model")
            self._responded = False
        elif kind == "assistant":
            self._assistant(self.current, value, parts, mark)
        elif kind == "system":
            self._system(self.current, as_object(value.get("systemPayload")), mark)

    def _assistant(self, turn: Draft, value: JsonObject, parts: list[Any], mark: RecordMark) -> None:
        if _has_part(parts, "functionCall"):
            turn.goes_on(mark, "in a tool call, which runs or waits for approval")
        elif self._responded or "usageMetadata" in value:
            turn.ends(
                TurnOutcome.FINISHED,
                mark,
                sureness=Sureness.MEDIUM,
                why="nothing marks an end; the newest message is an answer without a tool call",
            )
        else:
            turn.ends(
                TurnOutcome.ABORTED,
                mark,
                sureness=Sureness.LOW,
                why="the answer has no use of tokens and no response of the server: "
                "that of an interrupted one looks like this",
            )

    def _system(self, turn: Draft, payload: JsonObject, mark: RecordMark) -> None:
        event = as_object(payload.get("uiEvent"))
        name = event.get("event.name")
        if name == _RESPONSE:
            self._responded = True
        elif name == _ERROR and turn.outcome is not TurnOutcome.FINISHED:
            turn.ends(
                TurnOutcome.FAILED,
                mark,
                sureness=Sureness.MEDIUM,
                why="an error of the model's server, and no answer after it; a retry would look so too",
                error=first_text(event.get("error_message"), event.get("error_type"), "API error"),
            )


def _has_part(parts: list[Any], name: str) -> bool:
    return any(name in as_object(part) for part in parts)
