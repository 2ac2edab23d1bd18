"""Tables and columns of V1's ``state.sqlite``, as far as t3lens reads or knows them.

``orchestration_events`` is the event store and the ``projection_*`` tables a function of it;
``provider_session_runtime`` is written directly, not through events. Columns vary by build: read what is there.
``auth_*`` tables hold secrets and stand in no list here, so that nothing reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

__all__ = [
    "BINDING_STATUSES",
    "COMMAND_RECEIPTS",
    "EFFECT_SQL_MIGRATIONS",
    "ESSENTIALS",
    "EVENT_COLUMNS",
    "ORCHESTRATION_EVENTS",
    "PROJECTION_PENDING_APPROVALS",
    "PROJECTION_PROJECTS",
    "PROJECTION_STATE",
    "PROJECTION_THREADS",
    "PROJECTION_THREAD_ACTIVITIES",
    "PROJECTION_THREAD_SESSIONS",
    "PROJECTION_TURNS",
    "PROVIDER_SESSION_RUNTIME",
    "RECEIPT_COLUMNS",
    "STOP_ALL",
    "TABLES",
    "THREADS_PROJECTOR",
    "StateTable",
]

ORCHESTRATION_EVENTS: Final = "orchestration_events"
COMMAND_RECEIPTS: Final = "orchestration_command_receipts"
PROJECTION_THREAD_ACTIVITIES: Final = "projection_thread_activities"
PROJECTION_THREADS: Final = "projection_threads"
PROJECTION_THREAD_SESSIONS: Final = "projection_thread_sessions"
PROJECTION_TURNS: Final = "projection_turns"
PROJECTION_PENDING_APPROVALS: Final = "projection_pending_approvals"
PROJECTION_PROJECTS: Final = "projection_projects"
PROJECTION_STATE: Final = "projection_state"
PROVIDER_SESSION_RUNTIME: Final = "provider_session_runtime"
EFFECT_SQL_MIGRATIONS: Final = "effect_sql_migrations"

THREADS_PROJECTOR: Final = "projection.threads"
"""The projector, a row of ``projection_state``, that writes ``projection_threads``."""

BINDING_STATUSES: Final = frozenset({"starting", "running", "stopped", "error"})
"""Statuses of a row of ``provider_session_runtime`` that the reaper knows."""

STOP_ALL: Final = "provider.stopAll"
"""``lastRuntimeEvent`` of a binding that a server wrote when it shut down."""

EVENT_COLUMNS: Final = (
    "sequence", "event_id", "aggregate_kind", "stream_id", "stream_version", "event_type", "occurred_at",
    "command_id", "causation_event_id", "correlation_id", "actor_kind", "payload_json", "metadata_json",
)  # fmt: skip
"""Columns of ``orchestration_events``."""

_EVENT: Final = frozenset({
    "sequence", "event_id", "aggregate_kind", "stream_id", "event_type", "occurred_at", "payload_json",
})  # fmt: skip
"""Without one of these an event says nothing of any thread."""

_TELLING: Final = frozenset({"thread_id", "status", "state", "projector", "last_applied_sequence"})
"""Without one of these, where a table of states should have it, a row says nothing."""

RECEIPT_COLUMNS: Final = (
    "command_id", "aggregate_kind", "aggregate_id", "accepted_at", "result_sequence", "status", "error",
)  # fmt: skip
"""Columns of ``orchestration_command_receipts``."""


@dataclass(frozen=True, slots=True)
class StateTable:
    """A table whose rows are the newest state, not a history.

    Attributes:
        name: What it is called.
        key: Its primary key.
        columns: Columns that t3lens gives names of its own in views.
        json_columns: Columns that hold JSON, with the name of what they hold.
        others: Columns of the builds known that nothing here reads.
    """

    name: str
    key: str
    columns: tuple[str, ...]
    json_columns: dict[str, str] = field(default_factory=dict)
    others: frozenset[str] = frozenset()


TABLES: Final = (
    StateTable(
        PROJECTION_THREADS,
        "thread_id",
        (
            "thread_id", "project_id", "title", "latest_turn_id", "created_at", "updated_at",
            "archived_at", "deleted_at", "runtime_mode", "pending_approval_count",
            "pending_user_input_count", "settled_override", "settled_at", "snoozed_until",
        ),
        others=frozenset(
            {
                "interaction_mode", "model_selection_json", "branch", "worktree_path", "latest_user_message_at",
                "has_actionable_proposed_plan", "snoozed_at", "title_regeneration_request_id",
                "title_regeneration_started_at", "pinned_at", "pin_order_key",
            }
        ),
    ),
    StateTable(
        PROJECTION_THREAD_SESSIONS,
        "thread_id",
        (
            "thread_id", "status", "provider_name", "provider_instance_id", "provider_session_id",
            "provider_thread_id", "active_turn_id", "last_error", "updated_at", "runtime_mode",
        ),
    ),
    StateTable(
        PROVIDER_SESSION_RUNTIME,
        "thread_id",
        (
            "thread_id", "status", "provider_name", "provider_instance_id", "adapter_key",
            "runtime_mode", "last_seen_at",
        ),
        {"resume_cursor_json": "resume_cursor", "runtime_payload_json": "runtime_payload"},
    ),
    StateTable(
        PROJECTION_TURNS,
        "row_id",
        (
            "row_id", "thread_id", "turn_id", "pending_message_id", "assistant_message_id", "state",
            "requested_at", "started_at", "completed_at", "checkpoint_turn_count", "checkpoint_ref",
            "checkpoint_status",
        ),
        others=frozenset(
            {"checkpoint_files_json", "source_proposed_plan_thread_id", "source_proposed_plan_id"}
        ),
    ),
    StateTable(
        PROJECTION_PENDING_APPROVALS,
        "request_id",
        ("request_id", "thread_id", "turn_id", "status", "decision", "created_at", "resolved_at"),
    ),
    StateTable(
        PROJECTION_STATE, "projector",
        ("projector", "last_applied_sequence", "updated_at"),
    ),
    StateTable(
        PROJECTION_PROJECTS, "project_id",
        ("project_id", "title", "workspace_root", "deleted_at"),
        others=frozenset(
            {
                "created_at", "updated_at", "default_model_selection_json", "scripts_json",
                "default_thread_env_mode", "favicon_path",
            }
        ),
    ),
    StateTable(
        EFFECT_SQL_MIGRATIONS, "migration_id",
        ("migration_id", "name", "created_at"),
    ),
)  # fmt: skip
"""The tables read as they are now, in the order in which they are read."""

ESSENTIALS: Final = {
    ORCHESTRATION_EVENTS: _EVENT,
    **{table.name: _TELLING.intersection(table.columns) for table in TABLES},
}
"""Columns without which nothing can be said by a table, by its name."""
