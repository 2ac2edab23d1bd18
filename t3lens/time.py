"""Time in t3lens: whole microseconds since the epoch, always UTC.

The model works with plain integers (exact, ordered, cheap in a replay of millions of events); people and
pandas get timezone-aware datetimes. These three functions are the only way from one to the other.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from t3lens.errors import UsageError

__all__ = [
    "SECOND",
    "Micros",
    "duration",
    "from_datetime",
    "iso",
    "now",
    "parse_iso",
    "parse_moment",
    "to_datetime",
    "written_time",
]

Micros = int
"""Microseconds since 1970-01-01T00:00:00Z."""

SECOND: Final[Micros] = 1_000_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


def now() -> Micros:
    """The present moment."""
    return time.time_ns() // 1000


def to_datetime(at: Micros) -> datetime:
    """The timezone-aware datetime (UTC) of ``at``; of one beyond the years 1 to 9999, which a damaged record may hold, the
    nearest that can be written.
    """
    return _EPOCH + timedelta(microseconds=min(max(at, _FIRST), _LAST))


def from_datetime(moment: datetime) -> Micros:
    """Microseconds of an aware datetime.

    Raises:
        ValueError: ``moment`` has no timezone; guessing one would shift every verdict.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no timezone; add Z for UTC")
    return (moment - _EPOCH) // _MICROSECOND


def parse_iso(text: str) -> Micros:
    """Microseconds of an ISO 8601 time; one without a zone is taken as UTC, as T3 Code writes it.

    Raises:
        ValueError: ``text`` is no ISO 8601 time.
    """
    moment = datetime.fromisoformat(text)
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def written_time(value: object, otherwise: Micros) -> Micros:
    """Microseconds of a time that stands in a payload; ``otherwise`` where no ISO 8601 time stands there."""
    if not isinstance(value, str):
        return otherwise
    try:
        return parse_iso(value)
    except ValueError:
        return otherwise


def iso(at: Micros) -> str:
    """``at`` as T3 Code writes times: ISO 8601, UTC, milliseconds, ``Z``."""
    moment = to_datetime(at)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def parse_moment(moment: str | datetime | Micros) -> Micros:
    """A time as people give it, in microseconds.

    Args:
        moment: ISO 8601 text (UTC unless it says otherwise), an aware datetime, or microseconds.

    Raises:
        UsageError: It is no time.
    """
    try:
        if isinstance(moment, str):
            return parse_iso(moment.strip())
        if isinstance(moment, datetime):
            return from_datetime(moment)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{str(moment)[:60]!r} is no time ({error}); write it like 2026-07-01T10:03:00Z",
            code="bad-time",
        ) from None
    return int(moment)


def duration(span: Micros) -> str:
    """A length of time for people: ``850 ms``, ``12 s``, ``4 min 5 s``, ``3 h 20 min``, ``2 d 4 h``."""
    seconds = abs(span) / SECOND
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = int(seconds)
    for size, unit, below, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
