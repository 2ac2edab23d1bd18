"""Processes that audit one home after the other, and whoever gives them work."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Final

from t3lens.document.merge import MergeableAudit
from t3lens.errors import T3LensError
from t3lens.fleet.one_home import Asked, Workbench, audit_one
from t3lens.interrupts import held_back

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from t3lens.ingest import Home

__all__ = ["Done", "Progress", "work"]

_HOMES_PER_PROCESS: Final = 40
"""After so many homes a process is replaced: what libraries never give back to the system goes with it."""

_LOOK_S: Final = 1.0
_TIMES_BUDGET: Final = 2
"""Judging a home may take as long as reading it may."""
_GRACE_S: Final = 60.0
"""Beyond that a home is given up, whatever its process hangs in: a file system that does not answer is not asked again."""

Progress = Callable[[int, int, str], None]
"""Called with homes done, homes in all, and the path of the one just done."""


@dataclass(slots=True)
class Done:
    """What came of the homes, by their numbers.

    Attributes:
        results: The audits.
        failed: Why a home could not be audited.
        reused: How many had not changed since they were last audited.
    """

    results: dict[int, MergeableAudit] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    reused: int = 0


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: int | None = None
    done: int = 0
    began: float = 0.0


def work(homes: Sequence[Home], asked: Asked, jobs: int, progress: Progress | None = None) -> Done:
    """Audit homes with several processes; what goes wrong with one of them is kept as its failure.

    Args:
        homes: In the order by which they are numbered.
        asked: What is asked of every home.
        jobs: How many processes.
        progress: Told after each home.
    """
    context = multiprocessing.get_context("spawn")
    longest = _TIMES_BUDGET * asked.options.budget + _GRACE_S
    waiting = list(range(len(homes)))[::-1]
    workers: list[_Worker] = []
    done = Done()
    try:
        while waiting or any(worker.job is not None for worker in workers):
            while waiting and len(workers) < jobs:
                workers.append(_start(context))
            for worker in workers:
                if worker.job is None and waiting:
                    worker.job, worker.began = waiting.pop(), time.monotonic()
                    with contextlib.suppress(OSError):  # it died: the read that follows says so
                        worker.pipe.send((homes[worker.job], asked))
            busy = {worker.pipe: worker for worker in workers if worker.job is not None}
            for pipe in wait(list(busy), _LOOK_S):
                worker = busy[pipe]  # type: ignore[index]  # wait() is typed for sockets and handles as well
                number = worker.job
                assert number is not None
                alive = _take(worker, number, done)
                if progress is not None:
                    told = len(done.results) + len(done.failed)
                    progress(told, len(homes), homes[number].shown)
                if not alive or worker.done >= _HOMES_PER_PROCESS:
                    workers.remove(worker)
                    _end(worker)
            for worker in [one for one in workers if one.job is not None and time.monotonic() - one.began > longest]:
                assert worker.job is not None
                done.failed[worker.job] = f"it did not end within {longest:.0f} s, and its process was ended (--budget)"
                workers.remove(worker)
                _end(worker)
    finally:
        for worker in workers:
            _end(worker)
    return done


def _start(context: Any) -> _Worker:
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    with held_back() as interrupted, _ctrl_c_blocked():  # half a message would confuse the new process
        process.start()
    theirs.close()
    worker = _Worker(process, ours)
    if interrupted():
        _end(worker)
        raise KeyboardInterrupt
    return worker


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


def _take(worker: _Worker, number: int, done: Done) -> bool:
    """Take a result; False if the process is gone."""
    worker.job = None
    worker.done += 1
    try:
        kind, said = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join(5)
        code = worker.process.exitcode
        done.failed[number] = f"the process that read it ended (exit code {code})"
        return False
    if kind == "failed":
        done.failed[number] = said
    else:
        done.results[number] = said
        done.reused += kind == "reused"
    return True


def _end(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.join(0.2 if worker.job is None else 0)
    if worker.process.is_alive():
        worker.process.terminate()
        worker.process.join(_LOOK_S)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join(_LOOK_S)


def _serve(pipe: Connection) -> None:
    """What a process does: one home after the other, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
    bench = Workbench()
    while True:
        try:
            home, asked = pipe.recv()
        except (EOFError, OSError):
            return
        answer: tuple[str, Any]
        try:
            answer = audit_one(home, asked, bench)
        except T3LensError as error:
            answer = ("failed", str(error))
        except KeyboardInterrupt:  # what is no Ctrl-C made it
            return
        except Exception as error:
            answer = ("failed", f"internal error: {type(error).__name__}: {error}")
        pipe.send(answer)
