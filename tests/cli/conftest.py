"""Running the command line inside this process, and homes to run it on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from t3lens.cli import run as run_cli
from t3lens.sim.scenarios import build_home
from t3lens.sim.story import ToldStory


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs ``t3lens`` with arguments; nothing of this machine's T3 Code or journal is in sight."""
    monkeypatch.setenv("T3CODE_HOME", str(tmp_path / "no-home"))
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "journal.ndjson"))
    monkeypatch.delenv("T3LENS_TOKEN", raising=False)
    monkeypatch.delenv("T3LENS_DEBUG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        code = run_cli([os.fspath(a) if isinstance(a, Path) else str(a) for a in arguments])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return call


@dataclass(frozen=True)
class Orphan:
    home: Path
    told: ToldStory
    thread_id: str


@pytest.fixture(scope="session")
def orphan(tmp_path_factory: pytest.TempPathFactory) -> Orphan:
    """A home with one thread that a restart orphaned; tests only read it."""
    home = tmp_path_factory.mktemp("orphan") / "home"
    told = build_home(home, "orphaned-turn")
    stuck = next(key for key, expect in told.threads.items() if "orphaned-turn" in expect.must)
    return Orphan(home, told, stuck)


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which nothing is wrong."""
    home = tmp_path_factory.mktemp("healthy") / "home"
    build_home(home, "short-and-healthy")
    return home
