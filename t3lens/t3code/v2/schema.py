"""The tables of the second data model, by the names the views give them.

Every projection row has the whole entity as ``payload_json``; its columns repeat some keys for looking up, and some
facts are in the payload only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "CURSOR_NAME",
    "EFFECT_OUTBOX",
    "ESSENTIALS",
    "EVENT_VERSION",
    "EVENT_VERSION_COLUMN",
    "MIGRATION_NAME",
    "PAYLOAD_COLUMN",
    "RECEIPT_TYPE_COLUMN",
    "REQUIRED",
    "TABLES",
    "THREADS",
    "Table",
]


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the second data model.

    Attributes:
        source: Its name in the database.
        name: What it is called here.
        key: The columns of its primary key.
        big: Whether it grows with everything that is said, not with the number of runs.
    """

    source: str
    name: str
    key: tuple[str, ...]
    big: bool = False


_PROJECTION: Final = "orchestration_v2_projection_"

THREADS: Final = f"{_PROJECTION}threads"
EFFECT_OUTBOX: Final = "orchestration_v2_effect_outbox"

PAYLOAD_COLUMN: Final = "payload_json"
"""The whole entity, in camelCase."""

MIGRATION_NAME: Final = "OrchestrationV2"
"""Migrations of the second data model are called so, or begin so."""

RECEIPT_TYPE_COLUMN: Final = "command_type"
"""A column of the receipts that V1 does not have: which command it was."""

EVENT_VERSION_COLUMN: Final = "application_event_version"
EVENT_VERSION: Final = 2
"""What that column of the event store says of an event of the second data model."""

CURSOR_NAME: Final = "thread-projections"
"""The one projection cursor, in the table ``cursors`` here."""

TABLES: Final = (
    Table(THREADS, "threads", ("thread_id",)),
    Table(f"{_PROJECTION}runs", "runs", ("run_id",)),
    Table(f"{_PROJECTION}run_attempts", "run_attempts", ("attempt_id",)),
    Table(f"{_PROJECTION}nodes", "nodes", ("node_id",), big=True),
    Table(f"{_PROJECTION}provider_turns", "provider_turns", ("provider_turn_id",)),
    Table(f"{_PROJECTION}provider_sessions", "provider_sessions", ("provider_session_id",)),
    Table(
        f"{_PROJECTION}provider_session_bindings",
        "provider_session_bindings",
        ("provider_session_id", "thread_id"),
    ),
    Table(f"{_PROJECTION}provider_threads", "provider_threads", ("provider_thread_id",)),
    Table(f"{_PROJECTION}runtime_requests", "runtime_requests", ("runtime_request_id",)),
    Table(f"{_PROJECTION}turn_items", "turn_items", ("turn_item_id",), big=True),
    Table(f"{_PROJECTION}subagents", "subagents", ("subagent_id",)),
    Table(f"{_PROJECTION}messages", "messages", ("message_id",), big=True),
    Table(f"{_PROJECTION}plans", "plans", ("plan_id",)),
    Table(f"{_PROJECTION}checkpoints", "checkpoints", ("checkpoint_id",)),
    Table(f"{_PROJECTION}checkpoint_scopes", "checkpoint_scopes", ("scope_id",)),
    Table(f"{_PROJECTION}context_handoffs", "context_handoffs", ("context_handoff_id",)),
    Table(f"{_PROJECTION}context_transfers", "context_transfers", ("context_transfer_id",)),
    Table(f"{_PROJECTION}metadata", "cursors", ("projection_name",)),
    Table(EFFECT_OUTBOX, "effects", ("effect_id",)),
    Table("orchestration_v2_legacy_imports", "legacy_imports", ("thread_id",)),
    Table("orchestration_v2_thread_launch_workflows", "thread_launches", ("command_id",)),
    Table("scheduled_tasks", "scheduled_tasks", ("task_id",)),
)
"""What is read as it stands at a moment; events and receipts stand in the same tables as the first model's."""

ESSENTIALS: Final = {table.source: frozenset(table.key) for table in TABLES}
"""Columns without which nothing can be said by a table, by its name."""

REQUIRED: Final = frozenset(
    table.source
    for table in TABLES
    if table.name
    in (
        "threads",
        "runs",
        "run_attempts",
        "nodes",
        "provider_turns",
        "provider_sessions",
        "provider_session_bindings",
        "provider_threads",
        "runtime_requests",
        "turn_items",
        "effects",
    )
)
"""What verdicts rest on: a database that lacks one of them is not judged."""
