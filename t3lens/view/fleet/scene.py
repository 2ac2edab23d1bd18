"""The fleet's timeline as a scene: a lane for each thread shown, turns and incidents in it, server runs behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from t3lens.counted import counted
from t3lens.time import SECOND, Micros, duration
from t3lens.view.fleet.data import FleetBar, FleetIncident, FleetRow, ServerMark, verdict_counts
from t3lens.view.page import theme
from t3lens.view.page.escape import short_id
from t3lens.view.scene.axis import folds_of
from t3lens.view.scene.parts import Fold, Scene, SceneBand, SceneBar, SceneLane, SceneMark, SceneRule
from t3lens.view.timeline.parts import INCIDENT_NAMES

__all__ = [
    "FLEET_BARS",
    "FLEET_MARKS",
    "FleetContent",
    "bar_end",
    "bar_verdict",
    "cut_at_word",
    "fleet_scene",
    "group_of",
    "incident_end",
    "quiet_stretches",
]

FLEET_BARS: Final = {
    **{
        f"verdict:{name}": {"idle": "completed", "stopped": "interrupted or stopped"}.get(name, name)
        for name in theme.VERDICT
    },
    **{role.replace("verdict:", "incident:"): name for role, name in INCIDENT_NAMES.items()},
}
"""Roles of the bars of all threads, and what they are called."""

_TELLING: Final = ("stuck", "diverged", "waiting", "failed")

FLEET_MARKS: Final = {f"since:{name}": f"{name} since" for name in _TELLING}
"""Roles of the marks of all threads, and what they are called."""

_STATE_VERDICT: Final = {
    "error": "failed", "interrupted": "stopped", "completed": "idle", "running": "working", "pending": "working",
}  # fmt: skip
_BARS: Final = 2_400
_MOST_RULES: Final = 200
_TOP: Final = 26.0
_ROW: Final = 22.0
_GROUP_GAP: Final = 5.0
_GROUP: Final = 16
_TITLE: Final = 36
_TITLE_BESIDE: Final = 20
_SHORT: Final = 14
"""Letters that there is room for beside the rows: of a group, of a title, of one beside a group, of one in a narrow page."""
_SERVER: Final = {"start": "server start", "stop": "server stop", "stall": "stall"}


@dataclass(frozen=True, slots=True)
class FleetContent:
    """What stands in the rows shown: bars and incidents of these threads, servers of their homes."""

    rows: tuple[FleetRow, ...]
    shown: tuple[FleetRow, ...]
    first: int
    bars: tuple[FleetBar, ...]
    incidents: tuple[FleetIncident, ...]
    servers: tuple[ServerMark, ...]
    whole: Fold
    as_of: Micros
    group_by: str


def group_of(row: FleetRow, group_by: str) -> str:
    """The name of the group a thread stands in."""
    return str(getattr(row, group_by) or "–")


def bar_verdict(bar: FleetBar, verdict: str) -> str:
    """What a turn's colour says: what its findings make of it, else how it ended."""
    if bar.makes in theme.VERDICT:
        return str(bar.makes)
    if bar.open:
        return verdict if verdict in ("stuck", "diverged", "waiting") else "working"
    return _STATE_VERDICT.get(bar.state, "unknown")


def bar_end(bar: FleetBar, row: FleetRow, as_of: Micros) -> Micros:
    """An open turn reaches to the moment its home's verdicts are about."""
    return max((row.as_of or as_of) if bar.open else bar.end or bar.start, bar.start)


def incident_end(one: FleetIncident, row: FleetRow, as_of: Micros) -> Micros:
    """One that goes on reaches to the moment its home's verdicts are about."""
    return max((row.as_of or as_of) if one.end is None else one.end, one.start)


def fleet_scene(content: FleetContent, area: Fold) -> Scene:
    """Everything that a picture of these threads shows of a stretch of time."""
    lanes = _lanes(content)
    place = {(row.home_id, row.thread_id): lane for row, lane in zip(content.shown, lanes, strict=True)}
    rows = {(row.home_id, row.thread_id): row for row in content.shown}
    drawn = _most_important_bars([b for b in content.bars if _touches(b.start, _end(b, rows, content), area)], content.as_of)
    bars = [_turn(bar, rows[bar.home_id, bar.thread_id], place[bar.home_id, bar.thread_id], content) for bar in drawn]
    for one in content.incidents:
        row = rows[one.home_id, one.thread_id]
        if _touches(one.start, incident_end(one, row, content.as_of), area):
            bars.append(_incident(one, row, place[one.home_id, one.thread_id], content))
    marks = [
        _onset(row, lane) for row, lane in zip(content.shown, lanes, strict=True) if row.verdict in _TELLING and row.since
    ]
    used = {bar.role for bar in bars}
    counts = ", ".join(f"{n:,} {name}" for name, n in verdict_counts(list(content.rows)).items())
    return Scene(
        key=f"fleet/{content.group_by}/{content.first}",
        title=f"{counted(len(content.rows), 'thread')} · {counts}{_which_rows(content)}",
        verdict=None, primary=None, since=None, range=area, whole=content.whole, opens=content.whole, zero=None,
        as_of=content.as_of, lanes=lanes, bars=tuple(bars), marks=tuple(marks), rules=tuple(_rules(content, lanes)),
        bands=tuple(_bands(content, lanes)), folds=folds_of(quiet_stretches(content), content.whole),
        legend=(
            *((role, name) for role, name in FLEET_BARS.items() if role in used),
            *((role, name) for role, name in FLEET_MARKS.items() if role in {mark.role for mark in marks}),
        ),
        height=(lanes[-1].y + _ROW if lanes else _TOP) + 4, records=sum(row.records for row in content.shown), gutter=260,
    )  # fmt: skip


def _which_rows(content: FleetContent) -> str:
    if len(content.shown) == len(content.rows):
        return ""
    if content.first == 0:
        return f"; the worst {len(content.shown)} shown"
    return f"; {content.first + 1:,} to {content.first + len(content.shown):,} shown"


def _touches(start: Micros, end: Micros, area: Fold) -> bool:
    return start <= area.end and end >= area.start


def _end(bar: FleetBar, rows: dict[tuple[str, str], FleetRow], content: FleetContent) -> Micros:
    return bar_end(bar, rows[bar.home_id, bar.thread_id], content.as_of)


def _most_important_bars(bars: list[FleetBar], as_of: Micros) -> list[FleetBar]:
    """At most so many bars: open and accused turns all, then the longest."""
    if len(bars) <= _BARS:
        return bars
    return sorted(bars, key=lambda b: (not (b.open or b.makes), -((b.end or as_of) - b.start)))[:_BARS]


def _lanes(content: FleetContent) -> tuple[SceneLane, ...]:
    found = []
    y, before = _TOP, None
    for row in content.shown:
        group = group_of(row, content.group_by)
        begins = group != before
        if begins and before is not None:
            y += _GROUP_GAP
        sign = theme.look(f"verdict:{row.verdict}").sign
        found.append(
            SceneLane(
                key=f"{row.home_id}/{row.thread_id}", note="", y=y, step=_ROW, rows=1,
                title=f"{cut_at_word(row.title, _TITLE_BESIDE if begins else _TITLE)}  {sign}",
                short=f"{cut_at_word(row.title, _SHORT)} {sign}", group=_group_name(group) if begins else "",
            )
        )  # fmt: skip
        before, y = group, y + _ROW
    return tuple(found)


def cut_at_word(text: str, most: int) -> str:
    """``text``, or as many of its first words as fit into so many letters, with an ellipsis."""
    if len(text) <= most:
        return text
    head = text[: most - 1]
    whole = max(head.rfind(joint) + (joint != " ") for joint in " -_/.")
    if text[most - 1] == " " or whole < most // 2:  # it ends there, or its last word is most of it
        whole = most - 1
    return f"{head[:whole].rstrip(' -_/.')}…"


def _group_name(group: str) -> str:
    """What a group is called beside its first row: of a path too long for that the end, which tells homes apart."""
    while len(group) > _GROUP and "/" in group:
        group = group.partition("/")[2]
    return cut_at_word(group, _GROUP)


def _key(row: FleetRow, record: str) -> str:
    return f"{row.home_id}\x1f{row.thread_id}\x1f{record}"


def _turn(bar: FleetBar, row: FleetRow, lane: SceneLane, content: FleetContent) -> SceneBar:
    verdict = bar_verdict(bar, row.verdict)
    what = f"turn {short_id(bar.turn_id or 'pending', 36)}: {bar.state}"
    thread = f"thread {row.verdict}{f': {row.primary}' if row.primary else ''}"
    return SceneBar(
        key=_key(row, f"turn:{bar.turn_id}" if bar.turn_id else "session:row"), lane=lane.key, y=lane.y + 4, high=_ROW - 7,
        start=bar.start, end=bar_end(bar, row, content.as_of), open=bar.open, role=f"verdict:{verdict}", title=row.title,
        lines=(what, thread), end_role=f"verdict:{verdict}",
    )  # fmt: skip


def _incident(one: FleetIncident, row: FleetRow, lane: SceneLane, content: FleetContent) -> SceneBar:
    end = incident_end(one, row, content.as_of)
    least = "at least " if one.end is None else ""
    lines = (
        f"{one.verdict}: {one.code} for {least}{duration(end - one.start)}",
        "goes on" if one.end is None else f"ended by: {one.ended_by}",
    )
    return SceneBar(
        key=_key(row, f"incident:{one.incident_id}"), lane=lane.key, y=lane.y, high=3, start=one.start, end=end, open=False,
        role=f"incident:{one.verdict}", title=row.title, lines=lines,
    )  # fmt: skip


def _onset(row: FleetRow, lane: SceneLane) -> SceneMark:
    at = row.since or 0
    said = f"{row.verdict}{f': {row.primary}' if row.primary else ''}"
    return SceneMark(
        key=_key(row, "session:row"), lane=lane.key, y=lane.y + _ROW / 2, start=at, end=at, role=f"since:{row.verdict}",
        shape=f"verdict:{row.verdict}", title=row.title, lines=(said,),
    )  # fmt: skip


def quiet_stretches(content: FleetContent) -> Iterable[Fold]:
    """Stretches in which no turn of these threads begins, ends or goes on, and no server comes or goes."""
    rows = {(row.home_id, row.thread_id): row for row in content.shown}
    busy = sorted(
        (bar.start // SECOND * SECOND, _end(bar, rows, content) if not bar.open else bar.start) for bar in content.bars
    )
    moments = [*(m.at for m in content.servers), *(r.since for r in content.shown if r.since is not None)]
    moments += [at for one in content.incidents for at in (one.start, one.end) if at is not None]
    moments += [_end(bar, rows, content) for bar in content.bars if bar.open]
    busy += [(at, at) for at in moments]
    reach = content.whole.start
    for start, end in sorted(busy):
        if start - reach > 5 * SECOND and reach > content.whole.start:
            yield Fold(reach, start)
        reach = max(reach, end)


def _stretches(rows: list[SceneLane]) -> list[tuple[float, float]]:
    """Neighbouring lanes as upper edge and height."""
    found: list[tuple[float, float]] = []
    for lane in rows:
        if found and lane.y - (found[-1][0] + found[-1][1]) <= _GROUP_GAP:
            found[-1] = (found[-1][0], lane.y + _ROW - found[-1][0])
        else:
            found.append((lane.y, _ROW))
    return found


def _of_home(content: FleetContent, lanes: tuple[SceneLane, ...]) -> Iterable[tuple[str, list[FleetRow], list[SceneLane]]]:
    for home in sorted({row.home_id for row in content.shown}):
        mine = [(row, lane) for row, lane in zip(content.shown, lanes, strict=True) if row.home_id == home]
        yield home, [row for row, _ in mine], [lane for _, lane in mine]


def _bands(content: FleetContent, lanes: tuple[SceneLane, ...]) -> Iterable[SceneBand]:
    """Each run of a home's server behind that home's rows."""
    for home, rows, mine in _of_home(content, lanes):
        first = min([row.first_at for row in rows if row.first_at is not None] or [content.whole.start])
        # a server that is alive runs on to the moment looked at
        last = max([at for row in rows for at in (row.last_at, row.as_of) if at is not None] or [content.as_of])
        told = [mark for mark in content.servers if mark.home_id == home and mark.kind != "stall"]
        runs = sorted([ServerMark(home, first, "start"), *told], key=lambda mark: mark.at)
        for run, following in pairwise([*runs, ServerMark(home, max(last, runs[-1].at), "stop")]):
            if run.kind != "stop" and following.at > run.at:
                yield from (SceneBand(run.at, following.at, y, high) for y, high in _stretches(mine))


def _rules(content: FleetContent, lanes: tuple[SceneLane, ...]) -> list[SceneRule]:
    homes = {row.home_id for row in content.shown}
    found = [SceneRule(content.as_of, "now", "as of")]
    for home, _, mine in _of_home(content, lanes):
        for mark in [one for one in content.servers if one.home_id == home]:
            kind = "stall" if mark.kind == "stall" else "server"
            label = _SERVER[mark.kind] if len(homes) == 1 else ""
            found += [
                SceneRule(mark.at, kind, label if place == 0 else "", y, high)
                for place, (y, high) in enumerate(_stretches(mine))
            ]
    return sorted(found, key=lambda rule: (rule.at, rule.kind, rule.y))[:_MOST_RULES]
