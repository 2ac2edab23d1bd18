"""What looks wrong at a moment and is not: a message on its way, a question of a session long over, an empty session."""

from __future__ import annotations

from pathlib import Path

import pytest

from t3lens.diagnose import ThreadDiagnosis, register_all
from t3lens.sim.home import SimHome
from t3lens.sim.script import Ask, Hang, Say, Tool
from t3lens.time import iso
from tests.diagnose.homes import by_id, diagnosed, loud

BUILDS = ["0.0.28", "0.0.33"]


def _now(home: SimHome, thread: str, server: str = "alive") -> ThreadDiagnosis:
    home.close()
    return by_id(diagnosed(home.path, as_of=iso(home.now), server=server))[thread]


def _codes(thread: ThreadDiagnosis) -> dict[str, str | None]:
    return {f.code: f.makes.value if f.makes else None for f in thread.findings}


@pytest.mark.parametrize(("server", "verdict"), [("alive", "working"), ("dead", "stuck")])
def test_a_message_on_its_way_to_the_provider_is_work_while_its_server_lives(
    server: str, verdict: str, tmp_path: Path
) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    thread = home.thread("Speed up the parser", provider="opencode")
    home.send(thread, "Go.", Say())
    said = _now(home, thread, server)
    assert said.verdict == verdict
    assert loud(said) == ([] if server == "alive" else ["pending-turn-abandoned"])


@pytest.mark.parametrize("provider", ["opencode", "codex"])
@pytest.mark.parametrize("build", BUILDS)
def test_a_message_taken_into_a_running_turn_is_not_awaited_after_it(build: str, provider: str, tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build=build)
    thread = home.thread("Write the changelog", provider=provider)
    home.send(thread, "Write it.", Say("Writing the changelog entry by entry now.", 0.8), Say())
    home.wait_running(thread)
    home.advance(2)
    home.send(thread, "Mention the fix as well.")
    home.wait_idle(thread)
    said = _now(home, thread)
    assert said.case.facts.pending is not None
    assert (said.verdict, loud(said)) == ("idle", [])


@pytest.mark.parametrize("build", BUILDS)
def test_a_question_counts_by_the_event_store_where_the_log_is_gone(build: str, tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build=build)
    thread = home.thread("Which branch", provider="codex")
    home.send(thread, "Go.", Ask(), Say())
    home.wait_request(thread)
    home.advance(10)
    home.close()
    for log in (home.userdata / "logs" / "provider").iterdir():
        log.unlink()
    said = by_id(diagnosed(home.path, as_of=iso(home.now), server="alive"))[thread]
    assert said.verdict == "waiting"
    (finding,) = [f for f in said.findings if f.code == "waiting-for-user"]
    assert finding.evidence[0].source == "orchestration_events"


@pytest.mark.parametrize("build", BUILDS)
def test_a_request_of_a_session_long_over_does_not_hold_up_the_next_turn(build: str, tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build=build)
    thread = home.thread("Remove it", provider="codex", runtime_mode="approval-required")
    home.send(thread, "Remove it.", Tool("rm -rf build", approval=True), Say())
    home.wait_request(thread)
    home.advance(5)
    home.restart_server()
    home.advance(5)
    home.stop(thread)
    home.advance(5)
    home.send(thread, "Again.", Say(), Hang())
    home.wait_running(thread)
    said = _now(home, thread)
    assert said.case.live
    assert _codes(said) == {"request-on-dead-session": "diverged"}
    assert said.verdict == "diverged"


def test_a_retry_loop_is_of_medium_severity() -> None:
    assert register_all()["retry-loop"].severity == "medium"
