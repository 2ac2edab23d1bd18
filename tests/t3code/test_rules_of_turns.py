"""R1 to R5: a turn starts, ends, is aborted, and which of these the session listens to."""

from __future__ import annotations

import pytest

from t3lens.domain.state import Settled
from tests.t3code.telling import ALL, SETTLING, SHIPPED, STEP, Thread

# --- R1 turn.started -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", ALL)
def test_r1_a_started_turn_is_active_in_a_running_session(rules: str) -> None:
    thread = Thread(rules).running("T")
    assert thread.session == ("running", "T", None)
    assert thread.is_("T") == "running"
    assert (thread.last.rule, thread.last.applied) == ("R1", True)
    assert "T" in thread.last.why


@pytest.mark.parametrize("rules", ALL)
def test_r1_a_started_turn_takes_up_the_message_that_waits(rules: str) -> None:
    thread = Thread(rules).asked("m").running("T")
    assert thread.state.pending is None
    turn = thread.turn("T")
    assert (turn.message_id, turn.requested_at, turn.started_at) == ("m", STEP, 2 * STEP)


@pytest.mark.parametrize("rules", ALL)
def test_r1_the_active_turn_started_again_stays_active(rules: str) -> None:
    thread = Thread(rules).running("T").running("T")
    assert thread.session == ("running", "T", None)
    assert thread.turn("T").started_at == STEP
    assert thread.state.running == ("T",)


@pytest.mark.parametrize("rules", ALL)
def test_r1_another_turn_is_ignored_while_one_is_active_and_nothing_was_asked(rules: str) -> None:
    thread = Thread(rules).running("T").running("U")
    assert thread.session == ("running", "T", None)
    assert "U" not in thread.state.turns
    assert not thread.last.applied


@pytest.mark.parametrize("rules", SETTLING)
def test_r1_steering_replaces_the_active_turn(rules: str) -> None:
    thread = Thread(rules).running("T").asked().running("U")
    assert thread.session == ("running", "U", None)
    old = thread.turn("T")
    assert old.state == ("interrupted" if rules == "settle" else "completed")
    assert old.settled is Settled.SUPERSEDED
    assert old.completed_at == thread.now
    assert thread.last.settled == ("T",)


def test_r1_the_oldest_build_knows_no_steering_and_stays_with_the_first_turn() -> None:
    thread = Thread("shipped-0.0.23").running("T").asked().running("U")
    assert thread.session == ("running", "T", None)
    assert thread.state.pending is not None, "the message still waits"
    thread.sees("turn.completed", "U", state="completed")
    assert thread.session == ("running", "T", None), "the end of the ignored turn is ignored too"


@pytest.mark.parametrize("rules", ALL)
def test_r1_a_turn_without_an_id_runs_the_session_and_is_not_known(rules: str) -> None:
    thread = Thread(rules).running("T").sees("turn.started")
    assert thread.session == ("running", None, None)


def test_r1_a_settled_turn_that_starts_again_runs_again_under_the_reference() -> None:
    thread = Thread("settle").running("T").sees("turn.completed", "T", state="failed").running("T")
    assert thread.session[:2] == ("running", "T")
    turn = thread.turn("T")
    assert (turn.state, turn.settled, turn.completed_at, turn.error) == (
        "running",
        None,
        None,
        None,
    )


@pytest.mark.parametrize("rules", SHIPPED[1:])
def test_r1_released_servers_keep_a_finished_turn_finished_though_the_session_runs_it(
    rules: str,
) -> None:
    thread = Thread(rules).running("T").sees("turn.completed", "T", state="failed").running("T")
    assert thread.session[:2] == ("running", "T")
    assert thread.is_("T") == "error"


# --- R2 turn.completed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", SETTLING)
@pytest.mark.parametrize(
    ("said", "message", "session", "turn", "turn_shipped"),
    [
        ("completed", None, ("ready", None, None), "completed", "completed"),
        (None, None, ("ready", None, None), "completed", "completed"),
        ("no-such-state", None, ("ready", None, None), "completed", "completed"),
        ("failed", "it broke", ("error", None, "it broke"), "error", "error"),
        ("failed", None, ("error", None, "Turn failed"), "error", "error"),
        ("interrupted", None, ("ready", None, None), "interrupted", "completed"),
        ("cancelled", None, ("ready", None, None), "interrupted", "completed"),
    ],
)
def test_r2_the_end_of_the_active_turn_ends_the_session_as_it_says(
    rules: str,
    said: str | None,
    message: str | None,
    session: tuple[str, None, str | None],
    turn: str,
    turn_shipped: str,
) -> None:
    thread = Thread(rules).running("T").sees("turn.completed", "T", state=said, errorMessage=message)
    assert thread.session == session
    assert thread.is_("T") == (turn if rules == "settle" else turn_shipped)
    assert thread.turn("T").completed_at == thread.now
    assert thread.turn("T").settled is (Settled.OWN_TERMINAL if rules == "settle" else Settled.SESSION)
    assert (thread.last.rule, thread.last.settled) == ("R2", ("T",))


@pytest.mark.parametrize("said", ["completed", "failed", "interrupted"])
def test_r2_the_oldest_build_leaves_the_turn_running_when_its_session_ends(said: str) -> None:
    thread = Thread("shipped-0.0.23").running("T").sees("turn.completed", "T", state=said)
    assert thread.session[:2] == ("error" if said == "failed" else "ready", None)
    assert thread.is_("T") == "running"
    assert thread.turn("T").terminal is not None, "that it ended is known all the same"


@pytest.mark.parametrize("rules", ALL)
def test_r2_a_failed_turn_without_a_message_keeps_the_earlier_error(rules: str) -> None:
    thread = Thread(rules).told("running", "T", "earlier").sees("turn.completed", "T", state="failed")
    assert thread.session == ("error", None, "earlier")


# --- R3 turn.aborted -----------------------------------------------------------------------------------------


def test_r3_an_aborted_turn_makes_the_session_ready_under_the_reference() -> None:
    thread = Thread("settle").running("T").sees("turn.aborted", "T", reason="by the user")
    assert thread.session == ("ready", None, None)
    turn = thread.turn("T")
    assert (turn.state, turn.error) == ("interrupted", "by the user")
    assert turn.settled is Settled.OWN_TERMINAL
    assert thread.last.rule == "R3"


@pytest.mark.parametrize("rules", SHIPPED)
def test_r3_released_servers_do_not_listen_to_an_aborted_turn(rules: str) -> None:
    thread = Thread(rules).running("T").sees("turn.aborted", "T", reason="by the user")
    assert thread.session == ("running", "T", None)
    assert thread.is_("T") == "running"
    assert (thread.last.rule, thread.last.applied) == ("R3", False)
    assert thread.turn("T").terminal == "interrupted", "what the provider said is kept"


@pytest.mark.parametrize("rules", SHIPPED)
def test_r3_an_abort_without_a_turn_is_noted_on_the_turn_that_runs(rules: str) -> None:
    thread = Thread(rules).running("T").sees("turn.aborted", reason="by the user")
    assert thread.turn("T").terminal == "interrupted"
    assert thread.turn("T").terminal_event_id == thread.last.event_id


@pytest.mark.parametrize("rules", ALL)
def test_the_first_word_of_the_provider_on_a_turn_is_kept(rules: str) -> None:
    thread = Thread(rules).running("T").sees("turn.completed", "T", state="failed")
    first = thread.last.event_id
    thread.sees("turn.completed", "T", state="completed")
    turn = thread.turn("T")
    assert (turn.terminal, turn.terminal_event_id) == ("error", first)
    assert turn.terminal_at == thread.now - STEP


# --- R4 the end of another turn ------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", ALL)
@pytest.mark.parametrize("other", ["title-turn", None])
def test_r4_the_end_of_auxiliary_work_does_not_end_the_session(rules: str, other: str | None) -> None:
    thread = Thread(rules).running("T").sees("turn.completed", other, state="completed")
    assert thread.session == ("running", "T", None)
    assert thread.is_("T") == "running"
    assert (thread.last.rule, thread.last.applied) == ("R4", False)


def test_r4_another_turn_that_still_runs_is_settled_by_its_own_end_under_the_reference() -> None:
    thread = Thread("settle").running("T")
    thread.sees("turn.started")  # no id: T is no longer active, and nothing has settled it
    thread.sees("session.state.changed", state="running")
    thread.told("starting", "U")
    thread.sees("turn.completed", "T", state="failed", errorMessage="it broke")
    assert thread.session == ("starting", "U", None)
    assert thread.is_("T") == "error"
    assert thread.turn("T").settled is Settled.OWN_TERMINAL
    assert (thread.last.rule, thread.last.applied, thread.last.settled) == ("R4", True, ("T",))


@pytest.mark.parametrize("rules", SHIPPED)
def test_r4_released_servers_leave_another_turn_running_whatever_its_end_says(rules: str) -> None:
    thread = Thread(rules).running("T").sees("turn.started").told("starting", "U")
    thread.sees("turn.completed", "T", state="failed")
    assert (thread.is_("T"), thread.turn("T").terminal) == ("running", "error")
    assert (thread.last.rule, thread.last.applied) == ("R4", False)


# --- R5 an end while no turn is active -----------------------------------------------------------------------


@pytest.mark.parametrize("rules", ALL)
def test_r5_an_end_while_no_turn_is_active_is_accepted(rules: str) -> None:
    thread = Thread(rules).told("starting").sees("turn.completed", "T", state="failed")
    assert thread.session == ("error", None, "Turn failed")
    assert (thread.last.rule, thread.last.applied) == ("R5", True)


@pytest.mark.parametrize("rules", [*ALL[:-1]])
def test_r5_an_end_without_a_turn_is_accepted_while_none_is_active(rules: str) -> None:
    thread = Thread(rules).told("starting").sees("turn.completed", state="completed")
    assert thread.session == ("ready", None, None)


def test_r5_the_newest_build_ignores_an_end_without_a_turn_while_none_is_active() -> None:
    thread = Thread("shipped-0.0.33").told("starting").sees("turn.completed", state="completed")
    assert thread.session == ("starting", None, None)
    assert (thread.last.rule, thread.last.applied) == ("R5", False)
