"""Simulated homes and servers of the second data model tell the stories that were recorded of a real one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import t3lens
from t3lens.sim.script import AskApproval, Die, Fail, Hang, LoseTerminal, Say
from t3lens.sim.v2.builds import SECOND_BUILDS
from t3lens.sim.v2.home import SecondHome
from tests.recordings import RECORDED_V2, needs_recordings_v2

BUILDS = list(SECOND_BUILDS)
AUGUST, OCTOBER = BUILDS

Story = Callable[[SecondHome], str]


def normal(home: SecondHome) -> str:
    thread = home.thread("T")
    home.turn(thread, "hello")
    return thread


def interrupted(home: SecondHome) -> str:
    thread = home.thread("T")
    home.send(thread, "hello", Hang())
    run = home.wait_running(thread)
    home.do("run.interrupt", thread, runId=run)
    home.until(lambda: home.runs(thread) == ["interrupted"])
    return thread


def frozen(home: SecondHome) -> str:
    """An interrupt of a frozen provider, and a message behind it."""
    thread = home.thread("T")
    home.send(thread, "hello", Hang())
    run = home.wait_running(thread)
    home.core.freeze(thread)
    home.do("run.interrupt", thread, runId=run)
    home.advance(70)
    home.send(thread, "again")
    home.advance(5)
    return thread


def killed(home: SecondHome) -> str:
    """The server is killed in mid-run."""
    thread = home.thread("T")
    home.send(thread, "hello", Hang())
    home.wait_running(thread)
    home.kill_server()
    return thread


def restarted(home: SecondHome) -> str:
    """Killed, started again: it ends what was left."""
    thread = killed(home)
    home.start_server()
    home.advance(10)
    return thread


def approval(home: SecondHome) -> str:
    thread = home.thread("T")
    home.send(thread, "hello", AskApproval())
    home.until(lambda: bool(home.requests(thread)))
    home.advance(8)
    return thread


def answered(home: SecondHome) -> str:
    thread = approval(home)
    (request,) = home.requests(thread)
    home.do("runtime-request.respond", thread, requestId=request, decision="accept")
    home.until(lambda: home.runs(thread) == ["completed"])
    return thread


def opencode_gone(home: SecondHome) -> str:
    """OpenCode's process dies while idle; each new message fails at once."""
    thread = normal(home)
    process = home.core.process_of(thread)
    assert process is not None
    home.core.kill_process(process)
    home.turn(thread, "again")
    return thread


def detached(home: SecondHome) -> str:
    """The same, and its session is let go: the next message works."""
    thread = opencode_gone(home)
    session = home.core.database.entities("provider-session", thread)[-1]
    home.do("provider-session.detach", thread, providerSessionId=session["id"])
    home.advance(1)
    home.turn(thread, "works")
    return thread


def codex_gone(home: SecondHome) -> str:
    """Codex dies while idle; the next message's start hangs."""
    thread = home.thread("T", provider="codex")
    home.turn(thread, "hello")
    process = home.core.process_of(thread)
    assert process is not None
    home.core.kill_process(process)
    home.send(thread, "again")
    home.advance(60)
    return thread


def failed(home: SecondHome) -> str:
    thread = home.thread("T")
    home.turn(thread, "hello", Fail("Insufficient balance on this account."))
    return thread


def terminal_lost(home: SecondHome) -> str:
    thread = home.thread("T")
    home.send(thread, "hello", Say("done"), LoseTerminal())
    home.wait_running(thread)
    home.advance(90)
    return thread


def held(home: SecondHome) -> str:
    """A message waits behind a run when the server is killed and started again."""
    thread = home.thread("T")
    home.send(thread, "hello", Hang())
    home.wait_running(thread)
    home.send(thread, "behind it")
    home.kill_server()
    home.start_server()
    home.advance(10)
    return thread


STORIES: list[tuple[Story, str, str, set[str]]] = [
    (normal, "alive", "idle", set()),
    (interrupted, "alive", "idle", set()),
    (frozen, "alive", "stuck", {"effect-stalled", "interrupt-without-effect", "queued-behind-stuck-run"}),
    (killed, "dead", "stuck", {"orphaned-turn"}),
    (restarted, "alive", "failed", {"lost-at-restart"}),
    (approval, "alive", "waiting", {"waiting-for-user"}),
    (answered, "alive", "idle", set()),
    (opencode_gone, "alive", "failed", {"session-error-not-reopened"}),
    (detached, "alive", "idle", set()),
    (codex_gone, "alive", "stuck", {"effect-stalled"}),
    (failed, "alive", "failed", set()),
    (terminal_lost, "alive", "stuck", {"native-terminal-lost"}),
]


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(("story", "server", "verdict", "codes"), STORIES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_story_is_judged_as_it_was_told(
    story: Story, server: str, verdict: str, codes: set[str], build: str, tmp_path: Path
) -> None:
    with SecondHome(tmp_path / "home", build=build) as home:
        thread = story(home)
        as_of = home.core.now
    with t3lens.open(tmp_path / "home", as_of=as_of, server=server) as lens:
        found = lens.thread(thread).diagnosis
        serious = {finding.code for finding in found.findings if finding.severity in ("high", "medium")}
        assert found.verdict == verdict, found.findings
        assert codes <= {finding.code for finding in found.findings}
        assert serious <= codes | {"turn-failed"}, serious


def test_a_start_cancels_the_queue_or_holds_it(tmp_path: Path) -> None:
    for build, runs in ((AUGUST, ["cancelled", "cancelled"]), (OCTOBER, ["cancelled", "queued"])):
        with SecondHome(tmp_path / build, build=build) as home:
            thread = held(home)
            assert home.runs(thread) == runs
            as_of = home.core.now
        with t3lens.open(tmp_path / build, as_of=as_of, server="alive") as lens:
            codes = {finding.code for finding in lens.thread(thread).diagnosis.findings}
            assert ("queue-held" in codes) is (build == OCTOBER)


def test_one_codex_process_serves_all_threads(tmp_path: Path) -> None:
    with SecondHome(tmp_path / "home") as home:
        first, second = home.thread("A", provider="codex"), home.thread("B", provider="codex")
        home.turn(first, "hello")
        home.turn(second, "hello")
        assert home.core.process_of(first) is home.core.process_of(second)
        home.send(first, "dies", Die())
        home.advance(20)
        home.send(second, "hangs")
        home.advance(60)
        assert home.runs(first)[-1] == home.runs(second)[-1] == "running"


@needs_recordings_v2
def test_its_events_come_in_the_order_in_which_they_were_recorded(tmp_path: Path) -> None:
    """Of a normal run, an interrupt and an answered question: what the life of a run is read from."""
    kept = ("run.", "run-attempt.", "provider-turn.", "runtime-request.", "provider-session.attached")
    for story, name in ((normal, "01-normal/1-live"), (interrupted, "05-interrupt/1-after-interrupt"),
                        (answered, "10-approval/3-after-accept")):  # fmt: skip
        with SecondHome(tmp_path / name.replace("/", "-"), build=AUGUST) as home:
            thread = story(home)
            simulated = _life(home.core.database.path, kept, thread)
        recorded = _life(RECORDED_V2 / "0.0.31-20260807" / name / "userdata" / "state.sqlite", kept, None)
        assert simulated == recorded, name


@needs_recordings_v2
def test_its_entities_have_the_keys_of_the_recorded_ones(tmp_path: Path) -> None:
    with SecondHome(tmp_path / "home", build=AUGUST) as home:
        thread = answered(home)
        simulated = {kind: home.core.database.entities(kind, thread) for kind in ("run", "run-attempt", "provider-turn")}
        simulated["runtime-request"] = home.core.database.entities("runtime-request", thread)
    path = RECORDED_V2 / "0.0.31-20260807" / "10-approval" / "3-after-accept" / "userdata" / "state.sqlite"
    tables = {"run": "runs", "run-attempt": "run_attempts", "provider-turn": "provider_turns"}
    tables["runtime-request"] = "runtime_requests"
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as con:
        for kind, table in tables.items():
            (text,) = con.execute(f"SELECT payload_json FROM orchestration_v2_projection_{table}").fetchone()
            assert set(simulated[kind][0]) == set(json.loads(text)), kind


def test_the_same_seed_tells_the_same_story(tmp_path: Path) -> None:
    told = []
    for name in ("a", "b"):
        with SecondHome(tmp_path / name, seed=7) as home:
            frozen(home)
            told.append([tuple(row)[:6] for row in home.core.database.rows("SELECT * FROM orchestration_events")])
    assert told[0] == told[1]


def _life(path: Path, kept: tuple[str, ...], thread: str | None) -> list[tuple[str, Any, bool]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as con:
        rows = con.execute(
            "SELECT event_type, payload_json, command_id IS NOT NULL FROM orchestration_events"
            " WHERE (? IS NULL OR stream_id = ?) ORDER BY sequence",
            (thread, thread),
        ).fetchall()
    found: list[tuple[str, Any, bool]] = []
    for kind, text, commanded in rows:
        if kind.startswith(kept):
            entry = (kind, json.loads(text).get("status"), bool(commanded))
            if entry not in found[-1:]:  # a provider repeats itself
                found.append(entry)
    return found
