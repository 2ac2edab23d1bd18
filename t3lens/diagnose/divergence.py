"""Where stored and expected part: the first event after which the two never agree again."""

from __future__ import annotations

from collections.abc import Sequence

from t3lens.diagnose.replays import Replay
from t3lens.domain.event import Event

__all__ = ["fork", "parting"]


def parting(replay: Replay, session_sets: Sequence[Event]) -> Event | None:
    """The first event after which the stored session and the replayed one differ for good.

    Args:
        replay: The thread under the reference rules.
        session_sets: Its stored ``thread.session-set`` events by sequence.

    Returns:
        The event, or None if they agree at the end.
    """
    found: Event | None = None
    limit: int | None = None
    index = len(session_sets)
    for event, state in zip(reversed(replay.events), reversed(replay.states), strict=True):
        while index and limit is not None and (session_sets[index - 1].sequence or 0) >= limit:
            index -= 1
        stored = session_sets[index - 1].payload.get("session") if index else None
        pair = (stored.get("status"), stored.get("activeTurnId")) if isinstance(stored, dict) else (None, None)
        if pair == (state.status, state.active_turn_id):
            break
        found = event
        if event.sequence is not None:
            limit = event.sequence
    return found


def fork(first: Replay, second: Replay) -> Event | None:
    """The first event after which two replays of the same events never show the same again; None if they end alike.

    Args:
        first: The thread under one profile.
        second: The same events under another.
    """
    found: Event | None = None
    for event, one, other in zip(reversed(first.events), reversed(first.states), reversed(second.states), strict=True):
        if (one.status, one.active_turn_id) == (other.status, other.active_turn_id):
            break
        found = event
    return found
