"""Ingestion: what T3 Code stores of each canonical event. The session follows from ``model.reduce`` alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from t3lens.sim.core import ServerCore
from t3lens.sim.runtime import ThreadRuntime
from t3lens.sim.scheduler import Steps
from t3lens.time import iso, parse_iso

__all__ = ["Ingestion"]

_SESSION_TYPES: Final = frozenset(
    {
        "session.started",
        "session.state.changed",
        "session.exited",
        "thread.started",
        "turn.started",
        "turn.completed",
        "turn.aborted",
        "runtime.error",
    }
)
_TOOLS: Final = frozenset({"command_execution", "file_change", "mcp_tool_call", "dynamic_tool_call", "web_search"})
_TOOL_KINDS: Final = {
    "item.started": "tool.started",
    "item.updated": "tool.updated",
    "item.completed": "tool.completed",
}
_CHECKPOINT_SECONDS: Final = 0.45


class Ingestion:
    """Turns canonical events into stored ones.

    Args:
        t3: The server.
    """

    def __init__(self, t3: ServerCore) -> None:
        self._t3 = t3

    def take(self, thread: ThreadRuntime, event: Mapping[str, Any]) -> None:
        """Ingest one canonical event."""
        kind, payload = event["type"], event["payload"]
        settled = self._session(thread, event)
        if kind == "turn.started" and settled:
            thread.said.clear()  # what an earlier turn left unfinished stays so
        if kind == "content.delta" and payload.get("streamKind") == "assistant_text" and "itemId" in event:
            thread.said[event["itemId"]] = thread.said.get(event["itemId"], "") + payload["delta"]
        elif kind == "item.completed" and payload.get("itemType") == "assistant_message":
            self._message(thread, event, "assistant-delta-finalize", "assistant-complete")
        elif kind in _TOOL_KINDS and payload.get("itemType") in _TOOLS:
            self._tool(thread, event)
        elif kind in _ACTIVITIES:
            self._activity(thread, event)
        elif kind == "thread.metadata.updated" and self._t3.build.titles_from_provider and payload.get("name"):
            meta = {
                "threadId": thread.thread_id,
                "title": payload["name"],
                "updatedAt": event["createdAt"],
            }
            self._store(thread, event, "thread-meta-update", "thread.meta-updated", meta)
        if kind == "turn.completed" and settled:
            self._finish_messages(thread, event)
            if event.get("turnId"):
                self._t3.scheduler.spawn(self._checkpoint(thread, event), owner="t3", delay=_CHECKPOINT_SECONDS)
        self._t3.database.commit()

    def _session(self, thread: ThreadRuntime, event: Mapping[str, Any]) -> bool:
        """Let the reducer decide, and store the session if it accepted the event."""
        transition = self._t3.observe(
            thread,
            event["type"],
            event["payload"],
            event_id=event["eventId"],
            at=parse_iso(event["createdAt"]),
            turn_id=event.get("turnId"),
            item_id=event.get("itemId"),
            request_id=event.get("requestId"),
            provider=event["provider"],
        )
        if event["type"] not in _SESSION_TYPES or not transition.applied:
            return False
        if event["type"] == "turn.completed" and transition.rule == "R4":
            return False
        if self._t3.faults.loses_session_set is not None and self._t3.faults.loses_session_set(event):
            return True
        tag = "runtime-error-session-set" if event["type"] == "runtime.error" else "thread-session-set"
        payload = self._t3.session_payload(thread, event["createdAt"])
        self._store(thread, event, tag, "thread.session-set", payload)
        return True

    def _store(
        self,
        thread: ThreadRuntime,
        event: Mapping[str, Any],
        tag: str,
        event_type: str,
        payload: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        command_id = f"provider:{event['eventId']}:{tag}:{self._t3.ids.uuid()}"
        at = parse_iso(event["createdAt"])
        self._t3.append(thread.thread_id, event_type, payload, at, command_id, "provider", metadata)

    def _message(self, thread: ThreadRuntime, event: Mapping[str, Any], delta_tag: str, done_tag: str) -> None:
        item = event["itemId"]
        text = thread.said.pop(item, None)
        if text is None and item not in thread.finished:
            text = event["payload"].get("detail")
        message_id = f"assistant:{item.removeprefix('assistant:')}"
        parts = ((delta_tag, text, True), (done_tag, "", False)) if text else ((done_tag, "", False),)
        for tag, said, streaming in parts:
            message = {
                "threadId": thread.thread_id,
                "messageId": message_id,
                "role": "assistant",
                "text": said,
                "turnId": event.get("turnId"),
                "streaming": streaming,
                "createdAt": event["createdAt"],
                "updatedAt": event["createdAt"],
            }
            self._store(thread, event, tag, "thread.message-sent", message)
        thread.finished.add(item)
        thread.last_message = message_id

    def _finish_messages(self, thread: ThreadRuntime, event: Mapping[str, Any]) -> None:
        """A message that never ended ends with its turn."""
        for item in list(thread.said):
            self._message(
                thread,
                {**event, "itemId": item},
                "assistant-delta-finalize-fallback",
                "assistant-complete-finalize",
            )

    def _tool(self, thread: ThreadRuntime, event: Mapping[str, Any]) -> None:
        payload = event["payload"]
        kind = _TOOL_KINDS[event["type"]]
        shown = {name: payload[name] for name in ("itemType", "status", "detail", "data") if name in payload}
        title = payload.get("title", "Tool")
        summary = f"{title} started" if kind == "tool.started" else title
        self._append_activity(thread, event, "tool", kind, summary, shown)

    def _activity(self, thread: ThreadRuntime, event: Mapping[str, Any]) -> None:
        kind, tone, summary = _ACTIVITIES[event["type"]]
        payload = dict(event["payload"])
        if event["type"] in ("runtime.warning", "runtime.error"):
            payload = {name: payload[name] for name in ("message", "detail") if name in payload}
            if event["type"] == "runtime.warning":
                summary = payload["message"]
            else:
                payload.pop("detail", None)
        if kind.startswith("approval."):
            payload.pop("args", None)
        if "requestId" in event:
            payload = {"requestId": event["requestId"], **payload}
        self._append_activity(thread, event, tone, kind, summary, payload)

    def _append_activity(
        self,
        thread: ThreadRuntime,
        event: Mapping[str, Any],
        tone: str,
        kind: str,
        summary: str,
        payload: Mapping[str, Any],
    ) -> None:
        activity = {
            "id": event["eventId"],
            "createdAt": event["createdAt"],
            "tone": tone,
            "kind": kind,
            "summary": summary,
            "payload": payload,
            "turnId": event.get("turnId"),
        }
        metadata = {"requestId": event["requestId"]} if "requestId" in event else {}
        body = {"threadId": thread.thread_id, "activity": activity}
        self._store(thread, event, "thread-activity-append", "thread.activity-appended", body, metadata)

    def _checkpoint(self, thread: ThreadRuntime, event: Mapping[str, Any]) -> Steps:
        """The workspace is kept as a git reference after each turn."""
        t3, turn_id, state = self._t3, event["turnId"], event["payload"].get("state")
        if turn_id not in thread.checkpoints:
            thread.checkpoints[turn_id] = len(thread.checkpoints) + 1
        count = thread.checkpoints[turn_id]
        outcome = ("missing", "ready") if state == "interrupted" else ("error" if state == "failed" else "ready",)
        at = parse_iso(event["createdAt"])
        for status in outcome:
            done = {
                "threadId": thread.thread_id,
                "turnId": turn_id,
                "checkpointTurnCount": count,
                "checkpointRef": f"refs/t3/checkpoints/{t3.checkpoint_name(thread.thread_id)}/turn/{count}",
                "status": status,
                "files": [],
                "assistantMessageId": thread.last_message or f"assistant:{turn_id}",
                "completedAt": iso(at),
            }
            t3.react(thread, "thread.turn-diff-completed", done, at, "checkpoint-turn-diff-complete")
            t3.note(
                thread,
                "checkpoint.captured",
                "Checkpoint captured",
                {"turnCount": count, "status": status},
                at,
                tag="checkpoint-captured-activity",
                tone="info",
                turn_id=turn_id,
            )
        t3.database.commit()
        return
        yield 0.0


_ACTIVITIES: Final = {
    "request.opened": ("approval.requested", "approval", "Command approval requested"),
    "request.resolved": ("approval.resolved", "approval", "Approval resolved"),
    "user-input.requested": ("user-input.requested", "info", "User input requested"),
    "user-input.resolved": ("user-input.resolved", "info", "User input submitted"),
    "runtime.warning": ("runtime.warning", "info", "Runtime warning"),
    "runtime.error": ("runtime.error", "error", "Runtime error"),
    "task.started": ("task.started", "info", "Task started"),
    "task.progress": ("task.progress", "info", "Task progress"),
    "task.completed": ("task.completed", "info", "Task completed"),
    "thread.token-usage.updated": ("context-window.updated", "info", "Context window updated"),
}
"""Canonical type to the activity's kind, tone and summary."""
