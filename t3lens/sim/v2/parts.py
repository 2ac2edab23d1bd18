"""What all of the simulated server's inside shares: its store, its time, the processes of its providers."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.sim.ids import Ids
from t3lens.sim.logs import ProviderLogs
from t3lens.sim.recordings import AgentFolder, RecordedSession, Recording, recording_of
from t3lens.sim.scheduler import Scheduler, Signal
from t3lens.sim.script import Say, Script
from t3lens.sim.v2.builds import SecondBuild
from t3lens.sim.v2.database import SecondDatabase
from t3lens.sim.v2.upgrade import copy_first
from t3lens.sim.v2.words import NativeWords
from t3lens.time import iso

__all__ = ["LIVE", "CommandRefused", "Process", "ServerFaults", "ServerParts"]

LIVE: Final = ("preparing", "queued", "starting", "running", "waiting")
"""Statuses of a run that is not over."""

_NOBODY: Final = 4_194_400
"""A process id above the largest that Linux gives out."""


class CommandRefused(Exception):
    """The command is refused; its text is what the client is told."""


class Process:
    """A provider's process: it works, is frozen, or is gone.

    Attributes:
        name: Whose it is: ``codex`` for all Codex threads, else one for each session.
        alive: It is there.
        woken: Fired when it is thawed; nobody hears from it before.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.frozen = False
        self.woken = Signal()

    @property
    def answers(self) -> bool:
        """Whether it does what it is asked."""
        return self.alive and not self.frozen


class ServerFaults(msgspec.Struct):
    """What goes wrong inside the server.

    Attributes:
        fails: Why effects of a type are given up, by type.
        hangs: Types of effects whose executor hangs.
        skips_reconcile: A start ends nothing that an earlier one left.
    """

    fails: dict[str, str] = {}
    hangs: set[str] = set()
    skips_reconcile: bool = False


class ServerParts(ABC):
    """The state of a server, and the small things everything in it needs.

    Args:
        userdata: The home's state folder.
        build: Which build it is.
        ids: Where ids come from.
        scheduler: The clock it lives by.
        live: It is served: the database is in WAL mode.
        page_size: Of a database that is made.
        agents: Where the agents keep their own records; None for nowhere.
    """

    def __init__(
        self,
        userdata: Path,
        build: SecondBuild,
        ids: Ids,
        scheduler: Scheduler,
        *,
        live: bool,
        page_size: int = 4096,
        agents: AgentFolder | None = None,
    ) -> None:
        self.agents = agents
        self._recordings: dict[str, Recording] = {}
        self.build = build
        self.ids = ids
        self.scheduler = scheduler
        self.logs = ProviderLogs(userdata / "logs" / "provider", 2)
        copy_first(userdata / build.database)
        self.database = SecondDatabase(userdata / build.database, build, ids, scheduler.now, live=live, page_size=page_size)
        self.faults = ServerFaults()
        self.scripts: dict[str, Script] = {}
        self.default_script: Script = (Say(),)
        self.running = True
        self.worker = f"orchestration-v2:{os.getpid() if live else _NOBODY}"
        self.words = NativeWords(self.logs, ids)
        self._processes: dict[str, Process] = {}
        self._working: set[str] = set()
        self._answers: dict[str, Signal] = {}
        self._hung: dict[str, Signal] = {}

    @property
    def now(self) -> int:
        """Its time, microseconds UTC."""
        return self.scheduler.now

    def _recording(self, run_id: str) -> Recording:
        """The agent's own record of the session that a run works in."""
        return self._recordings.setdefault(run_id, Recording())

    def _record(self, run_id: str, session: dict[str, Any], native_id: str) -> Recording:
        """Begin a run in the agent's own record."""
        of = RecordedSession(session["driver"], native_id, session["cwd"], session["model"], self.scheduler)
        recording = self._recordings[run_id] = recording_of(self.agents, of)
        run = self._run(run_id)
        turn = self._turn_of(run) or {}
        said = self.database.entity("message", run["userMessageId"]) or {}
        recording.begin(turn.get("nativeTurnRef", {}).get("nativeId", run_id), said.get("text", ""))
        return recording

    @abstractmethod
    def _start_next_effect(self, thread_id: str) -> None:
        """Let a worker take up the thread's next effect, if none is being worked on."""

    def process(self, session: dict[str, Any]) -> Process:
        """The process of a session."""
        return self._processes.setdefault(session["id"], Process(session["id"]))

    def process_of(self, thread_id: str) -> Process | None:
        """The process that works for a thread."""
        session = self._session(thread_id)
        return self.process(session) if session else None

    def _event(self, event_type: str, thread_id: str, payload: dict[str, Any], *, command_id: str | None = None,
               run: dict[str, Any] | None = None) -> None:  # fmt: skip
        metadata: dict[str, Any] = {}
        if run is not None:
            metadata = {"runId": run["id"], "nodeId": run["rootNodeId"], "providerInstanceId": run["providerInstanceId"]}
        elif "driver" in payload:
            metadata = {"driver": payload["driver"], "providerInstanceId": payload["providerInstanceId"]}
        self.database.append(event_type, thread_id, payload, self.now, command_id=command_id, metadata=metadata)

    def _busy(self, thread_id: str, status: str) -> None:
        """What OpenCode's session says of itself; a shared one stays ``ready``."""
        sessions = self.database.entities("provider-session", thread_id)
        if sessions and sessions[-1]["driver"] != "codex" and sessions[-1]["status"] != status:
            self._event("provider-session.updated", thread_id, sessions[-1] | {"status": status, "updatedAt": iso(self.now)})

    def _run(self, run_id: str) -> dict[str, Any]:
        found = self.database.entity("run", run_id)
        assert found is not None, run_id
        return found

    def _is_live(self, run_id: str) -> bool:
        return self._run(run_id)["status"] in LIVE

    def _turn_of(self, run: dict[str, Any]) -> dict[str, Any] | None:
        turns = self.database.entities("provider-turn", run["threadId"])
        return next((turn for turn in turns if turn["runAttemptId"] == run["activeAttemptId"]), None)

    def _session(self, thread_id: str) -> dict[str, Any] | None:
        sessions = self.database.entities("provider-session", thread_id)
        return sessions[-1] if sessions else None

    def _session_id(self, thread_id: str) -> str | None:
        session = self._session(thread_id)
        return session["id"] if session else None

    def _place(self, run: dict[str, Any]) -> int:
        items = [one for one in self.database.entities("turn-item", run["threadId"]) if one["runId"] == run["id"]]
        return len(items) + 1

    def _owner(self, thread_id: str, run_id: str = "") -> str:
        return f"turn:{thread_id}:{run_id}"
