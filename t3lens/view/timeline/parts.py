"""The parts of a thread's picture: bars, marks, findings and lanes, and how rows of the private tables become them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import msgspec

from t3lens.time import Micros
from t3lens.view.scene.parts import Fold

__all__ = [
    "ACTION_NAMES",
    "INCIDENT_NAMES",
    "Bar",
    "FindingMark",
    "Lane",
    "Mark",
    "TimelineData",
    "action_role",
    "bar_of",
    "facts_of",
    "mark_of",
    "packed",
]

ACTION_NAMES: Final = {
    "action:applied": "applied", "action:already": "already so", "action:failed": "failed",
    "action:not-confirmed": "not confirmed", "action:refused": "refused", "action:cut-off": "cut off",
    "action:effect": "until its effect was seen",
}  # fmt: skip
"""Roles of the lane of actions and what they are called."""

INCIDENT_NAMES: Final = {
    "verdict:stuck": "was stuck", "verdict:diverged": "was stored untruly", "verdict:waiting": "waited for a person",
    "verdict:failed": "had failed",
}  # fmt: skip
"""Roles of the lane of incidents and what they are called."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasted. Times in microseconds UTC; ``key`` names its record, ``count`` how many it stands for."""

    lane: str
    row: int
    start: Micros
    end: Micros
    open: bool
    role: str
    title: str
    facts: tuple[tuple[str, str], ...]
    key: str
    count: int = 1
    turn_id: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """One record at one moment (or ``count`` neighbours of one kind). ``weight`` 0…1 is how dense its bucket is."""

    lane: str
    at: Micros
    until: Micros
    role: str
    title: str
    facts: tuple[tuple[str, str], ...]
    key: str
    count: int = 1
    dense: bool = False
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class FindingMark:
    """A finding on the time axis: since when it is so."""

    finding_id: str
    code: str
    severity: str
    confidence: str
    since: Micros | None
    summary: str
    remedy: str
    makes: str | None
    turn_id: str | None
    home_wide: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane: its key, title, number of rows, and, when it is empty, why."""

    key: str
    title: str
    rows: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class TimelineData:
    """Everything one picture of a thread needs; ``start``…``end`` is the range in view, ``whole`` all there is,
    ``quiet`` the longest stretches of the whole in which nothing begins, ends or is recorded."""

    home_id: str
    thread_id: str
    title: str
    provider: str | None
    verdict: str | None
    primary: str | None
    since: Micros | None
    as_of: Micros
    start: Micros
    end: Micros
    whole: tuple[Micros, Micros]
    lanes: tuple[Lane, ...]
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    findings: tuple[FindingMark, ...]
    forks: tuple[Micros, ...]
    servers: tuple[tuple[Micros, str], ...]
    records: int
    reduced: bool
    quiet: tuple[Fold, ...] = ()

    @property
    def mark_count(self) -> int:
        """How many marks a drawing of this puts on screen."""
        return len(self.bars) + len(self.marks) + len(self.findings)


def bar_of(
    lane: str,
    key: str,
    turn_id: str | None,
    start: Micros,
    stop: Micros,
    is_open: bool,
    state: str,
    title: str | None,
    facts: str | None,
    count: int,
) -> Bar:
    """A row of ``spans`` (or what several were reduced to) as a bar of its lane's first row."""
    role = f"state:{state}"
    if lane == "actions":
        role = "action:effect"
    elif lane == "incidents":
        role = f"verdict:{state}"
    elif lane == "items":
        kind, _, status = state.partition(":")
        role = _item_role(kind, status)
        title = kind.replace("_", " ") + (f", {status}" if status else ", open" if is_open else "")
    if count > 1:
        title = f"{count:,} × {title or state}"
    return Bar(
        lane=lane, row=0, start=start, end=max(stop, start), open=is_open, role=role,
        title=title or state, facts=facts_of(facts), key=key, count=count, turn_id=turn_id,
    )  # fmt: skip


def action_role(outcome: str) -> str:
    """The role of an action's mark; an outcome this version does not know looks cut off."""
    role = f"action:{outcome.replace(' ', '-')}"
    return role if role in ACTION_NAMES and role != "action:effect" else "action:cut-off"


def _item_role(kind: str, status: str) -> str:
    if status in ("failed", "declined"):
        return "item:failed"
    if kind in ("assistant_message", "user_message"):
        return "item:message"
    if kind in ("reasoning", "plan"):
        return "item:reasoning"
    if kind in ("unknown", "context_compaction", "review_entered", "review_exited"):
        return "item:other"
    return "item:failed" if kind == "error" else "item:tool"


def facts_of(text: str | None) -> tuple[tuple[str, str], ...]:
    """A JSON object as names and values, without those that are null."""
    if not text:
        return ()
    found = msgspec.json.decode(text)
    return tuple((name, str(value)) for name, value in found.items() if value is not None)


def mark_of(
    lane: str,
    at: Micros,
    until: Micros,
    kind_of_record: str | None,
    kind: str,
    turn_id: str | None,
    item_id: str | None,
    key: str,
    count: int,
    *,
    most: int | None = None,
) -> Mark:
    """A record (or ``count`` neighbours of one kind) as a mark; as a column, if ``most`` is what the fullest one has."""
    facts = tuple((n, v) for n, v in (("turn", turn_id), ("item", item_id)) if v)
    title = kind_of_record or "record"
    return Mark(
        lane=lane, at=at, until=until, role=f"item:{kind}",
        title=f"{count:,} × {title}" if count > 1 else title, facts=facts, key=key, count=count,
        dense=most is not None, weight=(count / most) ** 0.5 if most else 1.0,
    )  # fmt: skip


def packed(bars: list[Bar], rows: int) -> list[Bar]:
    """``bars`` (by start) spread over a few rows, so that what overlaps stays visible."""
    free = [-(2**63)] * rows
    placed = []
    for bar in bars:
        row = next((r for r, until in enumerate(free) if until <= bar.start), None)
        if row is None:
            row = free.index(min(free))
        free[row] = max(free[row], bar.end)
        placed.append(replace(bar, row=row) if row else bar)
    return placed
