"""Providers that speak ACP (Cursor, Grok …): a turn is a prompt, and ends with the prompt's response."""

from __future__ import annotations

from typing import Final

from t3lens.t3code.native.said import NativeSays, Said

__all__ = ["PROMPT", "PROMPT_RESPONSE", "SIGNS"]

PROMPT: Final = "session/prompt"
"""The request, or its response under the same method."""

PROMPT_RESPONSE: Final = "session/prompt/response"


def _prompt(said: Said) -> NativeSays:
    if said.failure:
        return NativeSays.ERROR
    return NativeSays.IDLE if said.stop_reason or said.answer_stop_reason else NativeSays.BUSY


SIGNS: Final = {PROMPT: _prompt, PROMPT_RESPONSE: lambda said: NativeSays.IDLE}
"""What a record of a method says of the turn."""
