# ruff: noqa: D102 -- the methods are documented where they are declared, in Provider
"""Providers of the Agent Client Protocol (Cursor, Grok …): ``session/update`` notices and one prompt a turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from t3lens.sim.providers.base import Provider, Spoken
from t3lens.time import Micros, iso

__all__ = ["Acp"]


class Acp(Provider):
    """A session of the Agent Client Protocol; the prompt's response ends the turn."""

    driver: ClassVar[str] = "cursor"
    default_model: ClassVar[str] = "composer-2"
    raw_source: ClassVar[str] = "acp.jsonrpc"
    connect_seconds: ClassVar[float] = 1.2

    def new_conversation(self) -> str:
        return self.host.ids.uuid()

    def new_turn(self) -> str:
        return self.host.ids.uuid()

    def new_item(self) -> str:
        return f"assistant:{self.host.ids.hex(12)}"

    @property
    def cursor(self) -> Any:
        return {"schemaVersion": 1, "sessionId": self.conversation}

    def before_ready(self) -> None:
        return

    def when_ready(self) -> None:
        self.say("none", "session.started", {"resume": self.cursor} if self.resumed else {})
        self.say(
            "none",
            "session.state.changed",
            {"state": "ready", "reason": "Cursor ACP session ready"},
        )
        self.say("none", "thread.started", {"providerThreadId": self.conversation})

    def begin_turn(self, text: str) -> None:
        self.say("prompt", "turn.started", {"model": self.model}, turn=self.turn_id, text=text)

    def user_message(self, text: str) -> None:
        self.say("user-message", turn=self.turn_id, text=text)

    def end_turn(self, state: str, message: str | None = None) -> None:
        stop_reason = {"completed": "end_turn", "interrupted": "cancelled"}.get(state)
        said_state = "cancelled" if state == "interrupted" else state
        payload: dict[str, Any] = {"state": said_state, "stopReason": stop_reason}
        if message is not None:
            payload["errorMessage"] = message
        self.say(
            "turn-done",
            "turn.completed",
            payload,
            turn=self.turn_id,
            reason=stop_reason,
            message=message,
        )

    def closed(self) -> None:
        self.say("none", "session.exited", {"exitKind": "graceful"})

    def words(self, kind: str, said: Mapping[str, Any]) -> Spoken | None:
        session = {"sessionId": self.conversation}
        update: dict[str, Any]
        match kind:
            case "prompt":
                request = {**session, "prompt": [{"type": "text", "text": said["text"]}]}
                return "session/prompt", {
                    "method": "session/prompt",
                    "status": "started",
                    "request": request,
                }
            case "turn-done" | "turn-aborted":
                failed = said.get("message")
                body: dict[str, Any] = {
                    "method": "session/prompt",
                    "status": "failed" if failed else "succeeded",
                }
                if failed:
                    return "session/prompt", {**body, "request": session, "cause": failed}
                reason = said.get("reason", "end_turn")
                return "session/prompt", {
                    **body,
                    "request": session,
                    "result": {"stopReason": reason},
                }
            case "delta":
                content = {"type": "text", "text": said["delta"]}
                update = {"sessionUpdate": "agent_message_chunk", "content": content}
            case "tool-started":
                update = {
                    "sessionUpdate": "tool_call",
                    "toolCallId": said["item"],
                    "title": said["command"],
                    "status": "pending",
                }
            case "tool-running":
                update = {
                    "sessionUpdate": "tool_call_update",
                    "toolCallId": said["item"],
                    "status": "in_progress",
                }
            case "tool-done":
                status = "failed" if said["failed"] else "completed"
                update = {
                    "sessionUpdate": "tool_call_update",
                    "toolCallId": said["item"],
                    "status": status,
                }
            case "task-started" | "task-progress" | "task-done":
                update = {"sessionUpdate": "plan", "entries": [{"content": said["description"]}]}
            case "title":
                update = {"sessionUpdate": "session_info_update", "title": said["title"]}
            case "user-message":
                content = {"type": "text", "text": said["text"]}
                update = {"sessionUpdate": "user_message_chunk", "content": content}
            case "approval-asked":
                asked = {
                    **session,
                    "toolCall": {"toolCallId": said["item"], "title": said["detail"]},
                }
                return "session/request_permission", asked
            case "approval-answered":
                return "session/request_permission", {
                    **session,
                    "outcome": {"optionId": said["decision"]},
                }
            case "retry":
                return "session/retry", {**session, **said["retry"]}
            case _:
                return None
        return "session/update", {**session, "update": update}

    def record(self, words: Spoken, event_id: str, at: Micros, said: Mapping[str, Any]) -> dict[str, Any]:
        method, payload = words
        event: dict[str, Any] = {
            "id": self.host.ids.uuid(),
            "kind": "notification" if method == "session/update" else "request",
            "provider": self.driver,
            "createdAt": iso(at),
            "method": method,
            "threadId": self.thread_id,
            "providerThreadId": self.conversation,
        }
        if said["turn"] is not None:
            event["turnId"] = said["turn"]
        event["payload"] = payload
        return {"observedAt": iso(at), "event": event}
