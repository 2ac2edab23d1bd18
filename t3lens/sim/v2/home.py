"""A home of the second data model on disk, written on a simulated clock: the same seed gives the same content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from t3lens.errors import UsageError
from t3lens.sim.ids import Ids
from t3lens.sim.recordings import AgentFolder
from t3lens.sim.scheduler import Scheduler
from t3lens.sim.script import ScriptStep
from t3lens.sim.v2.builds import SECOND_BUILDS, second_build
from t3lens.sim.v2.core import SecondCore
from t3lens.sim.v2.parts import LIVE
from t3lens.time import from_datetime, iso

__all__ = ["SecondHome"]

_START: Final = datetime(2026, 10, 12, 9, 0, tzinfo=UTC)
_NO_PROCESS: Final = 4_194_400
"""A process id above the largest that Linux gives out: a server that is not there."""


class SecondHome:
    """Writes a home as a server of the second data model would have, in simulated time.

    Use it as a context manager, or call ``close``; only then is everything on disk.

    Args:
        path: The home; ``userdata`` is made in it. It must not have one.
        build: Version of the server; the newest by default.
        seed: The same seed and calls give the same content.
        start: When the story begins.
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
        build: str | None = None,
        seed: int | str = 0,
        start: datetime = _START,
        page_size: int = 4096,
        records: str | Path | None = None,
        agent_builds: Mapping[str, str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.userdata = self.path / "userdata"
        if self.userdata.exists():
            raise UsageError(f"{self.userdata} exists already; name a folder without one")
        self.build = second_build(build) if build else list(SECOND_BUILDS.values())[-1]
        self.ids = Ids(f"{seed}")
        self.scheduler = Scheduler(from_datetime(start))
        self._page_size = page_size
        self.userdata.mkdir(parents=True)
        (self.userdata / "environment-id").write_text(f"{self.ids.uuid()}\n")
        self.agents = None if records is None else AgentFolder(records, seed=seed, builds=agent_builds)
        self.core = self._new()
        self._projects: list[str] = []
        self.start_server()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write everything to disk; the home stands as it is at this moment."""
        self.core.logs.flush()
        self.core.database.close()
        if self.agents is not None:
            self.agents.close()

    def _new(self) -> SecondCore:
        return SecondCore(
            self.userdata,
            self.build,
            self.ids,
            self.scheduler,
            live=False,
            page_size=self._page_size,
            agents=self.agents,
        )

    # --- the server -----------------------------------------------------------------------------------------

    def start_server(self) -> None:
        """Start the server: what an earlier one left is ended first."""
        if not self.core.running:
            self.core.database.close()
            self.core = self._new()
        self.core.start()
        runtime = {
            "version": 1,
            "pid": _NO_PROCESS,
            "host": "127.0.0.1",
            "port": 13773,
            "origin": "http://127.0.0.1:13773",
            "startedAt": iso(self.core.now),
        }
        (self.userdata / "server-runtime.json").write_bytes(msgspec.json.encode(runtime) + b"\n")

    def kill_server(self) -> None:
        """End the server at once; the runtime file stays."""
        self.core.crash()

    def stop_server(self) -> None:
        """End it cleanly: what runs is cancelled, the runtime file goes."""
        self.core.shut_down()
        (self.userdata / "server-runtime.json").unlink()

    # --- what a person does ---------------------------------------------------------------------------------

    def do(self, kind: str, thread_id: str, **more: Any) -> int:
        """Send a command about a thread; the sequence it reached."""
        command = {"type": kind, "commandId": f"cmd-{self.ids.uuid()}", "threadId": thread_id, **more}
        sequence = self.core.dispatch(command)
        self.advance(0.03)
        return sequence

    def project(self, title: str = "atlas") -> str:
        """Make a project; its id."""
        project_id = self.ids.uuid()
        command = {"type": "project.create", "commandId": f"cmd-{self.ids.uuid()}", "projectId": project_id}
        self.core.dispatch({**command, "title": title, "workspaceRoot": f"/home/dev/{title}"})
        self._projects.append(project_id)
        return project_id

    def thread(self, title: str, *, provider: str = "opencode") -> str:
        """Make a thread for ``provider`` (``opencode`` or ``codex``); its id."""
        project = self._projects[-1] if self._projects else self.project()
        thread_id = self.ids.uuid()
        self.do("thread.create", thread_id, projectId=project, title=title, provider=provider)
        return thread_id

    def send(self, thread_id: str, text: str, *script: ScriptStep) -> None:
        """Send a message; the provider will do ``script`` with it."""
        if script:
            self.core.scripts[thread_id] = script
        self.do("message.dispatch", thread_id, messageId=f"msg-{self.ids.uuid()}", text=text)

    def turn(self, thread_id: str, text: str, *script: ScriptStep) -> None:
        """Send a message and wait until its run is over."""
        self.send(thread_id, text, *script)
        self.until(lambda: not any(status in LIVE for status in self.runs(thread_id)))

    # --- what happens ---------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let time pass, with everything that happens in it."""
        self.scheduler.advance(seconds)
        if self.core.running:
            self.core.logs.flush(self.core.now)

    def runs(self, thread_id: str) -> list[str]:
        """Status of each run of a thread."""
        return [str(run["status"]) for run in self.core.database.entities("run", thread_id)]

    def requests(self, thread_id: str) -> list[str]:
        """Ids of the open questions of a thread."""
        found = self.core.database.entities("runtime-request", thread_id)
        return [str(one["id"]) for one in found if one["status"] == "pending"]

    def wait_running(self, thread_id: str) -> str:
        """Wait until the newest run has a provider turn; the run's id."""
        self.until(lambda: any(t["status"] == "running" for t in self.core.database.entities("provider-turn", thread_id)))
        return str(self.core.database.entities("run", thread_id)[-1]["id"])

    def until(self, done: Callable[[], bool], limit: float = 7200.0) -> None:
        """Let time pass until ``done``.

        Raises:
            UsageError: It did not come true within ``limit`` simulated seconds.
        """
        if not self.scheduler.run_until(done, limit):
            raise UsageError(f"what was waited for did not come within {limit:g} s")
        self.core.logs.flush(self.core.now)
