"""Bad input: one line that says what, where and what to do; or what could be read, and what is missing."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Orphan, Ran, Run


def complains(ran: Ran, *words: str) -> None:
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("t3lens: ")
    assert ran.err.count("\n") == 1, "one line"
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err


@pytest.fixture
def home(orphan: Orphan, tmp_path: Path) -> Path:
    """A copy of the orphan's home, to be damaged."""
    shutil.copytree(orphan.home, tmp_path / "home")
    return tmp_path / "home"


def test_a_missing_path(run: Run, tmp_path: Path) -> None:
    complains(run("audit", tmp_path / "nowhere"), "nowhere", "does not exist")


def test_no_home_on_this_machine(run: Run) -> None:
    complains(run("audit"), "no-home", "does not exist")


def test_an_empty_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    complains(run("audit", tmp_path / "empty"), "empty folder")


def test_a_folder_without_t3_data(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    complains(run("audit", tmp_path), "no T3 data")


def test_a_file_that_is_no_log(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    complains(run("audit", tmp_path / "notes.txt"), "notes.txt")


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--rules", "shipped-9", "shipped-0.0.29"),
        ("--as-of", "yesterday", "2026-07-01T10:03:00Z"),
        ("--threshold", "settle", "NAME=SECONDS"),
        ("--threshold", "patience=3", "settle"),
        ("--threshold", "settle=-1", "settle"),
        ("--silence", "soon", "soon"),
        ("--server", "maybe", "alive"),
        ("--fail-on", "awful", "critical"),
        ("--format", "poem", "json"),
        ("--compare", "settle", "two rules profiles"),
        ("--compare", "settle,nope", "nope"),
    ],
)
def test_an_option_that_makes_no_sense(run: Run, healthy: Path, option: str, value: str, word: str) -> None:
    complains(run("audit", healthy, option, value), word)


def test_an_unknown_command(run: Run) -> None:
    complains(run("audti"), "audti", "t3lens --help")


def test_an_unknown_thread(run: Run, healthy: Path) -> None:
    complains(run("show", "nobody", healthy), "nobody")


def test_sql_that_would_change_something(run: Run, healthy: Path) -> None:
    complains(run("sql", "drop view findings", healthy), "only reading")


def test_sql_that_does_not_parse(run: Run, healthy: Path) -> None:
    complains(run("sql", "selekt", healthy), "selekt")


def test_a_store_that_is_not_there(run: Run, tmp_path: Path) -> None:
    complains(run("findings", "--store", tmp_path / "none.duckdb"), "none.duckdb")


def test_a_store_that_is_none(run: Run, healthy: Path, tmp_path: Path) -> None:
    (tmp_path / "text.duckdb").write_text("this is no database, and it is left alone\n" * 400)
    complains(run("audit", healthy, "--store", tmp_path / "text.duckdb"), "text.duckdb")
    assert (tmp_path / "text.duckdb").read_text().startswith("this is no database")


def test_a_log_without_a_database_is_judged_and_said(run: Run, home: Path) -> None:
    (home / "userdata" / "state.sqlite").unlink()
    ran = run("audit", home, "--format", "json")
    assert ran.code in (0, 1)
    said = json.loads(ran.out)
    assert said["threads"]
    assert any("no state.sqlite" in text for text in said["homes"][0]["missing"])


def test_a_database_without_logs_is_judged_and_said(run: Run, home: Path) -> None:
    shutil.rmtree(home / "userdata" / "logs")
    ran = run("audit", home, "--server", "dead", "--format", "json")
    assert ran.code == 1
    said = json.loads(ran.out)
    assert said["counts"]["stuck"] == 1
    assert any("no provider logs" in text for text in said["homes"][0]["missing"])


def test_one_log_file_alone(run: Run, home: Path) -> None:
    log = max((home / "userdata" / "logs" / "provider").iterdir(), key=lambda p: p.stat().st_size)
    ran = run("audit", log, "--format", "json")
    assert ran.code in (0, 1)
    assert len(json.loads(ran.out)["threads"]) == 1


def test_a_corrupt_database_is_told_and_the_logs_are_judged(run: Run, home: Path) -> None:
    (home / "userdata" / "state.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)
    ran = run("audit", home, "--format", "json")
    assert ran.code in (0, 1)
    said = json.loads(ran.out)
    assert said["threads"]
    assert any("state.sqlite cannot be read" in text for text in said["homes"][0]["missing"])


def test_a_corrupt_database_and_nothing_else_is_no_clean_home(run: Run, home: Path) -> None:
    shutil.rmtree(home / "userdata" / "logs")
    (home / "userdata" / "state.sqlite").write_bytes(b"no database at all" * 100)
    ran = run("audit", home)
    assert ran.code in (1, 2)
    assert "state.sqlite" in ran.out + ran.err


@pytest.fixture
def locked(home: Path) -> Iterator[Path]:
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        yield home


@pytest.mark.slow
def test_a_locked_database_is_told_and_the_logs_are_judged(run: Run, locked: Path) -> None:
    ran = run("audit", locked, "--format", "json")
    assert ran.code in (0, 1)
    said = json.loads(ran.out)
    assert said["threads"]
    assert any("state.sqlite cannot be read" in text for text in said["homes"][0]["missing"])


def test_an_internal_error_is_one_line_and_exits_with_3(run: Run, healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of luck\x1b[31m\nsecond line")

    monkeypatch.setattr("t3lens.lens.opening.open_session", broken)
    ran = run("audit", healthy)
    assert ran.code == 3
    assert ran.err.count("\n") == 1
    assert "out of luck" in ran.err
    assert "T3LENS_DEBUG=1" in ran.err
    assert "\x1b" not in ran.err


def test_debugging_shows_where(run: Run, healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr("t3lens.lens.opening.open_session", broken)
    monkeypatch.setenv("T3LENS_DEBUG", "1")
    with pytest.raises(RuntimeError, match="out of luck"):
        run("audit", healthy)
