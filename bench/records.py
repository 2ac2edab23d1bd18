"""How fast agents' own records are read, beside T3 Code's logs: ``python -m bench.records [--size MIB] [--rounds N]``.

A rollout, a transcript of 150 KB per prompt, and logs of one size, read in turns; of each the median counts. Logs are read
into a store in memory, whole and as an audit reads them. Then, what a home of 800 threads costs with records and without,
first and unchanged. Mostly the time of the processor is told, as the machine may have others on it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.corpus import write_corpus
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.ingest.records.read import read_file
from t3lens.sim.fleet import fleet
from t3lens.sim.recordings import AgentFolder, recording_of
from t3lens.store import Store

__all__ = ["main"]

_MIB = 1 << 20
_ROUNDS = 3
_OUTPUT = "line of output\n" * 1850
"""Of a call; with five of them a prompt has 150 KB."""
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


@dataclass(frozen=True)
class _Took:
    """Seconds of the processor, and by the clock."""

    cpu: float
    wall: float


def _took(work: Callable[[], object]) -> _Took:
    began, clock = time.process_time(), time.perf_counter()
    work()
    return _Took(time.process_time() - began, time.perf_counter() - clock)


def _cpu(work: Callable[[], object]) -> float:
    return statistics.median(_took(work).cpu for _ in range(_ROUNDS))


@dataclass(frozen=True)
class _Way:
    """Something that is read: its name, its bytes, and how."""

    name: str
    size: int
    read: Callable[[], object]


def _side_by_side(ways: list[_Way], count: int) -> None:
    """Read all in turns, and print how fast each was, and how fast beside the last."""
    rounds: list[list[_Took]] = [[] for _ in ways]
    for _ in range(count):
        for way, took in zip(ways, rounds, strict=True):
            took.append(_took(way.read))
    cpus = [way.size / statistics.median(t.cpu for t in took) for way, took in zip(ways, rounds, strict=True)]
    walls = [way.size / statistics.median(t.wall for t in took) for way, took in zip(ways, rounds, strict=True)]
    print(f"{'':32}{'MiB':>8}{'MiB/CPU s':>11}{'MiB/s':>8}" + "".join(f"{'/ ' + way.name[:20]:>24}" for way in ways[-2:]))
    for way, cpu, wall in zip(ways, cpus, walls, strict=True):
        beside = "".join(f"{cpu / cpus[at]:>15.2f} × CPU{'':4}" for at in (-2, -1))
        print(f"{way.name:32}{way.size / _MIB:8.0f}{cpu / _MIB:11.0f}{wall / _MIB:8.0f}{beside}")


def _read(record: Path) -> None:
    list(read_file(record))


def _logs(folder: Path, *, for_rules: bool) -> None:
    options = IngestOptions(server="dead", records=("off",), for_rules=for_rules, newest_lines=for_rules)
    with closing(Store.open()) as store:
        ingest(store, discover([folder]), options=options)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, default=64, help="MiB of each")
    options.add_argument("--rounds", type=int, default=_ROUNDS)
    given = options.parse_args()
    size = given.size * _MIB
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ways = []
        for what, driver in (("Codex rollout", "codex"), ("Claude Code transcript", "claudeAgent")):
            path = _record(folder / driver, driver, size)
            ways.append(_Way(what, path.stat().st_size, partial(_read, path)))
        logs = folder / "logs"
        written = write_corpus(logs, size)
        ways.append(_Way("logs, whole", written, partial(_logs, logs, for_rules=False)))
        ways.append(_Way("logs, as an audit", written, partial(_logs, logs, for_rules=True)))
        _side_by_side(ways, given.rounds)
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
