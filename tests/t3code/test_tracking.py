"""What is open in a thread: items, tasks, approvals and questions."""

from __future__ import annotations

import pytest

from tests.t3code.telling import ALL, SETTLING, Thread

pytestmark = pytest.mark.parametrize("rules", ALL)


def test_an_item_is_open_until_it_completes(rules: str) -> None:
    thread = Thread(rules).running("T").sees("item.started", "T", item="i", itemType="file_change")
    assert thread.state.items["i"].item_type == "file_change"
    thread.sees("item.started", "T", item="i", itemType="again")
    assert thread.state.items["i"].item_type == "file_change", "a second start is no new item"
    assert thread.sees("item.completed", "T", item="i").state.items == {}
    assert thread.sees("item.completed", "T", item="never-started").state.items == {}


def test_an_item_closes_with_its_turn_where_turns_are_settled(rules: str) -> None:
    thread = Thread(rules).running("T").sees("item.started", "T", item="i")
    thread.sees("item.started", "U", item="j").told("stopped")
    assert set(thread.state.items) == ({"j"} if rules in SETTLING else {"i", "j"})


def test_a_task_is_open_until_it_completes_also_after_its_turn(rules: str) -> None:
    thread = Thread(rules).running("T").sees("task.started", "T", taskId="t").told("ready")
    assert thread.state.tasks["t"].turn_id == "T"
    assert thread.sees("task.completed", "T", taskId="t").state.tasks == {}


@pytest.mark.parametrize(
    ("opens", "answers", "resolves", "question"),
    [
        (
            "request.opened",
            "thread.approval-response-requested",
            "request.resolved",
            False,
        ),
        (
            "user-input.requested",
            "thread.user-input-response-requested",
            "user-input.resolved",
            True,
        ),
    ],
)
def test_a_request_is_open_until_it_is_resolved_and_knows_when_it_was_answered(
    rules: str, opens: str, answers: str, resolves: str, question: bool
) -> None:
    thread = Thread(rules).running("T").sees(opens, "T", request="r")
    opened = thread.state.requests["r"]
    assert (opened.question, opened.turn_id, opened.answered_at) == (question, "T", None)
    thread.sees(answers, requestId="r")
    assert thread.state.requests["r"].answered_at == thread.now
    assert thread.state.requests["r"].opened_at == opened.opened_at
    assert thread.sees(resolves, "T", request="r").state.requests == {}
    assert thread.sees(answers, request="r").state.requests == {}, "an answer opens nothing"


def test_items_that_never_complete_are_kept_up_to_a_bound(rules: str) -> None:
    thread = Thread(rules).running("T")
    for number in range(300):
        thread.sees("item.started", "T", item=f"i{number}")
    assert len(thread.state.items) == 256
    assert "i299" in thread.state.items
    assert "i0" not in thread.state.items


def test_what_names_nothing_opens_nothing(rules: str) -> None:
    thread = Thread(rules).sees("item.started").sees("task.started").sees("request.opened")
    assert (thread.state.items, thread.state.tasks, thread.state.requests) == ({}, {}, {})
