"""How an audit of many small homes grows: ``python -m bench.cluster [--homes N ...] [--workers N ...] [--archive DIR]``.

Makes thirty simulated homes and, out of them, as many as are wanted (the files are links, each home has an id of its own),
audits them with ``--jobs`` and with a dask cluster on loopback that has as many workers, and tells for each wall and CPU
seconds (workers, nannies and scheduler included), milliseconds of CPU for each home, and the largest memory of the command
itself; of the cluster also how much more CPU it took than ``--jobs``. The documents are compared byte for byte. Homes are
made when their number is due, and removed before the next (kept, with ``--archive DIR``). ``--results URL`` names another
place for results than a local folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import psutil

from bench.fleet import _peak_mib
from t3lens.sim.fleet import fleet
from t3lens.sim.scenarios import build_home
from t3lens.t3code.home_layout import ENVIRONMENT_ID
from tests.cluster import Cluster, wait_for

__all__ = ["main"]

_TEMPLATES = 30
_LOOK_S = 0.1


def _templates(folder: Path) -> list[Path]:
    made = [folder / f"{number:02d}" for number in range(_TEMPLATES)]
    for number, path in enumerate(made):
        if path.exists():
            continue
        if number % 5 == 0:
            build_home(path, "orphaned-turn")
        else:
            fleet(path, 2 + number % 3, seed=f"many/{number}")
    return made


def _link(template: Path, home: Path) -> None:
    if home.exists():
        return
    shutil.copytree(template, home, copy_function=os.link)
    for name in home.rglob(ENVIRONMENT_ID):
        name.unlink()
        name.write_text(f"{uuid.uuid5(uuid.NAMESPACE_URL, str(home))}\n")


class _Watched:
    """CPU seconds of processes, of those that ended too, as far as they were seen."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}

    def look(self, processes: list[psutil.Process]) -> None:
        for one in processes:
            try:
                times = one.cpu_times()
            except psutil.Error:
                continue
            self._seconds[one.pid] = times.user + times.system

    @property
    def total(self) -> float:
        return sum(self._seconds.values())


def _tree(pids: list[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        try:
            one = psutil.Process(pid)
            found += [one, *one.children(recursive=True)]
        except psutil.Error:
            continue
    return found


def _audit(paths: Path, homes: int, options: list[str], out: Path, others: list[int]) -> dict[str, Any]:
    """Audit in a process of its own, and watch it, its processes, and those of the cluster."""
    watched, before = _Watched(), _Watched()
    before.look(_tree(others))
    command = [sys.executable, "-m", "t3lens", "audit", str(paths), "--server", "dead", *options]
    start = time.perf_counter()
    run = subprocess.Popen(
        [*command, "--format", "ndjson", "-o", f"json={out}", "--fail-on", "never"],
        env=os.environ | {"T3LENS_CONFIG": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    peak = 0.0
    while run.poll() is None:
        watched.look(_tree([run.pid, *others]))
        peak = max(peak, _peak_mib(run.pid))
        time.sleep(_LOOK_S)
    seconds = time.perf_counter() - start
    watched.look(_tree(others))
    cpu = watched.total - before.total
    assert run.stderr is not None
    return {
        "homes": homes,
        "how": " ".join(options[:2]),
        "seconds": seconds,
        "cpu_s": cpu,
        "cpu_ms_per_home": 1000 * cpu / homes,
        "client_mib": peak,
        "exit": run.returncode,
        "said": run.stderr.read().decode()[-300:],
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest()[:16] if out.exists() else "",
        "load": os.getloadavg()[0],
    }


def _show(kind: str, number: int, row: dict[str, Any]) -> None:
    cost = f"{row['seconds']:>9.1f} {row['cpu_s']:>9.1f} {row['cpu_ms_per_home']:>10.1f} {row['client_mib']:>10.0f}"
    said = f"{row['sha256']}  {row['exit']} {row['load']:>6.1f}  {row['said'].strip()[:80]}"
    print(f"{row['homes']:>7} {kind:>8} {number:>2} {cost}  {said}", flush=True)


def main() -> None:
    """Make the homes, audit them both ways, print a table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=int, nargs="+", default=[30, 300, 3000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--archive", type=Path, help="keep the homes here; they must stand on one file system")
    parser.add_argument("--results", help="place of results; a local folder if not said")
    parser.add_argument("--only", choices=("jobs", "cluster"))
    parser.add_argument("--json", type=Path, default=Path("bench-results/cluster.json"))
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'homes':>7} {'by':>8}  n {'wall s':>9} {'cpu s':>9} {'ms/home':>10} {'client MiB':>10}  document")
    with tempfile.TemporaryDirectory(prefix="t3lens-bench-") as name:
        work = Path(name)
        archive = given.archive or work / "archive"
        templates = _templates(archive / "templates")
        for homes in given.homes:
            folder = archive / f"{homes}"
            for number in range(homes):
                _link(templates[number % _TEMPLATES], folder / f"host-{number // 100:03d}" / f"home-{number:05d}")
            for workers in given.workers:
                if given.only != "cluster":
                    rows.append(_audit(folder, homes, ["--jobs", str(workers)], work / "jobs.json", []))
                    _show("jobs", workers, rows[-1])
                if given.only != "jobs":
                    rows.append(_by_cluster(folder, homes, workers, work, given.results))
                    _show("cluster", workers, rows[-1])
                if given.only is None:
                    jobs, cluster = rows[-2:]
                    print(f"{'':>19} {100 * (cluster['cpu_s'] / jobs['cpu_s'] - 1):+.0f} % CPU", flush=True)
            same = {row["sha256"] for row in rows if row["homes"] == homes}
            print("identical" if len(same) == 1 else "DIFFERENT")
            if given.archive is None:
                shutil.rmtree(folder)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    print(f"written to {given.json}")


def _settings() -> str:
    """The settings of dask that docs/fleet.md advises."""
    text = (Path(__file__).resolve().parents[1] / "docs" / "fleet.md").read_text("utf-8")
    return next(block for block in re.findall(r"```yaml\n(.+?)```", text, re.S) if "tick:" in block)


def _by_cluster(folder: Path, homes: int, workers: int, work: Path, results: str | None) -> dict[str, Any]:
    from distributed import Client

    place = Path(tempfile.mkdtemp(dir=work))
    (place / "distributed.yaml").write_text(_settings())
    cluster = Cluster(place, environment={"DASK_CONFIG": str(place)})
    try:
        for _ in range(workers):
            cluster.worker(memory="1500MiB")
        with Client(cluster.address, set_as_default=False) as client:
            wait_for("the workers", lambda: len(client.nthreads()) == workers)
        to = f"{results}/{place.name}" if results else str(place / "results")
        return _audit(folder, homes, ["--scheduler", cluster.address, "--results", to], work / "cluster.json", cluster.pids)
    finally:
        cluster.close()


if __name__ == "__main__":
    main()
