"""What simulated agents record is what the real programs were seen to record: keys, order, types, what follows what."""

from __future__ import annotations

from pathlib import Path

import pytest

from t3lens.sim import SimHome
from t3lens.sim.script import Child, Fail, Retry, Say, Task, Tool
from tests.agents.shapes import Known, Shape, followers, known, of_samples, strange, talks, written
from tests.agents.witness import WITNESS, needs_witness

KNOWN = known()
NEAR = {
    ("codex", "0.128.0"): ("codex/0.128.0",),
    ("codex", "0.142.5"): ("codex/0.142.5",),
    ("codex", "0.146.0"): ("codex/0.142.5", "codex/0.171.0"),
    ("codex", "0.171.0"): ("codex/0.171.0",),
    ("claudeAgent", "2.1.224"): ("claude/2.1.332",),
    ("claudeAgent", "2.1.332"): ("claude/2.1.332",),
    ("opencode", "1.18.33"): ("opencode/1.18.33",),
}
"""The builds that were recorded, for those that are simulated; one in between writes what its neighbours write."""
OLDER = ("codex/0.128.0", "codex/0.142.5")
"""Two builds that write the same lines: of one no failure was recorded, of the other no answer after a tool."""
ALONE = [pytest.param(*key, id="-".join(key)) for key, builds in NEAR.items() if builds[0].endswith(key[1])]


def shape(keys: str) -> Shape:
    return {key: kinds.split("|") for key, _, kinds in (one.partition(":") for one in keys.split())}


SESSION = "cwd:text sessionId:text version:text"
UNSEEN = Known(
    {
        place: [shape(keys) for keys in found]
        for place, found in {
            # Claude Code: a prompt that is taken up while a tool runs, helpers, and what they report.
            "<queue-operation>": ["type:text operation:text timestamp:text sessionId:text reason:text content:text"],
            "<attachment>.attachment<queued_command>": ["type:text prompt:text source_uuid:text"],
            "<user>": [
                f"parentUuid:null isSidechain:flag agentId:text type:text message:object uuid:text timestamp:text {SESSION}",
                "parentUuid:text isSidechain:flag type:text message:object uuid:text timestamp:text turnOrigin:text "
                f"origin:object {SESSION}",
            ],
            "<user>.origin": ["kind:text"],
            "<assistant>": [
                "parentUuid:null|text isSidechain:flag agentId:text message:object type:text uuid:text timestamp:text "
                + SESSION
            ],
            # Codex from 0.156: a turn that sums up, and a fork.
            "<compacted>": ["timestamp:text ordinal:number type:text payload:object"],
            "<compacted>.payload": ["message:text replacement_history:list"],
            "<event_msg>.payload<item_completed>.item<ContextCompaction>": ["type:text id:text"],
            "<session_meta>.payload": [
                "session_id:text id:text forked_from_id:text forked_from_ordinal_exclusive:number timestamp:text cwd:text "
                "originator:text cli_version:text source:text model_provider:text base_instructions:object history_mode:text"
            ],
            # OpenCode: a turn that sums up, and a helper's session.
            ".message.data<assistant>": [
                "parentID:text role:text mode:text agent:text summary:flag time:object finish:text"
            ],
            ".part.data<compaction>": ["type:text auto:flag"],
            ".session": [
                " ".join(f"{key}:{'text' if key == 'parent_id' else '|'.join(kinds)}" for key, kinds in one.items())
                for one in KNOWN["opencode/1.18.33"].shapes[".session"]
            ],
        }.items()
    },
    set(),
)
"""What no sample holds, as the formats are described by those who saw it."""


@needs_witness
def test_the_table_of_shapes_is_that_of_the_samples() -> None:
    assert of_samples(WITNESS) == KNOWN


@pytest.mark.parametrize(("driver", "build"), NEAR)
def test_lines_and_rows_have_the_keys_of_the_real_ones(driver: str, build: str, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33", records=tmp_path / "agents", agent_builds={driver: build}) as home:
        thread = home.thread("Speed up the parser", provider=driver, runtime_mode="approval-required")
        home.turn(thread, "Read it.", Retry(2), Say("I have."), Tool("make", 2), Tool("make", 2, failed=True), Say("Well."))
        for slow in (Say("I begin with the tokens and then", 0.6), Tool("make all", 5)):
            home.send(thread, "Rewrite it.", slow, Say("Done."))
            home.wait_running(thread)
            home.advance(1)
            home.send(thread, "Keep the old name.")
            home.wait_idle(thread)
        home.send(thread, "Clean up.", Tool("rm -rf build", approval=True))
        home.wait_request(thread)
        home.respond(thread, "decline")
        home.wait_idle(thread)
        home.turn(thread, "Survey it.", Task("Look", 3), Child(3), Task("Watch", 20, background=True))
        home.advance(60)
        for told in (True, False):
            home.turn(thread, "Go on.", Fail("no credit", told=told))
        for script in (Retry(5, partial=True), Tool("make all", 900), Say("A long answer that is cut", 0.6)):
            home.send(thread, "Once more.", script)
            home.wait_running(thread)
            home.advance(2)
            home.interrupt(thread)
            home.wait_idle(thread)
        for kill in (True, False):
            home.send(thread, "Once more.", Tool("make all", 900))
            home.wait_running(thread)
            home.advance(5)
            home.restart_server(kill=kill)
            home.advance(5)
            home.turn(thread, "Go on.", Say("Done."))
        recording = home.provider(thread).recording
        recording.compact("01a22504-0000-7000-8000-000000000002")
        recording.fork("01a22504-b44e-7a81-87f1-000000000002")
        recording.roll_back(1)
    seen = UNSEEN
    for near in NEAR[driver, build]:
        seen |= KNOWN[near]
    lines = list(written(tmp_path / "agents"))
    assert len(lines) > 60
    assert strange(lines, seen.shapes) == set()


@pytest.mark.parametrize(("driver", "build"), ALONE)
def test_lines_and_rows_follow_each_other_as_the_real_ones(driver: str, build: str, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33", records=tmp_path / "agents", agent_builds={driver: build}) as home:
        thread = home.thread("Speed up the parser", provider=driver)
        home.turn(thread, "Read it.", Say("I have."))
        home.turn(thread, "Check it.", Tool("make check", 2), Say("All is well."))
        home.send(thread, "Rewrite it.", Say("I begin with the tokens and then", 0.6))
        home.wait_running(thread)
        home.advance(2)
        home.interrupt(thread)
        home.wait_idle(thread)
        home.turn(thread, "Go on.", Fail("no credit"))
        home.send(thread, "Once more.", Say("I begin with the tokens and then", 0.6))
        home.wait_running(thread)
        home.advance(2)
        home.restart_server(kill=True)
        home.advance(5)
        home.turn(thread, "Go on.", Say("Done."))
        if driver == "claudeAgent" or build == "0.128.0":
            home.provider(thread).recording.compact("01a22504-0000-7000-8000-000000000002")
    (lines,) = talks(tmp_path / "agents")
    alike = OLDER if f"{driver}/{build}" in OLDER else NEAR[driver, build]
    assert followers(lines) - set().union(*(KNOWN[one].follows for one in alike)) == set()


def test_what_is_strange_is_told() -> None:
    seen = KNOWN["codex/0.171.0"].shapes
    line = {"timestamp": "2026", "ordinal": 1, "type": "event_msg", "payload": {"type": "token_count", "info": None}}
    assert strange([line], seen) == set()
    for key, value in (("ordinal", "1"), ("colour", "red")):
        (said,) = strange([{**line, key: value}], seen)
        assert said.startswith("<event_msg>: ") and key in said
    assert strange([dict(reversed(line.items()))], seen)
    assert strange([{**line, "type": "next_year"}], seen)
