"""A simulated T3 Code server, without its network: commands in, events, rows and logs out.

The pieces are those of the real one: an event store with projections, a reactor with one command queue, provider
sessions, ingestion, and a lifecycle that ``model.reduce`` decides under the rules of the build.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from t3lens.domain.event import Event
from t3lens.domain.state import Transition
from t3lens.sim.builds import SimulatedBuild
from t3lens.sim.commands import RefusedCommand, aggregate_of, decide
from t3lens.sim.core import ServerCore
from t3lens.sim.ids import Ids
from t3lens.sim.ingestion import Ingestion
from t3lens.sim.logs import ProviderLogs
from t3lens.sim.reactor import Reactor
from t3lens.sim.recordings import AgentFolder
from t3lens.sim.runtime import Faults, ThreadRuntime
from t3lens.sim.scheduler import Scheduler, Steps
from t3lens.sim.script import Say, Script
from t3lens.sim.statedb import StateDatabase
from t3lens.t3code.v1.lifecycle.reducer import reduce
from t3lens.t3code.v1.rules import STARTUP_RECONCILE_ERROR
from t3lens.time import Micros, parse_iso

__all__ = ["T3"]


class T3(ServerCore):
    """The server's inside.

    Args:
        userdata: The folder with ``state.sqlite`` and ``logs``.
        build: Which server it is.
        ids: Where ids come from.
        scheduler: The clock it lives by.
        logs: Where provider events go.
        live: Whether it writes as a running server does (WAL, a transaction per command).
        before: The server that ran here before, whose open database and faults are taken over.
        page_size: Of a database that is made.
        agents: Where the agents keep their own records; None for nowhere.
    """

    def __init__(
        self,
        userdata: Path,
        build: SimulatedBuild,
        ids: Ids,
        scheduler: Scheduler,
        logs: ProviderLogs,
        *,
        live: bool,
        before: T3 | None = None,
        page_size: int = 4096,
        agents: AgentFolder | None = None,
    ) -> None:
        self.userdata = userdata
        self.build = build
        self.ids = ids
        self.scheduler = scheduler
        self.logs = logs
        self.agents = before.agents if before else agents
        self.faults: Faults = before.faults if before else Faults()
        self.database: StateDatabase = (
            before.database
            if before
            else StateDatabase(userdata / "state.sqlite", build, ids, scheduler.now, live=live, page_size=page_size)
        )
        self.reactor = Reactor(self)
        self.ingestion = Ingestion(self)
        self.default_script: Callable[[str], Script] = before.default_script if before else lambda text: (Say(),)
        self._threads: dict[str, ThreadRuntime] = {}
        self._late: list[tuple[ThreadRuntime, dict[str, Any]]] = []
        self._down = False

    # --- start and end --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to work; first end what did not survive, if the build does that."""
        if self.build.rules.reconciles_at_start and not self.faults.skips_reconcile:
            self._reconcile()
        self.scheduler.spawn(self.reactor.loop(), owner="t3")

    def _reconcile(self) -> None:
        now = self.scheduler.now
        rows = self.database.all(
            "SELECT thread_id FROM projection_thread_sessions WHERE status IN ('starting', 'running')"
            " OR active_turn_id IS NOT NULL ORDER BY thread_id"
        )
        for row in rows:
            thread = self.thread(row["thread_id"])
            if self.database.row("provider_session_runtime", "thread_id", thread.thread_id) is not None:
                self.bind(thread, status="stopped", turn_id=None, event=None, at=now)
            command_id = self.ids.uuid()
            self.write_session(
                thread,
                "error",
                None,
                STARTUP_RECONCILE_ERROR,
                now,
                now,
                command_id=command_id,
                actor="client",
            )
        self.database.commit()

    def shut_down(self) -> None:
        """A clean end: what providers say while they are aborted is logged, and nobody ingests it any more."""
        self._down = True
        for thread in list(self._threads.values()):
            provider = thread.provider
            if provider is not None and provider.alive:
                self.scheduler.kill(provider.owner)
                provider.recording.shut_down()
                if provider.turn_id is not None and provider.driver == "opencode":
                    provider.finish("interrupted")
            if provider is not None:
                self.bind(
                    thread,
                    status="stopped",
                    turn_id=None,
                    event="provider.stopAll",
                    at=self.scheduler.now,
                )
                thread.provider = None
        self.scheduler.kill("t3")
        self.logs.flush()

    def crash(self) -> int:
        """End at once: what is not on disk is lost; how many log lines that was."""
        self._down = True
        for thread in self._threads.values():
            if thread.provider is not None:
                self.scheduler.kill(thread.provider.owner)
                thread.provider = None
        self.scheduler.kill("t3")
        return self.logs.drop_unflushed()

    # --- threads --------------------------------------------------------------------------------------------

    def thread(self, thread_id: str) -> ThreadRuntime:
        """The thread, read from the database when first asked for."""
        thread = self._threads.get(thread_id)
        if thread is None:
            row = self.database.row("projection_threads", "thread_id", thread_id)
            assert row is not None, f"there is no thread {thread_id}"
            project = self.database.row("projection_projects", "project_id", row["project_id"])
            cwd = row["worktree_path"] or (project["workspace_root"] if project else "/")
            selection = msgspec.json.decode(row["model_selection_json"])
            thread = self._threads[thread_id] = ThreadRuntime(thread_id, selection, row["runtime_mode"], cwd)
            self._remember(thread)
        return thread

    def _remember(self, thread: ThreadRuntime) -> None:
        """Where the thread stood when the server was last up."""
        for row in self.database.all(
            "SELECT event_id, event_type, occurred_at, sequence, payload_json FROM orchestration_events"
            " WHERE aggregate_kind = 'thread' AND stream_id = ? ORDER BY sequence",
            (thread.thread_id,),
        ):
            payload = msgspec.json.decode(row["payload_json"])
            self.observe(
                thread,
                row["event_type"],
                payload,
                event_id=row["event_id"],
                at=parse_iso(row["occurred_at"]),
            )
            if row["event_type"] == "thread.turn-diff-completed":
                thread.checkpoints[payload["turnId"]] = payload["checkpointTurnCount"]

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
        event = Event(
            event_id=event_id,
            type=kind,
            at=at,
            turn_id=turn_id or payload.get("turnId"),
            item_id=item_id,
            request_id=request_id or payload.get("requestId"),
            provider=provider or thread.model_selection["instanceId"],
            provider_instance_id=thread.model_selection["instanceId"],
            payload=payload,
        )
        thread.state, transition = reduce(thread.state, event, self.build.rules)
        return transition

    # --- commands -------------------------------------------------------------------------------------------

    def dispatch(self, command: Mapping[str, Any]) -> int:
        """Store a valid command's events and queue the work; the sequence reached.

        Raises:
            Rejected: It is refused, now or when its id was first used.
        """
        kind, aggregate_id = aggregate_of(command)
        command_id = command["commandId"]
        receipt = self.database.receipt(command_id)
        if receipt is not None:
            other = self.build.migrations >= 33 and receipt.aggregate_id != aggregate_id
            if receipt.status == "rejected" or other:
                raise RefusedCommand(receipt.error or "The command id was used for another aggregate.")
            return receipt.sequence
        at = self.scheduler.now
        if not self.build.scopes and "createdAt" in command:
            at = parse_iso(command["createdAt"])
        try:
            events = decide(command, self.database, at)
        except RefusedCommand as refused:
            self.database.reject(command_id, kind, aggregate_id, at, str(refused))
            raise
        ids: list[str] = []
        for event_type, payload, metadata in events:
            ids.append(
                self.database.append(
                    event_type,
                    aggregate_id,
                    payload,
                    at=at,
                    command_id=command_id,
                    actor="client",
                    causation=ids[-1] if ids else None,
                    metadata=metadata,
                )
            )
        sequence = self.database.accept(command_id, kind, aggregate_id, at)
        self.database.commit()
        if kind == "thread":
            thread = self.thread(aggregate_id)
            for event_id, (event_type, payload, _) in zip(ids, events, strict=True):
                if event_type != "thread.created":
                    self.observe(thread, event_type, payload, event_id=event_id, at=at)
                self.reactor.put(event_type, thread, payload)
        return sequence

    # --- what providers say ---------------------------------------------------------------------------------

    def native(self, thread_id: str, record: dict[str, Any]) -> None:
        """Log what a provider said natively."""
        self._log("NTIVE", thread_id, record)

    def canonical(self, thread_id: str, event: dict[str, Any]) -> None:
        """Log a canonical event and ingest it."""
        self._log("CANON", thread_id, event)
        if self._down or (self.faults.loses_event is not None and self.faults.loses_event(event)):
            return
        thread = self.thread(thread_id)
        if self.faults.ingestion_paused:
            self._late.append((thread, event))
            return
        self.ingestion.take(thread, event)

    def _log(self, label: str, thread_id: str, record: dict[str, Any]) -> None:
        if self.faults.loses_line is None or not self.faults.loses_line(label, record):
            self.logs.write(label, thread_id, record, self.scheduler.now + 1000)

    def resume_ingestion(self) -> None:
        """Ingest what was held back."""
        self.faults.ingestion_paused = False
        late, self._late = self._late, []
        for thread, event in late:
            self.ingestion.take(thread, event)

    def flush_forever(self) -> Steps:
        """On the real clock: bring log batches to disk as they become due."""
        while True:
            self.logs.flush(self.scheduler.now)
            yield 0.1
