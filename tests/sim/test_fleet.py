"""A healthy fleet raises no alarm, and bulk logs are what was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from t3lens.sim.demo import demo_home
from t3lens.sim.fleet import bulk_logs, fleet
from t3lens.time import iso, parse_iso
from tests.diagnose.homes import by_id, diagnosed, loud
from tests.sim.conftest import misjudged, query


@pytest.mark.parametrize("build", ["0.0.23", "0.0.28", "0.0.33"])
def test_a_healthy_fleet_raises_no_alarm(tmp_path: Path, build: str) -> None:
    told = fleet(tmp_path / "home", 100, build=build)
    threads = by_id(diagnosed(tmp_path / "home", as_of=iso(told.now), server="alive"))
    assert len(threads) == 100
    assert {thread_id: loud(thread) for thread_id, thread in threads.items() if loud(thread)} == {}


def test_a_fleet_lives_through_everything_that_is_healthy(tmp_path: Path) -> None:
    fleet(tmp_path, 44)
    kinds = {row[0] for row in query(tmp_path, "SELECT DISTINCT kind FROM projection_thread_activities")}
    assert {
        "approval.resolved",
        "user-input.resolved",
        "task.completed",
        "runtime.warning",
        "tool.completed",
    } <= kinds
    drivers = query(tmp_path, "SELECT count(DISTINCT provider_name) FROM projection_thread_sessions")
    assert drivers == [(4,)]


@pytest.mark.parametrize("generation", [1, 2])
def test_bulk_logs_have_the_size_and_the_generation_asked_for(tmp_path: Path, generation: int) -> None:
    written = bulk_logs(tmp_path, 2.0, generation=generation, threads=4, max_bytes=150_000)
    names = [path.name for path in tmp_path.iterdir()]
    assert 2_000_000 <= written < 2_400_000
    assert all(name.startswith("events.") == (generation == 2) for name in names)
    assert any(name.endswith(".log.1") for name in names)


@pytest.mark.parametrize("build", ["0.0.28", "0.0.33"])
def test_the_demo_ends_now_and_is_told_truly(tmp_path: Path, build: str) -> None:
    from datetime import UTC, datetime, timedelta

    end = datetime(2026, 11, 20, 12, tzinfo=UTC)
    told = demo_home(tmp_path / "home", end=end, build=build)
    assert abs(parse_iso(told.as_of) / 1e6 - end.timestamp()) < timedelta(seconds=1).total_seconds()
    assert told.server == "alive"
    verdicts = {expect.verdict[0] for expect in told.threads.values()}
    assert {"idle", "stuck", "diverged", "waiting", "failed", "working"} <= verdicts
    assert misjudged(tmp_path / "home", told) == []
