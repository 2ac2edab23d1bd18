"""Stored rows against the rows that their own events make: where a projector, or a hand, went another way."""

from __future__ import annotations

import msgspec

from t3lens.diagnose.facts import ThreadFacts, TurnRow
from t3lens.diagnose.wording import short
from t3lens.domain.event import Event
from t3lens.t3code.v1.event_types import SESSION_SET, TURN_START_REQUESTED
from t3lens.t3code.v1.lifecycle import projection
from t3lens.t3code.v1.lifecycle.projection import ProjectedThread, project
from t3lens.t3code.v1.rules import Rules
from t3lens.t3code.v1.schema import PROJECTION_THREAD_SESSIONS, PROJECTION_TURNS

__all__ = ["Difference", "differences"]


class Difference(msgspec.Struct, frozen=True):
    """One row that is not what its events make of it.

    Attributes:
        table: Its table.
        key: Its primary key.
        sentence: What differs, with both values.
        turn_id: The turn concerned, if any.
        event: The last event that should have written it, if one is known.
    """

    table: str
    key: str
    sentence: str
    turn_id: str | None
    event: Event | None

    @property
    def in_short(self) -> str:
        """The sentence with the turn's id cut to its beginning."""
        return self.sentence.replace(self.turn_id, short(self.turn_id)) if self.turn_id else self.sentence


def differences(facts: ThreadFacts, rules: Rules) -> list[Difference]:
    """Compare a thread's stored session and turns with those rebuilt from its stored events.

    Only what decides how a thread is shown is compared: status, active turn, turn states and the pending start.
    """
    if not facts.stored:
        return []
    rebuilt = project(facts.stored, rules, dated=False)
    return [*_session(facts, rebuilt), *_turns(facts, rebuilt)]


def _session(facts: ThreadFacts, rebuilt: ProjectedThread) -> list[Difference]:
    stored, made = facts.session, rebuilt.session
    if stored is None and made is None:
        return []
    was = (stored.status, stored.active_turn_id) if stored else None
    should = (made.status, made.active_turn_id) if made else None
    if was == should:
        return []
    event = next((e for e in reversed(facts.stored) if e.type == SESSION_SET), None)
    sentence = f"the session is stored as {_say(was)}, its events make it {_say(should)}"
    turn_id = stored.active_turn_id if stored else None
    return [Difference(PROJECTION_THREAD_SESSIONS, facts.thread_id, sentence, turn_id, event)]


def _say(pair: tuple[str, str | None] | None) -> str:
    return f"{pair[0]} (active turn {pair[1] or 'none'})" if pair else "absent"


def _turns(facts: ThreadFacts, rebuilt: ProjectedThread) -> list[Difference]:
    found: list[Difference] = []
    stored = {turn.turn_id: turn for turn in facts.turns if turn.turn_id is not None}
    for turn_id in dict.fromkeys([*stored, *rebuilt.turns]):
        was, made = stored.get(turn_id), rebuilt.turns.get(turn_id)
        if (was.state if was else None) == (made.state if made else None):
            continue
        sentence = f"turn {turn_id} is stored as {_state(was)}, its events make it {_state(made)}"
        event = next((e for e in reversed(facts.stored) if _names(e, turn_id)), None)
        found.append(Difference(PROJECTION_TURNS, str(was.row_id if was else turn_id), sentence, turn_id, event))
    if (facts.pending is None) != (rebuilt.pending is None):
        sentence = f"a pending start is {'absent' if facts.pending is None else 'stored'}, its events say otherwise"
        event = next((e for e in reversed(facts.stored) if e.type == TURN_START_REQUESTED), None)
        found.append(Difference(PROJECTION_TURNS, facts.thread_id, sentence, None, event))
    return found


def _state(row: TurnRow | projection.ProjectedTurn | None) -> str:
    return row.state if row else "absent"


def _names(event: Event, turn_id: str | None) -> bool:
    session = event.payload.get("session")
    return event.turn_id == turn_id or (isinstance(session, dict) and session.get("activeTurnId") == turn_id)
