"""Two scenes on one axis: the same stretch of time, folded at the same places."""

from __future__ import annotations

from dataclasses import replace

from t3lens.time import SECOND
from t3lens.view.scene.parts import Fold, Scene

__all__ = ["on_common_axis"]

_LEAST = 4 * SECOND


def on_common_axis(first: Scene, second: Scene) -> tuple[Scene, Scene]:
    """Both scenes over all of their time; folded only where neither has anything to show."""
    whole = Fold(min(first.whole.start, second.whole.start), max(first.whole.end, second.whole.end))
    folds = tuple(sorted(_common_folds(_empty(first, whole), _empty(second, whole)), key=lambda fold: fold.start))
    shared = replace(first, whole=whole, range=whole, opens=whole, folds=folds)
    return shared, replace(second, whole=whole, range=whole, opens=whole, folds=folds, zero=first.zero)


def _empty(scene: Scene, whole: Fold) -> list[Fold]:
    """Where a scene shows nothing: its folds, and what lies before and after all of it."""
    found = [*scene.folds, Fold(whole.start, scene.whole.start), Fold(scene.whole.end, whole.end)]
    return [fold for fold in found if fold.end > fold.start]


def _common_folds(one: list[Fold], other: list[Fold]) -> list[Fold]:
    shared = [Fold(max(a.start, b.start), min(a.end, b.end)) for a in one for b in other]
    return [fold for fold in shared if fold.end - fold.start >= _LEAST]
