"""R6 to R10 and R13: what the provider's session says, and what becomes of turns and errors with it."""

from __future__ import annotations

import pytest

from t3lens.domain.state import Settled
from tests.t3code.telling import ALL, SETTLING, SHIPPED, Thread

# --- R6 session.state.changed --------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", ALL)
@pytest.mark.parametrize("said", ["starting", "running", "waiting"])
def test_r6_a_live_state_keeps_the_active_turn(rules: str, said: str) -> None:
    thread = Thread(rules).running("T").sees("session.state.changed", state=said)
    assert thread.session == ("running" if said == "waiting" else said, "T", None)
    assert thread.is_("T") == "running"


@pytest.mark.parametrize("said", ["ready", "interrupted", "stopped", "error"])
@pytest.mark.parametrize("rules", ["settle", "shipped-0.0.29", "shipped-0.0.33"])
def test_r6_an_inactive_state_clears_the_active_turn(rules: str, said: str) -> None:
    thread = Thread(rules).running("T").sees("session.state.changed", state=said)
    assert thread.session[:2] == (said, None)


@pytest.mark.parametrize("said", ["ready", "interrupted", "stopped", "error"])
@pytest.mark.parametrize("rules", ["shipped-0.0.23", "shipped-0.0.28"])
def test_r6_older_builds_keep_the_active_turn_through_an_inactive_state(rules: str, said: str) -> None:
    thread = Thread(rules).running("T").sees("session.state.changed", state=said)
    assert thread.session[:2] == (said, "T")


@pytest.mark.parametrize("rules", ALL)
def test_r6_an_error_state_says_why(rules: str) -> None:
    def after(error: str | None, reason: str | None) -> str | None:
        thread = Thread(rules).told("running", None, error)
        return thread.sees("session.state.changed", state="error", reason=reason).session[2]

    assert after("earlier", "reason") == "reason"
    assert after("earlier", None) == "earlier"
    assert after(None, None) == "Provider session error"


@pytest.mark.parametrize("rules", ALL)
@pytest.mark.parametrize("said", ["no-such-state", None, 7])
def test_r6_an_unknown_state_is_ignored(rules: str, said: object) -> None:
    thread = Thread(rules).running("T").sees("session.state.changed", state=said)
    assert thread.session == ("running", "T", None)
    assert (thread.last.rule, thread.last.applied) == ("R6", False)


def test_r6_the_newest_build_stays_starting_while_a_start_is_pending() -> None:
    thread = Thread("shipped-0.0.33").asked().told("starting")
    thread.sees("session.state.changed", state="ready")
    assert thread.session == ("starting", None, None)
    assert thread.state.pending is not None


@pytest.mark.parametrize("rules", ALL[:-1])
def test_r6_other_builds_become_ready_while_a_start_is_pending(rules: str) -> None:
    thread = Thread(rules).asked().told("starting").sees("session.state.changed", state="ready")
    assert thread.session == ("ready", None, None)
    assert thread.state.pending is not None


# --- R7 session.started, thread.started ----------------------------------------------------------------------


@pytest.mark.parametrize("rules", ALL)
@pytest.mark.parametrize("kind", ["session.started", "thread.started"])
def test_r7_a_started_provider_is_ready_or_runs_the_active_turn(rules: str, kind: str) -> None:
    assert Thread(rules).sees(kind).session == ("ready", None, None)
    assert Thread(rules).told("starting", "T").sees(kind).session == ("running", "T", None)


@pytest.mark.parametrize("kind", ["session.started", "thread.started"])
def test_r7_the_newest_build_stays_starting_while_a_start_is_pending(kind: str) -> None:
    held = Thread("shipped-0.0.33").asked().told("starting", error="e").sees(kind)
    assert held.session == ("starting", None, "e")
    assert Thread("shipped-0.0.33").told("starting").sees(kind).session[0] == "ready"
    assert Thread("shipped-0.0.33").asked().told("ready").sees(kind).session[0] == "ready"


@pytest.mark.parametrize("rules", ALL)
def test_r7_the_provider_is_told_from_the_event(rules: str) -> None:
    thread = Thread(rules).sees("session.started", provider="codex").sees("session.exited")
    assert thread.state.session is not None
    assert thread.state.session.provider == "codex"


# --- R8 session.exited ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", ALL)
def test_r8_an_exited_session_is_stopped_and_keeps_its_error(rules: str) -> None:
    thread = Thread(rules).told("running", "T", "earlier").sees("session.exited", reason="gone")
    assert thread.session == ("stopped", None, "earlier")
    assert thread.last.rule == "R8"


# --- R9 runtime.error ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", ALL)
@pytest.mark.parametrize("named", ["T", None])
def test_r9_an_error_of_the_active_turn_or_of_none_fails_the_session(rules: str, named: str | None) -> None:
    thread = Thread(rules).running("T").sees("runtime.error", named, message="it broke")
    assert thread.session == ("error", named, "it broke")
    assert thread.is_("T") == ("running" if rules == "shipped-0.0.23" else "error")


@pytest.mark.parametrize("rules", ALL)
def test_r9_an_error_while_no_turn_is_active_fails_the_session(rules: str) -> None:
    assert Thread(rules).sees("runtime.error", "T", message="m").session == ("error", "T", "m")
    assert Thread(rules).sees("runtime.error").session[2] == "Provider runtime error"


@pytest.mark.parametrize("rules", ALL)
def test_r9_an_error_of_another_turn_is_ignored(rules: str) -> None:
    thread = Thread(rules).running("T").sees("runtime.error", "U", message="it broke")
    assert thread.session == ("running", "T", None)
    assert (thread.last.rule, thread.last.applied) == ("R9", False)


# --- R10 the session leaves running --------------------------------------------------------------------------


@pytest.mark.parametrize("rules", SETTLING)
@pytest.mark.parametrize(
    ("status", "turn", "turn_shipped"),
    [
        ("error", "error", "error"),
        ("stopped", "interrupted", "interrupted"),
        ("interrupted", "interrupted", "interrupted"),
        ("ready", "interrupted", "completed"),
        ("idle", "interrupted", "completed"),
    ],
)
def test_r10_a_session_that_is_no_longer_live_settles_its_turn(
    rules: str, status: str, turn: str, turn_shipped: str
) -> None:
    thread = Thread(rules).running("T").told(status, error="why")
    assert thread.is_("T") == (turn if rules == "settle" else turn_shipped)
    assert thread.turn("T").settled is Settled.SESSION
    assert thread.turn("T").completed_at == thread.now
    assert thread.turn("T").error == ("why" if status == "error" else None)
    assert thread.last.settled == ("T",)


@pytest.mark.parametrize("status", ["error", "stopped", "interrupted", "ready", "idle"])
def test_r10_the_oldest_build_never_settles_a_turn_by_its_session(status: str) -> None:
    thread = Thread("shipped-0.0.23").running("T").told(status)
    assert thread.is_("T") == "running"


@pytest.mark.parametrize("rules", ALL)
@pytest.mark.parametrize("status", ["starting", "running"])
def test_r10_a_session_that_is_still_live_settles_nothing(rules: str, status: str) -> None:
    assert Thread(rules).running("T").told(status).is_("T") == "running"


def test_r10_the_turn_is_settled_at_the_time_that_the_session_was_updated() -> None:
    session = {"status": "stopped", "updatedAt": "1970-01-01T00:01:00.000Z"}
    thread = Thread("settle").running("T").sees("thread.session-set", session=session)
    assert thread.turn("T").completed_at == 60_000_000
    assert thread.state.session is not None
    assert thread.state.session.updated_at == 60_000_000


def test_r10_a_turn_keeps_the_outcome_that_its_own_end_just_gave() -> None:
    thread = Thread("settle").running("T").sees("turn.completed", "T", state="interrupted")
    assert thread.session[0] == "ready"
    assert thread.is_("T") == "interrupted"
    thread.told("error", error="later")
    assert thread.is_("T") == "interrupted"


@pytest.mark.parametrize("rules", ["settle", "shipped-0.0.29", "shipped-0.0.33"])
@pytest.mark.parametrize("status", ["error", "stopped", "interrupted"])
def test_a_session_that_failed_or_stopped_deletes_the_start_that_waits(rules: str, status: str) -> None:
    assert Thread(rules).asked().told(status).state.pending is None


@pytest.mark.parametrize("rules", ["shipped-0.0.23", "shipped-0.0.28"])
@pytest.mark.parametrize("status", ["error", "stopped", "interrupted"])
def test_older_builds_keep_the_start_that_waits(rules: str, status: str) -> None:
    assert Thread(rules).asked().told(status).state.pending is not None


@pytest.mark.parametrize("rules", ALL)
@pytest.mark.parametrize("status", ["ready", "idle", "starting"])
def test_a_session_that_is_well_keeps_the_start_that_waits(rules: str, status: str) -> None:
    assert Thread(rules).asked().told(status).state.pending is not None


# --- R13 last_error ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", ALL)
def test_r13_the_last_error_is_cleared_when_the_session_is_ready_and_kept_otherwise(
    rules: str,
) -> None:
    def after(said: str) -> str | None:
        thread = Thread(rules).told("error", error="earlier")
        return thread.sees("session.state.changed", state=said).session[2]

    assert after("ready") is None
    for said in ("starting", "running", "stopped", "interrupted"):
        assert after(said) == "earlier", said


@pytest.mark.parametrize("rules", SHIPPED)
def test_an_interrupted_turn_runs_again_when_a_released_server_runs_its_session_on_it(
    rules: str,
) -> None:
    thread = Thread(rules).running("T").sees("thread.turn-interrupt-requested", "T")
    assert thread.is_("T") == "interrupted"
    thread.sees("session.started")
    assert (thread.session[:2], thread.is_("T")) == (("running", "T"), "running")


def test_an_interrupted_turn_stays_so_under_the_reference_when_the_session_runs_on_it() -> None:
    thread = Thread("settle").running("T").told("interrupted").told("running", "T")
    assert thread.session[:2] == ("running", "T")
    assert thread.is_("T") == "interrupted"
