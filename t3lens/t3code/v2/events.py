"""Types of the stored events of the second data model."""

from __future__ import annotations

from typing import Final

__all__ = [
    "KNOWN_TYPES",
    "LIFECYCLE_TYPES",
    "PROVIDER_SESSION_ATTACHED",
    "PROVIDER_SESSION_DETACHED",
    "PROVIDER_SESSION_UPDATED",
    "PROVIDER_TURN_UPDATED",
    "REQUEST_UPDATED",
    "RUN_ATTEMPT_CREATED",
    "RUN_ATTEMPT_UPDATED",
    "RUN_BACKGROUND_CANCELLED",
    "RUN_CREATED",
    "RUN_UPDATED",
    "THREAD_DELETED",
    "TURN_ITEM_UPDATED",
    "UNREAD_TYPES",
]

RUN_CREATED: Final = "run.created"
RUN_UPDATED: Final = "run.updated"
RUN_ATTEMPT_CREATED: Final = "run-attempt.created"
RUN_ATTEMPT_UPDATED: Final = "run-attempt.updated"
RUN_BACKGROUND_CANCELLED: Final = "run.background-work-cancelled"
PROVIDER_TURN_UPDATED: Final = "provider-turn.updated"
PROVIDER_SESSION_ATTACHED: Final = "provider-session.attached"
PROVIDER_SESSION_UPDATED: Final = "provider-session.updated"
PROVIDER_SESSION_DETACHED: Final = "provider-session.detached"
REQUEST_UPDATED: Final = "runtime-request.updated"
TURN_ITEM_UPDATED: Final = "turn-item.updated"
THREAD_DELETED: Final = "thread.deleted"

LIFECYCLE_TYPES: Final = frozenset(
    {
        RUN_CREATED,
        RUN_UPDATED,
        RUN_ATTEMPT_CREATED,
        RUN_ATTEMPT_UPDATED,
        PROVIDER_TURN_UPDATED,
        REQUEST_UPDATED,
        TURN_ITEM_UPDATED,
        PROVIDER_SESSION_ATTACHED,
        PROVIDER_SESSION_UPDATED,
        PROVIDER_SESSION_DETACHED,
        THREAD_DELETED,
    }
)
"""What the life of a run is read from; compaction keeps them."""

UNREAD_TYPES: Final = frozenset(
    {
        "node.updated",
        "message.updated",
        "plan.updated",
        "checkpoint-scope.created",
        "checkpoint.captured",
        "context-handoff.updated",
        "context-transfer.created",
        "context-transfer.updated",
    }
)
"""Types of which no rule reads what they say; that they were stored tells of work."""

KNOWN_TYPES: Final = (
    LIFECYCLE_TYPES
    | UNREAD_TYPES
    | {
        "thread.created",
        "thread.archived",
        "thread.unarchived",
        "thread.settled",
        "thread.unsettled",
        "thread.snoozed",
        "thread.unsnoozed",
        "thread.pinned",
        "thread.unpinned",
        "thread.pin-reordered",
        "thread.active-reordered",
        "thread.auto-settle-set",
        "thread.marked-unread",
        "thread.pull-request-synced",
        "thread.runtime-mode-updated",
        "thread.interaction-mode-updated",
        "thread.model-selection-updated",
        "thread.metadata-updated",
        "thread.visited",
        "thread.provider-switched",
        "subagent.updated",
        "provider-thread.updated",
        "checkpoint.rollback-requested",
        RUN_BACKGROUND_CANCELLED,
        "project.created",
        "project.meta-updated",
        "project.updated",
        "project.deleted",
    }
)
"""Every event type that was seen or read of."""
