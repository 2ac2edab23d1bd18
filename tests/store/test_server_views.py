"""Views that answer one question each: which runs the server had, what fills the database, what ran and where."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import t3lens
from t3lens.sim import SimHome
from t3lens.sim.script import Say, Tool
from t3lens.store import Store
from t3lens.t3code.home_layout import HOME_VARIABLE
from tests.ingest.disk import read
from tests.recordings import RECORDED, RECORDED_V2, needs_recordings, needs_recordings_v2
from tests.second_model import V1_STUCK, execute, sample

TURN = "opencode-turn-f1dd5642-7c61-43df-84aa-c135a87cc879"


def rows(home: Path, query: str, store: Store | None = None) -> list[dict[str, Any]]:
    store = store or Store.open()
    read(store, home)
    return store.table(query).to_pylist()


def test_a_run_that_ended_without_a_farewell_took_its_turn(tmp_path: Path) -> None:
    first, second = rows(sample(tmp_path), "FROM server_runs ORDER BY run")
    assert (first["run"], first["started_at"], first["how_ended"]) == (1, None, "died")
    assert (first["turns_taken"], first["threads_taken"]) == ([TURN], [V1_STUCK])
    assert first["next_started_at"] == second["started_at"]
    assert first["last_event_at"] < second["started_at"]
    assert (second["how_ended"], second["turns_taken"], second["told_by"]) == (None, [], "server-runtime.json")


def test_what_is_stored_after_an_end_a_run_wrote_whose_start_nothing_told_of(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.28") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.turn(thread, "What is slow?", Say("The parser."))
        home.restart_server(kill=False)
        home.advance(300)
        other = home.thread("Make it fast", provider="codex")
        home.send(other, "Go.", Tool("make bench", 900))
        turn = home.wait_running(other)
        home.advance(20)
        home.restart_server()
        home.advance(60)
    found = rows(home.path, "FROM server_runs ORDER BY run")
    assert [(row["how_ended"], row["turns_taken"]) for row in found] == [("shut down", []), ("died", [turn]), (None, [])]
    assert found[1]["told_by"] == "records after an end"


@needs_recordings
@pytest.mark.parametrize(
    ("state", "ends", "taken"),
    [
        ("0.0.33/07-kill9-server/2-after-restart-75s", ["died", None], 1),
        ("0.0.28/07-kill9-server/2-after-restart-75s", ["died", None], 1),
        ("0.0.28/01-normal/2-after-sigterm", ["shut down"], 0),
        ("0.0.28/01-normal/1-live", [None], 0),
    ],
)
def test_runs_of_recorded_servers(state: str, ends: list[str | None], taken: int) -> None:
    found = rows(RECORDED / state, "FROM server_runs ORDER BY run")
    assert [row["how_ended"] for row in found] == ends
    assert len(found[0]["turns_taken"]) == taken


@needs_recordings_v2
@pytest.mark.parametrize(
    ("state", "end"), [("07-kill9-server/2-after-restart-20s", "died"), ("14-sigterm/2-after-restart-15s", "shut down")]
)
def test_runs_of_recorded_servers_of_the_second_model(state: str, end: str) -> None:
    found = rows(RECORDED_V2 / "0.0.31-20260807" / state, "FROM server_runs ORDER BY run")
    assert [row["how_ended"] for row in found] == [end, None]
    assert [turn.partition(":")[0] for turn in found[0]["turns_taken"]] == ["run"]


def test_restarts_are_named_and_many_are_told_as_a_pattern(tmp_path: Path) -> None:
    home, kept = sample(tmp_path / "home"), tmp_path / "kept.duckdb"
    runtime = json.loads((home / "server-runtime.json").read_text())
    said = ""
    for hour in (10, 11, 12):
        (home / "server-runtime.json").write_text(json.dumps(runtime | {"startedAt": f"2026-07-06T{hour}:00:00.000Z"}))
        with t3lens.open(home, store=kept, server="dead", as_of="2026-07-06T12:30:00Z") as lens:
            (finding,) = (one for one in lens.diagnosis.homes[0].findings if one.code == "server-restarted")
        before, said = said, finding.summary
        assert before != said
    assert finding.severity.value == "info"
    assert said.startswith("The server was restarted 3 times between 2026-07-06T10:00:00.000Z and 2026-07-06T12:00:00.000Z")
    assert "That is a pattern: 3 of them within a day, about 1.0 h apart." in said
    assert TURN not in said
    assert len(finding.evidence) == 3
    assert any(TURN in piece.excerpt for piece in finding.evidence)
    with t3lens.open(home, store=kept, server="dead", as_of="2026-07-06T10:30:00Z") as lens:
        (then,) = (one for one in lens.diagnosis.homes[0].findings if one.code == "server-restarted")
    assert then.summary.startswith("The server was restarted at 2026-07-06T10:00:00.000Z")


def test_a_server_that_only_started_was_not_restarted(tmp_path: Path) -> None:
    home = sample(tmp_path)
    runtime = json.loads((home / "server-runtime.json").read_text())
    (home / "server-runtime.json").write_text(json.dumps(runtime | {"startedAt": "2026-07-06T08:00:00.000Z"}))
    with t3lens.open(home, server="dead") as lens:
        assert not [one for one in lens.diagnosis.homes[0].findings if one.code == "server-restarted"]


def test_what_fills_the_database(tmp_path: Path) -> None:
    home = sample(tmp_path)
    found = rows(home, "FROM stored_volume ORDER BY bytes DESC")
    with closing(sqlite3.connect(home / "state.sqlite")) as con:
        counted = con.execute(
            "SELECT CASE aggregate_kind WHEN 'thread' THEN stream_id END, event_type, count(*) "
            "FROM orchestration_events GROUP BY 1, 2"
        ).fetchall()
    assert {(row["thread_id"], row["event_type"], row["events"]) for row in found} == set(counted)
    assert {row["home_bytes"] for row in found} == {sum(row["bytes"] for row in found)}
    assert all(row["bytes"] > 0 for row in found)


def test_which_instance_ran_each_turn_and_where_it_changed(tmp_path: Path) -> None:
    logs = tmp_path / "userdata" / "logs" / "provider"
    logs.mkdir(parents=True)
    turns = [("u1", "codex"), ("u2", "codex"), ("u3", "codex-work"), ("u4", None)]
    lines = []
    for number, (turn, instance) in enumerate(turns):
        body = {"eventId": f"e{number}", "provider": "codex", "threadId": "t", "turnId": turn, "type": "turn.started"}
        body |= {"payload": {"model": "m"}} | ({"providerInstanceId": instance} if instance else {})
        lines.append(f"[2026-07-01T00:00:0{number}.000Z] CANON: {json.dumps(body)}\n")
    (logs / "t.log").write_text("".join(lines))
    found = rows(tmp_path, "FROM turn_instances ORDER BY started_at")
    assert [(row["turn_id"], row["provider_instance_id"], row["before_instance_id"], row["changed"]) for row in found] == [
        ("u1", "codex", None, False),
        ("u2", "codex", "codex", False),
        ("u3", "codex-work", "codex", True),
        ("u4", None, "codex-work", False),
    ]
    assert {row["model"] for row in found} == {"m"}


def test_working_folders_are_looked_for_in_this_machines_own_home_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, there = sample(tmp_path / "home"), tmp_path / "project"
    there.mkdir()
    query = "SELECT there FROM working_folders WHERE thread_id = '" + V1_STUCK + "'"

    def bind(folder: Path) -> None:
        payload = f"json_set(runtime_payload_json, '$.cwd', '{folder}')"
        execute(home / "state.sqlite", f"UPDATE provider_session_runtime SET runtime_payload_json = {payload}")

    bind(there)
    assert rows(home, query) == [{"there": None}]
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    store = Store.open()
    assert rows(home, query, store) == [{"there": True}]
    there.rmdir()
    assert rows(home, query, store) == [{"there": False}]
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "elsewhere"))
    assert rows(home, query, store) == [{"there": None}]
