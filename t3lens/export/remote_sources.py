"""Bundles and Parquet archives that are elsewhere: copied to be opened, and told of by their URLs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from t3lens.errors import InputError
from t3lens.export.archive_manifest import MANIFEST
from t3lens.places import open_place, plain_url, split_pattern
from t3lens.reading import Budget, NotRead, within
from t3lens.writing import not_written

if TYPE_CHECKING:
    from t3lens.places import PlaceEntry, RemotePlace

__all__ = ["copied_bundle", "copied_tables", "told_by_url"]

_MOST: Final = 200_000


def copied_bundle(url: str, folder: Path, budget: float) -> Path:
    """A copy of a bundle.

    Args:
        url: Of the zip file.
        folder: Where the copy goes.
        budget: Seconds it may take.

    Raises:
        InputError: It is not there, cannot be reached, or takes too long.
    """
    place = open_place(url)
    entry = place.entry()
    if entry is None or entry.folder:
        raise InputError(f"{place.shown} does not exist")
    target = folder / "bundle.zip"
    _copy(place, [(entry, target)], budget)
    return target


def copied_tables(pattern: str, folder: Path, budget: float) -> str:
    """Copies of Parquet files and of the manifests they belong to.

    Args:
        pattern: A URL as in ``s3://bucket/export/**/*.parquet``.
        folder: Where the copies go.
        budget: Seconds it may take.

    Returns:
        The same pattern over the copies.

    Raises:
        InputError: Nothing matches, the place cannot be reached, or it takes too long.
    """
    root, below = split_pattern(pattern)
    if not below:
        root, _, below = pattern.rpartition("/")
    place = open_place(root)
    names = [*place.matching(below), *place.matching(MANIFEST), *place.matching(f"**/{MANIFEST}")]
    entries = [entry for entry in map(place.entry, dict.fromkeys(names[:_MOST])) if entry is not None and not entry.folder]
    if not any(entry.name.endswith(".parquet") for entry in entries):
        raise InputError(f"nothing matches {plain_url(pattern)}; check the pattern", code="no-parquet")
    _copy(place, [(entry, folder / entry.name) for entry in entries], budget)
    return f"{folder}/{below}"


def _copy(place: RemotePlace, files: list[tuple[PlaceEntry, Path]], budget: float) -> None:
    new = sum(entry.size for entry, _ in files)
    try:
        root = files[0][1].parent
        root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(root).free
        if new > free:
            raise InputError(
                f"{place.shown} has {new:,} bytes to copy, and there is room for {free:,}; set TMPDIR", code="no-space"
            )
        with within(Budget(budget)):
            for entry, path in files:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as out:
                    place.copy(entry.name, out)
    except FileNotFoundError:
        raise InputError(f"{place.shown} changed while it was read; try again", code="changed-while-read") from None
    except NotRead:
        raise InputError(
            f"{place.shown} was not copied within {budget:g} s; allow more (--budget)", code="too-slow"
        ) from None
    except OSError as error:
        raise not_written(files[0][1], error) from error


@contextmanager
def told_by_url(copy: str, url: str) -> Iterator[None]:
    """What is wrong with a copy, told of what it is a copy of."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(copy, plain_url(url)), code=error.code) from None
