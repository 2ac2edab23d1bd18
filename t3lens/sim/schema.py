"""The tables of T3 Code's ``state.sqlite``, as far as its documents name them, by build."""

from __future__ import annotations

import sqlite3
from typing import Final

from t3lens.sim.builds import SimulatedBuild
from t3lens.t3code.builds import MIGRATIONS
from t3lens.time import Micros, to_datetime

__all__ = ["PROJECTORS", "create"]

PROJECTORS: Final = (
    "projection.projects",
    "projection.thread-messages",
    "projection.thread-proposed-plans",
    "projection.thread-activities",
    "projection.thread-sessions",
    "projection.thread-turns",
    "projection.checkpoints",
    "projection.pending-approvals",
    "projection.threads",
)
"""Every projector keeps its own place in the event store."""

_TABLES: Final = {
    "effect_sql_migrations": (
        "migration_id integer PRIMARY KEY NOT NULL, created_at datetime NOT NULL DEFAULT current_timestamp,"
        " name VARCHAR(255) NOT NULL"
    ),
    "orchestration_events": (
        "sequence INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE,"
        " aggregate_kind TEXT NOT NULL, stream_id TEXT NOT NULL, stream_version INTEGER NOT NULL,"
        " event_type TEXT NOT NULL, occurred_at TEXT NOT NULL, command_id TEXT, causation_event_id TEXT,"
        " correlation_id TEXT, actor_kind TEXT NOT NULL, payload_json TEXT NOT NULL,"
        " metadata_json TEXT NOT NULL, UNIQUE (aggregate_kind, stream_id, stream_version)"
    ),
    "orchestration_command_receipts": (
        "command_id TEXT PRIMARY KEY, aggregate_kind TEXT NOT NULL, aggregate_id TEXT NOT NULL,"
        " accepted_at TEXT NOT NULL, result_sequence INTEGER NOT NULL, status TEXT NOT NULL, error TEXT"
    ),
    "checkpoint_diff_blobs": (
        "thread_id TEXT NOT NULL, from_turn_count INTEGER NOT NULL, to_turn_count INTEGER NOT NULL,"
        " diff TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE (thread_id, from_turn_count, to_turn_count)"
    ),
    "provider_session_runtime": (
        "thread_id TEXT PRIMARY KEY, provider_name TEXT NOT NULL, adapter_key TEXT NOT NULL,"
        " runtime_mode TEXT NOT NULL DEFAULT 'full-access', status TEXT NOT NULL, last_seen_at TEXT NOT NULL,"
        " resume_cursor_json TEXT, runtime_payload_json TEXT, provider_instance_id TEXT"
    ),
    "projection_projects": (
        "project_id TEXT PRIMARY KEY, title TEXT NOT NULL, workspace_root TEXT NOT NULL,"
        " scripts_json TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, deleted_at TEXT,"
        " default_model_selection_json TEXT"
    ),
    "projection_threads": (
        "thread_id TEXT PRIMARY KEY, project_id TEXT NOT NULL, title TEXT NOT NULL, branch TEXT,"
        " worktree_path TEXT, latest_turn_id TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,"
        " deleted_at TEXT, runtime_mode TEXT NOT NULL DEFAULT 'full-access',"
        " interaction_mode TEXT NOT NULL DEFAULT 'default', model_selection_json TEXT, archived_at TEXT,"
        " latest_user_message_at TEXT, pending_approval_count INTEGER NOT NULL DEFAULT 0,"
        " pending_user_input_count INTEGER NOT NULL DEFAULT 0,"
        " has_actionable_proposed_plan INTEGER NOT NULL DEFAULT 0"
    ),
    "projection_thread_messages": (
        "message_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, turn_id TEXT, role TEXT NOT NULL,"
        " text TEXT NOT NULL, is_streaming INTEGER NOT NULL, created_at TEXT NOT NULL,"
        " updated_at TEXT NOT NULL, attachments_json TEXT"
    ),
    "projection_thread_activities": (
        "activity_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, turn_id TEXT, tone TEXT NOT NULL,"
        " kind TEXT NOT NULL, summary TEXT NOT NULL, payload_json TEXT NOT NULL, created_at TEXT NOT NULL,"
        " sequence INTEGER"
    ),
    "projection_thread_sessions": (
        "thread_id TEXT PRIMARY KEY, status TEXT NOT NULL, provider_name TEXT, provider_session_id TEXT,"
        " provider_thread_id TEXT, active_turn_id TEXT, last_error TEXT, updated_at TEXT NOT NULL,"
        " runtime_mode TEXT NOT NULL DEFAULT 'full-access', provider_instance_id TEXT"
    ),
    "projection_turns": (
        "row_id INTEGER PRIMARY KEY AUTOINCREMENT, thread_id TEXT NOT NULL, turn_id TEXT,"
        " pending_message_id TEXT, assistant_message_id TEXT, state TEXT NOT NULL,"
        " requested_at TEXT NOT NULL, started_at TEXT, completed_at TEXT, checkpoint_turn_count INTEGER,"
        " checkpoint_ref TEXT, checkpoint_status TEXT, checkpoint_files_json TEXT NOT NULL,"
        " source_proposed_plan_thread_id TEXT, source_proposed_plan_id TEXT, UNIQUE (thread_id, turn_id),"
        " UNIQUE (thread_id, checkpoint_turn_count)"
    ),
    "projection_pending_approvals": (
        "request_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, turn_id TEXT, status TEXT NOT NULL,"
        " decision TEXT, created_at TEXT NOT NULL, resolved_at TEXT"
    ),
    "projection_state": ("projector TEXT PRIMARY KEY, last_applied_sequence INTEGER NOT NULL, updated_at TEXT NOT NULL"),
    "projection_thread_proposed_plans": (
        "plan_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, turn_id TEXT, plan_markdown TEXT NOT NULL,"
        " created_at TEXT NOT NULL, updated_at TEXT NOT NULL, implemented_at TEXT,"
        " implementation_thread_id TEXT"
    ),
    "auth_pairing_links": (
        "id TEXT PRIMARY KEY, credential TEXT NOT NULL UNIQUE, method TEXT NOT NULL, {grant} TEXT NOT NULL,"
        " subject TEXT NOT NULL, label TEXT, created_at TEXT NOT NULL, expires_at TEXT NOT NULL,"
        " consumed_at TEXT, revoked_at TEXT"
    ),
    "auth_sessions": (
        "session_id TEXT PRIMARY KEY, subject TEXT NOT NULL, {grant} TEXT NOT NULL, method TEXT NOT NULL,"
        " client_label TEXT, client_device_type TEXT NOT NULL DEFAULT 'unknown', issued_at TEXT NOT NULL,"
        " expires_at TEXT NOT NULL, last_connected_at TEXT, revoked_at TEXT"
    ),
}

_ADDED: Final = (
    (32, "auth_pairing_links", ("proof_key_thumbprint",)),
    (33, "projection_threads", ("settled_override", "settled_at")),
    (34, "projection_threads", ("snoozed_until", "snoozed_at")),
    (35, "projection_threads", ("title_regeneration_request_id", "title_regeneration_started_at")),
    (36, "projection_threads", ("pinned_at",)),
    (38, "projection_threads", ("pin_order_key",)),
    (39, "projection_projects", ("default_thread_env_mode",)),
    (40, "projection_projects", ("favicon_path",)),
)
"""Columns that later migrations add: migration, table, columns (all TEXT)."""

_INDEXES: Final = (
    "idx_orch_events_command_id ON orchestration_events(command_id)",
    "idx_projection_turns_thread_requested ON projection_turns(thread_id, requested_at)",
    "idx_projection_thread_activities_thread_created ON projection_thread_activities(thread_id, created_at)",
    "idx_projection_pending_approvals_thread_status ON projection_pending_approvals(thread_id, status)",
)


def create(connection: sqlite3.Connection, build: SimulatedBuild, at: Micros) -> None:
    """Make the tables of ``build`` and its migration rows, dated ``at``."""
    grant = "scopes" if build.scopes else "role"
    for table, columns in _TABLES.items():
        connection.execute(f"CREATE TABLE {table} ({columns.format(grant=grant)})")
    for index in _INDEXES:
        connection.execute(f"CREATE INDEX {index}")
    for migration, table, names in _ADDED:
        if migration <= build.migrations:
            for name in names:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} TEXT")
    stamp = f"{to_datetime(at):%Y-%m-%d %H:%M:%S}"
    connection.executemany(
        "INSERT INTO effect_sql_migrations (migration_id, created_at, name) VALUES (?, ?, ?)",
        [(number + 1, stamp, MIGRATIONS[number]) for number in range(build.migrations)],
    )
