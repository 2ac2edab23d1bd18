"""The types of V1's events: canonical ones (log lines), stored ones (``orchestration_events``), activity kinds.

Canonical types are what T3 Code made of what a provider said; stored types are what its event store holds. Both
go into one replay, so no name here stands for two strings.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "ACTIVITY_APPENDED",
    "ANSWERED_TYPES",
    "APPROVAL_REQUESTED",
    "APPROVAL_RESOLVED",
    "APPROVAL_RESPOND_FAILED",
    "APPROVAL_RESPONSE_REQUESTED",
    "ASKED_TYPES",
    "CANONICAL_LIFECYCLE_TYPES",
    "CHECKPOINT_REVERT_FAILED",
    "CHECKPOINT_REVERT_REQUESTED",
    "CONTENT_DELTA",
    "DETAILS_APART",
    "ERROR_TONE",
    "EXIT_ERROR",
    "FAILED_SUFFIX",
    "FREQUENT_TYPES",
    "INTERRUPT_FAILED",
    "ITEM_COMPLETED",
    "ITEM_STARTED",
    "ITEM_UPDATED",
    "KEPT_PREFIXES",
    "KNOWN_TYPES",
    "MESSAGE_ITEM_TYPES",
    "MESSAGE_SENT",
    "PROGRAMS_ACTIVITIES",
    "PROGRAMS_TYPES",
    "PROVIDER_ACTIVITY_PREFIX",
    "QUESTION_ACTIVITIES",
    "REQUEST_OPENED",
    "REQUEST_PREFIX",
    "REQUEST_RESOLVED",
    "REQUEST_SUFFIX",
    "REQUEST_TYPES",
    "RETRY_DETAIL",
    "REVERTED",
    "REVERTING_TYPES",
    "RUNTIME_ERROR",
    "RUNTIME_WARNING",
    "SESSION_CONFIGURED",
    "SESSION_EXITED",
    "SESSION_SET",
    "SESSION_STARTED",
    "SESSION_STATE_CHANGED",
    "SESSION_STOP_FAILED",
    "SESSION_STOP_REQUESTED",
    "STATE_TYPES",
    "STORED_KEYS",
    "TASK_COMPLETED",
    "TASK_PREFIX",
    "TASK_STARTED",
    "THREAD_ARCHIVED",
    "THREAD_DELETED",
    "THREAD_META_UPDATED",
    "THREAD_STARTED",
    "THREAD_STATE_CHANGED",
    "THREAD_UNARCHIVED",
    "TOKEN_USAGE_UPDATED",
    "TOOL_COMPLETED",
    "TURN_ABORTED",
    "TURN_COMPLETED",
    "TURN_DIFF_COMPLETED",
    "TURN_INTERRUPT_REQUESTED",
    "TURN_STARTED",
    "TURN_START_FAILED",
    "TURN_START_REQUESTED",
    "TURN_TERMINALS",
    "UNSHOWN_REQUEST_TYPES",
    "USER_INPUT_PREFIX",
    "USER_INPUT_REQUESTED",
    "USER_INPUT_RESOLVED",
    "USER_INPUT_RESPOND_FAILED",
    "USER_INPUT_RESPONSE_REQUESTED",
    "USER_MESSAGE",
    "WORK_TYPES",
]

# --- canonical: lines labelled CANON ---------------------------------------------------------------------------

SESSION_STARTED: Final = "session.started"
SESSION_CONFIGURED: Final = "session.configured"
SESSION_STATE_CHANGED: Final = "session.state.changed"
SESSION_EXITED: Final = "session.exited"
THREAD_STARTED: Final = "thread.started"
THREAD_STATE_CHANGED: Final = "thread.state.changed"
TOKEN_USAGE_UPDATED: Final = "thread.token-usage.updated"
TURN_STARTED: Final = "turn.started"
TURN_COMPLETED: Final = "turn.completed"
TURN_ABORTED: Final = "turn.aborted"
ITEM_STARTED: Final = "item.started"
ITEM_UPDATED: Final = "item.updated"
ITEM_COMPLETED: Final = "item.completed"
CONTENT_DELTA: Final = "content.delta"
REQUEST_OPENED: Final = "request.opened"
REQUEST_RESOLVED: Final = "request.resolved"
USER_INPUT_REQUESTED: Final = "user-input.requested"
"""Also the kind of the stored activity that keeps the question."""
USER_INPUT_RESOLVED: Final = "user-input.resolved"
"""Also the kind of the stored activity that keeps the answer."""
TASK_STARTED: Final = "task.started"
TASK_COMPLETED: Final = "task.completed"
RUNTIME_WARNING: Final = "runtime.warning"
RUNTIME_ERROR: Final = "runtime.error"

EXIT_ERROR: Final = "error"
"""``exitKind`` of a provider that died; one that was ended exits gracefully."""

TURN_TERMINALS: Final = (TURN_COMPLETED, TURN_ABORTED)
"""The provider said that a turn ended."""

ASKED_TYPES: Final = (REQUEST_OPENED, USER_INPUT_REQUESTED)
"""The provider asks a person: for an approval, or a question."""

ANSWERED_TYPES: Final = (REQUEST_RESOLVED, USER_INPUT_RESOLVED)
"""The provider took the answer."""

UNSHOWN_REQUEST_TYPES: Final = ("unknown", "dynamic_tool_call", "auth_tokens_refresh")
"""``requestType`` of approvals for which no known build shows a prompt: stored as pending, and nobody sees them."""

RETRY_DETAIL: Final = "retry"
"""``detail.type`` of a warning that tells of a retry."""

DETAILS_APART: Final = "error.additionalDetails"
"""Below ``detail`` of a warning: why it came, where its message does not say (Codex: "Reconnecting")."""

WORK_TYPES: Final = (ITEM_STARTED, ITEM_UPDATED, CONTENT_DELTA)
"""A turn gets on with its work."""

FREQUENT_TYPES: Final = (CONTENT_DELTA, ITEM_UPDATED, TOKEN_USAGE_UPDATED)
"""Lines that only say that something goes on: many, and none tells more than its neighbours."""

MESSAGE_ITEM_TYPES: Final = frozenset({"assistant_message", "reasoning", "user_message", "plan"})
"""``itemType`` of items that are words, not tools."""

USER_MESSAGE: Final = "user_message"
"""``itemType`` of what the person said: no work of the provider."""

TASK_PREFIX: Final = "task."
"""What all canonical types of subagents and background tasks begin with."""

REQUEST_PREFIX: Final = "request."
"""What all canonical types of approvals begin with."""

USER_INPUT_PREFIX: Final = "user-input."
"""What all canonical types of questions begin with."""

KEPT_PREFIXES: Final = (
    "session.", "turn.", "thread.", REQUEST_PREFIX, USER_INPUT_PREFIX, TASK_PREFIX, "runtime.", ITEM_STARTED,
    ITEM_COMPLETED, "tool.denied",
)  # fmt: skip
"""Canonical types that tell of the lifecycle begin so; a reader that wants no more keeps only their payloads."""

CANONICAL_LIFECYCLE_TYPES: Final = frozenset(
    {
        SESSION_STARTED,
        SESSION_CONFIGURED,
        SESSION_STATE_CHANGED,
        SESSION_EXITED,
        THREAD_STARTED,
        THREAD_STATE_CHANGED,
        TURN_STARTED,
        TURN_COMPLETED,
        TURN_ABORTED,
        ITEM_STARTED,
        ITEM_COMPLETED,
        REQUEST_OPENED,
        REQUEST_RESOLVED,
        USER_INPUT_REQUESTED,
        USER_INPUT_RESOLVED,
        TASK_STARTED,
        TASK_COMPLETED,
        RUNTIME_WARNING,
        RUNTIME_ERROR,
    }
)
"""Canonical types the reducer looks at one by one; all others are activity and stay set-based in SQL."""

# --- stored: rows of the event store ---------------------------------------------------------------------------

SESSION_SET: Final = "thread.session-set"
"""The session row was set. An input to the replay only when ingestion did not write it."""

TURN_START_REQUESTED: Final = "thread.turn-start-requested"
TURN_INTERRUPT_REQUESTED: Final = "thread.turn-interrupt-requested"
SESSION_STOP_REQUESTED: Final = "thread.session-stop-requested"
APPROVAL_RESPONSE_REQUESTED: Final = "thread.approval-response-requested"
USER_INPUT_RESPONSE_REQUESTED: Final = "thread.user-input-response-requested"
CHECKPOINT_REVERT_REQUESTED: Final = "thread.checkpoint-revert-requested"
TURN_DIFF_COMPLETED: Final = "thread.turn-diff-completed"
MESSAGE_SENT: Final = "thread.message-sent"
ACTIVITY_APPENDED: Final = "thread.activity-appended"
REVERTED: Final = "thread.reverted"
THREAD_META_UPDATED: Final = "thread.meta-updated"
THREAD_ARCHIVED: Final = "thread.archived"
THREAD_UNARCHIVED: Final = "thread.unarchived"
THREAD_DELETED: Final = "thread.deleted"

REQUEST_TYPES: Final = frozenset(
    {
        TURN_START_REQUESTED,
        TURN_INTERRUPT_REQUESTED,
        SESSION_STOP_REQUESTED,
        APPROVAL_RESPONSE_REQUESTED,
        USER_INPUT_RESPONSE_REQUESTED,
    }
)
"""What a person (or the app for them) asked for; the server answers later, or never."""

STATE_TYPES: Final = (
    SESSION_SET,
    *(TURN_START_REQUESTED, TURN_INTERRUPT_REQUESTED, SESSION_STOP_REQUESTED),
    *(APPROVAL_RESPONSE_REQUESTED, USER_INPUT_RESPONSE_REQUESTED),
    *(TURN_DIFF_COMPLETED, MESSAGE_SENT, CHECKPOINT_REVERT_REQUESTED, REVERTED, THREAD_DELETED),
)
"""Stored types that decide how a thread, its session and its turns stand."""

STORED_KEYS: Final = {
    MESSAGE_SENT: ("turnId", "role", "messageId", "streaming", "createdAt", "updatedAt"),
    TURN_DIFF_COMPLETED: ("turnId", "status", "checkpointTurnCount", "checkpointRef", "assistantMessageId", "completedAt"),
}
"""What is read of the payloads of those of them that say much besides: texts and lists of files."""

REVERTING_TYPES: Final = (REVERTED, CHECKPOINT_REVERT_REQUESTED)
"""The thread went back to an earlier checkpoint: turns and the provider's session may be others since."""

REQUEST_SUFFIX: Final = "-requested"
"""What all stored types of requests end with."""

# --- activity kinds: what an ``ACTIVITY_APPENDED`` says happened ------------------------------------------------

PROVIDER_ACTIVITY_PREFIX: Final = "provider."
"""What the kinds of activities begin with that tell of a request the provider service could not carry out."""

PROGRAMS_ACTIVITIES: Final = (PROVIDER_ACTIVITY_PREFIX, "runtime.", "checkpoint")
"""So begin the kinds of activities whose texts are sentences of programs, not of people or models."""

PROGRAMS_TYPES: Final = re.compile(
    r"(?:session|runtime|auth|account|config|deprecation|error)\b|turn[./](?:completed|aborted)\b|thread[./]state"
)
"""So begin the types, canonical and native, whose ``message`` and ``detail`` are sentences of programs; elsewhere
they may be anybody's words."""

APPROVAL_REQUESTED: Final = "approval.requested"
APPROVAL_RESOLVED: Final = "approval.resolved"
"""Kinds of the activities that keep an approval, and that the provider took its answer."""

QUESTION_ACTIVITIES: Final = (USER_INPUT_REQUESTED, USER_INPUT_RESOLVED)
"""Kinds of the activities that keep a question and its answer."""

FAILED_SUFFIX: Final = ".failed"
"""What the kinds of these activities end with."""

TOOL_COMPLETED: Final = "tool.completed"
"""Kind of the activity that keeps the end of a tool."""

CHECKPOINT_REVERT_FAILED: Final = "checkpoint.revert.failed"
ERROR_TONE: Final = "error"
"""``tone`` of the activities that tell of a failure, whatever their kind."""
TURN_START_FAILED: Final = "provider.turn.start.failed"
INTERRUPT_FAILED: Final = "provider.turn.interrupt.failed"
SESSION_STOP_FAILED: Final = "provider.session.stop.failed"
APPROVAL_RESPOND_FAILED: Final = "provider.approval.respond.failed"
USER_INPUT_RESPOND_FAILED: Final = "provider.user-input.respond.failed"

# --- all of them -----------------------------------------------------------------------------------------------

_OTHER_THREAD_TYPES: Final = (
    "created runtime-mode-set interaction-mode-set proposed-plan-upserted settled unsettled "
    "snoozed unsnoozed pinned unpinned pin-reordered auto-settle-set pull-request-set pull-request-cleared "
    "pull-request-linked pull-request-unlinked pull-request-synced "
    "metadata.updated realtime.started realtime.item-added realtime.audio.delta realtime.error realtime.closed"
)

_OTHER_TYPES: Final = (
    "project.created project.meta-updated project.deleted turn.plan.updated "
    "turn.proposed.delta turn.proposed.completed turn.diff.updated "
    "session.health task.progress task.updated hook.started hook.progress hook.completed tool.progress tool.summary "
    "tool.denied auth.status account.updated account.rate-limits.updated mcp.status.updated "
    "mcp.oauth.completed model.rerouted config.warning deprecation.notice files.persisted"
)

KNOWN_TYPES: Final = (
    CANONICAL_LIFECYCLE_TYPES
    | REQUEST_TYPES
    | {ITEM_UPDATED, CONTENT_DELTA, TOKEN_USAGE_UPDATED}
    | {
        SESSION_SET,
        CHECKPOINT_REVERT_REQUESTED,
        TURN_DIFF_COMPLETED,
        MESSAGE_SENT,
        ACTIVITY_APPENDED,
    }
    | {REVERTED, THREAD_META_UPDATED, THREAD_ARCHIVED, THREAD_UNARCHIVED, THREAD_DELETED}
    | {f"thread.{name}" for name in _OTHER_THREAD_TYPES.split()}
    | frozenset(_OTHER_TYPES.split())
)
"""Stored and canonical event types of the builds known; others pass through and are counted."""
