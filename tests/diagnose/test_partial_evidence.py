"""What part of the evidence tells: the same as all of it, or less, and never the opposite."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from t3lens.diagnose import HomeServer, Options, ThreadDiagnosis, diagnose
from t3lens.diagnose.story import explain
from t3lens.ingest import discover, ingest
from t3lens.sim.home import SimHome
from t3lens.sim.script import Hang, LoseTerminal, Say, Tool
from t3lens.sim.tamper import drop_log_lines
from t3lens.store import Store
from t3lens.time import iso
from tests.diagnose.homes import by_id, diagnosed, loud

AN_HOUR = 3600
_JUST_NOW = -1
"""Stands for a second before the moment of the verdict."""


def _by_logs(home: SimHome, to: Path, server: str = "auto") -> ThreadDiagnosis:
    """The thread of a home by nothing but its logs."""
    shutil.copytree(home.userdata / "logs" / "provider", to)
    (thread,) = diagnosed(to, as_of=iso(home.now), server=server).threads
    return thread


@pytest.mark.parametrize(
    ("server", "verdict", "unchecked"),
    [
        (HomeServer("unknown", why="nobody looked"), "working", "no server state"),
        (HomeServer("unknown", _JUST_NOW, why="no answer"), "stuck", ""),
        (HomeServer("alive"), "working", ""),
        (HomeServer("dead"), "stuck", ""),
    ],
)
def test_whose_run_a_turn_is_of_is_not_checked_where_nothing_is_known_of_the_server(
    server: HomeServer, verdict: str, unchecked: str, tmp_path: Path
) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Speed up the parser", provider="codex")
    home.send(thread, "Go.", Say(), Tool("make all", 600))
    home.wait_running(thread)
    home.advance(30)
    home.close()
    with closing(Store.open()) as store:
        (found,) = discover([home.path])
        ingest(store, [found])
        options = Options(as_of=home.now)
        if server.started_at == _JUST_NOW:
            server = replace(server, started_at=home.now - 1_000_000)
        said = diagnose(store, [found.home_id], options, servers={found.home_id: server})
    (check,) = [c for c in said.homes[0].checks if c.code == "orphaned-turn"]
    assert (check.checked, check.why) == (not unchecked, unchecked)
    assert by_id(said)[thread].verdict == verdict


@pytest.mark.parametrize("build", ["0.0.23", "0.0.28", "0.0.33"])
def test_a_stop_after_a_restart_leaves_no_line_so_a_silent_log_alone_is_not_called_stuck(build: str, tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build=build)
    thread = home.thread("Speed up the parser", provider="codex")
    home.send(thread, "Go.", Say(), Hang())
    home.wait_running(thread)
    home.advance(5)
    home.restart_server()
    home.advance(5)
    home.stop(thread)
    home.advance(AN_HOUR)
    home.close()
    said = _by_logs(home, tmp_path / "logs")
    assert said.verdict == "unknown"
    assert {f.code: (f.confidence.value, f.makes) for f in said.findings} == {"silent-turn": ("possible", None)}
    told = explain(said)
    assert "no database" in told.headline
    assert "Stop" not in told.next_step


def test_a_log_that_went_silent_under_a_server_known_to_live_is_stuck(tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Speed up the parser", provider="codex")
    home.send(thread, "Go.", Say(), Hang())
    home.wait_running(thread)
    home.advance(AN_HOUR)
    home.close()
    said = _by_logs(home, tmp_path / "logs", "alive")
    assert (said.verdict, said.primary) == ("stuck", "silent-turn")


@pytest.mark.parametrize(("provider", "codes"), [("opencode", []), ("codex", ["provider-session-swapped"])])
def test_logs_alone_do_not_tell_a_build_that_forgets_from_a_session_that_was_swapped(
    provider: str, codes: list[str], tmp_path: Path
) -> None:
    """OpenCode before 0.0.28 opens a new session after every stop; its log looks like that of the next build."""
    home = SimHome(tmp_path / "home", build="0.0.23")
    thread = home.thread("Speed up the parser", provider=provider)
    home.turn(thread, "Go.", Say())
    home.stop(thread)
    home.advance(30)
    if provider == "codex":
        home.forget_conversation(thread)
    home.turn(thread, "Again.", Say())
    home.advance(30)
    home.close()
    said = _by_logs(home, tmp_path / "logs")
    assert loud(said) == codes


@pytest.mark.parametrize(("server", "confidence"), [("alive", "certain"), ("auto", "likely")])
def test_who_waits_under_a_server_nobody_knows_is_likely_only(server: str, confidence: str, tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Remove it", provider="codex", runtime_mode="approval-required")
    home.send(thread, "Remove it.", Tool("rm -rf build", approval=True), Say())
    home.wait_request(thread)
    home.advance(5)
    home.close()
    said = by_id(diagnosed(home.path, as_of=iso(home.now), server=server))[thread]
    assert (said.verdict, said.findings[0].confidence.value) == ("waiting", confidence)


@pytest.mark.parametrize("lost", [b'"type":"turn.started"', b" CANON: "])
def test_a_question_in_a_log_with_holes_is_a_persons_turn_and_no_dead_sessions(lost: bytes, tmp_path: Path) -> None:
    """The lines before the request are gone: by what is left the provider asked while nothing ran, or came from nowhere."""
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Remove it", provider="codex", runtime_mode="approval-required")
    home.send(thread, "Remove it.", Tool("rm -rf build", approval=True), Say())
    home.wait_request(thread)
    home.advance(60)
    home.close()
    assert drop_log_lines(home.path, thread, lambda line: lost in line and b"request.opened" not in line)
    said = _by_logs(home, tmp_path / "logs")
    assert {f.code: f.confidence.value for f in said.findings} == {"waiting-for-user": "likely"}
    assert said.verdict == "waiting"


@pytest.mark.parametrize(("goes_on", "verdict"), [(False, "unknown"), (True, "stuck")])
def test_a_log_that_ends_with_the_providers_own_end_may_lack_the_next_line(
    goes_on: bool, verdict: str, tmp_path: Path
) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Speed up the parser", provider="codex")
    home.send(thread, "Go.", Say(), LoseTerminal())
    home.wait_running(thread)
    home.advance(60)
    home.close()
    if goes_on:
        (log,) = (home.userdata / "logs" / "provider").glob("*.log")
        last = log.read_bytes().splitlines(keepends=True)[-1]
        later = iso(home.now - 30_000_000).encode()
        metadata = f'{{"eventId":"m","threadId":"{thread}","provider":"codex","createdAt":"{iso(home.now)}",'
        assert last.startswith(b"[")
        log.write_bytes(
            log.read_bytes()
            + b"[" + later + b"] CANON: " + metadata.encode()
            + b'"type":"account.rate-limits.updated","payload":{}}\n'
        )  # fmt: skip
    said = _by_logs(home, tmp_path / "logs")
    assert "native-terminal-lost" in {f.code for f in said.findings}
    assert said.verdict == verdict


@pytest.mark.parametrize("lost", [b"request.resolved", b"no line at all"])
def test_a_turn_that_completed_got_its_answer_even_where_the_line_is_lost(lost: bytes, tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Remove it", provider="codex", runtime_mode="approval-required")
    home.send(thread, "Remove it.", Tool("rm -rf build", approval=True), Say())
    home.wait_request(thread)
    home.respond(thread)
    home.wait_idle(thread)
    home.advance(60)
    home.close()
    drop_log_lines(home.path, thread, lambda line: lost in line)
    said = _by_logs(home, tmp_path / "logs")
    assert (said.verdict, loud(said)) == ("idle", [])


@pytest.mark.parametrize(("running", "verdict"), [(True, "unknown"), (False, "idle")])
def test_a_thread_that_the_database_does_not_know_is_told_by_its_log(running: bool, verdict: str, tmp_path: Path) -> None:
    """A log that is newer than the copy of the database beside it."""
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Speed up the parser", provider="codex")
    home.send(thread, "Go.", Say(), *([Tool("make all", 600)] if running else []))
    home.wait_running(thread)
    home.advance(30)
    home.close()
    with closing(sqlite3.connect(home.userdata / "state.sqlite")) as database, database:
        for table in ("threads", "thread_sessions", "turns", "thread_messages"):
            database.execute(f"DELETE FROM projection_{table}")
        database.execute("DELETE FROM provider_session_runtime")
        database.execute("DELETE FROM orchestration_events WHERE aggregate_kind = 'thread'")
    said = by_id(diagnosed(home.path, as_of=iso(home.now), server="alive"))[thread]
    assert (said.verdict, loud(said)) == (verdict, [])
    assert ("does not know it" in explain(said).headline) is running
