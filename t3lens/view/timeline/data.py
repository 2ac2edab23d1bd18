"""What a thread's timeline shows, gathered and reduced to what fits a screen; nothing here draws.

``TimelineIndex`` copies a thread's spans and points from the store into a small private database once; each
``view`` of a time range is then answered from there in milliseconds, without holding the store.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.errors import UsageError
from t3lens.store.bare_engine import with_relations
from t3lens.t3code.data_model import DataModel
from t3lens.t3code.home_layout import STATE_SQLITE
from t3lens.time import SECOND, Micros
from t3lens.view.fleet.data import server_marks
from t3lens.view.scene.axis import with_margin
from t3lens.view.scene.parts import Fold
from t3lens.view.timeline import queries as sql
from t3lens.view.timeline.parts import ACTION_NAMES, INCIDENT_NAMES, Bar, FindingMark, Lane, Mark, TimelineData
from t3lens.view.timeline.reduce import (
    BUDGET,
    actions_in,
    bars_in,
    finding_marks,
    latest_marks,
    marks_in,
    next_moment,
    quiet_in,
    spans_at,
)
from t3lens.view.timeline.second_queries import SECOND_LANES

if TYPE_CHECKING:
    import duckdb

    from t3lens.store import Store

__all__ = [
    "ACTION_NAMES",
    "BUDGET",
    "EXPECTED_SESSION",
    "INCIDENT_NAMES",
    "STORED_SESSION",
    "Bar",
    "FindingMark",
    "Lane",
    "Mark",
    "TimelineData",
    "TimelineIndex",
]

REFERENCE: Final = "settle"
STORED_SESSION: Final = "Session, stored"
EXPECTED_SESSION: Final = "Session, expected"
_TITLES: Final = {
    "session-stored": STORED_SESSION,
    "session-expected": EXPECTED_SESSION,
    "session-whatif": "Session, if {}",
    "turns-stored": "Turns, stored",
    "turns-expected": "Turns, expected",
    "turns-whatif": "Turns, if {}",
    "recorded": "Turns, agent's record",
    "attempts": "Attempts",
    "provider-turns": "Provider turns",
    "nodes": "Nodes",
    "effects": "Outbox",
    "items": "Items and tools",
    "requests": "Requests",
    "native": "Events: native",
    "canonical": "Events: canonical",
    "orchestration": "Events: orchestration",
    "incidents": "Incidents",
    "findings": "Findings",
    "notes": "Notes",
    "actions": "Actions",
}

_WHERE_THERE_ARE: Final = frozenset(
    {"recorded", "attempts", "provider-turns", "nodes", "effects", "incidents", "actions", "notes"}
)
"""Lanes that are only shown where something stands in them."""


# A turn's name comes from the log and from the event store.
_PAST: Final = "SELECT * FROM spans WHERE lane IN ('actions', 'incidents') ORDER BY ALL"
_WITHOUT_PAST: Final = "DELETE FROM spans WHERE lane IN ('actions', 'incidents')"
_ONE_NAME_EACH: Final = "CREATE OR REPLACE TABLE names AS SELECT DISTINCT n, name FROM names"


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

    @property
    def servers(self) -> tuple[tuple[Micros, str], ...]:
        """When servers of the home came and went, and what is said of that."""
        return self._servers

    def refresh(self, *, as_of: Micros | None = None) -> None:
        """Read the thread again from the store (after an ingest or a diagnosis)."""
        import duckdb

        if as_of is not None:
            self.as_of = as_of
        key = [self.home_id, self.thread_id]
        con = duckdb.connect(":memory:")
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET threads = 1")  # a look has little to read; what is divided costs more than it saves
        con.execute(sql.CREATE)
        replayed: str | None = None
        with self._store.read() as source:
            self._about = _row(source, sql.THREAD, key)
            self._findings = _rows(source, sql.FINDINGS, key)
            self._notes = _rows(source, sql.NOTES, key)
            self._row = _rows(source, sql.STORED_SESSION_ROW, key)
            _copy(source, con, "spans", sql.STORED_SESSION, key)
            _copy(source, con, "spans", sql.STORED_TURNS, key)
            self._expected_rules = REFERENCE
            if self.compare == REFERENCE:
                self._expected_rules = self._about["rules"] or REFERENCE
            for suffix, rules in (("expected", self._expected_rules), ("whatif", self.compare)):
                if rules is not None and _is_replay_stored(source, [*key, rules]):
                    lane = f"session-{suffix}"
                    _copy(source, con, "spans", sql.EXPECTED_SESSION, [*key, rules, lane, rules])
                    turns = [f"turns-{suffix}", *key, rules]
                    _copy(source, con, "spans", sql.EXPECTED_TURNS, turns)
                elif suffix == "whatif" and rules is not None:
                    replayed = rules
            _copy(source, con, "spans", sql.ITEMS, key)
            _copy(source, con, "spans", sql.REQUESTS, key)
            _copy(source, con, "spans", sql.RECORDED, key)
            _copy(source, con, "spans", sql.ACTIONS, key)
            _copy(source, con, "spans", sql.INCIDENTS, key)
            for lane_query in SECOND_LANES if _held_by_second(source, self.home_id) else ():
                _copy(source, con, "spans", lane_query, key)
            named = {"home": self.home_id, "thread": self.thread_id}
            _copy(source, con, "points", sql.LOG_POINTS, key)
            _copy(source, con, "kinds", sql.LOG_KINDS, key)
            _copy(source, con, "names", sql.LOG_NAMES, named)
            _copy(source, con, "points", sql.STORED_POINTS, key)
            _copy(source, con, "kinds", sql.STORED_KINDS, key)
            _copy(source, con, "names", sql.STORED_NAMES, key)
            con.execute(_ONE_NAME_EACH)
            marks = server_marks(self._store, self.home_id)
        if replayed is not None:
            from t3lens.view.timeline.whatif import replayed_spans

            spans = replayed_spans(self._store, self.home_id, self.thread_id, replayed, "whatif")
            if spans:
                con.executemany("INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", spans)
        self._servers = tuple((m.at, f"server {m.kind}") for m in marks if m.kind != "stall")[-20:]
        self._end_open_things(con)
        with self._lock:
            if self._con is not None:
                self._con.close()
            self._con = con
            self._measure(con)
            self.records = _number(con, "SELECT count(*) FROM points")
            empty = not self.records and not _number(con, "SELECT count(*) FROM spans")
            if empty and not self._about["verdict"]:
                raise UsageError(f"the store holds nothing about thread {self.thread_id} of home {self.home_id}")

    def take_past(self) -> bool:
        """Read again what was done, and what was wrong and is over: the store may hold it since the thread was copied.

        Returns:
            Whether that was something else than before.
        """
        key = [self.home_id, self.thread_id]
        with self._store.read() as source, self._lock:
            con = self._con
            if con is None:
                return False
            before = con.execute(_PAST).fetchall()
            con.execute(_WITHOUT_PAST)
            _copy(source, con, "spans", sql.ACTIONS, key)
            _copy(source, con, "spans", sql.INCIDENTS, key)
            if con.execute(_PAST).fetchall() == before:
                return False
            self._measure(con)
            return True

    def _measure(self, con: duckdb.DuckDBPyConnection) -> None:
        """How much time there is, and where nothing happens in it."""
        self.whole = self._extent(con)
        self._quiet = quiet_in(con, self._moments())
        self.whole = with_margin(Fold(*self.whole), self._quiet)

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
        since += [row["at_us"] for row in self._notes]
        low = min([v for v in (low, *since) if v is not None] or [self.as_of])
        high = max([v for v in (high, *since, self.as_of) if v is not None])
        return low, high

    def _moments(self) -> list[Micros]:
        """Moments at which something happened though no span or record of the thread stands there."""
        low, high = self.whole
        found = [f["since_us"] for f in self._findings if f["since_us"] is not None]
        found += [row["at_us"] for row in self._notes]
        return [at for at in (*found, *(at for at, _ in self._servers), self.as_of) if low <= at <= high]

    def at(self, moment: Micros) -> list[tuple[str, Bar]]:
        """What was going on at ``moment``: lane title and span, lane by lane."""
        with self._reading() as con:
            found = spans_at(con, moment, self.as_of)
        lanes = list(_TITLES)
        found.sort(key=lambda pair: (lanes.index(pair[0]), pair[1].start))
        return [(self._lane_title(lane, _TITLES[lane]), bar) for lane, bar in found]

    def step(self, moment: Micros, direction: int) -> Micros | None:
        """The next (or, with a negative ``direction``, previous) moment at which anything of weight happened."""
        with self._reading() as con:
            return next_moment(con, moment, direction)

    def latest(self, moment: Micros, count: int = 8) -> list[Mark]:
        """The newest records up to ``moment``, oldest first."""
        with self._reading() as con:
            return latest_marks(con, moment, count)

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of its own, so that a refresh in another thread does not wait for it, nor break it."""
        with self._lock:
            if self._con is None:
                raise UsageError("this timeline was closed")
            cursor = self._con.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def view(self, start: Micros | None = None, end: Micros | None = None, *, share: float = 1.0) -> TimelineData:
        """What is to be drawn of the range ``start``…``end`` (default: all of the thread).

        Args:
            start: Microseconds UTC.
            end: Microseconds UTC.
            share: How much of ``BUDGET`` is used: a document, which cannot ask for more, has to stay small.
        """
        low = self.whole[0] if start is None else start
        high = self.whole[1] if end is None else end
        if high <= low:
            high = low + SECOND // 1000
        with self._reading() as con:
            return self._view(con, low, high, share)

    def _view(self, con: duckdb.DuckDBPyConnection, low: Micros, high: Micros, share: float) -> TimelineData:
        quiet = sum(max(min(one.end, high) - max(one.start, low), 0) for one in self._quiet)
        width = max(high - low - quiet, SECOND // 1000)
        bars, reduced = bars_in(con, low, high, self.as_of, width, share)
        marks, reduced_marks = marks_in(con, low, high, width, share)
        effects, actions, reduced_actions = actions_in(con, low, high)
        bars += effects
        marks += actions
        marks += [_note(row) for row in self._notes if low <= row["at_us"] <= high]
        findings = finding_marks(self._findings)
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
            quiet=self._quiet,
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

    def _lanes(self, bars: list[Bar], marks: list[Mark], findings: tuple[FindingMark, ...]) -> tuple[Lane, ...]:
        rows: dict[str, int] = {}
        for bar in bars:
            rows[bar.lane] = max(rows.get(bar.lane, 0), bar.row + 1)
        for mark in marks:
            rows.setdefault(mark.lane, 1)
        if findings:
            rows["findings"] = 1
        lanes = []
        for key, title in _TITLES.items():
            if (key.endswith("whatif") and self.compare is None) or (key in _WHERE_THERE_ARE and key not in rows):
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
            return f"no {STATE_SQLITE}"
        if key in ("native", "canonical", "items") and not about["has_logs"]:
            return "no provider log"
        if key.startswith(("session-", "turns-")) and key.split("-")[1] != "stored":
            return "no replay" if about["verdict"] is None else "nothing expected"
        return {"findings": "none", "requests": "none asked", "items": "none in view"}.get(key, "nothing in view")


def _note(row: dict[str, Any]) -> Mark:
    at = row["at_us"]
    facts = (("note", row["text"]), ("written", f"{row['written']} UTC"))
    return Mark("notes", at, at, "note", row["text"], facts, f"note:{row['note_id']}")


def _row(con: duckdb.DuckDBPyConnection, query: str, params: list[Any]) -> dict[str, Any]:
    return _rows(con, query, params)[0] if params else {}


def _rows(con: duckdb.DuckDBPyConnection, query: str, params: list[Any]) -> list[Any]:
    found = con.execute(query, params)
    names = [column[0] for column in found.description or ()]
    rows = found.fetchall()
    if query is sql.STORED_SESSION_ROW:
        return rows
    return [dict(zip(names, row, strict=True)) for row in rows]


def _is_replay_stored(con: duckdb.DuckDBPyConnection, key: list[Any]) -> bool:
    """Whether the store holds this thread's replay under these rules."""
    query = "SELECT count(*) FROM transitions WHERE home_id = ? AND thread_id = ? AND rules = ?"
    return bool(con.execute(query, key).fetchall()[0][0])


def _held_by_second(con: duckdb.DuckDBPyConnection, home_id: str) -> bool:
    """Whether a database of the home is of the second data model: only there is anything in its lanes."""
    query = "SELECT count(*) FROM databases WHERE home_id = ? AND data_model = ?"
    return bool(con.execute(query, [home_id, DataModel.V2.value]).fetchall()[0][0])


def _copy(
    source: duckdb.DuckDBPyConnection,
    target: duckdb.DuckDBPyConnection,
    table: str,
    query: str,
    params: list[Any] | dict[str, Any],
) -> None:
    found = with_relations(source).sql(query, params=params).to_arrow_table()
    with_relations(target).register("incoming", found)
    target.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
    target.unregister("incoming")


def _number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])
