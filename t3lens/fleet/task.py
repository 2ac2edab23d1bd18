"""What a worker of a cluster does: a few homes in its own process, their results to the shared place."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from t3lens.diagnose import ServerSetting
from t3lens.document.merge import MergeableAudit
from t3lens.fleet.attempt import Attempt
from t3lens.fleet.one_home import AuditRequest, Workbench, state_of
from t3lens.fleet.outcome import HomeOutcome, outcome_of
from t3lens.fleet.processes import too_long
from t3lens.fleet.results import Row, Written, results_place, write_results
from t3lens.fleet.small_homes import audit_together, groups
from t3lens.t3code.home_layout import SERVER_RUNTIME

if TYPE_CHECKING:
    from t3lens.ingest import Home
    from t3lens.ingest.server import ServerState

__all__ = ["WORKERS_ENDED", "HomeSaid", "Job", "Run", "carry_out"]

WORKERS_ENDED: Final = "the workers that read it ended, more than one"
"""Why a home has no audit that took a worker with it, and then another one."""

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
    asked: AuditRequest
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
class HomeSaid:
    """What came of a home: where its result stands, or why there is none.

    Attributes:
        written: Where; None if it could not be audited.
        why: Why it could not be.
        reused: Whether the result is one of an earlier run.
    """

    written: Written | None
    why: str = ""
    reused: bool = False


_ONE_TASK: Final = threading.Lock()
"""A worker with several threads still audits one home at a time: memory and time are those of one home."""


class _WorkerState:
    """What a worker keeps from one task to the next."""

    bench: Workbench | None = None


def carry_out(job: Job) -> tuple[HomeSaid, ...]:
    """Carry out a task; called by a worker of the cluster.

    Returns:
        What came of each of its homes, in order.

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


def _carry_out(job: Job) -> tuple[HomeSaid, ...]:
    place = results_place(job.run.place)
    attempt = Attempt(place, job.name, len(job.homes))
    with _Watchdog(job.run, attempt) as watchdog:
        found = _found(job, attempt, watchdog)
    attempt.begin(-1)
    rows = [one for one in found if isinstance(one, Row)]
    # Another try of the same task may be under way on a worker that was taken for lost: so no name is used twice.
    file = write_results(place, f"{job.name}-{os.urandom(4).hex()}", rows) if rows else ""
    attempt.over()
    numbers = iter(range(len(rows)))
    return tuple(one if isinstance(one, HomeSaid) else HomeSaid(Written(file, next(numbers))) for one in found)


def _found(job: Job, attempt: Attempt, watchdog: _Watchdog) -> list[Row | HomeSaid]:
    """What came of each home: those that did not change first, then the small ones together, then the others."""
    seen: list[_KnownHome] = []
    for number, (home, known) in enumerate(zip(job.homes, job.known, strict=True)):
        with watchdog.step(number):
            seen.append(_without_reading(job.run, attempt, number, home, known))
    found: dict[int, Row | HomeSaid] = {number: one.said for number, one in enumerate(seen) if one.said is not None}
    if not attempt.careful:
        for number, audited in _audit_small_homes(job, watchdog, {n: one for n, one in enumerate(seen) if n not in found}):
            found[number] = _row(job.homes[number], seen[number].key, HomeOutcome(audited))
    for number, home in enumerate(job.homes):
        if number not in found:
            attempt.begin(number)
            with watchdog.step(number):
                _WorkerState.bench = bench = _WorkerState.bench or Workbench()
                outcome = outcome_of(home, job.run.asked, bench, seen[number].server)
                found[number] = _row(home, seen[number].key, outcome)
    return [found[number] for number in range(len(job.homes))]


@dataclass(frozen=True, slots=True)
class _KnownHome:
    """What is known of a home before it is read.

    Attributes:
        said: What came of it, if that is known already.
        key: What its result will be made of.
        server: What was found out of its server.
    """

    said: HomeSaid | None = None
    key: str = ""
    server: ServerState | None = None


def _without_reading(run: Run, attempt: Attempt, number: int, home: Home, known: dict[str, Written]) -> _KnownHome:
    from t3lens.ingest import probe_server

    why = attempt.given_up(number)
    if why is not None:
        return _KnownHome(HomeSaid(None, too_long(run.longest).why if why == "hung" else WORKERS_ENDED))
    if _cannot_tell(run, home):
        why = "whether its server runs can be seen on its own machine only: say --server dead or alive"
        return _KnownHome(HomeSaid(None, why))
    server = probe_server(home)
    key = state_of(home, run.asked, server.status)
    return _KnownHome(HomeSaid(known[key], reused=True) if key in known else None, key, server)


def _audit_small_homes(
    job: Job, watchdog: _Watchdog, left: Mapping[int, _KnownHome]
) -> Iterator[tuple[int, MergeableAudit]]:
    """The audits of the small ones of some homes, as far as they can be audited together."""
    numbers = [*left]
    homes = [job.homes[number] for number in numbers]
    servers = {job.homes[number]: one.server for number, one in left.items() if one.server is not None}
    for group in groups(homes, job.run.asked, 1):
        if len(group) > 1:
            with watchdog.step(None):
                audits = audit_together([homes[place] for place in group], job.run.asked, servers)
            yield from (
                (numbers[place], audited) for place, audited in zip(group, audits, strict=True) if audited is not None
            )


def _row(home: Home, key: str, outcome: HomeOutcome) -> Row | HomeSaid:
    if outcome.audited is None:
        return HomeSaid(None, outcome.why)
    try:
        return Row(home.shown, key, outcome.audited, msgspec.json.encode(outcome.audited))
    except UnicodeEncodeError:
        return HomeSaid(None, "names in it are not Unicode, so that its result cannot be sent; audit it with --jobs")


def _cannot_tell(run: Run, home: Home) -> bool:
    """Whether a home says that its server runs, and this may be another machine than the server's."""
    looked_for = run.asked.options.server is ServerSetting.AUTO and home.has_state
    return looked_for and socket.gethostname() != run.host and (home.path / SERVER_RUNTIME).exists()


class _Watchdog:
    """For a block, ends this worker if one of its steps takes too long: no thread can be ended. Its nanny starts another.

    Args:
        run: The run.
        attempt: The task.
    """

    def __init__(self, run: Run, attempt: Attempt) -> None:
        self._longest, self._attempt = run.longest, attempt
        self._over = threading.Event()
        self._step: _CurrentStep | None = None
        self._thread = threading.Thread(target=self._look, daemon=True)
        # the caller's own process, where the cluster is in it, is not ended
        self._at_all = (run.host, run.process) != (socket.gethostname(), os.getpid())

    def __enter__(self) -> _Watchdog:
        if self._at_all:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    @contextmanager
    def step(self, number: int | None) -> Iterator[None]:
        """A step.

        Args:
            number: The home it is about; None for several, of which the next worker finds out which it is.
        """
        self._step = _CurrentStep(number, time.monotonic())
        try:
            yield
        finally:
            self._step = None

    def _look(self) -> None:
        left = self._longest
        while not self._over.wait(left):
            step = self._step
            left = self._longest if step is None else step.began + self._longest - time.monotonic()
            if step is not None and left <= 0:
                self._end(step)

    def _end(self, step: _CurrentStep) -> None:
        if step.number is not None:
            words = threading.Thread(target=self._attempt.hangs, args=(step.number,), daemon=True)
            words.start()
            words.join(_LAST_WORDS_S)
        os._exit(1)


@dataclass(frozen=True, slots=True)
class _CurrentStep:
    """What a worker is at.

    Attributes:
        number: The home; None for several.
        began: When it began, by the machine's steady clock.
    """

    number: int | None
    began: float
