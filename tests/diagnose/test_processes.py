"""A provider's process that is gone while its thread shows as working."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

from t3lens.diagnose import Options, Processes, Server, diagnose, look
from t3lens.ingest import discover, ingest
from t3lens.model.time import parse_iso
from t3lens.sim.scenarios import STORIES
from t3lens.store import Store

_SLEEP = "import sys; print('up', flush=True); sys.stdin.read()"


@contextmanager
def process(*words: str) -> Iterator[int]:
    """A process of our own whose command line holds ``words``; ended when the block ends."""
    command = [sys.executable, "-c", _SLEEP, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield child.pid
        finally:
            child.kill()


def _codes(home: Path, as_of: str, processes: Processes | None) -> dict[str, str]:
    with closing(Store.open()) as store:
        homes = discover([home])
        ingest(store, homes)
        home_id = homes[0].home_id
        diagnosis = diagnose(
            store,
            [home_id],
            Options(as_of=parse_iso(as_of)),
            servers={home_id: Server("alive", None, None, "started by this test")},
            processes={home_id: processes} if processes else None,
        )
        return {finding.code: finding.confidence for finding in diagnosis.findings}


def test_a_provider_process_is_found_below_its_server_and_counted_once() -> None:
    with process("opencode", "serve") as pid:
        found = look(psutil.Process().pid)
        assert found is not None
        assert found.count("opencode") == 1
        assert found.count("codex") == 0
        assert [one.pid for one in found.found] == [pid]
        assert found.count("claudeAgent") is None


def test_a_server_that_is_gone_cannot_be_looked_at() -> None:
    with process("nothing") as pid:
        pass
    assert look(pid) is None


def test_a_working_thread_without_a_provider_process_is_likely_dead(tmp_path: Path) -> None:
    told = STORIES["working"].tell(tmp_path / "home", provider="opencode")
    assert _codes(tmp_path / "home", told.as_of, Processes(1, ())) == {"dead-provider": "likely"}


def test_a_working_thread_with_its_provider_process_is_left_alone(tmp_path: Path) -> None:
    told = STORIES["working"].tell(tmp_path / "home", provider="opencode")
    with process("opencode", "serve"):
        assert _codes(tmp_path / "home", told.as_of, look(psutil.Process().pid)) == {}


def test_without_a_look_at_processes_nothing_is_said_of_them(tmp_path: Path) -> None:
    told = STORIES["working"].tell(tmp_path / "home", provider="opencode")
    assert _codes(tmp_path / "home", told.as_of, None) == {}
