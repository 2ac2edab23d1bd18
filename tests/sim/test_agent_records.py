"""Simulated agents' own records say what happened in the story, and are read like those of the real programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from t3lens.agents import SessionOrigin, TurnKind, TurnOutcome
from t3lens.diagnose.witness import witness_of
from t3lens.ingest.records.read import read_records
from t3lens.sim import SimHome
from t3lens.sim.fleet import fleet
from t3lens.sim.recordings import AgentFolder, Recording, recording_of
from t3lens.sim.script import Fail, Hang, Retry, Say, Tool
from t3lens.time import SECOND, iso
from tests.diagnose.homes import diagnosed, loud

STORED = {"completed": "finished", "error": "failed", "interrupted": "aborted"}
BUILDS = [
    pytest.param("0.0.28", {}, id="newest"),
    pytest.param("0.0.33", {"codex": "0.146.0", "claudeAgent": "2.1.224"}, id="older"),
    pytest.param("0.0.23", {"codex": "0.128.0"}, id="oldest"),
]


@pytest.mark.parametrize(("build", "agents"), BUILDS)
def test_a_healthy_fleet_with_records_raises_no_alarm(build: str, agents: dict[str, str], tmp_path: Path) -> None:
    home = fleet(tmp_path / "home", 22, build=build, seed=3, records=tmp_path / "agents", agent_builds=agents)
    diagnosis = diagnosed(tmp_path / "home", as_of=iso(home.now), server="alive", records=tmp_path / "agents")
    assert not {thread.thread_id: loud(thread) for thread in diagnosis.threads if loud(thread)}
    told: Counter[tuple[str, str]] = Counter()
    for thread in diagnosis.threads:
        record = thread.case.facts.record
        if record is None:
            continue  # of such a provider no record is known
        assert record.state == "read"
        for row in thread.case.facts.turns:
            witness = witness_of(thread.case, row.turn_id)
            if witness is None:  # 0.0.23 keeps no cursor of OpenCode's sessions, and begins a new one after a restart
                assert (record.provider, build) == ("opencode", "0.0.23"), row
                assert row.completed_at < min(turn.started_at for turn in record.turns), row
                continue
            told[STORED[row.state], witness.turn.outcome] += 1
    assert told["finished", "finished"] > 20
    assert {stored for stored, said in told if stored != said} == set()


def only(records: Path) -> list[tuple[str, str]]:
    (read,) = read_records([records]).records
    return [(turn.outcome.value, turn.sureness.value) for turn in read.record.turns]


@pytest.mark.parametrize("provider", ["codex", "claudeAgent", "opencode"])
def test_each_way_to_end_is_recorded(provider: str, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33", records=tmp_path / "agents") as home:
        thread = home.thread("Speed up the parser", provider=provider)
        home.turn(thread, "Read it.", Retry(2), Say("I have."), Tool("make check", 2), Say("All is well."))
        home.send(thread, "Rewrite it.", Say("I begin."), Tool("make all", 900))
        home.wait_running(thread)
        home.advance(5)
        assert only(tmp_path / "agents")[-1][0] == "open"
        home.interrupt(thread)
        home.wait_idle(thread)
        home.turn(thread, "Go on.", Fail("no credit"))
        home.send(thread, "Once more.", Say("I begin."), Hang())
        home.wait_running(thread)
        home.advance(5)
    outcomes = [outcome for outcome, _ in only(tmp_path / "agents")]
    assert outcomes == ["finished", "aborted", "failed", "open"]


@pytest.mark.parametrize("provider", ["codex", "claudeAgent", "opencode"])
def test_a_killed_turn_is_cut_once_the_session_goes_on(provider: str, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33", records=tmp_path / "agents") as home:
        thread = home.thread("Speed up the parser", provider=provider)
        home.send(thread, "Rewrite it.", Say("I begin."), Tool("make all", 900))
        home.wait_running(thread)
        home.advance(5)
        home.restart_server(kill=True)
        home.advance(5)
        assert [outcome for outcome, _ in only(tmp_path / "agents")] == ["open"]
        home.turn(thread, "Go on.", Say("Done."))
    assert [outcome for outcome, _ in only(tmp_path / "agents")] == ["cut", "finished"]


@pytest.mark.parametrize(
    ("build", "outcomes"),
    [("0.128.0", ["failed", "cut"]), ("0.146.0", ["failed", "cut"]), ("0.171.0", ["failed", "aborted"])],
)
def test_what_codex_records_depends_on_its_build(build: str, outcomes: list[str], tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33", records=tmp_path / "agents", agent_builds={"codex": build}) as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.turn(thread, "Go on.", Fail("no credit"))
        home.send(thread, "Rewrite it.", Say("I begin."), Tool("make all", 900))
        home.wait_running(thread)
        home.advance(5)
        home.restart_server(kill=False)
        home.advance(5)
        assert home.agents is not None
        home.agents.builds["codex"] = "0.171.0"  # updated while it was down
        home.turn(thread, "Once more.", Say("Done."))
    told = only(tmp_path / "agents")
    assert [outcome for outcome, _ in told] == [*outcomes, "finished"]
    assert told[0][1] == ("low" if build == "0.128.0" else "high")


@dataclass
class _Talk:
    driver: str
    conversation: str = "01a22504-b44e-7a81-87f1-f47d7cf1bbc8"
    cwd: str = "/home/dev/atlas"
    model: str = "a-model"
    now: int = 1_783_328_400_000_000

    @property
    def stamp(self) -> int:
        return self.now // 1000

    def later(self, seconds: float, do: Callable[[], Any]) -> None:
        do()


def _talk(folder: Path, driver: str, build: str) -> tuple[Recording, _Talk]:
    """A session with a turn that ended, of an agent of some build."""
    talk = _Talk(driver)
    recording = recording_of(AgentFolder(folder, builds={driver: build}), talk)
    recording.begin("01a22504-0000-7000-8000-000000000001", "Go on.")
    talk.now += SECOND
    recording.answer("Done.")
    recording.end("completed")
    talk.now += SECOND
    return recording, talk


@pytest.mark.parametrize(
    ("driver", "build"),
    [("codex", "0.128.0"), ("codex", "0.146.0"), ("codex", "0.171.0"), ("opencode", "1.18.33")],
)
def test_an_agent_sums_up_in_a_turn_that_nobody_asked_for(driver: str, build: str, tmp_path: Path) -> None:
    recording, _ = _talk(tmp_path, driver, build)
    recording.compact("01a22504-0000-7000-8000-000000000002")
    (read,) = read_records([tmp_path]).records
    assert [(turn.outcome, turn.kind) for turn in read.record.turns] == [
        (TurnOutcome.FINISHED, TurnKind.PROMPT),
        (TurnOutcome.FINISHED, TurnKind.COMPACTION),
    ]


def test_claude_sums_up_without_a_turn(tmp_path: Path) -> None:
    recording, talk = _talk(tmp_path, "claudeAgent", "2.1.332")
    recording.compact("")
    talk.now += SECOND
    recording.begin("", "And on.")
    (read,) = read_records([tmp_path]).records
    assert [(turn.outcome, turn.kind) for turn in read.record.turns] == [
        (TurnOutcome.FINISHED, TurnKind.PROMPT),
        (TurnOutcome.OPEN, TurnKind.PROMPT),
    ]


@pytest.mark.parametrize(("driver", "build", "shared"), [
    ("codex", "0.146.0", 1), ("codex", "0.171.0", 0), ("claudeAgent", "2.1.332", 1), ("opencode", "1.18.33", 1),
])  # fmt: skip
def test_a_fork_holds_what_its_build_copies(driver: str, build: str, shared: int, tmp_path: Path) -> None:
    recording, talk = _talk(tmp_path, driver, build)
    recording.fork("01a22504-b44e-7a81-87f1-000000000002")
    talk.conversation, parent = "01a22504-b44e-7a81-87f1-000000000002", talk.conversation
    folder = recording._folder  # type: ignore[attr-defined]  # the simulated agent goes on in the fork
    forked = recording_of(folder, talk)
    talk.now += SECOND
    forked.begin("01a22504-0000-7000-8000-000000000003", "Otherwise.")
    by_session = {read.record.session_id: read.record for read in read_records([tmp_path]).records}
    assert set(by_session) == {parent, talk.conversation}
    turns = by_session[talk.conversation].turns
    assert len(turns) == shared + 1
    assert turns[-1].outcome is TurnOutcome.OPEN
    assert [turn.outcome for turn in by_session[parent].turns] == [TurnOutcome.FINISHED]
    named = driver != "opencode" and build != "0.146.0"  # others keep no word of where a fork came from
    assert (by_session[talk.conversation].parent_id == parent) is named


def test_a_helper_at_work_is_open_until_its_note_says_it_is_done(tmp_path: Path) -> None:
    recording, _ = _talk(tmp_path, "claudeAgent", "2.1.332")
    for finished, still in ((False, ("agent-a1",)), (True, ())):
        recording.sub_agent("a1", finished=finished)
        records = {read.record.session_id: read for read in read_records([tmp_path]).records}
        assert records["01a22504-b44e-7a81-87f1-f47d7cf1bbc8"].open_sub_agents == still
        assert len(records) == 2


@pytest.mark.parametrize(("build", "soon", "outcomes"), [
    ("2.1.224", True, ["cut", "finished"]), ("2.1.224", False, ["finished", "finished"]),
    ("2.1.332", True, ["finished", "finished"]),
])  # fmt: skip
def test_an_older_claude_loses_an_answer_it_has_just_given(
    build: str, soon: bool, outcomes: list[str], tmp_path: Path
) -> None:
    agents = {"claudeAgent": build}
    with SimHome(tmp_path / "home", build="0.0.33", records=tmp_path / "agents", agent_builds=agents) as home:
        thread = home.thread("Speed up the parser", provider="claudeAgent")
        home.send(thread, "Read it.", Say("I have."))
        home.wait_running(thread)
        provider = home.provider(thread)
        home.scheduler.run_until(lambda: provider.turn_id is None)
        if not soon:
            home.advance(0.2)
        home.kill_provider(thread)
        home.advance(5)
        home.turn(thread, "Go on.", Say("Done."))
        home.advance(1)
    told = only(tmp_path / "agents")
    assert [outcome for outcome, _ in told] == outcomes
    assert told[0][1] == ("medium" if "cut" in outcomes else "high")


def test_opencode_records_a_stop_in_a_retry_and_a_prompt_in_a_tool_as_what_they_are_not(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33", records=tmp_path / "agents") as home:
        thread = home.thread("Speed up the parser", provider="opencode")
        home.send(thread, "Read it.", Retry(6))
        home.wait_running(thread)
        home.advance(5)
        home.interrupt(thread)
        home.wait_idle(thread)
        home.send(thread, "Rewrite it.", Tool("make all", 20))
        home.wait_running(thread)
        home.advance(5)
        home.send(thread, "Keep the old name.")
        home.wait_idle(thread)
    (aborted, taken_over, finished) = only(tmp_path / "agents")
    assert (aborted, taken_over, finished) == (("aborted", "medium"), ("superseded", "medium"), ("finished", "high"))


def test_a_helper_of_opencode_has_a_session_of_its_own(tmp_path: Path) -> None:
    recording, _ = _talk(tmp_path, "opencode", "1.18.33")
    for finished, outcome in ((False, TurnOutcome.OPEN), (True, TurnOutcome.FINISHED)):
        recording.sub_agent("a1", finished=finished)
        main, helper = (read.record for read in read_records([tmp_path]).records)
        assert (helper.origin, helper.parent_id) == (SessionOrigin.SUB_AGENT, main.session_id)
        assert [turn.outcome for turn in helper.turns] == [outcome]


def test_a_record_that_was_put_away_is_found_and_goes_on(tmp_path: Path) -> None:
    recording, talk = _talk(tmp_path, "codex", "0.171.0")
    for packed, suffix in ((True, ".zst"), (False, ".jsonl"), (True, ".zst")):
        recording.put_away(packed=packed)
        (read,) = read_records([tmp_path]).records
        assert read.path.suffix == suffix
        recording.begin(f"01a22504-0000-7000-8000-{talk.now:012d}"[:36], "And on.")
        recording.end("completed")
        talk.now += SECOND
    (read,) = read_records([tmp_path]).records
    assert len(read.record.turns) == 4 and not read.record.notes
    assert "archived_sessions" in read.path.parts and read.path.suffix == ".jsonl"


def test_the_home_is_the_same_with_and_without_records(tmp_path: Path) -> None:
    for name, records in (("without", None), ("with", tmp_path / "agents")):
        with SimHome(tmp_path / name, seed=4, records=records) as home:
            home.turn(home.thread("A thread", provider="claudeAgent"), "Go on.", Say("Done."))
    logs = [sorted((tmp_path / name).rglob("*.log")) for name in ("without", "with")]
    assert [path.read_bytes() for path in logs[0]] == [path.read_bytes() for path in logs[1]]
