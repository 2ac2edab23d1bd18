"""What is read of a native record's payload, and what such a record may say of a turn."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

__all__ = ["PATHS", "NativeSays", "Said"]


class NativeSays(StrEnum):
    """What a provider says of a turn in its own protocol."""

    BUSY = "busy"
    """It works on it."""
    IDLE = "idle"
    """The turn ended."""
    ERROR = "error"
    """The turn failed."""
    ANSWERED = "answered"
    """It gave its final answer; the turn's end should follow at once."""
    RETRY = "retry"
    """Its model did not answer, and is asked again."""


class Said(NamedTuple):
    """The values at ``PATHS`` of a native payload, as text; None where absent.

    Attributes:
        session_status: OpenCode: status of the session named.
        session_id: OpenCode: that session.
        turn_status: Codex: how the turn stands.
        turn_id: Codex: that turn.
        stop_reason: ACP: why the turn ended.
        is_error: Claude: whether it failed.
        answer_stop_reason: ACP: the same as ``stop_reason``, in a response.
        failure: ACP: why the request failed.
        update_kind: ACP: what an update tells of.
        update_stop_reason: ACP: why the turn ended that the update tells the end of.
        update_result: ACP: what the agent says of that end.
        turn_error: Codex: why the turn failed.
        error_name: OpenCode: the kind of an error.
        error_text: OpenCode: the error in words.
        message_session: OpenCode: the session of a message.
        message_finish: OpenCode: why the model ended a message.
        message_stop_reason: Claude: the same.
        message_id: OpenCode: that message; it is told of again later.
        parent_tool: Claude: the tool call in which a subagent said it, not the thread's own model.
        item_phase: Codex: whether a message is the turn's answer, or on the way to it.
        result: Claude: the turn's last words, or why it failed.
    """

    session_status: str | None = None
    session_id: str | None = None
    turn_status: str | None = None
    turn_id: str | None = None
    stop_reason: str | None = None
    is_error: str | None = None
    answer_stop_reason: str | None = None
    failure: str | None = None
    update_kind: str | None = None
    update_stop_reason: str | None = None
    update_result: str | None = None
    turn_error: str | None = None
    error_name: str | None = None
    error_text: str | None = None
    result: str | None = None
    message_session: str | None = None
    message_finish: str | None = None
    message_stop_reason: str | None = None
    item_phase: str | None = None
    message_id: str | None = None
    parent_tool: str | None = None

    @property
    def why(self) -> str | None:
        """The provider's own words for a failure, if the record has any."""
        failed = self.result if self.is_error == "true" else None
        return self.turn_error or self.error_text or self.update_result or failed or self.failure


PATHS: Final = (
    "$.properties.status.type",
    "$.properties.sessionID",
    "$.turn.status",
    "$.turn.id",
    "$.stopReason",
    "$.is_error",
    "$.result.stopReason",
    "$.cause",
    "$.update.sessionUpdate",
    "$.update.stop_reason",
    "$.update.agent_result",
    "$.turn.error.message",
    "$.properties.error.name",
    "$.properties.error.data.message",
    "$.result",
    "$.properties.info.sessionID",
    "$.properties.info.finish",
    "$.message.stop_reason",
    "$.item.phase",
    "$.properties.info.id",
    "$.parent_tool_use_id",
)
"""Where each field of ``Said`` stands in a payload."""
