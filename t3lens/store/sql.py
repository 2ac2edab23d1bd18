"""Small pieces of SQL text. Values a user gives are parameters; what stands in a text is fixed when it is written."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["listed", "moment_in", "quoted"]


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


def moment_in(text: str, kind: str = "TIMESTAMP") -> str:
    """SQL of the time that an expression's text says, null for one that says none.

    A time beyond the years 1 to 9999 is none: neither Python nor pandas can show it, and no server was there.

    Args:
        text: SQL of the text.
        kind: ``TIMESTAMP``, or ``TIMESTAMPTZ`` for a text that may name a zone.
    """
    cast = f"TRY_CAST({text} AS {kind})"
    return f"CASE WHEN {cast} BETWEEN {kind} '0001-01-02' AND {kind} '9999-12-30' THEN {cast} END"
