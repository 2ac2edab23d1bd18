"""What is known about all threads at once: the fleet list, its counts, and the bars of the fleet's timeline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from t3lens.domain.finding import VERDICT_ORDER
from t3lens.store.bare_engine import with_relations
from t3lens.t3code.home_layout import USERDATA
from t3lens.t3code.v1.event_types import SESSION_SET
from t3lens.t3code.v1.rules import STARTUP_RECONCILE_ERROR
from t3lens.t3code.v1.schema import STOP_ALL
from t3lens.time import Micros

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = [
    "FLEET",
    "SPARKS",
    "FleetBar",
    "FleetIncident",
    "FleetRow",
    "ServerMark",
    "fleet_bars",
    "fleet_incidents",
    "fleet_rows",
    "server_marks",
    "verdict_counts",
]

SPARKS: Final = 24
"""Buckets of a thread's activity sparkline."""

FLEET: Final = """
WITH logged AS (
    SELECT home_id, thread_id, min(logged_at) AS first_at, max(logged_at) AS last_at, count(*) AS records,
           min(provider) AS provider
    FROM log_events WHERE thread_id IS NOT NULL GROUP BY home_id, thread_id
),
ids AS (
    SELECT home_id, thread_id FROM threads UNION SELECT home_id, thread_id FROM verdicts
    UNION SELECT home_id, thread_id FROM logged
),
found AS (
    SELECT home_id, thread_id, count(*) AS findings,
           min(severity) AS severity
    FROM findings WHERE thread_id IS NOT NULL GROUP BY home_id, thread_id
),
turned AS (
    SELECT home_id, thread_id, count(*) FILTER (turn_id IS NOT NULL) AS turns, min(requested_at) AS first_at,
           max(coalesce(completed_at, started_at, requested_at)) AS last_at
    FROM turns GROUP BY home_id, thread_id
)
SELECT i.home_id, h.path AS home, i.thread_id, coalesce(t.title, i.thread_id) AS title,
       coalesce(s.provider_name, s.binding_provider, l.provider) AS provider, p.title AS project,
       coalesce(v.verdict, 'unknown') AS verdict, v.primary_code, epoch_us(v.since) AS since,
       epoch_us(v.as_of) AS as_of,
       s.status, coalesce(n.turns, 0) AS turns, coalesce(f.findings, 0) AS findings, f.severity,
       epoch_us(least(t.created_at, l.first_at, n.first_at)) AS first_at,
       epoch_us(greatest(t.updated_at, l.last_at, n.last_at, s.updated_at)) AS last_at,
       coalesce(l.records, 0) AS records
FROM ids AS i
LEFT JOIN homes AS h USING (home_id)
LEFT JOIN threads AS t USING (home_id, thread_id)
LEFT JOIN sessions AS s USING (home_id, thread_id)
LEFT JOIN projects AS p ON p.home_id = i.home_id AND p.project_id = t.project_id
LEFT JOIN verdicts AS v ON v.home_id = i.home_id AND v.thread_id = i.thread_id
LEFT JOIN found AS f ON f.home_id = i.home_id AND f.thread_id = i.thread_id
LEFT JOIN turned AS n ON n.home_id = i.home_id AND n.thread_id = i.thread_id
LEFT JOIN logged AS l ON l.home_id = i.home_id AND l.thread_id = i.thread_id
ORDER BY list_position($order, coalesce(v.verdict, 'unknown')),
         f.severity NULLS LAST, v.since NULLS LAST, last_at DESC, i.thread_id
"""

_ACTIVITY: Final = """
SELECT home_id, thread_id, least((epoch_us(logged_at) - $lo) // $step, $last)::INTEGER AS b, count(*)
FROM log_events WHERE thread_id IS NOT NULL AND logged_at IS NOT NULL GROUP BY ALL
"""

_TURNS: Final = """
SELECT t.home_id, t.thread_id, t.turn_id, t.state, epoch_us(coalesce(t.started_at, t.requested_at)),
       epoch_us(t.completed_at), t.completed_at IS NULL AND t.state IN ('pending', 'running'),
       max(f.makes) FILTER (f.makes IS NOT NULL)
FROM turns AS t
LEFT JOIN findings AS f ON f.home_id = t.home_id AND f.thread_id = t.thread_id AND f.turn_id = t.turn_id
WHERE coalesce(t.started_at, t.requested_at) IS NOT NULL
GROUP BY ALL
"""

_EXPECTED_TURNS: Final = """
SELECT e.home_id, e.thread_id, e.turn_id, e.state,
       epoch_us(coalesce(e.started_at, e.requested_at, e.last_activity_at)), epoch_us(e.completed_at),
       e.completed_at IS NULL AND e.state IN ('pending', 'running'), NULL
FROM expected_turns AS e
ANTI JOIN turns AS t ON t.home_id = e.home_id AND t.thread_id = e.thread_id
WHERE e.rules = 'settle' AND coalesce(e.started_at, e.requested_at, e.last_activity_at) IS NOT NULL
"""

_INCIDENTS: Final = """
SELECT home_id, thread_id, incident_id, verdict, code, epoch_us(since), epoch_us(until), ended_by FROM incidents
WHERE list_contains($threads, thread_id)
ORDER BY since, home_id, thread_id, incident_id
"""

_SERVER: Final = f"""
SELECT home_id, epoch_us(runtime_started_at) AS at_us, 'start' AS kind FROM homes WHERE runtime_started_at IS NOT NULL
UNION
SELECT home_id, min(epoch_us(occurred_at)), 'start' FROM orchestration_events
WHERE event_type = '{SESSION_SET}' AND (payload -> 'session' ->> 'lastError') = $reconciled
GROUP BY home_id, epoch_us(occurred_at) // 10000000
UNION
SELECT home_id, epoch_us(max(binding_last_event_at)), 'stop' FROM sessions
WHERE binding_last_event = '{STOP_ALL}' AND binding_last_event_at IS NOT NULL
GROUP BY home_id, epoch_us(binding_last_event_at) // 10000000
UNION
SELECT home_id, epoch_us(since), 'stall' FROM findings WHERE thread_id IS NULL AND since IS NOT NULL AND makes = 'stuck'
ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One thread in the fleet list; times in microseconds UTC, ``spark`` 0…9 per bucket of the fleet's time."""

    home_id: str
    home: str
    thread_id: str
    title: str
    provider: str | None
    project: str | None
    verdict: str
    primary: str | None
    since: Micros | None
    as_of: Micros | None
    status: str | None
    turns: int
    findings: int
    severity: str | None
    first_at: Micros | None
    last_at: Micros | None
    records: int
    spark: str


@dataclass(frozen=True, slots=True)
class FleetBar:
    """One turn in the fleet's timeline."""

    home_id: str
    thread_id: str
    turn_id: str | None
    state: str
    start: Micros
    end: Micros | None
    open: bool
    makes: str | None


@dataclass(frozen=True, slots=True)
class FleetIncident:
    """A stretch of time in which something was wrong with a thread; ``end`` is None where it goes on."""

    home_id: str
    thread_id: str
    incident_id: str
    verdict: str
    code: str
    start: Micros
    end: Micros | None
    ended_by: str


@dataclass(frozen=True, slots=True)
class ServerMark:
    """A moment in the life of a home's server: ``start``, ``stop`` or ``stall``."""

    home_id: str
    at: Micros
    kind: str


def fleet_rows(store: Store, *, sparks: bool = True) -> list[FleetRow]:
    """All threads, worst first."""
    with store.read() as con:
        order = {"order": [str(verdict) for verdict in VERDICT_ORDER]}
        rows = with_relations(con).sql(FLEET, params=order).to_arrow_table().to_pylist()
    activity = _activity(store, rows) if sparks else {}
    return [
        FleetRow(
            home_id=row["home_id"], home=_tail(row["home"] or row["home_id"]), thread_id=row["thread_id"],
            title=row["title"], provider=row["provider"], project=row["project"], verdict=row["verdict"],
            primary=row["primary_code"], since=row["since"], as_of=row["as_of"], status=row["status"], turns=row["turns"],
            findings=row["findings"], severity=row["severity"], first_at=row["first_at"],
            last_at=row["last_at"], records=row["records"],
            spark=activity.get((row["home_id"], row["thread_id"]), ""),
        )
        for row in rows
    ]  # fmt: skip


def _tail(path: str) -> str:
    """The end of a home's path that tells it from others; a ``userdata`` folder says nothing by itself."""
    parts = [part for part in PurePath(path).parts if part not in ("/", USERDATA)]
    return "/".join(parts[-2:]) or path


def _activity(store: Store, rows: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    starts = [row["first_at"] for row in rows if row["first_at"] is not None]
    ends = [row["last_at"] for row in rows if row["last_at"] is not None]
    if not starts or not ends:
        return {}
    low = min(starts)
    step = max((max(ends) - low) // SPARKS + 1, 1)
    counts: dict[tuple[str, str], list[int]] = {}
    with store.read() as con:
        found = con.execute(_ACTIVITY, {"lo": low, "step": step, "last": SPARKS - 1}).fetchall()
    for home_id, thread_id, bucket, count in found:
        counts.setdefault((home_id, thread_id), [0] * SPARKS)[max(bucket, 0)] += count
    return {key: _spark(values) for key, values in counts.items()}


def _spark(values: list[int]) -> str:
    most = max(values) or 1
    return "".join(str(0 if not v else 1 + round(8 * (v / most) ** 0.5)) for v in values)


def verdict_counts(rows: list[FleetRow]) -> dict[str, int]:
    """How many threads have each verdict, worst first, only those that occur."""
    counts = {str(verdict): sum(row.verdict == verdict for row in rows) for verdict in VERDICT_ORDER}
    return {verdict: count for verdict, count in counts.items() if count}


def fleet_bars(store: Store) -> list[FleetBar]:
    """All turns as stored, and as expected where a home has no database."""
    with store.read() as con:
        found = [*con.execute(_TURNS).fetchall(), *con.execute(_EXPECTED_TURNS).fetchall()]
    return [FleetBar(*row) for row in found]


def fleet_incidents(store: Store, threads: list[str]) -> list[FleetIncident]:
    """What the view ``incidents`` has of some thread ids, in all homes, by time."""
    with store.read() as con:
        return [FleetIncident(*row) for row in con.execute(_INCIDENTS, {"threads": threads}).fetchall()]


def server_marks(store: Store, home_id: str | None = None) -> list[ServerMark]:
    """What the records tell of the servers' starts, clean stops and stalls, by home and time.

    A kill leaves no record of its own: it lies somewhere before the next start.
    """
    with store.read() as con:
        found = con.execute(_SERVER, {"reconciled": STARTUP_RECONCILE_ERROR}).fetchall()
    return [ServerMark(*row) for row in found if home_id in (None, row[0])]
