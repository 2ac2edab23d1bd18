"""Time travel and what-if: a thread as it was at a moment, and as it would be under other rules."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import msgspec

from t3lens.counted import counted
from t3lens.diagnose.case import Case
from t3lens.diagnose.diagnosis import ThreadDiagnosis
from t3lens.diagnose.facts import SessionRow
from t3lens.diagnose.past import happened_by, session_then
from t3lens.diagnose.queries import Until
from t3lens.diagnose.replays import Replay, replay_thread
from t3lens.diagnose.v2.case import SecondCase
from t3lens.domain.event import Event
from t3lens.domain.state import ThreadState, Transition
from t3lens.errors import UsageError
from t3lens.t3code.rule_names import rule_words
from t3lens.t3code.v1.rules import REFERENCE
from t3lens.time import Micros, iso, to_datetime

__all__ = ["Comparison", "PastState", "compare_replays", "past_sessions", "past_state", "state_after"]


class PastState(msgspec.Struct, frozen=True):
    """A thread at a moment.

    Attributes:
        home_id: Its home.
        thread_id: Its id.
        at: The moment, microseconds UTC.
        expected: The state by the reference rules.
        stored: The session as it was stored then; None before the first, and without a database.
        last: The newest event up to then, as the transition it made; None before the first.
        step: How many events were replayed.
    """

    home_id: str
    thread_id: str
    at: Micros
    expected: ThreadState
    stored: SessionRow | None
    last: Transition | None
    step: int

    def to_row(self) -> dict[str, Any]:
        """As a flat row, for a DataFrame."""
        stored = self.stored
        return {
            "home_id": self.home_id,
            "thread_id": self.thread_id,
            "as_of": to_datetime(self.at),
            "status": stored.status if stored is not None else None,
            "active_turn_id": stored.active_turn_id if stored is not None else None,
            "last_error": stored.last_error if stored is not None else None,
            "expected_status": self.expected.status.value if self.expected.status else None,
            "expected_active_turn_id": self.expected.active_turn_id,
            "expected_last_error": self.expected.last_error,
            "running_turns": len(self.expected.running),
            "open_requests": len(self.expected.requests),
        }

    def __repr__(self) -> str:
        row = self.to_row()
        lines = [f"thread {self.thread_id} at {iso(self.at)} ({counted(self.step, 'event')})"]
        lines.append(f"  stored    {_standing(row['status'], row['active_turn_id'])}")
        lines.append(f"  expected  {_standing(row['expected_status'], row['expected_active_turn_id'])}")
        for turn in self.expected.turns.values():
            lines.append(f"  turn {turn.turn_id}: {turn.state}")
        if self.last is not None:
            lines.append(f"  last: {self.last.why} [{rule_words(self.last.rule)}]")
        return "\n".join(lines)


def _standing(status: object, active_turn_id: object) -> str:
    return f"{status}, active turn {active_turn_id or 'none'}" if status else "no session"


def past_state(thread: ThreadDiagnosis, at: Micros, until: Until | None) -> PastState:
    """A thread as it was at a moment: what ``--as-of`` says of it, without reading it again.

    Args:
        thread: Its diagnosis.
        at: The moment, microseconds UTC.
        until: Which of its home's records are those up to the moment; see ``t3lens.diagnose.until_of``.
    """
    case = thread.case
    if isinstance(case, SecondCase):
        return _state_after(thread, bisect_right(case.replays.reached, at), at)
    replay, step = _replayed_by(case, until)
    return _state(thread, replay, step, at, session_then(case.facts, until, case.context.first_rules))


def past_sessions(case: Case, until: Until | None) -> tuple[ThreadState, SessionRow | None]:
    """The expected state and the stored session of ``past_state``, of a thread of the first data model.

    Args:
        case: The thread.
        until: Which of its home's records are those up to the moment.
    """
    replay, step = _replayed_by(case, until)
    return replay.state_after(step), session_then(case.facts, until, case.context.first_rules)


def _replayed_by(case: Case, until: Until | None) -> tuple[Replay, int]:
    """A replay, and how many of its events had happened by a moment."""
    replay = case.replays.expected
    then = happened_by(case.facts, replay.events, until)
    step = len(then)
    if step and replay.events[step - 1] is not then[-1]:  # what was logged by then was not the beginning of the replay
        replay = replay_thread(then, REFERENCE)
    return replay, step


def state_after(thread: ThreadDiagnosis, number: int) -> PastState:
    """A thread after the first ``number`` of its events; negative counts from the end.

    Args:
        thread: Its diagnosis.
        number: How many events.

    Raises:
        UsageError: There are fewer events.
    """
    reached = thread.case.replays.reached
    step = number if number >= 0 else len(reached) + number
    if not 0 <= step <= len(reached):
        raise UsageError(
            f"thread {thread.thread_id} has {len(reached)} events, not {number}",
            code="no-such-step",
        )
    return _state_after(thread, step, reached[step - 1] if step else 0)


def _state_after(thread: ThreadDiagnosis, step: int, at: Micros) -> PastState:
    case = thread.case
    return _state(thread, case.replays.expected, step, at, case.session_at(step, at))


def _state(thread: ThreadDiagnosis, replay: Replay, step: int, at: Micros, stored: SessionRow | None) -> PastState:
    return PastState(
        home_id=thread.home_id,
        thread_id=thread.thread_id,
        at=at,
        expected=replay.state_after(step),
        stored=stored,
        last=replay.transition_at(step) if step else None,
        step=step,
    )


class Comparison(msgspec.Struct, frozen=True):
    """One log under two sets of rules.

    Attributes:
        thread_id: The thread.
        rules: The names of the two.
        same: Whether session and turns end the same.
        fork: The first event after which session or active turn differ; None if they never do.
        why: What either profile says of that event.
        before: How the first profile ends: status, active turn, turn states.
        after: How the second does.
    """

    thread_id: str
    rules: tuple[str, str]
    same: bool
    fork: Event | None
    why: tuple[str, str]
    before: dict[str, Any]
    after: dict[str, Any]

    def __repr__(self) -> str:
        if self.same and self.fork is None:
            return f"thread {self.thread_id}: {self.rules[0]} and {self.rules[1]} agree"
        lines = [f"thread {self.thread_id}: {self.rules[0]} and {self.rules[1]} {'meet again' if self.same else 'differ'}"]
        if self.fork is not None:
            lines.append(f"  fork at {iso(self.fork.at)}: {self.fork.type} {self.fork.event_id}")
            lines += [f"    {name}: {why}" for name, why in zip(self.rules, self.why, strict=True)]
        for name, end in zip(self.rules, (self.before, self.after), strict=True):
            lines.append(f"  {name} ends {_standing(end['status'], end['active_turn_id'])}, turns {end['turns']}")
        return "\n".join(lines)


def compare_replays(thread_id: str, first: Replay, second: Replay) -> Comparison:
    """Where two replays of the same events fork, and how they end.

    Args:
        thread_id: The thread.
        first: Under the rules of its build, usually.
        second: Under other rules.
    """
    fork: Event | None = None
    why = ("", "")
    pairs = zip(
        first.events,
        first.states,
        second.states,
        first.transitions,
        second.transitions,
        strict=True,
    )
    for event, a, b, step_a, step_b in pairs:
        if _pair(a) != _pair(b):
            fork, why = event, (step_a.why, step_b.why)
            break
    before, after = _end(first.final), _end(second.final)
    return Comparison(
        thread_id=thread_id,
        rules=(first.rules.name, second.rules.name),
        same=before == after,
        fork=fork,
        why=why,
        before=before,
        after=after,
    )


def _pair(state: ThreadState) -> tuple[object, object, object]:
    return (
        state.status,
        state.active_turn_id,
        {key: turn.state for key, turn in state.turns.items()},
    )


def _end(state: ThreadState) -> dict[str, Any]:
    return {
        "status": state.status.value if state.status else None,
        "active_turn_id": state.active_turn_id,
        "turns": {key: turn.state.value for key, turn in state.turns.items()},
    }
