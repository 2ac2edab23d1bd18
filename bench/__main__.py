"""How fast ingest is, as ratios within one run: ``python -m bench [--size MIB] [--full] [--json FILE]``.

Prints a table and writes the same as JSON, with the machine. ``--full`` shows 0.25, 1 and 4 GiB and needs
some 10 GB of disk; the default fits into a minute or two.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import baselines
from bench.corpus import write_corpus

__all__ = ["main"]

_INGEST = """
import json, resource, sys, time
from pathlib import Path
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.store import Store
start = time.perf_counter()
store = Store.open(Path(sys.argv[2]))
report = ingest(store, discover([sys.argv[1]]), options=IngestOptions(server="dead"))
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "bytes": report.bytes_read, "records": report.records,
    "quarantined": report.quarantined, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
_MIB = 1 << 20


def _ingest(folder: Path, store: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _INGEST, str(folder), str(store)], check=True, capture_output=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.processor()
    return next(
        (x.split(":", 1)[1].strip() for x in text.splitlines() if x.startswith("model name")), ""
    )


def _speed(work: Path, size: int) -> dict[str, Any]:
    """Ingest beside the other ways, over the same lines."""
    folder = work / "speed"
    total = write_corpus(folder, size, threads=16)
    files = sorted(folder.iterdir())
    few = files[: max(1, len(files) // 6)]
    part = sum(f.stat().st_size for f in few)
    runs = [_ingest(folder, work / f"speed-{number}.duckdb") for number in range(2)]
    best = min(run["seconds"] for run in runs)
    rates = {
        "t3lens": total / best / 1e6,
        "bare statement": baselines.rate(
            total, lambda: baselines.bare_statement(folder, os.cpu_count() or 2), best_of=2
        ),
        "json.loads": baselines.rate(part, lambda: baselines.json_loads(few)),
        "pandas.read_json": baselines.rate(part, lambda: baselines.pandas_read_json(few)),
    }
    start = time.perf_counter()
    if baselines.jq(few):
        rates["jq"] = part / (time.perf_counter() - start) / 1e6
    store = work / "speed-0.duckdb"
    result = {
        "bytes": total,
        "mb_per_s": rates,
        "ratios": {name: rates["t3lens"] / value for name, value in rates.items()},
        "store_share": store.stat().st_size / total,
        "peak_mib": max(run["peak_mib"] for run in runs),
        "records": runs[0]["records"],
    }
    shutil.rmtree(folder)
    for number in range(2):
        (work / f"speed-{number}.duckdb").unlink()
    return result


def _growth(work: Path, sizes: list[int]) -> list[dict[str, Any]]:
    """Time and memory over the size of the logs, and the waits of a person on the largest."""
    rows = []
    for number, size in enumerate(sizes):
        folder = work / f"growth-{number}"
        store = work / f"growth-{number}.duckdb"
        total = write_corpus(folder, size, threads=max(4, size // (64 * _MIB)), seed=number + 2)
        run = _ingest(folder, store)
        row = {
            "mib": total / _MIB,
            "seconds": run["seconds"],
            "mb_per_s": total / run["seconds"] / 1e6,
            "peak_mib": run["peak_mib"],
            "store_share": store.stat().st_size / total,
            "records": run["records"],
        }
        if number == len(sizes) - 1:
            row["queries_s"] = _queries(store)
        rows.append(row)
        shutil.rmtree(folder)
        store.unlink()
    return rows


def _queries(path: Path) -> dict[str, float]:
    """Seconds of the queries a person waits for (the middle of five)."""
    from t3lens.store import Store

    store = Store.open(path)
    thread = store.table("SELECT thread_id FROM log_events LIMIT 1").column(0)[0].as_py()
    asked = {
        "count of log_events": "SELECT count(*) FROM log_events",
        "count of items": "SELECT count(*) FROM items",
        "count of coverage": "SELECT count(*) FROM coverage",
        "one thread's events": (
            "SELECT type, label, turn_id, logged_at FROM log_events "
            f"WHERE thread_id = '{thread}' ORDER BY file_order, line"
        ),
    }
    found = {}
    for name, sql in asked.items():
        times = []
        for _ in range(5):
            start = time.perf_counter()
            store.table(sql)
            times.append(time.perf_counter() - start)
        found[name] = statistics.median(times)
    return found


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256, help="MiB of logs for the comparison")
    parser.add_argument("--full", action="store_true", help="also 0.25, 1 and 4 GiB")
    parser.add_argument("--json", type=Path, default=Path("bench-results/ingest.json"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="t3lens-bench-") as name:
        work = Path(name)
        speed = _speed(work, given.size * _MIB)
        waits = _waits(work)
        sizes = [256, 1024, 4096] if given.full else [given.size // 4, given.size // 2, given.size]
        growth = _growth(work, [size * _MIB for size in sizes])
    result = {
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version()},
        "speed": speed,
        "waits": waits,
        "growth": growth,
    }
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    _print(result)
    print(f"written to {given.json}")


def _print(result: dict[str, Any]) -> None:
    machine, speed = result["machine"], result["speed"]
    print(f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}")
    print(f"\n{speed['bytes'] / 1e6:,.0f} MB of logs, {speed['records']:,} records")
    print(f"{'':24}{'MB/s':>8}{'t3lens is':>12}")
    for name, value in speed["mb_per_s"].items():
        ratio = "" if name == "t3lens" else f"{speed['ratios'][name]:.2f} ×"
        print(f"{name:24}{value:8.0f}{ratio:>12}")
    print(
        f"store: {speed['store_share']:.1%} of the logs; peak memory {speed['peak_mib']:,.0f} MiB"
    )
    waits = result["waits"]
    print(
        f"\n1,000 files: first {waits['first_s']:.2f} s, unchanged {waits['unchanged_s']:.2f} s, "
        f"one MiB appended {waits['one_mib_appended_s']:.2f} s"
    )
    print(f"\n{'MiB':>8}{'s':>8}{'MB/s':>8}{'peak MiB':>10}{'store':>8}")
    for row in result["growth"]:
        print(
            f"{row['mib']:8,.0f}{row['seconds']:8.1f}{row['mb_per_s']:8.0f}{row['peak_mib']:10,.0f}"
            f"{row['store_share']:8.1%}"
        )
    for name, seconds in result["growth"][-1]["queries_s"].items():
        print(f"{name}: {seconds * 1000:,.0f} ms")


if __name__ == "__main__":
    main()
