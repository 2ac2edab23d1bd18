"""How fast ingest is, as ratios within one run: ``python -m bench [--size MIB] [--full] [--json FILE]``.

Prints a table and writes the same as JSON, with the machine and how busy it was. ``--full`` shows 0.25, 1 and
4 GiB and the queries on ten million records, and needs some 12 GB of disk; the default takes some
six minutes and 8 GB of memory (pandas'). ``--against COMMIT`` compares whole commands with an earlier build instead
(see ``bench.against``).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import against, baselines, beside, queries
from bench.corpus import write_corpus

__all__ = ["main"]

_INGEST = """
import json, os, sys, time
from pathlib import Path
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.store import Store
import duckdb, numpy, pyarrow  # as the others have them, before the clock starts
start, cpu = time.perf_counter(), sum(os.times()[:2])
store = Store.open(Path(sys.argv[2]))
report = ingest(store, discover([sys.argv[1]]), options=IngestOptions(server="dead"))
seconds = time.perf_counter() - start
status = Path("/proc/self/status").read_text()  # getrusage would tell the peak of who began this process
peak = int(status.split("VmHWM:")[1].split()[0])
print(json.dumps({"seconds": seconds, "bytes": report.bytes_read, "records": report.records,
    "quarantined": report.quarantined, "cpu_s": sum(os.times()[:2]) - cpu,
    "peak_mib": peak / 1024}))
"""
_MIB = 1 << 20
_MANY = 10_000_000
_ROUNDS = 3
_SLOW = ("pandas.read_json", "jq")  # so far behind that one round tells enough


def _ingest(folder: Path, store: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", _INGEST, str(folder), str(store)], check=True, capture_output=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.processor()
    return next((x.split(":", 1)[1].strip() for x in text.splitlines() if x.startswith("model name")), "")


def _speed(work: Path, size: int) -> dict[str, Any]:
    """Ingest beside the other ways, over the same lines."""
    folder = work / "speed"
    total = write_corpus(folder, size, threads=16)
    files = sorted(folder.iterdir())
    store = work / "speed.duckdb"
    reports = []

    def ours() -> baselines.Rate:
        store.unlink(missing_ok=True)
        reports.append(_ingest(folder, store))
        return baselines.Rate(total / reports[-1]["seconds"] / 1e6, total / reports[-1]["cpu_s"] / 1e6)

    def other(run: Callable[[], None]) -> Callable[[], baselines.Rate]:
        return lambda: baselines.rate(total, run)

    ways = {
        "t3lens": ours,
        "bare statement": other(lambda: baselines.bare_statement(folder, os.cpu_count() or 2)),
        "json.loads": other(lambda: baselines.json_loads(files)),
        "pandas.read_json": other(lambda: baselines.pandas_read_json(files, one_table=True)),
        "... each file dropped": other(lambda: baselines.pandas_read_json(files, one_table=False)),
    }
    if baselines.has_jq():
        ways["jq"] = other(lambda: baselines.jq(files))
    # A machine is not equally fast all the time, so all take turns, and of each the best round counts.
    rounds: dict[str, list[baselines.Rate]] = {name: [] for name in ways}
    for number in range(_ROUNDS):
        for name, run in ways.items():
            if name not in _SLOW or number == 0:
                rounds[name].append(run())
    rates = {name: baselines.Rate(max(r.wall for r in found), max(r.cpu for r in found)) for name, found in rounds.items()}
    result = {
        "bytes": total,
        "mb_per_s": {name: rate.wall for name, rate in rates.items()},
        "rounds_mb_per_s": {name: [r.wall for r in found] for name, found in rounds.items()},
        "mb_per_cpu_s": {name: rate.cpu for name, rate in rates.items()},
        "ratios": {name: rates["t3lens"].wall / rate.wall for name, rate in rates.items()},
        "cpu_ratios": {name: rates["t3lens"].cpu / rate.cpu for name, rate in rates.items()},
        "store_share": store.stat().st_size / total,
        "peak_mib": max(report["peak_mib"] for report in reports),
        "records": reports[0]["records"],
    }
    shutil.rmtree(folder)
    store.unlink()
    return result


def _growth(work: Path, sizes: list[int], records: int) -> list[dict[str, Any]]:
    """Time and memory over the size of the logs, and the waits of a person on the largest store.

    Args:
        work: Where there is room.
        sizes: Bytes of logs.
        records: How many records the queries are asked over, at least.
    """
    rows = []
    for number, size in enumerate(sizes):
        folder = work / f"growth-{number}"
        store = work / f"growth-{number}.duckdb"
        total = write_corpus(folder, size, threads=max(4, size // (64 * _MIB)), seed=number + 2)
        run = _ingest(folder, store)
        row = {
            "mib": total / _MIB,
            "seconds": run["seconds"],
            "cpu_s": run["cpu_s"],
            "mb_per_s": total / run["seconds"] / 1e6,
            "peak_mib": run["peak_mib"],
            "store_share": store.stat().st_size / total,
            "records": run["records"],
        }
        if number == len(sizes) - 1:
            queries.grow(store, records)
            row["queries_s"] = queries.waits(store)
        rows.append(row)
        shutil.rmtree(folder)
        store.unlink()
    return rows


def _waits(work: Path) -> dict[str, float]:
    """An unchanged home of 1,000 files, and one MiB appended to it (in a process that already runs)."""
    from t3lens.ingest import IngestOptions, discover, ingest
    from t3lens.store import Store

    folder = work / "many"
    write_corpus(folder, 40 * _MIB, threads=1000)
    store = Store.open(work / "many.duckdb")
    options = IngestOptions(server="dead")

    def read() -> float:
        start = time.perf_counter()
        ingest(store, discover([folder]), options=options)
        return time.perf_counter() - start

    first = read()
    unchanged = min(read() for _ in range(3))
    extra = work / "extra"
    write_corpus(extra, _MIB, threads=1, seed=99)
    target = min(folder.iterdir())
    with target.open("ab") as stream:
        stream.write(next(extra.iterdir()).read_bytes())
    appended = read()
    return {"first_s": first, "unchanged_s": unchanged, "one_mib_appended_s": appended}


def main() -> None:
    """Run everything, print the table, write the JSON."""
    if sys.argv[1:2] == ["--against"]:
        against.main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024, help="MiB of logs for the comparison")
    parser.add_argument("--full", action="store_true", help="also 0.25, 1 and 4 GiB")
    parser.add_argument("--json", type=Path, default=Path("bench-results/ingest.json"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="t3lens-bench-") as name:
        work = Path(name)
        speed = _speed(work, given.size * _MIB)
        waits = _waits(work)
        sizes = [256, 1024, 4096] if given.full else [given.size // 4, given.size // 2, given.size]
        growth = _growth(work, [size * _MIB for size in sizes], _MANY if given.full else 0)
        readers = beside.reader_waits(work, given.size * _MIB, _INGEST)
        live = beside.live_database(work)
    result = {
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "load": os.getloadavg()[0],
        },
        "speed": speed,
        "waits": waits,
        "growth": growth,
        "readers": readers,
        "live_database": live,
    }
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    _print(result)
    print(f"written to {given.json}")


def _print(result: dict[str, Any]) -> None:
    machine, speed = result["machine"], result["speed"]
    print(f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}; load {machine['load']:.1f}")
    print(f"\n{speed['bytes'] / 1e6:,.0f} MB of logs, {speed['records']:,} records")
    print(f"{'':24}{'MB/s':>8}{'t3lens is':>12}{'MB/CPU s':>12}{'t3lens is':>12}   MB/s of each round")
    for name, value in speed["mb_per_s"].items():
        own = name == "t3lens"
        ratio = "" if own else f"{speed['ratios'][name]:.2f} ×"
        cpu_ratio = "" if own else f"{speed['cpu_ratios'][name]:.2f} ×"
        cpu = speed["mb_per_cpu_s"][name]
        each = " ".join(f"{rate:.0f}" for rate in speed["rounds_mb_per_s"][name])
        print(f"{name:24}{value:8.0f}{ratio:>12}{cpu:12.0f}{cpu_ratio:>12}   {each}")
    print(f"store: {speed['store_share']:.1%} of the logs; peak memory {speed['peak_mib']:,.0f} MiB")
    waits = result["waits"]
    print(
        f"\n1,000 files: first {waits['first_s']:.2f} s, unchanged {waits['unchanged_s']:.2f} s, "
        f"one MiB appended {waits['one_mib_appended_s']:.2f} s"
    )
    print(f"\n{'MiB':>8}{'s':>8}{'CPU s':>8}{'MB/s':>8}{'peak MiB':>10}{'store':>8}")
    for row in result["growth"]:
        print(
            f"{row['mib']:8,.0f}{row['seconds']:8.1f}{row['cpu_s']:8.1f}{row['mb_per_s']:8.0f}"
            f"{row['peak_mib']:10,.0f}"
            f"{row['store_share']:8.1%}"
        )
    for name, seconds in result["growth"][-1]["queries_s"].items():
        print(f"{name}: {seconds * 1000:,.0f} ms")
    readers = result["readers"]
    print(
        f"\nreaders of a store that is written to for {readers['ingest_s']:.1f} s: {readers['reads']} reads, "
        f"middle wait {readers['middle_s']:.2f} s, longest {readers['longest_s']:.2f} s"
    )
    print("\ncommits of a server at full speed (ms)")
    print(f"{'':24}{'commits':>9}{'middle':>9}{'99.9 %':>9}   slowest of each round, sorted")
    for name, row in result["live_database"].items():
        slowest = " ".join(f"{value:.1f}" for value in row["slowest_ms"])
        print(f"{name:24}{row['commits']:9,}{row['middle_ms']:9.2f}{row['p999_ms']:9.2f}   {slowest}")


if __name__ == "__main__":
    main()
