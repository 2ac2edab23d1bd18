"""Providers that speak ACP (Cursor, Grok …): a turn is a prompt, and ends with the prompt's response."""

from __future__ import annotations

import re
from typing import Final

from t3lens.t3code.native.record import NativeRecord, NativeSays

__all__ = ["PROMPT", "PROMPT_RESPONSE", "SIGNS", "TURN_COMPLETED_UPDATE", "UPDATE_SUFFIX", "update_says"]

PROMPT: Final = "session/prompt"
"""The request, or its response under the same method."""

PROMPT_RESPONSE: Final = "session/prompt/response"

UPDATE_SUFFIX: Final = "session/update"
"""What the method of an update ends with; agents' own kinds of updates have a prefix."""

TURN_COMPLETED_UPDATE: Final = "turn_completed"
"""``sessionUpdate`` of the update by which Grok tells the end of a turn, beside the prompt's response."""

_FAILED: Final = "error"
"""Stop reason of a turn that failed; all others ended it, well or on purpose."""


_CALLED_OFF: Final = re.compile(r"interrupt|cancel", re.I)
"""Words of a request that did not fail, but was called off: by a person, or for another prompt."""


def _prompt(said: NativeRecord) -> NativeSays:
    if said.failure:
        return NativeSays.IDLE if _CALLED_OFF.search(said.failure) else NativeSays.ERROR
    reason = said.stop_reason or said.answer_stop_reason
    if reason == _FAILED:
        return NativeSays.ERROR
    return NativeSays.IDLE if reason else NativeSays.BUSY


def update_says(said: NativeRecord) -> NativeSays | None:
    """What an update says of the turn; most are pieces of its work, and say nothing."""
    if said.update_kind != TURN_COMPLETED_UPDATE:
        return None
    return NativeSays.ERROR if said.update_stop_reason == _FAILED else NativeSays.IDLE


def _answered(said: NativeRecord) -> NativeSays:
    return NativeSays.ERROR if _FAILED in (said.stop_reason, said.answer_stop_reason) else NativeSays.IDLE


SIGNS: Final = {PROMPT: _prompt, PROMPT_RESPONSE: _answered}
"""What a record of a method says of the turn."""
