"""Claude: a turn ends with a ``result`` message; some builds name it ``claude/result/…``."""

from __future__ import annotations

from typing import Final

from t3lens.t3code.native.record import NativeRecord, NativeSays

__all__ = ["RESULT", "RESULT_PREFIX", "SIGNS", "ended", "is_result"]

RESULT: Final = "result"

ASSISTANT: Final = ("assistant", "claude/assistant", "claude/stream_event/message_delta")
"""Types of messages of the model: whole ones, and what tells that a streamed one ends."""

RESULT_PREFIX: Final = "claude/result"
"""What the longer names of such a message begin with."""


def is_result(kind: str) -> bool:
    """Whether a message of a type is one that ends a turn: of two, the later one counts."""
    return kind == RESULT or kind.startswith(RESULT_PREFIX)


def ended(said: NativeRecord) -> NativeSays:
    """What a result says of the turn."""
    return NativeSays.ERROR if said.is_error == "true" else NativeSays.IDLE


def _message(said: NativeRecord) -> NativeSays | None:
    own = said.parent_tool is None
    answered = _END_TURN in (said.message_stop_reason, said.delta_stop_reason)
    return NativeSays.ANSWERED if own and answered else None


def _limit(said: NativeRecord) -> NativeSays | None:
    return NativeSays.LIMITED if said.limit_status == _REJECTED else None


_END_TURN: Final = "end_turn"
"""Why the model ended a message that is the answer."""

_REJECTED: Final = "rejected"
"""Status of a limit that is reached; any other allows more."""

SIGNS: Final = {
    RESULT: ended,
    **dict.fromkeys(ASSISTANT, _message),
    **dict.fromkeys(("rate_limit_event", "claude/rate_limit_event"), _limit),
}
"""What a message of a type says of the turn."""
