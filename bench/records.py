"""How fast agents' own records are read, beside T3 Code's logs: ``python -m bench.records [--size MIB]``.

A rollout, a transcript and logs of one size, each read three times; and what a home of 800 threads costs with records
and without, first and unchanged. Times are of the processor, as the machine may have others on it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.ingest.records.read import read_file
from t3lens.sim.fleet import bulk_logs, fleet
from t3lens.sim.recordings import AgentFolder, recording_of
from t3lens.store import Store

__all__ = ["main"]

_MIB = 1 << 20
_ROUNDS = 3
_OUTPUT = "line of output\n" * 200
_PROMPT = "Please look at this. " * 20
_THREADS = 800


@dataclass
class _Session:
    driver: str
    conversation: str = "01a22504-b44e-7a81-87f1-f47d7cf1bbc8"
    cwd: str = "/home/dev/atlas"
    model: str = "a-model"
    now: int = field(default=1_783_328_400_000_000)

    @property
    def stamp(self) -> int:
        return self.now // 1000


def _record(folder: Path, driver: str, size: int) -> Path:
    agents, session = AgentFolder(folder), _Session(driver)
    recording = recording_of(agents, session)
    number = 0
    while True:
        number += 1
        session.now += 60_000_000
        recording.begin(f"01a22504-0000-7000-8000-{number:012}", _PROMPT)
        for _ in range(5):
            recording.call("make check")
            recording.result(_OUTPUT)
        recording.answer("It is done.")
        recording.end("completed")
        (path,) = folder.rglob("*.jsonl")
        if path.stat().st_size >= size:
            return path


def _cpu(work: Callable[[], object]) -> float:
    took = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return statistics.median(took)


def _told(what: str, size: int, seconds: float) -> None:
    print(f"{what:32} {size / _MIB:7.0f} MiB {size / _MIB / seconds:8.0f} MiB/s of processor")


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, default=64, help="MiB of each")
    size = options.parse_args().size * _MIB
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what, driver in (("Codex rollout", "codex"), ("Claude Code transcript", "claudeAgent")):
            path = _record(folder / driver, driver, size)
            _told(what, path.stat().st_size, _cpu(lambda path=path: list(read_file(path))))  # type: ignore[misc]  # bound now, as ruff asks
        logs = folder / "logs"
        written = bulk_logs(logs / "userdata" / "logs" / "provider", size / 1e6, max_bytes=size * 2)

        def read_logs() -> None:
            with closing(Store.open()) as store:
                ingest(store, discover([logs]), options=IngestOptions(server="dead", records=("off",)))

        _told("T3 Code's logs", written, _cpu(read_logs))
        fleet(folder / "home", _THREADS, records=folder / "agents")
        homes = discover([folder / "home"])
        for what, records in (("without records", ("off",)), ("with records", (str(folder / "agents"),))):
            with closing(Store.open()) as store:

                def read_home(store: Store = store, records: tuple[str, ...] = records) -> None:
                    ingest(store, homes, options=IngestOptions(server="alive", records=records))

                began = time.process_time()
                read_home()
                first = time.process_time() - began
                print(f"{_THREADS} threads {what:21} first {first:6.2f} s, unchanged {_cpu(read_home):6.3f} s of processor")


if __name__ == "__main__":
    main()
