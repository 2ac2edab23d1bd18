"""Small pieces of SQL text. Values a user gives are parameters; what stands in a text is fixed when it is written."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["listed", "quoted"]


def quoted(word: str) -> str:
    """A fixed word as an SQL string.

    >>> quoted("it's")
    "'it''s'"
    """
    return "'" + word.replace("'", "''") + "'"


def listed(words: Iterable[str]) -> str:
    """Fixed words as the inside of an SQL list.

    >>> listed(("turn.completed", "turn.aborted"))
    "'turn.completed', 'turn.aborted'"
    """
    return ", ".join(quoted(word) for word in words)
