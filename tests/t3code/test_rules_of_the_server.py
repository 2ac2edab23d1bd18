"""R11, R12, R14 and W: reconcile, stop, requests, checkpoints, and sessions that T3 Code itself wrote."""

from __future__ import annotations

from typing import Any

import pytest

from t3lens.domain.event import RECONCILE, STOP_RESULT
from t3lens.domain.state import Settled
from t3lens.t3code.v1.rules import STARTUP_RECONCILE_ERROR
from tests.t3code.telling import ALL, SETTLING, SHIPPED, STEP, Thread

RECONCILING = ("settle", "shipped-0.0.33")
OLDER = ("shipped-0.0.23", "shipped-0.0.28", "shipped-0.0.29")

# --- R11 reconcile -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", RECONCILING)
def test_r11_a_session_that_is_not_live_is_stopped_and_says_so(rules: str) -> None:
    thread = Thread(rules).running("T").sees(RECONCILE, live=False)
    assert thread.session == ("stopped", None, STARTUP_RECONCILE_ERROR)
    assert thread.is_("T") == "interrupted"
    assert (thread.last.rule, thread.last.settled) == ("R11", ("T",))


@pytest.mark.parametrize("rules", RECONCILING)
def test_r11_a_live_session_is_mirrored(rules: str) -> None:
    thread = Thread(rules).running("T").sees(RECONCILE, live=True, status="ready")
    assert thread.session == ("ready", None, None)
    assert thread.turn("T").settled is Settled.SESSION
    thread = Thread(rules).told("ready")
    thread.sees(RECONCILE, live=True, status="running", activeTurnId="T")
    assert (thread.session, thread.is_("T")) == (("running", "T", None), "running")


@pytest.mark.parametrize("rules", RECONCILING)
@pytest.mark.parametrize("answer", [{"live": None}, {}, {"live": 0}, {"live": "no"}, {"live": True}])
def test_r11_nothing_changes_when_the_listing_failed(rules: str, answer: dict[str, Any]) -> None:
    thread = Thread(rules).running("T").sees(RECONCILE, **answer)
    assert (thread.session, thread.is_("T")) == (("running", "T", None), "running")
    assert not thread.last.applied


@pytest.mark.parametrize("rules", RECONCILING)
@pytest.mark.parametrize("status", ["ready", "error", "stopped"])
def test_r11_an_idle_thread_needs_no_live_session(rules: str, status: str) -> None:
    thread = Thread(rules).told(status, error="e").sees(RECONCILE, live=False)
    assert thread.session == (status, None, "e")
    assert not thread.last.applied


@pytest.mark.parametrize("rules", RECONCILING)
def test_r11_a_live_session_that_does_not_work_has_no_active_turn(rules: str) -> None:
    thread = Thread(rules).running("T")
    thread.sees(RECONCILE, live=True, status="ready", activeTurnId="T")
    assert thread.session == ("ready", None, None)


@pytest.mark.parametrize("rules", RECONCILING)
def test_r11_a_failed_session_that_still_names_a_turn_is_stopped(rules: str) -> None:
    thread = Thread(rules).sees("runtime.error", "T", message="it broke")
    assert thread.session[:2] == ("error", "T")
    assert thread.sees(RECONCILE, live=False).session[:2] == ("stopped", None)


@pytest.mark.parametrize("rules", OLDER)
def test_r11_older_builds_reconcile_nothing(rules: str) -> None:
    thread = Thread(rules).running("T").sees(RECONCILE, live=False)
    assert thread.session == ("running", "T", None)
    assert (thread.last.rule, thread.last.applied) == ("R11", False)


@pytest.mark.parametrize("rules", SETTLING)
def test_r11_the_server_s_own_reconcile_is_known_by_its_words(rules: str) -> None:
    thread = Thread(rules).running("T").told("error", error=STARTUP_RECONCILE_ERROR)
    assert thread.last.rule == "R11"
    assert thread.is_("T") == "error"


# --- R12 stop ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", SETTLING)
@pytest.mark.parametrize("outcome", ["stopped", "gone"])
def test_r12_a_stop_that_succeeded_or_came_late_stops_the_session(rules: str, outcome: str) -> None:
    thread = Thread(rules).running("T").sees(STOP_RESULT, outcome=outcome)
    assert thread.session == ("stopped", None, None)
    assert thread.is_("T") == "interrupted"
    assert thread.last.rule == "R12"


def test_r12_a_failed_stop_keeps_the_session_and_tells_the_failure() -> None:
    thread = Thread("settle").running("T").sees(STOP_RESULT, outcome="failed", detail="no answer")
    assert thread.session == ("running", "T", "no answer")
    assert thread.is_("T") == "running"


@pytest.mark.parametrize("rules", SHIPPED)
def test_r12_released_servers_lose_a_failed_stop(rules: str) -> None:
    thread = Thread(rules).running("T").sees(STOP_RESULT, outcome="failed", detail="no answer")
    assert thread.session == ("running", "T", None)
    assert (thread.last.rule, thread.last.applied) == ("R12", False)


@pytest.mark.parametrize("rules", ALL)
def test_a_stop_that_was_asked_for_is_noted_on_the_turn_and_changes_nothing(rules: str) -> None:
    thread = Thread(rules).running("T").sees("thread.session-stop-requested")
    assert (thread.session, thread.is_("T")) == (("running", "T", None), "running")
    assert thread.turn("T").interrupt_requested_at == thread.now


# --- W sessions that T3 Code itself wrote --------------------------------------------------------------------


@pytest.mark.parametrize("rules", ALL)
def test_w_a_written_session_is_taken_as_it_is(rules: str) -> None:
    thread = Thread(rules).asked("m").told("running", "T", "e")
    assert thread.session == ("running", "T", "e")
    assert (thread.is_("T"), thread.turn("T").message_id) == ("running", "m")
    assert thread.state.pending is None
    assert thread.last.rule == "W"


@pytest.mark.parametrize("rules", SETTLING)
def test_w_a_session_written_with_another_turn_supersedes_the_running_one(rules: str) -> None:
    thread = Thread(rules).running("T").told("running", "U")
    assert thread.state.running == ("U",)
    assert thread.turn("T").settled is Settled.SUPERSEDED


def test_w_the_oldest_build_lets_the_first_turn_run_on_beside_the_written_one() -> None:
    thread = Thread("shipped-0.0.23").running("T").told("running", "U")
    assert thread.state.running == ("T", "U")


@pytest.mark.parametrize("rules", ALL)
@pytest.mark.parametrize("session", [None, 7, [], {}, {"status": "no-such-status"}, {"status": []}])
def test_w_what_is_no_session_is_ignored(rules: str, session: object) -> None:
    thread = Thread(rules).running("T").sees("thread.session-set", session=session)
    assert thread.session == ("running", "T", None)
    assert (thread.last.rule, thread.last.applied) == ("W", False)


# --- requests, checkpoints, message ends ---------------------------------------------------------------------


@pytest.mark.parametrize("rules", ALL)
def test_a_message_waits_until_a_turn_takes_it_up_and_the_newest_one_counts(rules: str) -> None:
    thread = Thread(rules).asked("first").asked("second")
    assert thread.state.pending is not None
    assert thread.state.pending.message_id == "second"
    after = thread.running("T").state
    assert after.pending is None
    assert after.turns["T"].message_id == "second"


@pytest.mark.parametrize("rules", ALL)
def test_a_message_sent_while_a_turn_is_active_knows_that_turn(rules: str) -> None:
    thread = Thread(rules).running("T").asked()
    assert thread.state.pending is not None
    assert thread.state.pending.active_turn_id == "T"


def test_an_interrupt_waits_for_the_provider_under_the_reference() -> None:
    thread = Thread("settle").running("T").sees("thread.turn-interrupt-requested", "T")
    assert thread.is_("T") == "running"
    assert thread.turn("T").interrupt_requested_at == 2 * STEP


@pytest.mark.parametrize("rules", ALL)
def test_the_first_time_a_turn_was_to_be_interrupted_is_kept(rules: str) -> None:
    thread = Thread(rules).running("T").sees("thread.turn-interrupt-requested", "T")
    thread.sees("thread.turn-interrupt-requested", "T")
    assert thread.turn("T").interrupt_requested_at == 2 * STEP


@pytest.mark.parametrize("rules", SHIPPED)
def test_an_interrupt_of_a_named_turn_is_written_at_once_by_released_servers(rules: str) -> None:
    thread = Thread(rules).running("T").sees("thread.turn-interrupt-requested", "T")
    assert (thread.is_("T"), thread.session) == ("interrupted", ("running", "T", None))
    assert thread.turn("T").settled is Settled.REQUEST
    unknown = Thread(rules).sees("thread.turn-interrupt-requested", "T")
    assert unknown.is_("T") == "interrupted", "a turn nobody has seen gets its row"


@pytest.mark.parametrize("rules", ALL)
def test_an_interrupt_that_names_no_turn_writes_nothing(rules: str) -> None:
    thread = Thread(rules).running("T").sees("thread.turn-interrupt-requested")
    assert thread.is_("T") == "running"
    assert thread.turn("T").interrupt_requested_at == thread.now


@pytest.mark.parametrize("rules", SHIPPED)
@pytest.mark.parametrize(("status", "outcome"), [("ready", "completed"), ("missing", "completed"), ("error", "error")])
def test_a_checkpoint_after_the_turn_writes_over_its_outcome_on_released_servers(
    rules: str, status: str, outcome: str
) -> None:
    thread = Thread(rules).running("T").told("stopped")
    thread.sees("thread.turn-diff-completed", "T", status=status)
    assert thread.is_("T") == outcome
    assert thread.turn("T").settled is Settled.CHECKPOINT


def test_a_checkpoint_changes_nothing_under_the_reference() -> None:
    thread = Thread("settle").running("T").told("stopped")
    thread.sees("thread.turn-diff-completed", "T", status="error")
    assert thread.is_("T") == "interrupted"


@pytest.mark.parametrize("rules", SHIPPED[1:])
def test_a_checkpoint_in_mid_turn_settles_nothing_from_the_second_build_on(rules: str) -> None:
    thread = Thread(rules).running("T").sees("thread.turn-diff-completed", "T", status="ready")
    assert thread.is_("T") == "running"


def test_a_checkpoint_in_mid_turn_settles_the_turn_on_the_oldest_build() -> None:
    thread = Thread("shipped-0.0.23").running("T")
    thread.sees("thread.turn-diff-completed", "T", status="ready")
    assert (thread.is_("T"), thread.session[:2]) == ("completed", ("running", "T"))


def _message_ends(thread: Thread, turn: str = "T") -> Thread:
    return thread.sees("item.completed", turn, item="text", itemType="assistant_message")


def test_the_end_of_a_message_in_mid_turn_settles_the_turn_on_the_oldest_build() -> None:
    thread = _message_ends(Thread("shipped-0.0.23").running("T"))
    assert (thread.is_("T"), thread.session[:2]) == ("completed", ("running", "T"))
    assert thread.turn("T").settled is Settled.MESSAGE_END


@pytest.mark.parametrize("rules", SETTLING)
def test_the_end_of_a_message_in_mid_turn_settles_nothing_since(rules: str) -> None:
    assert _message_ends(Thread(rules).running("T")).is_("T") == "running"


@pytest.mark.parametrize("rules", SHIPPED)
@pytest.mark.parametrize("state", ["failed", "interrupted"])
def test_the_end_of_a_message_keeps_a_turn_failed_or_interrupted(rules: str, state: str) -> None:
    thread = Thread(rules).running("T")
    if state == "interrupted":
        thread.sees("thread.turn-interrupt-requested", "T").told("stopped")
    else:
        thread.told("error").sees("thread.turn-diff-completed", "T", status="error")
    before = thread.is_("T")
    assert before == {"failed": "error", "interrupted": "interrupted"}[state]
    assert _message_ends(thread).is_("T") == before


@pytest.mark.parametrize("rules", SHIPPED)
def test_a_message_of_a_turn_nobody_has_seen_gives_it_a_row(rules: str) -> None:
    assert _message_ends(Thread(rules).running("T"), "U").is_("U") == "completed"


def test_a_message_of_a_turn_nobody_has_seen_changes_nothing_under_the_reference() -> None:
    assert "U" not in _message_ends(Thread("settle").running("T"), "U").state.turns


# --- R14 everything else -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", ALL)
@pytest.mark.parametrize("kind", ["content.delta", "turn.plan.updated", "runtime.warning", "x", ""])
def test_r14_everything_else_is_activity_of_its_turn(rules: str, kind: str) -> None:
    thread = Thread(rules).running("T").sees(kind, "T")
    assert thread.session == ("running", "T", None)
    assert (thread.last.rule, thread.last.applied) == ("R14", False)
    assert thread.state.activity["T"] == thread.now
    thread.sees(kind, "U")
    assert thread.state.activity["T"] == thread.now - STEP
    assert thread.state.last_event_at == thread.now


@pytest.mark.parametrize("rules", ALL)
def test_r14_a_settled_turn_keeps_the_time_it_was_last_heard_of(rules: str) -> None:
    thread = Thread(rules).running("T").sees("content.delta", "T")
    heard = thread.now
    thread.sees("thread.turn-interrupt-requested", "T").told("stopped")
    assert thread.turn("T").last_activity_at == heard, "being asked to stop is no sign of life"
    assert thread.state.activity == {}
