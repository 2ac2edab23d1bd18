"""What the reducer is fed: one flat, frozen record per lifecycle event, whoever wrote it.

Provider logs (CANON lines), the event store (``thread.*`` events) and a reconcile all become an ``Event``; the
type alone says which rule applies. Fields that a rule reads are columns; everything else stays in the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from t3lens.time import Micros

__all__ = [
    "CANONICAL_LIFECYCLE_TYPES",
    "KNOWN_TYPES",
    "RECONCILE",
    "REQUEST_TYPES",
    "SESSION_SET",
    "STOP_RESULT",
    "Event",
]

SESSION_SET: Final = "thread.session-set"
"""Event store: the session row was set. An input to the replay only when ingestion did not write it."""

RECONCILE: Final = "t3lens.reconcile"
"""Not from T3 Code: what rule R11 is asked about a thread (payload ``{"live": bool | None, ...}``)."""

STOP_RESULT: Final = "t3lens.stop-result"
"""Not from T3 Code: how a stop went, for rule R12 (payload ``{"outcome": "stopped|gone|failed", "detail"?}``)."""

CANONICAL_LIFECYCLE_TYPES: Final = frozenset(
    {
        "session.started",
        "session.configured",
        "session.state.changed",
        "session.exited",
        "thread.started",
        "thread.state.changed",
        "turn.started",
        "turn.completed",
        "turn.aborted",
        "item.started",
        "item.completed",
        "request.opened",
        "request.resolved",
        "user-input.requested",
        "user-input.resolved",
        "task.started",
        "task.completed",
        "runtime.warning",
        "runtime.error",
    }
)
"""Canonical types the reducer looks at one by one; all others are activity and stay set-based in SQL."""

REQUEST_TYPES: Final = frozenset(
    {
        "thread.turn-start-requested",
        "thread.turn-interrupt-requested",
        "thread.session-stop-requested",
        "thread.approval-response-requested",
        "thread.user-input-response-requested",
    }
)
"""Event store: what a person (or the app for them) asked for; the server answers later, or never."""


_OTHER_THREAD_TYPES: Final = (
    "created deleted archived unarchived meta-updated runtime-mode-set interaction-mode-set "
    "message-sent checkpoint-revert-requested reverted session-set proposed-plan-upserted "
    "turn-diff-completed activity-appended settled unsettled snoozed unsnoozed pinned "
    "unpinned pin-reordered auto-settle-set pull-request-set pull-request-cleared "
    "metadata.updated token-usage.updated realtime.started realtime.item-added "
    "realtime.audio.delta realtime.error realtime.closed"
)

_OTHER_TYPES: Final = (
    "project.created project.meta-updated project.deleted turn.plan.updated "
    "turn.proposed.delta turn.proposed.completed turn.diff.updated item.updated content.delta "
    "task.progress hook.started hook.progress hook.completed tool.progress tool.summary "
    "tool.denied auth.status account.updated account.rate-limits.updated mcp.status.updated "
    "mcp.oauth.completed model.rerouted config.warning deprecation.notice files.persisted"
)

KNOWN_TYPES: Final = (
    CANONICAL_LIFECYCLE_TYPES
    | REQUEST_TYPES
    | {f"thread.{name}" for name in _OTHER_THREAD_TYPES.split()}
    | frozenset(_OTHER_TYPES.split())
)
"""Stored and canonical event types of the builds known; others pass through and are counted."""


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
