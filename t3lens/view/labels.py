"""Short names for homes: what of their paths tells them apart, and the machine it names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

from t3lens.t3code.home_layout import STATE_FOLDERS
from t3lens.view.page.escape import plain

__all__ = ["home_hosts", "home_labels"]

_MOST: Final = 60


def home_labels(paths: Mapping[str, str]) -> dict[str, str]:
    """A short label for each home, by home id: of ``/archive/ws-17/ann/userdata`` among its like ``ws-17/ann``.

    What all paths begin or end with is left out, and ``userdata``; no two homes get the same label.

    Args:
        paths: Where the homes stand, by home id.
    """
    labels = {home_id: "/".join(parts) for home_id, parts in _distinct_parts(paths).items()}
    found: dict[str, str] = {}
    taken: set[str] = set()
    for home_id, label in labels.items():
        shown = plain(label, 400)
        if len(shown) > _MOST:
            shown = "…" + shown[1 - _MOST :]
        if shown in taken:
            shown = f"{shown[: _MOST - 7]}~{hashlib.sha256(home_id.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"
        taken.add(shown)
        found[home_id] = shown
    return found


def home_hosts(paths: Mapping[str, str]) -> dict[str, str]:
    """The machine of each home, by home id: the first folder that tells their paths apart, as archives of many are laid out.

    Args:
        paths: Where the homes stand, by home id.
    """
    parts = _distinct_parts(paths)
    return {home_id: plain(some[0], _MOST) for home_id, some in parts.items()}


def _distinct_parts(paths: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The parts of each path that not all have in common; at least its last, without the name of a state folder."""
    split = _without_common_end({home_id: _parts(path) for home_id, path in paths.items()})
    shared = 0
    if len(split) > 1:
        for column in zip(*split.values(), strict=False):
            if len(set(column)) > 1:
                break
            shared += 1
        shared = min(shared, min(map(len, split.values())) - 1)
    return {home_id: parts[shared if len(split) > 1 else len(parts) - 1 :] for home_id, parts in split.items()}


def _without_common_end(split: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Without the folders that all end with, such as ``.t3``; one part of each stays."""
    if len(split) < 2:
        return split
    shared = 0
    for column in zip(*(parts[:0:-1] for parts in split.values()), strict=False):
        if len(set(column)) > 1:
            break
        shared += 1
    return {home_id: parts[: len(parts) - shared] for home_id, parts in split.items()}


def _parts(path: str) -> tuple[str, ...]:
    parts = tuple(part for part in PurePath(path).parts if part != "/")
    named = parts[:-1] if parts and parts[-1] == STATE_FOLDERS[0] else parts
    return named or parts or (path,)
