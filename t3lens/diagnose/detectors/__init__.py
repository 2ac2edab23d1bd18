"""The detectors, one module per group of findings."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

from t3lens.diagnose.v2 import detectors as second

__all__ = ["load"]

_MODULES: Final = (
    "data",
    "records",
    "restarts",
    "queue",
    "orphans",
    "splits",
    "witness",
    "stops",
    "requests",
    "mismatches",
    "outcomes",
    "failures",
    "silence",
)


@cache
def load() -> None:
    """Import every module, so that its detectors register themselves in the order of their groups."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
    second.load()
