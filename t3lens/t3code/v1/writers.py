"""Who wrote a stored event: the shapes of ``command_id``.

``provider:<eventId>:<tag>:<uuid>`` is ingestion's answer to the canonical event of that id; ``server:<tag>:<uuid>`` a
reactor's. Anything else is a client's, **or the startup reconcile's**: a bare id, told by its fixed ``lastError``.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "CHECKPOINT_REACTOR",
    "INGESTION",
    "REACTOR",
    "ingested_event_id",
]

INGESTION: Final = "provider:"
"""What command ids of ingestion begin with."""

REACTOR: Final = "server:"
"""What command ids of the server's reactors begin with."""

CHECKPOINT_REACTOR: Final = "server:checkpoint"
"""What those of the reactor begin with that takes checkpoints: it works apart from the command queue."""


def ingested_event_id(command_id: str | None) -> str | None:
    """The canonical event that ingestion answered with this command; None if another writer wrote it.

    >>> ingested_event_id("provider:62d3-ab:thread-session-set:0b1c")
    '62d3-ab'
    """
    if command_id is None or not command_id.startswith(INGESTION):
        return None
    event_id, _, tag = command_id[len(INGESTION) :].partition(":")
    return event_id if event_id and tag else None
