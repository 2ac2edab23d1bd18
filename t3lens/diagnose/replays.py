"""Replay of one thread under the reference and under the rules of the build that wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate, chain, islice
from typing import Final

from t3lens.diagnose.facts import ThreadFacts
from t3lens.diagnose.once import once
from t3lens.diagnose.time_limit import in_time
from t3lens.domain.event import Event
from t3lens.domain.state import EMPTY, ThreadState, Transition
from t3lens.t3code.v1.event_types import (
    SESSION_STARTED,
    THREAD_STARTED,
    TURN_START_REQUESTED,
    TURN_STARTED,
)
from t3lens.t3code.v1.lifecycle.interleave import interleave
from t3lens.t3code.v1.lifecycle.reducer import reduce, replay, transitions
from t3lens.t3code.v1.rules import REFERENCE, Rules
from t3lens.t3code.v2.rules import SecondRules
from t3lens.time import Micros

__all__ = ["Replay", "Replays", "replay_thread", "replays"]


_KEPT_EVERY: Final = 256
"""Events between two states that are kept of a long thread: the most that one look into it replays."""


class Replay:
    """One thread under one profile.

    A long thread has a hundred thousand events, so not every state is kept for who looks at single ones.

    Attributes:
        rules: The profile.
        events: The events in the order they were replayed.
        final: The state after the last event.
    """

    __slots__ = ("_go_on", "_kept", "_states", "_step_by_step", "_transitions", "events", "final", "rules")

    def __init__(
        self,
        rules: Rules | SecondRules,
        events: Sequence[Event],
        final: ThreadState,
        step_by_step: Callable[[], Iterable[tuple[ThreadState, Transition]]],
        go_on: Callable[[Sequence[Event], ThreadState], ThreadState] | None = None,
    ) -> None:
        self.rules = rules
        self.events = events
        self.final = final
        self._step_by_step = step_by_step
        self._go_on = go_on
        self._kept: Sequence[ThreadState] = ()
        self._transitions: Sequence[Transition] | None = None
        self._states: Sequence[ThreadState] | None = None

    def state_after(self, number: int) -> ThreadState:
        """The state after the first events.

        Args:
            number: How many; not more than there are.
        """
        if number == len(self.events):
            return self.final
        if self._go_on is None or self._states is not None:
            return self.states[number - 1] if number else EMPTY
        if not self._kept:
            steps = chain((EMPTY,), (state for state, _ in self._step_by_step()))
            self._kept = list(islice(steps, 0, None, _KEPT_EVERY))
        kept, further = divmod(number, _KEPT_EVERY)
        return self._go_on(self.events[number - further : number], self._kept[kept])

    def transition_at(self, number: int) -> Transition:
        """The transition that an event made.

        Args:
            number: Which, counted from 1.
        """
        if not isinstance(self.rules, Rules):
            return self.transitions[number - 1]
        return reduce(self.state_after(number - 1), self.events[number - 1], self.rules)[1]

    @property
    def transitions(self) -> Sequence[Transition]:
        """One per event; made when first asked for, as of most threads only the last state is looked at."""
        if self._transitions is None:
            self._transitions = [step for _, step in self._step_by_step()]
        return self._transitions

    @property
    def states(self) -> Sequence[ThreadState]:
        """The state after each event; made when first asked for."""
        if self._states is None:
            self._states = [state for state, _ in self._step_by_step()]
        return self._states


class Replays:
    """A thread under the reference and, when asked for, under the rules of the build that wrote it.

    Attributes:
        expected: Under the reference.
    """

    def __init__(self, events: Sequence[Event], rules: Rules) -> None:
        self._rules = rules
        self.expected = replay_thread(events, REFERENCE)

    @once
    def shipped(self) -> Replay:
        """Under the rules of its build."""
        if self._rules is REFERENCE:
            return self.expected
        return replay_thread(self.expected.events, self._rules)

    @once
    def reached(self) -> Sequence[Micros]:
        """When each event had been reached, microseconds UTC: stored times go backwards, the order of truth does not."""
        return list(accumulate((event.at for event in self.expected.events), max))

    @property
    def known(self) -> tuple[Replay, ...]:
        """The replays that were made."""
        if "shipped" not in self.__dict__ or self.shipped is self.expected:
            return (self.expected,)
        return (self.expected, self.shipped)


def replay_thread(events: Sequence[Event], rules: Rules) -> Replay:
    """Replay merged events under one profile."""
    final = replay(in_time(events), rules)
    return Replay(
        rules, events, final, partial(_step_by_step, events, rules), lambda more, state: replay(more, rules, state)
    )


def _step_by_step(events: Sequence[Event], rules: Rules) -> Iterator[tuple[ThreadState, Transition]]:
    return in_time(transitions(events, rules))


def replays(facts: ThreadFacts, rules: Rules) -> Replays:
    """Merge a thread's log and event store, and replay them under the reference and under ``rules``."""
    if facts.stored:
        events = interleave(facts.canonical, facts.stored, facts.anchors)
    else:
        events = _with_inferred_starts(facts.canonical)
    return Replays(events, rules)


def _with_inferred_starts(canonical: Sequence[Event]) -> list[Event]:
    """A log without its event store: a turn that starts after the provider itself was started anew was asked for.

    Without that request a turn that a restart left open would make the reducer take every later one for auxiliary
    work.
    """
    events: list[Event] = []
    anew = False
    for event in canonical:
        if event.type in (SESSION_STARTED, THREAD_STARTED):
            anew = True
        elif event.type == TURN_STARTED:
            if anew:
                start = Event(
                    event_id=f"{event.event_id}:start",
                    type=TURN_START_REQUESTED,
                    at=event.at,
                )
                events.append(start)
            anew = False
        events.append(event)
    return events
