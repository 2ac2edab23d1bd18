"""What a server of the second data model does with what it finds: a home of the first one, and old events of its own.

The first launch copies the first model's database and goes its own way from there. Its threads come over as shells, with
their messages; runs, approvals and sessions do not. Then, and at every start, what was superseded is compacted away.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.sim.v2 import entities
from t3lens.sim.v2.database import SecondDatabase
from t3lens.time import Micros, iso

__all__ = ["compact", "copy_first", "import_first"]

_FIRST: Final = "state.sqlite"
_SUPERSEDED: Final = ("message.updated", "node.updated")
"""Of these only the newest for each entity is kept."""


def copy_first(database: Path) -> None:
    """A consistent copy of the first model's database under the second's name, if only the first is there."""
    first = database.with_name(_FIRST)
    if database.exists() or not first.exists():
        return
    with closing(sqlite3.connect(first)) as source, closing(sqlite3.connect(database)) as target:
        source.backup(target)


def import_first(database: SecondDatabase, at: Micros) -> None:
    """Bring the first model's threads over that are not there yet: shells with their messages, idle whatever they were."""
    known = set(database.thread_ids())
    rows = database.rows("SELECT * FROM projection_threads WHERE deleted_at IS NULL ORDER BY created_at, thread_id")
    with database.transaction():
        for row in rows:
            if row["thread_id"] not in known:
                _import_thread(database, dict(row), at)


def _import_thread(database: SecondDatabase, row: dict[str, Any], at: Micros) -> None:
    thread_id = row["thread_id"]
    selection = msgspec.json.decode(row["model_selection_json"] or "{}")
    provider = selection.get("instanceId") or "opencode"
    shell = entities.thread(thread_id, row["project_id"], row["title"], "opencode", row["runtime_mode"], at) | {
        "createdBy": "system",
        "creationSource": "server",
        "providerInstanceId": provider,
        "modelSelection": selection,
        "historyOrigin": "v1_import",
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
        "archivedAt": row.get("archived_at"),
    }
    database.append("thread.created", thread_id, shell, at, metadata={"providerInstanceId": provider})
    messages = database.rows(
        "SELECT * FROM projection_thread_messages WHERE thread_id = ? ORDER BY created_at, message_id", thread_id
    )
    for message in messages:
        payload = {
            "createdBy": "user" if message["role"] == "user" else "agent",
            "creationSource": "server",
            "id": message["message_id"],
            "threadId": thread_id,
            "runId": None,
            "nodeId": None,
            "role": message["role"],
            "text": message["text"],
            "attachments": [],
            "streaming": False,
            "createdAt": message["created_at"],
            "updatedAt": message["updated_at"],
        }
        database.append("message.updated", thread_id, payload, at)
    database.connection.execute(
        "INSERT INTO orchestration_v2_legacy_imports VALUES (?, ?, ?, ?, ?, NULL)",
        (thread_id, row["updated_at"], iso(at), iso(at), len(messages)),
    )


def compact(database: SecondDatabase) -> None:
    """Delete what was superseded, and what the first model stored of threads that came over."""
    imported = "SELECT thread_id FROM orchestration_v2_legacy_imports"
    marks = ", ".join("?" for _ in _SUPERSEDED)
    with database.transaction():
        database.connection.execute(
            f"DELETE FROM orchestration_events WHERE event_type IN ({marks}) AND sequence NOT IN ("
            " SELECT max(sequence) FROM orchestration_events"
            " GROUP BY event_type, stream_id, json_extract(payload_json, '$.id'))",
            _SUPERSEDED,
        )
        database.connection.execute(
            f"DELETE FROM orchestration_events WHERE application_event_version < 2 AND stream_id IN ({imported})"
        )
        database.connection.execute(
            f"DELETE FROM orchestration_command_receipts WHERE command_type = 'legacy' AND aggregate_id IN ({imported})"
        )
