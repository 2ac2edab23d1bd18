"""Claude: a turn ends with a ``result`` message; some builds name it ``claude/result/…``."""

from __future__ import annotations

from typing import Final

from t3lens.t3code.native.said import NativeSays, Said

__all__ = ["RESULT", "RESULT_PREFIX", "SIGNS", "ended"]

RESULT: Final = "result"

ASSISTANT: Final = ("assistant", "claude/assistant")

RESULT_PREFIX: Final = "claude/result"
"""What the longer names of such a message begin with."""


def ended(said: Said) -> NativeSays:
    """What a result says of the turn."""
    return NativeSays.ERROR if said.is_error == "true" else NativeSays.IDLE


def _message(said: Said) -> NativeSays | None:
    return NativeSays.ANSWERED if said.message_stop_reason == _END_TURN else None


_END_TURN: Final = "end_turn"
"""Why the model ended a message that is the answer."""

SIGNS: Final = {RESULT: ended, **dict.fromkeys(ASSISTANT, _message)}
"""What a message of a type says of the turn."""
