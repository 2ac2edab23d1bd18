"""Reading what ``t3lens collect`` wrote: rows go into a store, and the home is judged as it stood then."""

from __future__ import annotations

import glob as globbing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from t3lens.diagnose import HomeServer, Options, ServerSetting
from t3lens.errors import InputError
from t3lens.export.archive_manifest import read_manifest
from t3lens.export.parquet import read_parquet

if TYPE_CHECKING:
    from t3lens.ingest import Home
    from t3lens.store import Store

__all__ = ["ReadBack", "read_collected"]

_LOOKS = 3


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Homes that were collected, in a store.

    Attributes:
        home_ids: Theirs.
        servers: How their servers stood when they were collected.
        options: As given; of a single home that was at work as of the moment it was collected.
    """

    home_ids: tuple[str, ...]
    servers: dict[str, HomeServer]
    options: Options


def read_collected(store: Store, homes: Sequence[Home], options: Options) -> ReadBack:
    """Read homes that were collected into a store.

    A home whose server was alive then is judged as of then. Where several are read together there is no such moment, and
    its server is one of which nothing is known: what was still at work is not taken to be silent since.

    Args:
        store: The store that gets the rows.
        homes: Of the kind ``collected``, on this machine.
        options: How they are to be judged.

    Raises:
        InputError: One is not as it was written.
    """
    servers = {}
    for home in homes:
        _read(store, home)
        collected = read_manifest(home.path).collected
        if collected is None:
            continue
        servers[home.home_id] = collected.server
        if collected.as_of is None or options.as_of is not None:
            continue
        if len(homes) == 1:
            options = msgspec.structs.replace(options, as_of=collected.as_of)
        else:
            why = "it was at work when it was collected; audit it by itself or with --jobs"
            servers[home.home_id] = HomeServer("unknown", collected.server.started_at, collected.server.version, why)
    if options.server is not ServerSetting.AUTO:
        servers = {}
    return ReadBack(tuple(home.home_id for home in homes), servers, options)


def _read(store: Store, home: Home) -> None:
    """Read the files that the manifest lists; once more if it was replaced meanwhile."""
    for left in reversed(range(_LOOKS)):
        manifest = read_manifest(home.path)
        paths = [home.path / one.path for files in manifest.tables.values() for one in files]
        try:
            read_parquet(store, [globbing.escape(str(path)) for path in paths])
        except InputError:
            if not left or read_manifest(home.path) == manifest:
                raise
            continue
        break
    with store.write() as con:
        con.execute("UPDATE _homes SET path = ? WHERE home_id = ?", [home.shown, home.home_id])
