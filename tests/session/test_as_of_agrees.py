"""The past is one: tables, SQL, timeline, time travel and the explorer say the same of a moment gone by.

A few recorded scenarios are looked at; all of them with ``T3LENS_AS_OF=all``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import t3lens
from t3lens.lens.lens import Lens
from t3lens.live.explorer import Explorer
from t3lens.session.past import NO_PAST
from t3lens.time import Micros, iso, parse_iso
from t3lens.view.timeline.data import EXPECTED_SESSION, STORED_SESSION, TimelineIndex
from tests.recordings import RECORDED, needs_recordings

pytestmark = needs_recordings

_EVERY = 1 if os.environ.get("T3LENS_AS_OF") == "all" else 20  # six of them


def _moments() -> list[tuple[Path, Micros, str]]:
    """A later state of each scenario with moments before: those at which earlier states were recorded."""
    states: dict[Path, list[tuple[str, Path, str]]] = {}
    for file in sorted(RECORDED.glob("*/*/*/expected.json")):
        right = json.loads(file.read_text("utf-8"))
        states.setdefault(file.parent.parent, []).append((right["as_of"], file.parent, right["server"]))
    found = []
    for _, known in sorted(states.items()):
        *before, (_, later, _) = sorted(known)
        found += [(later, parse_iso(at) - 1000, server) for at, _, server in before]
    return found


MOMENTS = _moments()[::_EVERY]


def _sessions_said(explorer: Explorer, thread_id: str, home_id: str, moment: Micros) -> dict[str, str]:
    explorer._chosen = (home_id, thread_id)
    found = explorer._diagnosed()
    home = explorer._session.home(home_id)
    rows = explorer._going_on(explorer._index(), moment, found, home)
    return {lane: words.rsplit(" ", 1)[1] for lane, words, _, _ in rows if lane in (STORED_SESSION, EXPECTED_SESSION)}


def _differences(now: Lens, then: Lens, moment: Micros) -> Iterator[str]:
    explorer = Explorer(now.session, actions=False)
    asked = then.sql("select thread_id, status from sessions where status is not null")
    sessions = dict(zip(asked.thread_id, asked.status, strict=True))
    known = now.sessions(as_of=moment).dropna(subset=["status"])
    table = dict(zip(known.thread_id, known.status, strict=True))
    turns = then.sql("select thread_id, turn_id, state from turns where turn_id is not null")
    for thread in then.diagnosis.threads:
        facts, expected = thread.case.facts, thread.case.expected.session
        state = now.thread(thread.thread_id).state_at(moment)
        stored = facts.session.status if facts.session is not None else None
        said: dict[str, Any] = {
            "state_at": state.stored.status if state.stored is not None else None,
            "sessions(as_of)": table.get(thread.thread_id),
            "SQL": sessions.get(thread.thread_id),
        }
        index = TimelineIndex(then.store, thread.home_id, thread.thread_id, as_of=moment)
        bars = {bar.lane: bar for _, bar in index.at(moment)}
        late = [bar.title for bar in index.view().bars if bar.start > moment]
        index.close()
        said["timeline"] = bars["session-stored"].role.partition(":")[2] if "session-stored" in bars else None
        shown = _sessions_said(explorer, thread.thread_id, thread.home_id, moment)
        said["explorer"] = shown.get(STORED_SESSION)
        yield from (f"{name} says {status}, not {stored}" for name, status in said.items() if status != stored)
        should = expected.status.value if expected is not None else None
        also = state.expected.status.value if state.expected.status else None
        if {also, shown.get(EXPECTED_SESSION)} != {should}:
            yield f"expected are {also} and {shown.get(EXPECTED_SESSION)}, not {should}"
        kept = {(turn.turn_id, turn.state) for turn in facts.turns if turn.turn_id}
        mine = turns[turns.thread_id == thread.thread_id]
        if set(zip(mine.turn_id, mine.state, strict=True)) != kept:
            yield f"turns are {set(zip(mine.turn_id, mine.state, strict=True))}, not {kept}"
        if late:
            yield f"the timeline has {late} after the moment"
    explorer.close()
    ids = {thread.thread_id for thread in then.diagnosis.threads}
    for view in ("threads", "sessions", "turns", "log_events"):
        more = set(then.sql(f"select distinct thread_id from {view} where thread_id is not null").thread_id) - ids
        if more:
            yield f"{view} has threads that did not exist yet: {more}"
    late_lines = then.sql(
        "select count(*) as n from log_events where least(logged_at, created_at) > make_timestamptz(?)", [moment]
    )
    if late_lines.n[0]:
        yield f"{late_lines.n[0]} lines are newer"


@pytest.mark.parametrize(
    ("later", "moment", "server"), MOMENTS, ids=[f"{m[0].relative_to(RECORDED)}@{iso(m[1])[11:19]}" for m in MOMENTS]
)
def test_everything_says_the_same_of_a_moment_gone_by(later: Path, moment: Micros, server: str) -> None:
    with (
        t3lens.open(later, server="dead", records="off") as now,
        t3lens.open(later, server=server, as_of=moment, records="off") as then,
    ):
        assert list(_differences(now, then, moment)) == []


def test_what_keeps_no_past_is_not_asked_and_what_is_over_is_not_told() -> None:
    later, moment, server = next(m for m in _moments() if m[0].parent.name == "10-approval-codex")
    with t3lens.open(later, server=server, as_of=moment, records="off") as then:
        for view in NO_PAST:
            with pytest.raises(t3lens.T3LensError, match="no past is kept"):
                then.sql(f"select count(*) from {view}")
        assert not (then.sql("from incidents").until > then.sql("select max(as_of) as t from verdicts").t[0]).any()
    with t3lens.open(later, server="dead", records="off") as now:
        assert len(now.sql("from projectors")) > 0
