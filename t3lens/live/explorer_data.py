"""What the explorer's panes are sent: plain lists and dictionaries of inert text, as small as they can be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from t3lens.counted import counted
from t3lens.diagnose.wording import with_short_ids
from t3lens.t3code.rule_names import rule_name, rule_words
from t3lens.time import Micros
from t3lens.view.fleet.data import FleetRow, verdict_counts
from t3lens.view.page import theme
from t3lens.view.page.escape import plain
from t3lens.view.records import said_in
from t3lens.view.scene.page import scene_payload
from t3lens.view.scene.paint import legend_html, overview_svg, scene_svg
from t3lens.view.timeline.data import TimelineData
from t3lens.view.timeline.scene import thread_scene

if TYPE_CHECKING:
    from t3lens.store import Store
    from t3lens.view.scene.parts import Scene

__all__ = [
    "MOST_HITS",
    "SIGNS",
    "content_hits",
    "content_threads",
    "fleet_payload",
    "range_payload",
    "scene_view",
    "story_payload",
    "view_payload",
]

SIGNS: Final = {
    family: {name: entry.sign for name, entry in entries.items()}
    for family, entries in (
        ("state", theme.STATE), ("item", theme.ITEM), ("verdict", theme.VERDICT), ("severity", theme.SEVERITY),
        ("action", theme.ACTION),
    )
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

MOST_HITS: Final = 60
"""A search finds no more."""
_LONGEST_SHOWN: Final = 200_000
"""Of a longer record a search shows how long it is: to mask what it holds would take seconds."""

_HOLDING: Final = """
WITH held AS (
    SELECT home_id, thread_id, logged_at AS moment, 'log:' || file_id || ':' || line AS key, type, payload::VARCHAR AS said
    FROM log_events WHERE thread_id IS NOT NULL
    UNION ALL
    SELECT home_id, stream_id, occurred_at, 'event:' || sequence, event_type, payload::VARCHAR FROM orchestration_events
),
found AS (
    SELECT * FROM held JOIN verdicts USING (home_id, thread_id)
    WHERE contains(lower(said), lower($words)) OR contains(lower(said), lower($quoted))
)
"""
_SEARCH: Final = f"""{_HOLDING}
SELECT f.home_id, f.thread_id, t.title, epoch_us(f.moment), f.key, f.type, length(f.said)
FROM found AS f LEFT JOIN threads AS t USING (home_id, thread_id)
ORDER BY f.moment DESC, f.key LIMIT $most
"""
_SEARCHED_THREADS: Final = f"{_HOLDING} SELECT home_id, thread_id, count(*) FROM found GROUP BY ALL"

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


def view_payload(data: TimelineData, *, whole: bool = True) -> dict[str, Any]:
    """One view of a thread's timeline, painted; numbers are microseconds UTC.

    Args:
        data: What is in view.
        whole: Whether it is all of the thread: then its overview comes with it.
    """
    return scene_view(thread_scene(data), whole=whole)


def scene_view(scene: Scene, *, name: str = "t3x", whole: bool = True) -> dict[str, Any]:
    """A scene, painted, as the explorer's script takes it.

    Args:
        scene: What is shown.
        name: What the ids in its picture begin with.
        whole: Whether it is all of the thread: then its overview comes with it.
    """
    payload = scene_payload(scene) | {
        # Texts in it hold no quotes of either kind; as JSON these are a third shorter.
        "svg": scene_svg(scene, name=name, live=True).replace('"', "'"), "legend": legend_html(scene, name=name),
    }  # fmt: skip
    return payload | {"overview": overview_svg(scene)} if whole else payload


def content_hits(store: Store, words: str, *, content: bool) -> list[dict[str, Any]]:
    """Records whose payload holds ``words``, newest first: thread, moment, type, and what stands around the words.

    Args:
        store: The store to read.
        words: Looked for as they are, whatever their case.
        content: Whether prompts, answers and commands may be shown; otherwise their length stands for them. Secrets
            are masked in either case.
    """
    with store.read() as con:
        rows = con.execute(_SEARCH, {**_looked_for(words), "most": MOST_HITS}).fetchall()
        texts = [
            _surroundings(said_in(con, home_id, key), words) if content and size <= _LONGEST_SHOWN
            else f"‹record, {counted(size, 'character')}{', too long to be shown here' if content else ''}›"
            for home_id, *_, key, _, size in rows
        ]  # fmt: skip
    return [
        {
            "home": home_id, "thread": thread_id, "title": plain(title or thread_id, 60), "at": at, "key": key,
            "type": plain(kind or "record", 60), "text": text,
        }
        for (home_id, thread_id, title, at, key, kind, _), text in zip(rows, texts, strict=True)
    ]  # fmt: skip


def content_threads(store: Store, words: str) -> list[list[Any]]:
    """The threads with records whose payload holds ``words``: home, thread, how many records."""
    with store.read() as con:
        return [list(row) for row in con.execute(_SEARCHED_THREADS, _looked_for(words)).fetchall()]


def _looked_for(words: str) -> dict[str, str]:
    """The words as they are, and as they stand in JSON: a quotation mark in a text has a backslash before it there."""
    return {"words": words[:200], "quoted": json.dumps(words[:200], ensure_ascii=False)[1:-1]}


def _surroundings(text: str, words: str) -> str:
    """What stands around the words, once secrets are masked."""
    places = [text.lower().find(said.lower()) for said in _looked_for(words).values()]
    start = max(max(places) - 60, 0)
    return plain(text[start : start + 200], 200)


def story_payload(store: Store, home_id: str, thread_id: str, servers: Sequence[tuple[Micros, str]] = ()) -> dict[str, Any]:
    """The thread's findings and the steps that led to where it is, by time.

    Args:
        store: The store to read.
        home_id: The thread's home.
        thread_id: The thread.
        servers: When servers of the home came and went, and what is said of that: those since the first step are told.
    """
    with store.read() as con:
        steps = con.execute(_STORY, [home_id, thread_id]).fetchall()
        findings = con.execute(_FINDINGS, [home_id, thread_id]).fetchall()
    return {
        "findings": [
            {
                "key": f"finding:{key}", "code": code, "severity": severity, "confidence": confidence,
                "summary": plain(summary, 4000), "since": since,
            }
            for key, code, severity, confidence, summary, _, since in findings
        ],
        "why": plain(findings[0][5], 4000) if findings else "",
        "steps": _with_servers(
            [
                {
                    "key": f"step:settle:{step}", "at": at, "rule": rule_name(rule), "of": rule_words(rule),
                    "why": plain(with_short_ids(why or ""), 4000),
                }
                # as in the story of a terminal: what was written later of an earlier moment stands where it happened
                for step, at, rule, why in sorted(steps, key=lambda step: (step[1] is None, step[1] or 0, step[0]))
            ],
            servers,
        ),
    }  # fmt: skip


def _with_servers(steps: list[dict[str, Any]], servers: Sequence[tuple[Micros, str]]) -> list[dict[str, Any]]:
    """The steps with what servers did between them: where nothing that came after would explain itself."""
    told = list(steps)
    began = min((step["at"] for step in steps if step["at"] is not None), default=None)
    for at, said in servers:
        if began is not None and at >= began:
            after = max(place for place, step in enumerate(told) if step["at"] is not None and step["at"] <= at)
            words = {"server start": "the server restarted", "server stop": "the server ended"}.get(said, said)
            told.insert(after + 1, {"key": "", "at": at, "rule": "server", "of": "", "why": words})
    return told


def range_payload(store: Store, home_id: str, thread_id: str, low: Micros, high: Micros, sql: str) -> dict[str, Any]:
    """What the log holds of a time range, by label and type."""
    with store.read() as con:
        rows = con.execute(_RANGE, [home_id, thread_id, low, high]).fetchall()
    return {
        "low": low, "high": high, "sql": sql, "total": sum(row[2] for row in rows),
        "rows": [[label, plain(kind or "", 60), n, first, last] for label, kind, n, first, last in rows[:60]],
    }  # fmt: skip
