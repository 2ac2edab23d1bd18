"""What a thread's timeline shows, gathered and reduced to what fits a screen; nothing here draws.

``TimelineIndex`` copies a thread's spans and points from the store into a small private database once; each
``view`` of a time range is then answered from there in milliseconds, without holding the store. A lane with more
in the range than its budget is reduced in SQL: neighbours of one state become one mark with a count. Whatever
decides a verdict (findings, open turns, failures, lifecycle events) keeps a mark of its own kind at its place.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.errors import UsageError
from t3lens.model.time import SECOND, Micros
from t3lens.view import _timeline_sql as sql
from t3lens.view.fleet_data import server_marks

if TYPE_CHECKING:
    import duckdb

    from t3lens.store import Store

__all__ = [
    "ACTION_NAMES",
    "BUDGET",
    "Bar",
    "FindingMark",
    "Lane",
    "Mark",
    "TimelineData",
    "TimelineIndex",
]

BUDGET: Final = 3_000
"""At most about this many marks are on screen at once."""

REFERENCE: Final = "settle"
ACTION_NAMES: Final = {
    "action:applied": "applied", "action:already": "already so", "action:failed": "failed",
    "action:not-confirmed": "not confirmed", "action:refused": "refused", "action:cut-off": "cut off",
    "action:effect": "until its effect was seen",
}  # fmt: skip
"""Roles of the lane of actions and what they are called."""
_SPAN_BUDGET: Final = {
    "session-stored": 220, "session-expected": 220, "session-whatif": 220, "turns-stored": 260,
    "turns-expected": 260, "turns-whatif": 260, "items": 420, "requests": 120,
}  # fmt: skip
_POINT_LANES: Final = ("native", "canonical", "orchestration")
_IMPORTANT_BUDGET: Final = 160
_BUCKETS: Final = 140
_FINDING_BUDGET: Final = 120
_ACTION_BUDGET: Final = 120
_ROWS: Final = {
    "items": 4,
    "turns-stored": 3,
    "turns-expected": 3,
    "turns-whatif": 3,
    "requests": 3,
}
_FINDING_ROWS: Final = 5
_TITLES: Final = {
    "session-stored": "Session, stored",
    "session-expected": "Session, expected",
    "session-whatif": "Session, if {}",
    "turns-stored": "Turns, stored",
    "turns-expected": "Turns, expected",
    "turns-whatif": "Turns, if {}",
    "items": "Items and tools",
    "requests": "Requests",
    "native": "Events: native",
    "canonical": "Events: canonical",
    "orchestration": "Events: orchestration",
    "findings": "Findings",
    "actions": "Actions",
}


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
    row: int
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
    """Everything one picture of a thread needs; ``start``…``end`` is the range in view, ``whole`` all there is."""

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

    @property
    def mark_count(self) -> int:
        """How many marks a drawing of this puts on screen."""
        return len(self.bars) + len(self.marks) + len(self.findings)


# Every choice below ends in the id, so that the same records make the same picture, whatever order they are read in.
# What is wide or open, or bad, stays itself as long as the budget allows; the rest of a bucket is one mark per state.
_REDUCE_SPANS: Final = """
WITH inside AS (
    SELECT *, coalesce(end_us, $as_of) AS stop,
           CASE WHEN state IN ('error', 'waiting') OR state LIKE '%:failed' OR state LIKE '%:declined' THEN 0
                WHEN state IN ('running', 'pending', 'starting', 'interrupted') THEN 1 ELSE 2 END AS badness
    FROM spans
    WHERE lane = $lane AND start_us <= $hi AND coalesce(end_us, $as_of) >= $lo
),
ranked AS (
    SELECT *, row_number() OVER (ORDER BY open DESC, badness, stop - start_us DESC, id) <= $keep AS own FROM inside
)
SELECT id, turn_id, start_us, stop, open, state, title, facts, 1 AS n FROM ranked WHERE own
UNION ALL
SELECT arg_min(id, row(start_us, id)), NULL, min(start_us), max(stop), bool_or(open), state, NULL, NULL, count(*)
FROM ranked WHERE NOT own
GROUP BY state, (greatest(start_us, $lo) - $lo) // $step
"""

_COUNT_SPANS: Final = """
SELECT lane, count(*), count(DISTINCT state) FROM spans
WHERE lane <> 'actions' AND start_us <= $hi AND coalesce(end_us, $as_of) >= $lo GROUP BY lane ORDER BY lane
"""

_COUNT_POINTS: Final = """
SELECT lane, important, count(*), count(DISTINCT type) FROM points WHERE at_us BETWEEN $lo AND $hi GROUP BY ALL
ORDER BY lane, important
"""

_SOME_POINTS: Final = """
SELECT at_us, at_us AS until, type, kind, turn_id, item_id, id, 1 AS n FROM points
WHERE lane = $lane AND important = $important AND at_us BETWEEN $lo AND $hi ORDER BY file_order, line, id
"""

_IMPORTANT_BUCKETS: Final = """
SELECT min(at_us), max(at_us), type, kind, min(turn_id), NULL, arg_min(id, row(at_us, id)), count(*) FROM points
WHERE lane = $lane AND important AND at_us BETWEEN $lo AND $hi
GROUP BY type, kind, (at_us - $lo) // $step ORDER BY 1, type, kind
"""

_DENSITY: Final = """
SELECT $lo + b * $step, $lo + (b + 1) * $step, arg_max(type, row(n, type)), 'other', NULL, NULL, arg_max(id, row(n, type)), sum(n)::BIGINT
FROM (
    SELECT (at_us - $lo) // $step AS b, type, min(id) AS id, count(*) AS n FROM points
    WHERE lane = $lane AND NOT important AND at_us BETWEEN $lo AND $hi GROUP BY ALL
)
GROUP BY b ORDER BY b
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
(SELECT at_us AS t FROM points WHERE important UNION ALL SELECT start_us FROM spans UNION ALL
 SELECT end_us FROM spans WHERE end_us IS NOT NULL)
"""
_NEXT: Final = f"SELECT min(t) FROM {_MOMENTS} WHERE t > $at"
_PREVIOUS: Final = f"SELECT max(t) FROM {_MOMENTS} WHERE t < $at"

_LATEST: Final = """
SELECT lane, at_us, at_us, type, kind, turn_id, item_id, id, 1 FROM points WHERE at_us <= $at
ORDER BY at_us DESC, file_order DESC, line DESC, id DESC LIMIT $count
"""


class TimelineIndex:
    """One thread's spans and points, ready to be looked at by time range.

    Args:
        store: The store to read.
        home_id: The home of the thread.
        thread_id: The thread, in full.
        as_of: The moment the verdict is about: open things reach to here.
        compare: A further rules profile to show beside stored and expected; its transitions must be in the store.

    Raises:
        UsageError: The store knows nothing of this thread.
    """

    def __init__(
        self,
        store: Store,
        home_id: str,
        thread_id: str,
        *,
        as_of: Micros,
        compare: str | None = None,
    ) -> None:
        self.home_id = home_id
        self.thread_id = thread_id
        self.as_of = as_of
        self.compare = compare
        self._lock = threading.Lock()
        self._store = store
        self._con: duckdb.DuckDBPyConnection | None = None
        self.refresh()

    def refresh(self, *, as_of: Micros | None = None) -> None:
        """Read the thread again from the store (after an ingest or a diagnosis)."""
        import duckdb

        if as_of is not None:
            self.as_of = as_of
        key = [self.home_id, self.thread_id]
        con = duckdb.connect(":memory:")
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET threads = 2")
        con.execute(sql.CREATE)
        replayed: str | None = None
        with self._store.read() as source:
            self._about = _row(source, sql.THREAD, key)
            self._findings = _rows(source, sql.FINDINGS, key)
            self._row = _rows(source, sql.STORED_SESSION_ROW, key)
            _copy(source, con, "spans", sql.STORED_SESSION, key)
            _copy(source, con, "spans", sql.STORED_TURNS, key)
            self._expected_rules = REFERENCE
            if self.compare == REFERENCE:
                self._expected_rules = self._about["rules"] or REFERENCE
            for suffix, rules in (("expected", self._expected_rules), ("whatif", self.compare)):
                if rules is not None and _held(source, [*key, rules]):
                    lane = f"session-{suffix}"
                    _copy(source, con, "spans", sql.EXPECTED_SESSION, [*key, rules, lane, rules])
                    turns = [f"turns-{suffix}", *key, rules]
                    _copy(source, con, "spans", sql.EXPECTED_TURNS, turns)
                elif suffix == "whatif" and rules is not None:
                    replayed = rules
            _copy(source, con, "spans", sql.ITEMS, key)
            _copy(source, con, "spans", sql.REQUESTS, key)
            _copy(source, con, "spans", sql.ACTIONS, key)
            _copy(source, con, "points", sql.LOG_POINTS, key)
            _copy(source, con, "points", sql.ORCHESTRATION_POINTS, key)
        if replayed is not None:
            from t3lens.view.whatif import replayed_spans

            spans = replayed_spans(self._store, self.home_id, self.thread_id, replayed, "whatif")
            if spans:
                con.executemany("INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", spans)
        marks = server_marks(self._store, self.home_id)
        self._servers = tuple((m.at, f"server {m.kind}") for m in marks if m.kind != "stall")[-20:]
        self._end_open_things(con)
        with self._lock:
            if self._con is not None:
                self._con.close()
            self._con = con
            self.whole = self._extent(con)
            self.records = _number(con, "SELECT count(*) FROM points")
            if not self.records and not _number(con, "SELECT count(*) FROM spans"):
                raise UsageError(
                    f"the store holds nothing about thread {self.thread_id} of home {self.home_id}"
                )

    def close(self) -> None:
        """Free the copy."""
        with self._lock:
            if self._con is not None:
                self._con.close()
                self._con = None

    def _end_open_things(self, con: duckdb.DuckDBPyConnection) -> None:
        # The row is what the app shows; where it differs from the last event it was written by another hand.
        last = con.execute(
            "SELECT state, turn_id, start_us FROM spans WHERE lane = 'session-stored' AND end_us IS NULL"
        ).fetchall()
        for status, turn_id, last_error, at in self._row:
            if last and last[0][0] == status and last[0][1] == turn_id:
                continue
            start = max(at or self.as_of, last[0][2] if last else 0)
            con.execute(
                "UPDATE spans SET end_us = ?, open = FALSE WHERE lane = 'session-stored' AND end_us IS NULL",
                [start],
            )
            facts = {"active turn": turn_id, "last error": last_error, "read from": "session row"}
            con.execute(
                "INSERT INTO spans VALUES ('session-stored', 'session:row', ?, ?, NULL, ?, ?, ?, ?)",
                [
                    turn_id, start, status in ("starting", "running"), status,
                    f"session {status}", msgspec.json.encode(facts).decode(),
                ],
            )  # fmt: skip

    def _extent(self, con: duckdb.DuckDBPyConnection) -> tuple[Micros, Micros]:
        low, high = con.execute(
            "SELECT min(x), max(y) FROM (SELECT min(start_us) AS x, max(coalesce(end_us, start_us)) AS y"
            " FROM spans UNION ALL SELECT min(at_us), max(at_us) FROM points)"
        ).fetchall()[0]
        since = [f["since_us"] for f in self._findings if f["since_us"] is not None]
        low = min([v for v in (low, *since) if v is not None] or [self.as_of])
        high = max([v for v in (high, *since, self.as_of) if v is not None])
        pad = max((high - low) // 50, SECOND // 2)
        return low - pad, high + 2 * pad

    def at(self, moment: Micros) -> list[tuple[str, Bar]]:
        """What was going on at ``moment``: lane title and span, lane by lane."""
        with self._lock:
            cursor = self._open_cursor()
        try:
            rows = cursor.execute(_AT, {"at": moment, "as_of": self.as_of}).fetchall()
        finally:
            cursor.close()
        lanes = list(_TITLES)
        found = [(row[0], _bar(*row)) for row in rows]
        found.sort(key=lambda pair: (lanes.index(pair[0]), pair[1].start))
        return [(self._lane_title(lane, _TITLES[lane]), bar) for lane, bar in found]

    def step(self, moment: Micros, direction: int) -> Micros | None:
        """The next (or, with a negative ``direction``, previous) moment at which anything of weight happened."""
        with self._lock:
            cursor = self._open_cursor()
        try:
            query = _NEXT if direction >= 0 else _PREVIOUS
            found: Micros | None = cursor.execute(query, {"at": moment}).fetchall()[0][0]
            return found
        finally:
            cursor.close()

    def latest(self, moment: Micros, count: int = 8) -> list[Mark]:
        """The newest records up to ``moment``, oldest first."""
        with self._lock:
            cursor = self._open_cursor()
        try:
            rows = cursor.execute(_LATEST, {"at": moment, "count": count}).fetchall()
        finally:
            cursor.close()
        return [_mark(row[0], *row[1:]) for row in reversed(rows)]

    def _open_cursor(self) -> duckdb.DuckDBPyConnection:
        if self._con is None:
            raise UsageError("this timeline was closed")
        return self._con.cursor()

    def view(self, start: Micros | None = None, end: Micros | None = None) -> TimelineData:
        """What is to be drawn of the range ``start``…``end`` (default: all of the thread)."""
        low = self.whole[0] if start is None else start
        high = self.whole[1] if end is None else end
        if high <= low:
            high = low + SECOND // 1000
        with self._lock:
            cursor = self._open_cursor()
        try:
            return self._view(cursor, low, high)
        finally:
            cursor.close()

    def _view(self, con: duckdb.DuckDBPyConnection, low: Micros, high: Micros) -> TimelineData:
        area = {"lo": low, "hi": high}
        bars, reduced = self._bars(con, area)
        marks, reduced_marks = self._marks(con, area)
        effects, actions, reduced_actions = self._actions(con, area)
        bars += effects
        marks += actions
        findings = self._finding_marks()
        about = self._about
        return TimelineData(
            home_id=self.home_id,
            thread_id=self.thread_id,
            title=about["title"] or self.thread_id,
            provider=about["provider"],
            verdict=about["verdict"],
            primary=about["primary_code"],
            since=about["since_us"],
            as_of=self.as_of,
            start=low,
            end=high,
            whole=self.whole,
            lanes=self._lanes(bars, marks, findings),
            bars=tuple(bars),
            marks=tuple(marks),
            findings=findings,
            forks=self._forks(con),
            servers=self._servers,
            records=self.records,
            reduced=reduced or reduced_marks or reduced_actions,
        )

    def _bars(
        self, con: duckdb.DuckDBPyConnection, area: dict[str, Micros]
    ) -> tuple[list[Bar], bool]:
        bars: list[Bar] = []
        reduced = False
        with_as_of = {**area, "as_of": self.as_of}
        for lane, count, states in con.execute(_COUNT_SPANS, with_as_of).fetchall():
            budget = _SPAN_BUDGET[lane]
            keep = budget if count <= budget else budget // 2
            buckets = max((budget - keep) // max(states, 1), 1)
            step = max((area["hi"] - area["lo"]) // buckets, 1)
            reduced = reduced or count > budget
            found = con.execute(
                _REDUCE_SPANS, {**with_as_of, "lane": lane, "keep": keep, "step": step}
            ).fetchall()
            drawn = [_bar(lane, *row) for row in sorted(found, key=lambda row: (row[2], row[3], row[0]))]
            bars += _packed(drawn, _ROWS[lane]) if lane in _ROWS else drawn
        return bars, reduced

    def _marks(
        self, con: duckdb.DuckDBPyConnection, area: dict[str, Micros]
    ) -> tuple[list[Mark], bool]:
        marks: list[Mark] = []
        reduced = False
        for lane, important, count, types in con.execute(_COUNT_POINTS, area).fetchall():
            given = {**area, "lane": lane}
            width = area["hi"] - area["lo"]
            if count <= (_IMPORTANT_BUDGET if important else _BUCKETS // 2):
                rows = con.execute(_SOME_POINTS, {**given, "important": important}).fetchall()
                marks += [_mark(lane, *row) for row in rows]
                continue
            reduced = True
            if important:
                step = max(width // max(_IMPORTANT_BUDGET // types, 8), 1)
                rows = con.execute(_IMPORTANT_BUCKETS, {**given, "step": step}).fetchall()
                marks += [_mark(lane, *row) for row in rows]
                continue
            step = max(width // _BUCKETS, 1)
            rows = con.execute(_DENSITY, {**given, "step": step}).fetchall()
            most = max(row[7] for row in rows)
            marks += [
                replace(_mark(lane, *row), dense=True, weight=(row[7] / most) ** 0.5)
                for row in rows
            ]
        return marks, reduced

    def _actions(
        self, con: duckdb.DuckDBPyConnection, area: dict[str, Micros]
    ) -> tuple[list[Bar], list[Mark], bool]:
        """A mark where each action was sent, and a bar to where its effect was seen; the newest if too many."""
        rows = con.execute(_ACTIONS, {**area, "most": _ACTION_BUDGET + 1}).fetchall()
        bars: list[Bar] = []
        marks: list[Mark] = []
        for key, turn_id, start, stop, outcome, title, facts in reversed(rows[:_ACTION_BUDGET]):
            marks.append(
                Mark("actions", start, start, _action_role(outcome), title, _facts(facts), key)
            )
            if stop > start:
                bars.append(
                    _bar("actions", key, turn_id, start, stop, False, outcome, title, facts, 1)
                )
        return bars, marks, len(rows) > _ACTION_BUDGET

    def _finding_marks(self) -> tuple[FindingMark, ...]:
        return tuple(
            FindingMark(
                finding_id=f["finding_id"],
                code=f["code"],
                severity=f["severity"],
                confidence=f["confidence"],
                since=f["since_us"],
                row=min(place, _FINDING_ROWS - 1),
                summary=f["summary"],
                remedy=f["remedy"],
                makes=f["makes"],
                turn_id=f["turn_id"],
                home_wide=f["home_wide"],
            )
            for place, f in enumerate(self._findings[:_FINDING_BUDGET])
        )

    def _forks(self, con: duckdb.DuckDBPyConnection) -> tuple[Micros, ...]:
        """Where the what-if session first parts from the expected one."""
        if self.compare is None:
            return ()
        paths = [
            con.execute(
                "SELECT start_us, state, turn_id FROM spans WHERE lane = ? ORDER BY start_us, id",
                [lane],
            ).fetchall()
            for lane in ("session-expected", "session-whatif")
        ]
        for left, right in zip(*paths, strict=False):
            if left[1:] != right[1:]:
                return (min(left[0], right[0]),)
        if len(paths[0]) != len(paths[1]) and all(paths):
            longer = max(paths, key=len)
            return (longer[min(len(p) for p in paths)][0],)
        return ()

    def _lanes(
        self, bars: list[Bar], marks: list[Mark], findings: tuple[FindingMark, ...]
    ) -> tuple[Lane, ...]:
        rows: dict[str, int] = {}
        for bar in bars:
            rows[bar.lane] = max(rows.get(bar.lane, 0), bar.row + 1)
        for mark in marks:
            rows.setdefault(mark.lane, 1)
        if findings:
            rows["findings"] = max(f.row for f in findings) + 1
        lanes = []
        for key, title in _TITLES.items():
            if (key.endswith("whatif") and self.compare is None) or (
                key == "actions" and key not in rows
            ):
                continue
            lanes.append(
                Lane(
                    key,
                    self._lane_title(key, title),
                    rows.get(key, 1),
                    "" if key in rows else self._why_empty(key),
                )
            )
        return tuple(lanes)

    def _lane_title(self, key: str, title: str) -> str:
        if key.endswith("expected") and self._expected_rules != REFERENCE:
            return f"{title} ({self._expected_rules})"
        return title.format(self.compare)

    def _why_empty(self, key: str) -> str:
        about = self._about
        if key in ("session-stored", "turns-stored", "orchestration") and not about["has_database"]:
            return "no state.sqlite"
        if key in ("native", "canonical", "items") and not about["has_logs"]:
            return "no provider log"
        if key.startswith(("session-", "turns-")) and key.split("-")[1] != "stored":
            return "no replay" if about["verdict"] is None else "nothing expected"
        return {"findings": "none", "requests": "none asked", "items": "none in view"}.get(
            key, "nothing in view"
        )


def _row(con: duckdb.DuckDBPyConnection, query: str, params: list[Any]) -> dict[str, Any]:
    return _rows(con, query, params)[0] if params else {}


def _rows(con: duckdb.DuckDBPyConnection, query: str, params: list[Any]) -> list[Any]:
    found = con.execute(query, params)
    names = [column[0] for column in found.description or ()]
    rows = found.fetchall()
    if query is sql.STORED_SESSION_ROW:
        return rows
    return [dict(zip(names, row, strict=True)) for row in rows]


def _held(con: duckdb.DuckDBPyConnection, key: list[Any]) -> bool:
    """Whether the store holds this thread's replay under these rules."""
    query = "SELECT count(*) FROM transitions WHERE home_id = ? AND thread_id = ? AND rules = ?"
    return bool(con.execute(query, key).fetchall()[0][0])


def _copy(
    source: duckdb.DuckDBPyConnection,
    target: duckdb.DuckDBPyConnection,
    table: str,
    query: str,
    params: list[Any],
) -> None:
    found = source.sql(query, params=params).to_arrow_table()
    target.register("incoming", found)
    target.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
    target.unregister("incoming")


def _number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])


def _bar(
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
    role = f"state:{state}"
    if lane == "actions":
        role = "action:effect"
    elif lane == "items":
        kind, _, status = state.partition(":")
        role = _item_role(kind, status)
        title = kind.replace("_", " ") + (f", {status}" if status else ", open" if is_open else "")
    if count > 1:
        title = f"{count:,} × {title or state}"
    return Bar(
        lane=lane, row=0, start=start, end=max(stop, start), open=is_open, role=role,
        title=title or state, facts=_facts(facts), key=key, count=count, turn_id=turn_id,
    )  # fmt: skip


def _action_role(outcome: str) -> str:
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


def _facts(text: str | None) -> tuple[tuple[str, str], ...]:
    if not text:
        return ()
    found = msgspec.json.decode(text)
    return tuple((name, str(value)) for name, value in found.items() if value is not None)


def _mark(
    lane: str,
    at: Micros,
    until: Micros,
    kind_of_record: str | None,
    kind: str,
    turn_id: str | None,
    item_id: str | None,
    key: str,
    count: int,
) -> Mark:
    facts = tuple((n, v) for n, v in (("turn", turn_id), ("item", item_id)) if v)
    title = kind_of_record or "record"
    return Mark(
        lane=lane, at=at, until=until, role=f"item:{kind}",
        title=f"{count:,} × {title}" if count > 1 else title, facts=facts, key=key, count=count,
    )  # fmt: skip


def _packed(bars: list[Bar], rows: int) -> list[Bar]:
    """``bars`` (by start) spread over a few rows, so that what overlaps stays visible."""
    free = [-(2**63)] * rows
    placed = []
    for bar in bars:
        row = next((r for r, until in enumerate(free) if until <= bar.start), None)
        if row is None:
            row = free.index(min(free))
        free[row] = max(free[row], bar.end)
        placed.append(replace(bar, row=row))
    return placed
