"""The lifecycle signs of all providers: which native records bear on a turn, and what each says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from t3lens.t3code.native import acp, claude, codex, opencode
from t3lens.t3code.native.record import NativeRecord, NativeSays

__all__ = ["ANSWERS", "ANSWER_MARKS", "PREFIXES", "PROCESS_MARKS", "TYPES", "UPDATES", "sign_of", "sign_words"]

_SIGNS: Final[dict[str, Callable[[NativeRecord], NativeSays | None]]] = {
    **opencode.SIGNS,
    **codex.SIGNS,
    **claude.SIGNS,
    **acp.SIGNS,
}

_ANSWER_MARKS: Final = {
    opencode.MESSAGE_UPDATED: '"finish":"stop"',
    codex.ITEM_COMPLETED: '"phase":"final_answer"',
    **dict.fromkeys(claude.ASSISTANT, '"stop_reason":"end_turn"'),
}
ANSWERS: Final = tuple(_ANSWER_MARKS)
"""Types and methods of messages, most of which say nothing of the turn,"""
ANSWER_MARKS: Final = tuple(dict.fromkeys(_ANSWER_MARKS.values()))
"""and what one of stands in those that may."""

TYPES: Final = tuple(kind for kind in _SIGNS if kind not in ANSWERS)
"""Types and methods of all other records that may say something of a turn."""

PREFIXES: Final = (claude.RESULT_PREFIX,)
"""So begin further ones."""

UPDATES: Final = (acp.UPDATE_SUFFIX, acp.TURN_COMPLETED_UPDATE)
"""What the types of further ones end with, and a word that those hold which say something of a turn: most do not,
and they are many."""

PROCESS_MARKS: Final = {
    opencode.DRIVER: opencode.PROCESS_MARKS,
    codex.DRIVER: codex.PROCESS_MARKS,
}
"""Providers whose processes can be told: the words that must all stand on the command line."""


def sign_words(kind: str) -> tuple[str, ...] | None:
    """Words of which one stands in each native record of a type that says something of a turn.

    Args:
        kind: Its type or method.

    Returns:
        None if any record of the type may say something; no words if none does.
    """
    if kind in ANSWERS:
        return (_ANSWER_MARKS[kind].rsplit(":", 1)[1],)
    suffix, telling = UPDATES
    if kind not in _SIGNS and kind.endswith(suffix):
        return (telling,)
    return None if kind in _SIGNS or kind.startswith(PREFIXES) else ()


def sign_of(kind: str, said: NativeRecord) -> NativeSays | None:
    """What a native record says of the turn; None for nothing.

    Args:
        kind: Its type or method.
        said: What stands in its payload.
    """
    reads = _SIGNS.get(kind)
    if reads is not None:
        return reads(said)
    if kind.endswith(acp.UPDATE_SUFFIX):
        return acp.update_says(said)
    return claude.ended(said) if kind.startswith(PREFIXES) else None
