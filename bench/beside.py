"""What others wait for while t3lens works: readers of its store, and the server whose database it reads."""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.corpus import write_corpus

__all__ = ["live_database", "reader_waits"]

_MIB = 1 << 20

_WRITER = """
import json, sqlite3, sys, time
con = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5)
con.execute("PRAGMA journal_mode = WAL")
con.execute("PRAGMA synchronous = NORMAL")
taken, number = [], 0
print("ready", flush=True)
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    number += 1
    start = time.perf_counter()
    con.execute("BEGIN IMMEDIATE")
    con.execute("INSERT INTO orchestration_events (event_id, stream_id, event_type, occurred_at, "
        "payload_json) VALUES (?, 't', 'thread.activity-appended', '2026-07-01T00:00:00.000Z', ?)",
        (f"{sys.argv[3]}-{number}", '{"text":"' + "x" * 400 + '"}'))
    con.execute("COMMIT")
    taken.append(time.perf_counter() - start)
taken.sort()
print(json.dumps({"commits": len(taken), "middle_ms": taken[len(taken) // 2] * 1e3,
    "p999_ms": taken[int(len(taken) * 0.999)] * 1e3, "slowest_ms": taken[-1] * 1e3}))
"""
_READER = """
import sys
from pathlib import Path
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.store import Store
store = Store.open()
homes = discover([sys.argv[1]])
reads = 0
print("ready", flush=True)
while True:
    ingest(store, homes, options=IngestOptions(server="alive"))
    reads += 1
    print(reads, flush=True)
"""
_BUSY = "print(flush=True)\nwhile True: pass"


def _commits(path: Path, seconds: float, name: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _WRITER, str(path), str(seconds), name],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def live_database(work: Path, rounds: int = 10, seconds: float = 2.0) -> dict[str, dict[str, Any]]:
    """Commits at full speed: alone, beside a process that only burns as much time, beside t3lens.

    One slow commit says little: the disk has moods of its own. So all three take turns, and of each the
    slowest commits of all rounds are told, from the least to the worst.
    """
    home = work / "live" / "userdata"
    home.mkdir(parents=True)
    path = home / "state.sqlite"
    keeper = sqlite3.connect(path)  # as in a server, a connection stays open all the time
    keeper.execute("PRAGMA journal_mode = WAL")
    keeper.execute(
        "CREATE TABLE orchestration_events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT, "
        "aggregate_kind TEXT, stream_id TEXT, stream_version INTEGER, event_type TEXT, occurred_at TEXT, "
        "command_id TEXT, causation_event_id TEXT, correlation_id TEXT, actor_kind TEXT, "
        "payload_json TEXT, metadata_json TEXT)"
    )
    keeper.commit()
    others = {"alone": None, "beside a busy process": _BUSY, "beside t3lens": _READER}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in others}
    for number in range(rounds):
        for name, code in others.items():
            with _beside(code, home):
                found[name].append(_commits(path, seconds, f"{name}-{number}"))
    keeper.close()
    return {name: _summary(rows) for name, rows in found.items()}


@contextmanager
def _beside(code: str | None, home: Path) -> Iterator[None]:
    """Run ``code`` as a process of its own during the block."""
    if code is None:
        yield
        return
    other = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    try:
        other.stdout.readline()
        yield
    finally:
        other.kill()
        other.communicate()


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    slowest = sorted(row["slowest_ms"] for row in rows)
    return {
        "commits": sum(row["commits"] for row in rows),
        "middle_ms": statistics.median(row["middle_ms"] for row in rows),
        "p999_ms": statistics.median(row["p999_ms"] for row in rows),
        "slowest_ms": slowest,
    }


def reader_waits(work: Path, size: int, ingest: str) -> dict[str, float]:
    """How long readers wait for the store while another process reads logs into it.

    Args:
        work: Where there is room.
        size: Bytes of logs.
        ingest: Code that reads the folder given into the store given.
    """
    from t3lens.store import Store

    folder, path = work / "beside", work / "beside.duckdb"
    write_corpus(folder, size, threads=16, seed=5)
    store = Store.open(path)
    child = subprocess.Popen([sys.executable, "-c", ingest, str(folder), str(path)], stdout=subprocess.PIPE)
    waits = []
    while child.poll() is None:
        start = time.perf_counter()
        store.table("SELECT count(*) FROM source_files")
        waits.append(time.perf_counter() - start)
        time.sleep(0.1)
    out, _ = child.communicate()
    return {
        "reads": len(waits),
        "middle_s": statistics.median(waits),
        "longest_s": max(waits),
        "ingest_s": json.loads(out)["seconds"],
    }
