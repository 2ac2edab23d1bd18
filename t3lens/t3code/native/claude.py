"""Claude: a turn ends with a ``result`` message; some builds name it ``claude/result/…``."""

from __future__ import annotations

from typing import Final

from t3lens.t3code.native.said import NativeSays, Said

__all__ = ["RESULT", "RESULT_PREFIX", "SIGNS", "ended"]

RESULT: Final = "result"

RESULT_PREFIX: Final = "claude/result"
"""What the longer names of such a message begin with."""


def ended(said: Said) -> NativeSays:
    """What a result says of the turn."""
    return NativeSays.ERROR if said.is_error == "true" else NativeSays.IDLE


SIGNS: Final = {RESULT: ended}
"""What a message of a type says of the turn."""
