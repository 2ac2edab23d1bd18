"""Dates that lie: a clock that was set back, rows without a date, a turn that ends at the very threshold."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from t3lens.diagnose.detectors.outcomes import interrupted_on_purpose
from t3lens.domain.state import Turn, TurnState
from t3lens.sim.home import SimHome
from t3lens.sim.script import Hang, Say, Tool
from t3lens.time import SECOND, iso
from tests.diagnose.homes import by_id, diagnosed, loud

BUILDS = ["0.0.23", "0.0.28", "0.0.33"]


@pytest.mark.parametrize("build", BUILDS)
def test_a_clock_set_back_behind_the_servers_start_orphans_no_turn(build: str, tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build=build)
    thread = home.thread("Speed up the parser", provider="codex")
    home.turn(thread, "Go.", Say())
    home.advance(5)
    home.set_clock_back(300)
    home.send(thread, "And on.", Say(), Tool("make all", 600))
    home.wait_running(thread)
    home.advance(30)
    home.close()
    said = by_id(diagnosed(home.path, as_of=iso(home.now), server="alive"))[thread]
    assert said.case.session is not None
    assert said.case.context.server.started_at is not None
    assert said.case.session.updated_at < said.case.context.server.started_at
    assert (said.verdict, loud(said)) == ("working", [])


@pytest.mark.parametrize("build", BUILDS)
def test_a_restart_after_a_clock_was_set_back_still_orphans(build: str, tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build=build)
    thread = home.thread("Speed up the parser", provider="codex")
    home.turn(thread, "Go.", Say())
    home.set_clock_back(90)
    home.advance(200)
    home.send(thread, "And on.", Say(), Tool("make all", 600))
    home.wait_running(thread)
    home.advance(30)
    home.kill_server()
    home.advance(5)
    if build == "0.0.33":
        home.close()
        said = by_id(diagnosed(home.path, as_of=iso(home.now), server="dead"))[thread]
    else:
        home.start_server()
        home.advance(5)
        home.close()
        said = by_id(diagnosed(home.path, as_of=iso(home.now), server="alive"))[thread]
    assert (said.verdict, said.primary) == ("stuck", "orphaned-turn")


def test_a_request_without_a_date_waits_since_the_session_was_written(tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Remove it", provider="codex", runtime_mode="approval-required")
    home.send(thread, "Remove it.", Tool("rm -rf build", approval=True), Say())
    home.wait_request(thread)
    home.advance(5)
    home.close()
    with closing(sqlite3.connect(home.userdata / "state.sqlite")) as database, database:
        database.execute("UPDATE projection_pending_approvals SET created_at = 'unknown'")
    said = by_id(diagnosed(home.path, as_of=iso(home.now), server="alive"))[thread]
    assert said.verdict == "waiting"
    assert said.case.session is not None
    assert said.since == said.case.session.updated_at


@pytest.mark.parametrize(("short_us", "verdict"), [(1, "working"), (0, "stuck")])
def test_silence_counts_from_the_very_microsecond_of_the_threshold(short_us: int, verdict: str, tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Speed up the parser", provider="codex")
    home.send(thread, "Go.", Say(), Hang())
    home.wait_running(thread)
    home.advance(60)
    home.close()
    now = by_id(diagnosed(home.path, as_of=iso(home.now), server="alive"))[thread]
    assert now.case.facts.last_log is not None
    at = now.case.facts.last_log.at + 600 * SECOND - short_us
    moment = f"{iso(at)[:19]}.{at % SECOND:06d}Z"
    assert by_id(diagnosed(home.path, as_of=moment, server="alive"))[thread].verdict == verdict


@pytest.mark.parametrize(
    ("error", "asked", "on_purpose"),
    [
        ("Aborted", 5, True),
        ("The request was cancelled", 5, True),
        ("Turn failed", 5, True),
        ("Turn failed", None, False),
        ("Insufficient credits", 5, False),
        ("Aborted", 11, False),
    ],
)
def test_who_asked_and_what_was_said_tell_whether_a_turn_was_ended_on_purpose(
    error: str, asked: int | None, on_purpose: bool
) -> None:
    turn = Turn("t", 0, TurnState.ERROR, error=error, terminal_at=10, interrupt_requested_at=asked)
    assert interrupted_on_purpose(turn) is on_purpose
