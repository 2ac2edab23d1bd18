"""What OpenCode's rows say where the samples hold none of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from t3lens.agents import AgentRecord, SessionOrigin, Sureness, TurnKind, TurnOutcome
from t3lens.agents.opencode import MessageRow, OpenCodeSession, PartRow, reduce_session

Row = tuple[str, dict[str, Any], list[dict[str, Any]]]


def user(key: str, at: int, *parts: dict[str, Any]) -> Row:
    return (key, {"role": "user", "time": {"created": at}}, list(parts))


def step(key: str, parent: str, at: int, done: int | None, *parts: dict[str, Any], **more: object) -> Row:
    time = {"created": at} if done is None else {"created": at, "completed": done}
    return (key, {"role": "assistant", "parentID": parent, "time": time, **more}, list(parts))


def tool(status: str, error: str | None = None) -> dict[str, Any]:
    state = {"status": status} if error is None else {"status": status, "error": error}
    return {"type": "tool", "tool": "bash", "state": state}


def session(*rows: Row, parent: str | None = None, created: int = 0, revert: str | None = None) -> AgentRecord:
    ordered = sorted(rows, key=lambda row: (row[1]["time"]["created"], row[0]))
    messages = [MessageRow(key, d["time"]["created"], json.dumps(d)) for key, d, _ in ordered]
    parts = {
        key: [PartRow(f"{key}-{n}", key, json.dumps(part)) for n, part in enumerate(given)] for key, _, given in ordered
    }
    return reduce_session(OpenCodeSession("ses_1", parent, "/p", "1.18.33", created, revert), messages, parts.__getitem__)


def outcomes(*rows: Row) -> list[TurnOutcome]:
    return [turn.outcome for turn in session(*rows).turns]


CALLS = {"finish": "tool-calls"}
STOP = {"finish": "stop"}


@pytest.mark.parametrize(
    ("finish", "sureness"),
    [("stop", Sureness.HIGH), ("length", Sureness.HIGH), ("unknown", Sureness.MEDIUM)],
)
def test_a_reason_to_stop_is_an_end(finish: str, sureness: Sureness) -> None:
    turn = session(user("u1", 1), step("a1", "u1", 2, 3, finish=finish)).turns[0]
    assert (turn.outcome, turn.sureness) == (TurnOutcome.FINISHED, sureness)


def test_completed_is_not_success() -> None:
    error = {"name": "APIError", "data": {"message": "no credit", "statusCode": 402}}
    turn = session(user("u1", 1), step("a1", "u1", 2, 3, error=error)).turns[0]
    assert (turn.outcome, turn.error) == (TurnOutcome.FAILED, "APIError 402: no credit")
    aborted = {"name": "MessageAbortedError", "data": {"message": "Aborted"}}
    assert outcomes(user("u1", 1), step("a1", "u1", 2, 3, error=aborted)) == [TurnOutcome.ABORTED]


def test_an_abort_while_it_waits_for_a_retry_has_no_mark() -> None:
    turn = session(user("u1", 1), step("a1", "u1", 2, 3)).turns[0]
    assert (turn.outcome, turn.sureness) == (TurnOutcome.ABORTED, Sureness.MEDIUM)


def test_a_rejected_permission_ends_the_turn() -> None:
    said = tool("error", "The user rejected permission to use this specific tool call.")
    rows = (user("u1", 1), step("a1", "u1", 2, 3, said, **CALLS))
    record = session(*rows)
    assert record.turns[0].outcome is TurnOutcome.FINISHED
    assert record.turns[0].evidence[-1].table == "part"
    assert outcomes(*rows, user("u2", 9), step("a2", "u2", 10, 11, **STOP)) == [
        TurnOutcome.FINISHED,
        TurnOutcome.FINISHED,
    ]


def test_a_tool_that_failed_ends_nothing() -> None:
    rows = (user("u1", 1), step("a1", "u1", 2, 3, tool("error", "exit 1"), **CALLS))
    (turn,) = session(*rows).turns
    assert (turn.outcome, turn.sureness) == (TurnOutcome.OPEN, Sureness.LOW)  # or that ended it, as a rejection does
    died = session(*rows, user("u2", 9_000), step("a2", "u2", 9_001, None)).turns[0]
    assert (died.outcome, died.sureness) == (TurnOutcome.CUT, Sureness.LOW)


def test_between_two_steps_it_is_open() -> None:
    rows = (user("u1", 1), step("a1", "u1", 2, 3, tool("completed"), **CALLS))
    assert outcomes(*rows) == [TurnOutcome.OPEN]
    assert outcomes(*rows, step("a2", "u1", 4, 5, **STOP)) == [TurnOutcome.FINISHED]


def test_a_prompt_sent_while_a_tool_runs_takes_the_turn_over() -> None:
    rows = (
        user("u1", 1000),
        step("a1", "u1", 2000, 9000, tool("completed"), **CALLS),
        user("u2", 5000),
    )
    assert outcomes(*rows) == [TurnOutcome.SUPERSEDED, TurnOutcome.OPEN]
    answered = (*rows, step("a2", "u2", 9001, 9500, **STOP))
    assert outcomes(*answered) == [TurnOutcome.SUPERSEDED, TurnOutcome.FINISHED]


def test_of_two_prompts_sent_meanwhile_the_last_is_answered() -> None:
    rows = (
        user("u1", 1000), step("a1", "u1", 2000, 9000, tool("completed"), **CALLS),
        user("u2", 5000), user("u3", 6000), step("a3", "u3", 9001, 9500, **STOP),
    )  # fmt: skip
    assert outcomes(*rows) == [TurnOutcome.SUPERSEDED, TurnOutcome.SUPERSEDED, TurnOutcome.FINISHED]


def test_a_prompt_sent_while_text_streams_waits_for_the_end() -> None:
    running = (user("u1", 1000), step("a1", "u1", 2000, None), user("u2", 5000))
    assert outcomes(*running) == [TurnOutcome.OPEN, TurnOutcome.OPEN]
    done = (
        user("u1", 1000),
        step("a1", "u1", 2000, 9000, **STOP),
        user("u2", 5000),
        step("a2", "u2", 9001, 9500, **STOP),
    )
    assert outcomes(*done) == [TurnOutcome.FINISHED, TurnOutcome.FINISHED]


def test_what_is_open_before_an_answered_prompt_is_wreckage() -> None:
    rows = (
        user("u1", 1000),
        step("a1", "u1", 2000, None, tool("running")),
        user("u2", 5000),
        step("a2", "u2", 6000, None),
    )
    assert outcomes(*rows) == [TurnOutcome.CUT, TurnOutcome.OPEN]


def test_a_server_that_died_between_two_steps_was_not_steered() -> None:
    rows = (
        user("u1", 1000),
        step("a1", "u1", 2000, 3000, tool("completed"), **CALLS),
        user("u2", 60_000),
        step("a2", "u2", 61_000, 62_000, **STOP),
    )
    record = session(*rows)
    assert (record.turns[0].outcome, record.turns[0].sureness) == (TurnOutcome.CUT, Sureness.MEDIUM)


def test_a_prompt_that_was_never_taken_up_is_cut() -> None:
    rows = (
        user("u1", 1000), step("a1", "u1", 2000, 3000, **STOP),
        user("u2", 5000), user("u3", 60_000), step("a3", "u3", 61_000, 62_000, **STOP),
    )  # fmt: skip
    assert outcomes(*rows) == [TurnOutcome.FINISHED, TurnOutcome.CUT, TurnOutcome.FINISHED]
    assert outcomes(*rows[:3]) == [TurnOutcome.FINISHED, TurnOutcome.OPEN]


def test_a_compaction_is_a_turn_that_nobody_asked_for() -> None:
    record = session(
        user("u1", 1000),
        step("a1", "u1", 2000, 3000, **STOP),
        user("u2", 4000, {"type": "compaction", "auto": False}),
        step("a2", "u2", 5000, 6000, mode="compaction", summary=True, **STOP),
    )
    assert [(t.outcome, t.kind) for t in record.turns] == [
        (TurnOutcome.FINISHED, TurnKind.PROMPT),
        (TurnOutcome.FINISHED, TurnKind.COMPACTION),
    ]


def test_a_compaction_in_a_turn_takes_it_over_and_hands_it_on() -> None:
    record = session(
        user("u1", 1000, {"type": "text", "text": "go"}),
        step("a1", "u1", 2000, 3000, tool("completed"), **CALLS),
        user("u2", 9000, {"type": "compaction", "auto": True}),
        step("a2", "u2", 9500, 9900, mode="compaction", summary=True, **STOP),
        user("u3", 9901, {"type": "text", "text": "Continue", "synthetic": True}),
        step("a3", "u3", 9950, 9990, **STOP),
    )
    assert [(t.outcome, t.kind) for t in record.turns] == [
        (TurnOutcome.SUPERSEDED, TurnKind.PROMPT),
        (TurnOutcome.FINISHED, TurnKind.COMPACTION),
        (TurnOutcome.FINISHED, TurnKind.CONTINUATION),
    ]


def test_a_forks_copied_turns_are_history() -> None:
    record = session(
        user("u1", 1000), step("a1", "u1", 2000, None),
        user("u2", 9000), step("a2", "u2", 9100, None), created=8000,
    )  # fmt: skip
    assert [(t.outcome, t.inherited) for t in record.turns] == [
        (TurnOutcome.ABSENT, True),
        (TurnOutcome.OPEN, False),
    ]
    assert record.origin is SessionOrigin.FORK


def test_a_sub_agents_session_names_its_parent() -> None:
    record = session(user("u1", 1), parent="ses_0")
    assert (record.origin, record.parent_id) == (SessionOrigin.SUB_AGENT, "ses_0")


def test_what_was_reverted_counts_no_more() -> None:
    rows = (
        user("msg_1", 1),
        step("msg_2", "msg_1", 2, 3, **STOP),
        user("msg_3", 4),
        step("msg_4", "msg_3", 5, 6, **STOP),
    )
    revert = json.dumps({"messageID": "msg_3"})
    assert [t.void for t in session(*rows, revert=revert).turns] == [False, True]
    assert [t.void for t in session(*rows, revert="{torn").turns] == [False, False]


def test_steps_without_a_parent_belong_to_the_prompt_before_them() -> None:
    answer = step("a1", "u1", 2, 3, **STOP)
    del answer[1]["parentID"]
    assert outcomes(user("u1", 1), answer) == [TurnOutcome.FINISHED]


@pytest.mark.parametrize(
    ("parts", "word"),
    [([tool("running")], "permission"), ([{"type": "text", "text": ""}], "answer"), ([], "retry")],
)
def test_what_an_open_step_was_doing_is_told(parts: list[dict[str, Any]], word: str) -> None:
    assert word in session(user("u1", 1), step("a1", "u1", 2, None, *parts)).turns[0].why
