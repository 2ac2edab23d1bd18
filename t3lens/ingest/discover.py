"""Finding T3 homes: what a user points at, here or elsewhere, becomes a list of ``Home``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from t3lens.ingest.homes import Home, distinct, expanded, homes_at, merge_folders
from t3lens.ingest.remote_homes import find_elsewhere
from t3lens.places import is_url, local_path

__all__ = ["discover", "each_once"]


def discover(paths: Sequence[str | Path]) -> list[Home]:
    """Find the homes behind what a user names.

    Args:
        paths: Homes (``~/.t3``), ``userdata`` or ``dev`` folders, folders of logs, single log files,
            folders of homes (searched below; links that lead out of them are not followed), or glob patterns; also by URL
            (``s3://…``, ``sftp://…``): such homes are only listed, ``t3lens.ingest.remote_homes.fetched`` copies them.

    Returns:
        The homes in the order given, each once. Two copies of one environment get distinct ids.

    Raises:
        InputError: A path is missing, empty, unreadable, or holds no T3 data; the message says which.
    """
    return each_once(home for path in paths for home in _homes_of(path))


def each_once(found: Iterable[Home]) -> list[Home]:
    """Homes of several places, in order, as ``discover`` gives them of all these places together."""
    homes: dict[str, Home] = {}
    for home in found:
        place = home.place
        if place not in homes or homes[place].left_out is not None:  # named itself, it is read
            homes[place] = home
    return distinct(merge_folders(list(homes.values())))


def _homes_of(path: str | Path) -> Iterator[Home]:
    name = local_path(os.fspath(path))
    if is_url(name):
        yield from find_elsewhere(name)
        return
    for one in expanded(name):
        yield from homes_at(one)
