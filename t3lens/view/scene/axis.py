"""Time on an axis: where it is folded, where a moment lies, and which moments are named.

The page's script (``static/timeline.js``) places moments by the same rules, when somebody zooms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from t3lens.time import SECOND, Micros, duration, to_datetime
from t3lens.view.scene.parts import Fold

__all__ = [
    "FOLD_WIDTH",
    "NAMED_WITH_DAY",
    "STEPS",
    "Axis",
    "Tick",
    "fold_words",
    "folds_of",
    "relative",
    "ticks",
    "with_margin",
]

FOLD_WIDTH: Final = 26
"""How wide a folded stretch is, in pixels, however long it lasted and however near one looks."""

_SHARE: Final = 5
"""A stretch is folded if it would take more than one part in so many of what is left."""

_LEAST: Final = 10 * SECOND
_MOST: Final = 8
_MARGIN: Final = 40
"""Beside a fold stays one part in so many of what is shown, so that what happened before it is not at its edge."""

STEPS: Final = tuple(
    int(n * SECOND)
    for n in (
        0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600,
        43200,
    )
) + tuple(n * 86400 * SECOND for n in (1, 2, 7, 14, 30, 90, 365))  # fmt: skip
"""Distances of moments that an axis names."""

_ROOM: Final = 84
"""How many pixels a named moment takes."""

_ROOM_RELATIVE: Final = 104
"""The same where it is named by how long after another one it was."""

_LETTER: Final = 6.3
"""How wide a letter of a name is."""

NAMED_WITH_DAY: Final = 36 * 3600 * SECOND
"""What is longer than this, microseconds, has its moments named with their day."""


def folds_of(quiet: Iterable[Fold], whole: Fold) -> tuple[Fold, ...]:
    """Which of the ``quiet`` stretches are folded, by time: those that would take the room of all the others.

    The longest come first, and each is measured by what the ones before it have left.
    """
    left = whole.end - whole.start
    chosen: list[Fold] = []
    for gap in sorted(quiet, key=lambda one: (one.start - one.end, one.start))[:_MOST]:
        length = gap.end - gap.start
        if length < _LEAST or length * _SHARE <= left:
            break
        left -= length
        chosen.append(gap)
    margin = max(left // _MARGIN, SECOND // 2)
    found = []
    for gap in sorted(chosen, key=lambda one: one.start):
        side = min(margin, (gap.end - gap.start) // 4)
        found.append(Fold(gap.start + side, gap.end - side))
    return tuple(found)


def with_margin(area: Fold, quiet: Iterable[Fold]) -> tuple[Micros, Micros]:
    """``area`` with some room on both sides, by what is left of it once it is folded: what ends at its edge is seen."""
    shut = sum(fold.end - fold.start for fold in folds_of(quiet, area))
    room = max((area.end - area.start - shut) // 50, SECOND // 2)
    return area.start - room, area.end + room


def fold_words(fold: Fold) -> str:
    """What stands in a folded stretch."""
    return f"{duration(fold.end - fold.start)} quiet"


@dataclass(frozen=True, slots=True)
class _Piece:
    start: Micros
    end: Micros
    left: float
    right: float


class Axis:
    """Moments of a range to pixels from ``left`` on, ``width`` in all, with some stretches folded to ``fold_width`` each."""

    def __init__(
        self, area: Fold, folds: Sequence[Fold], *, left: float, width: float, fold_width: float = FOLD_WIDTH
    ) -> None:
        self.fold_width = fold_width
        self.start, self.end = area.start, max(area.end, area.start + 1)
        self.left, self.right = left, left + width
        inside = [f for f in folds if f.start < self.end and f.end > self.start]
        if any(f.start <= self.start and f.end >= self.end for f in inside):
            inside = []  # who looks into a fold sees it as it is
        shut = sum(min(f.end, self.end) - max(f.start, self.start) for f in inside)
        unit = max(width - fold_width * len(inside), 1) / max(self.end - self.start - shut, 1)
        self.unit = unit
        self.folds = tuple(inside)
        self._pieces: list[_Piece] = []
        at, x = self.start, float(left)
        for fold in inside:
            if fold.start > at:
                self._pieces.append(_Piece(at, fold.start, x, x + (fold.start - at) * unit))
                x += (fold.start - at) * unit
                at = fold.start
            end = min(fold.end, self.end)
            self._pieces.append(_Piece(at, end, x, x + fold_width))
            at, x = end, x + fold_width
        if at < self.end:
            self._pieces.append(_Piece(at, self.end, x, self.right))

    def x(self, at: Micros) -> float:
        """Where ``at`` lies; what is outside of the range, at its edge."""
        at = min(max(at, self.start), self.end)
        for piece in self._pieces:
            if at <= piece.end:
                share = (at - piece.start) / max(piece.end - piece.start, 1)
                return round(piece.left + share * (piece.right - piece.left), 1)
        return round(self.right, 1)

    def clear(self, left: float, right: float) -> tuple[float, float]:
        """The first part of ``left``…``right`` that no fold lies in: a word there is not crossed."""
        for fold in self.folds:
            begins = self.x(fold.start)
            if begins - 1 <= left < begins + self.fold_width:
                left = begins + self.fold_width
            elif begins > left:
                return left, max(min(right, begins), left)
        return left, max(right, left)

    def folded(self, at: Micros) -> bool:
        """Whether ``at`` lies within a folded stretch."""
        return any(fold.start < at < fold.end for fold in self.folds)


@dataclass(frozen=True, slots=True)
class Tick:
    """A named moment and where it lies."""

    at: Micros
    x: float
    words: str


def ticks(axis: Axis, zero: Micros | None = None, *, said: Micros | None = None) -> list[Tick]:
    """The moments that are named, none within a fold, none upon another.

    Args:
        axis: What they are on.
        zero: From where they are counted, if they are.
        said: A moment of the day that is said beside the axis, its first one if not given: moments of other days are
            named with theirs, since a fold may be weeks.
    """
    room = _ROOM if zero is None else _ROOM_RELATIVE
    step = next((one for one in STEPS if one * axis.unit >= room), STEPS[-1])
    days = axis.end - axis.start > NAMED_WITH_DAY
    day = to_datetime(axis.start if said is None else said).date()
    found: list[Tick] = []
    last = float("-inf")  # where the name before ends
    base = zero or 0
    stretches = pairwise((axis.start, *(edge for fold in axis.folds for edge in (fold.start, fold.end)), axis.end))
    for place, (low, high) in enumerate(stretches):
        if place % 2:
            continue
        fine = _fine(step, base, low, high)
        for at in range(_first(fine, base, low), high + 1, fine):
            x = axis.x(at)
            words = _named(at, fine, day, days=days) if zero is None else relative(at, zero)
            half = len(words) * _LETTER / 2
            middle = min(max(x, axis.left + half), axis.right - half)
            if not found or (middle - half >= last + 8 and x - found[-1].x >= room - 10):
                found.append(Tick(at, x, words))
                last = middle + half
    return found


def _first(step: Micros, base: Micros, low: Micros) -> Micros:
    return base - (base - low) // step * step


def _fine(step: Micros, base: Micros, low: Micros, high: Micros) -> Micros:
    """The step for one stretch between folds: finer where it is so short that none of the others' moments lies in it."""
    if _first(step, base, low) <= high:
        return step
    return next((one for one in reversed(STEPS) if one < step and _first(one, base, low) <= high), step)


def _named(at: Micros, step: Micros, day: date, *, days: bool) -> str:
    moment = to_datetime(at)
    days = days or moment.date() != day
    if step >= 86400 * SECOND:
        return f"{moment:%m-%d}"
    if step >= 60 * SECOND:
        return f"{moment:%m-%d %H:%M}" if days else f"{moment:%H:%M}"
    said = f"{moment:%m-%d} " if moment.date() != day else ""
    return f"{said}{moment:%H:%M:%S}" + (f".{at % SECOND // 1000:03d}" if step < SECOND else "")


def relative(at: Micros, zero: Micros) -> str:
    """A moment as a distance from another one."""
    if at == zero:
        return "0 s"
    return f"{'−' if at < zero else '+'}{duration(at - zero)}"
