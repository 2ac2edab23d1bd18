"""What the server's API shows: rows of the projections as JSON, in the shapes of each build."""

from __future__ import annotations

from typing import Any

import msgspec

from t3lens.sim.builds import SimulatedBuild
from t3lens.sim.statedb import StateDatabase
from t3lens.time import Micros, iso

__all__ = ["descriptor", "shell", "snapshot", "thread_detail"]

_AUGUST = (
    ("settledOverride", "settled_override"),
    ("settledAt", "settled_at"),
    ("snoozedUntil", "snoozed_until"),
    ("snoozedAt", "snoozed_at"),
    ("pinnedAt", "pinned_at"),
    ("pinOrderKey", "pin_order_key"),
)


def descriptor(build: SimulatedBuild, environment_id: str) -> dict[str, Any]:
    """The environment descriptor, which needs no token."""
    return {
        "environmentId": environment_id,
        "label": "sim",
        "platform": {"os": "linux", "arch": "x64"},
        "serverVersion": build.version,
        "capabilities": dict.fromkeys(build.capabilities, True),
    }


def snapshot(database: StateDatabase, build: SimulatedBuild) -> dict[str, Any]:
    """Everything, deleted and archived threads too; on light builds without what threads say."""
    rows = database.all("SELECT * FROM projection_threads ORDER BY created_at, thread_id")
    threads = [_thread(database, build, row, full=not build.light_snapshot) for row in rows]
    return _around(database, {"projects": _projects(database, build, deleted=True), "threads": threads})


def shell(database: StateDatabase, build: SimulatedBuild) -> dict[str, Any]:
    """The list that clients show: no archived or deleted threads, no messages, no activities."""
    rows = database.all(
        "SELECT * FROM projection_threads WHERE deleted_at IS NULL AND archived_at IS NULL ORDER BY created_at, thread_id"
    )
    threads = []
    for row in rows:
        shown = _head(database, build, row)
        shown["session"] = _session(database, row["thread_id"])
        shown["latestUserMessageAt"] = row["latest_user_message_at"]
        shown["hasPendingApprovals"] = row["pending_approval_count"] > 0
        shown["hasPendingUserInput"] = row["pending_user_input_count"] > 0
        shown["hasActionableProposedPlan"] = bool(row["has_actionable_proposed_plan"])
        if build.migrations >= 33:
            shown.update(backgroundLiveness=None, planProgress=None)
        threads.append(shown)
    return _around(database, {"projects": _projects(database, build, deleted=False), "threads": threads})


def thread_detail(database: StateDatabase, build: SimulatedBuild, thread_id: str) -> dict[str, Any] | None:
    """One thread with all it says; None if it is unknown, deleted or archived."""
    row = database.row("projection_threads", "thread_id", thread_id)
    if row is None or row["deleted_at"] is not None or row["archived_at"] is not None:
        return None
    return {
        "snapshotSequence": database.sequence,
        "thread": _thread(database, build, row, full=True),
    }


def _around(database: StateDatabase, body: dict[str, Any]) -> dict[str, Any]:
    newest = database.all("SELECT max(updated_at) AS at FROM projection_state")[0]["at"]
    return {"snapshotSequence": database.sequence, **body, "updatedAt": newest}


def _projects(database: StateDatabase, build: SimulatedBuild, *, deleted: bool) -> list[dict[str, Any]]:
    shown = []
    august = build.migrations >= 40
    for row in database.all("SELECT * FROM projection_projects ORDER BY created_at, project_id"):
        if row["deleted_at"] is not None and not deleted:
            continue
        project = {
            "id": row["project_id"],
            "title": row["title"],
            "workspaceRoot": row["workspace_root"],
        }
        if not (august and deleted):  # the light snapshot leaves it out, the list does not
            project["repositoryIdentity"] = None
        project["defaultModelSelection"] = _decoded(row["default_model_selection_json"])
        if august:
            project["defaultThreadEnvMode"] = row["default_thread_env_mode"]
            project["faviconPath"] = row["favicon_path"]
        project["scripts"] = _decoded(row["scripts_json"])
        project["createdAt"] = row["created_at"]
        project["updatedAt"] = row["updated_at"]
        if deleted:
            project["deletedAt"] = row["deleted_at"]
        shown.append(project)
    return shown


def _head(database: StateDatabase, build: SimulatedBuild, row: dict[str, Any]) -> dict[str, Any]:
    shown = {
        "id": row["thread_id"],
        "projectId": row["project_id"],
        "title": row["title"],
        "modelSelection": _decoded(row["model_selection_json"]),
        "runtimeMode": row["runtime_mode"],
        "interactionMode": row["interaction_mode"],
        "branch": row["branch"],
        "worktreePath": row["worktree_path"],
        "latestTurn": _turn(database, row["thread_id"], row["latest_turn_id"]),
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
        "archivedAt": row["archived_at"],
    }
    if build.migrations >= 33:
        shown.update({name: row[column] for name, column in _AUGUST})
        shown["titleRegeneration"] = None
    return shown


def _thread(database: StateDatabase, build: SimulatedBuild, row: dict[str, Any], *, full: bool) -> dict[str, Any]:
    thread_id = row["thread_id"]
    shown = _head(database, build, row)
    shown["deletedAt"] = row["deleted_at"]
    shown["messages"] = _messages(database, thread_id) if full else []
    shown["proposedPlans"] = []
    shown["activities"] = _activities(database, thread_id) if full else []
    shown["checkpoints"] = _checkpoints(database, thread_id) if full else []
    shown["session"] = _session(database, thread_id)
    return shown


def _turn(database: StateDatabase, thread_id: str, turn_id: str | None) -> dict[str, Any] | None:
    row = database.rows(thread_id).turns.get(turn_id) if turn_id else None
    if row is None:
        return None
    return {
        "turnId": turn_id,
        "state": row.state,
        "requestedAt": iso(row.requested_at),
        "startedAt": _time(row.started_at),
        "completedAt": _time(row.completed_at),
        "assistantMessageId": row.assistant_message_id,
    }


def _session(database: StateDatabase, thread_id: str) -> dict[str, Any] | None:
    row = database.row("projection_thread_sessions", "thread_id", thread_id)
    if row is None:
        return None
    shown = {"threadId": thread_id, "status": row["status"], "providerName": row["provider_name"]}
    if row["provider_instance_id"] is not None:
        shown["providerInstanceId"] = row["provider_instance_id"]
    shown.update(
        runtimeMode=row["runtime_mode"],
        activeTurnId=row["active_turn_id"],
        lastError=row["last_error"],
        updatedAt=row["updated_at"],
    )
    return shown


def _messages(database: StateDatabase, thread_id: str) -> list[dict[str, Any]]:
    shown = []
    for row in database.all(
        "SELECT * FROM projection_thread_messages WHERE thread_id = ? ORDER BY created_at, message_id",
        (thread_id,),
    ):
        message = {"id": row["message_id"], "role": row["role"], "text": row["text"]}
        if row["attachments_json"] is not None:
            message["attachments"] = _decoded(row["attachments_json"])
        message.update(
            turnId=row["turn_id"],
            streaming=bool(row["is_streaming"]),
            createdAt=row["created_at"],
            updatedAt=row["updated_at"],
        )
        shown.append(message)
    return shown


def _activities(database: StateDatabase, thread_id: str) -> list[dict[str, Any]]:
    return [
        {
            "id": row["activity_id"],
            "tone": row["tone"],
            "kind": row["kind"],
            "summary": row["summary"],
            "payload": _decoded(row["payload_json"]),
            "turnId": row["turn_id"],
            "createdAt": row["created_at"],
        }
        for row in database.all(
            "SELECT * FROM projection_thread_activities WHERE thread_id = ? ORDER BY created_at, activity_id",
            (thread_id,),
        )
    ]


def _checkpoints(database: StateDatabase, thread_id: str) -> list[dict[str, Any]]:
    return [
        {
            "turnId": row.turn_id,
            "checkpointTurnCount": row.checkpoint_turn_count,
            "checkpointRef": row.checkpoint_ref,
            "status": row.checkpoint_status,
            "files": list(row.checkpoint_files),
            "assistantMessageId": row.assistant_message_id,
            "completedAt": _time(row.completed_at),
        }
        for row in database.rows(thread_id).turns.values()
        if row.checkpoint_turn_count is not None
    ]


def _time(at: Micros | None) -> str | None:
    return None if at is None else iso(at)


def _decoded(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
