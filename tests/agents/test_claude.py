"""What Claude Code's builds write that the samples do not hold."""

from __future__ import annotations

from typing import Any

import pytest

from t3lens.agents import AgentRecord, SessionOrigin, Sureness, TurnKind, TurnOutcome
from t3lens.agents.claude import ClaudeTranscript

from .witness import lines

Line = dict[str, Any]
REQUEST: Line = {"type": "api-request", "id": "r"}


def prompt(uuid: str, content: object = "go", **more: object) -> Line:
    return {"type": "user", "uuid": uuid, "message": {"role": "user", "content": content}, **more}


def answer(stop: str | None, *blocks: Line, model: str = "claude-x", **more: object) -> Line:
    content = list(blocks) or [{"type": "text", "text": "words"}]
    message = {"role": "assistant", "model": model, "content": content, "stop_reason": stop}
    return {"type": "assistant", "uuid": "a", "message": message, **more}


def synthetic(text: str, *, error: bool, **more: object) -> Line:
    block = {"type": "text", "text": text}
    return answer("stop_sequence", block, model="<synthetic>", isApiErrorMessage=error, **more)


def call(key: str) -> Line:
    return {"type": "tool_use", "id": key, "name": "Bash", "input": {}}


def result(key: str, text: str = "ok") -> Line:
    return prompt("r", [{"type": "tool_result", "tool_use_id": key, "content": text}])


def transcript(*values: Line) -> AgentRecord:
    reader = ClaudeTranscript()
    whole = [
        value
        if value["type"].startswith("api-request")
        else {"parentUuid": None, "isSidechain": False, "sessionId": "s", "version": "2.1.224",
              "timestamp": f"2026-11-29T02:01:{place % 60:02}.000Z", **value}
        for place, value in enumerate(values)
    ]  # fmt: skip
    offset = 0
    for number, raw in enumerate(lines(*whole).split(b"\n")[:-1], start=1):
        reader.feed(number, offset, raw)
        offset += len(raw) + 1
    return reader.result()


def outcomes(*values: Line) -> list[TurnOutcome]:
    return [turn.outcome for turn in transcript(*values).turns]


@pytest.mark.parametrize("stop", ["end_turn", "stop_sequence", "refusal"])
def test_the_models_own_stop_is_an_end(stop: str) -> None:
    assert outcomes(prompt("p"), answer(stop)) == [TurnOutcome.FINISHED]


@pytest.mark.parametrize("stop", ["tool_use", "max_tokens", "pause_turn", None])
def test_another_stop_is_none(stop: str | None) -> None:
    assert outcomes(prompt("p"), answer(stop)) == [TurnOutcome.OPEN]


def test_an_unknown_reason_to_stop_proves_nothing() -> None:
    (turn,) = transcript(prompt("p"), answer("next_year")).turns
    assert (turn.outcome, turn.sureness) == (TurnOutcome.OPEN, Sureness.LOW)
    assert outcomes(prompt("p"), answer("next_year"), answer("end_turn")) == [TurnOutcome.FINISHED]


def test_of_a_command_no_end_is_to_be_expected() -> None:
    for more, outcome in (((), TurnOutcome.OPEN), ((prompt("q"),), TurnOutcome.CUT)):
        turn = transcript(prompt("p", "/compact"), *more).turns[0]
        assert (turn.outcome, turn.sureness) == (outcome, Sureness.LOW)
    (turn,) = transcript(prompt("p", "/review it"), answer("tool_use", call("c"))).turns
    assert (turn.outcome, turn.sureness) == (TurnOutcome.OPEN, Sureness.MEDIUM)


def test_a_line_of_an_unknown_kind_may_tell_of_an_end() -> None:
    strange: Line = {"type": "next-year"}
    assert [t.sureness for t in transcript(prompt("p"), REQUEST, strange, prompt("q"), prompt("r")).turns] == [
        Sureness.LOW, Sureness.HIGH, Sureness.MEDIUM,
    ]  # fmt: skip
    understood = transcript(prompt("p"), REQUEST, strange, answer("end_turn"), prompt("q"), prompt("r"))
    assert [t.sureness for t in understood.turns] == [Sureness.HIGH, Sureness.HIGH, Sureness.MEDIUM]


def test_after_an_output_limit_it_goes_on_until_it_gives_up() -> None:
    on = prompt("m", "Output token limit hit. Resume", isMeta=True)
    tries = [answer("max_tokens"), on] * 3
    assert outcomes(prompt("p"), *tries) == [TurnOutcome.OPEN]
    assert outcomes(prompt("p"), *tries, answer("end_turn")) == [TurnOutcome.FINISHED]
    record = transcript(prompt("p"), *tries, synthetic("limit", error=True))
    assert [(t.outcome, t.error) for t in record.turns] == [(TurnOutcome.FAILED, "limit")]


def test_an_answer_that_nobody_gave_is_none() -> None:
    made_up = synthetic("No response requested.", error=False)
    assert outcomes(prompt("p"), made_up) == [TurnOutcome.OPEN]
    assert outcomes(prompt("p"), made_up, prompt("q")) == [TurnOutcome.CUT, TurnOutcome.OPEN]
    dead = result("c", "[Tool call interrupted: the session ended before it was done]")
    values = (prompt("p"), answer("tool_use", call("c")), dead, made_up, prompt("q"))
    assert outcomes(*values) == [TurnOutcome.CUT, TurnOutcome.OPEN]


def test_a_cut_turn_of_a_late_writer_may_have_finished() -> None:
    old = transcript(prompt("p"), prompt("q"))
    assert (old.turns[0].outcome, old.turns[0].sureness) == (TurnOutcome.CUT, Sureness.MEDIUM)
    new = transcript(prompt("p"), REQUEST, prompt("q"), prompt("r"))
    assert [t.sureness for t in new.turns[:2]] == [Sureness.MEDIUM, Sureness.HIGH]


def test_an_error_after_which_it_went_on_is_no_failure() -> None:
    values = (prompt("p"), synthetic("API Error: 500", error=True), answer("end_turn"))
    assert outcomes(*values) == [TurnOutcome.FINISHED]


def test_retries_are_counted_and_end_nothing() -> None:
    retry = {"type": "system", "subtype": "api_error", "retryAttempt": 3, "maxRetries": 10}
    record = transcript(prompt("p"), {**retry, "retryAttempt": 2}, retry)
    assert (record.turns[0].outcome, record.turns[0].retries) == (TurnOutcome.OPEN, 2)
    assert "attempt 3 of 10" in record.turns[0].why


@pytest.mark.parametrize("text", ["[Request interrupted by user]", "[Request interrupted by user for tool use]"])
def test_an_interrupt_aborts(text: str) -> None:
    said = prompt("i", [{"type": "text", "text": text}])
    assert outcomes(prompt("p"), said) == [TurnOutcome.ABORTED]
    assert outcomes(prompt("p"), said, prompt("q"), answer("end_turn")) == [
        TurnOutcome.ABORTED,
        TurnOutcome.FINISHED,
    ]


def test_an_aborted_answer_says_less_than_the_line_after_it() -> None:
    record = transcript(prompt("p"), answer(None, isAbortedMidStream=True))
    assert (record.turns[0].outcome, record.turns[0].sureness) == (
        TurnOutcome.ABORTED,
        Sureness.MEDIUM,
    )


def test_calls_are_open_until_all_have_results() -> None:
    both = answer("tool_use", call("a"), call("b"))
    record = transcript(prompt("p"), both, result("a"))
    assert "tool call" in record.turns[0].why
    assert "the model" in transcript(prompt("p"), both, result("a"), result("b")).turns[0].why


def test_a_prompt_sent_while_a_tool_runs_shares_the_end() -> None:
    steered = {"type": "attachment", "uuid": "x", "attachment": {"type": "queued_command", "source_uuid": "q"}}
    record = transcript(
        prompt("p"), answer("tool_use", call("a")), {"type": "queue-operation"}, result("a"),
        {"type": "queue-operation", "operation": "remove", "reason": "absorbed_mid_turn"}, steered,
        answer("end_turn"),
    )  # fmt: skip
    assert [(t.turn_id, t.outcome, t.steered_by) for t in record.turns] == [("p", TurnOutcome.FINISHED, ("q",))]


def test_a_background_task_starts_a_turn_that_nobody_asked_for() -> None:
    told = prompt("n", "<task-notification>done</task-notification>",
                  origin={"kind": "task-notification"}, turnOrigin="task_notification")  # fmt: skip
    record = transcript(prompt("p"), answer("end_turn"), told, answer("end_turn"))
    assert [(t.outcome, t.kind) for t in record.turns] == [
        (TurnOutcome.FINISHED, TurnKind.PROMPT),
        (TurnOutcome.FINISHED, TurnKind.NOTIFICATION),
    ]


def test_a_command_is_a_turn_if_the_model_hears_of_it() -> None:
    typed = prompt("c", "<command-name>/model</command-name>")
    done = prompt("d", "<local-command-stdout>Set</local-command-stdout>")
    assert outcomes(typed, done) == []
    assert outcomes(prompt("p"), answer("end_turn"), typed, done, prompt("q")) == [
        TurnOutcome.FINISHED,
        TurnOutcome.OPEN,
    ]
    own = prompt("c", "<command-message>review</command-message><command-name>/review</command-name>")
    body = prompt("m", "Review the change", isMeta=True)
    assert outcomes(own, body) == [TurnOutcome.OPEN]
    assert outcomes(own, body, answer("end_turn")) == [TurnOutcome.FINISHED]
    assert outcomes(own, answer("end_turn")) == [TurnOutcome.FINISHED]


def test_a_compaction_in_a_turn_ends_nothing() -> None:
    values = (
        prompt("p"), answer("tool_use", call("a")), result("a"),
        {"type": "system", "subtype": "compact_boundary"},
        prompt("s", "summary", isCompactSummary=True), answer("end_turn"),
    )  # fmt: skip
    assert outcomes(*values[:-1]) == [TurnOutcome.OPEN]
    assert outcomes(*values) == [TurnOutcome.FINISHED]


def test_a_sub_agents_talk_in_its_parents_file_is_not_the_parents() -> None:
    values = (
        prompt("p"),
        answer("tool_use", call("a")),
        prompt("x", "sub", isSidechain=True),
        answer("end_turn", isSidechain=True),
    )
    assert outcomes(*values) == [TurnOutcome.OPEN]


def test_a_sub_agents_own_file_is_a_record() -> None:
    record = transcript(
        prompt("x", "sub", isSidechain=True, agentId="7"),
        answer("end_turn", isSidechain=True, agentId="7", requestSessionId="other"),
    )
    assert (record.session_id, record.parent_id) == ("agent-7", "s")
    assert record.origin is SessionOrigin.SUB_AGENT
    assert [(t.outcome, t.inherited) for t in record.turns] == [(TurnOutcome.FINISHED, False)]


def test_builds_that_do_not_say_why_an_answer_stopped() -> None:
    last = transcript(prompt("p"), answer(None))
    assert last.turns[0].outcome is TurnOutcome.OPEN
    later = transcript(prompt("p"), answer(None), prompt("q"))
    assert (later.turns[0].outcome, later.turns[0].sureness) == (TurnOutcome.FINISHED, Sureness.LOW)
    died = (
        prompt("p"),
        answer(None),
        synthetic("No response requested.", error=False),
        prompt("q"),
    )
    assert outcomes(*died) == [TurnOutcome.CUT, TurnOutcome.OPEN]


def test_a_program_that_ended_is_told_but_proves_nothing() -> None:
    record = transcript(prompt("p"), {"type": "last-prompt"}, {"type": "cost-state"})
    assert record.turns[0].outcome is TurnOutcome.OPEN
    assert "program ended" in record.turns[0].why


@pytest.mark.parametrize("content", [None, "", [], 7, {"a": 1}, [7, None], "   "])
def test_odd_contents_break_nothing(content: object) -> None:
    assert len(outcomes(prompt("p"), prompt("q", content), answer("end_turn"))) in (1, 2)
    assert outcomes({"type": "user", "uuid": "z"}, {"type": "assistant", "message": content}) == []


def hook(event: str) -> Line:
    return {"type": "progress", "data": {"type": "hook_progress", "hookEvent": event}}


def test_a_turn_that_a_hook_may_tell_to_go_on_has_not_ended() -> None:
    finished = [prompt("a"), answer("end_turn")]
    order = prompt("m", "Stop hook feedback: the tests fail", isMeta=True)
    done = {"type": "system", "subtype": "stop_hook_summary"}
    assert outcomes(*finished, order) == [TurnOutcome.OPEN]
    assert outcomes(*finished, order, answer("end_turn")) == [TurnOutcome.FINISHED]
    assert outcomes(*finished, hook("Stop")) == [TurnOutcome.OPEN]
    assert outcomes(*finished, hook("PostToolUse")) == [TurnOutcome.FINISHED]
    assert outcomes(*finished, hook("Stop"), done) == [TurnOutcome.FINISHED]
    assert outcomes(*finished, order, prompt("b")) == [TurnOutcome.FINISHED, TurnOutcome.OPEN]
