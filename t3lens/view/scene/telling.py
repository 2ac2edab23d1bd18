"""How a figure tells its times: in UTC, in a zone, or counted from where history forked."""

from __future__ import annotations

from dataclasses import dataclass

from t3lens.time import Micros, iso, to_datetime
from t3lens.view.scene.axis import relative

__all__ = ["Telling"]


@dataclass(frozen=True, slots=True)
class Telling:
    """How the times of one figure are told.

    Attributes:
        zone: What the zone is called that the figure's moments are in.
        zero: From where times are counted, microseconds as the figure has them; None for a clock's time.
    """

    zone: str = "UTC"
    zero: Micros | None = None

    def clock(self, at: Micros) -> str:
        """A time of day with milliseconds, or how long before or after the fork it was."""
        if self.zero is not None:
            return relative(at, self.zero)
        return to_datetime(at).strftime("%H:%M:%S.%f")[:-3]

    def since(self, at: Micros) -> str:
        """Since when a verdict is so: by the clock, as that is where the others count from."""
        words = to_datetime(at).strftime("%H:%M:%S.%f")[:-3]
        return words if self.zero is None else f"{words} {self.zone}"

    def of(self, first: Micros) -> str:
        """What the figure says its times are in."""
        if self.zero is not None:
            return f"times since the fork, {iso(self.zero)[:19].replace('T', ' ')} {self.zone}"
        return f"{to_datetime(first):%Y-%m-%d}, times in {self.zone}"
