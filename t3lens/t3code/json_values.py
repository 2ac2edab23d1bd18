"""Values as they stand in what a server or its database says: of the type that is meant, or None."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from t3lens.time import Micros, parse_iso

__all__ = ["as_objects", "as_text", "as_time", "as_whole"]


def as_text(value: Any) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None


def as_whole(value: Any) -> int | None:
    """A whole number; a truth value is none."""
    return value if type(value) is int else None


def as_time(value: Any) -> Micros | None:
    """An ISO time in microseconds UTC."""
    if not isinstance(value, str):
        return None
    try:
        return parse_iso(value)
    except ValueError:
        return None


def as_objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list; what else stands in it is passed over."""
    if isinstance(value, list):
        for entry in value:
            if isinstance(entry, dict):
                yield entry
