"""What the simulated server's API shows: entities as they stand."""

from __future__ import annotations

from typing import Any, Final

from t3lens.sim.v2.database import SecondDatabase

__all__ = ["projection", "shell"]

_LIVE: Final = ("preparing", "starting", "running", "waiting")
_PARTS: Final = {
    "runs": "run",
    "attempts": "run-attempt",
    "nodes": "node",
    "providerSessions": "provider-session",
    "providerThreads": "provider-thread",
    "providerTurns": "provider-turn",
    "runtimeRequests": "runtime-request",
    "messages": "message",
    "turnItems": "turn-item",
    "checkpointScopes": "checkpoint-scope",
    "checkpoints": "checkpoint",
}
_EMPTY: Final = ("subagents", "plans", "contextHandoffs", "contextTransfers", "visibleTurnItems")


def projection(database: SecondDatabase, thread_id: str) -> dict[str, Any] | None:
    """One thread, archived and deleted ones too; None if it is not known."""
    head = database.entity("thread", thread_id)
    if head is None:
        return None
    parts: dict[str, Any] = {name: database.entities(kind, thread_id) for name, kind in _PARTS.items()}
    parts |= {name: [] for name in _EMPTY}
    newest = database.rows("SELECT max(occurred_at) FROM orchestration_events WHERE stream_id = ?", thread_id)
    shown = {"thread": head, **parts, "updatedAt": newest[0][0] or head["updatedAt"]}
    return {"snapshotSequence": database.sequence, "projection": shown}


def shell(database: SecondDatabase) -> dict[str, Any]:
    """The list of threads that clients show."""
    heads = [head for key in database.thread_ids() if (head := database.entity("thread", key)) is not None]
    shown = [_shell(database, head) for head in heads if head["deletedAt"] is None]
    return {
        "schemaVersion": 2,
        "snapshotSequence": database.sequence,
        "threads": [one for one in shown if one["archivedAt"] is None],
        "archivedThreads": [one for one in shown if one["archivedAt"] is not None],
        "projects": [],
    }


def _shell(database: SecondDatabase, head: dict[str, Any]) -> dict[str, Any]:
    runs = database.entities("run", head["id"])
    latest = runs[-1] if runs else None
    active = next((run for run in reversed(runs) if run["status"] in _LIVE), None)
    asked = [one for one in database.entities("runtime-request", head["id"]) if one["status"] == "pending"]
    request = {name: asked[0][name] for name in ("id", "kind", "createdAt")} if asked else None
    return {
        **head,
        "latestRunId": latest["id"] if latest else None,
        "activeRunId": active["id"] if active else None,
        "activityRunStatus": active["status"] if active else None,
        "status": latest["status"] if latest else "idle",
        "lastError": None,
        "pendingRuntimeRequest": request,
        "pendingBackgroundTasks": [],
    }
