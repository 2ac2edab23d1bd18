"""How many of something, in words."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """A number with what it counts.

    Args:
        number: How many.
        noun: One of them.

    >>> counted(1, "turn"), counted(1_200, "turn"), counted(0, "queued message")
    ('1 turn', '1,200 turns', '0 queued messages')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
