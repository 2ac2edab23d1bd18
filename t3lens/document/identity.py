"""What makes a finding the same one in two audits.

A finding is known by four things: its home, its thread, its code and its turn. None of them is a path, a severity, a time or
a wording, so that a finding stays the same one when a folder is renamed, when a rule is judged milder, when a sentence is
written better. Three rules go with it:

- The home's part is its environment id. A home that has none, or is a copy, is named after its path; such a home that
  stands elsewhere now is known again by its threads (``renamed_homes``).
- A finding that is about no turn and began after the older audit's moment, and after what that one says, is another one:
  the trouble of last week, come again. One with a turn is the same as long as it is about that turn, whenever it began.
- A code that is renamed or split raises ``IDENTITY_VERSION``; what was written with another one is refused, by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set
from typing import Final, NamedTuple

from t3lens.document.model import FindingEntry, HomeEntry, ThreadEntry, VanishedEntry

__all__ = ["IDENTITY_VERSION", "FindingKey", "finding_key", "fingerprint", "renamed_homes", "vanished_key"]

IDENTITY_VERSION: Final = 1
"""Grows when the same finding would get another key than before; the document's ``finding_identity``."""

_SHARED: Final = 0.5
"""A home is another one renamed if they share this part of the threads of the smaller one."""


class FindingKey(NamedTuple):
    """What makes a finding the same in two audits; empty where there is no thread or turn."""

    home_id: str
    thread_id: str
    code: str
    turn_id: str


def finding_key(place: HomeEntry | ThreadEntry, finding: FindingEntry) -> FindingKey:
    """What a finding is known by in other audits.

    Args:
        place: The home or the thread it stands at.
        finding: The finding.
    """
    thread_id = place.thread_id if isinstance(place, ThreadEntry) else ""
    return FindingKey(place.home_id, thread_id, finding.code, finding.turn_id or "")


def vanished_key(gone: VanishedEntry) -> FindingKey:
    """What a finding that vanished was known by."""
    return FindingKey(gone.home_id, gone.thread_id or "", gone.code, gone.turn_id or "")


def fingerprint(key: FindingKey) -> str:
    """A key as 32 hexadecimal digits, for other programs to tell findings by."""
    return hashlib.sha256("\0".join(key).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def renamed_homes(before: Mapping[str, Set[str]], now: Mapping[str, Set[str]]) -> dict[str, str]:
    """Which homes of an older audit are homes of now under another id, told by their threads: old id to new id.

    Args:
        before: The ids of the threads of each home of the older audit, by home id.
        now: The same of the audit of now.
    """
    holders: dict[str, list[str]] = {}
    for home_id in sorted(before.keys() - now.keys()):
        for thread_id in before[home_id]:
            holders.setdefault(thread_id, []).append(home_id)
    shared: dict[tuple[str, str], int] = {}
    for home_id in now.keys() - before.keys():
        for thread_id in now[home_id]:
            for old in holders.get(thread_id, ()):
                shared[old, home_id] = shared.get((old, home_id), 0) + 1
    found: dict[str, str] = {}
    taken: set[str] = set()
    for (old, new), number in sorted(shared.items(), key=lambda pair: (-pair[1], pair[0])):
        if old in found or new in taken or number < _SHARED * min(len(before[old]), len(now[new])):
            continue
        found[old] = new
        taken.add(new)
    return found
