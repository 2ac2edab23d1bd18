"""Processes that audit some homes after the others, and whoever gives them work.

Each process stands behind an executor of its own of the standard library: such an executor is broken as a whole when one of
its processes dies, so that of an executor with one process no more than one home is lost. Small homes are audited together:
if that ends their process they are audited one after the other.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, Final

from t3lens.fleet.one_home import AuditRequest, Workbench
from t3lens.fleet.outcome import HomeOutcome, outcome_of
from t3lens.fleet.small_homes import audit_together, groups
from t3lens.interrupts import held_back

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from t3lens.ingest import Home

__all__ = ["FleetStep", "Progress", "Take", "longest_s", "too_long", "work"]

_SHARES_PER_PROCESS: Final = 40
"""After so many homes or groups of them a process is replaced: what libraries never give back to the system goes with it."""

_LOOK_S: Final = 1.0
_TIMES_BUDGET: Final = 2
"""Judging a home may take as long as reading it may."""
_GRACE_S: Final = 60.0
"""Beyond that a home is given up, whatever its process hangs in: a file system that does not answer is not asked again."""


@dataclass(frozen=True, slots=True)
class FleetStep:
    """How far an audit of many homes is.

    Attributes:
        done: Homes done, those that could not be audited too.
        total: Homes in all.
        path: The home just done.
        failed: How many could not be audited.
        workers: How many processes, or workers of a cluster, are at it.
    """

    done: int
    total: int
    path: str
    failed: int
    workers: int


Progress = Callable[[FleetStep], None]
"""Called after each home."""

Take = Callable[[int, HomeOutcome], None]
"""Called with the number of a home and what came of it, as soon as that is known, in whatever order."""


def longest_s(asked: AuditRequest) -> float:
    """How many seconds a home may take before its process is ended."""
    return _TIMES_BUDGET * asked.options.budget + _GRACE_S


def too_long(longest: float) -> HomeOutcome:
    """What came of a home that took longer than ``longest_s``."""
    return HomeOutcome(why=f"it did not end within {longest:.0f} s, and its process was ended (--budget)")


def work(homes: Sequence[Home], asked: AuditRequest, jobs: int, take: Take, progress: Progress | None = None) -> None:
    """Audit homes with several processes; what goes wrong with one of them is what came of it.

    Args:
        homes: In the order by which they are numbered.
        asked: What is asked of every home.
        jobs: How many processes.
        take: Given what came of each home.
        progress: Told after each home.
    """
    longest = longest_s(asked)
    waiting = deque(groups(homes, asked, jobs))
    lanes: list[_Lane] = []
    told = failed = 0

    def done(number: int, outcome: HomeOutcome) -> None:
        nonlocal told, failed
        told += 1
        failed += outcome.audited is None
        take(number, outcome)
        if progress is not None:
            progress(FleetStep(told, len(homes), homes[number].shown, failed, len(lanes)))

    try:
        while True:
            lanes = [lane for lane in lanes if not lane.is_over()]
            for _ in range(min(len(waiting), jobs - sum(lane.future is not None for lane in lanes))):
                lane = next((lane for lane in lanes if lane.future is None), None)
                if lane is None:
                    lanes.append(lane := _Lane())
                numbers = waiting.popleft()
                lane.give(numbers, [homes[number] for number in numbers], asked)
            busy = [lane for lane in lanes if lane.future is not None]
            if not busy:
                return
            wait([lane.future for lane in busy if lane.future is not None], _LOOK_S, FIRST_COMPLETED)
            for lane in busy:
                if lane.future is not None and lane.future.done():
                    outcomes = lane.take()
                elif time.monotonic() - lane.began > longest:
                    lane.end()
                    outcomes = _alone_or(too_long(longest), lane.numbers)
                else:
                    continue
                for number, outcome in zip(lane.numbers, outcomes, strict=True):
                    if outcome is not None:
                        done(number, outcome)
                waiting.extendleft([n] for n, one in reversed([*zip(lane.numbers, outcomes, strict=True)]) if one is None)
    finally:
        for lane in lanes:
            lane.end()


def _alone_or(failure: HomeOutcome, numbers: Sequence[int]) -> list[HomeOutcome | None]:
    """What came of homes whose process failed: of one that. Several are audited each by itself."""
    return [failure] if len(numbers) == 1 else [None] * len(numbers)


class _Lane:
    """One process behind an executor of its own, and the homes it is at."""

    def __init__(self) -> None:
        self._executor = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin)
        self._process: BaseProcess | None = None
        self._shares = 0
        self._ended = False
        self.future: Future[list[HomeOutcome | None]] | None = None
        self.numbers: list[int] = []
        self.began = 0.0

    def give(self, numbers: list[int], homes: list[Home], asked: AuditRequest) -> None:
        """Let it audit a home, or small ones together. The first ones start the process.

        Raises:
            KeyboardInterrupt: An interrupt came while the process started.
        """
        self.numbers, self.began = numbers, time.monotonic()
        self._shares += 1
        if self._process is not None:
            try:
                self.future = self._executor.submit(_audit, homes, asked)
            except BrokenExecutor as error:  # it died between two homes
                self.future = Future()
                self.future.set_exception(error)
            return
        before = set(multiprocessing.active_children())
        with held_back() as interrupted, _ctrl_c_blocked():  # half a message would confuse the new process
            self.future = self._executor.submit(_audit, homes, asked)
        (self._process,) = set(multiprocessing.active_children()) - before
        if interrupted():
            raise KeyboardInterrupt

    def take(self) -> list[HomeOutcome | None]:
        """What came of each home, which are done; None of one to be audited by itself. The process may be gone with them."""
        assert self.future is not None
        try:
            outcomes, self.future = self.future.result(), None
        except BrokenExecutor:
            self.end()
            code = self._process.exitcode if self._process is not None else None
            return _alone_or(HomeOutcome(why=f"the process that read it ended (exit code {code})"), self.numbers)
        except Exception as error:
            self.end()
            return _alone_or(HomeOutcome(why=f"internal error: {type(error).__name__}: {error}"), self.numbers)
        return outcomes

    def is_over(self) -> bool:
        """Whether it takes no more homes; one that has had its share is ended here."""
        if self.future is None and self._shares >= _SHARES_PER_PROCESS:
            self.end()
        return self._ended

    def end(self) -> None:
        """End the process: at once if it is at a home, and without waiting for long where nothing can end it."""
        self._ended = True
        at_home = self.future is not None and not self.future.done()
        if at_home and self._process is not None:
            self._process.terminate()
            self._process.join(_LOOK_S)
            self._process.kill()
            self._process.join(_LOOK_S)
        self.future = None
        self._executor.shutdown(wait=not at_home, cancel_futures=True)


@contextlib.contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """For a block, keep Ctrl-C from a process that is begun in it, until that one ignores it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # a helper of multiprocessing; beginning it would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _ProcessState:
    """What a process keeps from one home to the next."""

    bench: Any = None


def _begin() -> None:
    """What a process does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _ProcessState.bench = Workbench()


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, however that ended: else it would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _audit(homes: list[Home], asked: AuditRequest) -> list[HomeOutcome | None]:
    """What a process does with a home, or several small ones; None of one that is to be audited by itself."""
    if len(homes) == 1:
        return [outcome_of(homes[0], asked, _ProcessState.bench)]
    return [None if one is None else HomeOutcome(one) for one in audit_together(homes, asked)]
