"""A database that lacks a table: what rests on it is not checked, nothing is invented, the rest still holds."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.diagnose.homes import diagnosed
from tests.recordings import RECORDED, needs_recordings

pytestmark = needs_recordings

ORPHANED = RECORDED / "0.0.28/07-kill9-server/2-after-restart-75s"
MOMENT = {"as_of": "2026-11-22T13:45:46.000Z", "server": "alive"}


def _without(table: str, to: Path) -> Path:
    shutil.copytree(ORPHANED, to, copy_function=shutil.copyfile)
    for path in [to, *to.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    with closing(sqlite3.connect(to / "userdata" / "state.sqlite")) as database:
        database.execute(f"drop table {table}")
        database.commit()
    return to


@pytest.mark.parametrize(
    ("table", "unchecked"),
    [
        ("projection_turns", "unsettled-turn"),
        ("projection_thread_sessions", "projection-differs"),
        ("projection_threads", "ghost-rows"),
        ("projection_pending_approvals", None),
        ("projection_state", None),
        ("provider_session_runtime", "runtime-projection-split"),
        ("orchestration_command_receipts", "unexplained-write"),
        ("orchestration_events", "session-differs"),
        ("effect_sql_migrations", None),
    ],
)
def test_the_orphan_is_still_found_and_nothing_else(table: str, unchecked: str | None, tmp_path: Path) -> None:
    diagnosis = diagnosed(_without(table, tmp_path / "home"), **MOMENT)
    (thread,) = diagnosis.threads
    assert thread.verdict == "stuck"
    assert [finding.code for finding in thread.findings] == ["orphaned-turn"]
    assert table in diagnosis.homes[0].home.missing_tables
    if unchecked is not None:
        assert unchecked in {check.code for check in diagnosis.homes[0].checks if not check.checked}


def test_an_empty_database_leaves_the_log_to_judge_by(tmp_path: Path) -> None:
    home = _without("projection_turns", tmp_path / "home")
    (home / "userdata" / "state.sqlite").write_bytes(b"")
    (thread,) = diagnosed(home, **MOMENT).threads
    assert (thread.verdict, thread.primary) == ("stuck", "orphaned-turn")
    assert thread.findings[0].confidence == "likely"
