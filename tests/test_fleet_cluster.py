"""Homes audited by the workers of a real dask cluster, some of which die, run out of memory, hang or come late."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from t3lens.diagnose import Options, ServerSetting
from t3lens.document.formats import FORMATS
from t3lens.errors import InputError, UsageError
from t3lens.fleet import audit
from t3lens.fleet.cluster import connected
from t3lens.fleet.one_home import Asked
from t3lens.fleet.place import shown
from t3lens.fleet.processes import Step
from t3lens.fleet.task import Run
from tests.cluster import Cluster, wait_for

SAMPLES = Path(__file__).resolve().parents[1] / "sample_logs"
DEAD = Options(server=ServerSetting.DEAD)
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


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for sample in HOMES:
        shutil.copytree(SAMPLES / sample, tmp_path / "archive" / sample)
    return tmp_path / "archive"


def test_every_format_is_byte_for_byte_that_of_one_process(client: Any, archive: Path, tmp_path: Path) -> None:
    rules = ("settle", "shipped-0.0.29")
    one = audit([archive], jobs=1, options=DEAD, compare=rules)
    cluster = audit([archive], client=client, results=str(tmp_path / "results"), options=DEAD, compare=rules)
    assert len(one.document.threads) > 3
    for name, made in FORMATS.items():
        assert made(cluster.document) == made(one.document), name
    assert (cluster.homes, cluster.reused, cluster.failed) == (len(HOMES), 0, ())
    assert dict(cluster.projects) == dict(one.projects)


def test_an_interrupted_night_goes_on_where_it_was(client: Any, archive: Path, tmp_path: Path) -> None:
    def cut(step: Step) -> None:
        if step.done == 2:
            raise KeyboardInterrupt

    results = f"file://{tmp_path}/results"
    with pytest.raises(KeyboardInterrupt):
        audit([archive], client=client, results=results, options=DEAD, progress=cut)
    torn = next((tmp_path / "results").rglob("*.parquet"))
    (torn.parent / "torn.parquet").write_bytes(torn.read_bytes()[:-20])
    again = audit([archive], client=client, results=results, options=DEAD)
    assert again.reused >= 2
    assert again.document == audit([archive], jobs=2, options=DEAD).document
    log = next((archive / "retry-loop").rglob("*.log"))
    with log.open("ab") as out:
        out.write(b"no record\n")
    changed = audit([archive], client=client, results=results, options=DEAD)
    assert changed.reused == len(HOMES) - 1
    assert changed.document.quarantined == again.document.quarantined + 1


def test_workers_that_die_run_out_of_memory_hang_or_come_late_cost_no_other_home(
    cluster: Cluster, client: Any, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gate-a", "gate-b"):
        shutil.copytree(SAMPLES / "healthy", archive / name)
    good = audit([archive], jobs=2, options=DEAD)
    for name in ("endless", "greedy"):
        shutil.copytree(SAMPLES / "healthy", archive / name)
    monkeypatch.setattr("t3lens.fleet.processes._GRACE_S", 20.0)
    gates = Path(cluster._folder)
    steps: list[Step] = []
    one_done = threading.Event()

    def told(step: Step) -> None:
        steps.append(step)
        one_done.set()

    def disturb() -> None:
        pids = [wait_for(name, lambda name=name: _pid(gates / f"{name}.pid")) for name in ("gate-a", "gate-b")]
        cluster.worker()
        one_done.wait(240)  # both workers stand at a gate: the late one did it
        late.append(len(steps))
        os.kill(pids[0], signal.SIGKILL)
        for name in ("gate-a", "gate-b"):
            (gates / f"{name}.open").touch()

    late: list[int] = []
    thread = threading.Thread(target=disturb)
    thread.start()
    options = msgspec.structs.replace(DEAD, budget=1.0)
    found = audit([archive], client=client, results=str(tmp_path / "results"), options=options, progress=told)
    thread.join()
    assert late and late[0] >= 1
    assert max(step.workers for step in steps) == 3
    assert steps[-1].failed == 2 and steps[-1].done == steps[-1].total == len(HOMES) + 4
    why = {Path(one.path).parent.name: one.message for one in found.failed}
    assert why["endless"] == "it did not end within 22 s, and its process was ended (--budget)"
    assert why["greedy"] == "the workers that read it ended, more than one"
    assert found.document.threads == good.document.threads
    assert found.document.homes == good.document.homes
    assert list((tmp_path / "results" / "at-work").iterdir()) == []


def _pid(path: Path) -> int:
    return int(path.read_text() or 0) if path.exists() else 0


def test_what_is_no_cluster_is_said(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t3lens.fleet.cluster._CONNECT_S", 0.5)
    with pytest.raises(InputError, match=r"no scheduler at tcp://127\.0\.0\.1:1"), connected("tcp://127.0.0.1:1"):
        pass
    with pytest.raises(UsageError, match="--results"):
        audit([archive], client=object(), options=DEAD)


def test_no_address_is_told_with_its_password() -> None:
    url = "s3://key:secret@bucket.example:9000/night?token=abc"
    assert shown(url) == "s3://bucket.example:9000/night"
    run = Run("night", url, Asked(DEAD, None, None), 1.0, "0", "host", 1)
    assert "secret" not in repr(run)
