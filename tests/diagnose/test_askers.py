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
    home = tmp_path / "home"
    shutil.copytree(CASE, home)
    home.chmod(0o755)
    for path in home.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as database, database:
        database.execute(f"UPDATE {table} SET {change}")
    thread = judged(home)
    assert "request-on-dead-session" in {finding.code for finding in thread.findings}
    assert thread.verdict == "stuck"


def test_no_server_is_left_to_hand_the_answer_on() -> None:
    thread = judged(CASE, server="dead")
    assert "request-on-dead-session" in {finding.code for finding in thread.findings}
