"""Whether records can be trusted: rows without events, unknown migrations and columns, lost lines and files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from t3lens.diagnose import ThreadDiagnosis
from t3lens.diagnose.diagnosis import HomeDiagnosis
from t3lens.sim.home import SimHome
from t3lens.sim.script import Say
from t3lens.time import iso
from tests.diagnose.homes import diagnosed, loud


def _healthy(path: Path, build: str = "0.0.33") -> SimHome:
    home = SimHome(path, build=build)
    thread = home.thread("Speed up the parser", provider="codex")
    home.turn(thread, "Go.", Say(), Say())
    home.advance(30)
    home.close()
    return home


def _sql(home: SimHome, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(home.userdata / "state.sqlite")) as database, database:
        database.execute(statement, values)


def _said(home: SimHome) -> tuple[HomeDiagnosis, ThreadDiagnosis]:
    (said,) = diagnosed(home.path, as_of=iso(home.now), server="alive").homes
    (thread,) = said.threads
    return said, thread


def _log(home: SimHome) -> Path:
    (log,) = (home.userdata / "logs" / "provider").glob("*.log")
    return log


@pytest.mark.parametrize("build", ["0.0.23", "0.0.28", "0.0.33"])
def test_known_builds_are_known(build: str, tmp_path: Path) -> None:
    said, thread = _said(_healthy(tmp_path / "home", build))
    assert (list(said.findings), list(thread.findings)) == ([], [])


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("INSERT INTO effect_sql_migrations (migration_id, name) VALUES (41, 'Teleport')", "41 Teleport"),
        ("UPDATE effect_sql_migrations SET name = 'Fork' WHERE migration_id = 37", "37 Fork"),
        ("ALTER TABLE projection_threads ADD COLUMN mood TEXT", "threads.mood"),
        ("ALTER TABLE projection_thread_sessions ADD COLUMN mood TEXT", "sessions.mood"),
    ],
)
def test_migrations_and_columns_nobody_knows_are_named(statement: str, named: str, tmp_path: Path) -> None:
    home = _healthy(tmp_path / "home")
    _sql(home, statement)
    said, thread = _said(home)
    (finding,) = said.findings
    assert (finding.code, finding.severity.value) == ("schema-unknown", "info")
    assert named in finding.summary
    assert (thread.verdict, loud(thread)) == ("idle", [])


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("projection_thread_sessions", "updated_at"),
        ("projection_turns", "completed_at"),
        ("projection_threads", "updated_at"),
    ],
)
def test_a_row_newer_than_any_event_was_written_by_hand(table: str, column: str, tmp_path: Path) -> None:
    home = _healthy(tmp_path / "home")
    _sql(home, f"UPDATE {table} SET {column} = ?", iso(home.now))
    _, thread = _said(home)
    (finding,) = thread.findings
    assert (finding.code, finding.makes) == ("unexplained-write", None)
    assert finding.evidence[0].source == table


def _spoil_a_line(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    lines[3] = b"\x00" * 40 + b"\n"
    log.write_bytes(b"".join(lines))


def _lose_a_file(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    log.with_name(f"{log.name}.3").write_bytes(b"".join(lines[:4]))
    log.with_name(f"{log.name}.1").write_bytes(b"".join(lines[6:8]))
    log.write_bytes(b"".join(lines[8:]))


def _rotate(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    log.with_name(f"{log.name}.1").write_bytes(b"".join(lines[:4]))
    log.write_bytes(b"".join(lines[4:]))


@pytest.mark.parametrize(
    ("spoil", "word"),
    [(_spoil_a_line, "could not be read"), (_lose_a_file, "rotated files are missing"), (_rotate, "")],
)
def test_lines_and_files_that_are_missing_make_the_log_incomplete(
    spoil: Callable[[Path], None], word: str, tmp_path: Path
) -> None:
    home = _healthy(tmp_path / "home", "0.0.28")
    spoil(_log(home))
    _, thread = _said(home)
    found = [f.summary for f in thread.findings if f.code == "log-incomplete"]
    assert any(word in summary for summary in found) if word else not found
    assert thread.verdict == "idle"


def test_a_thread_whose_events_were_applied_and_that_has_no_row_is_a_gap(tmp_path: Path) -> None:
    home = _healthy(tmp_path / "home")
    _sql(home, "DELETE FROM projection_threads")
    _, thread = _said(home)
    (finding,) = [f for f in thread.findings if f.severity == "high"]
    assert (finding.code, thread.verdict) == ("projection-gap", "diverged")
    assert finding.since_event_id == thread.case.facts.stored[0].event_id
