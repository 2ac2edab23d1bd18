"""One order for what two writers wrote: the provider log and the event store.

Events are interleaved **by sequence, never by time**: what the server writes carries the time of the command
that caused it, so stored times go backwards. A canonical event stands where its consequence
(``provider:<eventId>:…``) stands in the event store; the others keep their place in log order between those
anchors, and before every stored event that is stamped later than their log line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from t3lens.domain.event import Event
from t3lens.t3code.v1.event_types import REQUEST_TYPES, SESSION_SET, TURN_DIFF_COMPLETED
from t3lens.t3code.v1.writers import ingested_event_id

__all__ = ["anchors", "interleave", "is_input"]

_INPUT_TYPES = REQUEST_TYPES | {TURN_DIFF_COMPLETED}
_MAY_BE_INPUT = _INPUT_TYPES | {SESSION_SET}


def is_input(event: Event, logged: Collection[str]) -> bool:
    """Whether a stored event is an input to the replay rather than a consequence of a canonical event.

    Args:
        event: The stored event.
        logged: Ids of the canonical events that the log has. A session that ingestion wrote for an event the log
            lost (a kill takes the last second, rotation whole files) is taken as it was stored.
    """
    if event.type == SESSION_SET:
        event_id = ingested_event_id(event.command_id)
        return event_id is None or event_id not in logged
    return event.type in _INPUT_TYPES


def anchors(stored: Iterable[Event]) -> dict[str, int]:
    """First sequence that ingestion wrote for each canonical event id."""
    found: dict[str, int] = {}
    for event in stored:
        event_id = ingested_event_id(event.command_id)
        if event_id is not None and event.sequence is not None:
            found.setdefault(event_id, event.sequence)
    return found


def interleave(
    canonical: Sequence[Event], stored: Sequence[Event], anchored: Mapping[str, int] | None = None
) -> list[Event]:
    """One thread's events in the order in which the server met them.

    Args:
        canonical: Canonical events in log order; ``at`` is the log line's time.
        stored: Stored events by sequence, whoever wrote them; consequences of ingestion only anchor.
        anchored: Sequence by canonical event id, if known already (else taken from ``stored``).

    Returns:
        Canonical events (with ``sequence`` where anchored) and stored inputs, merged.
    """
    at_sequence = anchors(stored) if anchored is None else anchored
    logged = {event.event_id for event in canonical}
    inputs = [event for event in stored if event.type in _MAY_BE_INPUT and is_input(event, logged)]
    merged: list[Event] = []
    taken = 0
    for event, limit in _with_limits(canonical, at_sequence):
        while taken < len(inputs):
            waiting = inputs[taken]
            assert waiting.sequence is not None
            if event.sequence is not None:
                if waiting.sequence > event.sequence:
                    break
            elif (limit is not None and waiting.sequence > limit) or waiting.at > event.at:
                break
            merged.append(waiting)
            taken += 1
        merged.append(event)
    merged.extend(inputs[taken:])
    return merged


def _with_limits(canonical: Sequence[Event], at_sequence: Mapping[str, int]) -> list[tuple[Event, int | None]]:
    """Each canonical event with its own sequence, or with the sequence of the next anchored one as a limit.

    An anchor that would run against log order is no anchor: within one label the file's order is the truth.
    """
    placed: list[tuple[Event, int | None]] = []
    limit: int | None = None
    for event in reversed(canonical):
        sequence = at_sequence.get(event.event_id)
        if sequence is not None and (limit is None or sequence <= limit):
            limit = sequence
            placed.append((replace(event, sequence=sequence), sequence))
        else:
            placed.append((event, limit))
    placed.reverse()
    return placed
