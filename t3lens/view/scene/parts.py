"""The parts of a scene: everything a timeline shows, placed from top to bottom, its moments still moments.

A scene knows no width: a renderer puts its moments on an axis (``axis``) and paints. Texts in it are as they were
recorded; a renderer makes them inert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from t3lens.time import Micros

__all__ = ["SCENE_TOP", "Fold", "Scene", "SceneBand", "SceneBar", "SceneLane", "SceneMark", "SceneRule", "Stretch"]

SCENE_TOP: Final = 18.0
"""Where lines from top to bottom begin: below the names of moments."""


@dataclass(frozen=True, slots=True)
class Fold:
    """A stretch in which nothing begins, ends or is recorded; drawn as a narrow strip with its length."""

    start: Micros
    end: Micros


@dataclass(frozen=True, slots=True)
class Stretch:
    """Heights from ``y`` down ``high`` pixels."""

    y: float
    high: float


@dataclass(frozen=True, slots=True)
class SceneLane:
    """One lane: ``y`` is its upper edge, ``step`` the height of one of its ``rows``, in pixels.

    ``short`` is its title where there is little room, ``note`` says why it is empty, ``group`` names the lanes that
    begin here.
    """

    key: str
    title: str
    short: str
    note: str
    y: float
    step: float
    rows: int
    group: str = ""

    @property
    def high(self) -> float:
        """Its whole height."""
        return self.step * self.rows


@dataclass(frozen=True, slots=True)
class SceneBar:
    """Something that lasted: a box from ``y`` down ``high`` pixels.

    ``title`` and ``lines`` are what it says when it is pointed at, ``label`` what stands in it where there is room,
    ``plate`` what stands at the end of what has none. ``role`` names its colour and pattern, ``end_role`` the
    colour of an open end.
    """

    key: str
    lane: str
    y: float
    high: float
    start: Micros
    end: Micros
    open: bool
    role: str
    title: str
    lines: tuple[str, ...] = ()
    label: str = ""
    plate: str = ""
    end_role: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class SceneMark:
    """Something at a moment (or ``count`` of a kind until ``end``), its middle at ``y``.

    ``shape`` names a form of ``shapes``; with ``high`` it is a column of that height instead, as full as its time is.
    ``label`` stands beside it where there is room.
    """

    key: str
    lane: str
    y: float
    start: Micros
    end: Micros
    role: str
    shape: str
    title: str
    lines: tuple[str, ...] = ()
    label: str = ""
    high: float = 0.0
    count: int = 1


@dataclass(frozen=True, slots=True)
class SceneRule:
    """A moment as a line from top to bottom: ``server``, ``stall``, ``since``, ``fork`` or ``now``.

    With ``high`` it reaches only from ``y`` down so far.
    """

    at: Micros
    kind: str
    label: str = ""
    y: float = 0.0
    high: float = 0.0


@dataclass(frozen=True, slots=True)
class SceneBand:
    """A stretch of time behind some lanes: a server's run."""

    start: Micros
    end: Micros
    y: float
    high: float


@dataclass(frozen=True, slots=True)
class Scene:
    """All there is to see, and how it is looked at first.

    Attributes:
        key: Which thread or fleet it is of.
        title: What it is called; ``verdict``, ``primary`` and ``since`` stand beside it.
        range: What it was made for: outside of it is nothing to see.
        whole: All the time there is.
        opens: The part of ``whole`` that is looked at first: where history forked.
        zero: The moment that relative times count from, None where nothing is wrong.
        as_of: The moment the verdict is about.
        height: From the top to the last lane's lower edge.
        folds: Where time is folded, if it is.
        legend: Roles that occur, and what they are called.
        records: How many records it stands for.
    """

    key: str
    title: str
    verdict: str | None
    primary: str | None
    since: Micros | None
    range: Fold
    whole: Fold
    opens: Fold
    zero: Micros | None
    as_of: Micros
    lanes: tuple[SceneLane, ...]
    bars: tuple[SceneBar, ...]
    marks: tuple[SceneMark, ...]
    rules: tuple[SceneRule, ...]
    bands: tuple[SceneBand, ...]
    folds: tuple[Fold, ...]
    legend: tuple[tuple[str, str], ...]
    height: float
    records: int
    gutter: int = 150
