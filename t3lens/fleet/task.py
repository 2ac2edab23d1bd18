"""What a worker of a cluster does: a few homes in its own process, their results to the shared place."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from t3lens.diagnose import ServerSetting
from t3lens.document.merge import MergeableAudit
from t3lens.fleet.attempt import Attempt
from t3lens.fleet.one_home import Asked, Workbench, state_of
from t3lens.fleet.outcome import Outcome, outcome_of
from t3lens.fleet.place import SharedPlace
from t3lens.fleet.processes import too_long
from t3lens.fleet.results import Row, Written, write_results
from t3lens.t3code.home_layout import SERVER_RUNTIME

if TYPE_CHECKING:
    from t3lens.ingest import Home

__all__ = ["Answer", "Job", "Run", "Said", "carry_out"]

_LAST_WORDS_S: Final = 10.0
"""How long a worker that is about to end itself tries to say why."""


@dataclass(frozen=True, slots=True)
class Run:
    """What all tasks of a run have in common.

    Attributes:
        name: Of the run; no other has it.
        place: The address of the shared place.
        asked: What is asked of every home.
        longest: How many seconds a home may take.
        version: Of t3lens, where the run was started.
        host: The machine where it was started,
        process: and the process there.
    """

    name: str
    place: str
    asked: Asked
    longest: float
    version: str
    host: str
    process: int

    def __repr__(self) -> str:  # dask writes arguments into its logs, and the address may hold a password
        return f"Run({self.name!r})"


@dataclass(frozen=True, slots=True)
class Job:
    """A task.

    Attributes:
        name: Of the task; no other has it, another try of the same one has the same.
        run: What it is a task of.
        homes: Which homes.
        known: For each of them, results of earlier runs that may be taken, by key.
    """

    name: str
    run: Run
    homes: tuple[Home, ...]
    known: tuple[dict[str, Written], ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a home: where its result stands, or why there is none.

    Attributes:
        written: Where; None if it could not be audited.
        why: Why it could not be.
        reused: Whether the result is one of an earlier run.
    """

    written: Written | None
    why: str = ""
    reused: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a task.

    Attributes:
        said: Of each home, in order.
        seconds: How long those took that were audited.
        audited: How many that were.
    """

    said: tuple[Said, ...]
    seconds: float
    audited: int


_ONE_TASK: Final = threading.Lock()
"""A worker with several threads still audits one home at a time: memory and time are those of one home."""


class _Here:
    """What a worker keeps from one task to the next."""

    bench: Workbench | None = None


def carry_out(job: Job) -> Answer:
    """Carry out a task; called by a worker of the cluster.

    Raises:
        InputError: The shared place cannot be used, this worker has another version of t3lens, or it was an error within.
    """
    from t3lens.errors import InputError, T3LensError
    from t3lens.version import __version__

    if __version__ != job.run.version:
        raise InputError(f"a worker has t3lens {__version__}, and this is {job.run.version}", code="other-version")
    with _ONE_TASK:
        try:
            return _carry_out(job)
        except T3LensError as error:
            said = str(error)
        except Exception as error:
            said = f"internal error: {type(error).__name__}: {error}"
    raise InputError(said)  # plain, without what led to it: not every error can be sent


def _carry_out(job: Job) -> Answer:
    place, began = SharedPlace(job.run.place), time.monotonic()
    attempt = Attempt(place, job.name, len(job.homes))
    said: list[Said | None] = []
    rows: list[Row] = []
    for number, (home, known) in enumerate(zip(job.homes, job.known, strict=True)):
        with _ended_after(job.run, attempt, number):
            found = _home(job.run, attempt, number, home, known)
        if isinstance(found, Row):
            rows.append(found)
        said.append(found if isinstance(found, Said) else None)
    attempt.begin(-1)
    # Another try of the same task may be under way on a worker that was taken for lost: so no name is used twice.
    file = write_results(place, f"{job.name}-{os.urandom(4).hex()}", rows) if rows else ""
    attempt.over()
    numbers = iter(range(len(rows)))
    whole = tuple(one or Said(Written(file, next(numbers))) for one in said)
    return Answer(whole, time.monotonic() - began, len(rows))


def _home(run: Run, attempt: Attempt, number: int, home: Home, known: dict[str, Written]) -> Row | Said:
    from t3lens.ingest import probe_server

    why = attempt.given_up(number)
    if why is not None:
        return Said(None, too_long(run.longest).why if why == "hung" else "the workers that read it ended, more than one")
    if _cannot_tell(run, home):
        return Said(None, "whether its server runs can be seen on its own machine only: say --server dead or alive")
    attempt.begin(number)
    server = probe_server(home)
    key = state_of(home, run.asked, server.status)
    if key in known:
        return Said(known[key], reused=True)
    _Here.bench = bench = _Here.bench or Workbench()
    outcome: Outcome = outcome_of(home, run.asked, bench, server)
    audited: MergeableAudit | None = outcome.audited
    return Row(home.shown, key, audited) if audited is not None else Said(None, outcome.why)


def _cannot_tell(run: Run, home: Home) -> bool:
    """Whether a home says that its server runs, and this may be another machine than the server's."""
    looked_for = run.asked.options.server is ServerSetting.AUTO and home.has_state
    return looked_for and socket.gethostname() != run.host and (home.path / SERVER_RUNTIME).exists()


@contextmanager
def _ended_after(run: Run, attempt: Attempt, number: int) -> Iterator[None]:
    """For a block, end this worker if the block takes too long: no thread can be ended. Its nanny starts another one."""
    if (run.host, run.process) == (socket.gethostname(), os.getpid()):  # a cluster in the caller's own process
        yield
        return

    def end() -> None:
        words = threading.Thread(target=attempt.hangs, args=(number,), daemon=True)
        words.start()
        words.join(_LAST_WORDS_S)
        os._exit(1)

    timer = threading.Timer(run.longest, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
