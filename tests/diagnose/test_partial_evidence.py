"""What part of the evidence tells: the same as all of it, or less, and never the opposite."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from t3lens.diagnose import ThreadDiagnosis
from t3lens.model.time import iso
from t3lens.sim.home import SimHome
from t3lens.sim.script import Hang, Say, Tool
from tests.diagnose.homes import by_id, diagnosed, loud

AN_HOUR = 3600


def _by_logs(home: SimHome, to: Path, server: str = "auto") -> ThreadDiagnosis:
    home.close()
    shutil.copytree(home.userdata / "logs" / "provider", to)
    (thread,) = diagnosed(to, as_of=iso(home.now), server=server).threads
    return thread


@pytest.mark.parametrize("build", ["0.0.23", "0.0.28", "0.0.33"])
def test_a_stop_after_a_restart_leaves_no_line_so_a_silent_log_alone_is_not_called_stuck(
    build: str, tmp_path: Path
) -> None:
    home = SimHome(tmp_path / "home", build=build)
    thread = home.thread("Speed up the parser", provider="codex")
    home.send(thread, "Go.", Say(), Hang())
    home.wait_running(thread)
    home.advance(5)
    home.restart_server()
    home.advance(5)
    home.stop(thread)
    home.advance(AN_HOUR)
    said = _by_logs(home, tmp_path / "logs")
    assert said.verdict == "unknown"
    assert {f.code: (f.confidence.value, f.makes) for f in said.findings} == {
        "silent-turn": ("possible", None)
    }


def test_a_log_that_went_silent_under_a_server_known_to_live_is_stuck(tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Speed up the parser", provider="codex")
    home.send(thread, "Go.", Say(), Hang())
    home.wait_running(thread)
    home.advance(AN_HOUR)
    said = _by_logs(home, tmp_path / "logs", "alive")
    assert (said.verdict, said.primary) == ("stuck", "silent-turn")


@pytest.mark.parametrize(
    ("provider", "codes"), [("opencode", []), ("codex", ["provider-session-swapped"])]
)
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
    said = _by_logs(home, tmp_path / "logs")
    assert loud(said) == codes


@pytest.mark.parametrize(("server", "confidence"), [("alive", "certain"), ("auto", "likely")])
def test_who_waits_under_a_server_nobody_knows_is_likely_only(
    server: str, confidence: str, tmp_path: Path
) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Remove it", provider="codex", runtime_mode="approval-required")
    home.send(thread, "Remove it.", Tool("rm -rf build", approval=True), Say())
    home.wait_request(thread)
    home.advance(5)
    home.close()
    said = by_id(diagnosed(home.path, as_of=iso(home.now), server=server))[thread]
    assert (said.verdict, said.findings[0].confidence.value) == ("waiting", confidence)
