"""How stored events become rows, by build: what the recordings show, and what they do not."""

from __future__ import annotations

from typing import Any

import pytest

from t3lens.domain.event import Event
from t3lens.t3code.v1.lifecycle.projection import ProjectedThread, ProjectedTurn, project
from t3lens.t3code.v1.rules import profile
from t3lens.time import iso
from tests.t3code.telling import ALL, SETTLING, SHIPPED, STEP

NEWER = SHIPPED[1:]


class Store:
    """Stored events of one thread, one second apart, projected under one profile."""

    def __init__(self, rules: str) -> None:
        self.rules = profile(rules)
        self.events: list[Event] = []

    @property
    def now(self) -> int:
        return len(self.events) * STEP

    def has(self, kind: str, **payload: Any) -> Store:
        at = self.now + STEP
        times = {name: iso(at) for name in ("createdAt", "updatedAt", "completedAt")}
        event = Event(
            event_id=f"event-{at}",
            type=f"thread.{kind}",
            at=at,
            payload={**times, **payload},
            sequence=at,
        )
        self.events.append(event)
        return self

    def asked(self, message: str = "m") -> Store:
        return self.has("turn-start-requested", messageId=message)

    def session(self, status: str, turn: str | None = None, updated: int | None = None) -> Store:
        at = self.now + STEP if updated is None else updated
        session = {"status": status, "activeTurnId": turn, "updatedAt": iso(at)}
        return self.has("session-set", session=session)

    def message(self, turn: str | None, *, ends: bool, role: str = "assistant") -> Store:
        return self.has("message-sent", turnId=turn, role=role, streaming=not ends, messageId=f"a-{self.now}")

    def interrupt(self, turn: str | None = None) -> Store:
        return self.has("turn-interrupt-requested", **({"turnId": turn} if turn else {}))

    def checkpoint(self, turn: str, count: int = 1, status: str = "ready") -> Store:
        return self.has(
            "turn-diff-completed",
            turnId=turn,
            checkpointTurnCount=count,
            checkpointRef=f"ref-{count}",
            status=status,
            files=[{"path": "a"}],
            assistantMessageId=None,
        )

    @property
    def rows(self) -> ProjectedThread:
        return project(self.events, self.rules)

    def row(self, turn: str = "T") -> ProjectedTurn:
        return self.rows.turns[turn]


@pytest.mark.parametrize("rules", ALL)
def test_a_running_session_takes_up_the_start_that_waits(rules: str) -> None:
    store = Store(rules).asked("m").session("starting").session("running", "T")
    row = store.row()
    assert (row.state, row.pending_message_id) == ("running", "m")
    assert (row.requested_at, row.started_at, row.completed_at) == (STEP, STEP, None)
    assert store.rows.pending is None


@pytest.mark.parametrize("rules", ALL)
def test_the_newest_start_that_waits_replaces_the_older(rules: str) -> None:
    pending = Store(rules).asked("first").asked("second").rows.pending
    assert pending is not None
    assert (pending.pending_message_id, pending.state, pending.turn_id) == (
        "second",
        "pending",
        None,
    )


@pytest.mark.parametrize("rules", ALL)
def test_a_plan_that_the_message_carries_out_stands_in_the_turn(rules: str) -> None:
    plan = {"threadId": "thread", "planId": "plan"}
    store = Store(rules).has("turn-start-requested", messageId="m", sourceProposedPlan=plan)
    row = store.session("running", "T").row()
    assert (row.source_proposed_plan_thread_id, row.source_proposed_plan_id) == ("thread", "plan")


@pytest.mark.parametrize("rules", SETTLING)
def test_the_end_of_a_turn_is_when_its_session_was_updated(rules: str) -> None:
    store = Store(rules).session("running", "T").session("stopped", updated=90 * STEP)
    assert store.row().completed_at == 90 * STEP
    assert store.row().state == "interrupted"


def test_the_oldest_build_settles_no_row_by_its_session() -> None:
    store = Store("shipped-0.0.23").session("running", "T").session("running", "U").session("error")
    assert [row.state for row in store.rows.turns.values()] == ["running", "running"]


@pytest.mark.parametrize("rules", NEWER)
def test_a_message_that_ends_in_mid_turn_leaves_the_turn_running(rules: str) -> None:
    row = Store(rules).session("running", "T").message("T", ends=True).row()
    assert (row.state, row.completed_at, row.assistant_message_id) == ("running", None, f"a-{STEP}")


def test_a_message_that_ends_in_mid_turn_completes_it_on_the_oldest_build() -> None:
    store = Store("shipped-0.0.23").session("running", "T").message("T", ends=True)
    assert (store.row().state, store.row().completed_at) == ("completed", 2 * STEP)


@pytest.mark.parametrize("rules", SHIPPED)
def test_a_message_that_ends_while_its_session_is_not_running_completes_the_turn(
    rules: str,
) -> None:
    store = Store(rules).session("running", "T").session("starting", "T").message("T", ends=True)
    assert (store.row().state, store.row().completed_at) == ("completed", 3 * STEP)


@pytest.mark.parametrize("rules", SHIPPED)
def test_a_message_of_an_unknown_turn_makes_its_row(rules: str) -> None:
    ended = Store(rules).message("T", ends=True).row()
    assert (ended.state, ended.started_at, ended.completed_at) == ("completed", STEP, STEP)
    streaming = Store(rules).message("T", ends=False).row()
    assert (streaming.state, streaming.completed_at) == ("running", None)


@pytest.mark.parametrize("rules", ALL)
def test_what_is_no_assistant_message_of_a_turn_makes_no_row(rules: str) -> None:
    store = Store(rules).message(None, ends=True).message("T", ends=True, role="user")
    assert store.rows.turns == {}


@pytest.mark.parametrize("rules", SHIPPED)
def test_an_interrupt_by_id_writes_the_row_at_once_and_keeps_an_earlier_end(rules: str) -> None:
    running = Store(rules).session("running", "T").interrupt("T").row()
    assert (running.state, running.completed_at) == ("interrupted", 2 * STEP)
    ended = Store(rules).session("running", "T").session("ready").checkpoint("T").interrupt("T")
    assert (ended.row().state, ended.row().completed_at) == ("interrupted", 3 * STEP)
    unknown = Store(rules).interrupt("T").row()
    assert (unknown.state, unknown.requested_at, unknown.completed_at) == (
        "interrupted",
        STEP,
        STEP,
    )


@pytest.mark.parametrize("rules", ALL)
def test_an_interrupt_without_an_id_writes_nothing(rules: str) -> None:
    assert Store(rules).session("running", "T").interrupt().row().state == "running"


@pytest.mark.parametrize("rules", SHIPPED)
def test_an_interrupted_turn_runs_again_with_its_session_and_keeps_the_time_of_its_end(
    rules: str,
) -> None:
    row = Store(rules).session("running", "T").interrupt("T").session("running", "T").row()
    assert (row.state, row.completed_at) == ("running", 2 * STEP)


@pytest.mark.parametrize("rules", NEWER)
def test_a_finished_turn_stays_finished_though_the_session_runs_on_it(rules: str) -> None:
    store = Store(rules).session("running", "T").session("ready").session("running", "T")
    assert store.row().state == "completed"


@pytest.mark.parametrize("rules", NEWER)
def test_a_checkpoint_in_mid_turn_writes_itself_and_not_the_state(rules: str) -> None:
    store = Store(rules).session("running", "T").checkpoint("T", status="missing")
    row = store.row()
    assert (row.state, row.checkpoint_status, row.completed_at) == ("running", "missing", 2 * STEP)
    assert row.checkpoint_files == ({"path": "a"},)
    assert store.session("ready").row().completed_at == 3 * STEP, "the session's end counts"


@pytest.mark.parametrize("rules", SHIPPED)
@pytest.mark.parametrize(("status", "state"), [("error", "error"), ("missing", "completed")])
def test_a_checkpoint_after_the_turn_writes_its_state(rules: str, status: str, state: str) -> None:
    store = Store(rules).session("running", "T").session("stopped").checkpoint("T", status=status)
    assert store.row().state == state


@pytest.mark.parametrize("rules", ALL)
def test_a_checkpoint_number_belongs_to_one_turn(rules: str) -> None:
    store = Store(rules).session("running", "T").session("ready").checkpoint("T", 1)
    store.session("running", "U").session("ready").checkpoint("U", 1)
    assert store.row("U").checkpoint_ref == "ref-1"
    old = store.row("T")
    assert (old.checkpoint_turn_count, old.checkpoint_ref, old.checkpoint_status) == (None,) * 3
    assert old.checkpoint_files == ()


@pytest.mark.parametrize("rules", ALL)
def test_going_back_to_a_checkpoint_deletes_later_turns_and_the_start_that_waits(
    rules: str,
) -> None:
    store = Store(rules)
    for count, turn in enumerate("TUV", start=1):
        store.session("running", turn).session("ready").checkpoint(turn, count)
    store.session("running", "W").asked().has("reverted", turnCount=2)
    assert list(store.rows.turns) == ["T", "U"]
    assert store.rows.pending is None
    assert store.has("reverted", turnCount="no number").rows.turns.keys() == {"T", "U"}


@pytest.mark.parametrize("rules", ALL)
def test_a_session_row_is_the_last_session_written(rules: str) -> None:
    session = {
        "status": "ready",
        "providerName": "codex",
        "providerInstanceId": "codex-2",
        "runtimeMode": "full-access",
        "activeTurnId": None,
        "lastError": "boom",
        "updatedAt": iso(7 * STEP),
    }
    row = Store(rules).session("running", "T").has("session-set", session=session).rows.session
    assert row is not None
    assert (row.status, row.provider_name, row.provider_instance_id) == (
        "ready",
        "codex",
        "codex-2",
    )
    assert (row.active_turn_id, row.last_error, row.updated_at) == (None, "boom", 7 * STEP)


def test_a_status_of_another_build_is_shown_and_settles_nothing() -> None:
    store = Store("shipped-0.0.33").session("running", "T").session("hibernating")
    assert store.rows.session is not None
    assert (store.rows.session.status, store.row().state) == ("hibernating", "running")
