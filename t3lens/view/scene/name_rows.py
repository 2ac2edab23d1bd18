"""Names beside marks: in which row there is room for each, on which side it stands, and which of them are shown.

This is laid out once, as data, for both renderers. The page's script (``static/timeline.js``) does the same for the
range and the width that somebody looks at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from t3lens.time import duration
from t3lens.view.scene.axis import FOLD_WIDTH, Axis, fold_words
from t3lens.view.scene.parts import Fold, Scene, SceneLane, SceneMark

__all__ = [
    "BESIDE",
    "HALF",
    "MARGIN",
    "USUAL_WIDTH",
    "FoldWords",
    "PlacedName",
    "fold_names",
    "name_width",
    "placed_names",
    "rows_of",
    "usual_axes",
]

BESIDE: Final = 10
"""Pixels from the middle of a mark to its name."""

HALF: Final = 7
"""Half of what a mark itself takes."""

MARGIN: Final = 14
"""Beyond the axis there is so much room for a name."""

USUAL_WIDTH: Final = 860
"""Pixels that an axis usually has, where nobody can ask for its width."""

_NARROW: Final = 480
"""What an axis has in a narrow page."""

_LETTER: Final = 6.3


@dataclass(frozen=True, slots=True)
class PlacedName:
    """How the name of a mark is shown: left or right of it, or not at all, since another one has the room."""

    key: str
    left: bool
    shown: bool


@dataclass(frozen=True, slots=True)
class FoldWords:
    """What stands in a folded stretch, written upwards, and the height of its middle."""

    fold: Fold
    words: str
    y: float


@dataclass(frozen=True, slots=True)
class _Span:
    left: float
    right: float

    def meets(self, others: Sequence[_Span]) -> bool:
        return any(self.left < other.right and other.left < self.right for other in others)


def name_width(label: str) -> float:
    """Pixels that a name takes."""
    return len(label) * _LETTER + 4


def usual_axes(areas: Sequence[Fold], folds: Sequence[Fold], fold_width: float = FOLD_WIDTH) -> list[Axis]:
    """Each of these stretches of time as a usual page and as a narrow one show it."""
    kept = [area for place, area in enumerate(areas) if area not in areas[:place]]
    return [
        Axis(area, folds, left=0, width=width, fold_width=fold_width) for area in kept for width in (USUAL_WIDTH, _NARROW)
    ]


def rows_of(marks: Sequence[SceneMark], axes: Sequence[Axis], most: int) -> list[int]:
    """For each mark the first row in which it and its name cover nothing that was placed before, on any of the axes.

    Args:
        marks: In the order of what they matter: of the last there may be too many, which share the last row.
        axes: All that it may be seen on.
        most: How many rows there may be.
    """
    taken: list[list[list[_Span]]] = [[[] for _ in axes] for _ in range(most)]
    rows = []
    for mark in marks:
        sides = {_turns(mark, axis) for axis in axes if _within(mark, axis)}
        wanted = [
            [_symbol(mark, axis), *(_name(mark, axis, left=side) for side in sides)] if _within(mark, axis) else []
            for axis in axes
        ]
        row = next(
            (n for n, held in enumerate(taken) if not any(_meet(w, h) for w, h in zip(wanted, held, strict=True))),
            most - 1,
        )
        for held, spans in zip(taken[row], wanted, strict=True):
            held += spans
        rows.append(row)
    return rows


def placed_names(scene: Scene, axes: Sequence[Axis]) -> list[PlacedName]:
    """How the names in a scene are shown, if on all of these axes alike; one that would cover a mark or another is not.

    Args:
        scene: Whose marks have names.
        axes: What it is seen on.
    """
    rows: dict[float, list[SceneMark]] = {}
    for mark in scene.marks:
        if mark.label:
            rows.setdefault(mark.y, []).append(mark)
    found = []
    for y, named in rows.items():
        there = [mark for mark in scene.marks if mark.y == y and not mark.high]
        held: list[list[_Span]] = [[] for _ in axes]
        for mark in named:
            left = any(_turns(mark, axis) for axis in axes if _within(mark, axis))
            shown = any(_within(mark, axis) for axis in axes)
            spans = []
            for axis, names in zip(axes, held, strict=True):
                span = _name(mark, axis, left=left)
                spans.append(span)
                if not _within(mark, axis):
                    continue
                others = [_symbol(one, axis) for one in there if one is not mark and _within(one, axis)]
                shown = shown and span.left >= axis.left and not span.meets(names) and not span.meets(others)
            if shown:
                for axis, names, span in zip(axes, held, spans, strict=True):
                    if _within(mark, axis):
                        names.append(span)
            found.append(PlacedName(mark.key, left, shown))
    return found


def fold_names(scene: Scene) -> list[FoldWords]:
    """How long each fold of a scene lasted, where lanes have nothing in it to be covered: those of records alone."""
    lasting = {bar.lane for bar in scene.bars}
    free = _neighbours([lane for lane in scene.lanes if lane.key not in lasting and lane.key != "findings"])
    if not free:
        free = list(scene.lanes)
    top, bottom = (free[0].y, free[-1].y + free[-1].high) if free else (0.0, scene.height)
    named = []
    for fold in scene.folds:
        words = fold_words(fold)
        if name_width(words) > bottom - top:
            words = duration(fold.end - fold.start)
        named.append(FoldWords(fold, words, (top + bottom) / 2))
    return named


def _neighbours(lanes: Sequence[SceneLane]) -> list[SceneLane]:
    """The most of these lanes that stand one below the other."""
    runs: list[list[SceneLane]] = []
    for lane in lanes:
        if runs and lane.y - (runs[-1][-1].y + runs[-1][-1].high) < lane.step:
            runs[-1].append(lane)
        else:
            runs.append([lane])
    return max(runs, key=lambda run: sum(lane.high for lane in run), default=[])


def _within(mark: SceneMark, axis: Axis) -> bool:
    return axis.start <= mark.start <= axis.end


def _turns(mark: SceneMark, axis: Axis) -> bool:
    """Whether a name finds no room right of its mark."""
    return axis.x(mark.start) + BESIDE + 2 + name_width(mark.label) > axis.right + MARGIN


def _symbol(mark: SceneMark, axis: Axis) -> _Span:
    x = axis.x(mark.start)
    return _Span(x - HALF, x + HALF)


def _name(mark: SceneMark, axis: Axis, *, left: bool) -> _Span:
    x, wide = axis.x(mark.start), name_width(mark.label)
    return _Span(x - BESIDE - wide, x - BESIDE) if left else _Span(x + BESIDE, x + BESIDE + wide)


def _meet(wanted: Sequence[_Span], held: Sequence[_Span]) -> bool:
    return any(span.meets(held) for span in wanted)
