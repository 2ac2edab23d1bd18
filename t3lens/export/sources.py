"""Opening what t3lens itself wrote: bundles and Parquet files, alone or beside homes."""

from __future__ import annotations

import os
import shutil
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from t3lens.diagnose import HomeServer, Options, ServerSetting, Thresholds
from t3lens.errors import InputError
from t3lens.export.bundle_open import Bundle, unpack
from t3lens.export.parquet import is_parquet, read_parquet
from t3lens.ingest import Home, discover
from t3lens.scratch import new_folder
from t3lens.store import Store

__all__ = ["Opened", "forget_with", "open_sources"]


@dataclass(frozen=True, slots=True)
class Opened:
    """What a lens over exported things is made of.

    Attributes:
        store: With the Parquet files read into it.
        homes: On disk; those of unpacked bundles among them.
        options: As given, completed by what the bundles say.
        servers: How the servers of bundled homes stood when the bundles were made.
        scratch: Where bundles were unpacked; None if there are none.
    """

    store: Store
    homes: list[Home]
    options: Options
    servers: dict[str, HomeServer]
    scratch: Path | None


def open_sources(names: Sequence[str], *, store: str | os.PathLike[str] | None, options: Options) -> Opened:
    """Unpack bundles, read Parquet files, find the other homes.

    What a bundle says of moment, rules and thresholds holds where ``options`` leave it open.

    Args:
        names: Paths and patterns as given.
        store: The store file; in memory if not said.
        options: The options of the diagnosis.

    Raises:
        InputError: A bundle is damaged, or a path holds nothing of T3 Code.
    """
    bundles = [name for name in names if name.endswith(".zip")]
    tables = [name for name in names if is_parquet(name)]
    others: list[str | Path] = [name for name in names if name not in bundles and name not in tables]
    scratch = new_folder() if bundles else None
    opened: Store | None = None
    try:
        unpacked = [unpack(Path(name).expanduser(), _folder(scratch, number)) for number, name in enumerate(bundles)]
        for name, bundle in zip(bundles, unpacked, strict=True):
            _check_homes(name, bundle)
        homes = discover([*others, *(one.folder for one in unpacked)]) if others or unpacked else []
        opened = Store.open(Path(store) if store is not None else None)
        if tables:
            read_parquet(opened, tables)
    except BaseException:
        if opened is not None:
            opened.close()
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
        raise
    servers: dict[str, HomeServer] = {}
    if options.server is ServerSetting.AUTO:
        for bundle in unpacked:
            servers.update(bundle.servers())
    alone = len(unpacked) == 1 and not others and not tables
    completed = _completed(options, unpacked[0]) if alone else options
    return Opened(opened, homes, completed, servers, scratch)


def _check_homes(name: str, bundle: Bundle) -> None:
    found = {home.home_id for home in discover([bundle.folder])}
    if found != {home.home_id for home in bundle.manifest.homes}:
        raise InputError(f"the homes in {name} are not those that its manifest names; it was changed", code="bad-bundle")


def _folder(scratch: Path | None, number: int) -> Path:
    assert scratch is not None
    folder = scratch / str(number)
    folder.mkdir()
    return folder


def _completed(options: Options, bundle: Bundle) -> Options:
    said = bundle.options()
    return msgspec.structs.replace(
        options,
        as_of=options.as_of if options.as_of is not None else said.as_of,
        rules=options.rules or said.rules,
        thresholds=said.thresholds if options.thresholds == Thresholds() else options.thresholds,
    )


def forget_with(owner: object, scratch: Path) -> None:
    """Remove ``scratch`` when ``owner`` is no longer used, at the latest when Python ends."""
    weakref.finalize(owner, shutil.rmtree, scratch, ignore_errors=True)
