"""What the records of real agents say, held against what their makers saw on the wire."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from t3lens.agents import TurnKind, TurnOutcome
from t3lens.document.records import records_document, records_schema
from t3lens.ingest.records.read import read_records
from t3lens.time import SECOND, Micros

from .table import table
from .witness import Scenario, needs_witness, record_in, scenarios, told

pytestmark = needs_witness

VALIDATOR = jsonschema.Draft202012Validator(records_schema())
EXPECTED = [one for one in scenarios() if (one.path / "expected.json").is_file()]


@pytest.mark.parametrize("scenario", EXPECTED, ids=lambda one: one.name)
def test_outcomes_are_those_expected(scenario: Scenario) -> None:
    expected = json.loads((scenario.path / "expected.json").read_text("utf-8"))
    record = record_in(scenario.path / expected["snapshot"], scenario.session)
    assert record is not None
    assert [told(turn) for turn in record.turns] == expected["turns"]


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda one: one.name)
def test_documents_of_all_snapshots_fit_the_schema(scenario: Scenario) -> None:
    for snapshot in scenario.snapshots():
        document = msgspec.json.decode(msgspec.json.encode(records_document(read_records([snapshot]).records)))
        VALIDATOR.validate(document)
        assert {record["provider"] for record in document} <= {scenario.provider}


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda one: one.name)
def test_evidence_is_where_it_says(scenario: Scenario) -> None:
    for snapshot in scenario.snapshots():
        for read in read_records([snapshot]).records:
            if read.path.suffix != ".jsonl":
                continue
            content = read.path.read_bytes()
            for turn in read.record.turns:
                assert turn.evidence
                for mark in turn.evidence:
                    assert mark.offset is not None and mark.size is not None
                    line = content[mark.offset : mark.offset + mark.size]
                    assert line == content.split(b"\n")[(mark.line or 0) - 1]
                    assert mark.what.split(".")[-1].encode() in line


OTHERS = {
    "gemini/0.61.0/err402": ["failed?"],
    "gemini/0.61.0/normal": ["finished"],
    "gemini/0.61.0/sigint": ["open"],
    "gemini/0.61.0/sigkill": ["open"],
    "gemini/0.61.0/tool": ["finished"],
    "pi/1.6.0/err402": ["failed"],
    "pi/1.6.0/normal": ["finished"],
    "pi/1.6.0/sigint": ["open"],
    "pi/1.6.0/sigkill": ["open"],
    "pi/1.6.0/tool": ["finished"],
    "qwen/0.24.4/err402": ["failed"],
    "qwen/0.24.4/normal": ["finished"],
    "qwen/0.24.4/sigint": ["aborted?"],
    "qwen/0.24.4/sigkill": ["open"],
    "qwen/0.24.4/tool": ["finished"],
    "claude/2.1.332/print-mode": ["finished", "aborted"],
    "codex/0.171.0/start-only": None,
    "codex/0.171.0/resume-unknown": None,
}
"""What the truth that the stories tell leaves in the record, where nothing is written down as expected."""


@pytest.mark.parametrize("name", OTHERS)
def test_outcomes_follow_from_the_story(name: str) -> None:
    scenario = next(one for one in scenarios() if one.name == name)
    after = [path for path in scenario.snapshots() if "running" not in path.name]
    record = record_in(after[-1], scenario.session)
    expected = OTHERS[name]
    assert (record and [told(turn) for turn in record.turns]) == expected


def test_the_table_has_a_row_for_each_sample() -> None:
    rows = {line.split(" | ")[0].strip("| "): line for line in table().splitlines()[2:]}
    assert list(rows) == [one.name for one in scenarios()]
    shut_down = rows["codex/0.171.0/stdin-closed-mid-turn"]
    assert "| aborted | aborted | died | that nobody stopped it" in shut_down
    assert "looks like a running tool" in rows["claude/2.1.332/approval"]


def at_snapshots(*providers: str) -> list[tuple[Scenario, Path]]:
    return [(one, snapshot) for one in scenarios(*providers) for snapshot in one.snapshots()]


def name_of(value: object) -> str:
    return value.name if isinstance(value, Scenario | Path) else str(value)


def taken_at(scenario: Scenario, snapshot: Path) -> Micros:
    """When a snapshot was taken."""
    said = f"snap {snapshot.name}"
    return next(at for at, event in scenario.happened() if event["what"] == said)


@pytest.mark.parametrize(("scenario", "snapshot"), at_snapshots("codex"), ids=name_of)
def test_every_codex_snapshot_agrees_with_the_wire(scenario: Scenario, snapshot: Path) -> None:
    if scenario.session is None:
        pytest.fail("a Codex story names its thread") if any(snapshot.rglob("*.jsonl")) else None
        return
    now = taken_at(scenario, snapshot)
    ended: dict[str, str | None] = {}
    shut_down = False
    for at, event in scenario.happened():
        if at > now:
            break
        if event["what"] == "wire turn/started":
            ended.setdefault(event["turn"], None)
        elif event["what"] == "wire turn/completed":
            ended[event["turn"]] = event["status"]
        elif event["what"] in ("kill SIGTERM", "close stdin"):
            shut_down = True
    record = record_in(snapshot, scenario.session)
    turns = {turn.turn_id: turn for turn in record.turns} if record else {}
    own = [turn for turn in ended if turn in turns]
    for turn_id in own:
        assert turns[turn_id].outcome.value in codex_words(ended[turn_id], last=turn_id == own[-1], shut_down=shut_down)
    assert [t for t in turns if t not in ended] == []
    unknown = [turn for turn, status in ended.items() if turn not in turns and status is not None]
    assert all(turn in other_turns(snapshot) for turn in unknown)


def codex_words(status: str | None, *, last: bool, shut_down: bool) -> set[str]:
    if status is not None:
        return {{"completed": "finished", "interrupted": "aborted"}.get(status, status)}
    return {"open" if last else "cut", *(["aborted"] if shut_down else [])}


def other_turns(snapshot: Path) -> set[str | None]:
    return {t.turn_id for read in read_records([snapshot]).records for t in read.record.turns}


@pytest.mark.parametrize(("scenario", "snapshot"), at_snapshots("claude"), ids=name_of)
def test_every_claude_snapshot_agrees_with_the_wire(scenario: Scenario, snapshot: Path) -> None:
    if scenario.name.endswith("print-mode"):
        return  # its story names no prompts; the test above has it
    now = taken_at(scenario, snapshot)
    waiting: list[str] = []
    asked: list[str] = []
    ended: dict[str, str] = {}
    in_fork = False
    for at, event in scenario.happened():
        if at > now:
            break
        what = event["what"]
        if what.startswith("start claude"):
            in_fork = "--fork-session" in event["args"]
            waiting = []  # whatever was not answered by then died
        elif what.startswith("prompt ") and not in_fork:
            waiting.append(event["uuid"])
            if not what.startswith("prompt /"):
                asked.append(event["uuid"])
        elif what == "wire result" and waiting:
            ended[waiting.pop(0)] = claude_word(event)
    record = record_in(snapshot, scenario.session)
    turns = {turn.turn_id: turn for turn in record.turns} if record else {}
    there = [prompt for prompt in asked if prompt in turns]
    assert list(turns) == there
    assert [prompt for prompt in asked if prompt in ended and prompt not in turns] == []
    for prompt in there:
        if prompt in ended:
            assert turns[prompt].outcome.value == ended[prompt]
        else:
            # What the agent wrote it may not have told yet, and never tells if it was killed.
            unended = TurnOutcome.OPEN if prompt == there[-1] else TurnOutcome.CUT
            assert turns[prompt].outcome in (unended, TurnOutcome.FINISHED)


def claude_word(result: dict[str, object]) -> str:
    if result["subtype"] == "error_during_execution":
        return "aborted"
    return "failed" if result["is_error"] else "finished"


@pytest.mark.parametrize(("scenario", "snapshot"), at_snapshots("opencode"), ids=name_of)
def test_every_opencode_snapshot_agrees_with_the_wire(scenario: Scenario, snapshot: Path) -> None:
    now = taken_at(scenario, snapshot)
    states: list[str] = []
    word = "finished"
    for at, event in scenario.happened():
        if at > now:
            break
        what = event["what"]
        if what.startswith("prompt_async"):
            states.append("open")
            word = "finished"
        elif what == "wire session.error":
            word = "aborted" if "MessageAbortedError" in str(event) else "failed"
        elif what == "abort answered":
            word = states[-1] = "aborted"
        elif what == "wire session.idle" and states[-1] == "open":
            states[-1] = word
    record = record_in(snapshot, scenario.session)
    turns = record.turns if record else ()
    assert len(turns) <= len(states)
    for place, turn in enumerate(turns):
        wire = states[place]
        if wire == "open" and place < len(turns) - 1:
            wire = "cut"
        # The rows are there when the event is sent, or a moment before.
        ahead = wire in ("open", "cut") and turn.outcome is TurnOutcome.FINISHED
        assert turn.outcome.value == wire or ahead


def test_a_fork_tells_what_it_copied() -> None:
    for build in ("0.128.0", "0.142.5"):
        scenario = next(one for one in scenarios("codex") if one.name == f"codex/{build}/compact-fork-rollback-archive")
        snapshot = scenario.path / "6-after-unarchive"
        fork = record_in(snapshot, scenario.story["fork"])
        origin = record_in(snapshot, scenario.session)
        assert fork is not None and origin is not None
        assert fork.parent_id == origin.session_id
        assert [turn.inherited for turn in fork.turns] == [True, True, True, False]
        for copy, first in zip(fork.turns, origin.turns, strict=False):
            assert (copy.turn_id, copy.outcome, copy.kind) == (
                first.turn_id,
                first.outcome,
                first.kind,
            )
            assert abs((copy.ended_at or 0) - (first.ended_at or 0)) < SECOND
            assert abs((copy.started_at or 0) - (first.started_at or 0)) < SECOND


def test_a_rollback_voids_the_last_prompt_and_what_came_after() -> None:
    for build in ("0.128.0", "0.142.5"):
        scenario = next(one for one in scenarios("codex") if one.name == f"codex/{build}/compact-fork-rollback-archive")
        record = record_in(scenario.path / "4-after-rollback", scenario.session)
        assert record is not None
        assert [turn.void for turn in record.turns] == [False, True, True]
        assert record.turns[2].kind is TurnKind.COMPACTION


def test_a_claude_fork_is_told_by_its_answers() -> None:
    scenario = next(one for one in scenarios("claude") if one.name.endswith("fork-compact"))
    read = read_records([scenario.path / "3-fork-turn"])
    fork = next(one.record for one in read.records if one.record.session_id != scenario.session)
    assert fork.parent_id == scenario.session
    assert [turn.inherited for turn in fork.turns] == [True, False]
    assert read.notes == ()


def test_a_packed_record_reads_like_the_plain_one() -> None:
    scenario = next(one for one in scenarios("codex") if "compressed" in one.name)
    plain = record_in(scenario.path / "1-fresh", scenario.session)
    packed = record_in(scenario.path / "2-cold-after-start", scenario.session)
    assert packed is not None and packed == plain
