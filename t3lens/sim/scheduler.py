"""Time for the simulation: processes that wait, on a simulated clock or on the real one.

A process is a generator. It yields the seconds it wants to sleep, or a ``Signal`` it wants to wait for. On the
simulated clock nothing takes real time and the same seed gives the same history; on the real clock the same
processes run in one thread, and ``speed`` makes them faster than life.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

from t3lens.time import SECOND, Micros

__all__ = ["RunningTask", "Scheduler", "Signal", "Steps"]

Steps = Generator["float | Signal", Any, Any]
"""What a process is: it yields seconds to sleep or a signal to wait for."""


class Signal:
    """Something processes wait for; firing it wakes all of them with a value."""

    __slots__ = ("fired", "value", "waiting")

    def __init__(self) -> None:
        self.fired = False
        self.value: Any = None
        self.waiting: list[RunningTask] = []


class RunningTask:
    """A running generator, with an owner by whose name it can be killed or frozen."""

    __slots__ = ("alive", "owner", "steps")

    def __init__(self, steps: Steps, owner: str | None) -> None:
        self.steps = steps
        self.owner = owner
        self.alive = True


class Scheduler:
    """Runs processes in the order of their time.

    Args:
        start: The simulated clock's first moment; None runs on the real clock, in a thread of its own
            (see ``run_thread``).
        speed: On the real clock, how many simulated seconds pass in a real one while a process sleeps.
    """

    def __init__(self, start: Micros | None = None, *, speed: float = 1.0) -> None:
        self.lock = threading.RLock()
        self.speed = speed
        self._simulated = start
        self._heap: list[tuple[Micros, int, RunningTask, Any]] = []
        self._count = 0
        self._frozen: set[str] = set()
        self._owned: dict[str, list[RunningTask]] = {}
        self._wake = threading.Condition(self.lock)
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._last = 0
        self.error: BaseException | None = None

    @property
    def now(self) -> Micros:
        """Whole milliseconds, as T3 Code writes them; never earlier than before."""
        if self._simulated is not None:
            return self._simulated // 1000 * 1000
        self._last = max(self._last, time.time_ns() // 1_000_000 * 1000)
        return self._last

    def spawn(self, steps: Steps, *, owner: str | None = None, delay: float = 0.0) -> RunningTask:
        """Start a process after ``delay`` seconds."""
        process = RunningTask(steps, owner)
        if owner is not None:
            mine = self._owned.setdefault(owner, [])
            mine[:] = [other for other in mine if other.alive]
            mine.append(process)
        self._schedule(process, delay)
        return process

    def call(self, action: Callable[[], Any], *, delay: float, owner: str | None = None) -> RunningTask:
        """Do ``action`` once, after ``delay`` seconds."""

        def once() -> Steps:
            action()
            return
            yield 0.0

        return self.spawn(once(), owner=owner, delay=delay)

    def fire(self, signal: Signal, value: Any = None) -> None:
        """Wake everything that waits for ``signal``; who waits for it later does not wait at all."""
        signal.fired, signal.value = True, value
        waiting, signal.waiting = signal.waiting, []
        for process in waiting:
            self._schedule(process, 0.0, value)

    def kill(self, owner: str) -> None:
        """End every process of ``owner`` where it stands."""
        for process in self._owned.pop(owner, []):
            process.alive = False
        self._frozen.discard(owner)

    def freeze(self, owner: str) -> None:
        """Stop the processes of ``owner`` until ``thaw``: a provider that hangs."""
        self._frozen.add(owner)

    def thaw(self, owner: str) -> None:
        """Let the processes of ``owner`` continue."""
        self._frozen.discard(owner)
        with self._wake:
            self._wake.notify_all()

    def is_frozen(self, owner: str) -> bool:
        """Whether ``owner`` is frozen."""
        return owner in self._frozen

    # --- the simulated clock -------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` of simulated time pass, with everything that happens in them."""
        assert self._simulated is not None, "the real clock advances by itself"
        until = self._simulated + round(seconds * SECOND)
        while (due := self._next_due()) is not None and due <= until:
            self._simulated = max(self._simulated, due)
            self._step()
        self._simulated = until

    def run_until(self, done: Callable[[], bool], limit: float = 3600.0) -> bool:
        """Let time pass until ``done()``, at most ``limit`` simulated seconds; whether it came true."""
        assert self._simulated is not None, "the real clock advances by itself"
        until = self._simulated + round(limit * SECOND)
        while not done():
            due = self._next_due()
            if due is None or due > until:
                self._simulated = until
                return False
            self._simulated = max(self._simulated, due)
            self._step()
        return True

    def set_back(self, seconds: float) -> None:
        """Set the simulated clock back; what was to happen in so many seconds still does."""
        assert self._simulated is not None, "the real clock is not ours to set"
        shift = round(seconds * SECOND)
        self._simulated -= shift
        self._heap = [(due - shift, count, process, value) for due, count, process, value in self._heap]

    # --- the real clock ------------------------------------------------------------------------------------

    def run_thread(self, name: str) -> None:
        """Run processes in a thread until ``stop_thread``."""
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._thread.start()

    def stop_thread(self) -> None:
        """End the thread after the step it is in."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=10)

    def _loop(self) -> None:
        with self._wake:
            while not self._stopping:
                due = self._next_due()
                wait = None if due is None else (due - self.now) / SECOND
                if wait is not None and wait <= 0:
                    try:
                        self._step()
                    except BaseException as error:  # a broken simulation must be seen by its test
                        self.error = error
                        raise
                else:
                    self._wake.wait(wait if wait is None else min(wait, 3600))

    # --- both ----------------------------------------------------------------------------------------------

    def _schedule(self, process: RunningTask, delay: float, value: Any = None) -> None:
        if self._simulated is None:
            due = time.time_ns() // 1000 + round(delay * SECOND / self.speed)
        else:
            due = self._simulated + round(delay * SECOND)
        with self._wake:
            self._count += 1
            heapq.heappush(self._heap, (due, self._count, process, value))
            self._wake.notify_all()

    def _next_due(self) -> Micros | None:
        """When the next process that may run is due; dead ones are dropped on the way."""
        held: list[tuple[Micros, int, RunningTask, Any]] = []
        due = None
        while self._heap:
            entry = self._heap[0]
            if not entry[2].alive:
                heapq.heappop(self._heap)
            elif entry[2].owner in self._frozen:
                held.append(heapq.heappop(self._heap))
            else:
                due = entry[0]
                break
        for entry in held:
            heapq.heappush(self._heap, entry)
        return due

    def _step(self) -> None:
        held: list[tuple[Micros, int, RunningTask, Any]] = []
        while self._heap[0][2].owner in self._frozen or not self._heap[0][2].alive:
            held.append(heapq.heappop(self._heap))
        _, _, process, value = heapq.heappop(self._heap)
        for entry in held:
            if entry[2].alive:
                heapq.heappush(self._heap, entry)
        try:
            wanted = process.steps.send(value)
        except StopIteration:
            process.alive = False
            return
        if not process.alive:
            return
        if isinstance(wanted, Signal):
            if wanted.fired:
                self._schedule(process, 0.0, wanted.value)
            else:
                wanted.waiting.append(process)
        else:
            self._schedule(process, wanted)
