"""A home of the second data model at a moment gone by: tables, SQL and timeline show that moment, and nothing newer."""

from __future__ import annotations

from pathlib import Path

import pytest

import t3lens
from t3lens.session.past import NO_PAST
from t3lens.store.schema_doc import NO_PAST_SECOND
from t3lens.view.timeline.data import TimelineIndex

HOME = Path(__file__).parents[2] / "sample_logs" / "v2-interrupt-held"


def test_the_views_show_what_the_verdict_rests_on() -> None:
    with t3lens.open(HOME, server="alive", records="off") as now:
        thread = max(now.diagnosis.threads, key=lambda one: len(one.case.facts.stored))
        events = thread.case.replays.expected.events
        moment = (events[len(events) // 2 - 1].at + events[len(events) // 2].at) // 2
        whole = now.sql("select run_id, status from runs")
    with t3lens.open(HOME, server="alive", as_of=moment, records="off") as then:
        assert then.notices == []
        found = {one.thread_id: one for one in then.diagnosis.threads}
        asked = then.sql("select thread_id, run_id, status from runs")
        kept = {(key, run.run_id, run.status) for key, one in found.items() for run in one.case.facts.runs}  # type: ignore[attr-defined]
        assert set(zip(asked.thread_id, asked.run_id, asked.status, strict=True)) == kept
        assert kept and len(kept) <= len(whole)
        turns = then.sql("select turn_id, state from turns")
        mine = {(turn.turn_id, turn.state) for one in found.values() for turn in one.case.facts.turns}
        assert set(zip(turns.turn_id, turns.state, strict=True)) == mine
        assert set(then.sql("select thread_id from threads").thread_id) == set(found)
        for view, time in (
            ("nodes", "greatest(started_at, completed_at)"), ("effects", "greatest(created_at, completed_at)"),
            ("items", "greatest(opened_at, closed_at)"), ("requests", "greatest(opened_at, closed_at)"),
            ("orchestration_events", "occurred_at"), ("log_events", "least(logged_at, created_at)"),
            ("provider_turns", "greatest(started_at, completed_at)"), ("run_attempts", "greatest(started_at, completed_at)"),
            ("threads", "greatest(created_at, updated_at)"), ("sessions", "updated_at"),
        ):  # fmt: skip
            late = then.sql(f"select count(*) as n from {view} where epoch_us({time}) > ?", [moment]).n[0]
            assert late == 0, view
        index = TimelineIndex(then.store, thread.home_id, thread.thread_id, as_of=moment)
        assert not [bar.title for bar in index.view().bars if bar.start > moment]
        index.close()
        for view in NO_PAST | NO_PAST_SECOND:
            with pytest.raises(t3lens.T3LensError, match="no past is kept"):
                then.sql(f"from {view}")
