"""Whether the workers of a cluster can do what a run asks of them, found out by one small task on each of their machines.

What is wrong with the place of results, or with a worker's t3lens, is wrong for every home: told once, before one is read.
"""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from t3lens.errors import InputError, T3LensError
from t3lens.file_place import FilePlace
from t3lens.fleet.attempt import NOTES
from t3lens.fleet.results import RESULTS, results_place
from t3lens.fleet.task import Run

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["check_workers", "try_place"]

_CONTENT: Final = b"{}"
_WAIT_S: Final = 30.0
"""So long a machine's answer is waited for when another's has come; its worker may be busy with something else."""
_NO_WORKER_S: Final = 300.0
_LOOK_S: Final = 0.2


def try_place(run: Run, name: str) -> str:
    """Write to the place of results as a task does; called by a worker.

    Args:
        run: The run.
        name: Of the files to write. One of them stays, for who started the run.

    Returns:
        Why it cannot be done; empty if it can.
    """
    from t3lens.version import __version__

    if __version__ != run.version:
        return f"it has t3lens {__version__}, and this is {run.version}: install the same version everywhere"
    try:
        place = results_place(run.place)
        place.write(f"{RESULTS}/{name}", _CONTENT)
        place.remove(f"{RESULTS}/{name}")
        place.write(f"{NOTES}/{name}", _CONTENT)
    except T3LensError as error:
        return f"it cannot write results: {error}. {_WHAT_TO_DO}"
    except Exception as error:
        return f"it cannot write results: {type(error).__name__}: {error}. {_WHAT_TO_DO}"
    return ""


_WHAT_TO_DO: Final = (
    "Let the user that workers run as write there, with credentials in the environment of the workers, or name another place"
)


def check_workers(client: Client, run: Run, shared: FilePlace) -> None:
    """Have a worker of each machine write to the place of results, and look here for what it wrote.

    It is waited for the first worker. Those of machines that join later are not asked.

    Args:
        client: Of the cluster.
        run: The run.
        shared: The place.

    Raises:
        InputError: One of them cannot, or writes to another place of the same name.
    """
    began, back = time.monotonic(), SimpleQueue[Any]()
    asked: dict[str, str] = {}
    waiting: dict[Future[str], str] = {}
    first: float | None = None
    while time.monotonic() - began < _NO_WORKER_S:
        for address in _workers(client):
            machine = address.rpartition(":")[0]
            if machine not in asked:
                asked[machine] = name = f"{run.name}-{len(asked):06d}.json"
                key = ("try", machine, name)
                future = client.submit(
                    try_place, run, name, key=key, pure=False, workers=[address], allow_other_workers=False
                )
                future.add_done_callback(back.put)
                waiting[future] = machine
        try:
            future = back.get(timeout=_LOOK_S)
        except Empty:
            pass
        else:
            machine = waiting.pop(future)
            _look_at(future, machine.partition("://")[2] or machine, asked[machine], shared)
            first = first or time.monotonic()
        if first is not None and (not waiting or time.monotonic() - first > _WAIT_S):
            break


def _workers(client: Client) -> list[str]:
    try:
        return sorted(client.nthreads())
    except Exception:  # the scheduler may be gone: who gives it tasks says so
        return []


def _look_at(future: Future[str], machine: str, name: str, shared: FilePlace) -> None:
    """What a worker answered.

    Raises:
        InputError: It cannot write, or what it wrote is not here.
    """
    if future.status == "error":
        error = future.exception()
        if type(error).__name__ == "KilledWorker":
            return  # workers end now and then, which costs its task a retry
        raise InputError(f"the worker on {machine} cannot work: {type(error).__name__}: {error}", code="no-worker")
    if future.status != "finished":
        return
    why = future.result()
    if why:
        raise InputError(f"the worker on {machine} cannot work: {why}", code="no-results-place")
    if shared.read(f"{NOTES}/{name}") != _CONTENT:
        raise InputError(
            f"{shared.shown} is another place for the worker on {machine}: what it writes there is not seen here. "
            "Name a folder that all machines share under this path, or a URL",
            code="no-results-place",
        )
    shared.remove(f"{NOTES}/{name}")
