"""What was done to a thread shows on its timeline, with its effect."""

from __future__ import annotations

from pathlib import Path

import pytest

import t3lens
from t3lens.sim import SimServer
from t3lens.sim.scenarios import build_home


def test_a_reconcile_is_a_mark_with_its_effect_on_the_timeline_of_its_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = build_home(tmp_path / "home", "orphaned-by-restart")
    (stuck,) = (thread for thread, right in told.threads.items() if "stuck" in right.verdict)
    with SimServer(tmp_path / "home", adopt=True) as server:
        monkeypatch.setenv("T3LENS_TOKEN", server.token)
        with t3lens.open(tmp_path / "home") as lens:
            thread = lens.thread(stuck)
            assert "Actions" not in thread.timeline(static=True).layout.yaxis.ticktext
            result = thread.reconcile().execute(confirm=True)
            assert result.applied
            figure = thread.timeline(static=True)
            drawn = {trace.name: trace for trace in figure.data}
            assert "Actions" in figure.layout.yaxis.ticktext
            [mark] = drawn["action applied"].customdata
            assert mark[1] == f"action:{result.action_id}"
            assert "running → stopped" in mark[0]
            [effect] = drawn["action until its effect was seen"].customdata
            assert effect[2] == mark[2] < effect[3]
            others = [t.thread_id for t in lens.diagnosis.threads if t.thread_id != stuck]
            for other in others:
                ticks = lens.thread(other).timeline(static=True).layout.yaxis.ticktext
                assert "Actions" not in ticks
