"""Reading values that programs of many builds wrote: nothing here fails, what does not fit is None."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from t3lens.time import SECOND, Micros, parse_iso

__all__ = [
    "JsonObject",
    "as_list",
    "as_object",
    "as_text",
    "first_text",
    "json_object",
    "millis",
    "stamp",
    "version_at_least",
    "version_parts",
]

JsonObject = dict[str, Any]

_MILLISECOND: Final = SECOND // 1000
_LATEST: Final = 253_402_300_799 * SECOND  # the last second that datetime knows


def json_object(raw: bytes | str) -> JsonObject | None:
    """The JSON object ``raw`` holds; None if it holds none.

    The fast decoder takes half a surrogate pair (JavaScript writes one when it cuts an emoji) for the end of
    its input; the standard one reads it.
    """
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def as_text(value: object) -> str | None:
    """``value`` if it is a text that is not empty."""
    return value if isinstance(value, str) and value else None


def as_object(value: object) -> JsonObject:
    """``value`` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def first_text(*values: object) -> str | None:
    """The first of ``values`` that is a text and not empty."""
    return next((text for value in values if (text := as_text(value)) is not None), None)


def stamp(value: object) -> Micros | None:
    """Microseconds of an ISO 8601 text."""
    if not isinstance(value, str):
        return None
    try:
        return parse_iso(value)
    except (ValueError, OverflowError):
        return None


def millis(value: object) -> Micros | None:
    """Microseconds of a number of milliseconds since 1970."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    if not 0 <= value <= _LATEST // _MILLISECOND:
        return None
    return int(value * _MILLISECOND)


def version_parts(version: str | None) -> tuple[int, ...]:
    """The numbers a dotted version begins with; none if it begins with something else."""
    parts: list[int] = []
    for part in (version or "").split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits or len(digits) > 9:
            break
        parts.append(int(digits))
    return tuple(parts)


def version_at_least(version: str | None, *least: int) -> bool:
    """Whether a dotted version is ``least`` or newer; an unknown one is not."""
    parts = version_parts(version)
    return bool(parts) and parts >= least
