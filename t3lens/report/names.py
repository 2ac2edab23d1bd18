"""Names for people in sentences: a thread's title, the beginning of an id. Whole ids stand in tables and evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["Names"]

_SHORT: Final = 8
_LONG: Final = 13
"""Ids shorter than this stay whole."""

_LEAD: Final = re.compile(r"[a-z]+[-_](?=.)")
"""What some ids begin with: ``msg-``, ``turn_``."""

_WORD: Final = re.compile(r"(?P<lead>\bthread )?(?P<id>[A-Za-z0-9][\w-]{11,}\w)")


class Names:
    """Shortens the ids it knows, so far that each still tells itself from the others."""

    def __init__(self, ids: Iterable[str], titles: dict[str, str]) -> None:
        """Learn the ids.

        Args:
            ids: Of threads, turns, messages, requests and events.
            titles: Titles of threads by id, masked.
        """
        known = sorted({one for one in (*ids, *titles) if len(one) >= _LONG})
        around = zip(known, ["", *known], [*known[1:], ""], strict=False)
        self._short = {one: _told_apart(one, before, after) for one, before, after in around}
        self._titles = {one: title for one, title in titles.items() if title}

    def short(self, name: str) -> str:
        """The beginning of an id that tells it from the others."""
        return self._short.get(name, name)

    def text(self, text: str) -> str:
        """A sentence with the ids in it shortened, and threads called by their titles."""
        return _WORD.sub(self._named, text)

    def _named(self, match: re.Match[str]) -> str:
        name, lead = match["id"], match["lead"] or ""
        if name not in self._short:
            return match[0]
        title = self._titles.get(name)
        return f"{lead}“{title}” ({self.short(name)})" if title and lead else f"{lead}{self.short(name)}"


def _told_apart(one: str, before: str, after: str) -> str:
    """The beginning of an id that its neighbours in the alphabet do not share."""
    lead = _LEAD.match(one)
    shared = max(_shared(one, other) for other in (before, after))
    size = max(_SHORT + (lead.end() if lead is not None else 0), shared + 1)
    return one[:size].rstrip("-")


def _shared(one: str, other: str) -> int:
    """With how many characters both begin."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
