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
    """

    session_status: str | None = None
    session_id: str | None = None
    turn_status: str | None = None
    turn_id: str | None = None
    stop_reason: str | None = None
    is_error: str | None = None
    answer_stop_reason: str | None = None
    failure: str | None = None


PATHS: Final = (
    "$.properties.status.type",
    "$.properties.sessionID",
    "$.turn.status",
    "$.turn.id",
    "$.stopReason",
    "$.is_error",
    "$.result.stopReason",
    "$.cause",
)
"""Where each field of ``Said`` stands in a payload."""
