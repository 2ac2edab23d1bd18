"""Words that providers use in texts for people, where nothing else tells what they mean."""

from __future__ import annotations

import re
from typing import Final

from t3lens.time import SECOND, iso

__all__ = [
    "CONVERSATION_UNKNOWN",
    "ENDED_ON_PURPOSE",
    "RETRY_NOTICE",
    "minute_of",
    "one_line",
    "reset_time",
    "speaks_of_limit",
    "with_cause",
    "without_ids",
]

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

_LIMIT: Final = re.compile(
    r"usage.?(?:limit|balance|cap)|rate.?limit|too many requests|quota|out of (?:\w+ )?(?:credits|tokens|usage)"
    r"|insufficient (?:balance|credits|funds|quota)|payment required"
    r"|(?<!context )(?<!window )(?<!length )(?<!token )(?<!output )(?<!size )(?<!time )(?<!turn )"
    r"(?:credit|balance|limit|plan)s? (?:is |has been |was )?(?:exhausted|exceeded|reached|too low)"
    r"|(?:hit|reached|exceeded) your (?:[\w-]+ ){0,2}(?:limit|cap)",
    re.I,
)
"""Words of a text that says a person's plan, credit or rate is used up; a full context is another matter."""

_RESET: Final = re.compile(
    r"(?:try again|retry|resets?|available again|renews?)[\s-]*(?:at|in|after|on)?[\s:]*"
    r"([^.;\n]{0,40}\d[^.;\n]{0,40})",
    re.I,
)
"""When such a limit ends, as the text says it,"""
_RESET_STAMP: Final = re.compile(r"limit reached\|(\d{10})\b")
"""or as older builds of Claude do."""

_STACK: Final = re.compile(r"\n\s+at .*", re.S)
_ID: Final = re.compile(r"\b(?=[\w-]*\d)[\w-]{12,}\b|\d+")


def one_line(text: str, longest: int = 300) -> str:
    """A provider's text in one line: without a stack trace, cut behind a word where it is too long.

    Args:
        text: As logged or stored.
        longest: Most characters of the answer.
    """
    line = " ".join(_STACK.sub("", text).split())
    if len(line) <= longest:
        return line
    return line[: longest - 1].rsplit(" ", 1)[0][: longest - 2] + " …"


def without_ids(text: str) -> str:
    """A failure's text without ids and numbers: two that are alike then failed for the same reason."""
    return _ID.sub("#", one_line(text))


def speaks_of_limit(text: str) -> bool:
    """Whether a text says that a usage limit, a quota or a credit is used up."""
    return bool(_LIMIT.search(text))


def reset_time(text: str) -> str | None:
    """When the limit that a text speaks of ends, in the text's own words; None if it does not say."""
    line = one_line(text)
    if stamp := _RESET_STAMP.search(line):
        return minute_of(int(stamp[1]))
    found = _RESET.search(line)
    return found[1].strip() if found else None


def minute_of(stamp: int) -> str:
    """A moment that a provider gives as seconds (or milliseconds) since 1970, as people read it."""
    seconds = stamp // 1000 if stamp >= _MILLISECONDS else stamp
    return f"{iso(seconds * SECOND)[:16].replace('T', ' ')} UTC"


def with_cause(message: str, cause: str | None) -> str:
    """A message together with the reason that a provider gives apart from it: "Reconnecting" says nothing of why."""
    return f"{message} ({cause})" if cause and cause not in message else message


_MILLISECONDS: Final = 100_000_000_000
"""From here on a number is milliseconds since 1970, and not seconds."""
