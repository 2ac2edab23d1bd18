"""Time travel: the state of a thread after any event and at any time, without replaying from the start.

A long thread has a hundred thousand events; keeping each state apart would keep a hundred thousand states. Kept
are every transition and every so-many-th state; what lies between is replayed on demand, at most that many events.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from t3lens.domain.event import Event
from t3lens.domain.state import EMPTY, ThreadState, Transition
from t3lens.t3code.v1.lifecycle.reducer import reduce, replay
from t3lens.t3code.v1.lifecycle.steps import Step
from t3lens.t3code.v1.rules import Rules
from t3lens.time import Micros

__all__ = ["History"]


class History:
    """One thread under one profile, from its first event to its newest.

    Args:
        events: The thread's events in the order of ``t3lens.t3code.v1.lifecycle.interleave``.
        rules: The profile to judge by.
        every: Events between two kept states; the most that one look costs.

    Raises:
        ValueError: ``every`` is not positive.
    """

    def __init__(self, events: Iterable[Event], rules: Rules, *, every: int = 256) -> None:
        if every < 1:
            raise ValueError(f"every must be at least 1, not {every}")
        self.rules = rules
        self._every = every
        self._events: list[Event] = []
        self._transitions: list[Transition] = []
        self._known_at: list[Micros] = []
        self._kept: list[ThreadState] = [EMPTY]
        self._final = EMPTY
        self.extend(events)

    def extend(self, events: Iterable[Event]) -> None:
        """Go on with newer events; what was known before stays as it is."""
        state = self._final
        known_at = self._known_at[-1] if self._known_at else None
        for event in events:
            state, transition = reduce(state, event, self.rules)
            known_at = event.at if known_at is None else max(known_at, event.at)
            self._events.append(event)
            self._transitions.append(transition)
            self._known_at.append(known_at)
            if len(self._events) % self._every == 0:
                self._kept.append(state)
        self._final = state

    def __len__(self) -> int:
        """How many events there are."""
        return len(self._events)

    def __repr__(self) -> str:
        return f"<History of {len(self)} events under {self.rules.name}: {self._final.status}>"

    @property
    def events(self) -> Sequence[Event]:
        """The events, in order."""
        return self._events

    @property
    def transitions(self) -> Sequence[Transition]:
        """One transition per event."""
        return self._transitions

    @property
    def final(self) -> ThreadState:
        """The state after the newest event."""
        return self._final

    def state_after(self, count: int) -> ThreadState:
        """The state after the first ``count`` events.

        Raises:
            IndexError: There are fewer events, or ``count`` is negative.
        """
        if not 0 <= count <= len(self._events):
            raise IndexError(f"there is no state after {count} of {len(self._events)} events")
        if count == len(self._events):
            return self._final
        kept = count // self._every
        return replay(self._events[kept * self._every : count], self.rules, self._kept[kept])

    def step(self, index: int) -> Step:
        """The state after the event at ``index`` (negative: from the end) and the transition that it made.

        Raises:
            IndexError: There is no such event.
        """
        transition = self._transitions[index]
        return self.state_after(index % len(self._events) + 1), transition

    def count_at(self, at: Micros) -> int:
        """How many events had happened at a time, microseconds UTC.

        Stored events carry the time of the command that caused them, so times go backwards; an event counts as
        soon as it and every event before it had happened.
        """
        return bisect_right(self._known_at, at)

    def state_at(self, at: Micros) -> ThreadState:
        """The state at a time, microseconds UTC; ``EMPTY`` before the first event."""
        return self.state_after(self.count_at(at))
