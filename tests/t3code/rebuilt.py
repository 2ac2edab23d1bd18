"""Stored rows and the rows rebuilt from stored events, in one form that can be compared; and how often they agree."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import Any

from t3lens.t3code.v1.lifecycle.projection import ProjectedSession, ProjectedThread, ProjectedTurn, project
from t3lens.t3code.v1.rules import PROFILES, Rules
from t3lens.time import parse_iso
from tests.recordings import PROFILE_OF_BUILD, Recording, recordings

Row = dict[str, Any]


def _typed(name: str, value: Any) -> Any:
    return parse_iso(value) if name.endswith("_at") and value is not None else value


def stored_session(home: Recording, thread_id: str) -> Row | None:
    for row in home.rows("projection_thread_sessions"):
        if row["thread_id"] == thread_id:
            return {name: _typed(name, row.get(name)) for name in ProjectedSession.__struct_fields__}
    return None


def stored_turns(home: Recording, thread_id: str) -> dict[str | None, Row]:
    turns: dict[str | None, Row] = {}
    for row in home.rows("projection_turns", order="row_id"):
        if row["thread_id"] == thread_id:
            fields = {name: _typed(name, row.get(name)) for name in ProjectedTurn.__struct_fields__}
            fields["checkpoint_files"] = tuple(json.loads(row["checkpoint_files_json"]))
            assert row["turn_id"] not in turns, "a thread has one row per turn and one pending row"
            turns[row["turn_id"]] = fields
    return turns


def columns(row: ProjectedSession | ProjectedTurn) -> Row:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def rebuilt_turns(thread: ProjectedThread) -> dict[str | None, Row]:
    turns: dict[str | None, Row] = {turn_id: columns(row) for turn_id, row in thread.turns.items()}
    if thread.pending is not None:
        turns[None] = columns(thread.pending)
    return turns


def rebuilt_rows(home: Recording, thread_id: str, rules: Rules) -> tuple[Row | None, dict[str | None, Row]]:
    """Session and turns as a thread's events give them under ``rules``."""
    thread = project(home.stored[thread_id], rules)
    session = columns(thread.session) if thread.session is not None else None
    return session, rebuilt_turns(thread)


@cache
def agreement() -> dict[str, dict[str, int]]:
    """By build: how many threads there are (``""``) and how many agree under each profile."""
    counts = {build: Counter[str]() for build in PROFILE_OF_BUILD}
    for home in recordings():
        for thread_id in home.threads:
            counts[home.build][""] += 1
            stored = stored_session(home, thread_id), stored_turns(home, thread_id)
            for name, rules in PROFILES.items():
                counts[home.build][name] += rebuilt_rows(home, thread_id, rules) == stored
    return {build: dict(count) for build, count in counts.items()}


def agreement_table() -> list[str]:
    """Lines of a Markdown table: builds down, profiles across, threads whose rows agree of all."""
    lines = [f"| build | {' | '.join(PROFILES)} |", "|---" * (len(PROFILES) + 1) + "|"]
    for build, counts in agreement().items():
        cells = [f"{counts[name]}/{counts['']}" for name in PROFILES]
        lines.append(f"| {build} | {' | '.join(cells)} |")
    return lines
