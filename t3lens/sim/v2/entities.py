"""Entities of the second data model as they are when they come to be: ids with their parents in them, camelCase keys."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from t3lens.t3code.v2.run_ids import run_id_of
from t3lens.time import Micros, iso

__all__ = [
    "MODELS",
    "attempt",
    "item",
    "message",
    "node",
    "provider_session",
    "provider_thread",
    "provider_turn",
    "run",
    "scope",
    "session_id_of",
    "thread",
]

MODELS: Final = {"opencode": "fake/fake-model", "codex": "gpt-5-codex"}
"""The model each provider instance uses."""


def _part(text: str) -> str:
    return quote(text, safe="")


def thread(thread_id: str, project_id: str, title: str, provider: str, runtime_mode: str, at: Micros) -> dict[str, Any]:
    """A thread without anything in it."""
    return {
        "createdBy": "user",
        "creationSource": "web",
        "id": thread_id,
        "projectId": project_id,
        "title": title,
        "providerInstanceId": provider,
        "modelSelection": {"instanceId": provider, "model": MODELS[provider]},
        "runtimeMode": runtime_mode,
        "interactionMode": "default",
        "branch": None,
        "worktreePath": None,
        "activeProviderThreadId": None,
        "lineage": {"parentThreadId": None, "relationshipToParent": None, "rootThreadId": thread_id},
        "forkedFrom": None,
        "createdAt": iso(at),
        "updatedAt": iso(at),
        "archivedAt": None,
        "settledOverride": None,
        "settledAt": None,
        "snoozedUntil": None,
        "snoozedAt": None,
        "lastVisitedAt": None,
        "deletedAt": None,
    }


def _root_of(run_id: str) -> str:
    return f"node:run:{_part(run_id)}:root"


def _attempt_of(run_id: str) -> str:
    return f"run-attempt:run:{_part(run_id)}:attempt:1"


def run(head: dict[str, Any], ordinal: int, provider_thread_id: str, message_id: str, status: str, place: int | None,
        at: Micros) -> dict[str, Any]:  # fmt: skip
    """A run of a thread, asked for now; ``place`` is its place in the queue, if it waits."""
    run_id = run_id_of(head["id"], ordinal)
    return {
        "id": run_id,
        "threadId": head["id"],
        "ordinal": ordinal,
        "providerInstanceId": head["providerInstanceId"],
        "modelSelection": head["modelSelection"],
        "providerThreadId": provider_thread_id,
        "userMessageId": message_id,
        "rootNodeId": _root_of(run_id),
        "activeAttemptId": _attempt_of(run_id),
        "status": status,
        "queuePosition": place,
        "requestedAt": iso(at),
        "startedAt": None,
        "completedAt": None,
        "checkpointId": None,
        "contextHandoffId": None,
    }


def attempt(of: dict[str, Any]) -> dict[str, Any]:
    """The first attempt at a run."""
    return {
        "id": of["activeAttemptId"],
        "runId": of["id"],
        "attemptOrdinal": 1,
        "rootNodeId": of["rootNodeId"],
        "providerInstanceId": of["providerInstanceId"],
        "providerThreadId": of["providerThreadId"],
        "providerTurnId": None,
        "reason": "initial",
        "status": "pending",
        "startedAt": None,
        "completedAt": None,
    }


def node(of: dict[str, Any], node_id: str, kind: str, status: str, turn_id: str | None, at: Micros | None) -> dict[str, Any]:
    """A node of a run; the root has the run's own node id."""
    root = node_id == of["rootNodeId"]
    return {
        "id": node_id,
        "threadId": of["threadId"],
        "runId": of["id"],
        "parentNodeId": None if root else of["rootNodeId"],
        "rootNodeId": of["rootNodeId"],
        "kind": kind,
        "status": status,
        "countsForRun": root,
        "providerThreadId": of["providerThreadId"],
        "providerTurnId": turn_id,
        "nativeItemRef": None,
        "runtimeRequestId": None,
        "checkpointScopeId": f"checkpoint-scope:thread:{of['threadId']}:name:root" if root else None,
        "startedAt": iso(at) if at is not None else None,
        "completedAt": None,
    }


def scope(of: dict[str, Any], cwd: str, at: Micros) -> dict[str, Any]:
    """The checkpoint scope of a thread's runs."""
    return {
        "id": f"checkpoint-scope:thread:{of['threadId']}:name:root",
        "threadId": of["threadId"],
        "runId": of["id"],
        "nodeId": of["rootNodeId"],
        "parentScopeId": None,
        "providerThreadId": of["providerThreadId"],
        "kind": "root_run",
        "ordinalWithinParent": 0,
        "advancesAppRunCount": True,
        "cwd": cwd,
        "createdAt": iso(at),
    }


def message(of: dict[str, Any], message_id: str, node_id: str, role: str, text: str, at: Micros) -> dict[str, Any]:
    """A message of a person or of an agent."""
    person = role == "user"
    return {
        "createdBy": "user" if person else "agent",
        "creationSource": "web" if person else "provider",
        "id": message_id,
        "threadId": of["threadId"],
        "runId": of["id"],
        "nodeId": node_id,
        "role": role,
        "text": text,
        "attachments": [],
        "streaming": False,
        "createdAt": iso(at),
        "updatedAt": iso(at),
    }


def item(
    of: dict[str, Any],
    item_id: str,
    kind: str,
    status: str,
    place: int,
    at: Micros,
    *,
    node_id: str | None = None,
    turn_id: str | None = None,
    title: str | None = None,
    over: bool = True,
    **more: Any,
) -> dict[str, Any]:
    """An item of a run; ``place`` is its ordinal within the run."""
    return {
        "id": item_id,
        "threadId": of["threadId"],
        "runId": of["id"],
        "nodeId": node_id or of["rootNodeId"],
        "providerThreadId": of["providerThreadId"],
        "providerTurnId": turn_id,
        "nativeItemRef": None,
        "parentItemId": None,
        "ordinal": of["ordinal"] * 1_000_000 + place,
        "status": status,
        "title": title,
        "startedAt": iso(at),
        "completedAt": iso(at) if over else None,
        "updatedAt": iso(at),
        "type": kind,
        **more,
    }


def session_id_of(provider: str, thread_id: str, unique: str) -> str:
    """The id of a provider's session: Codex has one for all threads."""
    if provider == "codex":
        return "provider-session:provider-instance:codex:shared"
    return f"provider-session:provider-instance:{provider}:thread:{thread_id}:{unique}"


def provider_session(session_id: str, provider: str, cwd: str, at: Micros) -> dict[str, Any]:
    """A session that was opened now."""
    return {
        "id": session_id,
        "driver": provider,
        "providerInstanceId": provider,
        "status": "ready",
        "cwd": cwd,
        "model": MODELS[provider],
        "capabilities": {"sessions": {"supportsMultipleProviderThreadsPerSession": provider == "codex"}},
        "createdAt": iso(at),
        "updatedAt": iso(at),
        "lastError": None,
    }


def provider_thread(thread_id: str, provider: str, session_id: str, ordinal: int, at: Micros) -> dict[str, Any]:
    """The thread as its provider will know it, before it does."""
    first = _part(run_id_of(thread_id, ordinal))
    return {
        "id": f"provider-thread:provider:{provider}:native-thread:pending%3A{first}",
        "driver": provider,
        "providerInstanceId": provider,
        "providerSessionId": session_id,
        "appThreadId": thread_id,
        "ownerNodeId": None,
        "nativeThreadRef": None,
        "nativeConversationHeadRef": None,
        "status": "not_loaded",
        "firstRunOrdinal": ordinal,
        "lastRunOrdinal": ordinal,
        "handoffIds": [],
        "forkedFrom": None,
        "createdAt": iso(at),
        "updatedAt": iso(at),
    }


def provider_turn(of: dict[str, Any], native_id: str, strength: str, at: Micros) -> dict[str, Any]:
    """What the provider makes of a run, begun now."""
    return {
        "id": f"provider-turn:provider:{of['providerInstanceId']}:native-turn:{_part(native_id)}",
        "providerThreadId": of["providerThreadId"],
        "nodeId": of["rootNodeId"],
        "runAttemptId": of["activeAttemptId"],
        "nativeTurnRef": {"driver": of["providerInstanceId"], "nativeId": native_id, "strength": strength},
        "ordinal": of["ordinal"],
        "status": "running",
        "startedAt": iso(at),
        "completedAt": None,
    }
