"""Reducing a thread to what fits a screen: spans and points of a time range → bars and marks within a budget.

A lane with more in the range than its budget is reduced in SQL: neighbours of one state become one mark with a count.
Whatever decides a verdict (findings, open turns, failures, lifecycle events) keeps a mark of its own kind at its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from t3lens.time import Micros
from t3lens.view.scene.parts import Fold
from t3lens.view.timeline.parts import (
    Bar,
    FindingMark,
    Mark,
    action_role,
    bar_of,
    facts_of,
    mark_of,
    packed,
)

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "BUDGET",
    "actions_in",
    "bars_in",
    "finding_marks",
    "latest_marks",
    "marks_in",
    "next_moment",
    "quiet_in",
    "spans_at",
]

BUDGET: Final = 3_000
"""At most about this many marks are on screen at once."""

_SPAN_BUDGET: Final = {
    "session-stored": 220, "session-expected": 220, "session-whatif": 220, "turns-stored": 260,
    "turns-expected": 260, "turns-whatif": 260, "items": 420, "requests": 120, "incidents": 120,
    "recorded": 160, "attempts": 160, "provider-turns": 160, "nodes": 260, "effects": 200,
}  # fmt: skip
_IMPORTANT_BUDGET: Final = 160
_BUCKETS: Final = 140
_FINDING_BUDGET: Final = 120
_LEAST: Final = 12
"""However small the share, a lane has room for so many."""
_ACTION_BUDGET: Final = 120
_ROWS: Final = {
    "items": 4,
    "turns-stored": 3,
    "turns-expected": 3,
    "turns-whatif": 3,
    "requests": 3,
    "recorded": 2,
    "incidents": 2,
    "attempts": 2,
    "provider-turns": 2,
    "nodes": 4,
    "effects": 3,
}

# Every choice below ends in the id, so that the same records make the same picture, whatever order they are read in.
# What is wide or open, or bad, stays itself as long as the budget allows; the rest of a bucket is one mark per state.
_REDUCE_SPANS: Final = """
WITH asked AS (SELECT unnest($lanes::VARCHAR[]) AS lane, unnest($keep::BIGINT[]) AS keep, unnest($steps::BIGINT[]) AS step),
inside AS (
    SELECT s.*, keep, step, coalesce(end_us, $as_of) AS stop,
           CASE WHEN state IN ('error', 'waiting') OR state LIKE '%:failed' OR state LIKE '%:declined' THEN 0
                WHEN state IN ('running', 'pending', 'starting', 'interrupted') THEN 1 ELSE 2 END AS badness
    FROM spans AS s JOIN asked USING (lane)
    WHERE start_us <= $hi AND coalesce(end_us, $as_of) >= $lo
),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY lane ORDER BY open DESC, badness, stop - start_us DESC, id) <= keep AS own
    FROM inside
)
SELECT lane, id, turn_id, start_us, stop, open, state, title, facts, 1 AS n FROM ranked WHERE own
UNION ALL
SELECT lane, arg_min(id, row(start_us, id)), NULL, min(start_us), max(stop), bool_or(open), state, NULL, NULL, count(*)
FROM ranked WHERE NOT own
GROUP BY lane, state, (greatest(start_us, $lo) - $lo) // step
"""

# In whole seconds: what is shorter is never folded, and a million records have few of them.
_QUIET: Final = """
WITH seconds AS (
    SELECT DISTINCT at_us // 1000000 AS s FROM points
    UNION SELECT start_us // 1000000 FROM spans
    UNION SELECT end_us // 1000000 FROM spans WHERE end_us IS NOT NULL
    UNION SELECT other_us // 1000000 FROM (SELECT unnest($others::BIGINT[]) AS other_us)
),
stepped AS (SELECT s, lead(s) OVER (ORDER BY s) AS following FROM seconds)
SELECT (s + 1) * 1000000, following * 1000000 FROM stepped WHERE following - s > 5
ORDER BY following - s DESC, s LIMIT 24
"""

_COUNT_SPANS: Final = """
SELECT lane, count(*), count(DISTINCT state) FROM spans
WHERE lane <> 'actions' AND start_us <= $hi AND coalesce(end_us, $as_of) >= $lo GROUP BY lane ORDER BY lane
"""

# Which records are near each other is decided on numbers alone; words are looked up for what is left.
_NAMED: Final = """
    LEFT JOIN names AS t ON t.n = p.turn_n LEFT JOIN names AS i ON i.n = p.item_n
    LEFT JOIN names AS f ON f.n = p.file_n
"""
_KEY: Final = "CASE WHEN p.file_n IS NULL THEN 'event:' || p.line ELSE 'log:' || f.name || ':' || p.line END"

_COUNT_POINTS: Final = """
SELECT lane, important, sum(c)::BIGINT, count(DISTINCT type)
FROM (SELECT kind_n, count(*) AS c FROM points WHERE at_us BETWEEN $lo AND $hi GROUP BY kind_n)
JOIN kinds ON n = kind_n GROUP BY ALL ORDER BY lane, important
"""

_SOME_POINTS: Final = f"""
WITH p AS (
    SELECT p.*, lane, important, type, kind FROM points AS p JOIN kinds AS k ON k.n = p.kind_n
    WHERE at_us BETWEEN $lo AND $hi
      AND ((important AND list_contains($weighty, lane)) OR (NOT important AND list_contains($others, lane)))
)
SELECT lane, important, at_us, at_us AS until, type, kind, t.name, i.name, {_KEY} AS id, 1 FROM p {_NAMED}
ORDER BY file_order, line, id
"""

_IMPORTANT_BUCKETS: Final = f"""
WITH p AS (
    SELECT type, kind, min(at_us) AS first_us, max(at_us) AS last_us, min(turn_n) AS turn_n, NULL AS item_n,
           arg_min(file_n, row(at_us, file_order, line, file_n)) AS file_n,
           arg_min(line, row(at_us, file_order, line, file_n)) AS line, count(*) AS c
    FROM points JOIN kinds ON n = kind_n
    WHERE lane = $lane AND important AND at_us BETWEEN $lo AND $hi
    GROUP BY type, kind, (at_us - $lo) // $step
)
SELECT first_us, last_us, type, kind, CASE WHEN c = 1 THEN t.name END, NULL, {_KEY}, c FROM p {_NAMED}
ORDER BY 1, type, kind
"""

_DENSITY: Final = f"""
WITH counted AS (
    SELECT (at_us - $lo) // $step AS b, kind_n, min(row(file_order, line, file_n)) AS head, count(*) AS c
    FROM points WHERE at_us BETWEEN $lo AND $hi GROUP BY ALL
),
most AS (
    SELECT lane, b, arg_max(type, row(c, type)) AS type, arg_max(head, row(c, type)) AS head, sum(c)::BIGINT AS c
    FROM counted JOIN kinds ON n = kind_n WHERE NOT important AND list_contains($dense, lane) GROUP BY lane, b
),
p AS (SELECT lane, b, type, c, NULL AS turn_n, NULL AS item_n, head[3] AS file_n, head[2] AS line FROM most)
SELECT lane, $lo + b * $step, $lo + (b + 1) * $step, type, 'other', NULL, NULL, {_KEY}, c FROM p {_NAMED} ORDER BY lane, b
"""

_ACTIONS: Final = """
SELECT id, turn_id, start_us, end_us, state, title, facts FROM spans
WHERE lane = 'actions' AND start_us <= $hi AND end_us >= $lo ORDER BY start_us DESC, id DESC LIMIT $most
"""

_AT: Final = """
SELECT lane, id, turn_id, start_us, coalesce(end_us, $as_of), open, state, title, facts, 1
FROM spans
WHERE start_us <= $at AND coalesce(end_us, greatest($as_of, $at) + 1) > $at
ORDER BY lane, start_us, id LIMIT 60
"""

_MOMENTS: Final = """
(SELECT at_us AS t FROM points JOIN kinds ON n = kind_n WHERE important UNION ALL SELECT start_us FROM spans UNION ALL
 SELECT end_us FROM spans WHERE end_us IS NOT NULL)
"""
_NEXT: Final = f"SELECT min(t) FROM {_MOMENTS} WHERE t > $at"
_PREVIOUS: Final = f"SELECT max(t) FROM {_MOMENTS} WHERE t < $at"

_LATEST: Final = f"""
WITH p AS (
    SELECT * FROM points WHERE at_us <= $at ORDER BY at_us DESC, file_order DESC, line DESC, file_n DESC LIMIT $count
)
SELECT lane, at_us, at_us, type, kind, t.name, i.name, {_KEY} AS id, 1
FROM p JOIN kinds AS k ON k.n = p.kind_n {_NAMED}
ORDER BY at_us, file_order, line, p.file_n
"""


def bars_in(
    con: duckdb.DuckDBPyConnection, low: Micros, high: Micros, as_of: Micros, width: Micros, share: float = 1.0
) -> tuple[list[Bar], bool]:
    """The bars of the range, ``share`` of the budget; whether any stands for several spans.

    ``width`` is the time of the range that is shown: what is folded has no room, and nothing in it.
    """
    lanes: dict[str, tuple[int, int]] = {}
    reduced = False
    area = {"lo": low, "hi": high, "as_of": as_of}
    for lane, count, states in con.execute(_COUNT_SPANS, area).fetchall():
        budget = max(int(_SPAN_BUDGET[lane] * share), _LEAST)
        keep = budget if count <= budget else budget // 2
        buckets = max((budget - keep) // max(states, 1), 1)
        lanes[lane] = keep, max(width // buckets, 1)
        reduced = reduced or count > budget
    if not lanes:
        return [], False
    keeps, steps = zip(*lanes.values(), strict=True)
    asked = {**area, "lanes": list(lanes), "keep": list(keeps), "steps": list(steps)}
    found: dict[str, list[Bar]] = {lane: [] for lane in lanes}
    for row in sorted(con.execute(_REDUCE_SPANS, asked).fetchall(), key=lambda row: (row[3], row[4], row[1])):
        found[row[0]].append(bar_of(*row))
    return [
        bar for lane, drawn in found.items() for bar in (packed(drawn, _ROWS[lane]) if lane in _ROWS else drawn)
    ], reduced


def marks_in(
    con: duckdb.DuckDBPyConnection, low: Micros, high: Micros, width: Micros, share: float = 1.0
) -> tuple[list[Mark], bool]:
    """The marks of the range, ``share`` of the budget; whether any stands for several records; ``width`` as for bars."""
    most, buckets = max(int(_IMPORTANT_BUDGET * share), _LEAST), max(int(_BUCKETS * share), 2 * _LEAST)
    few = max(buckets // 2, int(_BUCKETS * min(share, 0.5)))  # so few are shown one by one
    area = {"lo": low, "hi": high}
    found: dict[tuple[str, bool], list[Mark]] = {}
    singly: dict[bool, list[str]] = {True: [], False: []}
    dense: list[str] = []
    reduced = False
    for lane, important, count, types in con.execute(_COUNT_POINTS, area).fetchall():
        found[lane, important] = []
        if count <= (most if important else few):
            singly[important].append(lane)
            continue
        reduced = True
        if important:
            step = max(width // max(most // types, 8), 1)
            rows = con.execute(_IMPORTANT_BUCKETS, {**area, "lane": lane, "step": step}).fetchall()
            found[lane, important] = [mark_of(lane, *row) for row in rows]
        else:
            dense.append(lane)
    if singly[True] or singly[False]:
        for lane, important, *row in con.execute(
            _SOME_POINTS, {**area, "weighty": singly[True], "others": singly[False]}
        ).fetchall():
            found[lane, important].append(mark_of(lane, *row))
    if dense:
        step = max(width // buckets, 1)
        for lane, columns in groupby(
            con.execute(_DENSITY, {**area, "dense": dense, "step": step}).fetchall(), itemgetter(0)
        ):
            rows = list(columns)
            top = max(row[-1] for row in rows)
            found[lane, False] = [mark_of(*row, most=top) for row in rows]
    return [mark for marks in found.values() for mark in marks], reduced


def actions_in(con: duckdb.DuckDBPyConnection, low: Micros, high: Micros) -> tuple[list[Bar], list[Mark], bool]:
    """A mark where each action was sent, and a bar to where its effect was seen; the newest if too many."""
    rows = con.execute(_ACTIONS, {"lo": low, "hi": high, "most": _ACTION_BUDGET + 1}).fetchall()
    bars: list[Bar] = []
    marks: list[Mark] = []
    for key, turn_id, start, stop, outcome, title, told in reversed(rows[:_ACTION_BUDGET]):
        marks.append(Mark("actions", start, start, action_role(outcome), title, facts_of(told), key))
        if stop > start:
            bars.append(bar_of("actions", key, turn_id, start, stop, False, outcome, title, told, 1))
    return bars, marks, len(rows) > _ACTION_BUDGET


def finding_marks(findings: Sequence[dict[str, Any]]) -> tuple[FindingMark, ...]:
    """Findings, worst first."""
    return tuple(
        FindingMark(
            finding_id=found["finding_id"], code=found["code"], severity=found["severity"],
            confidence=found["confidence"], since=found["since_us"], summary=found["summary"],
            remedy=found["remedy"], makes=found["makes"], turn_id=found["turn_id"], home_wide=found["home_wide"],
        )
        for found in findings[:_FINDING_BUDGET]
    )  # fmt: skip


def quiet_in(con: duckdb.DuckDBPyConnection, others: Sequence[Micros]) -> tuple[Fold, ...]:
    """The longest stretches in which no span begins or ends, nothing is recorded, and none of ``others`` lies."""
    rows = con.execute(_QUIET, {"others": list(others)}).fetchall()
    return tuple(Fold(start, end) for start, end in rows)


def spans_at(con: duckdb.DuckDBPyConnection, moment: Micros, as_of: Micros) -> list[tuple[str, Bar]]:
    """Lane and span of what was going on at ``moment``."""
    rows = con.execute(_AT, {"at": moment, "as_of": as_of}).fetchall()
    return [(row[0], bar_of(*row)) for row in rows]


def next_moment(con: duckdb.DuckDBPyConnection, moment: Micros, direction: int) -> Micros | None:
    """The next (or previous) moment at which anything of weight happened."""
    query = _NEXT if direction >= 0 else _PREVIOUS
    found: Micros | None = con.execute(query, {"at": moment}).fetchall()[0][0]
    return found


def latest_marks(con: duckdb.DuckDBPyConnection, moment: Micros, count: int) -> list[Mark]:
    """The newest records up to ``moment``, oldest first."""
    rows = con.execute(_LATEST, {"at": moment, "count": count}).fetchall()
    return [mark_of(row[0], *row[1:]) for row in rows]
