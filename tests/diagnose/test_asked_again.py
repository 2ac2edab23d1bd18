"""A request without effect stays one when it is made again, and a session that waits for a person is not stuck."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from t3lens.sim.home import SimHome
from t3lens.sim.script import Say, Silence, Tool
from t3lens.time import iso
from tests.diagnose.homes import by_id, diagnosed


@pytest.mark.parametrize("what", ["interrupt", "stop"])
def test_asking_again_starts_no_new_wait(what: str, tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Speed up the parser", provider="codex")
    home.send(thread, "Go.", Say(), Silence(900))
    home.wait_running(thread)
    home.freeze_provider(thread)
    home.advance(5)
    home.interrupt(thread)
    if what == "stop":
        home.stop(thread)
    home.advance(22)
    (home.interrupt if what == "interrupt" else home.stop)(thread)
    home.advance(3)
    home.close()
    said = by_id(diagnosed(home.path, as_of=iso(home.now), server="alive"))[thread]
    (found,) = [f for f in said.findings if f.code == f"{what}-without-effect"]
    asked = [e for e in said.case.facts.stored if e.type.endswith(f"{what}-requested")]
    assert len(asked) == 2
    assert found.since_event_id == asked[0].event_id
    assert said.verdict == "stuck"


@pytest.mark.parametrize(("open_request", "verdict"), [(True, "waiting"), (False, "stuck")])
def test_a_running_session_without_a_turn_that_waits_for_a_person_waits(
    open_request: bool, verdict: str, tmp_path: Path
) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Remove it", provider="codex", runtime_mode="approval-required")
    home.send(thread, "Remove it.", Tool("rm -rf build", approval=open_request, seconds=3600), Say())
    if open_request:
        home.wait_request(thread)
    else:
        home.wait_running(thread)
    home.advance(400)
    home.close()
    with closing(sqlite3.connect(home.userdata / "state.sqlite")) as database, database:
        database.execute("UPDATE projection_thread_sessions SET active_turn_id = NULL")
        database.execute("UPDATE projection_state SET last_applied_sequence = 0")
    for log in (home.userdata / "logs" / "provider").iterdir():
        log.unlink()
    said = by_id(diagnosed(home.path, as_of=iso(home.now), server="alive"))[thread]
    assert "running-without-turn" in {f.code for f in said.findings}
    assert said.verdict == verdict
