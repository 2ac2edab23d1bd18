"""A provider's process that is gone while its thread shows as working."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

from t3lens.diagnose import HomeServer, Options, Processes, Thresholds, diagnose, provider_processes
from t3lens.diagnose.gather import gather
from t3lens.diagnose.processes import ProviderProcess
from t3lens.ingest import discover, ingest
from t3lens.sim.home import SimHome
from t3lens.sim.scenarios import STORIES
from t3lens.sim.script import Say, Tool
from t3lens.store import Store
from t3lens.time import parse_iso

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
            servers={home_id: HomeServer("alive", None, None, "started by this test")},
            processes={home_id: processes} if processes else None,
        )
        return {finding.code: finding.confidence for finding in diagnosis.findings}


def test_a_provider_process_is_found_below_its_server_and_counted_once() -> None:
    with process("opencode", "serve") as pid:
        found = provider_processes(psutil.Process().pid)
        assert found is not None
        assert found.count("opencode") == 1
        assert found.count("codex") == 0
        assert [one.pid for one in found.found] == [pid]
        assert found.count("claudeAgent") is None


def test_a_server_that_is_gone_cannot_be_looked_at() -> None:
    with process("nothing") as pid:
        pass
    assert provider_processes(pid) is None


def test_a_working_thread_without_a_provider_process_is_likely_dead(tmp_path: Path) -> None:
    told = STORIES["working"].tell(tmp_path / "home", provider="opencode")
    assert _codes(tmp_path / "home", told.as_of, Processes(1, ())) == {"dead-provider": "likely"}


def test_a_working_thread_with_its_provider_process_is_left_alone(tmp_path: Path) -> None:
    told = STORIES["working"].tell(tmp_path / "home", provider="opencode")
    with process("opencode", "serve"):
        assert _codes(tmp_path / "home", told.as_of, provider_processes(psutil.Process().pid)) == {}


def test_without_a_look_at_processes_nothing_is_said_of_them(tmp_path: Path) -> None:
    told = STORIES["working"].tell(tmp_path / "home", provider="opencode")
    assert _codes(tmp_path / "home", told.as_of, None) == {}


def _looked_at(home: SimHome, found: int) -> dict[str, dict[str, str | None]]:
    """Codes and their verdicts by thread, with so many OpenCode processes below the server."""
    home.close()
    processes = Processes(1, tuple(ProviderProcess(n, "opencode", 0, None) for n in range(found)))
    with closing(Store.open()) as store:
        (ingested,) = discover([home.path])
        ingest(store, [ingested])
        home_id = ingested.home_id
        started = gather(store, home_id, Thresholds()).runtime_started_at
        diagnosis = diagnose(
            store,
            [home_id],
            Options(as_of=home.now),
            servers={home_id: HomeServer("alive", started, None, "started by this test")},
            processes={home_id: processes},
        )
        return {
            thread.thread_id: {f.code: f.makes.value if f.makes else None for f in thread.findings}
            for thread in diagnosis.threads
        }


def test_a_session_that_is_just_starting_has_no_process_yet(tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build="0.0.33")
    thread = home.thread("Speed up the parser", provider="opencode")
    home.send(thread, "Go.", Say())
    home.advance(0.2)
    assert home.state(thread).status == "starting"
    assert _looked_at(home, 0) == {thread: {}}


def test_threads_deleted_or_of_an_earlier_server_need_no_process(tmp_path: Path) -> None:
    home = SimHome(tmp_path / "home", build="0.0.28")
    deleted, left, working = (home.thread(t, provider="opencode") for t in ("a", "b", "c"))
    for thread in (deleted, left):
        home.send(thread, "Go.", Say(), Tool("make all", 900))
        home.wait_running(thread)
    home.advance(5)
    home.delete(deleted)
    home.advance(2)
    home.restart_server()
    home.send(working, "Go.", Say(), Tool("make all", 900))
    home.wait_running(working)
    home.advance(30)
    assert _looked_at(home, 1) == {
        deleted: {"ghost-rows": None},
        left: {"orphaned-turn": "stuck"},
        working: {},
    }
