# ruff: noqa: D102 -- the methods are documented where they are declared, in Provider
"""OpenCode: one ``opencode serve`` per thread, events by type, auxiliary sessions for titles and subagents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from t3lens.sim import script as steps
from t3lens.sim.providers.base import Provider, Spoken
from t3lens.sim.scheduler import Steps
from t3lens.time import Micros, iso

__all__ = ["OpenCode"]


class OpenCode(Provider):
    """An OpenCode session."""

    driver: ClassVar[str] = "opencode"
    default_model: ClassVar[str] = "acme/large"
    raw_source: ClassVar[str] = "opencode.sdk.event"
    connect_seconds: ClassVar[float] = 3.2
    goodbye_seconds: ClassVar[float] = 0.3
    resolved_request_type: ClassVar[str] = "unknown"

    def new_conversation(self) -> str:
        return self.host.ids.opencode("ses", self.now)

    def new_turn(self) -> str:
        return f"opencode-turn-{self.host.ids.uuid()}"

    def new_item(self) -> str:
        return self.host.ids.opencode("prt", self.now)

    def new_request(self) -> str:
        return self.host.ids.opencode("per", self.now)

    @property
    def cursor(self) -> Any:
        return {"schemaVersion": 1, "sessionId": self.conversation}

    def before_ready(self) -> None:
        return

    def when_ready(self) -> None:
        self.say("none", "session.started", {"message": "OpenCode session started"})
        self.say("none", "thread.started", {"providerThreadId": self.conversation})

    def begin_turn(self, text: str) -> None:
        self.say("none", "turn.started", {"model": self.model}, turn=self.turn_id)
        self.user_message(text)
        self.say("busy", turn=self.turn_id)

    def message_started(self, item: str) -> None:
        self.say("message-started", turn=self.turn_id, item=item)

    def end_turn(self, state: str, message: str | None = None) -> None:
        turn, item, said = self.turn_id, self._item, self._said
        if state == "interrupted":
            message = "Aborted"
        if message is None:
            self.say("turn-done", "turn.completed", {"state": "completed"}, turn=turn)
            self.say("idle", turn=None)
            return
        name = "MessageAbortedError" if message == "Aborted" else "APIError"
        error = {"name": name, "data": {"message": message}}
        payload = {"state": "failed", "errorMessage": message}
        self.say("turn-failed", "turn.completed", payload, turn=turn, error=error)
        shown = {"message": message, "class": "provider_error", "detail": error}
        self.say("none", "runtime.error", shown)
        if item is not None:
            self.message_done(item, said, None)
        self.say("turn-done", turn=None)
        self.say("idle", turn=None)

    def stop(self) -> Steps:
        """Abort the turn, then end the process."""
        yield 0.05
        self.host.scheduler.kill(self.owner)
        self.alive = False
        if self.turn_id is not None:
            self._item = None
            self.finish("interrupted")
        yield 0.8

    def closed(self) -> None:
        payload = {"reason": "Session stopped.", "recoverable": False, "exitKind": "graceful"}
        self.say("none", "session.exited", payload)

    def die(self) -> None:
        turn = self.turn_id
        super().die()
        reason = "OpenCode server exited unexpectedly (137)."
        self.turn_id = None
        self.say("none", "runtime.error", {"message": reason, "class": "transport_error"}, turn=turn)
        payload = {"reason": reason, "recoverable": False, "exitKind": "error"}
        self.say("none", "session.exited", payload, turn=turn)

    def child(self, step: steps.Child) -> Steps:
        """A child session: busy, then idle, under an id of its own."""
        session, turn = self.new_conversation(), self.turn_id
        self.recording.sub_agent(session, finished=False)
        self.say("busy", turn=turn, session=session)
        yield step.seconds
        self.recording.sub_agent(session, finished=True)
        self.say("turn-done", turn=turn, session=session)
        self.say("idle", turn=None, session=session)

    def title(self, title: str) -> None:
        auxiliary = self.new_conversation()
        self.say("busy", turn=self.turn_id, session=auxiliary)
        self.say("turn-done", turn=self.turn_id, session=auxiliary)
        payload = {"name": title, "metadata": {"sessionID": self.conversation}}
        self.say("title", "thread.metadata.updated", payload, title=title)

    def words(self, kind: str, said: Mapping[str, Any]) -> Spoken | None:
        session = said.get("session", self.conversation)
        body: dict[str, Any] = {"sessionID": session}
        part: dict[str, Any] = {"id": said["item"], "sessionID": session}
        match kind:
            case "user-message":
                info = {
                    "id": said["id"],
                    "role": "user",
                    "sessionID": session,
                    "time": {"created": self.stamp},
                }
                name, body = "message.updated", {**body, "info": info}
            case "busy":
                name, body = "session.status", {**body, "status": {"type": "busy"}}
            case "turn-done":
                name, body = "session.status", {**body, "status": {"type": "idle"}}
            case "idle":
                name = "session.idle"
            case "turn-failed":
                name, body = "session.error", {**body, "error": said["error"]}
            case "retry":
                name, body = "session.status", {**body, "status": said["retry"]}
            case "message-started":
                part.update(type="text", text="", time={"start": self.stamp})
                name, body = "message.part.updated", {**body, "part": part, "time": self.stamp}
            case "delta":
                name = "message.part.delta"
                body.update(partID=said["item"], field="text", delta=said["delta"])
            case "message-done":
                part.update(type="text", text=said["text"], time={"start": self.stamp, "end": self.stamp})
                name, body = "message.part.updated", {**body, "part": part, "time": self.stamp}
            case "tool-started" | "tool-running" | "tool-done":
                part.update(
                    type="tool",
                    tool="bash",
                    callID=said["item"],
                    state=_tool_state(kind, said, self.stamp),
                )
                name, body = "message.part.updated", {**body, "part": part, "time": self.stamp}
            case "approval-asked":
                body.update(id=said["request"], permission="bash", patterns=[said["detail"]], metadata={})
                name = "permission.asked"
            case "approval-answered":
                body.update(
                    requestID=said["request"],
                    reply="once" if said["decision"] == "accept" else "reject",
                )
                name = "permission.replied"
            case "question-asked":
                body.update(id=said["request"], questions=[{"question": said["detail"], "options": []}])
                name = "question.asked"
            case "question-answered":
                body.update(requestID=said["request"])
                name = "question.replied"
            case "title":
                info = {
                    "id": session,
                    "title": said["title"],
                    "directory": self.cwd,
                    "version": "1.15.13",
                }
                name, body = "session.updated", {**body, "info": info}
            case _:
                return None
        return name, {
            "id": self.host.ids.opencode("evt", self.now),
            "type": name,
            "properties": body,
        }

    def record(self, words: Spoken, event_id: str, at: Micros, said: Mapping[str, Any]) -> dict[str, Any]:
        event: dict[str, Any] = {
            "provider": self.driver,
            "threadId": self.thread_id,
            "providerThreadId": said.get("session", self.conversation),
            "type": words[0],
        }
        if said["turn"] is not None:
            event["turnId"] = said["turn"]
        event["payload"] = words[1]
        return {"observedAt": iso(at), "event": event}

    def raw(self, words: Spoken) -> dict[str, Any]:
        return {"source": self.raw_source, "payload": words[1]}


def _tool_state(kind: str, said: Mapping[str, Any], stamp: int) -> dict[str, Any]:
    if kind == "tool-started":
        return {"status": "pending", "input": {}, "raw": ""}
    given = {"command": said["command"], "description": "Run a command"}
    if kind == "tool-running":
        return {"status": "running", "input": given, "time": {"start": stamp}}
    status = "error" if said["failed"] else "completed"
    return {
        "status": status,
        "input": given,
        "output": said["output"],
        "time": {"start": stamp, "end": stamp},
    }
