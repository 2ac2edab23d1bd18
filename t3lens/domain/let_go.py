"""What stands for records that were let go of: to look at it is a mistake that is told at once."""

from __future__ import annotations

from typing import Any, Final, NoReturn

__all__ = ["LET_GO"]


class _LetGo:
    """In the place of a list or of a mapping. An empty one would pass for a thread that never had any."""

    def _looked_at(self, *_: Any) -> NoReturn:
        raise RuntimeError(
            "a thread's records are let go of once it is judged: what is wanted of them later has to be asked before"
        )

    __bool__ = __contains__ = __eq__ = __getitem__ = __iter__ = __len__ = __reversed__ = _looked_at
    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> NoReturn:
        self._looked_at()

    def __repr__(self) -> str:
        return "<let go of>"


LET_GO: Final[Any] = _LetGo()
"""See ``KnownThread.let_go``."""
