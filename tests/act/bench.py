"""What tests of acting share: a copy of a recorded home, a simulated server over it, and everything to act with."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from t3lens.act import (
    Belief,
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
from t3lens.domain.finding import Confidence, Finding, Severity, Verdict
from t3lens.sim import SimServer
from tests.recordings import Recording

QUICK = Timing(poll=1.2, interval=0.02, restart=20.0)
"""Long enough for the simulated server, which answers within 100 ms; short enough to see a time-out."""

PATIENT = Timing(poll=120.0, interval=0.02, restart=120.0)
"""For what has to be seen in the end, on a machine that is slow for a while, too."""

REASONS = {
    "orphaned-turn": Confidence.CERTAIN,
    "silent-turn": Confidence.LIKELY,
    "retry-loop": Confidence.LIKELY,
    "dead-provider": Confidence.LIKELY,
    "request-on-dead-session": Confidence.CERTAIN,
    "command-queue-stalled": Confidence.LIKELY,
    "interrupt-without-effect": Confidence.CERTAIN,
    "stop-without-effect": Confidence.CERTAIN,
    "pending-turn-abandoned": Confidence.CERTAIN,
    "unsettled-turn": Confidence.CERTAIN,
}


def writable_copy(source: Path, to: Path) -> Path:
    """A copy of a recorded home that may be written to."""
    shutil.copytree(source, to)
    for path in [to, *to.rglob("*")]:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    return to


def finding(code: str = "orphaned-turn", **more: Any) -> Finding:
    makes = Verdict.DIVERGED if code == "unsettled-turn" else Verdict.STUCK
    values: dict[str, Any] = {
        "code": code,
        "severity": Severity.HIGH,
        "confidence": REASONS.get(code, Confidence.LIKELY),
        "summary": f"{code} of this thread",
        "explanation": "because",
        "makes": makes,
    }
    return Finding(**{**values, **more})


def belief(*codes: str | Finding, verdict: Verdict | None = None, **more: Any) -> Belief:
    findings = tuple(finding(c) if isinstance(c, str) else c for c in codes)
    if verdict is None:
        verdict = (findings[0].makes if findings else None) or Verdict.STUCK
    values: dict[str, Any] = {"server": "alive", "server_why": "it answers"}
    return Belief(verdict=verdict, findings=findings, **{**values, **more})


@dataclass
class Bench:
    """A home, its server, and the tools to act on a thread."""

    home: Path
    server: SimServer
    target: Target
    journal: Journal
    connection: Connection
    seen: list[Progress] = field(default_factory=list)
    patient: bool = False
    """Whether to wait for an effect as long as it takes, whatever timing a fault goes by."""

    def observe(self) -> Sighting:
        return observe(self.target, self.connection.for_looking())

    def plan(self, *codes: str | Finding, kind: Any = "reconcile", **more: Any) -> Plan:
        seen = self.observe()
        if "request-on-dead-session" in codes:
            more.setdefault("dead_requests", seen.open_requests)
        return make_plan(kind, target=self.target, belief=belief(*codes, **more), seen=seen)

    def execute(self, plan: Plan, **more: Any) -> Result:
        values: dict[str, Any] = {"confirm": True, "timing": QUICK, "on_step": self.seen.append}
        if self.patient:
            more["timing"] = PATIENT
        return execute(plan, connection=self.connection, journal=self.journal, **{**values, **more})

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return rows(self.server.userdata / "state.sqlite", statement, *values)

    def stop_requests(self) -> int:
        """How often the server was asked to stop the thread's session."""
        return int(
            self.rows(
                "SELECT count(*) FROM orchestration_events WHERE stream_id = ?"
                " AND event_type = 'thread.session-stop-requested' AND command_id LIKE 't3lens-%'",
                self.target.thread_id,
            )[0][0]
        )

    def dispatches(self) -> int:
        """How many commands reached the server's door."""
        return sum(1 for method, path in self.server.requests if path.endswith("/dispatch"))

    def others(self) -> dict[str, tuple[Any, ...]]:
        """What is stored of every other thread."""
        return {
            str(row[0]): row
            for row in self.rows(
                "SELECT t.thread_id, t.title, t.archived_at, t.deleted_at, s.status, s.active_turn_id,"
                " s.last_error, s.updated_at FROM projection_threads t"
                " LEFT JOIN projection_thread_sessions s USING (thread_id) WHERE t.thread_id <> ?",
                self.target.thread_id,
            )
        }

    def wait(self, holds: Callable[[Sighting], bool]) -> bool:
        return self.server.wait(lambda _: holds(observe(self.target)), 10)


def rows(database: Path, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as con:
        return con.execute(statement, values).fetchall()


def thread_ids(database: Path) -> list[str]:
    return [str(row[0]) for row in rows(database, "SELECT thread_id FROM projection_threads ORDER BY created_at")]


def target_in(home: Path, thread_id: str) -> Target:
    userdata = home / "userdata"
    marker = userdata / "environment-id"
    return Target(
        home_id="home",
        home_path=str(userdata),
        thread_id=thread_id,
        environment_id=marker.read_text().strip() if marker.exists() else None,
        database=str(userdata / "state.sqlite"),
        log_dir=str(userdata / "logs" / "provider"),
    )


@contextmanager
def bench(
    source: Recording | Path,
    folder: Path,
    *,
    thread: int = 0,
    adopt: bool = False,
    build: str | None = None,
) -> Iterator[Bench]:
    """A server over a copy of a recorded home; ``adopt``: the very server that wrote it, its providers hanging."""
    path = source if isinstance(source, Path) else source.path
    home = writable_copy(path, folder / "home")
    thread_id = thread_ids(home / "userdata" / "state.sqlite")[thread]
    with SimServer(home, adopt=adopt, build=build, speed=20) as server:
        target = target_in(home, thread_id)
        connection = connect(home, token=server.token, prompt=False, timeout=120.0)
        with connection:
            yield Bench(home, server, target, Journal(folder / "actions.jsonl"), connection)
