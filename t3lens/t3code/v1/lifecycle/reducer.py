"""The lifecycle reducer: ``reduce(state, event, rules) -> (state, Transition)``.

Pure: it reads no clock, no file and no database, and never raises on any JSON shape. Rule ids ``R1`` … ``R14``
are those of the lifecycle rules; ``W`` marks a session that T3 Code itself wrote (a reactor, a client or the
startup reconcile), which is an input here and not a consequence of provider events.

    R1  turn.started            R5  terminal, no active turn    R9   runtime.error
    R2  turn.completed          R6  session.state.changed       R10  session leaves running (part of others)
    R3  turn.aborted            R7  session/thread.started      R11  reconcile
    R4  terminal of another     R8  session.exited              R12  stop     R13 last_error     R14 the rest
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from t3lens.domain.event import Event
from t3lens.domain.state import EMPTY, ThreadState
from t3lens.t3code.v1.lifecycle.provider_rules import PROVIDER_RULES
from t3lens.t3code.v1.lifecycle.server_rules import SERVER_RULES
from t3lens.t3code.v1.lifecycle.steps import Rule, Step, activity, ignored
from t3lens.t3code.v1.lifecycle.tracking import TRACKERS, Tracker, noted
from t3lens.t3code.v1.rules import Rules

__all__ = ["reduce", "replay", "transitions"]

_RULES: Final[dict[str, Rule]] = {**PROVIDER_RULES, **SERVER_RULES}

_HANDLED: Final[dict[str, tuple[Tracker, Rule]]] = {
    kind: (TRACKERS.get(kind, noted), _RULES.get(kind, activity)) for kind in TRACKERS | _RULES
}
"""What an event of a type opens or closes, and what it does; any other is mere activity."""

_ACTIVITY: Final[tuple[Tracker, Rule]] = (noted, activity)


def reduce(state: ThreadState, event: Event, rules: Rules) -> Step:
    """The state after ``event``, and the transition that tells which rule decided and why.

    Args:
        state: The thread before; ``EMPTY`` at first.
        event: What happened. Events of a thread come in the order of ``t3lens.t3code.v1.lifecycle.interleave``; one whose id
            the state has seen changes nothing.
        rules: The profile to judge by.

    Returns:
        The new state (the old one is untouched) and exactly one transition.
    """
    seen = state.seen.plus(event.event_id)
    if seen is None:
        why = f"{event.type} {event.event_id} was seen before: nothing changes"
        state, tell = ignored(state, event, "R14", why)
    else:
        track, rule = _HANDLED.get(event.type, _ACTIVITY)
        state, tell = rule(track(state, event, seen), event, rules)
    return state, tell()


def transitions(events: Iterable[Event], rules: Rules, state: ThreadState = EMPTY) -> Iterator[Step]:
    """Replay: every state and transition in turn.

    Args:
        events: One thread's events in order.
        rules: The profile to judge by.
        state: Where to begin.

    Yields:
        The state after each event, with its transition.
    """
    for event in events:
        step = reduce(state, event, rules)
        state = step[0]
        yield step


def replay(events: Iterable[Event], rules: Rules, state: ThreadState = EMPTY) -> ThreadState:
    """The state after all of ``events``, the same as after the last of ``transitions``.

    Nobody is told of the steps: what is mere activity needs none, and which ids were seen is noted once.
    """
    before = state.seen
    seen: dict[str, None] = {}
    anything = len(before) > 0
    for event in events:
        event_id = event.event_id
        if event_id:  # as of ``reduce``: one that was seen changes nothing
            if event_id in seen or (anything and event_id in before):
                continue
            seen[event_id] = None
        track, rule = _HANDLED.get(event.type, _ACTIVITY)
        state = track(state, event, before)
        if rule is not activity:
            state = rule(state, event, rules)[0]
    return replace(state, seen=before.with_new(seen)) if seen else state
