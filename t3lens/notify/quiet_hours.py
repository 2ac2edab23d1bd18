"""Hours in which nobody is told anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from t3lens.errors import UsageError

__all__ = ["QuietHours"]

_FORM: Final = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A stretch of every day, in local time; it may go past midnight.

    Attributes:
        begin: When it begins.
        end: When it is over.
    """

    begin: time
    end: time

    @classmethod
    def parse(cls, text: str) -> QuietHours:
        """Read ``22:00-07:00``.

        Raises:
            UsageError: It is no such stretch.
        """
        found = _FORM.fullmatch(text.strip())
        try:
            if found is None:
                raise ValueError
            hours = cls(time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4])))
        except ValueError:
            raise UsageError(f"quiet hours are given as 22:00-07:00, not {text!r}", code="bad-quiet-hours") from None
        if hours.begin == hours.end:
            raise UsageError("quiet hours that end when they begin are none, or all; leave them out", code="bad-quiet-hours")
        return hours

    def hold(self, now: datetime) -> bool:
        """Whether a moment lies in them.

        Args:
            now: An aware moment; its own zone's wall clock counts.
        """
        at = now.time()
        if self.begin < self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end
