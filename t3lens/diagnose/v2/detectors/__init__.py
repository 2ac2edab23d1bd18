"""The detectors of the second data model, one module per group of findings."""

from __future__ import annotations

from importlib import import_module
from typing import Final

__all__ = ["load"]

_MODULES: Final = ("data", "outbox", "runs", "requests", "silence", "recorded")


def load() -> None:
    """Import every module, so that its detectors register themselves."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
