"""What the parts of the simulated server know of the whole: its time, its faults, its store, its conversations."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import msgspec

from t3lens.sim.recordings import AgentFolder
from t3lens.sim.runtime import Faults, ThreadRuntime
from t3lens.sim.scheduler import Scheduler
from t3lens.sim.script import Script
from t3lens.sim.writing import Writing

__all__ = ["ServerCore"]


class ServerCore(Writing):
    """The server as its reactor and its ingestion see it.

    Attributes:
        scheduler: The clock it lives by.
        faults: What goes wrong on purpose.
        agents: Where the agents keep their own records, if they do.
        default_script: What a provider does with a message that no script is for.
    """

    scheduler: Scheduler
    faults: Faults
    agents: AgentFolder | None
    default_script: Callable[[str], Script]

    @abstractmethod
    def native(self, thread_id: str, record: dict[str, Any]) -> None:
        """Log what a provider said natively."""

    @abstractmethod
    def canonical(self, thread_id: str, event: dict[str, Any]) -> None:
        """Log a canonical event and ingest it."""

    def script_for(self, thread: ThreadRuntime, message_id: str, text: str) -> Script:
        """What the provider will do with a message."""
        script, thread.script = thread.script, None
        return script if script is not None else self.default_script(text)

    def message_text(self, thread: ThreadRuntime, message_id: str) -> str:
        """The text of a stored message."""
        row = self.database.row("projection_thread_messages", "message_id", message_id)
        return str(row["text"]) if row else ""

    def conversation(self, thread: ThreadRuntime) -> str | None:
        """The provider's conversation that can be resumed, if any."""
        row = self.database.row("provider_session_runtime", "thread_id", thread.thread_id)
        if row is None or row["resume_cursor_json"] in (None, "null"):
            return None
        cursor = msgspec.json.decode(row["resume_cursor_json"])
        found = cursor.get("sessionId") or cursor.get("resume") or cursor.get("threadId")
        return str(found) if found else None
