"""How evidence bundles are named, and found behind patterns."""

from __future__ import annotations

from glob import has_magic
from typing import Final

from t3lens.ingest.homes import expanded
from t3lens.places import is_url, open_place, split_pattern

__all__ = ["BUNDLE_SUFFIX", "each_bundle"]

BUNDLE_SUFFIX: Final = ".zip"
"""How the name of a bundle ends."""


def each_bundle(name: str) -> list[str]:
    """A name as it is, or all that it matches if bundles are among that.

    Args:
        name: A path, a URL, or a pattern of either.

    Raises:
        InputError: A pattern matches nothing, or its place cannot be reached.
    """
    if not has_magic(name):
        return [name]
    if is_url(name):
        root, pattern = split_pattern(name)
        found = open_place(root).matching(pattern) if name.endswith(BUNDLE_SUFFIX) else []
        return [f"{root}/{one}" for one in found] or [name]
    if name.endswith(".parquet"):
        return [name]
    found = [str(one) for one in expanded(name)]
    return found if any(one.endswith(BUNDLE_SUFFIX) for one in found) else [name]
