"""``python -m t3lens.sim`` makes homes, lists what it can make, and serves them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from t3lens.sim.cli import sim
from t3lens.sim.scenarios import STORIES
from t3lens.sim.v2.stories import SECOND_STORIES


def test_scenarios_are_listed(tmp_path: Path) -> None:
    result = CliRunner().invoke(sim, ["scenarios"])
    assert result.exit_code == 0
    assert {line.split()[0] for line in result.output.splitlines()} == {*STORIES, *SECOND_STORIES}


def test_a_home_is_made_and_said(tmp_path: Path) -> None:
    home = tmp_path / "home"
    result = CliRunner().invoke(sim, ["home", str(home), "--scenario", "silent-turn", "--provider", "codex"])
    assert result.exit_code == 0, result.output
    assert "server alive, 1 thread(s)" in result.output
    assert (home / "userdata" / "state.sqlite").exists()


def test_without_a_command_it_says_what_there_is() -> None:
    result = CliRunner().invoke(sim, [])
    assert result.exit_code == 0
    assert "scenarios" in result.output


def test_an_option_before_its_command_is_pointed_out(tmp_path: Path) -> None:
    result = CliRunner().invoke(sim, ["--scenario", "healthy", "home", str(tmp_path / "home")])
    assert result.exit_code == 2
    assert "home --scenario healthy" in result.output


def test_a_mistake_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "t3lens.sim",
        "home",
        str(tmp_path / "home"),
        "--scenario",
        "nonsense",
    ]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert ended.stderr.startswith("error: unknown scenario 'nonsense'")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "words",
    [("serve", "HOME", "--scenario", "retry-loop", "--show-token"), ("--scenario", "retry-loop")],
    ids=["named", "to practise"],
)
def test_a_served_home_answers_until_it_is_interrupted(words: tuple[str, ...], tmp_path: Path) -> None:
    home = tmp_path / "home"
    words = (
        sys.executable, "-m", "t3lens.sim", *(str(home) if w == "HOME" else w for w in words),
    )  # fmt: skip
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout is not None
        origin = server.stdout.readline().split()[0]
        token = server.stdout.readline().removeprefix("token: ").strip()
        headers = {"authorization": f"Bearer {token}"}
        answer = httpx2.get(f"{origin}/api/orchestration/shell", headers=headers, timeout=60, trust_env=False)
        assert answer.json()["threads"][0]["session"]["status"] == "running"
        server.send_signal(signal.SIGINT)
        assert server.wait(120) == 0
    finally:
        server.kill()
        server.wait(120)
    assert not (home / "userdata" / "server-runtime.json").exists()
