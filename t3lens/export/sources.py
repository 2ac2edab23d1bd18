"""Opening what t3lens itself wrote: bundles and Parquet files, alone or beside homes."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from t3lens.diagnose import HomeServer, Options, ServerSetting, Thresholds
from t3lens.errors import InputError
from t3lens.export.bundle_names import BUNDLE_SUFFIX
from t3lens.export.bundle_open import Bundle, unpack
from t3lens.export.parquet import is_parquet, read_parquet
from t3lens.export.remote_sources import copied_bundle, copied_tables, told_by_url
from t3lens.ingest import Home, discover
from t3lens.ingest.fetch import fetched
from t3lens.ingest.homes import Elsewhere
from t3lens.places import is_url, note_copy, plain_url, split_pattern
from t3lens.scratch import new_folder, temporary_folder
from t3lens.store import Store

__all__ = ["Opened", "open_sources"]


@dataclass(frozen=True, slots=True)
class Opened:
    """What a lens over exported things is made of.

    Attributes:
        store: With the Parquet files read into it.
        homes: On disk; those of unpacked bundles among them.
        options: As given, completed by what the bundles say.
        servers: How the servers of bundled homes stood when the bundles were made.
        scratch: Where bundles were unpacked and copies are; None if there are none.
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
        names: Paths and patterns; of bundles each by itself, see ``each_bundle``.
        store: The store file; in memory if not said.
        options: The options of the diagnosis.

    Raises:
        InputError: A bundle is damaged, or a path holds nothing of T3 Code.
    """
    bundles = [name for name in names if name.endswith(BUNDLE_SUFFIX)]
    tables = [name for name in names if is_parquet(name)]
    others: list[str | Path] = [name for name in names if name not in bundles and name not in tables]
    scratch = new_folder() if bundles or any(map(is_url, names)) else None
    opened: Store | None = None
    try:
        unpacked = [_unpacked(name, _folder(scratch, number), options) for number, name in enumerate(bundles)]
        for name, bundle in zip(bundles, unpacked, strict=True):
            _check_homes(name, bundle)
        homes = discover([*others, *(one.folder for one in unpacked)]) if others or unpacked else []
        if scratch is not None:
            homes = fetched(homes, scratch / "homes", options.budget)
            homes = [_named_by_bundle(home, bundles, unpacked) for home in homes]
        opened = Store.open(Path(store) if store is not None else None)
        if tables:
            _read_tables(opened, tables, scratch, options)
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


def _unpacked(name: str, folder: Path, options: Options) -> Bundle:
    if not is_url(name):
        return unpack(Path(name).expanduser(), folder)
    with temporary_folder() as copies:
        copy = copied_bundle(name, copies, options.budget)
        with told_by_url(str(copy), name):
            return unpack(copy, folder)


def _named_by_bundle(home: Home, names: Sequence[str], bundles: Sequence[Bundle]) -> Home:
    """A home of a bundle is told of by where that is, and not by where it was unpacked."""
    for name, bundle in zip(names, bundles, strict=True):
        if home.path.is_relative_to(bundle.folder):
            shown = f"{plain_url(name)}/{home.path.relative_to(bundle.folder).as_posix()}"
            note_copy(shown, home.path)
            return replace(home, elsewhere=Elsewhere(shown, name, bundle.folder))
    return home


def _read_tables(store: Store, patterns: Sequence[str], scratch: Path | None, options: Options) -> None:
    """Read Parquet files, those that are elsewhere from copies that are gone when they are read."""
    with contextlib.ExitStack() as stack:
        here = []
        for number, pattern in enumerate(patterns):
            if scratch is None or not is_url(pattern):
                here.append(pattern)
                continue
            folder = scratch / f"tables-{number}"
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(told_by_url(str(folder), split_pattern(pattern)[0]))
            here.append(copied_tables(pattern, folder, options.budget))
        read_parquet(store, here)


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
