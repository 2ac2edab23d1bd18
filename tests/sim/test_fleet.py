"""A healthy fleet raises no alarm, and bulk logs are what was asked for."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from t3lens.diagnose import diagnose
from t3lens.diagnose.context import Server
from t3lens.diagnose.options import Options, ServerSetting
from t3lens.ingest import discover, ingest
from t3lens.model.finding import Severity
from t3lens.model.time import parse_iso
from t3lens.sim.demo import demo_home
from t3lens.sim.fleet import bulk_logs, fleet
from t3lens.store import Store
from tests.sim.conftest import query
from tests.sim.test_stories import complaints, judge


def alarms(home: Path, threads: int, build: str) -> list[str]:
    """Findings of severity medium and more in a fleet of that size."""
    told = fleet(home, threads, build=build)
    runtime = msgspec.json.decode((home / "userdata" / "server-runtime.json").read_bytes())
    store = Store.open(None)
    try:
        (found,) = discover([home])
        ingest(store, [found])
        server = Server(
            "alive", started_at=parse_iso(runtime["startedAt"]), why="the fleet's server runs"
        )
        options = Options(as_of=told.now, server=ServerSetting.ALIVE)
        said = diagnose(store, [found.home_id], options, servers={found.home_id: server})
    finally:
        store.close()
    assert len(said.threads) == threads
    return [f"{f.code}: {f.summary}" for f in said.findings if f.severity.at_least(Severity.MEDIUM)]


@pytest.mark.parametrize("build", ["0.0.23", "0.0.28", "0.0.33"])
def test_a_healthy_fleet_raises_no_alarm(tmp_path: Path, build: str) -> None:
    assert alarms(tmp_path / "home", 100, build) == []


@pytest.mark.slow
@pytest.mark.parametrize("build", ["0.0.28", "0.0.33"])
def test_three_thousand_healthy_threads_raise_no_alarm(tmp_path: Path, build: str) -> None:
    assert alarms(tmp_path / "home", 3000, build) == []


def test_a_fleet_lives_through_everything_that_is_healthy(tmp_path: Path) -> None:
    fleet(tmp_path, 44)
    kinds = {
        row[0] for row in query(tmp_path, "SELECT DISTINCT kind FROM projection_thread_activities")
    }
    assert {
        "approval.resolved",
        "user-input.resolved",
        "task.completed",
        "runtime.warning",
        "tool.completed",
    } <= kinds
    drivers = query(
        tmp_path, "SELECT count(DISTINCT provider_name) FROM projection_thread_sessions"
    )
    assert drivers == [(4,)]


@pytest.mark.parametrize("generation", [1, 2])
def test_bulk_logs_have_the_size_and_the_generation_asked_for(
    tmp_path: Path, generation: int
) -> None:
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
    assert list(complaints(judge(tmp_path / "home", told), told)) == []
