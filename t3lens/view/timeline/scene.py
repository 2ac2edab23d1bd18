"""A thread's timeline as a scene: where each lane, bar, mark and word is, and what it says when it is pointed at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from t3lens.diagnose.wording import with_short_ids
from t3lens.t3code.rule_names import rule_words
from t3lens.time import SECOND, Micros, duration
from t3lens.view.page import theme
from t3lens.view.page.escape import short_id
from t3lens.view.scene.axis import folds_of
from t3lens.view.scene.name_rows import rows_of, usual_axes
from t3lens.view.scene.parts import Fold, Scene, SceneBar, SceneLane, SceneMark, SceneRule
from t3lens.view.scene.switches import switched_spec, zoned_spec
from t3lens.view.timeline.parts import ACTION_NAMES, INCIDENT_NAMES, Bar, FindingMark, Mark, TimelineData

__all__ = ["BAR_NAMES", "MARK_NAMES", "is_stuck", "still_spec", "thread_scene", "timeline_spec"]

BAR_NAMES: Final = {
    "state:starting": "starting", "state:pending": "pending", "state:running": "running",
    "state:waiting": "waiting for a person", "state:ready": "ready", "state:idle": "idle",
    "state:completed": "completed", "state:interrupted": "interrupted", "state:stopped": "stopped",
    "state:error": "error", "item:message": "message", "item:reasoning": "reasoning", "item:tool": "tool",
    "item:failed": "failed item", "item:other": "other",
    "action:effect": f"action {ACTION_NAMES['action:effect']}",
    **INCIDENT_NAMES,
}  # fmt: skip
"""What roles of bars are called."""

MARK_NAMES: Final = {
    "item:lifecycle": "lifecycle event", "item:terminal": "end of turn or session", "item:trouble": "error or warning",
    "item:ask": "request", "item:command": "person's request", "item:other": "other event", "note": "note",
    **{role: f"action {name}" for role, name in ACTION_NAMES.items() if role != "action:effect"},
}  # fmt: skip
"""What roles of marks are called."""

_TOP: Final = 26.0
_ROW: Final = 26.0
_PACKED: Final = 18.0
_LOW: Final = frozenset({"items", "findings"})
_GAP: Final = 6.0
_FINDING_ROWS: Final = 6
_CONNECTOR: Final = 4.0
_WHOLE: Final = ("note", "last error", "error", "said", "session")
_SHORT: Final = 44
_SENTENCES: Final = frozenset({"because", "why"})
_NEAR: Final = 4
"""The whole is looked at first, unless it is more than so many times what is to be seen of the fork."""


def thread_scene(data: TimelineData) -> Scene:
    """Everything that a picture of ``data`` shows."""
    folds = folds_of(data.quiet, Fold(*data.whole))
    zero = _zero(data)
    opens = _opening_range(data, folds, zero)
    findings = [_finding(one, data) for one in data.findings]
    seen = [opens, Fold(*data.whole)]
    # a picture gives a fold some pixels, a figure none
    rows = rows_of(findings, [*usual_axes(seen, folds), *usual_axes(seen, folds, 0)], _FINDING_ROWS)
    lanes = _lanes(data, max(rows, default=0) + 1)
    places = {lane.key: lane for lane in lanes}
    used = {bar.role for bar in data.bars} | {mark.role for mark in data.marks}
    names = {**BAR_NAMES, **{role: name for role, name in MARK_NAMES.items() if role != "item:other"}}
    if any(mark.role == "item:other" for mark in data.marks):
        names["item:other"] = MARK_NAMES["item:other"]
    legend = [(role, name) for role, name in names.items() if role in used]
    severities = {finding.severity for finding in data.findings}
    legend += [(f"severity:{name}", f"finding: {name}") for name in theme.SEVERITY if name in severities]
    return Scene(
        key=f"{data.home_id}/{data.thread_id}",
        title=data.title,
        verdict=data.verdict,
        primary=data.primary,
        since=data.since,
        range=Fold(data.start, data.end),
        whole=Fold(*data.whole),
        opens=opens,
        zero=zero,
        as_of=data.as_of,
        lanes=lanes,
        bars=tuple(_bar(bar, places[bar.lane], data) for bar in data.bars if bar.lane in places),
        marks=(
            *(_mark(mark, places[mark.lane]) for mark in data.marks if mark.lane in places),
            *(replace(one, y=_middle(places["findings"], row)) for one, row in zip(findings, rows, strict=True)),
        ),
        rules=_rules(data),
        bands=(),
        folds=folds,
        legend=tuple(legend),
        height=lanes[-1].y + lanes[-1].high + _GAP if lanes else _TOP,
        records=data.records,
    )


def timeline_spec(data: TimelineData, *, offset: Micros = 0, since_fork: bool = False) -> dict[str, Any]:
    """Traces and layout of a thread's figure in a light page's colours; times in a zone, or since the fork."""
    return zoned_spec(thread_scene(data), BAR_NAMES, MARK_NAMES, offset=offset, since_fork=since_fork)


def still_spec(data: TimelineData, *, dark: bool, since_fork: bool = False) -> dict[str, Any]:
    """The same of a figure that stands alone, with buttons for its theme and for how its times are told."""
    return switched_spec(thread_scene(data), BAR_NAMES, MARK_NAMES, dark=dark, since_fork=since_fork)


def _lanes(data: TimelineData, finding_rows: int) -> tuple[SceneLane, ...]:
    found = []
    y = _TOP
    for lane in data.lanes:
        rows = finding_rows if lane.key == "findings" else lane.rows
        step = _PACKED if rows > 1 or lane.key in _LOW else _ROW
        found.append(SceneLane(lane.key, lane.title, lane.title.rpartition(": ")[2], lane.note, y, step, rows))
        y += step * rows + _GAP
    return tuple(found)


def _zero(data: TimelineData) -> Micros | None:
    """Where history forked: where two sets of rules part, else since when the verdict is so."""
    if data.forks:
        return data.forks[0]
    if data.since is not None:
        return data.since
    return min((one.since for one in data.findings if one.since is not None and one.makes is not None), default=None)


def _opening_range(data: TimelineData, folds: tuple[Fold, ...], zero: Micros | None) -> Fold:
    """What is looked at first: the turn in which history forked and what followed; all, if that is little more."""
    low, high = data.whole
    if zero is None:
        return Fold(low, high)
    began = [bar.start for bar in data.bars if bar.lane.startswith("turns-") and bar.start <= zero <= bar.end]
    first = min(max(began, default=zero), zero)
    reach = max(zero - first, 20 * SECOND)
    start, end = first - reach // 4, zero + 2 * reach
    for fold in folds:
        if zero <= fold.start <= end:  # what comes after the quiet costs no room
            end = max(end, min(fold.end + reach // 4, high))
    start, end = max(start, low), min(end, high)
    if _open_time(Fold(low, high), folds) <= _NEAR * _open_time(Fold(start, end), folds):
        return Fold(low, high)
    return Fold(start, end)


def _open_time(area: Fold, folds: tuple[Fold, ...]) -> int:
    shut = sum(max(min(f.end, area.end) - max(f.start, area.start), 0) for f in folds)
    return max(area.end - area.start - shut, 1)


def is_stuck(bar: Bar, data: TimelineData) -> bool:
    """Whether this bar is what the verdict *stuck* is about."""
    return bar.open and data.verdict == "stuck" and bar.lane in ("session-stored", "turns-stored")


def _bar(bar: Bar, lane: SceneLane, data: TimelineData) -> SceneBar:
    # An action's bar only ties its mark to its effect.
    high = _CONNECTOR if bar.lane == "actions" else lane.step - 4
    stuck = is_stuck(bar, data)
    state = bar.role.partition(":")[2]
    label = plate = ""
    if bar.lane.startswith(("session", "turns", "incidents", "recorded", "attempts", "provider-turns")):
        # An agent's record has words of its own for what became of a turn: "cut" is no error.
        word = bar.title.rpartition(": ")[2] if bar.lane == "recorded" and bar.count == 1 else None
        label = f"{theme.look(bar.role).sign} {word or BAR_NAMES.get(bar.role, state)}"
    if bar.open and bar.lane != "items":
        length = duration(bar.end - bar.start)
        plate = f"stuck for {length}" if stuck else f"open for {length}"
    return SceneBar(
        key=bar.key, lane=bar.lane, y=lane.y + bar.row * lane.step + (lane.step - high) / 2, high=high, start=bar.start,
        end=bar.end, open=bar.open, role=bar.role, title=bar.title, lines=_lines(bar.facts), label=label, plate=plate,
        end_role="verdict:stuck" if stuck else bar.role, count=bar.count,
    )  # fmt: skip


def _mark(mark: Mark, lane: SceneLane) -> SceneMark:
    lines = _lines(mark.facts)
    return SceneMark(
        key=mark.key, lane=mark.lane, y=lane.y + lane.step / 2, start=mark.at, end=mark.until, role=mark.role,
        shape=mark.role, title=mark.title, lines=(*lines, "zoom in for each") if mark.count > 1 else lines,
        label=mark.title[:36] if mark.role == "note" else "",
        high=round(3 + (lane.step - 6) * mark.weight, 1) if mark.dense else 0.0, count=mark.count,
    )  # fmt: skip


def _middle(lane: SceneLane, row: int) -> float:
    return lane.y + (row + 0.5) * lane.step


def _finding(found: FindingMark, data: TimelineData) -> SceneMark:
    """A finding that has no row of its lane yet."""
    at = data.whole[0] if found.since is None else found.since
    where = ", of the whole home" if found.home_wide else ""
    lines = [f"{found.severity}, {found.confidence}{where}", found.summary]
    if found.remedy not in ("", "none"):
        lines.append(f"remedy: {found.remedy}")
    role = f"severity:{found.severity}"
    return SceneMark(
        key=f"finding:{found.finding_id}", lane="findings", y=0.0, start=at, end=at,
        role=role, shape=role, title=found.code, lines=tuple(lines), label=found.code,
    )  # fmt: skip


def _lines(facts: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    return tuple(_line(name, value) for name, value in facts)


def _line(name: str, value: str) -> str:
    if name == "rule":
        return rule_words(value)
    if name in _SENTENCES:
        return f"{name}: {with_short_ids(value)}"
    return f"{name}: {value if name in _WHOLE or len(value) <= _SHORT else short_id(value, _SHORT)}"


def _rules(data: TimelineData) -> tuple[SceneRule, ...]:
    found = [SceneRule(at, "server", word) for at, word in data.servers]
    found += [SceneRule(at, "fork", "history forks here") for at in data.forks]
    if data.since is not None:
        found.append(SceneRule(data.since, "since"))
    found.append(SceneRule(data.as_of, "now", "as of"))
    return tuple(sorted(found, key=lambda rule: (rule.at, rule.kind)))
