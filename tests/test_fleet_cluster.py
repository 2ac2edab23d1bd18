"""Homes audited by the workers of a real dask cluster, some of which die, run out of memory, hang or come late."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import threading
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

from t3lens.diagnose import Options, ServerSetting
from t3lens.document.formats import FORMATS
from t3lens.errors import InputError, UsageError
from t3lens.file_place import FilePlace
from t3lens.fleet import FleetReport, audit
from t3lens.fleet.attempt import Attempt
from t3lens.fleet.cluster import connected
from t3lens.fleet.first_try import check_workers
from t3lens.fleet.one_home import AuditRequest
from t3lens.fleet.processes import FleetStep
from t3lens.fleet.results import read_index
from t3lens.fleet.task import WORKERS_ENDED, Job, Run, carry_out
from t3lens.ingest import discover
from t3lens.t3code.home_layout import ENVIRONMENT_ID
from t3lens.version import __version__
from tests.cli.conftest import Run as CliRun
from tests.cli.conftest import run as run
from tests.cluster import Cluster, wait_for

SAMPLES = Path(__file__).resolve().parents[1] / "sample_logs"
DEAD = Options(server=ServerSetting.DEAD)
RULES = ("settle", "shipped-0.0.29")
HOMES = ("healthy", "orphaned-by-restart", "retry-loop", "v2-interrupt-held")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.worker()
        cluster.worker()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[Any]:
    with connected(cluster.address) as client:
        wait_for("two workers", lambda: len(client.nthreads()) == 2)
        yield client


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _copies(tmp_path_factory.mktemp("homes"), HOMES)


@pytest.fixture(scope="module")
def expected(archive: Path) -> FleetReport:
    """What one process says of the archive."""
    return audit([archive], jobs=1, options=DEAD, compare=RULES)


def _copies(folder: Path, samples: Iterable[str], kinds: Iterable[str] = ()) -> Path:
    for sample in samples:
        shutil.copytree(SAMPLES / sample, folder / sample)
    for kind in kinds:
        shutil.copytree(SAMPLES / "healthy", folder / kind)
        for name in (folder / kind).rglob(ENVIRONMENT_ID):  # else copies of one home: those are not read together
            name.write_text(f"{uuid.uuid5(uuid.NAMESPACE_URL, kind)}\n")
    return folder


def test_every_format_is_byte_for_byte_that_of_one_process(
    client: Any, archive: Path, expected: FleetReport, tmp_path: Path
) -> None:
    found = audit([archive], client=client, results=str(tmp_path / "results"), options=DEAD, compare=RULES)
    assert len(found.document.threads) > 3
    for name, made in FORMATS.items():
        assert made(found.document) == made(expected.document), name
    assert (found.homes, found.reused, found.failed) == (len(HOMES), 0, ())
    assert dict(found.projects) == dict(expected.projects)


def test_an_interrupted_night_goes_on_where_it_was(
    client: Any, archive: Path, expected: FleetReport, tmp_path: Path
) -> None:
    def cut(step: FleetStep) -> None:
        if step.done == 2:
            raise KeyboardInterrupt

    asked = {"client": client, "results": f"file://{tmp_path}/results", "compare": RULES}
    with pytest.raises(KeyboardInterrupt):
        audit([archive], options=DEAD, progress=cut, **asked)
    file = next((tmp_path / "results").rglob("*.parquet"))
    (file.parent / "torn.parquet").write_bytes(file.read_bytes()[:-20])
    again = audit([archive], options=DEAD, **asked)
    assert again.reused >= 2
    assert again.document == expected.document
    old = file.with_name(f"20200101-000000-abcdef-000000-{'0' * 8}.parquet")
    for name in (old.name, "20200101-000000-report.parquet", "notes.txt"):
        (file.parent / name).write_text("")
    kept = audit([archive], options=DEAD, keep_days=1, **asked)
    assert (kept.reused, kept.removed, old.exists()) == (again.homes, 1, False)
    assert {"torn.parquet", "20200101-000000-report.parquet", "notes.txt"} <= {one.name for one in file.parent.iterdir()}
    other = audit([archive / "healthy"], options=msgspec.structs.replace(DEAD, rules="settle"), **asked)
    assert other.reused == 0


def test_workers_that_die_run_out_of_memory_or_come_late_cost_no_other_home(
    cluster: Cluster, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("t3lens.fleet.small_homes._MOST", 2)
    archive = _copies(tmp_path / "archive", HOMES[:2], ("1-gate", "2-beside", "3-gate", "4-beside"))
    good = audit([archive], jobs=2, options=DEAD)
    _copies(archive, (), ("5-greedy",))
    steps: list[FleetStep] = []
    before_the_gates_opened: list[int] = []
    one_done = threading.Event()

    def told(step: FleetStep) -> None:
        steps.append(step)
        one_done.set()

    def disturb() -> None:
        pids = [wait_for(name, lambda name=name: _pid(cluster.folder / f"{name}.pid")) for name in ("1-gate", "3-gate")]
        cluster.worker()
        one_done.wait(240)  # both workers stand at a gate: it is the late one that did it
        before_the_gates_opened.append(len(steps))
        os.kill(pids[0], signal.SIGKILL)
        for name in ("1-gate", "3-gate"):
            (cluster.folder / f"{name}.open").touch()

    thread = threading.Thread(target=disturb)
    thread.start()
    found = audit([archive], client=client, results=str(tmp_path / "results"), options=DEAD, progress=told)
    thread.join()
    assert before_the_gates_opened[0] >= 1
    assert max(step.workers for step in steps) == 3
    assert (steps[-1].done, steps[-1].total, steps[-1].failed) == (7, 7, 1)
    assert [(Path(one.path).parent.name, one.message) for one in found.failed] == [("5-greedy", WORKERS_ENDED)]
    assert found.document.threads == good.document.threads
    assert found.document.homes == good.document.homes
    assert list((tmp_path / "results" / "at-work").iterdir()) == []


def test_a_home_that_does_not_end_costs_its_worker_and_is_told_of(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("t3lens.fleet.processes._GRACE_S", 0.0)
    archive = _copies(tmp_path / "archive", (), ("endless",))
    options = msgspec.structs.replace(DEAD, budget=0.5)
    found = audit([archive], client=client, results=str(tmp_path / "results"), options=options)
    assert [one.message for one in found.failed] == ["it did not end within 1 s, and its process was ended (--budget)"]


def _pid(path: Path) -> int:
    return int(path.read_text() or 0) if path.exists() else 0


def test_what_is_no_cluster_is_said(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t3lens.fleet.cluster._CONNECT_S", 0.5)
    with pytest.raises(InputError, match=r"no scheduler at tcp://127\.0\.0\.1:1"), connected("tcp://127.0.0.1:1"):
        pass
    with pytest.raises(UsageError, match="--results"):
        audit([archive], client=object(), options=DEAD)


def test_a_place_that_workers_cannot_write_to_is_refused_before_any_home_is_read(
    client: Any, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "results"
    place.mkdir()
    (place / "homes").write_text("a file where workers make a folder")  # a mode would not stop root
    steps: list[FleetStep] = []
    with pytest.raises(
        InputError, match=rf"the worker on 127.0.0.1 cannot work: it cannot write results: .*{place}"
    ) as told:
        audit([archive], client=client, results=str(place), options=DEAD, progress=steps.append)
    assert "name another place" in str(told.value)
    assert steps == []
    other = FilePlace(str(tmp_path / "here"))
    other.make()
    run = Run("20260101-000000-abcdef", str(tmp_path / "there"), AuditRequest(DEAD, None, None), 60.0, __version__, "", 0)
    with pytest.raises(InputError, match=r"here is another place for the worker on 127\.0\.0\.1"):
        check_workers(client, run, other)
    with pytest.raises(InputError, match=rf"it has t3lens {__version__}, and this is 0\.0: install the same"):
        check_workers(client, replace(run, version="0.0"), other)
    check_workers(client, replace(run, place=other.address), other)
    assert [path for path in (tmp_path / "here").rglob("*") if path.is_file()] == []


def test_no_address_is_told_with_its_password() -> None:
    url = "s3://key:secret@bucket.example:9000/night?token=abc"
    run = Run("night", url, AuditRequest(DEAD, None, None), 1.0, "0", "host", 1)
    assert "secret" not in repr(run)


_FENCED = re.compile(r"```sh\n(.+?)\n```", re.S)


def test_the_commands_of_the_document_are_commands(
    cluster: Cluster, archive: Path, tmp_path: Path, run: CliRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T3LENS_CONFIG", "")
    text = (Path(__file__).resolve().parents[1] / "docs" / "fleet.md").read_text()
    commands = [shlex.split(line) for line in _FENCED.findall(text)]
    assert {" ".join(words[:2]) for words in commands} == {"python -m", "dask scheduler", "dask worker", "t3lens audit"}
    for words in commands:
        if words[0] == "dask":
            main = import_module(f"distributed.cli.dask_{words[1]}").main
            assert main.make_context(words[1], words[2:]).params
    results = str(tmp_path / "results")
    places = {"/mnt/homes/*": f"{archive}/*", "/mnt/results": results}
    audits = [words[1:] for words in commands if words[0] == "t3lens"]
    codes = []
    for words in audits[:2]:
        here = [cluster.address if word.startswith("tcp://") else places.get(word, word) for word in words]
        codes.append(run(*here, "--since-last").code)
    assert codes == [1, 0]
    assert run("audit", archive, "--scheduler", cluster.address).code == 2
    assert run("audit", archive, "--results", results).code == 2


def test_after_a_worker_died_its_homes_are_taken_one_by_one_and_one_that_takes_another_is_given_up(tmp_path: Path) -> None:
    archive = _copies(tmp_path / "archive", HOMES[:3])
    homes = tuple(discover([archive]))
    asked = AuditRequest(DEAD, None, None)
    run = Run("night", str(tmp_path / "results"), asked, 60.0, __version__, socket.gethostname(), os.getpid())
    job, place = Job("night-0", run, homes, ({}, {}, {})), FilePlace(run.place)
    Attempt(place, job.name, 3)  # a worker that died at some of them
    assert [one.why for one in carry_out(job)] == ["", "", ""]
    Attempt(place, job.name, 3)
    for _ in range(2):  # and two that died at the second of them
        Attempt(place, job.name, 3).begin(1)
    said = carry_out(job)
    assert [one.why for one in said] == ["", WORKERS_ENDED, ""]
    assert [one.written is None for one in said] == [False, True, False]
    again = replace(
        job,
        known=tuple(
            {read_index(place)[str(home.path)].popitem()[0]: one.written} if one.written else {}
            for home, one in zip(homes, said, strict=True)
        ),
    )
    assert [one.reused for one in carry_out(again)] == [True, False, True]
    Attempt(place, job.name, 3).hangs(2)
    assert "(--budget)" in carry_out(job)[2].why
    assert place.names("at-work") == []
