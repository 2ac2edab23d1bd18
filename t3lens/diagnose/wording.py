"""How sentences for people name things: threads by their titles, and no id longer than it takes to tell one from another.

A sentence begins with the cause. Whole ids stand in the evidence and in fields of their own, where programs look for them.
"""

from __future__ import annotations

import re
import textwrap
from typing import Final

from t3lens.t3code.v2.run_ids import with_providers_ids, with_runs_by_number

__all__ = ["called", "capital", "short", "with_short_ids"]

_TITLE: Final = 60
_SHORT: Final = 8
_LONG: Final = 14
"""Up to here an id is shown whole."""

_IDS: Final = re.compile(
    r"(?<![0-9a-f])(?:([0-9a-f]{8}-[0-9a-f]{4})-7[0-9a-f]{3}|([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4})"
    r"-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f])"
    r"|\b((?:ses|msg|prt|evt|per|que)_\w{9})\w{8,}"
    r"|\b((?:toolu|call)_\w{4})\w{8,}"
)
"""Ids of T3 Code and of the agents, which stand in their own words too, there also behind an escape such as ``%3A``.

Those of the seventh version of UUIDs and OpenCode's begin with the millisecond they were made in: less of it is the same
for all that were made within minutes.
"""


def called(title: str | None, thread_id: str) -> str:
    """A thread as a sentence names it: by its title, else by the beginning of its id.

    >>> called("Fix the login page", "c0ffee00-0000-4000-8000-000000000000")
    '“Fix the login page”'
    """
    named = textwrap.shorten(title or "", _TITLE, placeholder=" …")
    return f"“{named}”" if named else f"thread {short(thread_id)}"


def short(name: str | None) -> str:
    """The beginning of an id; of one that has words before it, of what comes after them."""
    if not name:
        return "without an id"
    name = with_providers_ids(name)
    found = _IDS.search(name)
    if found is not None:
        return _beginning(found)
    return name if len(name) <= _LONG else name[:_SHORT]


def with_short_ids(sentence: str) -> str:
    """A sentence with the long ids in it cut to their beginnings, and runs told by their numbers.

    >>> with_short_ids("no conversation c0ffee00-0000-4000-8000-000000000000 found")
    'no conversation c0ffee00 found'
    """
    return _IDS.sub(_beginning, with_runs_by_number(with_providers_ids(sentence)))


def _beginning(found: re.Match[str]) -> str:
    return next(part for part in found.groups() if part)


def capital(clause: str) -> str:
    """A clause as the beginning of a sentence."""
    return clause[:1].upper() + clause[1:]
