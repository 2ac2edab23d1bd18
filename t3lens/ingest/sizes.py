"""How large homes are, before anything of them is read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from t3lens.ingest.homes import Home, later_databases

__all__ = ["HELD_AT_ONCE", "SMALL", "is_mostly_databases"]

SMALL: Final = 2 << 20
"""Bytes of the files of a home that is read, and audited, together with others."""
HELD_AT_ONCE: Final = 16 << 20
"""Bytes of the files of homes that are read together: so much is held in memory, more or less."""
_LARGE: Final = 64 << 20


def is_mostly_databases(homes: Iterable[Home]) -> bool:
    """Whether homes have large databases and smaller logs: most of them is not read where only verdicts are asked for."""
    databases = logs = 0
    for home in homes:
        databases += sum(map(_size, [*filter(None, (home.database,)), *later_databases(home)]))
        for folder in {home.log_dir, home.trace_dir} - {None}:
            assert folder is not None
            logs += _folder_size(folder)
    return databases >= _LARGE and databases > logs


def _folder_size(folder: Path) -> int:
    try:
        return sum(map(_size, folder.iterdir()))
    except OSError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
