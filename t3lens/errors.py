"""Everything t3lens raises on purpose.

The tree::

    T3LensError                    any expected failure; has a stable ``code``
    ├── UsageError                 the call is wrong: a bad time, an unknown profile, an ambiguous prefix
    ├── InputError                 the input cannot be read: missing path, no T3 data, locked database
    ├── StoreError                 the DuckDB store: busy, damaged, or written by a newer t3lens
    └── ActionError                an action could not be carried out; nothing is claimed done
        ├── ConnectionFailed       the server could not be reached, or answered nonsense
        └── Refused                a precondition no longer holds; nothing was sent

A message says what is wrong, where, and what to do next. It never holds a token.
"""

from __future__ import annotations

import os
from typing import Final

__all__ = [
    "DEBUG",
    "ActionError",
    "ConnectionFailed",
    "InputError",
    "Refused",
    "StoreError",
    "T3LensError",
    "UsageError",
    "fail_loudly",
]


DEBUG: Final = "T3LENS_DEBUG"
"""Set, it shows where a defect of t3lens is: nothing that went wrong inside is kept for later."""


def fail_loudly() -> bool:
    """Whether whoever debugs wants the first traceback instead of an answer without one home."""
    return bool(os.environ.get(DEBUG))


class T3LensError(Exception):
    """Root of all errors t3lens raises on purpose.

    Attributes:
        code: Stable kebab-case name of the failure, for programs that key on it.
    """

    code = "t3lens-error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class UsageError(T3LensError):
    """The call is wrong: a bad time, an unknown profile, an ambiguous thread prefix."""

    code = "usage"


class InputError(T3LensError):
    """The input cannot be read: a missing path, a folder without T3 data, a locked database."""

    code = "input"


class StoreError(T3LensError):
    """The DuckDB store is busy, damaged, or was written by a newer t3lens."""

    code = "store"


class ActionError(T3LensError):
    """An action could not be carried out; nothing is claimed done."""

    code = "action"


class ConnectionFailed(ActionError):
    """The server could not be reached, or its answer was not understood."""

    code = "connection-failed"


class Refused(ActionError):
    """A precondition does not hold (any more); nothing was sent."""

    code = "refused"
