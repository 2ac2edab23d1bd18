"""From what a person named (homes, folders, bundles, Parquet files, a store) to a ``Session`` over it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from t3lens.export.bundle_names import BUNDLE_SUFFIX, each_bundle
from t3lens.places import local_path
from t3lens.scratch import forget_with, new_folder
from t3lens.session.options import default_paths, make_options
from t3lens.session.session import Session

if TYPE_CHECKING:
    from datetime import datetime

    from t3lens.diagnose import Options, Thresholds
    from t3lens.ingest import Home
    from t3lens.time import Micros

__all__ = ["open_session"]

_PathLike = str | os.PathLike[str]


def open_session(
    paths: _PathLike | Iterable[_PathLike] | None = None,
    *,
    store: _PathLike | None = None,
    as_of: str | datetime | Micros | None = None,
    server: str = "auto",
    rules: str | None = None,
    thresholds: Thresholds | Mapping[str, float] | None = None,
    progress: bool | None = None,
    metadata_only: bool = False,
    records: _PathLike | Sequence[_PathLike] = (),
    budget: float | None = None,
    conclusions: bool = True,
    past: bool = True,
) -> Session:
    """The engine over some homes; see ``t3lens.open``, which takes the same but the last and gives the face.

    Args:
        paths: Homes, or folders, files or bundles that hold them; this machine's if None.
        store: The DuckDB file that keeps what is read; memory if None.
        as_of: The moment that is meant; now if None.
        server: Whether the homes' server runs: looked for, or taken as said.
        rules: The profile of rules; guessed by home if None.
        thresholds: How long what may last, in seconds.
        progress: Whether reading shows how far it is; None shows it to people only.
        metadata_only: Whether the contents of payloads are left out of the store.
        records: Where the agents' own records are looked for.
        budget: How many seconds reading a home may take, and judging it.
        conclusions: Whether the store should hold what is concluded; see ``Session``.
        past: Whether it may be asked what was wrong before; see there.

    Raises:
        InputError: A path does not exist or holds nothing of T3 Code.
        StoreError: The store cannot be used.
        UsageError: A bad time, profile, threshold or server setting.
    """
    from t3lens.ingest import discover
    from t3lens.ingest.sizes import is_mostly_databases
    from t3lens.store import Store

    options = make_options(
        as_of=as_of,
        server=server,
        rules=rules,
        thresholds=thresholds,
        records=[records] if isinstance(records, str | os.PathLike) else records,
        budget=budget,
    )
    if paths is None:
        kept = store is not None and Path(store).exists()
        wanted: list[_PathLike] = [] if kept else [*default_paths()]
    elif isinstance(paths, str | os.PathLike):
        wanted = [paths]
    else:
        wanted = list(paths)
    names = [one for path in wanted for one in each_bundle(local_path(os.fspath(path)))]
    if any(name.endswith((BUNDLE_SUFFIX, ".parquet")) for name in names):
        from t3lens.export.sources import open_sources

        found = open_sources(names, store=store, options=options)
        session = Session(found.store, found.homes, found.options, progress=progress, servers=found.servers)
        if found.scratch is not None:
            forget_with(session, found.scratch)
        return session
    homes = discover(names) if names else []
    scratch = None
    if any(home.elsewhere is not None for home in homes):
        homes, scratch = _copied(homes, None if store is None else Path(store), options)
    collected = [home for home in homes if home.kind == "collected"]
    homes = [home for home in homes if home.kind != "collected"]
    bounded = store is None and not conclusions and is_mostly_databases(homes)
    opened = Store.open(Path(store) if store is not None else None, bounded=bounded)
    servers, stored = None, None
    if collected:
        from t3lens.export.collected import read_collected

        read = read_collected(opened, collected, options)
        servers, stored = read.servers, read.home_ids
        options = read.options if not homes else options
    session = Session(
        opened,
        homes,
        options,
        progress=progress,
        servers=servers,
        metadata_only=metadata_only,
        conclusions=conclusions,
        stored=stored,
        past=past,
    )
    if scratch is not None:
        forget_with(session, scratch)
    return session


def _copied(homes: Sequence[Home], store: Path | None, options: Options) -> tuple[list[Home], Path | None]:
    """Homes that can be read, and the folder of copies that nobody needs when they were; None if it is kept."""
    from t3lens.ingest.fetch import fetched, kept_beside

    if store is not None:
        return fetched(homes, kept_beside(store), options.budget), None
    scratch = new_folder()
    try:
        return fetched(homes, scratch, options.budget), scratch
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
