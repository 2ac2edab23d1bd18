"""How an audit of many homes grows: ``python -m bench.fleet [--homes N] [--mib MIB] [--jobs N]``.

Makes simulated homes (every fifth with a session left behind by a killed server), audits a quarter, a half and all
of them with ``t3lens audit``, and tells wall and CPU seconds and the largest memory of parent and workers. Then it
audits the first few with other numbers of processes, one broken home among them, and compares the documents byte
for byte. With the sizes that are the default it needs some 6 GB of disk, which are free again afterwards.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import psutil

from t3lens.sim.home import SimHome
from t3lens.sim.script import Ask, Say, Silence, Tool

__all__ = ["main"]

_MIB = 1 << 20
_DRIVERS = ("opencode", "codex", "claudeAgent", "cursor")
_BUILDS = ("0.0.23", "0.0.28", "0.0.33")
_LOOK_S = 0.05


def _make(given: tuple[Path, int, int]) -> int:
    """Make one home with ``size`` bytes of logs; its size on the disk."""
    path, number, size = given
    if path.exists():
        return _size(path)
    told = SimHome(path, build=_BUILDS[number % 3], seed=f"fleet/{number}")
    told.project(f"project-{number % 7}")
    random = told.ids.random
    logs = path / "userdata/logs/provider"
    place = 0
    while _size(logs) < size:
        thread = told.thread(f"Work {place}", provider=_DRIVERS[place % len(_DRIVERS)])
        for _ in range(random.randrange(3, 12)):
            words = " ".join(f"word{n}" for n in range(random.randrange(20, 240)))
            tools = [
                Tool("make check", 0.5, output="line of output\n" * random.randrange(1, 300))
                for _ in range(random.randrange(1, 8))
            ]
            told.turn(thread, "Go on.", Say(words, 0.05), *tools, Say(words, 0.05))
        place += 1
    if number % 5 == 0:
        thread = told.thread("Left behind", provider="codex")
        told.send(thread, "Begin.", Say("I begin"), Silence(3600))
        told.wait_running(thread)
        told.kill_server()
    elif number % 5 == 1:
        thread = told.thread("Asked", provider="opencode")
        told.send(thread, "Merge it.", Ask())
        told.wait_request(thread)
    told.close()
    return _size(path)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _audit(paths: list[str], jobs: int, out: Path) -> dict[str, Any]:
    """Audit in a process of its own and watch it and its workers."""
    command = [
        sys.executable,
        "-m",
        "t3lens",
        "audit",
        *paths,
        "--server",
        "dead",
        "--jobs",
        str(jobs),
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    run = subprocess.Popen(
        [*command, "--format", "json", "-o", str(out)],
        env=os.environ | {"T3LENS_CONFIG": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    parent = psutil.Process(run.pid)
    peaks: dict[int, float] = {}
    while run.poll() is None:
        try:
            for one in (parent, *parent.children(recursive=True)):
                peaks[one.pid] = max(peaks.get(one.pid, 0), _peak_mib(one.pid))
        except psutil.Error:
            continue
        time.sleep(_LOOK_S)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run.stderr is not None
    return {
        "jobs": jobs,
        "seconds": seconds,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "parent_mib": peaks.pop(run.pid, 0.0),
        "worker_mib": max(peaks.values(), default=0.0),
        "workers": len(peaks),
        "exit": run.returncode,
        "said": run.stderr.read().decode()[-400:],
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest()[:16],
    }


def _peak_mib(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(x.split()[1]) / 1024 for x in text.splitlines() if x.startswith("VmHWM")), 0.0)


def main() -> None:
    """Make the homes, audit them, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=int, default=200)
    parser.add_argument("--mib", type=float, default=5120, help="logs of all homes together")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--archive",
        type=Path,
        help="keep the homes in this folder; the next run takes them as they are",
    )
    parser.add_argument("--json", type=Path, default=Path("bench-results/fleet.json"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="t3lens-bench-") as name:
        work = Path(name)
        archive = given.archive or work / "archive"
        size = round(given.mib * _MIB / given.homes)
        result = _measure(work, archive, given.homes, size, given.jobs)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(f"written to {given.json}")


def _measure(work: Path, archive: Path, homes: int, size: int, jobs: int) -> dict[str, Any]:
    made = [(archive / f"{number:04d}", number, size) for number in range(homes)]
    start = time.perf_counter()
    with Pool(jobs) as pool:
        sizes = pool.map(_make, made, chunksize=4)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}\n{homes} homes, {sum(sizes) / _MIB:,.0f} MiB, "
        f"made in {time.perf_counter() - start:.0f} s\n"
    )
    columns = ("homes", "MiB", "wall s", "cpu s", "cpu s/GiB", "parent MiB", "worker MiB", "load")
    print("".join(f"{word:>12}" for word in columns))
    growth = []
    for number in (homes // 4, homes // 2, homes):
        paths = [str(path / "userdata") for path, *_ in made[:number]]
        row = _audit(paths, jobs, work / "out.json")
        row |= {"homes": number, "mib": sum(sizes[:number]) / _MIB, "load": os.getloadavg()[0]}
        growth.append(row)
        shown = (
            number, row["mib"], row["seconds"], row["cpu_s"], row["cpu_s"] / row["mib"] * 1024,
            row["parent_mib"], row["worker_mib"], row["load"],
        )  # fmt: skip
        print("".join(f"{value:12,.1f}" for value in shown), flush=True)
    few = [str(path / "userdata") for path, *_ in made[: max(4, homes // 10)]]
    broken = work / "broken" / "userdata"
    broken.mkdir(parents=True)
    (broken / "state.sqlite").write_bytes(b"no database" * 99)
    os.utime(broken / "state.sqlite", (1_780_000_000, 1_780_000_000))
    empty = work / "empty" / "userdata"
    empty.mkdir(parents=True)
    print(f"\n{len(few)} homes, a damaged and an empty one, by number of processes:")
    same = []
    for number in (1, 2, 3, 5):
        row = _audit([*few, str(broken), str(empty)], number, work / "out.json")
        same.append(row)
        print(f"{number} processes: exit {row['exit']}, document {row['sha256']}, {row['said'].strip()}")
    print("identical" if len({row["sha256"] for row in same}) == 1 else "DIFFERENT")
    return {"sizes": sizes, "growth": growth, "processes": same}


if __name__ == "__main__":
    main()
