"""CPU time and memory of whole commands, of this build and of an earlier one: ``python -m bench --against COMMIT``.

Both run the same commands over the same homes, in turns; of each the median counts. The earlier build is checked out
beside the repository for as long as this takes, and runs with the same Python and the same libraries. CPU time is that of
the process and its children; wall time depends on who else is at work.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.corpus import write_corpus
from bench.databases import plain_fetch, seed_home, write_database
from t3lens.sim.home import SimHome
from t3lens.sim.script import Say, Tool

__all__ = ["main"]

_ROOT: Final = Path(__file__).resolve().parents[1]
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took: seconds of CPU time and by the clock, and MiB of memory at most in one process."""

    cpu_s: float
    wall_s: float
    peak_mib: float


def _small_homes(folder: Path, count: int) -> None:
    for number in range(count):
        told = SimHome(folder / f"{number:04d}", build=("0.0.23", "0.0.28", "0.0.33")[number % 3], seed=f"small/{number}")
        told.project("project")
        for provider in ("opencode", "codex"):
            thread = told.thread(f"Work with {provider}", provider=provider)
            for _ in range(2):
                told.turn(thread, "Go on.", Say("some words " * 10, 0.05), Tool("make check", 0.5, output="line\n" * 20))
        told.close()


@contextmanager
def _checked_out(commit: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="t3lens-bench-") as name:
        tree = Path(name) / "tree"
        subprocess.run(["git", "-C", _ROOT, "worktree", "add", "--detach", tree, commit], check=True, capture_output=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "-C", _ROOT, "worktree", "remove", "--force", tree], check=True, capture_output=True)


def _run(code: list[str], tree: Path) -> Cost:
    began = time.perf_counter()
    run = subprocess.Popen(
        [sys.executable, *code],
        cwd=tree,
        # both keep their byte code, as what is installed has it
        env=os.environ | {"PYTHONPATH": str(tree), "T3LENS_CONFIG": "", "PYTHONDONTWRITEBYTECODE": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stderr is not None
    said = run.stderr.read()
    _, status, used = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    if run.returncode not in (0, 1):  # 1: there are findings
        raise RuntimeError(f"{' '.join(code)} in {tree} ended with {run.returncode}: {said[-500:]}")
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss / 1024)


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(c.cpu_s for c in costs),
        statistics.median(c.wall_s for c in costs),
        statistics.median(c.peak_mib for c in costs),
    )


def main(arguments: list[str] | None = None) -> None:
    """Make the homes, run both builds in turns, print the table.

    Args:
        arguments: As on the command line; those of this process if not given.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit", help="the earlier build, as git names it")
    parser.add_argument("--mib", type=int, nargs="*", default=[1000], help="sizes of the databases")
    parser.add_argument("--logs", type=int, nargs="*", default=[1024], metavar="MIB", help="sizes of logs of generation 1")
    parser.add_argument("--homes", type=int, default=60, help="how many small homes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="make the homes here, and take them from here the next time")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="t3lens-bench-") as scratch, _checked_out(given.commit) as earlier:
        work: Path = given.keep or Path(scratch)
        audit = ["-m", "t3lens", "audit", "--server", "dead", "--format", "json"]
        if not (work / "small").exists():
            _small_homes(work / "small", given.homes)
        commands = {
            "import t3lens": ["-c", "import t3lens"],
            "one small home": [*audit, str(work / "small" / "0000")],
            "one small home, as it is asked": [*audit[:3], str(work / "small" / "0000")],
            "a thread of a small home": ["-m", "t3lens", "show", "Work with codex", str(work / "small" / "0000")],
            "a lens of a small home": [
                "-c",
                f"import t3lens; t3lens.open({str(work / 'small' / '0000')!r}, progress=False)",
            ],
            f"{given.homes} small homes, one process": [*audit, str(work / "small"), "--jobs", "1"],
        }
        for size in given.logs:
            logs = work / f"logs-{size}"
            if not logs.exists():
                write_corpus(logs, size * _MIB, threads=16)
            commands[f"logs of {size:,} MiB"] = [*audit, str(logs)]
        fetches = {}
        for size in given.mib:
            home = work / f"database-{size}"
            if not home.exists():
                if not (work / "seed").exists():
                    seed_home(work / "seed")
                write_database(home, work / "seed", size * _MIB)
            database = home / "userdata" / "state.sqlite"
            name = f"database of {database.stat().st_size / 1e6:,.0f} MB"
            commands[name] = [*audit, str(home)]
            fetches[name] = ["-c", f"from bench.databases import {plain_fetch.__name__} as f; from pathlib import Path; "
                             f"f(Path({str(database)!r}))"]  # fmt: skip
        print(f"{'':34}{'before':>10}{'after':>10}{'ratio':>8}{'wall':>9}{'wall':>9}{'MiB':>9}{'MiB':>9}{'fetch':>9}")
        for name, code in commands.items():
            before, after, fetch = [], [], []
            for _ in range(given.rounds):
                before.append(_run(code, earlier))
                after.append(_run(code, _ROOT))
                if name in fetches:
                    fetch.append(_run(fetches[name], _ROOT))
            old, new = _median(before), _median(after)
            print(
                f"{name:34}{old.cpu_s:8.2f} s{new.cpu_s:8.2f} s{new.cpu_s / old.cpu_s:8.2f}"
                f"{old.wall_s:7.1f} s{new.wall_s:7.1f} s{old.peak_mib:9,.0f}"
                f"{new.peak_mib:9,.0f}" + (f"{_median(fetch).cpu_s:7.2f} s" if fetch else ""),
                flush=True,
            )


if __name__ == "__main__":
    main()
