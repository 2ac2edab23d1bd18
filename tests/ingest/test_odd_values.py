"""Values and columns that no build writes: told, shown, and no reason to lose a table or a home."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import t3lens
from t3lens.sim.scenarios import build_home
from t3lens.time import iso, to_datetime
from tests.cli.conftest import run as run

_FAR = ("99999-01-01", "0044-03-15 (BC)")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    build_home(tmp_path / "home", "orphaned-turn")
    return tmp_path / "home"


def _change(home: Path, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as con, con:
        con.execute(statement, values)


@pytest.mark.parametrize("far", _FAR)
def test_a_time_that_no_calendar_of_ours_has_is_none(home: Path, run: Callable[..., Any], far: str) -> None:
    for column in ("requested_at", "started_at", "completed_at"):
        _change(home, f"update projection_turns set {column} = ?", far)
    _change(home, "update projection_thread_sessions set updated_at = ?", far)
    _change(home, "update orchestration_events set occurred_at = ? where sequence = 2", far)
    _change(home, "update orchestration_command_receipts set accepted_at = ?", far)
    (log,) = (home / "userdata" / "logs" / "provider").glob("*.log")
    lines = log.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace('"createdAt":"2026', f'"createdAt":"{far}2026', 1)
    log.write_text("".join(lines))
    lens = t3lens.open(home, server="dead")
    assert [thread.verdict.value for thread in lens.diagnosis.threads] != []
    for table in ("turns", "sessions", "threads", "orchestration_events", "receipts", "log_events", "server_runs"):
        assert len(repr(lens.sql(f"from {table}")))
        assert "BC" not in lens.sql(f"from {table}").to_csv()
    assert len(repr(lens.turns())) and len(repr(lens.sessions())) and len(repr(lens.events()))
    said = run("audit", home)
    assert said.code in (1, 2), said


def test_times_beyond_the_calendar_can_be_written() -> None:
    assert iso(10**19) == "9999-12-31T23:59:59.999Z"
    assert to_datetime(-(10**19)).year == 1


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("orchestration_events", "stream_id"),
        ("orchestration_events", "event_type"),
        ("projection_thread_sessions", "thread_id"),
        ("projection_turns", "state"),
    ],
)
def test_a_table_without_what_tells_is_said_not_to_be_there(
    home: Path, run: Callable[..., Any], table: str, column: str
) -> None:
    _change(home, f"alter table {table} rename column {column} to something")
    said = run("audit", home, "--format", "json")
    (told,) = json.loads(said.out)["homes"]
    assert told["cannot_judge"] is None
    assert f"{table} has no column {column}, and is not read" in " ".join(told["missing"])


def test_a_table_of_the_second_model_without_its_key_is_said(tmp_path: Path, run: Callable[..., Any]) -> None:
    from t3lens.sim.scenarios import SECOND_STORIES

    home = tmp_path / "second"
    build_home(home, next(iter(SECOND_STORIES)))
    (database,) = (home / "userdata").glob("*.sqlite")
    with closing(sqlite3.connect(database)) as con, con:
        con.execute("alter table orchestration_v2_projection_runs rename column run_id to something")
    said = run("audit", home, "--format", "json")
    (told,) = json.loads(said.out)["homes"]
    assert said.code == 2
    assert "not all tables of it that verdicts rest on could be read" in told["cannot_judge"]
    assert "orchestration_v2_projection_runs has no column run_id, and is not read" in " ".join(told["missing"])
