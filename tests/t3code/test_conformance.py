"""Replaying a recorded log gives, event by event, the sessions that the server of that build stored."""

from __future__ import annotations

import pytest

from t3lens.t3code.v1.lifecycle.interleave import interleave
from t3lens.t3code.v1.lifecycle.reducer import replay
from t3lens.t3code.v1.rules import profile
from tests.recordings import PROFILE_OF_BUILD, Recording, needs_recordings, recordings
from tests.t3code.conformance import conformance

pytestmark = needs_recordings


@pytest.mark.parametrize(("build", "profile"), PROFILE_OF_BUILD.items())
def test_every_stored_session_is_foretold_under_the_rules_of_its_build(build: str, profile: str) -> None:
    found = conformance()
    assert found.total(build, profile) > 100, "hardly anything was compared"
    assert [str(each) for each in found.differed.get((build, profile), [])] == []


def test_the_rules_of_older_builds_do_not_foretell_the_newest_build() -> None:
    found = conformance()
    for other in ("settle", "shipped-0.0.23", "shipped-0.0.28", "shipped-0.0.29"):
        assert found.differed[("0.0.33", other)], f"{other} cannot be told from shipped-0.0.33"


def test_a_session_without_its_log_line_is_only_what_a_kill_took_from_the_newest_build() -> None:
    lost = conformance().without_line
    assert (lost["0.0.23"], lost["0.0.28"]) == (0, 0)
    assert 0 < lost["0.0.33"] < 50


def test_only_what_a_clean_shutdown_lost_was_logged_without_setting_the_session() -> None:
    """The other direction: nothing is foretold that the server did not store, but one abort at shutdown."""
    unanswered = conformance().unanswered
    assert {each.home.split("/")[1] for each in unanswered} == {"14-sigterm"}
    assert {(each.type, each.foretold[2]) for each in unanswered} == {("turn.completed", "Aborted")}


def _ends(home: Recording, rules: str) -> tuple[bool, bool]:
    """Whether replaying the home's logs ends in the stored sessions, and in the stored states of turns."""
    rows = {row["thread_id"]: row for row in home.rows("projection_thread_sessions")}
    turns = home.rows("projection_turns")
    same_sessions = same_turns = True
    for thread_id in home.threads:
        merged = interleave(home.canonical.get(thread_id, []), home.stored[thread_id])
        state = replay(merged, profile(rules))
        row = rows.get(thread_id)
        stored = row and (row["status"], row["active_turn_id"], row["last_error"])
        foretold = state.session and (state.status, state.active_turn_id, state.last_error)
        same_sessions &= foretold == stored
        mine = [each for each in turns if each["thread_id"] == thread_id]
        states = {each["turn_id"]: each["state"] for each in mine if each["turn_id"]}
        waits = any(each["turn_id"] is None for each in mine)
        same_turns &= states == {key: str(turn.state) for key, turn in state.turns.items()}
        same_turns &= waits == (state.pending is not None)
    return same_sessions, same_turns


def test_the_replayed_log_ends_in_the_stored_sessions_and_turns_but_where_the_server_lost_an_event() -> None:
    ends = {home.name: _ends(home, PROFILE_OF_BUILD[home.build]) for home in recordings()}
    assert len(ends) > 200
    assert {name for name, same in ends.items() if same != (True, True)} == {
        "0.0.23/14-sigterm/1-after-sigterm",
        "0.0.23/14-sigterm/2-after-restart-65s",
        "0.0.33/14-sigterm/1-after-sigterm",
    }


def test_the_reference_ends_in_the_stored_session_but_where_a_session_was_lost_or_stuck() -> None:
    ends = {home.name: _ends(home, "settle")[0] for home in recordings()}
    assert {name for name, same in ends.items() if not same} == {
        "0.0.23/12-steering/1-both-sent",  # that build ignores the turn that steering opens
        "0.0.23/12-steering/2-live",
        "0.0.23/14-sigterm/1-after-sigterm",  # the abort at shutdown was logged and never ingested
        "0.0.23/14-sigterm/2-after-restart-65s",
        "0.0.33/14-sigterm/1-after-sigterm",
    }
