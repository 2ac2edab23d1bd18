"""An audit by several processes, as ``t3lens audit --jobs`` makes it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from t3lens.commands.common import ChosenHomes
from t3lens.errors import UsageError

if TYPE_CHECKING:
    from t3lens.fleet.audit import FleetReport
    from t3lens.time import Micros

__all__ = ["audit_in_parallel"]


def audit_in_parallel(
    chosen: ChosenHomes, jobs: int, compare: tuple[str, str] | None, stores: Path | None, since: Micros | None = None
) -> FleetReport:
    """Audit the homes with ``jobs`` processes, telling on a terminal how far it is.

    Raises:
        UsageError: A store file was named: several processes keep a folder of stores.
    """
    from t3lens.fleet.audit import audit_fleet
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
    paths = chosen.paths or tuple(str(path) for path in default_paths())
    watched = sys.stderr.isatty()

    def tell(done: int, total: int, path: str) -> None:
        if watched:
            end = "\n" if done == total else ""
            sys.stderr.write(f"\r{done:,} of {total:,} homes{end}")
            sys.stderr.flush()

    return audit_fleet(paths, jobs=jobs, options=options, compare=compare, since=since, stores=stores, progress=tell)
