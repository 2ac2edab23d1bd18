"""Many homes at once: an audit by several processes, each with its own memory, that no single home can end.

Homes are taken one by one from a queue, so that memory does not grow with their number; results are put together
in the order of the homes, so that they do not depend on the number of processes. With a folder to keep stores in,
a home that did not change since it was last audited the same way is not read again: a run that was cut off goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.diagnose import Options
from t3lens.errors import InputError, T3LensError, UsageError
from t3lens.model.finding import VERDICT_ORDER, Severity, Verdict

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from t3lens.ingest import Home
    from t3lens.view.audit_json import AuditDocument

__all__ = ["FleetReport", "audit_fleet"]

_HOMES_PER_PROCESS: Final = 40
"""After so many homes a process is replaced: what libraries never give back to the system goes with it."""

Progress = Callable[[int, int, str], None]
"""Called with homes done, homes in all, and the path of the one just done."""


@dataclass(frozen=True, slots=True)
class FleetReport:
    """An audit of many homes.

    Attributes:
        document: Of all homes together; ``errors`` in it names those that could not be read.
        homes: How many homes there were.
        reused: How many of them had not changed since the run before.
        failed: Path and message of those that could not be read.
    """

    document: AuditDocument
    homes: int
    reused: int
    failed: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: int | None = None
    done: int = 0


@dataclass(slots=True)
class _Run:
    homes: Sequence[Home]
    options: Options
    folder: Path | None
    results: dict[int, AuditDocument] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    reused: int = 0


def audit_fleet(
    paths: Iterable[str | os.PathLike[str]],
    *,
    jobs: int = 2,
    options: Options | None = None,
    stores: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> FleetReport:
    """Audit many homes with several processes.

    Args:
        paths: Homes, folders of homes, globs; see ``t3lens.open``.
        jobs: How many processes; at least 1. The result is the same for any number.
        options: Moment, server, rules, thresholds.
        stores: A folder to keep one store for each home in, and what the last run said of it.
        progress: Told after each home.

    Raises:
        InputError: None of the paths holds a home.
        UsageError: ``jobs`` is less than 1.
    """
    if jobs < 1:
        raise UsageError(f"--jobs is {jobs}; it must be 1 or more", code="bad-jobs")
    homes, missing = _discover(paths)
    folder = Path(stores) if stores is not None else None
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder} cannot be used for stores: {error.strerror}") from None
    run = _Run(homes, options or Options(), folder)
    _work(run, min(jobs, len(homes)), progress)
    failed = [(str(homes[number].path), text) for number, text in sorted(run.failed.items())]
    failed += missing
    documents = [run.results[number] for number in sorted(run.results)]
    return FleetReport(
        document=_merged(documents, failed, run.options),
        homes=len(homes) + len(missing),
        reused=run.reused,
        failed=tuple(failed),
    )


def _discover(
    paths: Iterable[str | os.PathLike[str]],
) -> tuple[list[Home], list[tuple[str, str]]]:
    """The homes in the order of their paths, and the paths that hold none."""
    from t3lens.ingest import discover

    good: list[str | Path] = []
    missing: list[tuple[str, str]] = []
    for path in paths:
        try:
            discover([Path(path)])
        except InputError as error:
            missing.append((str(path), str(error)))
        else:
            good.append(Path(path))
    if not good:
        raise InputError(missing[0][1] if missing else "no path was named", code="no-homes")
    return sorted(discover(good), key=lambda home: str(home.path)), missing


# --- processes -----------------------------------------------------------------------------------------------


def _work(run: _Run, jobs: int, progress: Progress | None) -> None:
    context = multiprocessing.get_context("spawn")
    waiting = list(range(len(run.homes)))[::-1]
    workers: list[_Worker] = []
    done = 0
    try:
        while waiting or any(worker.job is not None for worker in workers):
            while waiting and len(workers) < jobs:
                workers.append(_start(context))
            for worker in workers:
                if worker.job is None and waiting:
                    _give(worker, waiting.pop(), run)
            busy = {worker.pipe: worker for worker in workers if worker.job is not None}
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                number = worker.job
                assert number is not None
                alive = _take(worker, number, run)
                done += 1
                if progress is not None:
                    progress(done, len(run.homes), str(run.homes[number].path))
                if not alive or worker.done >= _HOMES_PER_PROCESS:
                    workers.remove(worker)
                    _end(worker)
    finally:
        for worker in workers:
            _end(worker)


def _start(context: Any) -> _Worker:
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _give(worker: _Worker, number: int, run: _Run) -> None:
    worker.job = number
    with contextlib.suppress(OSError):  # it died: the read that follows says so
        worker.pipe.send((run.homes[number], run.options, run.folder))


def _take(worker: _Worker, number: int, run: _Run) -> bool:
    """Take a result; False if the process is gone."""
    worker.job = None
    worker.done += 1
    try:
        kind, said = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join(5)
        run.failed[number] = f"the process that read it ended (exit code {worker.process.exitcode})"
        return False
    if kind == "failed":
        run.failed[number] = said
    else:
        run.results[number] = said
        run.reused += kind == "reused"
    return True


def _end(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.join(0.2 if worker.job is None else 0)
    if worker.process.is_alive():
        worker.process.terminate()
        worker.process.join()


def _serve(pipe: Connection) -> None:
    """What a process does: one home after the other, until nobody asks any more."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
    while True:
        try:
            home, options, folder = pipe.recv()
        except (EOFError, OSError):
            return
        answer: tuple[str, Any]
        try:
            answer = _audit_one(home, options, folder)
        except T3LensError as error:
            answer = ("failed", str(error))
        except Exception as error:
            answer = ("failed", f"internal error: {type(error).__name__}: {error}")
        pipe.send(answer)


# --- one home ------------------------------------------------------------------------------------------------


def _audit_one(home: Home, options: Options, folder: Path | None) -> tuple[str, AuditDocument]:
    from t3lens import __version__
    from t3lens.lens import Lens
    from t3lens.store import Store
    from t3lens.view.audit_json import audit_document

    kept = folder / f"{_file_name(home)}.json" if folder is not None else None
    key = _state(home, options, __version__) if kept is not None else ""
    if kept is not None and (found := _kept(kept, key)) is not None:
        return ("reused", found)
    where = folder / f"{_file_name(home)}.duckdb" if folder is not None else None
    with Lens(Store.open(where), [home], options, progress=False) as lens:
        (quarantined,) = lens.rows(
            "select count(*) from quarantine where home_id = ?", [home.home_id]
        )[0]
        document = audit_document(
            lens.diagnosis, as_of=lens.as_of, version=__version__, quarantined=quarantined
        )
    if kept is not None:
        scratch = kept.with_suffix(".new")
        scratch.write_text(json.dumps({"key": key, "document": document}), "utf-8")
        scratch.replace(kept)
    return ("read", document)


def _file_name(home: Home) -> str:
    return hashlib.sha256(f"{home.home_id}\0{home.path.resolve()}".encode()).hexdigest()[:24]


def _kept(path: Path, key: str) -> AuditDocument | None:
    try:
        said = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict) or said.get("key") != key:
        return None
    document = said.get("document")
    return document if isinstance(document, dict) else None


def _state(home: Home, options: Options, version: str) -> str:
    """Everything an audit of a home depends on: equal means that its result would be equal."""
    from t3lens.ingest import probe_server

    digest = hashlib.sha256(f"{version}\0".encode())
    digest.update(msgspec.json.encode(options))
    server = probe_server(home).status
    digest.update(server.encode())
    if server == "alive":
        digest.update(os.urandom(16))  # judged as of now, which is never the same
    for path in sorted(_files(home)):
        try:
            status = path.stat()
        except OSError:
            continue
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _files(home: Home) -> list[Path]:
    found = [home.path / "server-runtime.json", home.path / "environment-id"]
    if home.database is not None:
        found += [Path(f"{home.database}{suffix}") for suffix in ("", "-wal")]
    for folder in {home.log_dir, home.trace_dir} - {None}:
        assert folder is not None
        try:
            found += [entry for entry in folder.iterdir() if entry.is_file()]
        except OSError:
            continue
    return found


# --- together ------------------------------------------------------------------------------------------------


def _merged(
    documents: Sequence[AuditDocument], failed: Sequence[tuple[str, str]], options: Options
) -> AuditDocument:
    from t3lens import __version__
    from t3lens.model.time import iso
    from t3lens.view.audit_json import SCHEMA_VERSION

    threads = sorted((t for one in documents for t in one["threads"]), key=_badness)
    counts = {
        verdict.value: number
        for verdict in VERDICT_ORDER
        if (number := sum(thread["verdict"] == verdict.value for thread in threads))
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "t3lens_version": __version__,
        "as_of": max((one["as_of"] for one in documents), default=iso(options.as_of or 0)),
        "homes": [home for one in documents for home in one["homes"]],
        "threads": threads,
        "counts": counts,
        "quarantined": sum(one["quarantined"] for one in documents),
        "thresholds": {
            name: getattr(options.thresholds, name) for name in options.thresholds.__struct_fields__
        },
        "errors": [{"path": path, "message": message} for path, message in failed],
    }


def _badness(thread: dict[str, Any]) -> tuple[int, int, str, str, str]:
    severity = min((Severity(f["severity"]).rank for f in thread["findings"]), default=9)
    return (
        VERDICT_ORDER.index(Verdict(thread["verdict"])),
        severity,
        thread["since"] or "",
        thread["home_id"],
        thread["thread_id"],
    )
