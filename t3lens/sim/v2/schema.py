"""The tables of the second data model, beside those of the first, which stay empty."""

from __future__ import annotations

import sqlite3
from typing import Final

from t3lens.sim.builds import BUILDS
from t3lens.sim.schema import create as create_first
from t3lens.sim.v2.builds import SecondBuild
from t3lens.t3code.data_model import V1_MIGRATIONS
from t3lens.time import Micros, iso, to_datetime

__all__ = ["add", "create"]

_TABLES: Final = {
    "orchestration_v2_events": (
        "sequence INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, command_id TEXT, thread_id "
        "TEXT NOT NULL, run_id TEXT, node_id TEXT, provider TEXT, raw_event_id TEXT, event_type TEXT NOT NULL, "
        "occurred_at TEXT NOT NULL, payload_json TEXT NOT NULL, driver TEXT, provider_instance_id TEXT"
    ),
    "orchestration_v2_command_receipts": (
        "command_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, command_type TEXT NOT NULL, accepted_at TEXT NOT "
        "NULL, result_sequence INTEGER NOT NULL, status TEXT NOT NULL, error TEXT"
    ),
    "orchestration_v2_projection_threads": (
        "thread_id TEXT PRIMARY KEY, project_id TEXT NOT NULL, title TEXT NOT NULL, default_provider TEXT NOT "
        "NULL, runtime_mode TEXT NOT NULL, interaction_mode TEXT NOT NULL, active_provider_thread_id TEXT, "
        "created_at TEXT NOT NULL, updated_at TEXT NOT NULL, archived_at TEXT, deleted_at TEXT, payload_json TEXT "
        "NOT NULL, provider_instance_id TEXT"
    ),
    "orchestration_v2_projection_runs": (
        "run_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, ordinal INTEGER NOT NULL, provider TEXT NOT NULL, "
        "provider_thread_id TEXT, status TEXT NOT NULL, requested_at TEXT NOT NULL, completed_at TEXT, "
        "payload_json TEXT NOT NULL, provider_instance_id TEXT"
    ),
    "orchestration_v2_projection_run_attempts": (
        "attempt_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, run_id TEXT NOT NULL, attempt_ordinal INTEGER NOT "
        "NULL, root_node_id TEXT NOT NULL, provider TEXT NOT NULL, provider_thread_id TEXT NOT NULL, "
        "provider_turn_id TEXT, status TEXT NOT NULL, payload_json TEXT NOT NULL, provider_instance_id TEXT"
    ),
    "orchestration_v2_projection_nodes": (
        "node_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, run_id TEXT, parent_node_id TEXT, root_node_id TEXT "
        "NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, provider_thread_id TEXT, provider_turn_id TEXT, "
        "runtime_request_id TEXT, checkpoint_scope_id TEXT, started_at TEXT, completed_at TEXT, payload_json TEXT "
        "NOT NULL"
    ),
    "orchestration_v2_projection_provider_sessions": (
        "provider_session_id TEXT PRIMARY KEY, thread_id TEXT, provider TEXT NOT NULL, status TEXT NOT NULL, model "
        "TEXT, updated_at TEXT NOT NULL, payload_json TEXT NOT NULL, driver TEXT, provider_instance_id TEXT"
    ),
    "orchestration_v2_projection_provider_threads": (
        "provider_thread_id TEXT PRIMARY KEY, thread_id TEXT, owner_node_id TEXT, provider TEXT NOT NULL, "
        "provider_session_id TEXT, status TEXT NOT NULL, first_run_ordinal INTEGER, last_run_ordinal INTEGER, "
        "updated_at TEXT NOT NULL, payload_json TEXT NOT NULL, driver TEXT, provider_instance_id TEXT"
    ),
    "orchestration_v2_projection_provider_turns": (
        "provider_turn_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, provider_thread_id TEXT NOT NULL, node_id "
        "TEXT NOT NULL, run_attempt_id TEXT, ordinal INTEGER NOT NULL, status TEXT NOT NULL, started_at TEXT, "
        "completed_at TEXT, payload_json TEXT NOT NULL"
    ),
    "orchestration_v2_projection_runtime_requests": (
        "runtime_request_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, node_id TEXT NOT NULL, provider_turn_id "
        "TEXT, kind TEXT NOT NULL, status TEXT NOT NULL, created_at TEXT NOT NULL, resolved_at TEXT, payload_json "
        "TEXT NOT NULL"
    ),
    "orchestration_v2_projection_messages": (
        "message_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, run_id TEXT, node_id TEXT, role TEXT NOT NULL, "
        "streaming INTEGER NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, payload_json TEXT NOT "
        "NULL"
    ),
    "orchestration_v2_projection_plans": (
        "plan_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, run_id TEXT, node_id TEXT NOT NULL, kind TEXT NOT "
        "NULL, status TEXT NOT NULL, payload_json TEXT NOT NULL"
    ),
    "orchestration_v2_projection_turn_items": (
        "turn_item_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, run_id TEXT, node_id TEXT, provider_thread_id "
        "TEXT, provider_turn_id TEXT, parent_item_id TEXT, ordinal INTEGER NOT NULL, type TEXT NOT NULL, status "
        "TEXT NOT NULL, updated_at TEXT NOT NULL, payload_json TEXT NOT NULL"
    ),
    "orchestration_v2_projection_checkpoint_scopes": (
        "scope_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, run_id TEXT, node_id TEXT NOT NULL, parent_scope_id "
        "TEXT, provider_thread_id TEXT, kind TEXT NOT NULL, ordinal_within_parent INTEGER NOT NULL, "
        "advances_app_run_count INTEGER NOT NULL, created_at TEXT NOT NULL, payload_json TEXT NOT NULL"
    ),
    "orchestration_v2_projection_checkpoints": (
        "checkpoint_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, scope_id TEXT NOT NULL, run_id TEXT, node_id "
        "TEXT NOT NULL, parent_checkpoint_id TEXT, ordinal_within_scope INTEGER NOT NULL, app_run_ordinal INTEGER, "
        "status TEXT NOT NULL, captured_at TEXT NOT NULL, payload_json TEXT NOT NULL"
    ),
    "orchestration_v2_projection_context_handoffs": (
        "context_handoff_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, target_run_id TEXT NOT NULL, "
        "to_provider_thread_id TEXT NOT NULL, strategy TEXT NOT NULL, status TEXT NOT NULL, updated_at TEXT NOT "
        "NULL, payload_json TEXT NOT NULL"
    ),
    "orchestration_v2_projection_context_transfers": (
        "context_transfer_id TEXT PRIMARY KEY, source_thread_id TEXT NOT NULL, target_thread_id TEXT NOT NULL, "
        "target_run_id TEXT, type TEXT NOT NULL, status TEXT NOT NULL, source_provider TEXT, target_provider TEXT, "
        "updated_at TEXT NOT NULL, payload_json TEXT NOT NULL, source_provider_instance_id TEXT, "
        "target_provider_instance_id TEXT"
    ),
    "orchestration_v2_projection_subagents": (
        "subagent_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, run_id TEXT, parent_node_id TEXT NOT NULL, "
        "provider TEXT NOT NULL, provider_thread_id TEXT, child_thread_id TEXT, origin TEXT NOT NULL, status TEXT "
        "NOT NULL, started_at TEXT, completed_at TEXT, updated_at TEXT NOT NULL, payload_json TEXT NOT NULL, "
        "driver TEXT, provider_instance_id TEXT"
    ),
    "orchestration_v2_turn_item_positions": (
        "thread_id TEXT NOT NULL, turn_item_id TEXT NOT NULL, ordinal INTEGER NOT NULL, PRIMARY KEY (thread_id, "
        "turn_item_id), UNIQUE (thread_id, ordinal)"
    ),
    "orchestration_v2_projection_metadata": (
        "projection_name TEXT PRIMARY KEY, schema_version INTEGER NOT NULL, last_sequence INTEGER NOT NULL, "
        "updated_at TEXT NOT NULL"
    ),
    "orchestration_v2_projection_provider_session_bindings": (
        "provider_session_id TEXT NOT NULL, thread_id TEXT NOT NULL, PRIMARY KEY (provider_session_id, thread_id)"
    ),
    "orchestration_v2_thread_launch_workflows": (
        "command_id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, project_id TEXT NOT NULL, status TEXT NOT NULL, "
        "title TEXT NOT NULL, worktree_path TEXT, branch TEXT, setup_committed INTEGER NOT NULL DEFAULT 0, "
        "thread_committed INTEGER NOT NULL DEFAULT 0, message_committed INTEGER NOT NULL DEFAULT 0, last_error "
        "TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL"
    ),
    "orchestration_v2_effect_outbox": (
        "effect_id TEXT PRIMARY KEY, command_id TEXT NOT NULL, thread_id TEXT NOT NULL, effect_type TEXT NOT NULL, "
        "payload_json TEXT NOT NULL, status TEXT NOT NULL, attempt_count INTEGER NOT NULL DEFAULT 0, available_at "
        "TEXT NOT NULL, lease_owner TEXT, lease_expires_at TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT "
        "NULL, completed_at TEXT, last_error TEXT"
    ),
    "scheduled_tasks": (
        "task_id TEXT PRIMARY KEY, title TEXT NOT NULL, prompt TEXT NOT NULL, enabled INTEGER NOT NULL, "
        "schedule_json TEXT NOT NULL, project_id TEXT NOT NULL, thread_id TEXT, workspace_strategy_json TEXT NOT "
        "NULL, model_selection_json TEXT NOT NULL, runtime_mode TEXT NOT NULL, interaction_mode TEXT NOT NULL, "
        "created_by TEXT NOT NULL, creation_source TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT "
        "NULL, next_run_at TEXT, last_run_at TEXT, last_run_status TEXT NOT NULL, last_run_error TEXT, run_count "
        "INTEGER NOT NULL"
    ),
    "orchestration_v2_legacy_imports": (
        "thread_id TEXT PRIMARY KEY, source_updated_at TEXT NOT NULL, shell_imported_at TEXT NOT NULL, "
        "transcript_imported_at TEXT, imported_message_count INTEGER NOT NULL DEFAULT 0, last_error TEXT"
    ),
}
_INDEXES: Final = (
    "CREATE UNIQUE INDEX orchestration_v2_projection_runs_thread_ordinal_idx"
    " ON orchestration_v2_projection_runs(thread_id, ordinal)",
    "CREATE INDEX orchestration_v2_effect_outbox_thread_status_idx"
    " ON orchestration_v2_effect_outbox(thread_id, status, effect_type)",
)


def create(connection: sqlite3.Connection, build: SecondBuild, at: Micros) -> None:
    """Make every table of a build, all of them empty.

    Args:
        connection: To a database without tables.
        build: The build whose tables are made.
        at: When, microseconds UTC.
    """
    create_first(connection, list(BUILDS.values())[-1], at)
    connection.execute("DELETE FROM effect_sql_migrations WHERE migration_id >= ?", (build.first_migration,))
    add(connection, build, at)


def add(connection: sqlite3.Connection, build: SecondBuild, at: Micros) -> None:
    """Make the second model's tables beside those of the first, which is what its migrations do.

    Args:
        connection: To a database of the first model.
        build: The build whose tables are made.
        at: When, microseconds UTC.
    """
    run = connection.execute
    made = to_datetime(at).strftime("%Y-%m-%d %H:%M:%S")
    have = {row[0] for row in run("SELECT migration_id FROM effect_sql_migrations").fetchall()}
    before = {number: name for number, name in V1_MIGRATIONS.items() if number < build.first_migration}
    for number, name in [*before.items(), *enumerate(build.migrations, build.first_migration)]:
        if number not in have:
            run("INSERT INTO effect_sql_migrations (migration_id, created_at, name) VALUES (?, ?, ?)", (number, made, name))
    run("ALTER TABLE orchestration_events ADD COLUMN application_event_version INTEGER NOT NULL DEFAULT 1")
    run("ALTER TABLE orchestration_command_receipts ADD COLUMN command_type TEXT NOT NULL DEFAULT 'legacy'")
    for table, columns in _TABLES.items():
        run(f"CREATE TABLE {table} ({columns})")
    for statement in _INDEXES:
        run(statement)
    run(
        "INSERT INTO orchestration_v2_projection_metadata VALUES ('thread-projections', 2, 0, ?)",
        (iso(at),),
    )
