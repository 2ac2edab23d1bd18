"""What tells where a run of a server began or ended, in the databases of both data models."""

from __future__ import annotations

from typing import Final

from t3lens.t3code.home_layout import SERVER_RUNTIME
from t3lens.t3code.v1.rules import STARTUP_RECONCILE_ERROR
from t3lens.t3code.v1.schema import STOP_ALL

__all__ = [
    "SERVER_RUNTIME",
    "SHUTDOWN_RECONCILE",
    "SIGNS_TAKE_S",
    "STARTUP_RECONCILE",
    "STARTUP_RECONCILE_ERROR",
    "STOP_ALL",
]

STARTUP_RECONCILE: Final = "command:runtime-reconcile:startup:"
"""So begin the ids of commands by which a server of the second data model ends, at its start, what ran before it."""

SHUTDOWN_RECONCILE: Final = "command:runtime-reconcile:shutdown:"
"""So begin those by which it ends what runs when it is asked to stop; one that is killed writes none."""

SIGNS_TAKE_S: Final = 5
"""Signs of one start, or of one end, stand no further apart than this, in seconds: the server writes several of each."""
