"""Replay of a thread of the second data model: its stored events, and what is known besides them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from t3lens.diagnose.context import Context
from t3lens.diagnose.replays import Replay, Replays
from t3lens.diagnose.time_limit import in_time
from t3lens.diagnose.v2.facts import SecondFacts
from t3lens.diagnose.v2.outbox import hung_effects
from t3lens.domain.event import Event
from t3lens.domain.state import EMPTY
from t3lens.t3code.v2.reducer import EFFECT_HUNG, SERVER_STARTED, transitions
from t3lens.t3code.v2.rules import REFERENCE, SecondRules

__all__ = ["SecondReplays", "replay_second", "second_replays"]


class SecondReplays(Replays):
    """A thread of the second data model under the reference and, when asked for, under the rules of its build."""

    def __init__(self, events: Sequence[Event], rules: SecondRules) -> None:
        self._second_rules = rules
        self.expected = replay_second(events, REFERENCE)

    @cached_property
    def shipped(self) -> Replay:
        """Under the rules of its build."""
        if self._second_rules is REFERENCE:
            return self.expected
        return replay_second(self.expected.events, self._second_rules)


def replay_second(events: Sequence[Event], rules: SecondRules) -> Replay:
    """Replay the events of a thread of the second data model under one profile, keeping every state."""
    pairs = [(state.thread, step) for state, step in in_time(transitions(events, rules))]
    return Replay(rules, events, pairs[-1][0] if pairs else EMPTY, lambda: pairs)


def second_replays(facts: SecondFacts, context: Context) -> SecondReplays:
    """Replay a thread, with a server's start and hung effects among its events."""
    rules = context.rules
    if not isinstance(rules, SecondRules):
        raise TypeError(f"{rules.name} are no rules of the second data model")
    events = [*facts.stored, *_events_not_stored(facts, context)]
    return SecondReplays(events, rules)


def _events_not_stored(facts: SecondFacts, context: Context) -> list[Event]:
    """What no stored event tells: both come after all that is stored of the run they end."""
    found = []
    started = context.server.started_at
    newest = facts.stored[-1].at if facts.stored else None
    if started is not None and facts.active is not None and context.began_after(newest):
        found.append(Event(event_id=f"start:{started}", type=SERVER_STARTED, at=started))
    for effect in hung_effects(facts, context):
        run_id = effect.run_id or (facts.active.run_id if facts.active else None)
        at = effect.lease_expires_at or effect.updated_at or context.as_of
        found.append(Event(event_id=f"hung:{effect.effect_id}", type=EFFECT_HUNG, at=at, turn_id=run_id))
    return sorted(found, key=lambda event: event.at)
