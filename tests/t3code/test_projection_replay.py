"""The rows that recorded servers stored are those that their stored events alone give, under their build's rules."""

from __future__ import annotations

import pytest

from t3lens.t3code.v1.lifecycle.projection import PROJECTED_TYPES, project
from t3lens.t3code.v1.rules import profile
from tests.recordings import PROFILE_OF_BUILD, Recording, needs_recordings, recordings
from tests.t3code.rebuilt import (
    agreement,
    rebuilt_rows,
    rebuilt_turns,
    stored_session,
    stored_turns,
)

pytestmark = needs_recordings

KEPT_A_PENDING_START = {
    "0.0.28/07-kill9-server/5-after-next-turn": (
        "sequence 18 sets the session stopped while the start of sequence 17 waits: from 0.0.29 that deletes "
        "the pending row, this build kept it and the turn of sequence 23 took it up"
    )
}
"""Where build 0.0.28 follows an older rule than ``shipped-0.0.29``; ``shipped-0.0.28`` gives the stored rows."""


@pytest.mark.parametrize("home", recordings(), ids=lambda home: home.name)
def test_rows_rebuilt_from_events_equal_the_stored_rows(home: Recording) -> None:
    name = PROFILE_OF_BUILD[home.build]
    if home.name in KEPT_A_PENDING_START:
        name = "shipped-0.0.28"
    assert home.threads
    for thread_id in home.threads:
        session, turns = rebuilt_rows(home, thread_id, profile(name))
        assert session == stored_session(home, thread_id)
        assert turns == stored_turns(home, thread_id)


@pytest.mark.parametrize("home", recordings(), ids=lambda home: home.name)
def test_only_the_named_event_types_matter(home: Recording) -> None:
    rules = profile(PROFILE_OF_BUILD[home.build])
    for events in home.stored.values():
        concerned = [event for event in events if event.type in PROJECTED_TYPES]
        assert len(concerned) < len(events)
        assert project(concerned, rules) == project(events, rules)


def test_the_one_exception_differs_only_in_the_start_that_was_kept() -> None:
    (home,) = [each for each in recordings("0.0.28") if each.name in KEPT_A_PENDING_START]
    (thread_id,) = home.threads
    stored = stored_turns(home, thread_id)
    rebuilt = rebuilt_turns(project(home.stored[thread_id], profile("shipped-0.0.29")))
    differing = {column for turn_id, row in stored.items() for column in row if row[column] != rebuilt[turn_id][column]}
    assert differing == {"pending_message_id", "requested_at", "started_at"}


def test_each_build_is_explained_by_its_own_rules_and_not_by_the_reference() -> None:
    for build, counts in agreement().items():
        excepted = sum(name.startswith(f"{build}/") for name in KEPT_A_PENDING_START)
        assert counts[PROFILE_OF_BUILD[build]] == counts[""] - excepted
        assert counts["settle"] < counts[PROFILE_OF_BUILD[build]]


def test_no_other_build_explains_the_rows_of_the_oldest() -> None:
    """Each build's own rules are needed: the next ones get rows wrong."""
    wrong = 0
    for home in recordings("0.0.23"):
        for thread_id in home.threads:
            rebuilt = project(home.stored[thread_id], profile("shipped-0.0.28"))
            wrong += rebuilt_turns(rebuilt) != stored_turns(home, thread_id)
    assert wrong > 5
