"""Commands of clients: which are understood, which are refused, and which events they become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from t3lens.sim.builds import SimulatedBuild
from t3lens.sim.statedb import StateDatabase
from t3lens.time import Micros, iso, parse_iso

__all__ = ["InvalidCommand", "NewEvent", "RefusedCommand", "aggregate_of", "decide", "validate"]

NewEvent = tuple[str, dict[str, Any], dict[str, Any]]
"""Event type, payload, metadata."""

_AT: Final = {"createdAt": str}
_FIELDS: Final[dict[str, dict[str, type | tuple[type, ...]]]] = {
    "project.create": {"projectId": str, "title": str, "workspaceRoot": str, **_AT},
    "thread.create": {
        "threadId": str,
        "projectId": str,
        "title": str,
        "modelSelection": dict,
        "runtimeMode": str,
        "interactionMode": str,
        **_AT,
    },
    "thread.turn.start": {
        "threadId": str,
        "message": dict,
        "runtimeMode": str,
        "interactionMode": str,
        **_AT,
    },
    "thread.turn.interrupt": {"threadId": str, **_AT},
    "thread.session.stop": {"threadId": str, **_AT},
    "thread.approval.respond": {"threadId": str, "requestId": str, "decision": str, **_AT},
    "thread.user-input.respond": {"threadId": str, "requestId": str, "answers": dict, **_AT},
    "thread.archive": {"threadId": str},
    "thread.unarchive": {"threadId": str},
    "thread.delete": {"threadId": str},
    "thread.meta.update": {"threadId": str},
}
_AUGUST_FIELDS: Final[dict[str, dict[str, type | tuple[type, ...]]]] = {
    "thread.settle": {"threadId": str},
    "thread.unsettle": {"threadId": str, "reason": str},
    "thread.snooze": {"threadId": str, "snoozedUntil": str},
    "thread.unsnooze": {"threadId": str},
    "thread.pin": {"threadId": str, "orderKey": str},
    "thread.unpin": {"threadId": str},
    "thread.pin.reorder": {"threadId": str, "orderKey": str},
}
_DECISIONS: Final = frozenset({"accept", "acceptForSession", "decline", "cancel"})


class InvalidCommand(Exception):
    """The body is no command that a client may send; nothing is stored, not even a receipt."""


class RefusedCommand(Exception):
    """The command breaks an invariant; the reason stands in its receipt alone."""


def aggregate_of(command: Mapping[str, Any]) -> tuple[str, str]:
    """Kind and id of the aggregate that a valid command is for."""
    if command["type"] == "project.create":
        return "project", command["projectId"]
    return "thread", command["threadId"]


def validate(command: Any, build: SimulatedBuild) -> dict[str, Any]:
    """The command, if it is one.

    Raises:
        InvalidCommand: It is of an unknown or internal type, or a field is missing or of another type.
    """
    if not isinstance(command, dict):
        raise InvalidCommand("a command is an object")
    kind = command.get("type")
    fields = _FIELDS.get(str(kind)) or (_AUGUST_FIELDS.get(str(kind)) if build.migrations >= 33 else None)
    if fields is None:
        raise InvalidCommand(f"unknown command type {kind!r}")
    for name, wanted in {"commandId": str, **fields}.items():
        if not isinstance(command.get(name), wanted):
            raise InvalidCommand(f"{kind}: {name} is missing or of the wrong type")
    if kind == "thread.turn.start" and not all(
        isinstance(command["message"].get(name), str) for name in ("messageId", "text")
    ):
        raise InvalidCommand("thread.turn.start: the message has no messageId or text")
    if kind == "thread.approval.respond" and command["decision"] not in _DECISIONS:
        raise InvalidCommand("thread.approval.respond: unknown decision")
    if kind == "thread.unsettle" and command["reason"] != "user":
        raise InvalidCommand("thread.unsettle: only a person's reason is accepted")
    if kind == "thread.meta.update" and ("title" in command) == ("regenerateTitle" in command):
        raise InvalidCommand("thread.meta.update: either a title or regenerateTitle")
    return command


def decide(command: Mapping[str, Any], database: StateDatabase, at: Micros) -> list[NewEvent]:
    """The events that a valid command becomes.

    Raises:
        Rejected: An invariant does not hold.
    """
    created = iso(at)
    kind = command["type"]
    if kind == "project.create":
        if database.row("projection_projects", "project_id", command["projectId"]):
            raise RefusedCommand(f"Project '{command['projectId']}' already exists.")
        names = ("projectId", "title", "workspaceRoot", "defaultModelSelection")
        payload = {name: command.get(name) for name in names}
        return [
            (
                "project.created",
                {**payload, "scripts": [], "createdAt": created, "updatedAt": created},
                {},
            )
        ]
    thread_id = command["threadId"]
    row = database.row("projection_threads", "thread_id", thread_id)
    if kind == "thread.create":
        return _create_thread(command, database, row, created)
    if row is None or row["deleted_at"] is not None:
        raise RefusedCommand(f"Thread '{thread_id}' does not exist.")
    return _decide_thread(kind, command, database, row, created)


def _create_thread(
    command: Mapping[str, Any], database: StateDatabase, row: Mapping[str, Any] | None, created: str
) -> list[NewEvent]:
    if row is not None:
        raise RefusedCommand(f"Thread '{command['threadId']}' already exists.")
    if database.row("projection_projects", "project_id", command["projectId"]) is None:
        raise RefusedCommand(f"Project '{command['projectId']}' does not exist.")
    names = (
        "threadId",
        "projectId",
        "title",
        "modelSelection",
        "runtimeMode",
        "interactionMode",
        "branch",
        "worktreePath",
    )
    payload = {name: command.get(name) for name in names}
    return [("thread.created", {**payload, "createdAt": created, "updatedAt": created}, {})]


def _decide_thread(
    kind: str,
    command: Mapping[str, Any],
    database: StateDatabase,
    row: Mapping[str, Any],
    created: str,
) -> list[NewEvent]:
    thread_id = command["threadId"]
    base = {"threadId": thread_id}
    match kind:
        case "thread.turn.start":
            return _start_turn(command, created)
        case "thread.turn.interrupt":
            turn = {"turnId": command["turnId"]} if command.get("turnId") else {}
            return [("thread.turn-interrupt-requested", {**base, **turn, "createdAt": created}, {})]
        case "thread.session.stop":
            if command.get("onlyIfSettled") and row.get("settled_override") != "settled":
                raise RefusedCommand(f"Thread '{thread_id}' is not settled.")
            return [("thread.session-stop-requested", {**base, "createdAt": created}, {})]
        case "thread.approval.respond":
            request = {"requestId": command["requestId"]}
            payload = {**base, **request, "decision": command["decision"], "createdAt": created}
            return [("thread.approval-response-requested", payload, request)]
        case "thread.user-input.respond":
            request = {"requestId": command["requestId"]}
            payload = {**base, **request, "answers": command["answers"], "createdAt": created}
            return [("thread.user-input-response-requested", payload, request)]
        case "thread.archive" | "thread.unarchive":
            archived = row["archived_at"] is not None
            if archived == (kind == "thread.archive"):
                raise RefusedCommand(f"Thread '{thread_id}' is {'already' if archived else 'not'} archived.")
            stamp = {"archivedAt": created} if kind == "thread.archive" else {}
            return [(f"{kind}d", {**base, **stamp, "updatedAt": created}, {})]
        case "thread.delete":
            return [("thread.deleted", {**base, "deletedAt": created}, {})]
        case "thread.meta.update":
            title = {"title": command["title"]} if "title" in command else {}
            return [("thread.meta-updated", {**base, **title, "updatedAt": created}, {})]
    return _tidy(kind, command, database, row, created)


def _start_turn(command: Mapping[str, Any], created: str) -> list[NewEvent]:
    message = command["message"]
    base = {"threadId": command["threadId"], "messageId": message["messageId"]}
    sent = {
        **base,
        "role": "user",
        "text": message["text"],
        "attachments": message.get("attachments", []),
        "turnId": None,
        "streaming": False,
        "createdAt": created,
        "updatedAt": created,
    }
    modes = {"runtimeMode": command["runtimeMode"], "interactionMode": command["interactionMode"]}
    if "modelSelection" in command:
        modes["modelSelection"] = command["modelSelection"]
    asked = {**base, **modes, "createdAt": created}
    return [("thread.message-sent", sent, {}), ("thread.turn-start-requested", asked, {})]


def _tidy(
    kind: str,
    command: Mapping[str, Any],
    database: StateDatabase,
    row: Mapping[str, Any],
    created: str,
) -> list[NewEvent]:
    """The August commands: settle, snooze, pin."""
    base = {"threadId": command["threadId"]}
    if row["archived_at"] is not None:
        raise RefusedCommand(f"Thread '{command['threadId']}' is archived.")
    match kind:
        case "thread.settle":
            _check_settle(command["threadId"], database, row)
            events: list[NewEvent] = [("thread.unpinned", base, {})] if row["pinned_at"] else []
            return [*events, ("thread.settled", {**base, "settledAt": created}, {})]
        case "thread.unsettle":
            return [("thread.unsettled", {**base, "reason": "user"}, {})]
        case "thread.snooze":
            if parse_iso(command["snoozedUntil"]) <= parse_iso(created):
                raise RefusedCommand("A thread can only be snoozed until a time to come.")
            return [("thread.snoozed", {**base, "snoozedUntil": command["snoozedUntil"]}, {})]
        case "thread.unsnooze":
            return [("thread.unsnoozed", base, {})]
        case "thread.pin":
            return [("thread.pinned", {**base, "orderKey": command["orderKey"]}, {})]
        case "thread.unpin":
            return [("thread.unpinned", base, {})]
    if row["pinned_at"] is None:
        raise RefusedCommand(f"Thread '{command['threadId']}' is not pinned.")
    return [("thread.pin-reordered", {**base, "orderKey": command["orderKey"]}, {})]


def _check_settle(thread_id: str, database: StateDatabase, row: Mapping[str, Any]) -> None:
    session = database.row("projection_thread_sessions", "thread_id", thread_id)
    if session is not None and session["status"] in ("starting", "running"):
        raise RefusedCommand(f"Thread '{thread_id}' has a live session.")
    if row["pending_approval_count"] or row["pending_user_input_count"]:
        raise RefusedCommand(f"Thread '{thread_id}' has an open request.")
    if database.rows(thread_id).pending is not None:
        raise RefusedCommand(f"Thread '{thread_id}' has a queued turn start.")
