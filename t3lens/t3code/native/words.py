"""Words that providers use in texts for people, where nothing else tells what they mean."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["CONVERSATION_UNKNOWN", "ENDED_ON_PURPOSE", "RETRY_NOTICE"]

RETRY_NOTICE: Final = re.compile(r"reconnect|retry|retries|rate.?limit|overloaded|too many requests", re.I)
"""Words of a retry notice whose details do not say so themselves."""

ENDED_ON_PURPOSE: Final = re.compile(r"abort|interrupt|cancel|^turn failed$", re.I)
"""Words of an error that says a person ended the turn, or that nobody said anything of it."""

CONVERSATION_UNKNOWN: Final = (
    "no conversation found",
    "no rollout found",
    "session not found",
    "thread not found",
)
"""Words, in lower case, of a start that failed because the provider has not kept the conversation to resume."""
