"""The audit of many homes: finding them, and putting together what the processes say.

Homes are taken one by one from a queue, so that memory does not grow with their number; results are put together
in the order of the homes, so that they do not depend on the number of processes. With a folder to keep stores in,
a home that did not change since it was last audited the same way is not read again: a run that was cut off goes on.
"""

from __future__ import annotations

import glob as globbing
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from t3lens.diagnose import Options
from t3lens.diagnose.under import check_profile
from t3lens.document.merge import merge
from t3lens.document.model import AuditDocument, UnreadableEntry
from t3lens.errors import InputError, UsageError
from t3lens.fleet.one_home import Asked
from t3lens.fleet.processes import Progress, work
from t3lens.places import is_url, local_path, plain_url
from t3lens.time import Micros

if TYPE_CHECKING:
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
    """

    document: AuditDocument
    homes: int
    reused: int
    failed: tuple[UnreadableEntry, ...]
    projects: dict[str, tuple[str, ...]]


def audit_fleet(
    paths: Iterable[str | os.PathLike[str]],
    *,
    jobs: int = 2,
    options: Options | None = None,
    compare: tuple[str, str] | None = None,
    since: Micros | None = None,
    stores: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> FleetReport:
    """Audit many homes with several processes.

    Args:
        paths: Homes, folders of homes, globs; see ``t3lens.open``.
        jobs: How many processes; at least 1. The result is the same for any number, and the same as that of one
            lens over all homes.
        options: Moment, server, rules, thresholds.
        compare: Two rules profiles: the document says too which threads would end differently under them.
        since: The document says too what was wrong from this moment on and is over, microseconds UTC.
        stores: A folder to keep one store for each home in, and what the last run said of it.
        progress: Told after each home.

    Raises:
        InputError: None of the paths holds a home.
        UsageError: ``jobs`` is less than 1, or a profile does not exist.
    """
    from t3lens.version import __version__

    if jobs < 1:
        raise UsageError(f"--jobs is {jobs}; it must be 1 or more", code="bad-jobs")
    for name in compare or ():
        check_profile(name)
    homes, missing = _discover([os.fspath(path) for path in paths])
    folder = Path(stores) if stores is not None else None
    if folder is not None:
        try:
            folder.mkdir(0o700, parents=True, exist_ok=True)  # texts of prompts and answers will be in it
        except OSError as error:
            raise InputError(f"{folder} cannot be used for stores: {error.strerror}") from None
    asked = Asked(options or Options(), compare, folder, since)
    done = work(homes, asked, min(jobs, len(homes)), progress)
    failed = [UnreadableEntry(path=homes[number].shown, message=text) for number, text in sorted(done.failed.items())]
    failed += missing
    audited = [done.results[number] for number in sorted(done.results)]
    return FleetReport(
        document=merge(audited, failed, options=asked.options, compared=compare, version=__version__),
        homes=len(homes) + len(missing),
        reused=done.reused,
        failed=tuple(failed),
        projects={name: project for one in audited for name, project in one.projects.items()},
    )


def _discover(paths: list[str]) -> tuple[list[Home], list[UnreadableEntry]]:
    """The homes in the order of their paths, and the paths that hold none, each match of a pattern by itself."""
    from t3lens.ingest import discover
    from t3lens.ingest.discover import each_once

    good: list[Home] = []
    missing: list[UnreadableEntry] = []
    for path in (match for given in paths for match in _matches(given)):
        try:
            found = discover([path])
        except InputError as error:
            missing.append(UnreadableEntry(path=plain_url(path) if is_url(path) else path, message=str(error)))
        else:
            good += found
    if not good:
        raise InputError(missing[0].message if missing else "no path was named", code="no-homes")
    return sorted(each_once(good), key=lambda home: home.shown), missing


def _matches(path: str) -> list[str]:
    if is_url(path):
        return [path]
    given = str(Path(local_path(path)).expanduser())
    if Path(given).exists() or not globbing.has_magic(given):
        return [path]
    return sorted(globbing.glob(given, recursive=True)) or [path]  # noqa: PTH207 - absolute too
