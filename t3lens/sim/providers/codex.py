# ruff: noqa: D102 -- the methods are documented where they are declared, in Provider
"""Codex: ``codex app-server``, events by method, turn and item ids of the provider's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from t3lens.sim.providers.base import Provider, Spoken
from t3lens.time import Micros, iso

__all__ = ["Codex"]

_SESSION_KINDS = frozenset({"session/connecting", "session/ready", "session/closed"})


class Codex(Provider):
    """A Codex session. Its process can die without anybody noticing."""

    driver: ClassVar[str] = "codex"
    default_model: ClassVar[str] = "gpt-5-codex"
    raw_source: ClassVar[str] = "codex.app-server.notification"
    connect_seconds: ClassVar[float] = 0.45
    notices_death: ClassVar[bool] = False

    def new_conversation(self) -> str:
        return self.host.ids.uuid7(self.now)

    def new_turn(self) -> str:
        return self.host.ids.uuid7(self.now)

    def new_item(self) -> str:
        return f"msg_{self.host.ids.hex(8)}"

    @property
    def cursor(self) -> Any:
        return {"threadId": self.conversation}

    def before_ready(self) -> None:
        payload = {"state": "starting", "reason": "Starting Codex App Server session."}
        self.say("connecting", "session.state.changed", payload)

    def when_ready(self) -> None:
        payload = {"state": "ready", "reason": "Codex App Server session ready."}
        self.say("ready", "session.state.changed", payload)
        if self.resumed:
            self.say("status-idle", "thread.state.changed", {"state": "idle"})
        else:
            self.say("thread-started", "thread.started", {"providerThreadId": self.conversation})

    def begin_turn(self, text: str) -> None:
        self.say("status-active", "thread.state.changed", {"state": "active"})
        self.say("turn-started", "turn.started", {}, turn=self.turn_id)
        self.user_message(text)

    def user_message(self, text: str) -> None:
        item = self.host.ids.uuid7(self.now)
        payload = {"itemType": "user_message", "title": "User message"}
        started = {**payload, "status": "inProgress"}
        self.say("user-started", "item.started", started, turn=self.turn_id, item=item, text=text)
        done = {**payload, "status": "completed"}
        self.say("user-message", "item.completed", done, turn=self.turn_id, item=item, text=text)

    def end_turn(self, state: str, message: str | None = None) -> None:
        turn = self.turn_id
        if state == "completed":
            self._tokens += 120
            usage = {
                "usedTokens": self._tokens,
                "maxTokens": 258400,
                "inputTokens": 100,
                "outputTokens": 20,
            }
            self.say("tokens", "thread.token-usage.updated", {"usage": usage}, used=self._tokens)
        if message is not None:
            payload = {"message": message, "class": "provider_error"}
            self.say("error", "runtime.error", payload, turn=turn, message=message)
        self.say("status-idle", "thread.state.changed", {"state": "idle"})
        payload = {"state": state} if message is None else {"state": state, "errorMessage": message}
        self.say("turn-done", "turn.completed", payload, turn=turn, state=state, message=message)

    def closed(self) -> None:
        payload = {"reason": "Session stopped", "exitKind": "graceful"}
        self.say("closed", "session.exited", payload)

    def references(self, turn: str | None, item: str | None, request: str | None) -> dict[str, Any]:
        refs = {"providerTurnId": turn, "providerItemId": item, "providerRequestId": request}
        refs = {name: value for name, value in refs.items() if value is not None}
        return {"providerRefs": refs} if refs else {}

    def words(self, kind: str, said: Mapping[str, Any]) -> Spoken | None:
        turn, item = said["turn"], said["item"]
        place = {"threadId": self.conversation, "turnId": turn}
        match kind:
            case "connecting" | "ready" | "closed":
                return f"session/{kind}", {}
            case "thread-started":
                thread = {
                    "id": self.conversation,
                    "cwd": self.cwd,
                    "cliVersion": "0.144.6",
                    "ephemeral": False,
                }
                return "thread/started", {"thread": thread}
            case "status-active":
                return "thread/status/changed", {
                    "status": {"activeFlags": [], "type": "active"},
                    **place,
                }
            case "status-idle":
                return "thread/status/changed", {
                    "status": {"type": "idle"},
                    "threadId": self.conversation,
                }
            case "turn-started":
                return "turn/started", {
                    "threadId": self.conversation,
                    "turn": self._turn(turn, "inProgress", None),
                }
            case "turn-done":
                shown = self._turn(turn, said["state"], said["message"])
                return "turn/completed", {"threadId": self.conversation, "turn": shown}
            case "turn-aborted":
                return "turn/aborted", {**place, "reason": said["payload"]["reason"]}
            case "error" | "retry":
                message = said["message"] if kind == "error" else said["retry"]["message"]
                return "error", {
                    **place,
                    "error": {"message": message},
                    "willRetry": kind == "retry",
                }
            case "tokens":
                total = {"inputTokens": 100, "outputTokens": 20, "totalTokens": said["used"]}
                return "thread/tokenUsage/updated", {
                    "threadId": self.conversation,
                    "tokenUsage": {"total": total},
                }
            case "delta":
                return "item/agentMessage/delta", {"delta": said["delta"], "itemId": item, **place}
            case "tool-running":
                return "item/commandExecution/outputDelta", {"delta": "", "itemId": item, **place}
            case "approval-asked":
                asked = {"command": said["detail"], "itemId": item, **place}
                return "item/commandExecution/requestApproval", asked
            case "approval-answered":
                return "item/requestApproval/decision", {
                    "decision": said["decision"],
                    "itemId": item,
                    **place,
                }
            case "question-asked":
                return "item/tool/requestUserInput", {
                    "questions": [{"question": said["detail"]}],
                    **place,
                }
            case "question-answered":
                return "item/tool/requestUserInput/answered", place
            case "title":
                return "thread/name/updated", {
                    "threadId": self.conversation,
                    "threadName": said["title"],
                }
            case "task-started" | "task-progress" | "task-done":
                tool = {
                    "id": said["task"],
                    "type": "collabAgentToolCall",
                    "prompt": said["description"],
                }
                return ("item/started" if kind == "task-started" else "item/completed"), {
                    "item": tool,
                    **place,
                }
        shown_item = _item(kind, item, said)
        if shown_item is None:
            return None
        done = kind in ("user-message", "message-done", "tool-done")
        when = {"completedAtMs" if done else "startedAtMs": self.stamp}
        return ("item/completed" if done else "item/started"), {"item": shown_item, **place, **when}

    def _turn(self, turn: str | None, status: str, message: str | None) -> dict[str, Any]:
        ended = None if status == "inProgress" else self.stamp // 1000
        error = {"message": message} if message else None
        return {"id": turn, "items": [], "status": status, "error": error, "completedAt": ended}

    def record(self, words: Spoken, event_id: str, at: Micros, said: Mapping[str, Any]) -> dict[str, Any]:
        method, payload = words
        kind = "session" if method in _SESSION_KINDS else "notification"
        record: dict[str, Any] = {
            "id": event_id,
            "provider": self.driver,
            "providerInstanceId": self.driver,
            "createdAt": iso(at),
            "kind": "request" if method.endswith("requestApproval") else kind,
            "threadId": self.thread_id,
        }
        if said["turn"] is not None:
            record["turnId"] = said["turn"]
        if said["item"] is not None:
            record["itemId"] = said["item"]
        record["method"] = method
        if kind == "session":
            record["message"] = said["payload"].get("reason", "")
        else:
            record["payload"] = payload
        return record


def _item(kind: str, item: str | None, said: Mapping[str, Any]) -> dict[str, Any] | None:
    match kind:
        case "user-started" | "user-message":
            return {
                "id": item,
                "type": "userMessage",
                "content": [{"text": said["text"], "type": "text"}],
            }
        case "message-started":
            return {"id": item, "type": "agentMessage", "text": ""}
        case "message-done":
            return {"id": item, "type": "agentMessage", "text": said["text"]}
        case "tool-started":
            return {
                "id": item,
                "type": "commandExecution",
                "command": said["command"],
                "status": "inProgress",
            }
        case "tool-done":
            status = "failed" if said["failed"] else "completed"
            shown = {
                "id": item,
                "type": "commandExecution",
                "command": said["command"],
                "status": status,
            }
            return {**shown, "aggregatedOutput": said["output"]}
    return None
