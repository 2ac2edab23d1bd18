"""A simulated T3 Code server, without its network: commands in, events, rows and logs out.

The pieces are those of the real one: an event store with projections, a reactor with one command queue, provider
sessions, ingestion, and a lifecycle that ``model.reduce`` decides under the rules of the build.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from t3lens.model import EMPTY, Event, ThreadState, Transition, reduce
from t3lens.model.events import SESSION_SET
from t3lens.model.rules import STARTUP_RECONCILE_ERROR
from t3lens.model.state import LIVE
from t3lens.model.time import Micros, iso, parse_iso
from t3lens.sim.builds import Build
from t3lens.sim.commands import Rejected, aggregate_of, decide
from t3lens.sim.ids import Ids
from t3lens.sim.ingestion import Ingestion
from t3lens.sim.logs import ProviderLogs
from t3lens.sim.providers import Provider
from t3lens.sim.reactor import Reactor
from t3lens.sim.scheduler import Scheduler, Signal, Steps
from t3lens.sim.script import Say, Script
from t3lens.sim.statedb import StateDatabase

__all__ = ["T3", "Faults", "ThreadRuntime"]

_FAILURE = "provider-failure-activity"


class Faults(msgspec.Struct, kw_only=True):
    """What goes wrong on purpose; everything is off at first and may be changed while the server runs.

    Attributes:
        ingestion_paused: Canonical events are logged and not stored.
        loses_event: Says of a canonical event that it is logged and never ingested.
        loses_session_set: Says of a canonical event that its session is never stored.
        loses_line: Says of a log record (label, record) that it never reaches the log.
        stop_fails: By thread id, why stopping its provider fails.
        records_failed_stop: A failed stop leaves its activity, also on builds that lose it.
        swallows_answers: Threads whose answers reach nobody.
        unstartable: By provider instance, why it cannot be started.
        missing_folders: Workspace folders that are not there, so that no project can be made of them.
        skips_reconcile: The server does not reconcile at start, whatever its build does.
    """

    ingestion_paused: bool = False
    loses_event: Callable[[Mapping[str, Any]], bool] | None = None
    loses_session_set: Callable[[Mapping[str, Any]], bool] | None = None
    loses_line: Callable[[str, Mapping[str, Any]], bool] | None = None
    stop_fails: dict[str, str] = {}
    records_failed_stop: bool = False
    swallows_answers: set[str] = set()
    unstartable: dict[str, str] = {}
    missing_folders: set[str] = set()
    skips_reconcile: bool = False


class ThreadRuntime:
    """What the running server knows of one thread."""

    __slots__ = (
        "checkpoints",
        "cwd",
        "finished",
        "last_message",
        "model_selection",
        "provider",
        "runtime_mode",
        "said",
        "script",
        "state",
        "thawed",
        "thread_id",
    )

    def __init__(
        self, thread_id: str, model_selection: dict[str, Any], runtime_mode: str, cwd: str
    ) -> None:
        self.thread_id = thread_id
        self.model_selection = model_selection
        self.runtime_mode = runtime_mode
        self.cwd = cwd
        self.state: ThreadState = EMPTY
        self.provider: Provider | None = None
        self.said: dict[str, str] = {}
        self.finished: set[str] = set()
        self.last_message: str | None = None
        self.checkpoints: dict[str, int] = {}
        self.script: Script | None = None
        self.thawed = Signal()


class T3:
    """The server's inside.

    Args:
        userdata: The folder with ``state.sqlite`` and ``logs``.
        build: Which server it is.
        ids: Where ids come from.
        scheduler: Its time.
        logs: Where provider events go.
        live: Whether it writes as a running server does (WAL, a transaction per command).
        before: The server that ran here before, whose open database and faults are taken over.
        page_size: Of a database that is made.
    """

    def __init__(
        self,
        userdata: Path,
        build: Build,
        ids: Ids,
        scheduler: Scheduler,
        logs: ProviderLogs,
        *,
        live: bool,
        before: T3 | None = None,
        page_size: int = 4096,
    ) -> None:
        self.userdata = userdata
        self.build = build
        self.ids = ids
        self.scheduler = scheduler
        self.logs = logs
        self.faults: Faults = before.faults if before else Faults()
        self.database: StateDatabase = (
            before.database
            if before
            else StateDatabase(
                userdata / "state.sqlite", build, ids, scheduler.now, live=live, page_size=page_size
            )
        )
        self.reactor = Reactor(self)
        self.ingestion = Ingestion(self)
        self.default_script: Callable[[str], Script] = (
            before.default_script if before else lambda text: (Say(),)
        )
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
            if (
                self.database.row("provider_session_runtime", "thread_id", thread.thread_id)
                is not None
            ):
                self.bind(thread, status="stopped", turn_id=None, event=None, at=now)
            command_id = self.ids.uuid()
            self._write_session(
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
            thread = self._threads[thread_id] = ThreadRuntime(
                thread_id, selection, row["runtime_mode"], cwd
            )
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
                raise Rejected(receipt.error or "The command id was used for another aggregate.")
            return receipt.sequence
        at = self.scheduler.now
        if not self.build.scopes and "createdAt" in command:
            at = parse_iso(command["createdAt"])
        try:
            events = decide(command, self.database, at)
        except Rejected as refused:
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

    # --- what the server writes -----------------------------------------------------------------------------

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
        event_id = self.append(
            thread.thread_id, event_type, payload, at, f"server:{tag}:{self.ids.uuid()}", "server"
        )
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
        self.append(
            thread.thread_id, "thread.activity-appended", body, at, command_id, "server", metadata
        )

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
        self._write_session(
            thread, status, active, error, at, updated_at, command_id=command_id, actor="server"
        )
        self.database.commit()

    def _write_session(
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
            cursor = (
                msgspec.json.decode(old["resume_cursor_json"])
                if old and old["resume_cursor_json"]
                else None
            )
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
        return (
            self.database.row("provider_session_runtime", "thread_id", thread.thread_id) is not None
        )

    def checkpoint_name(self, thread_id: str) -> str:
        """The thread's part of a checkpoint reference."""
        return base64.b64encode(thread_id.encode()).decode().rstrip("=")

    def is_live(self, thread_id: str) -> bool:
        """Whether the stored session looks like work in progress."""
        return self.thread(thread_id).state.status in LIVE

    def flush_forever(self) -> Steps:
        """On the real clock: bring log batches to disk as they become due."""
        while True:
            self.logs.flush(self.scheduler.now)
            yield 0.1
