"""What is read of a native record's payload, and what such a record may say of a turn."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from t3lens.t3code.native.words import minute_of

__all__ = ["PATHS", "NativeRecord", "NativeSays"]


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
    LIMITED = "limited"
    """Its service refuses, as a limit of the person's plan is reached."""


class NativeRecord(NamedTuple):
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
        delta_stop_reason: Claude: why the model ended a message, at the end of its stream.
        retry_message: OpenCode: why the model is asked again.
        limit_status: Claude: whether the person's plan allows more.
        limit_type: Claude: which limit of it that is about.
        limit_resets: Claude: when that one ends, seconds since 1970.
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
    delta_stop_reason: str | None = None
    retry_message: str | None = None
    limit_status: str | None = None
    limit_type: str | None = None
    limit_resets: str | None = None

    @property
    def why(self) -> str | None:
        """The provider's own words for a failure, if the record has any."""
        failed = self.result if self.is_error == "true" else None
        said = self.turn_error or self.error_text or self.update_result or failed or self.failure or self.retry_message
        return said or self._limit

    @property
    def _limit(self) -> str | None:
        if self.limit_status is None:
            return None
        kind = f" ({self.limit_type})" if self.limit_type else ""
        resets = self.limit_resets or ""
        ends = f", resets at {minute_of(int(resets))}" if resets.isdecimal() and len(resets) <= _LONGEST_STAMP else ""
        return f"usage limit{kind} {self.limit_status}{ends}"


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
    "$.event.delta.stop_reason",
    "$.properties.status.message",
    "$.rate_limit_info.status",
    "$.rate_limit_info.rateLimitType",
    "$.rate_limit_info.resetsAt",
)
"""Where each field of ``NativeRecord`` stands in a payload."""

_LONGEST_STAMP: Final = 13
"""Digits of milliseconds since 1970; what has more is no time."""
