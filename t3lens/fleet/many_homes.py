"""The audit of many homes: finding them, and putting together what the processes say.

Homes are taken one by one from a queue; results are put together in the order of the homes, so that they do not depend
on the number of processes, nor on whether these are here or workers of a cluster. With a folder to keep stores in,
a home that did not change since it was last audited the same way is not read again: a run that was cut off goes on.
"""

from __future__ import annotations

import glob as globbing
import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from t3lens.diagnose import Options
from t3lens.diagnose.under_profile import check_profile
from t3lens.document.merge import MergeableAudit, merge
from t3lens.document.model import AuditDocument, UnreadableEntry
from t3lens.document.rows import DiskRows
from t3lens.errors import InputError, UsageError
from t3lens.fleet.one_home import AuditRequest
from t3lens.fleet.outcome import HomeOutcome
from t3lens.fleet.processes import Progress, work
from t3lens.places import is_url, local_path, plain_url
from t3lens.time import Micros

if TYPE_CHECKING:
    from distributed import Client

    from t3lens.ingest import Home

__all__ = ["FleetReport", "audit_fleet"]


@dataclass(frozen=True, slots=True)
class FleetReport:
    """An audit of many homes.

    Attributes:
        document: Of all homes together; ``errors`` in it, if there are any, names those that could not be read.
        homes: How many homes there were.
        reused: How many of them had not changed since the run before.
        failed: Those that could not be read.
        projects: The ids and titles by which each thread's project is known, by thread id.
        removed: How many files of old results were removed.
    """

    document: AuditDocument
    homes: int
    reused: int
    failed: tuple[UnreadableEntry, ...]
    projects: Mapping[str, tuple[str, ...]]
    removed: int = 0


def audit_fleet(
    paths: Iterable[str | os.PathLike[str]],
    *,
    jobs: int = 2,
    client: Client | None = None,
    results: str | None = None,
    keep_days: int | None = None,
    options: Options | None = None,
    compare: tuple[str, str] | None = None,
    since: Micros | None = None,
    stores: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> FleetReport:
    """Audit many homes with several processes, here or on a cluster.

    Args:
        paths: Homes, folders of homes, globs; see ``t3lens.open``.
        jobs: How many processes; at least 1. The result is the same for any number, and the same as that of one
            lens over all homes.
        client: Of a dask cluster, whose workers take the place of the processes. They see the homes under the same paths.
        results: With ``client``: the address of a place that this process and all workers reach (a folder, ``s3://…``,
            what ``t3lens.places`` opens). Results stand there as Parquet, and are taken by the next run if nothing changed.
        keep_days: With ``results``: when all is done, remove there the results of runs that began more days ago, but those
            that were taken now. None removes nothing. Only files that runs wrote are removed.
        options: Moment, server, rules, thresholds.
        compare: Two rules profiles: the document says too which threads would end differently under them.
        since: The document says too what was wrong from this moment on and is over, microseconds UTC.
        stores: A folder to keep one store for each home in, and what the last run said of it.
        progress: Told after each home.

    Raises:
        InputError: None of the paths holds a home.
            Or the cluster or the place of results is lost: what was done is taken by the next run.
        UsageError: ``jobs`` or ``keep_days`` is less than 1, a profile does not exist, ``client`` and ``results`` are not
            both named, or ``keep_days`` without them.
    """
    from t3lens.version import __version__

    if jobs < 1:
        raise UsageError(f"--jobs is {jobs}; it must be 1 or more", code="bad-jobs")
    if (client is None) != (results is None):
        raise UsageError("a cluster and --results go together: its results need a place that all its machines reach")
    if keep_days is not None and (client is None or keep_days < 1):
        raise UsageError("results are kept 1 day or more, and with a cluster only")
    if client is not None and stores is not None:
        raise UsageError("a cluster keeps no stores: what did not change is taken from --results")
    for name in compare or ():
        check_profile(name)
    homes, missing = _discover([os.fspath(path) for path in paths])
    folder = Path(stores) if stores is not None else None
    if folder is not None:
        try:
            folder.mkdir(0o700, parents=True, exist_ok=True)  # texts of prompts and answers will be in it
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            why = f"{error.strerror}. Name a folder that you may write to"
            raise InputError(f"{folder} cannot be used for stores: {why}") from None
    asked = AuditRequest(options or Options(), compare, folder, since)
    taken: set[str] = set()
    if client is None:
        found = _by_processes(homes, asked, min(jobs, len(homes)), progress)
    else:
        found = _by_cluster(client, homes, asked, results or "", progress, taken)
    named = DiskRows(_Named)
    failed: list[UnreadableEntry] = []
    reused = 0

    def audits() -> Iterator[MergeableAudit]:
        nonlocal reused
        for home, outcome in zip(homes, found, strict=True):
            reused += outcome.reused
            if outcome.audited is None:
                failed.append(UnreadableEntry(path=home.shown, message=outcome.why))
                continue
            for thread_id, names in outcome.audited.projects.items():
                named.append(_Named(thread_id, names))
            yield outcome.audited
        failed.extend(missing)

    document = merge(audits(), failed, options=asked.options, compared=compare, version=__version__)
    removed = 0
    if results is not None and keep_days is not None:
        from t3lens.fleet.results import remove_older, results_place

        removed = remove_older(results_place(results), datetime.now(UTC) - timedelta(days=keep_days), taken)
    return FleetReport(
        document=document,
        homes=len(homes) + len(missing),
        reused=reused,
        failed=tuple(failed),
        projects=_Projects(named),
        removed=removed,
    )


class _Named(msgspec.Struct, frozen=True):
    """By what the project of a thread is known."""

    thread_id: str
    names: tuple[str, ...]


class _Projects(Mapping[str, tuple[str, ...]]):
    """By what the project of each thread is known; read when somebody asks."""

    def __init__(self, named: DiskRows[_Named]) -> None:
        self._named = named

    @cached_property
    def _known(self) -> dict[str, tuple[str, ...]]:
        return {one.thread_id: one.names for one in self._named}

    def __getitem__(self, thread_id: str) -> tuple[str, ...]:
        return self._known[thread_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _by_processes(homes: Sequence[Home], asked: AuditRequest, jobs: int, progress: Progress | None) -> Iterator[HomeOutcome]:
    """What came of each home, in order."""
    outcomes = DiskRows(HomeOutcome)
    places = array("Q", bytes(8 * len(homes)))

    def take(number: int, outcome: HomeOutcome) -> None:
        places[number] = len(outcomes)
        outcomes.append(outcome)

    work(homes, asked, jobs, take, progress)
    return iter(outcomes.in_order(places))


def _by_cluster(
    client: Client, homes: Sequence[Home], asked: AuditRequest, results: str, progress: Progress | None, taken: set[str]
) -> Iterator[HomeOutcome]:
    """What came of each home, in order. It is read back only when all is done, a file at a time.

    Args:
        taken: The files it is read from are added here.
    """
    from t3lens.fleet.cluster import work_on
    from t3lens.fleet.results import read_results, results_place
    from t3lens.fleet.task import HomeSaid

    told, places = DiskRows(HomeSaid), array("Q", bytes(8 * len(homes)))
    for number, said in work_on(client, homes, asked, results, progress):
        places[number] = len(told)
        told.append(said)
    place = results_place(results)
    opened, audits = "", list[MergeableAudit]()
    for one in told.in_order(places):
        if one.written is None:
            yield HomeOutcome(why=one.why)
            continue
        taken.add(one.written.file)
        if one.written.file != opened:
            opened, audits = one.written.file, read_results(place, one.written.file)
        yield HomeOutcome(audits[one.written.row], reused=one.reused)


def _discover(paths: list[str]) -> tuple[Sequence[Home], list[UnreadableEntry]]:
    """The homes in the order of their paths, and the paths that hold none, each match of a pattern by itself."""
    from t3lens.export.bundle_names import BUNDLE_SUFFIX
    from t3lens.export.parquet import is_parquet
    from t3lens.ingest import Home, discover
    from t3lens.ingest.discover import each_once

    good: list[Home] = []
    missing: list[UnreadableEntry] = []
    for path in (match for given in paths for match in _matches(given)):
        if path.endswith(BUNDLE_SUFFIX) or is_parquet(path):
            why = "it is no home, but what was written of one: it is read without --jobs, --stores and --scheduler"
            missing.append(UnreadableEntry(path=plain_url(path), message=f"{plain_url(path)}: {why}"))
            continue
        try:
            found = discover([path])
        except InputError as error:
            missing.append(UnreadableEntry(path=plain_url(path), message=str(error)))
        else:
            good += found
    if not good:
        raise InputError(missing[0].message if missing else "no path was named", code="no-homes")
    return DiskRows(Home, sorted(each_once(good), key=lambda home: home.shown)), missing


def _matches(path: str) -> list[str]:
    if is_url(path):
        return [path]
    given = str(Path(local_path(path)).expanduser())
    if Path(given).exists() or not globbing.has_magic(given):
        return [path]
    return sorted(globbing.glob(given, recursive=True)) or [path]  # noqa: PTH207 - absolute too
