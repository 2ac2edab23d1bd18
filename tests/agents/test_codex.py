"""What Codex's builds write that the samples do not hold."""

from __future__ import annotations

from typing import Any

import pytest

from t3lens.agents import AgentRecord, SessionOrigin, Sureness, TurnKind, TurnOutcome
from t3lens.agents.codex import CodexRollout

from .witness import lines

CREATED = "2026-11-29T02:00:00.500Z"
BEFORE = "01a22500-0000-7000-8000-00000000000{}"
"""Ids of version 7 whose time is before ``CREATED``."""

Body = dict[str, Any]


def meta(version: str = "0.128.0", **more: object) -> Body:
    return {"_": "session_meta", "id": "me", "timestamp": CREATED, "cli_version": version, **more}


def started(turn: str, **more: object) -> Body:
    return {"_": "event_msg", "type": "task_started", "turn_id": turn, "started_at": 1795917700, **more}


def complete(turn: str | None, answer: str | None = "Done.", **more: object) -> Body:
    given = {} if turn is None else {"turn_id": turn}
    return {"_": "event_msg", "type": "task_complete", **given, "last_agent_message": answer, **more}


def event(kind: str, **more: object) -> Body:
    return {"_": "event_msg", "type": kind, **more}


def item(kind: str, **more: object) -> Body:
    return event("item_completed", thread_id="me", item={"type": kind, **more})


def rollout(*bodies: Body, ordinal: int | None = None) -> AgentRecord:
    reader = CodexRollout()
    values = []
    for place, body in enumerate(bodies):
        numbered = {} if ordinal is None else {"ordinal": body.get("#", ordinal + place)}
        payload = {key: value for key, value in body.items() if key not in ("_", "#")}
        values.append({"timestamp": f"2026-11-29T02:01:{place:02}.000Z", **numbered, "type": body["_"], "payload": payload})
    offset = 0
    for number, raw in enumerate(lines(*values).split(b"\n")[:-1], start=1):
        reader.feed(number, offset, raw)
        offset += len(raw) + 1
    return reader.result()


def outcomes(record: AgentRecord) -> list[tuple[TurnOutcome, Sureness]]:
    return [(turn.outcome, turn.sureness) for turn in record.turns]


ERROR = {"message": "Payment required", "codex_error_info": "other"}


def test_from_0_146_on_an_error_is_recorded() -> None:
    record = rollout(meta("0.146.0"), started("a"), complete("a", None, error=ERROR))
    assert outcomes(record) == [(TurnOutcome.FAILED, Sureness.HIGH)]
    assert record.turns[0].error == "Payment required"


@pytest.mark.parametrize("error", ["text", {"codex_error_info": "internal_server_error"}, {"codex_error_info": {}}, {}])
def test_an_error_of_any_shape_is_a_failure(error: object) -> None:
    record = rollout(meta("0.171.0"), started("a"), complete("a", "said", error=error))
    assert record.turns[0].outcome is TurnOutcome.FAILED and record.turns[0].error


@pytest.mark.parametrize(
    "newer",
    [meta("0.146.1"), {"_": "world_state", "full": True}, {"_": "token_usage_record"}, item("UserMessage", id="p")],
    ids=lambda body: str(body["_"]),
)
def test_no_answer_and_no_error_is_an_end_where_errors_are_recorded(newer: Body) -> None:
    first = newer if newer["_"] == "session_meta" else meta()
    record = rollout(first, started("a"), newer, complete("a", None))
    assert outcomes(record) == [(TurnOutcome.FINISHED, Sureness.MEDIUM)]


def test_no_answer_is_a_failure_before_0_146_but_not_sure() -> None:
    record = rollout(meta("0.142.5"), started("a"), event("user_message"), complete("a", None))
    assert outcomes(record) == [(TurnOutcome.FAILED, Sureness.LOW)]


@pytest.mark.parametrize(
    "answer",
    [event("agent_message", message="Hi"), item("AgentMessage", id="m"),
     {"_": "response_item", "type": "message", "role": "assistant", "content": []}],
    ids=["event", "item", "response"],
)  # fmt: skip
def test_an_answer_before_the_end_makes_it_finished(answer: Body) -> None:
    record = rollout(meta(), started("a"), answer, complete("a", None))
    assert record.turns[0].outcome is TurnOutcome.FINISHED


def test_one_file_of_several_builds_is_judged_turn_by_turn() -> None:
    record = rollout(
        meta("0.128.0"),
        started("old"), event("user_message"), complete("old", None),
        started("new"), item("UserMessage", id="p"), complete("new", None),
        started("last"), item("UserMessage", id="q"), event("turn_aborted", turn_id="last"),
    )  # fmt: skip
    assert outcomes(record) == [
        (TurnOutcome.FAILED, Sureness.LOW),
        (TurnOutcome.FINISHED, Sureness.MEDIUM),
        (TurnOutcome.ABORTED, Sureness.MEDIUM),
    ]


def test_before_0_156_an_abort_was_a_persons() -> None:
    abort = event("turn_aborted", turn_id="a", reason="interrupted")
    assert outcomes(rollout(meta("0.142.5"), started("a"), abort)) == [(TurnOutcome.ABORTED, Sureness.HIGH)]
    record = rollout(meta("0.156.0"), started("a"), abort)
    assert outcomes(record) == [(TurnOutcome.ABORTED, Sureness.MEDIUM)]
    assert "shutdown" in record.turns[0].why


def test_another_reason_of_an_abort_is_told() -> None:
    record = rollout(meta(), started("a"), event("turn_aborted", turn_id="a", reason="replaced"))
    assert "replaced" in record.turns[0].why


def test_steering_puts_a_second_prompt_into_the_turn() -> None:
    record = rollout(
        meta("0.171.0"), started("a"),
        item("UserMessage", id="p1"), item("UserMessage", id="p2"), complete("a"),
    )  # fmt: skip
    assert outcomes(record) == [(TurnOutcome.FINISHED, Sureness.HIGH)]
    assert record.turns[0].steered_by == ("p2",)


@pytest.mark.parametrize(
    "sign",
    [{"_": "compacted", "message": ""}, event("context_compacted"), item("ContextCompaction")],
    ids=["line", "event", "item"],
)
def test_a_compaction_is_a_turn_that_nobody_asked_for(sign: Body) -> None:
    record = rollout(meta(), started("a"), sign, complete("a", None))
    assert outcomes(record) == [(TurnOutcome.FINISHED, Sureness.HIGH)]
    assert record.turns[0].kind is TurnKind.COMPACTION
    asked = rollout(meta(), started("a"), event("user_message"), sign, complete("a"))
    assert asked.turns[0].kind is TurnKind.PROMPT


def test_the_names_of_the_next_protocol_are_the_same_signs() -> None:
    record = rollout(
        meta(),
        event("turn_started", turn_id="a"),
        event("turn_complete", turn_id="a", last_agent_message="x"),
    )
    assert outcomes(record) == [(TurnOutcome.FINISHED, Sureness.HIGH)]


def test_an_end_without_an_id_is_that_of_the_newest_turn() -> None:
    assert rollout(meta(), started("a"), complete(None)).turns[0].outcome is TurnOutcome.FINISHED


def test_an_end_of_another_turn_ends_nothing_here() -> None:
    assert rollout(meta(), started("a"), complete("b")).turns[0].outcome is TurnOutcome.OPEN


def test_a_late_end_still_counts() -> None:
    record = rollout(meta(), started("a"), started("b"), complete("a"), complete("b"))
    assert [turn.outcome for turn in record.turns] == [TurnOutcome.FINISHED] * 2


def test_a_fork_before_0_156_holds_its_parents_turns() -> None:
    record = rollout(
        meta(forked_from_id="parent"),
        {"_": "session_meta", "id": "parent", "cli_version": "0.128.0"},
        started(BEFORE.format(1)),
        complete(BEFORE.format(1), completed_at=1795917600),
        started(BEFORE.format(2)),
        started("01a225ff-0000-7000-8000-000000000000"),
    )
    assert [turn.inherited for turn in record.turns] == [True, True, False]
    assert [turn.outcome for turn in record.turns] == [
        TurnOutcome.FINISHED,
        TurnOutcome.ABSENT,
        TurnOutcome.OPEN,
    ]
    assert (record.origin, record.parent_id) == (SessionOrigin.FORK, "parent")


def test_copied_turns_do_not_cut_one_that_runs_here() -> None:
    record = rollout(
        meta(forked_from_id="parent"),
        {"_": "session_meta", "id": "parent"},
        started("01a225ff-0000-7000-8000-000000000000"),
        started(BEFORE.format(1)),
    )
    assert record.turns[0].outcome is TurnOutcome.OPEN


def test_a_fork_of_0_156_holds_no_line_of_its_parent() -> None:
    record = rollout(
        meta("0.171.0", forked_from_id="parent", forked_from_ordinal_exclusive=40),
        started(BEFORE.format(1)),
        complete(BEFORE.format(1)),
        ordinal=40,
    )
    assert [turn.inherited for turn in record.turns] == [False]
    assert record.notes == ()


def test_a_gap_in_the_numbers_is_told() -> None:
    record = rollout(meta("0.171.0"), started("a"), {**complete("a"), "#": 7}, ordinal=0)
    assert "lost" in record.notes[0]


def test_a_sub_agent_names_its_parent() -> None:
    source = {"subagent": {"thread_spawn": {"parent_thread_id": "boss", "depth": 1}}}
    record = rollout(meta("0.171.0", source=source), started("a"))
    assert (record.origin, record.parent_id) == (SessionOrigin.SUB_AGENT, "boss")


def test_a_rollback_counts_prompts_only() -> None:
    record = rollout(
        meta(),
        started("a"), event("user_message"), complete("a"),
        started("b"), event("user_message"), complete("b"),
        started("c"), {"_": "compacted"}, complete("c", None),
        event("thread_rolled_back", num_turns=1),
        started("d"), event("user_message"), complete("d"),
        event("thread_rolled_back", num_turns=2),
    )  # fmt: skip
    assert [turn.void for turn in record.turns] == [True, True, True, True]


@pytest.mark.parametrize("count", [0, -1, None, "2", True])
def test_a_rollback_of_nothing_takes_nothing_back(count: object) -> None:
    record = rollout(
        meta(), started("a"), event("user_message"), complete("a"),
        event("thread_rolled_back", num_turns=count),
    )  # fmt: skip
    assert [turn.void for turn in record.turns] == [False]


def test_what_an_open_turn_was_doing_is_told() -> None:
    call: Body = {"_": "response_item", "type": "function_call", "call_id": "c"}
    output: Body = {"_": "response_item", "type": "function_call_output", "call_id": "c"}
    record = rollout(meta(), started("a"), call)
    assert "approval" in record.turns[0].why
    assert record.turns[0].evidence[-1].what == "function_call"
    assert "the model" in rollout(meta(), started("a"), call, output).turns[0].why


def test_a_resume_is_no_part_of_the_turn_that_died() -> None:
    record = rollout(
        meta("0.171.0"), started("a"), event("token_count"), event("thread_settings_applied"),
        started("b"),
    )  # fmt: skip
    assert [mark.what for mark in record.turns[0].evidence] == [
        "task_started",
        "token_count",
        "task_started",
    ]


RENAMED = event("task_over", turn_id="a", outcome="done")
"""An end as a build might call it that nobody here has seen."""


def test_what_may_be_an_unknown_end_makes_a_missing_one_prove_nothing() -> None:
    record = rollout(meta("0.171.0"), started("a"), RENAMED, started("b"), RENAMED)
    assert outcomes(record) == [(TurnOutcome.CUT, Sureness.LOW), (TurnOutcome.OPEN, Sureness.LOW)]
    assert all("not known here" in turn.why for turn in record.turns)
    line: Body = {"_": "next_year", "turn_id": "a"}
    assert outcomes(rollout(meta("0.171.0"), started("a"), line)) == [(TurnOutcome.OPEN, Sureness.LOW)]


def test_a_build_whose_ends_are_understood_says_what_is_missing() -> None:
    before = (meta("0.171.0"), started("a"), RENAMED, complete("a"))
    record = rollout(*before, started("b"), started("c"))
    assert outcomes(record)[1:] == [(TurnOutcome.CUT, Sureness.HIGH), (TurnOutcome.OPEN, Sureness.MEDIUM)]
    record = rollout(*before, started("b"), event("token_count"), {"_": "turn_context"}, item("Reasoning"), started("c"))
    assert outcomes(record)[1] == (TurnOutcome.CUT, Sureness.HIGH)


def test_a_torn_last_line_may_be_the_end() -> None:
    reader = CodexRollout()
    head = lines({"timestamp": CREATED, "type": "event_msg", "payload": {"type": "task_started", "turn_id": "a"}})
    reader.feed(1, 0, head.rstrip())
    reader.feed_last(2, len(head), b'{"timestamp":"2026-11-29T02:01:00.000Z","type":"event_msg","payload":{"type":"task_c')
    assert outcomes(reader.result()) == [(TurnOutcome.OPEN, Sureness.LOW)]


@pytest.mark.parametrize(
    ("build", "newer"), [("0.128.0", False), ("0.171.9", False), ("0.172.0-alpha.3", True), ("1.0", True)]
)
def test_a_build_that_is_newer_than_those_known_is_told(build: str, newer: bool) -> None:
    notes = rollout(meta(build), started("a"), complete("a")).notes
    assert [build in note and "newer" in note for note in notes] == [True] * newer
