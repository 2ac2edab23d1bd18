"""Records that were changed on purpose: an end taken away, a turn added, cut at every line and every byte."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from t3lens.agents import AgentRecord, AgentTurn, TurnOutcome
from t3lens.agents.recognise import recognise
from t3lens.ingest.records.read import read_records

from .witness import WITNESS, needs_witness, scenarios

pytestmark = needs_witness

UNENDED = {TurnOutcome.OPEN, TurnOutcome.CUT, TurnOutcome.ABSENT}
LATER = {
    "codex": [
        {"timestamp": "2027-01-01T00:00:00.000Z", "type": "event_msg",
         "payload": {"type": "task_started", "turn_id": "later", "started_at": 1798761600}},
    ],
    "claude": [
        {"parentUuid": None, "isSidechain": False, "type": "user", "uuid": "later",
         "timestamp": "2027-01-01T00:00:00.000Z", "message": {"role": "user", "content": "go on"}},
    ],
    "gemini": [
        {"id": "0a3df7c2-7ee8-4df2-8d6f-5ac1c0f6b0aa", "timestamp": "2027-01-01T00:00:00.000Z",
         "type": "user", "content": [{"text": "go on"}]},
    ],
    "qwen": [
        {"uuid": "later", "parentUuid": None, "sessionId": "s", "type": "user",
         "timestamp": "2027-01-01T00:00:00.000Z", "provenance": "real_user",
         "message": {"role": "user", "parts": [{"text": "go on"}]}},
    ],
    "pi": [
        {"type": "message", "id": "later", "parentId": None,
         "timestamp": "2027-01-01T00:00:00.000Z",
         "message": {"role": "user", "content": [{"type": "text", "text": "go on"}]}},
    ],
}  # fmt: skip


def newest_files() -> list[Path]:
    """One file of each session: that of the newest snapshot."""
    found = {}
    for scenario in scenarios(*LATER):
        for snapshot in scenario.snapshots():
            for read in read_records([snapshot]).records:
                if read.path.suffix == ".jsonl":
                    found[scenario.name, read.record.session_id] = read.path
    return list(found.values())


FILES = newest_files() if WITNESS.is_dir() else []


def reduced(content: Sequence[bytes]) -> AgentRecord | None:
    """What lines come to, read as the reader of files reads them."""
    reader, offset = None, 0
    before: list[tuple[int, int, bytes]] = []
    for number, raw in enumerate(content, start=1):
        before.append((number, offset, raw))
        offset += len(raw) + 1
        reader = reader or recognise(raw)
    if reader is None:
        return None
    for number, at, raw in before:
        reader.feed(number, at, raw)
    return reader.result()


def turns(record: AgentRecord | None) -> list[AgentTurn]:
    return list(record.turns) if record else []


def end_line(turn: AgentTurn) -> int:
    """Line of the end sign; a turn that has none never ends."""
    return (turn.evidence[-1].line or 0) if turn.outcome not in UNENDED else 1 << 60


def name_of(path: object) -> str:
    return "/".join(path.parts[-9:-5] + path.parts[-1:])[-90:] if isinstance(path, Path) else ""


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_record_cut_at_any_line_tells_no_end_before_it_came(path: Path) -> None:
    content = path.read_bytes().split(b"\n")[:-1]
    whole = {turn.turn_id: turn for turn in turns(reduced(content))}
    for size in range(len(content) + 1):
        seen = turns(reduced(content[:size]))
        for place, turn in enumerate(seen):
            final = whole.get(turn.turn_id)
            if turn.outcome in UNENDED:
                assert size < end_line(final) if final else True
                last = place == len(seen) - 1
                assert turn.inherited or turn.outcome is (TurnOutcome.OPEN if last else TurnOutcome.CUT)
            else:
                assert (turn.evidence[-1].line or 0) <= size
            if final and size >= end_line(final):
                assert turn.outcome is final.outcome


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_an_end_that_is_taken_away_is_no_end(path: Path) -> None:
    content = path.read_bytes().split(b"\n")[:-1]
    for place, turn in enumerate(whole := turns(reduced(content))):
        if turn.outcome in UNENDED or turn.inherited or "$set" in turn.evidence[-1].what:
            continue
        # Several lines can say it: an answer in several blocks, an abort and who did it.
        start, end = turn.evidence[0].line or 0, turn.evidence[-1].line or 0
        kept = [*content[:start], *content[end:]]
        seen = next(t for t in turns(reduced(kept)) if t.turn_id == turn.turn_id)
        later = [t for t in whole[place + 1 :] if not t.inherited]
        assert seen.outcome is (TurnOutcome.CUT if later else TurnOutcome.OPEN)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_later_turn_cuts_what_is_open_and_changes_nothing_else(path: Path) -> None:
    content = path.read_bytes().split(b"\n")[:-1]
    record = reduced(content)
    assert record is not None
    more = [json.dumps(line).encode() for line in LATER[record.provider]]
    after = turns(reduced([*content, *more]))
    assert len(after) == len(record.turns) + 1 and after[-1].outcome is TurnOutcome.OPEN
    for before, now in zip(record.turns, after, strict=False):
        expected = TurnOutcome.CUT if before.outcome is TurnOutcome.OPEN else before.outcome
        assert now.outcome is expected


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_last_line_torn_at_any_byte_tells_nothing(path: Path) -> None:
    content = path.read_bytes().split(b"\n")[:-1]
    without = reduced(content[:-1])
    if without is None:
        return
    last, number = content[-1], len(content)
    for size in range(1, len(last)):
        reader = recognise(next(raw for raw in content if recognise(raw)))
        assert reader is not None
        for place, raw in enumerate(content[:-1], start=1):
            if size > 1 and size % 97:
                break  # the lines before are the same each time; now and then all of them are read
            reader.feed(place, 0, raw)
        reader.feed_last(number, 0, last[:size])
        result = reader.result()
        assert result.torn == size
        if size == 1 or not size % 97:
            assert [t.outcome for t in result.turns] == [t.outcome for t in without.turns]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_keys_in_another_order_are_read_alike(path: Path) -> None:
    content = path.read_bytes().split(b"\n")[:-1]
    turned = [json.dumps(dict(sorted(json.loads(raw).items(), reverse=True))).encode() for raw in content]
    assert [(t.turn_id, t.outcome, t.sureness, t.kind) for t in turns(reduced(turned))] == [
        (t.turn_id, t.outcome, t.sureness, t.kind) for t in turns(reduced(content))
    ]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_unknown_lines_and_fields_change_nothing(path: Path) -> None:
    content = path.read_bytes().split(b"\n")[:-1]
    strange = [
        b'{"timestamp":"2026-11-29T00:00:00.000Z","type":"next_year","payload":{"type":"x"}}',
        b'{"type":"next-year","uuid":"n","parentUuid":"m","sessionId":"s","message":{"content":7}}',
        b'{"$unset":{"messages":[]}}',
    ]
    more = [part for raw in content for part in (raw, *strange)]
    assert [(t.turn_id, t.outcome) for t in turns(reduced(more))] == [
        (t.turn_id, t.outcome) for t in turns(reduced(content))
    ]
