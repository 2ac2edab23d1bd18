"""What tests of acting on the second data model share: a home, a simulated server over it, and everything to act with."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from t3lens.act import (
    Connection,
    Journal,
    Plan,
    Progress,
    Result,
    Sighting,
    Target,
    Timing,
    connect,
    execute,
    make_plan,
    observe,
)
from t3lens.act.answer import Answer
from t3lens.act.queue_change import Queued
from t3lens.domain.finding import Finding, Remedy
from t3lens.sim.v2.builds import SecondBuild
from t3lens.sim.v2.core import SecondCore
from t3lens.sim.v2.home import SecondHome
from t3lens.sim.v2.server import SecondServer
from t3lens.t3code.data_model import DataModel
from tests.act.bench import belief, finding

QUICK = Timing(poll=5.0, interval=0.02, restart=20.0)
"""Long enough for the simulated server, which answers within 100 ms."""
SHORT = Timing(poll=0.4, interval=0.02, restart=20.0)
"""Long enough to see that nothing comes."""

REMEDIES = {
    "silent-turn": Remedy.STOP,
    "effect-stalled": Remedy.RESTART_SERVER,
    "interrupt-without-effect": Remedy.RESTART_SERVER,
    "dead-provider": Remedy.RESTART_SERVER,
    "queue-held": Remedy.RESUME_QUEUE,
    "session-error-not-reopened": Remedy.DETACH,
}


def found(code: str, **more: Any) -> Finding:
    """A finding as the second data model's detectors make it."""
    return finding(code, **{"remedy": REMEDIES.get(code, Remedy.NONE), **more})


@dataclass
class SecondBench:
    """A home, its server, and the tools to act on a thread."""

    home: Path
    server: SecondServer
    target: Target
    journal: Journal
    connection: Connection
    seen: list[Progress] = field(default_factory=list)

    def observe(self) -> Sighting:
        self.connection.speak(DataModel.V2)
        return observe(self.target, self.connection.for_looking())

    def plan(
        self,
        *codes: str | Finding,
        kind: Any = "reconcile",
        answer: Answer | None = None,
        queued: Queued | None = None,
        **more: Any,
    ) -> Plan:
        findings = [found(code) if isinstance(code, str) else code for code in codes]
        believed = belief(*findings, **more)
        return make_plan(kind, target=self.target, belief=believed, seen=self.observe(), answer=answer, queued=queued)

    def execute(self, plan: Plan, **more: Any) -> Result:
        values: dict[str, Any] = {"confirm": True, "timing": QUICK, "on_step": self.seen.append}
        return execute(plan, connection=self.connection, journal=self.journal, **{**values, **more})

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"{self.server.database.as_uri()}?mode=ro", uri=True)) as con:
            return con.execute(statement, values).fetchall()

    def others(self) -> list[tuple[Any, ...]]:
        """What is stored of every other thread."""
        return [
            row
            for table in ("runs", "runtime_requests", "provider_turns")
            for row in self.rows(
                f"SELECT * FROM orchestration_v2_projection_{table} WHERE thread_id <> ? ORDER BY 1", self.target.thread_id
            )
        ]

    def own(self) -> list[tuple[Any, ...]]:
        """What is stored of the thread."""
        tables = ("projection_runs", "projection_provider_turns", "projection_runtime_requests", "effect_outbox",
                  "projection_provider_session_bindings")  # fmt: skip
        return [
            row
            for table in tables
            for row in self.rows(
                f"SELECT * FROM orchestration_v2_{table} WHERE thread_id = ? ORDER BY 1", self.target.thread_id
            )
        ]

    def receipts(self) -> list[tuple[Any, ...]]:
        """What the server keeps of our own commands."""
        return self.rows(
            "SELECT command_type, status FROM orchestration_command_receipts WHERE command_id LIKE 't3lens-%' ORDER BY rowid"
        )

    def until(self, done: Callable[[SecondCore], bool]) -> None:
        assert self.server.wait(done), "what was waited for did not come"

    def turn_runs(self) -> None:
        """Wait until the newest run has a provider turn."""
        thread_id = self.target.thread_id

        def running(core: SecondCore) -> bool:
            runs = core.database.entities("run", thread_id)
            turns = core.database.entities("provider-turn", thread_id)
            return any(t["status"] == "running" and t["runAttemptId"] == runs[-1]["activeAttemptId"] for t in turns)

        self.until(running)

    def answered(self, text: str) -> None:
        """Wait until the newest run has said ``text``, and all that was logged of it is in the file."""
        thread_id = self.target.thread_id

        def said(core: SecondCore) -> bool:
            run = core.database.entities("run", thread_id)[-1]
            messages = core.database.entities("message", thread_id)
            return any((one["runId"], one["role"], one["text"]) == (run["id"], "assistant", text) for one in messages)

        self.until(said)
        with self.server.lock:
            self.server.core.logs.flush()


def second_home(folder: Path, *, provider: str = "opencode", build: str | None = None) -> str:
    """A home with one idle thread in ``folder / "home"``; the thread."""
    with SecondHome(folder / "home", build=build) as home:
        thread = home.thread("Port the parser", provider=provider)
        home.turn(thread, "first")
    return thread


def second_target(home: Path, thread_id: str, build: SecondBuild) -> Target:
    userdata = home / "userdata"
    return Target(
        home_id="home",
        home_path=str(userdata),
        thread_id=thread_id,
        environment_id=(userdata / "environment-id").read_text().strip(),
        database=str(userdata / build.database),
        log_dir=str(userdata / "logs" / "provider"),
        model=DataModel.V2,
    )


@contextmanager
def second_bench(home: Path, thread_id: str, *, adopt: bool = False, timeout: float = 10.0) -> Iterator[SecondBench]:
    """A server over a home of the second data model, and everything to act with."""
    with SecondServer(home, adopt=adopt, speed=20) as server:
        target = second_target(home, thread_id, server.build)
        journal = Journal(home.parent / "actions.jsonl")
        with connect(home, token=server.token, prompt=False, timeout=timeout) as connection:
            yield SecondBench(home, server, target, journal, connection)
