"""Simulated homes and servers of the second data model tell the stories that were recorded of a real one."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import t3lens
from t3lens.sim.script import Die, Hang
from t3lens.sim.v2.builds import SECOND_BUILDS
from t3lens.sim.v2.home import SecondHome
from t3lens.sim.v2.server import SecondServer
from t3lens.sim.v2.stories import SECOND_STORIES, SecondStory
from tests.recordings import RECORDED_V2, needs_recordings_v2
from tests.sim.conftest import misjudged, orphan

BUILDS = list(SECOND_BUILDS)
AUGUST, OCTOBER = BUILDS

CELLS = [
    pytest.param(
        story,
        build,
        provider,
        id=f"{story.name}-{build}-{provider}",
        # the other build and the other provider once each
        marks=[pytest.mark.slow] if (build != story.builds[0]) + (provider != story.providers[0]) == 1 else [],
    )
    for story in SECOND_STORIES.values()
    for build in story.builds
    for provider in story.providers
]


@pytest.mark.parametrize(("story", "build", "provider"), CELLS)
def test_a_story_is_judged_as_it_was_told(story: SecondStory, build: str, provider: str, tmp_path: Path) -> None:
    told = story.tell(tmp_path / "home", build=build, provider=provider)
    assert misjudged(tmp_path / "home", told) == []


def test_nothing_serious_is_said_of_what_is_well(tmp_path: Path) -> None:
    for name in ("v2-healthy", "v2-interrupted", "v2-approval-answered", "v2-session-let-go"):
        told = SECOND_STORIES[name].tell(tmp_path / name)
        assert all(expect.quiet for expect in told.threads.values())


def test_a_start_cancels_the_queue_or_holds_it(tmp_path: Path) -> None:
    for build, runs in ((AUGUST, ["cancelled", "cancelled"]), (OCTOBER, ["cancelled", "queued"])):
        with SecondHome(tmp_path / build, build=build) as home:
            thread = home.thread("T")
            home.send(thread, "hello", Hang())
            home.wait_running(thread)
            home.send(thread, "behind it")
            home.kill_server()
            home.start_server()
            home.advance(10)
            assert home.runs(thread) == runs
            as_of = home.core.now
        with t3lens.open(tmp_path / build, as_of=as_of, server="alive") as lens:
            codes = {finding.code for finding in lens.thread(thread).diagnosis.findings}
            assert ("queue-held" in codes) is (build == OCTOBER)


def test_one_codex_process_serves_all_threads(tmp_path: Path) -> None:
    with SecondHome(tmp_path / "home") as home:
        first, second = home.thread("A", provider="codex"), home.thread("B", provider="codex")
        home.turn(first, "hello")
        home.turn(second, "hello")
        assert home.core.process_of(first) is home.core.process_of(second)
        home.send(first, "dies", Die())
        home.advance(20)
        home.send(second, "hangs")
        home.advance(60)
        assert home.runs(first)[-1] == home.runs(second)[-1] == "running"


@needs_recordings_v2
def test_its_events_come_in_the_order_in_which_they_were_recorded(tmp_path: Path) -> None:
    """Of a normal run, an interrupt and an answered question: what the life of a run is read from."""
    kept = ("run.", "run-attempt.", "provider-turn.", "runtime-request.", "provider-session.attached")
    for story, name in (
        ("v2-healthy", "01-normal/1-live"),
        ("v2-interrupted", "05-interrupt/1-after-interrupt"),
        ("v2-approval-answered", "10-approval/3-after-accept"),
    ):
        with SecondHome(tmp_path / story, build=AUGUST) as home:
            *_, thread = SECOND_STORIES[story].act(home, "opencode")
            simulated = _life(home.core.database.path, kept, thread)
        recorded = _life(RECORDED_V2 / "0.0.31-20260807" / name / "userdata" / "state.sqlite", kept, None)
        assert simulated == recorded, name


@needs_recordings_v2
def test_its_entities_have_the_keys_of_the_recorded_ones(tmp_path: Path) -> None:
    with SecondHome(tmp_path / "home", build=AUGUST) as home:
        (thread,) = SECOND_STORIES["v2-approval-answered"].act(home, "opencode")
        simulated = {kind: home.core.database.entities(kind, thread) for kind in ("run", "run-attempt", "provider-turn")}
        simulated["runtime-request"] = home.core.database.entities("runtime-request", thread)
    path = RECORDED_V2 / "0.0.31-20260807" / "10-approval" / "3-after-accept" / "userdata" / "state.sqlite"
    tables = {"run": "runs", "run-attempt": "run_attempts", "provider-turn": "provider_turns"}
    tables["runtime-request"] = "runtime_requests"
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as con:
        for kind, table in tables.items():
            (text,) = con.execute(f"SELECT payload_json FROM orchestration_v2_projection_{table}").fetchone()
            assert set(simulated[kind][0]) == set(json.loads(text)), kind


def test_the_same_seed_tells_the_same_story_in_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        SECOND_STORIES["v2-demo"].tell(tmp_path / name, seed=7)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        made.append({str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files})
    assert made[0] == made[1]


def _life(path: Path, kept: tuple[str, ...], thread: str | None) -> list[tuple[str, Any, bool]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as con:
        rows = con.execute(
            "SELECT event_type, payload_json, command_id IS NOT NULL FROM orchestration_events"
            " WHERE (? IS NULL OR stream_id = ?) ORDER BY sequence",
            (thread, thread),
        ).fetchall()
    found: list[tuple[str, Any, bool]] = []
    for kind, text, commanded in rows:
        if kind.startswith(kept):
            entry = (kind, json.loads(text).get("status"), bool(commanded))
            if entry not in found[-1:]:  # a provider repeats itself
                found.append(entry)
    return found


def test_a_home_of_the_first_data_model_is_brought_over_once(tmp_path: Path) -> None:
    """As measured: shells with their messages, idle whatever they were; the first model's rows stay where they are."""
    thread = orphan(tmp_path / "home")
    before = (tmp_path / "home" / "userdata" / "state.sqlite").read_bytes()
    with SecondServer(tmp_path / "home", build=SECOND_BUILDS[OCTOBER], speed=20) as server:
        assert server.runs(thread) == []
        assert server.wait(lambda core: not core.database.rows(
            "SELECT 1 FROM orchestration_events WHERE application_event_version < 2 AND stream_id = ?", thread))  # fmt: skip
        with t3lens.open(tmp_path / "home") as lens:
            found = lens.thread(thread).diagnosis
            assert (found.verdict, [f.code for f in found.findings if f.severity in ("high", "medium")]) == ("idle", [])
            assert "V1 and V2 side by side" in repr(lens.diagnosis.homes[0].home.standing.name)
        server.send(thread, "go on")
        assert server.wait(lambda core: core.database.entities("run", thread)[-1]["status"] == "completed")
        server.restart(kill=True)
        assert server.runs(thread) == ["completed"]
        imported = server.core.database.rows("SELECT * FROM orchestration_v2_legacy_imports")
        assert [row["thread_id"] for row in imported] == [thread]
    assert (tmp_path / "home" / "userdata" / "state.sqlite").read_bytes() == before


def test_the_branch_of_august_migrates_the_first_models_file_itself(tmp_path: Path) -> None:
    thread = orphan(tmp_path / "home")
    with SecondServer(tmp_path / "home", build=SECOND_BUILDS[AUGUST], speed=20):
        pass
    assert not (tmp_path / "home" / "userdata" / "statev2.sqlite").exists()
    with t3lens.open(tmp_path / "home", server="dead") as lens:
        assert lens.thread(thread).diagnosis.verdict == "idle"


def test_compaction_keeps_the_newest_word_on_each_entity_and_the_life_of_runs(tmp_path: Path) -> None:
    with SecondHome(tmp_path / "home") as home:
        (thread,) = SECOND_STORIES["v2-approval-answered"].act(home, "opencode")
        kept = ("run.", "run-attempt.", "provider-turn.", "runtime-request.")
        before = _life(home.core.database.path, kept, thread)
        many = home.core.database.rows("SELECT count(*) FROM orchestration_events")[0][0]
        home.stop_server()
        home.start_server()
        home.advance(5)
        assert _life(home.core.database.path, kept, thread) == before
        assert home.core.database.rows("SELECT count(*) FROM orchestration_events")[0][0] < many
        nodes = home.core.database.rows(
            "SELECT json_extract(payload_json, '$.id') FROM orchestration_events WHERE event_type = 'node.updated'"
        )
        assert len(nodes) == len({row[0] for row in nodes})
        as_of = home.core.now
    with t3lens.open(tmp_path / "home", as_of=as_of, server="alive") as lens:
        assert lens.thread(thread).diagnosis.verdict == "idle"
