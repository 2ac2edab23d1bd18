"""An audit by the workers of a dask cluster: who gives them tasks, and what becomes of those that did not come back.

Results go from the workers to a shared place. What comes back here is where they stand, so that this process does not grow
with the fleet, nor do the scheduler and the number of its tasks: a few for each worker are under way at a time.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from t3lens.errors import InputError, UsageError
from t3lens.fleet.first_try import check_workers
from t3lens.fleet.one_home import AuditRequest
from t3lens.fleet.processes import FleetStep, Progress, longest_s
from t3lens.fleet.results import Known, read_index, results_place, run_name
from t3lens.fleet.small_homes import batches
from t3lens.fleet.task import WORKERS_ENDED, HomeSaid, Job, Run, carry_out

if TYPE_CHECKING:
    from distributed import Client, Future

    from t3lens.ingest import Home

    _Answer = Future[tuple[HomeSaid, ...]]

__all__ = ["connected", "work_on"]

_CONNECT_S: Final = 30
_LOOK_S: Final = 1.0
_FEW: Final = 4
"""Tasks under way for each thread of the cluster: one is at work, the others wait beside it."""
_TRIES: Final = 4
"""So often a task is given to the cluster that the scheduler gave up, or that raised an error."""
_NO_WORKER_S: Final = 300.0


@contextlib.contextmanager
def connected(scheduler: str) -> Iterator[Client]:
    """A client of a cluster for a block.

    Args:
        scheduler: Its address, as in ``tcp://…`` or ``tls://…``; certificates are taken from dask's configuration.

    Raises:
        UsageError: distributed is not installed.
        InputError: There is no scheduler.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("--scheduler needs distributed: pip install 't3lens[fleet]'", code="no-fleet") from None
    try:
        client = Client(scheduler, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"there is no scheduler at {scheduler}: {error}", code="no-scheduler") from None
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):  # it may be gone
            client.close(timeout=5)


@dataclass(slots=True)
class _UnderWay:
    """A task the cluster has.

    Attributes:
        first: The number of its first home.
        job: The task.
        tries: How often it was given to the cluster.
    """

    first: int
    job: Job
    tries: int = 1


class _Tasks:
    """The tasks of a run, made when they are wanted: batches of small homes, and large homes by themselves.

    Args:
        homes: All homes.
        run: What the tasks are of.
        known: What earlier runs left.
        threads: How many threads the cluster has, asked at each batch: some workers come late.
    """

    def __init__(self, homes: Sequence[Home], run: Run, known: Known, threads: Callable[[], int]) -> None:
        self._homes, self._run, self._known = homes, run, known
        self._batches = batches(homes, threads)
        self.left = len(homes)
        """How many homes no task has yet."""

    def next(self) -> _UnderWay:
        """The next task."""
        places = next(self._batches)
        self.left -= len(places)
        homes = tuple(self._homes[place] for place in places)
        known = tuple(self._known.get(home.shown, {}) for home in homes)
        return _UnderWay(places.start, Job(f"{self._run.name}-{places.start:06d}", self._run, homes, known))


def work_on(
    client: Client, homes: Sequence[Home], asked: AuditRequest, place: str, progress: Progress | None = None
) -> Iterator[tuple[int, HomeSaid]]:
    """Have the workers of a cluster audit homes; what goes wrong with one of them is what came of it.

    Args:
        client: Of the cluster. Its workers see the homes under the same paths, and have this version of t3lens.
        homes: In the order by which they are numbered.
        asked: What is asked of every home.
        place: The address of the shared place.
        progress: Told after each home.

    Yields:
        The number of each home and what came of it, as soon as that is known, in whatever order.

    Raises:
        InputError: The scheduler was lost, or this machine or a worker cannot use the shared place.
            What was done is taken by the next run.
    """
    from t3lens.version import __version__

    shared = results_place(place)
    shared.make()
    run = Run(
        run_name(datetime.now(UTC)), shared.address, asked, longest_s(asked), __version__, socket.gethostname(), os.getpid()
    )
    watch = _Watch(client)
    check_workers(client, run, shared)
    tasks = _Tasks(homes, run, read_index(shared), watch.threads)
    under_way: dict[_Answer, _UnderWay] = {}
    back: SimpleQueue[_Answer] = SimpleQueue()
    done = failed = 0
    try:
        while tasks.left or under_way:
            threads = watch.threads()
            while tasks.left and len(under_way) < max(threads, 1) * _FEW:
                one = tasks.next()
                under_way[_submit(client, one, back)] = one
            for future in _ready(back):
                one = under_way.pop(future)
                found, again = _answer_or_retry(client, future, one)
                if again is not None:
                    under_way[_submit(client, again, back)] = again
                    continue
                assert found is not None
                for number, said in enumerate(found, one.first):
                    done += 1
                    failed += said.written is None
                    yield number, said
                    if progress is not None:
                        progress(FleetStep(done, len(homes), homes[number].shown, failed, watch.workers))
            if watch.deserted():
                break
    finally:
        if under_way:
            with contextlib.suppress(Exception):  # the scheduler may be gone
                client.cancel(list(under_way))
    if tasks.left or under_way:
        why = f"the cluster had no worker for {_NO_WORKER_S:.0f} s"
        for one in under_way.values():
            yield from ((one.first + place, HomeSaid(None, why)) for place in range(len(one.job.homes)))
        yield from ((number, HomeSaid(None, why)) for number in range(len(homes) - tasks.left, len(homes)))


def _submit(client: Client, one: _UnderWay, back: SimpleQueue[_Answer]) -> _Answer:
    """Give a task to the cluster. All are of one kind to the dashboard; each names its home there."""
    more = f" and {len(one.job.homes) - 1} more" if len(one.job.homes) > 1 else ""
    key = ("audit", f"{one.job.homes[0].path}{more}", f"{one.job.name}.{one.tries}")
    future = client.submit(carry_out, one.job, key=key, pure=False)
    future.add_done_callback(back.put)
    return future


def _ready(done: SimpleQueue[_Answer]) -> Iterator[_Answer]:
    """The tasks that came back by now; where none did, it is waited for a little."""
    with contextlib.suppress(Empty):
        yield done.get(timeout=_LOOK_S)
        while True:
            yield done.get_nowait()


def _answer_or_retry(
    client: Client, future: _Answer, one: _UnderWay
) -> tuple[tuple[HomeSaid, ...] | None, _UnderWay | None]:
    """What came of a task, or the task once more."""
    if future.status == "finished":
        answer: tuple[HomeSaid, ...] = future.result()
        return answer, None
    if client.status != "running" or future.status in ("cancelled", "lost"):
        raise InputError(
            "the scheduler was lost; what was done is on the shared place, and the next run goes on there",
            code="no-scheduler",
        )
    if one.tries < _TRIES:
        return None, replace(one, tries=one.tries + 1)
    error = future.exception()
    why = WORKERS_ENDED if type(error).__name__ == "KilledWorker" else _error_text(error)
    return tuple(HomeSaid(None, why) for _ in one.job.homes), None


def _error_text(error: Any) -> str:
    from t3lens.errors import T3LensError

    return str(error) if isinstance(error, T3LensError) else f"internal error: {type(error).__name__}: {error}"


class _Watch:
    """How many workers there are, asked now and then: some come late, some go."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asked = 0.0
        self._threads = self.workers = 0
        self._since = time.monotonic()

    def threads(self) -> int:
        """How many threads the cluster has."""
        now = time.monotonic()
        if now - self._asked > _LOOK_S:
            try:
                found = self._client.nthreads()
            except Exception:
                found = {}
            self._asked, self.workers, self._threads = now, len(found), sum(found.values())
            if found:
                self._since = now
        return self._threads

    def deserted(self) -> bool:
        """Whether there was no worker for long."""
        return time.monotonic() - self._since > _NO_WORKER_S
