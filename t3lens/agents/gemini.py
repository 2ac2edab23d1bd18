"""Gemini CLI: ``tmp/<project>/chats/session-<local time>-<8 of the session id>.jsonl``.

Seen with 0.61.0. Lines are messages and patches: a message with a known id replaces that one, and
``$set.messages`` replaces the whole list. A failed prompt is taken out again that way, which is all that tells of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from t3lens.agents.draft import Draft
from t3lens.agents.lines import LineRecord
from t3lens.agents.record import AgentRecord, RecordMark, Sureness, TurnOutcome
from t3lens.agents.values import JsonObject, as_list, as_object, as_text, first_text, stamp

__all__ = ["GeminiChat"]


@dataclass(slots=True)
class _GeminiMessage:
    value: JsonObject
    mark: RecordMark


class GeminiChat(LineRecord):
    """Reduces the lines of one chat."""

    provider = "gemini"

    def __init__(self) -> None:
        super().__init__()
        self._messages: dict[str, _GeminiMessage] = {}
        self._taken_out: dict[str, _GeminiMessage] = {}
        self._order: dict[str, None] = {}

    def result(self) -> AgentRecord:
        """What was read: the messages that are left, and the prompts that were taken out."""
        self.drafts = self._reduce()
        return super().result()

    def _take(self, line: int, offset: int, raw: bytes) -> None:
        value = self._parsed(raw)
        if value is None:
            return
        patch = value.get("$set")
        if isinstance(patch, dict):
            self._seen(stamp(patch.get("lastUpdated")))
            if isinstance(patch.get("messages"), list):
                self._replace(patch["messages"], line, offset, raw)
        elif "sessionId" in value:
            self.session_id = self.session_id or as_text(value.get("sessionId"))
            self._seen(stamp(value.get("startTime")))
        else:
            self._put(value, line, offset, raw)

    def _put(self, value: JsonObject, line: int, offset: int, raw: bytes) -> None:
        message_id = as_text(value.get("id"))
        if message_id is None:
            return
        at = stamp(value.get("timestamp"))
        self._seen(at)
        what = as_text(value.get("type")) or "message"
        self._messages[message_id] = _GeminiMessage(value, self.mark(what, at, line, offset, raw))
        self._taken_out.pop(message_id, None)
        self._order[message_id] = None

    def _replace(self, messages: list[Any], line: int, offset: int, raw: bytes) -> None:
        before = self._messages
        self._messages = {}
        for value in messages:
            if isinstance(value, dict):
                self._put(value, line, offset, raw)
        gone = {key: message for key, message in before.items() if key not in self._messages}
        for message in gone.values():
            message.mark = self.mark("$set.messages", message.mark.at, line, offset, raw)
        self._taken_out.update(gone)

    def _reduce(self) -> list[Draft]:
        drafts: list[Draft] = []
        for message_id in self._order:
            message = self._messages.get(message_id)
            if message is not None:
                _follow(drafts, message_id, message)
                continue
            message = self._taken_out[message_id]
            if _is_prompt(message_id, message.value):
                drafts.append(_failed(message_id, message))
        return drafts


def _failed(message_id: str, message: _GeminiMessage) -> Draft:
    started = stamp(message.value.get("timestamp"))
    draft = Draft(message.mark, message_id, started_at=started)
    draft.ends(
        TurnOutcome.FAILED,
        message.mark,
        sureness=Sureness.LOW,
        why="the prompt was taken out of the chat again, as it is after an error",
    )
    return draft


def _follow(drafts: list[Draft], message_id: str, message: _GeminiMessage) -> None:
    value, mark = message.value, message.mark
    kind = value.get("type")
    if kind == "user":
        if _is_prompt(message_id, value):
            drafts.append(Draft(mark, message_id, started_at=mark.at, doing="waiting for the model"))
        elif drafts and _answers_a_tool(value):
            drafts[-1].goes_on(mark, "waiting for the model")
        return
    if not drafts:
        return
    if kind == "gemini" and as_list(value.get("toolCalls")):
        drafts[-1].goes_on(mark, "in a tool call, which runs or waits for approval")
    elif kind == "gemini":
        drafts[-1].ends(
            TurnOutcome.FINISHED,
            mark,
            sureness=Sureness.MEDIUM,
            why="nothing marks an end; the newest message is an answer without a tool call",
        )
    elif kind == "error":
        drafts[-1].ends(TurnOutcome.FAILED, mark, sureness=Sureness.MEDIUM, error=_words(value.get("content")))


def _is_prompt(message_id: str, value: JsonObject) -> bool:
    """A person's words, not a tool's answer; what the program says first has no UUID for its id."""
    if value.get("type") != "user" or _answers_a_tool(value):
        return False
    try:
        UUID(message_id)
    except ValueError:
        return False
    return "-" in message_id


def _answers_a_tool(value: JsonObject) -> bool:
    return any("functionResponse" in as_object(part) for part in as_list(value.get("content")))


def _words(content: object) -> str | None:
    parts = [as_object(part).get("text") for part in as_list(content)]
    return first_text(content, *parts, "error")
