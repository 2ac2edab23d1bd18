"""Lines from top to bottom: where they are drawn, so that they cross no name, and which of them are named.

Both renderers draw what is said here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from t3lens.view.scene.axis import Axis
from t3lens.view.scene.parts import SCENE_TOP, Scene, SceneRule, Stretch

__all__ = ["by_telling", "line_stretches", "named_rows", "named_rules", "rule_stretches"]

_ROW: Final = 18.0
_LEAST_LINE: Final = 8
"""What is left of a line between two rows of names is seen as a line from so many pixels on."""


def named_rows(scene: Scene) -> list[Stretch]:
    """The rows in which names stand beside marks, from top to bottom: no line passes there, whatever is looked at."""
    steps = {lane.key: lane.step for lane in scene.lanes}
    rows = sorted({(mark.y, steps.get(mark.lane, _ROW)) for mark in scene.marks if mark.label})
    found: list[Stretch] = []
    for middle, step in rows:
        top = middle - step / 2
        if found and top <= found[-1].y + found[-1].high:
            found[-1] = Stretch(found[-1].y, top + step - found[-1].y)
        else:
            found.append(Stretch(top, step))
    return found


def line_stretches(scene: Scene) -> list[Stretch]:
    """Where a line from top to bottom is drawn: everywhere but in the rows of names."""
    found = []
    top = SCENE_TOP
    for row in named_rows(scene):
        found.append(Stretch(top, row.y - top))
        top = row.y + row.high
    found.append(Stretch(top, scene.height - top))
    return [one for one in found if one.high >= _LEAST_LINE]


def rule_stretches(scene: Scene, rule: SceneRule) -> list[Stretch]:
    """The same of one line, which may have heights of its own: then there are no names where it is."""
    return [Stretch(rule.y, rule.high)] if rule.high else line_stretches(scene)


def by_telling(rules: Iterable[SceneRule]) -> list[SceneRule]:
    """Lines in the order in which their names take the room that there is: the moment that is looked at last."""
    return sorted(rules, key=lambda one: one.kind == "now")


def named_rules(scene: Scene, axis: Axis, letter: float) -> list[SceneRule]:
    """The lines whose names have room above them.

    Args:
        scene: Whose lines they are.
        axis: What they are seen on; of a line that is not there the name is not either.
        letter: How wide a letter is, in pixels.
    """
    found: list[SceneRule] = []
    for rule in by_telling(scene.rules):
        if not rule.label or not axis.start <= rule.at <= axis.end:
            continue
        room = [(len(rule.label) + len(one.label) + 4) / 2 * letter for one in found]
        if all(abs(axis.x(rule.at) - axis.x(one.at)) >= apart for one, apart in zip(found, room, strict=True)):
            found.append(rule)
    return found
