"""What the server writes by itself: events with their receipts, sessions, activities, bindings."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from t3lens.domain.state import Transition
from t3lens.sim.builds import SimulatedBuild
from t3lens.sim.ids import Ids
from t3lens.sim.runtime import ThreadRuntime
from t3lens.sim.statedb import StateDatabase
from t3lens.t3code.v1.event_types import SESSION_SET
from t3lens.time import Micros, iso

__all__ = ["Writing"]

_FAILURE: Final = "provider-failure-activity"


class Writing(ABC):
    """The writing half of the server.

    Attributes:
        build: Which server it is.
        ids: Where ids come from.
        database: What it writes to.
    """

    build: SimulatedBuild
    ids: Ids
    database: StateDatabase

    @abstractmethod
    def observe(
        self,
        thread: ThreadRuntime,
        kind: str,
        payload: Mapping[str, Any],
        *,
        event_id: str,
        at: Micros,
        turn_id: str | None = None,
        item_id: str | None = None,
        request_id: str | None = None,
        provider: str | None = None,
    ) -> Transition:
        """Let the reducer see an event of the thread."""

    def append(
        self,
        thread_id: str,
        event_type: str,
        payload: Mapping[str, Any],
        at: Micros,
        command_id: str,
        actor: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> str:
        """Store one event that no client asked for, with its receipt; its event id."""
        event_id = self.database.append(
            event_type,
            thread_id,
            payload,
            at=at,
            command_id=command_id,
            actor=actor,
            metadata=metadata,
        )
        self.database.accept(command_id, "thread", thread_id, at)
        return event_id

    def react(
        self,
        thread: ThreadRuntime,
        event_type: str,
        payload: Mapping[str, Any],
        at: Micros,
        tag: str,
    ) -> None:
        """Store an event of the reactor, and let the reducer see it."""
        event_id = self.append(thread.thread_id, event_type, payload, at, f"server:{tag}:{self.ids.uuid()}", "server")
        self.observe(thread, event_type, payload, event_id=event_id, at=at)

    def note(
        self,
        thread: ThreadRuntime,
        kind: str,
        summary: str,
        payload: Mapping[str, Any],
        at: Micros,
        *,
        tag: str = _FAILURE,
        tone: str = "error",
        turn_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Store an activity of the reactor."""
        activity = {
            "id": self.ids.uuid(),
            "tone": tone,
            "kind": kind,
            "summary": summary,
            "payload": payload,
            "turnId": turn_id,
            "createdAt": iso(at),
        }
        body = {"threadId": thread.thread_id, "activity": activity}
        command_id = f"server:{tag}:{self.ids.uuid()}"
        self.append(thread.thread_id, "thread.activity-appended", body, at, command_id, "server", metadata)

    def set_session(
        self,
        thread: ThreadRuntime,
        status: str,
        active: str | None,
        error: str | None,
        *,
        at: Micros,
        updated_at: Micros,
    ) -> None:
        """Write the session as the reactor does: dated by the command that caused it."""
        command_id = f"server:provider-session-set:{self.ids.uuid()}"
        self.write_session(thread, status, active, error, at, updated_at, command_id=command_id, actor="server")
        self.database.commit()

    def write_session(
        self,
        thread: ThreadRuntime,
        status: str,
        active: str | None,
        error: str | None,
        at: Micros,
        updated_at: Micros,
        *,
        command_id: str,
        actor: str,
    ) -> None:
        """Write the session under a command id of one's own."""
        bound = thread.provider is not None or self._is_bound(thread)
        payload = self._session(thread, status, active, error, iso(updated_at), named=bound)
        event_id = self.append(thread.thread_id, SESSION_SET, payload, at, command_id, actor)
        self.observe(thread, SESSION_SET, payload, event_id=event_id, at=updated_at)

    def session_payload(self, thread: ThreadRuntime, updated_at: str) -> dict[str, Any]:
        """The payload of a ``thread.session-set`` for the reducer's session."""
        session = thread.state.session
        assert session is not None
        return self._session(
            thread,
            str(session.status),
            session.active_turn_id,
            session.last_error,
            updated_at,
            named=True,
        )

    def _session(
        self,
        thread: ThreadRuntime,
        status: str,
        active: str | None,
        error: str | None,
        updated_at: str,
        *,
        named: bool,
    ) -> dict[str, Any]:
        instance = thread.model_selection["instanceId"] if named else None
        session: dict[str, Any] = {
            "threadId": thread.thread_id,
            "status": status,
            "providerName": instance,
        }
        if named:
            session["providerInstanceId"] = instance
        session.update(
            runtimeMode=thread.runtime_mode,
            activeTurnId=active,
            lastError=error,
            updatedAt=updated_at,
        )
        return {"threadId": thread.thread_id, "session": session}

    def bind(
        self,
        thread: ThreadRuntime,
        *,
        status: str,
        turn_id: str | None,
        event: str | None,
        at: Micros,
    ) -> None:
        """Write the runtime binding; ``event`` None keeps the last one."""
        old = self.database.row("provider_session_runtime", "thread_id", thread.thread_id)
        before = msgspec.json.decode(old["runtime_payload_json"]) if old else {}
        instance = thread.model_selection["instanceId"]
        if thread.provider is not None:
            keeps = self.build.resumes_opencode or instance != "opencode"
            cursor = thread.provider.cursor if keeps else None
        else:
            cursor = msgspec.json.decode(old["resume_cursor_json"]) if old and old["resume_cursor_json"] else None
        payload = {
            "cwd": thread.cwd,
            "model": thread.model_selection["model"],
            "activeTurnId": turn_id,
            "lastError": None,
            "modelSelection": thread.model_selection,
            "lastRuntimeEvent": event or before.get("lastRuntimeEvent"),
            "lastRuntimeEventAt": iso(at) if event else before.get("lastRuntimeEventAt"),
        }
        self.database.bind(
            thread.thread_id,
            provider=instance,
            instance=instance,
            runtime_mode=thread.runtime_mode,
            status=status,
            at=at,
            cursor=cursor,
            payload=payload,
        )

    def _is_bound(self, thread: ThreadRuntime) -> bool:
        return self.database.row("provider_session_runtime", "thread_id", thread.thread_id) is not None

    def checkpoint_name(self, thread_id: str) -> str:
        """The thread's part of a checkpoint reference."""
        return base64.b64encode(thread_id.encode()).decode().rstrip("=")
