"""A simulated T3 home on disk, written on a simulated clock: the same seed gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from t3lens.domain.state import LIVE, ThreadState
from t3lens.errors import UsageError
from t3lens.sim.builds import build as build_of
from t3lens.sim.commands import validate
from t3lens.sim.ids import Ids
from t3lens.sim.logs import ProviderLogs
from t3lens.sim.providers import PROVIDERS, Provider
from t3lens.sim.recordings import AgentFolder, RecordedSession, Recording, recording_of
from t3lens.sim.scheduler import Scheduler
from t3lens.sim.script import ScriptStep
from t3lens.sim.t3 import T3
from t3lens.time import Micros, from_datetime, iso

__all__ = ["CANARY", "SimHome"]

CANARY: Final = "t3lens-canary-credential-never-to-be-read"
"""Stands in the ``auth_*`` tables of every simulated home; it must turn up nowhere else."""

_START: Final = datetime(2026, 7, 6, 9, 0, tzinfo=UTC)
_NO_PROCESS: Final = 4_194_400
"""A process id above the largest that Linux gives out: a server that is not there."""


class SimHome:
    """Writes a home as a server of some build would have, in simulated time.

    Use it as a context manager, or call ``close``; only then is everything on disk.

    Args:
        path: The home; ``userdata`` is made in it. It must not have one.
        build: Version of the server, see ``BUILDS``.
        generation: Of the logs; None takes the build's.
        seed: The same seed and calls give the same bytes.
        start: When the story begins.
        max_log_bytes: Size at which logs are rotated.
        page_size: Of the database; T3 Code's is 4096, a smaller one makes small homes smaller.
        records: Folder for the agents' own records; None for none.
        agent_builds: Versions of the agents, by T3 Code's names of them.

    Raises:
        UsageError: The home has data already, or the build is unknown.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        build: str = "0.0.28",
        generation: int | None = None,
        seed: int | str = 0,
        start: datetime = _START,
        max_log_bytes: int = 10 * 1024 * 1024,
        page_size: int = 4096,
        records: str | Path | None = None,
        agent_builds: Mapping[str, str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.userdata = self.path / "userdata"
        if self.userdata.exists():
            raise UsageError(f"{self.userdata} exists already; name a folder without one")
        self.build = build_of(build)
        self.ids = Ids(f"{seed}")
        self.scheduler = Scheduler(from_datetime(start))
        self.userdata.mkdir(parents=True)
        self.logs = ProviderLogs(
            self.userdata / "logs" / "provider",
            generation or self.build.generation,
            max_bytes=max_log_bytes,
        )
        self.environment_id = self.ids.uuid()
        (self.userdata / "environment-id").write_text(f"{self.environment_id}\n")
        self.agents = None if records is None else AgentFolder(records, seed=seed, builds=agent_builds)
        self.t3 = T3(
            self.userdata,
            self.build,
            self.ids,
            self.scheduler,
            self.logs,
            live=False,
            page_size=page_size,
            agents=self.agents,
        )
        self._canary()
        self.running = self._ran = False
        self._projects: list[str] = []
        self.start_server()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def now(self) -> Micros:
        """The simulated moment, microseconds UTC."""
        return self.scheduler.now

    # --- the server -----------------------------------------------------------------------------------------

    def start_server(self) -> None:
        """Start the server; its runtime file is written when it is ready."""
        if self.running:
            raise UsageError("the server runs already")
        if self._ran:
            self.t3 = T3(
                self.userdata,
                self.build,
                self.ids,
                self.scheduler,
                self.logs,
                live=False,
                before=self.t3,
            )
        self._ran = self.running = True
        self.t3.start()
        self.scheduler.advance(0.15)
        port = 41000 + self.ids.random.randrange(2000)
        runtime = {
            "version": 1,
            "pid": _NO_PROCESS + self.ids.random.randrange(400),
            "host": "127.0.0.1",
            "port": port,
            "origin": f"http://127.0.0.1:{port}",
            "startedAt": iso(self.now),
        }
        self._runtime_file.write_bytes(msgspec.json.encode(runtime) + b"\n")

    def kill_server(self) -> None:
        """Kill it: log lines that are not on disk yet are lost, the runtime file stays."""
        self.t3.crash()
        self.running = False

    def stop_server(self) -> None:
        """End it cleanly: running turns are aborted, the runtime file goes."""
        self.t3.shut_down()
        self.running = False
        self._runtime_file.unlink()

    def restart_server(self, *, down: float = 4.0, kill: bool = True) -> None:
        """Kill (or end) the server and start it again ``down`` seconds later."""
        if kill:
            self.kill_server()
        else:
            self.stop_server()
        self.advance(down)
        self.start_server()

    @property
    def _runtime_file(self) -> Path:
        return self.userdata / "server-runtime.json"

    # --- what a person does ---------------------------------------------------------------------------------

    def project(self, title: str = "atlas") -> str:
        """Make a project; its id."""
        project_id = self.ids.uuid()
        body = {"projectId": project_id, "title": title, "workspaceRoot": f"/home/dev/{title}"}
        self.dispatch("project.create", **body, createdAt=iso(self.now))
        self._projects.append(project_id)
        return project_id

    def thread(
        self,
        title: str,
        *,
        provider: str = "opencode",
        runtime_mode: str = "full-access",
        project: str | None = None,
    ) -> str:
        """Make a thread for ``provider`` (``opencode codex claudeAgent cursor``); its id."""
        if project is None:
            project = self._projects[-1] if self._projects else self.project()
        thread_id = self.ids.uuid()
        self.dispatch(
            "thread.create",
            threadId=thread_id,
            projectId=project,
            title=title,
            modelSelection={"instanceId": provider, "model": PROVIDERS[provider].default_model},
            runtimeMode=runtime_mode,
            interactionMode="default",
            branch=None,
            worktreePath=None,
            createdAt=iso(self.now),
        )
        return thread_id

    def send(self, thread_id: str, text: str, *script: ScriptStep) -> None:
        """Send a message; the provider will do ``script`` with it."""
        thread = self.t3.thread(thread_id)
        if script:
            thread.script = script
        self.dispatch(
            "thread.turn.start",
            threadId=thread_id,
            message={
                "messageId": f"msg-{self.ids.uuid()}",
                "role": "user",
                "text": text,
                "attachments": [],
            },
            runtimeMode=thread.runtime_mode,
            interactionMode="default",
            createdAt=iso(self.now),
        )

    def turn(self, thread_id: str, text: str, *script: ScriptStep, limit: float = 7200.0) -> None:
        """Send a message and wait until the turn has ended."""
        self.send(thread_id, text, *script)
        self.wait_idle(thread_id, limit)

    def interrupt(self, thread_id: str, *, named: bool = True) -> None:
        """Ask to interrupt the active turn, by its id or (``named`` false) without one."""
        active = self.state(thread_id).active_turn_id
        turn = {"turnId": active} if named and active else {}
        self.dispatch("thread.turn.interrupt", threadId=thread_id, **turn, createdAt=iso(self.now))

    def stop(self, thread_id: str) -> None:
        """Ask to stop the session."""
        self.dispatch("thread.session.stop", threadId=thread_id, createdAt=iso(self.now))

    def respond(self, thread_id: str, decision: str = "accept", request_id: str | None = None) -> None:
        """Answer the oldest open approval or question of the thread, or the one named."""
        open_requests = self.state(thread_id).requests
        request_id = request_id or next(iter(open_requests))
        request = open_requests.get(request_id)
        if request is not None and request.question:
            body: dict[str, Any] = {"answers": {"q1": "main"}}
            kind = "thread.user-input.respond"
        else:
            body, kind = {"decision": decision}, "thread.approval.respond"
        self.dispatch(kind, threadId=thread_id, requestId=request_id, **body, createdAt=iso(self.now))

    def archive(self, thread_id: str) -> None:
        """Archive the thread."""
        self.dispatch("thread.archive", threadId=thread_id)

    def unarchive(self, thread_id: str) -> None:
        """Take the thread out of the archive."""
        self.dispatch("thread.unarchive", threadId=thread_id)

    def delete(self, thread_id: str) -> None:
        """Delete the thread."""
        self.dispatch("thread.delete", threadId=thread_id)

    def dispatch(self, kind: str, **body: Any) -> int:
        """Send one command of a client; the sequence it reached."""
        command = {"type": kind, "commandId": f"cmd-{self.ids.uuid()}", **body}
        sequence = self.t3.dispatch(validate(command, self.build))
        self.scheduler.advance(0.03)
        return sequence

    # --- what happens ---------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let time pass, with everything that happens in it."""
        self.scheduler.advance(seconds)
        if self.running:
            self.logs.flush(self.now)

    def state(self, thread_id: str) -> ThreadState:
        """The thread's lifecycle, as the server's reducer sees it."""
        return self.t3.thread(thread_id).state

    def wait_running(self, thread_id: str, limit: float = 120.0) -> str:
        """Wait until a turn runs; its id.

        Raises:
            UsageError: None did within ``limit`` simulated seconds.
        """
        running = self.scheduler.run_until(lambda: self.state(thread_id).active_turn_id is not None, limit)
        turn_id = self.state(thread_id).active_turn_id
        if not running or turn_id is None:
            raise UsageError(f"no turn of {thread_id} began within {limit:g} s")
        return turn_id

    def wait_request(self, thread_id: str, limit: float = 120.0) -> str:
        """Wait until the thread asks a person something; the request's id.

        Raises:
            UsageError: It did not within ``limit`` simulated seconds.
        """
        if not self.scheduler.run_until(lambda: bool(self.state(thread_id).requests), limit):
            raise UsageError(f"{thread_id} asked nothing within {limit:g} s")
        return next(iter(self.state(thread_id).requests))

    def wait_idle(self, thread_id: str, limit: float = 7200.0) -> None:
        """Wait until the thread's session is not live, no start is pending and the checkpoint is taken.

        Raises:
            UsageError: It did not get there within ``limit`` simulated seconds.
        """

        def idle() -> bool:
            state = self.state(thread_id)
            pending = state.pending is not None and state.pending.active_turn_id is None
            return state.status not in LIVE and not pending and state.session is not None

        if not self.scheduler.run_until(idle, limit):
            raise UsageError(f"{thread_id} was not idle within {limit:g} s")
        self.advance(1.5)

    def freeze_provider(self, thread_id: str) -> None:
        """Stop the provider's process: it answers nothing."""
        self.scheduler.freeze(self.provider(thread_id).owner)

    def thaw_provider(self, thread_id: str) -> None:
        """Let the provider's process continue."""
        thread = self.t3.thread(thread_id)
        self.scheduler.thaw(self.provider(thread_id).owner)
        self.scheduler.fire(thread.thawed)

    def kill_provider(self, thread_id: str) -> None:
        """End the provider's process; OpenCode's end is noticed, Codex's is not."""
        thread = self.t3.thread(thread_id)
        provider = self.provider(thread_id)
        provider.die()
        if provider.notices_death:
            thread.provider = None
            self.t3.bind(thread, status="stopped", turn_id=None, event=None, at=self.now)

    def go_on_elsewhere(self, thread_id: str, text: str) -> None:
        """The provider hangs, and another program of the same agent resumes its session and does a turn in it."""
        provider = self.provider(thread_id)
        self.scheduler.freeze(provider.owner)
        if self.agents is not None:
            self._one_turn(recording_of(self.agents, provider), text)

    def fork_elsewhere(self, thread_id: str, conversation: str, text: str) -> None:
        """Another program of the same agent forks the session, and does a turn in the fork."""
        provider = self.provider(thread_id)
        if self.agents is not None:
            provider.recording.fork(conversation)
            of = RecordedSession(provider.driver, conversation, provider.cwd, provider.model, self.scheduler)
            self._one_turn(recording_of(self.agents, of), text)

    def _one_turn(self, recording: Recording, text: str) -> None:
        assert self.agents is not None
        recording.begin(self.agents.ids.uuid7(self.now), text)
        self.advance(4)
        recording.answer("Done.")
        recording.end("completed")

    def stop_provider(self, thread_id: str) -> None:
        """The server itself ends an idle provider session, as its reaper does."""
        thread, provider = self.t3.thread(thread_id), self.provider(thread_id)
        self.scheduler.spawn(provider.stop())
        self.advance(1)
        provider.closed()
        thread.provider = None
        self.t3.bind(thread, status="stopped", turn_id=None, event=None, at=self.now)
        self.advance(1.5)

    def forget_conversation(self, thread_id: str) -> None:
        """The runtime binding loses its resume cursor: the next session begins a new conversation."""
        self.t3.database.connection.execute(
            "UPDATE provider_session_runtime SET resume_cursor_json = NULL WHERE thread_id = ?",
            (thread_id,),
        )

    def set_clock_back(self, seconds: float) -> None:
        """Set the machine's clock back."""
        self.scheduler.set_back(seconds)

    def provider(self, thread_id: str) -> Provider:
        """The thread's provider session.

        Raises:
            UsageError: It has none.
        """
        provider = self.t3.thread(thread_id).provider
        if provider is None:
            raise UsageError(f"thread {thread_id} has no provider session")
        return provider

    # --- the end --------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Write everything to disk; the home stands as it is at this moment."""
        self.logs.flush()
        self.t3.database.close()
        if self.agents is not None:
            self.agents.close()

    def _canary(self) -> None:
        run, at, grant = (
            self.t3.database.connection.execute,
            iso(self.now),
            "scopes" if self.build.scopes else "role",
        )
        run(
            f"INSERT INTO auth_pairing_links (id, credential, method, {grant}, subject, created_at, expires_at)"
            " VALUES (?, ?, 'one-time-token', 'owner', 'owner', ?, ?)",
            (self.ids.uuid(), CANARY, at, at),
        )
        run(
            f"INSERT INTO auth_sessions (session_id, subject, {grant}, method, client_label, issued_at, expires_at)"
            " VALUES (?, 'owner', 'owner', 'bearer-access-token', ?, ?, ?)",
            (self.ids.uuid(), CANARY, at, at),
        )
