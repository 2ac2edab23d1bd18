"""What the second data model's providers say in its log: native records only, each provider in its own form."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from t3lens.sim.ids import Ids
from t3lens.sim.logs import ProviderLogs
from t3lens.time import Micros, iso

__all__ = ["NativeWords"]


class NativeWords:
    """Writes the records of both providers.

    Args:
        logs: Where they go.
        ids: Where ids come from.
    """

    def __init__(self, logs: ProviderLogs, ids: Ids) -> None:
        self._logs = logs
        self._ids = ids
        self._natives: dict[str, str] = {}
        self._opener: str | None = None

    def thread_id(self, driver: str, run: dict[str, Any], at: Micros) -> str:
        """The provider's own id of the run's thread; the same for all its runs."""
        thread_id = run["threadId"]
        if thread_id not in self._natives:
            native = self._ids.opencode("ses", at) if driver == "opencode" else self._ids.uuid7(at)
            self._natives[thread_id] = native
        return self._natives[thread_id]

    def started(self, thread_id: str, session: dict[str, Any], native_id: str, turn_id: str, at: Micros) -> None:
        """The provider is asked for a turn, and begins it."""
        if session["driver"] == "opencode":
            self._opencode(thread_id, session, "outgoing", "session.promptAsync", at)
            self._opencode(thread_id, session, "incoming", "session.status", at)
            return
        turn = {"id": turn_id, "status": "inProgress"}
        self._codex(thread_id, session, "outgoing", "turn/start", {"threadId": native_id}, at)
        self._codex(thread_id, session, "incoming", "turn/started", {"threadId": native_id, "turn": turn}, at)

    def delta(self, thread_id: str, session: dict[str, Any], native_id: str, word: str, at: Micros) -> None:
        """The answer grows by a word."""
        if session["driver"] == "opencode":
            self._opencode(thread_id, session, "incoming", "message.part.delta", at)
        else:
            said = {"threadId": native_id, "delta": f"{word} "}
            self._codex(thread_id, session, "incoming", "item/agentMessage/delta", said, at)

    def asked(self, thread_id: str, session: dict[str, Any], native_id: str, at: Micros) -> None:
        """A person is asked."""
        if session["driver"] == "opencode":
            self._opencode(thread_id, session, "incoming", "permission.asked", at)
        else:
            method = "item/commandExecution/requestApproval"
            self._codex(thread_id, session, "incoming", method, {"threadId": native_id}, at)

    def interrupted(self, thread_id: str, session: dict[str, Any], at: Micros) -> None:
        """An interrupt reaches the provider."""
        if session.get("driver") == "opencode":
            self._opencode(thread_id, session, "outgoing", "session.abort", at)
        elif session:
            native_id = self._natives.get(thread_id)
            self._codex(thread_id, session, "outgoing", "turn/interrupt", {"threadId": native_id}, at)

    def ended(self, thread_id: str, session: dict[str, Any], native_id: str, at: Micros) -> None:
        """By the provider's word its turn is over."""
        if session["driver"] == "opencode":
            self._opencode(thread_id, session, "incoming", "session.idle", at)
        else:
            said = {"threadId": native_id, "turn": {"status": "completed"}}
            self._codex(thread_id, session, "incoming", "turn/completed", said, at)

    def _opencode(self, thread_id: str, session: dict[str, Any], direction: str, method: str, at: Micros) -> None:
        of = quote(session["id"], safe="")
        event = {
            "id": f"raw-event:provider-session:{of}:method:{method}:{self._ids.uuid()}",
            "kind": "protocol",
            "protocol": "opencode-sdk.sse",
            "provider": "opencode",
            "providerInstanceId": "opencode",
            "providerSessionId": session["id"],
            "createdAt": iso(at),
            "threadId": thread_id,
            "payload": {
                "direction": direction,
                "messageKind": "request" if direction == "outgoing" else "notification",
                "method": method,
                "payload": {"valueType": "object", "fieldCount": 3},
            },
        }
        self._logs.write("NTIVE", thread_id, {"observedAt": iso(at), "event": event}, at)

    def _codex(
        self, thread_id: str, session: dict[str, Any], direction: str, method: str, params: dict[str, Any], at: Micros
    ) -> None:
        # one session for all threads: its records go to the file of the thread that opened it
        self._opener = self._opener or thread_id
        record = {
            "provider": "codex",
            "protocol": "codex.app-server",
            "kind": "protocol",
            "providerSessionId": session["id"],
            "event": {"direction": direction, "stage": "decoded", "payload": {"method": method, "params": params}},
        }
        self._logs.write("NTIVE", self._opener, record, at)
