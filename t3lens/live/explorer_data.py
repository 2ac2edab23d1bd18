"""What the explorer's panes are sent: plain lists and dictionaries of inert text, as small as they can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from t3lens.time import Micros
from t3lens.view.fleet.data import FleetRow, verdict_counts
from t3lens.view.page import theme
from t3lens.view.page.escape import plain
from t3lens.view.timeline.data import ACTION_NAMES, INCIDENT_NAMES, TimelineData

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["SIGNS", "fleet_payload", "range_payload", "story_payload", "view_payload"]

SIGNS: Final = {
    family: {name: entry.sign for name, entry in entries.items()}
    for family, entries in (
        ("state", theme.STATE), ("item", theme.ITEM), ("verdict", theme.VERDICT), ("severity", theme.SEVERITY),
        ("action", theme.ACTION),
    )
}  # fmt: skip

_LEGEND: Final = {
    "state:starting": "starting", "state:pending": "pending", "state:running": "running", "state:waiting": "waiting",
    "state:ready": "ready", "state:idle": "idle", "state:completed": "completed", "state:interrupted": "interrupted",
    "state:stopped": "stopped", "state:error": "error", "item:message": "message", "item:reasoning": "reasoning",
    "item:tool": "tool", "item:failed": "failed item", "item:lifecycle": "lifecycle event",
    "item:terminal": "end of turn or session", "item:trouble": "error or warning", "item:ask": "request",
    "item:command": "person's request", "item:other": "other event",
    **{role: f"action {name}" for role, name in ACTION_NAMES.items()},
    **INCIDENT_NAMES,
}  # fmt: skip

_STORY: Final = """
SELECT step, epoch_us(occurred_at), rule, why FROM transitions
WHERE home_id = ? AND thread_id = ? AND rules = 'settle' AND (
    from_status IS DISTINCT FROM to_status OR from_turn IS DISTINCT FROM to_turn OR len(settled) > 0
    OR (NOT applied AND rule <> 'R14'))
ORDER BY step DESC LIMIT 200
"""

_FINDINGS: Final = """
SELECT finding_id, code, severity, confidence, summary, explanation, epoch_us(since) FROM findings
WHERE home_id = ? AND (thread_id = ? OR thread_id IS NULL)
ORDER BY thread_id IS NULL, rank
"""

_RANGE: Final = """
SELECT label, type, count(*), min(epoch_us(logged_at)), max(epoch_us(logged_at)) FROM log_events
WHERE home_id = ? AND thread_id = ? AND logged_at BETWEEN make_timestamptz(?) AND make_timestamptz(?)
GROUP BY label, type ORDER BY 3 DESC, 1, 2
"""


def fleet_payload(rows: list[FleetRow], notices: Sequence[str] = ()) -> dict[str, Any]:
    """The fleet list and its chips, and what is to be read first."""
    return {
        "rows": [
            {
                "home": row.home_id, "thread": row.thread_id, "title": plain(row.title, 90),
                "provider": plain(row.provider or "", 24), "project": plain(row.project or "", 60),
                "verdict": row.verdict, "why": row.primary or "", "since": row.since, "last": row.last_at,
                "turns": row.turns, "spark": row.spark,
            }
            for row in rows
        ],
        "counts": list(verdict_counts(rows).items()),
        "notices": [plain(text, 600) for text in notices],
    }  # fmt: skip


def view_payload(data: TimelineData) -> dict[str, Any]:
    """One view of a thread's timeline; numbers are microseconds UTC."""
    used = {bar.role for bar in data.bars} | {mark.role for mark in data.marks}
    return {
        "id": f"{data.home_id}/{data.thread_id}",
        "title": plain(data.title, 90), "verdict": data.verdict, "primary": data.primary,
        "since": data.since, "as_of": data.as_of, "start": data.start, "end": data.end,
        "whole": list(data.whole), "records": data.records,
        "lanes": [
            {"key": lane.key, "title": plain(lane.title, 40), "rows": lane.rows, "note": lane.note}
            for lane in data.lanes
        ],
        "bars": [
            [b.lane, b.row, b.start, b.end, b.open, b.role, plain(b.title, 80), b.key, b.count] for b in data.bars
        ],
        "marks": [
            [
                m.lane, m.at, m.until, m.role, plain(m.title, 80), m.key, m.count, m.dense, round(m.weight, 3),
                [f"{name}: {plain(value, 240)}" for name, value in m.facts] if m.lane == "actions" else [],
            ]
            for m in data.marks
        ],
        "findings": [
            [f"finding:{f.finding_id}", f.code, f.severity, f.since, f.row, plain(f.summary, 200)]
            for f in data.findings
        ],
        "forks": list(data.forks),
        "servers": [list(mark) for mark in data.servers],
        "patterns": {role: theme.look(role).pattern for role in sorted(used)},
        "legend": [[role, name] for role, name in _LEGEND.items() if role in used],
    }  # fmt: skip


def story_payload(store: Store, home_id: str, thread_id: str) -> dict[str, Any]:
    """The thread's findings and the steps that led to where it is, newest last."""
    with store.read() as con:
        steps = con.execute(_STORY, [home_id, thread_id]).fetchall()
        findings = con.execute(_FINDINGS, [home_id, thread_id]).fetchall()
    return {
        "findings": [
            {
                "key": f"finding:{key}", "code": code, "severity": severity, "confidence": confidence,
                "summary": plain(summary, 400), "since": since,
            }
            for key, code, severity, confidence, summary, _, since in findings
        ],
        "why": plain(findings[0][5], 900) if findings else "",
        "steps": [
            {"key": f"step:settle:{step}", "at": at, "rule": rule, "why": plain(why, 300)}
            for step, at, rule, why in reversed(steps)
        ],
    }  # fmt: skip


def range_payload(store: Store, home_id: str, thread_id: str, low: Micros, high: Micros, sql: str) -> dict[str, Any]:
    """What the log holds of a time range, by label and type."""
    with store.read() as con:
        rows = con.execute(_RANGE, [home_id, thread_id, low, high]).fetchall()
    return {
        "low": low, "high": high, "sql": sql, "total": sum(row[2] for row in rows),
        "rows": [[label, plain(kind or "", 60), n, first, last] for label, kind, n, first, last in rows[:60]],
    }  # fmt: skip
