"""Names of a package whose modules are imported when a name is first used: what needs one of them waits for no other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["names_of"]


def names_of(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """What ``__getattr__`` of a package has to be.

    Args:
        package: Its ``__name__``.
        homes: Where its public names live, as in ``t3lens.errors:T3LensError``; none may be called as one of its modules.
    """

    def get(name: str) -> Any:
        place = homes.get(name)
        if place is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = place.partition(":")
        value = getattr(import_module(module), attribute)
        setattr(sys.modules[package], name, value)
        return value

    return get
