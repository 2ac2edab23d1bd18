"""How fast a home is diagnosed: ``python -m bench.diagnose [--threads N …] [--words N] [--keep FOLDER]``.

A simulated home of healthy threads is made and ingested beforehand (minutes; ``--keep`` keeps both for the next
run). Measured are the whole diagnosis, writing it into the store, one thread again after one more record, and the
sessions of a past moment; wall and processor time of each, as the cores are seldom idle. Each is the best of some
runs but the first, which is what a person waits for.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from t3lens.diagnose import Diagnosis, Options, ServerSetting, diagnose, rediagnose, until_of
from t3lens.diagnose.results import save
from t3lens.diagnose.travel import past_state
from t3lens.ingest import Home, IngestOptions, discover, ingest
from t3lens.sim.fleet import fleet
from t3lens.store import Store

__all__ = ["main"]

T = TypeVar("T")


def _timed(what: str, run: Callable[[], T], best_of: int = 1) -> T:
    """Run, and print wall and processor time (all threads of this process) of the fastest."""
    walls: list[tuple[float, float]] = []
    for _ in range(best_of):
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        result = run()
        walls.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = min(walls)
    note = f", best of {best_of}" if best_of > 1 else ""
    print(f"{what}: {wall * 1e3:,.0f} ms, {cpu * 1e3:,.0f} ms of processor time{note}", flush=True)
    return result


def _made(folder: Path, threads: int, words: int) -> tuple[Store, list[Home]]:
    """The home and its store, made unless they are there."""
    home, kept = folder / "home", folder / "store.duckdb"
    if not home.exists():
        answer = " ".join(f"word{number}" for number in range(words))
        fleet(home, threads, answer=answer)
    fresh = not kept.exists()
    store, homes = Store.open(kept), discover([home])
    if fresh:
        ingest(store, homes, options=IngestOptions(server="alive"))
    return store, homes


def _count(store: Store, table: str) -> int:
    return int(store.table(f"select count(*) from {table}").column(0)[0].as_py())


def _one_more(homes: list[Home], diagnosis: Diagnosis) -> str:
    """Append one record to a thread's log; returns the thread's id."""
    thread = diagnosis.homes[0].threads[len(diagnosis.homes[0].threads) // 2]
    ref = thread.case.facts.last_log
    assert ref is not None
    log = homes[0].path / ref.path
    last = log.read_bytes().splitlines(keepends=True)[-1]
    with log.open("ab") as stream:
        stream.write(last)
    return thread.thread_id


def measure(store: Store, homes: list[Home]) -> None:
    """Print all figures of a home that is ingested."""
    ids = [home.home_id for home in homes]
    alive: dict[str, Any] = {"options": Options(server=ServerSetting.ALIVE)}
    load = os.getloadavg()[0]
    counts = {name: _count(store, name) for name in ("log_events", "orchestration_events")}
    print(f"{counts['log_events']:,} log records, {counts['orchestration_events']:,} stored events")
    print(f"{os.cpu_count()} cores, load {load:.1f}")
    diagnosis = _timed("full diagnosis", lambda: diagnose(store, ids, **alive))
    verdicts = ", ".join(f"{count:,} {verdict}" for verdict, count in diagnosis.counts.items())
    print(f"  {len(diagnosis.threads):,} threads: {verdicts}; {len(diagnosis.findings):,} findings")
    replayed = sum(len(t.case.replays.expected.events) for t in diagnosis.threads)
    print(f"  {replayed:,} lifecycle events replayed")
    _timed("writing it into the store", lambda: save(store, diagnosis))
    one = _one_more(homes, diagnosis)
    options = IngestOptions(server="alive")
    _timed("ingest of one more record", lambda: ingest(store, homes, options=options))
    again = _timed("its thread again", lambda: rediagnose(store, diagnosis, [one]), best_of=5)
    with store.read():
        title = "its thread again, the store's file held open"
        _timed(title, lambda: rediagnose(store, diagnosis, [one]), best_of=5)
    _timed("writing that", lambda: save(store, again, threads=[one]))
    moment = diagnosis.homes[0].context.as_of - 3_600_000_000
    threads = diagnosis.threads
    with store.read() as con:
        until = until_of(con, ids[0], moment, Options().thresholds)
    _timed("all sessions an hour ago", lambda: [past_state(thread, moment, until) for thread in threads])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MiB, load {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Make the home, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[10_000], help="how many; several show how cost grows")
    parser.add_argument("--words", type=int, default=33, help="length of an answer, in records")
    parser.add_argument("--keep", type=Path, help="make the home and its store here, and keep them")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="t3lens-bench-") as scratch:
        base: Path = given.keep or Path(scratch)
        for threads in given.threads:
            folder = base / str(threads) if len(given.threads) > 1 else base
            folder.mkdir(parents=True, exist_ok=True)
            measure(*_made(folder, threads, given.words))


if __name__ == "__main__":
    main()
