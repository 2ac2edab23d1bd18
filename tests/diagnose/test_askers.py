"""A question that a background agent asks between turns is a question, as long as its provider lives."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from t3lens.diagnose import ThreadDiagnosis
from tests.diagnose.homes import by_id, diagnosed

CASE = Path(__file__).resolve().parents[3] / "shared" / "cases" / "approval-between-turns"

pytestmark = pytest.mark.skipif(
    not CASE.is_dir(),
    reason="the reported cases are not beside this project (../shared/cases)",
)


def judged(home: Path, **how: Any) -> ThreadDiagnosis:
    right = json.loads((CASE / "expected.json").read_text("utf-8"))
    (thread_id,) = right["threads"]
    asked = {"as_of": right["as_of"], "server": "alive"} | how
    return by_id(diagnosed(home, **asked))[thread_id]


def changed(folder: Path, statement: str) -> Path:
    """A copy of the home with a statement done to its database."""
    home = folder / "home"
    shutil.copytree(CASE, home)
    home.chmod(0o755)
    for path in home.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as database, database:
        database.execute(statement)
    return home


def test_it_waits_for_a_person_and_nobody_is_told_to_end_it() -> None:
    thread = judged(CASE)
    codes = {finding.code for finding in thread.findings}
    assert thread.verdict == "waiting"
    assert "waiting-for-user" in codes
    assert "request-on-dead-session" not in codes


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("provider_session_runtime", "status = 'stopped'"),
        ("provider_session_runtime", "status = 'error'"),
        ("projection_thread_sessions", "status = 'stopped'"),
    ],
)
def test_a_provider_that_was_ended_asks_no_more(table: str, change: str, tmp_path: Path) -> None:
    thread = judged(changed(tmp_path, f"UPDATE {table} SET {change}"))
    assert "request-on-dead-session" in {finding.code for finding in thread.findings}
    assert thread.verdict == "stuck"


def test_no_server_is_left_to_hand_the_answer_on() -> None:
    thread = judged(CASE, server="dead")
    assert "request-on-dead-session" in {finding.code for finding in thread.findings}


def test_it_waited_also_at_a_moment_that_is_past(tmp_path: Path) -> None:
    home = changed(tmp_path, "UPDATE provider_session_runtime SET last_seen_at = '2026-07-06T09:06:00.000Z'")
    (log,) = (home / "userdata" / "logs" / "provider").glob("events.*.log")
    last = log.read_bytes().splitlines(keepends=True)[-1]
    with log.open("ab") as file:
        file.write(b"[2026-07-06T09:06:00.000Z]" + last[len("[2026-07-06T09:06:00.000Z]") :])
    assert judged(home).verdict == "waiting"


@pytest.mark.parametrize("status", ["error", "interrupted"])
def test_a_turn_that_ended_badly_ended_no_provider(status: str, tmp_path: Path) -> None:
    home = changed(tmp_path, f"UPDATE projection_thread_sessions SET status = '{status}'")
    codes = {finding.code for finding in judged(home).findings}
    assert "waiting-for-user" in codes
    assert "request-on-dead-session" not in codes
