"""An audit by several processes or by a cluster, as ``t3lens audit --jobs`` and ``--scheduler`` make it."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from t3lens.counted import counted
from t3lens.errors import UsageError

if TYPE_CHECKING:
    from t3lens.commands.common import ChosenHomes
    from t3lens.fleet.many_homes import FleetReport
    from t3lens.fleet.processes import FleetStep
    from t3lens.time import Micros

__all__ = ["ManyHomes", "audit_many", "many_homes_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class ManyHomes:
    """Who audits many homes.

    Attributes:
        jobs: So many processes; None for this one.
        stores: With ``jobs``: where a store for each home is kept.
        scheduler: The workers of this cluster.
        results: With ``scheduler``: where their results stand.
        keep_results: Remove older ones after so many days; None for never.
    """

    jobs: int | None
    stores: Path | None
    scheduler: str | None
    results: str | None
    keep_results: int | None

    @property
    def kept(self) -> Path | None:
        """What the last run is kept beside: the folder of stores, or that of results, if that is one."""
        if self.stores is not None:
            return self.stores / "fleet"
        folder = (self.results or "").removeprefix("file://")
        return Path(folder) / "fleet" if folder and "://" not in folder else None

    def check(self) -> None:
        """Refuse what cannot be, before anything is read.

        Raises:
            UsageError: A combination of options is wrong.
        """
        if self.scheduler is None:
            if self.results is not None or self.keep_results is not None:
                raise UsageError("--results and --keep-results go with --scheduler; --jobs keeps stores: --stores DIR")
            if self.jobs is None and self.stores is not None:
                raise UsageError("--stores goes with --jobs; alone it is --store FILE")
            return
        if self.jobs is not None or self.stores is not None:
            raise UsageError("--scheduler has the cluster's workers do it: neither --jobs nor --stores goes with it")
        if self.results is None:
            raise UsageError(
                "--scheduler needs --results URL: a folder or bucket that this machine and all workers reach",
                code="no-results-place",
            )


_OPTIONS: Final = (
    click.option("--jobs", type=click.IntRange(min=1), metavar="N",
                 help="Audit home by home with N processes; a home that cannot be read is reported, the others go on."),
    click.option("--stores", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
                 help="With --jobs: keep a store for each home in this folder; what did not change is not read again."),
    click.option("--scheduler", metavar="ADDRESS",
                 help="Audit home by home with the workers of a dask cluster (tcp://… or tls://…): see docs/fleet.md."),
    click.option("--results", metavar="URL",
                 help="With --scheduler: where workers put their results, a folder or bucket that all machines reach; "
                      "what did not change is not read again."),
    click.option("--keep-results", type=click.IntRange(min=1), metavar="DAYS",
                 help="With --results: when all is done, remove results there that are older and were not taken now."),
)  # fmt: skip


def many_homes_options(function: _Command) -> _Command:
    """Give a command the options above; it gets them as ``many``."""
    names = ManyHomes.__dataclass_fields__

    @wraps(function)
    def command(**given: Any) -> Any:
        many = ManyHomes(**{name: given.pop(name) for name in names})
        return function(many=many, **given)

    wrapped: Any = command
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]  # takes other words, as click calls it


def audit_many(
    chosen: ChosenHomes, many: ManyHomes, compare: tuple[str, str] | None, since: Micros | None = None
) -> FleetReport:
    """Audit the homes with several processes or a cluster, telling on a terminal how far it is.

    Raises:
        UsageError: A store file was named: several processes keep a folder of stores.
    """
    from t3lens.fleet.many_homes import audit_fleet
    from t3lens.session.options import default_paths, make_options

    if chosen.store is not None:
        raise UsageError("--jobs keeps its stores in a folder: say --stores DIR, not --store FILE")
    options = make_options(
        as_of=chosen.as_of,
        server=chosen.server,
        rules=chosen.rules,
        thresholds=chosen.thresholds,
        records=chosen.records,
        budget=chosen.budget,
    )
    with contextlib.ExitStack() as stack:
        client = None
        if many.scheduler is not None:
            from t3lens.fleet.cluster import connected

            client = stack.enter_context(connected(many.scheduler))
        return audit_fleet(
            chosen.paths or tuple(str(path) for path in default_paths()),
            jobs=many.jobs or 1,
            client=client,
            results=many.results,
            keep_days=many.keep_results,
            options=options,
            compare=compare,
            since=since,
            stores=many.stores,
            progress=_Told() if sys.stderr.isatty() else None,
        )


class _Told:
    """Says on a terminal how far an audit is, how fast, and what failed."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, step: FleetStep) -> None:
        rate = step.done / max(time.monotonic() - self._began, 0.001)
        failed = f", {step.failed:,} failed" if step.failed else ""
        workers = counted(step.workers, "worker")
        end = "\n" if step.done == step.total else ""
        sys.stderr.write(f"\r{step.done:,} of {step.total:,} homes, {rate:.1f}/s by {workers}{failed}\x1b[K{end}")
        sys.stderr.flush()
