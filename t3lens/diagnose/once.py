"""What is found out of a case when somebody first asks, and kept."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

__all__ = ["once"]

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from functools import cached_property as once
else:

    class once:
        """A ``functools.cached_property`` without its lock, which older Pythons take longer for than for the value."""

        def __init__(self, find: Any) -> None:
            self._find = find
            self._name = find.__name__
            self.__doc__ = find.__doc__

        def __get__(self, case: Any, owner: Any = None) -> Any:
            if case is None:
                return self
            found = case.__dict__[self._name] = self._find(case)
            return found
