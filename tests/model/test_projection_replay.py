"""The rows that recorded servers stored are those that their stored events alone give, under their build's rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from t3lens.model import profile
from t3lens.model.projection import PROJECTED_TYPES, ProjectedThread, SessionRow, TurnRow, project
from t3lens.model.time import parse_iso
from tests.recordings import PROFILE_OF_BUILD, Recording, needs_recordings, recordings

pytestmark = needs_recordings

Row = dict[str, Any]

KEPT_A_PENDING_START = {
    "0.0.28/07-kill9-server/5-after-next-turn": (
        "sequence 18 sets the session stopped while the start of sequence 17 waits: from 0.0.29 that deletes "
        "the pending row, this build kept it and the turn of sequence 23 took it up"
    )
}
"""Where build 0.0.28 follows an older rule than ``shipped-0.0.29``; ``shipped-0.0.28`` gives the stored rows."""


def _typed(name: str, value: Any) -> Any:
    return parse_iso(value) if name.endswith("_at") and value is not None else value


def _stored_session(home: Recording, thread_id: str) -> Row | None:
    for row in home.rows("projection_thread_sessions"):
        if row["thread_id"] == thread_id:
            return {name: _typed(name, row.get(name)) for name in SessionRow.__struct_fields__}
    return None


def _stored_turns(home: Recording, thread_id: str) -> dict[str | None, Row]:
    turns: dict[str | None, Row] = {}
    for row in home.rows("projection_turns", order="row_id"):
        if row["thread_id"] == thread_id:
            fields = {name: _typed(name, row.get(name)) for name in TurnRow.__struct_fields__}
            fields["checkpoint_files"] = tuple(json.loads(row["checkpoint_files_json"]))
            assert row["turn_id"] not in turns, "a thread has one row per turn and one pending row"
            turns[row["turn_id"]] = fields
    return turns


def _row(row: SessionRow | TurnRow) -> Row:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _rebuilt_turns(thread: ProjectedThread) -> dict[str | None, Row]:
    turns: dict[str | None, Row] = {turn_id: _row(row) for turn_id, row in thread.turns.items()}
    if thread.pending is not None:
        turns[None] = _row(thread.pending)
    return turns


@pytest.mark.parametrize("home", recordings(), ids=lambda home: home.name)
def test_rows_rebuilt_from_events_equal_the_stored_rows(home: Recording) -> None:
    name = PROFILE_OF_BUILD[home.build]
    if home.name in KEPT_A_PENDING_START:
        name = "shipped-0.0.28"
    assert home.threads
    for thread_id in home.threads:
        rebuilt = project(home.stored[thread_id], profile(name))
        session = rebuilt.session and _row(rebuilt.session)
        assert session == _stored_session(home, thread_id)
        assert _rebuilt_turns(rebuilt) == _stored_turns(home, thread_id)


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
    stored = _stored_turns(home, thread_id)
    rebuilt = _rebuilt_turns(project(home.stored[thread_id], profile("shipped-0.0.29")))
    differing = {
        column
        for turn_id, row in stored.items()
        for column in row
        if row[column] != rebuilt[turn_id][column]
    }
    assert differing == {"pending_message_id", "requested_at", "started_at"}


def test_no_other_build_explains_the_rows_of_the_oldest() -> None:
    """Each build's own rules are needed: the next ones get rows wrong."""
    wrong = 0
    for home in recordings("0.0.23"):
        for thread_id in home.threads:
            rebuilt = project(home.stored[thread_id], profile("shipped-0.0.28"))
            wrong += _rebuilt_turns(rebuilt) != _stored_turns(home, thread_id)
    assert wrong > 5
