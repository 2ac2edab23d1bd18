"""What a lifecycle reducer is fed: one flat, frozen record per event of one thread, whoever wrote it.

Provider logs, event stores and a reconcile all become an ``Event``; the type alone says which rule applies. Which
types there are is a data model's business (``t3lens.t3code``); two of them are t3lens's own and stand here. Fields
that a rule reads are columns; everything else stays in the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from t3lens.time import Micros

__all__ = ["RECONCILE", "STOP_RESULT", "Event", "turn_named"]

RECONCILE: Final = "t3lens.reconcile"
"""Not from T3 Code: what rule R11 is asked about a thread (payload ``{"live": bool | None, ...}``)."""

STOP_RESULT: Final = "t3lens.stop-result"
"""Not from T3 Code: how a stop went, for rule R12 (payload ``{"outcome": "stopped|gone|failed", "detail"?}``)."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One lifecycle event of one thread.

    Attributes:
        event_id: The canonical event's or the stored event's id; unique within a home.
        type: Canonical type (``turn.completed``), stored type (``thread.session-set``) or ``RECONCILE``.
        at: When it happened: the log line's time, or ``occurred_at``; microseconds, UTC.
        turn_id: The turn it names, if any.
        item_id: The item it names, if any.
        request_id: The approval or question it names, if any.
        provider: Driver name (``codex``, ``opencode``, …), if said.
        provider_instance_id: Configured instance of the provider, if said.
        payload: The decoded payload. Hostile: any JSON shape may stand here.
        sequence: Position in the event store, if the event stands there (or its consequence does).
        command_id: Who wrote a stored event (see ``state-db``); None for log lines.
    """

    event_id: str
    type: str
    at: Micros
    turn_id: str | None = None
    item_id: str | None = None
    request_id: str | None = None
    provider: str | None = None
    provider_instance_id: str | None = None
    payload: Mapping[str, Any] = {}
    sequence: int | None = None
    command_id: str | None = None

    def value(self, key: str) -> Any:
        """The payload's value at ``key``; None when absent, or when the payload is no object."""
        payload = self.payload
        return payload.get(key) if isinstance(payload, dict) else None

    def text(self, key: str) -> str | None:
        """The payload's string at ``key``; None when absent, empty or of another type."""
        payload = self.payload
        value = payload.get(key) if isinstance(payload, dict) else None
        return value if isinstance(value, str) and value else None


def turn_named(turn_id: str | None) -> str:
    """How sentences call a turn; not all events of one name it."""
    return f"turn {turn_id}" if turn_id else "a turn without an id"
