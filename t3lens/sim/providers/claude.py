# ruff: noqa: D102 -- the methods are documented where they are declared, in Provider
"""Claude: messages of the agent SDK, methods ``claude/<type>/<subtype>``; the result message ends a turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from t3lens.sim.providers.base import Provider, Spoken
from t3lens.time import Micros, iso

__all__ = ["Claude"]


class Claude(Provider):
    """A Claude session."""

    driver: ClassVar[str] = "claudeAgent"
    default_model: ClassVar[str] = "claude-sonnet-4-6"
    raw_source: ClassVar[str] = "claude.sdk.message"
    connect_seconds: ClassVar[float] = 0.9

    def new_conversation(self) -> str:
        return self.host.ids.uuid()

    def new_turn(self) -> str:
        return self.host.ids.uuid()

    def new_item(self) -> str:
        return self.host.ids.uuid()

    @property
    def cursor(self) -> Any:
        return {"threadId": self.thread_id, "resume": self.conversation, "turnCount": 1}

    def before_ready(self) -> None:
        return

    def when_ready(self) -> None:
        self.say("none", "session.started", {"resume": self.cursor} if self.resumed else {})
        self.say("none", "session.configured", {"config": {"model": self.model, "cwd": self.cwd}})
        self.say("none", "session.state.changed", {"state": "ready"})

    def begin_turn(self, text: str) -> None:
        self.say("none", "turn.started", {"model": self.model}, turn=self.turn_id)
        self.say("init", "thread.started", {"providerThreadId": self.conversation})

    def user_message(self, text: str) -> None:
        self.say("user-message", turn=self.turn_id, text=text)

    def end_turn(self, state: str, message: str | None = None) -> None:
        payload: dict[str, Any] = {
            "state": state,
            "stopReason": "end_turn" if state == "completed" else None,
        }
        if message is not None:
            payload["errorMessage"] = message
        subtype = "success" if state == "completed" else "error_during_execution"
        self.say("result", "turn.completed", payload, turn=self.turn_id, subtype=subtype, message=message)

    def closed(self) -> None:
        self.say("none", "session.exited", {"reason": "Session stopped", "exitKind": "graceful"})

    def references(self, turn: str | None, item: str | None, request: str | None) -> dict[str, Any]:
        return {"providerRefs": {"providerItemId": item} if item is not None else {}}

    def words(self, kind: str, said: Mapping[str, Any]) -> Spoken | None:
        session = {"session_id": self.conversation}
        match kind:
            case "init":
                return "claude/system/init", {
                    "type": "system",
                    "subtype": "init",
                    "cwd": self.cwd,
                    **session,
                }
            case "result":
                return f"claude/result/{said['subtype']}", {
                    "type": "result",
                    "subtype": said["subtype"],
                    "is_error": said["subtype"] != "success",
                    "result": said["message"],
                    **session,
                }
            case "turn-done":
                return "claude/result/success", {
                    "type": "result",
                    "subtype": "success",
                    "is_error": False,
                    **session,
                }
            case "turn-aborted":
                return "claude/result/error_during_execution", {
                    "type": "result",
                    "is_error": True,
                    **session,
                }
            case "delta":
                delta = {"type": "text_delta", "text": said["delta"]}
                event = {"type": "content_block_delta", "index": 0, "delta": delta}
                return "claude/stream_event/content_block_delta/text_delta", {
                    "type": "stream_event",
                    "event": event,
                    **session,
                }
            case "message-started":
                event = {
                    "type": "content_block_start",
                    "index": 0,
                    "content_block": {"type": "text", "text": ""},
                }
                return "claude/stream_event/content_block_start", {
                    "type": "stream_event",
                    "event": event,
                    **session,
                }
            case "message-done":
                content = [{"type": "text", "text": said["text"]}]
                return "claude/assistant", {
                    "type": "assistant",
                    "message": {"content": content},
                    **session,
                }
            case "tool-started":
                use = {
                    "type": "tool_use",
                    "id": said["item"],
                    "name": "Bash",
                    "input": {"command": said["command"]},
                }
                return "claude/assistant", {
                    "type": "assistant",
                    "message": {"content": [use]},
                    **session,
                }
            case "tool-done":
                result = {
                    "type": "tool_result",
                    "tool_use_id": said["item"],
                    "content": said["output"],
                }
                return "claude/user", {"type": "user", "message": {"content": [result]}, **session}
            case "user-message":
                content = [{"type": "text", "text": said["text"]}]
                return "claude/user", {"type": "user", "message": {"content": content}, **session}
            case "retry":
                return "claude/system/api_retry", {
                    "type": "system",
                    "subtype": "api_retry",
                    **said["retry"],
                    **session,
                }
            case "approval-asked" | "question-asked":
                return "canUseTool/request", {
                    "toolName": "Bash",
                    "input": {"command": said["detail"]},
                }
            case "approval-answered":
                return "canUseTool/decision", {"decision": said["decision"]}
            case "task-started" | "task-progress" | "task-done":
                subtype = {"task-started": "task_started", "task-progress": "task_progress"}.get(kind, "task_notification")
                body = {
                    "type": "system",
                    "subtype": subtype,
                    "task_id": said["task"],
                    "description": said["description"],
                }
                return f"claude/system/{subtype}", {**body, **session}
        return None

    def raw(self, words: Spoken) -> dict[str, Any]:
        source = "claude.sdk.permission" if words[0].startswith("canUseTool") else self.raw_source
        return {"source": source, "method": words[0], "payload": words[1]}

    def record(self, words: Spoken, event_id: str, at: Micros, said: Mapping[str, Any]) -> dict[str, Any]:
        event: dict[str, Any] = {
            "id": self.host.ids.uuid(),
            "kind": "notification",
            "provider": self.driver,
            "createdAt": iso(at),
            "method": words[0],
            "providerThreadId": self.conversation,
        }
        if said["turn"] is not None:
            event["turnId"] = said["turn"]
        if said["item"] is not None:
            event["itemId"] = said["item"]
        event["payload"] = words[1]
        return {"observedAt": iso(at), "event": event}
