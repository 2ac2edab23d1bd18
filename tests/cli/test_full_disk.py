"""A full disk: every command that writes says that no space is left, ends with 2, and leaves what stood there whole."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Orphan, Ran, Run

OLD = "what stood there before"


@contextmanager
def _little_space(size: int = 1500) -> Iterator[None]:
    """No file may become larger than this: writing fails in the middle, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


Command = Callable[[Orphan, Path], list[object]]

FILES: dict[str, Command] = {
    "audit.html": lambda one, file: ["audit", one.home, "-o", file],
    "audit.json": lambda one, file: ["audit", one.home, "-o", file],
    "report.html": lambda one, file: ["report", one.thread_id, one.home, "-o", file],
    "report.md": lambda one, file: ["report", one.thread_id, one.home, "-o", file],
    "bundle.zip": lambda one, file: ["bundle", one.thread_id, one.home, "-o", file],
    "timeline.html": lambda one, file: ["show", one.thread_id, one.home, "--timeline", file],
}


def _check(ran: Ran) -> None:
    assert (ran.code, ran.err.count("\n")) == (2, 1), ran.err
    assert "no space left for" in ran.err
    assert "internal error" not in ran.err


@pytest.mark.parametrize("name", FILES)
def test_a_document_is_written_whole_or_not_at_all(orphan: Orphan, tmp_path: Path, run: Run, name: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / name
    target.write_text(OLD)
    with _little_space():
        ran = run(*FILES[name](orphan, target), "--server", "dead", "--records", "off")
    _check(ran)
    assert target.read_text() == OLD
    assert [path for path in folder.iterdir() if path.name.startswith(".")] == []
    assert run(*FILES[name](orphan, target), "--server", "dead", "--records", "off").code in (0, 1)
    assert target.read_bytes() != OLD.encode()


def test_stores_archives_and_what_an_audit_keeps_are_whole_and_private(orphan: Orphan, tmp_path: Path, run: Run) -> None:
    store, archive, stores = tmp_path / "s.duckdb", tmp_path / "archive", tmp_path / "stores"
    audit = ["audit", orphan.home, "--server", "dead", "--records", "off"]
    commands: list[list[object]] = [
        ["ingest", orphan.home, "--store", store],
        ["export", orphan.home, "--parquet", archive],
        [*audit, "--store", store, "--since-last"],
    ]
    for command in commands:
        with _little_space():
            _check(run(*command))
        assert not archive.exists()
    before = os.umask(0o022)
    try:
        for command in [*commands, [*audit, "--jobs", "1", "--stores", stores]]:
            assert run(*command).code in (0, 1)
    finally:
        os.umask(before)
    last = tmp_path / "s.duckdb.last-audit.json"
    kept = last.read_bytes()
    with _little_space():
        _check(run(*commands[2]))
    assert last.read_bytes() == kept
    made = [path for top in (store, last, *tmp_path.glob("s.duckdb.*"), archive, stores) for path in (top, *top.rglob("*"))]
    shown = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in made}
    assert set(shown.values()) == {"0o600", "0o700"}, shown


def test_an_action_that_cannot_be_written_down_is_not_done(orphan: Orphan, tmp_path: Path, run: Run) -> None:
    home = tmp_path / "home"
    shutil.copytree(orphan.home, home)
    repair = ["reconcile", orphan.thread_id, home, "--offline", "--yes", "--server", "dead", "--records", "off"]
    database = (home / "userdata" / "state.sqlite").read_bytes()
    with _little_space(200):
        _check(run(*repair))
    assert (home / "userdata" / "state.sqlite").read_bytes() == database


def test_a_full_standard_output_is_told() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with full.open("w") as out:
        command = [sys.executable, "-m", "t3lens", "--help"]
        ran = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (2, "t3lens: no space left for the output; files are whole, old or new\n")
