"""Event streams for property tests: plausible ones, in which turns and requests meet, and hostile ones."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from t3lens.domain.event import RECONCILE, STOP_RESULT, Event
from t3lens.domain.state import SessionStatus
from t3lens.t3code.v1.event_types import SESSION_SET
from t3lens.t3code.v1.lifecycle.interleave import interleave
from t3lens.t3code.v1.rules import PROFILES
from tests.recordings import recordings

TURNS = ("turn-a", "turn-b", "turn-c")
STATUSES = tuple(status.value for status in SessionStatus)
LIVE_STATUSES = ("starting", "running")

profiles = st.sampled_from(list(PROFILES.values()))
turn_ids = st.sampled_from([*TURNS, None])
times = st.integers(min_value=0, max_value=10**16)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def _sessions(draw: st.DrawFn) -> dict[str, Any]:
    """A session as T3 Code writes it: a turn is active only while it is live."""
    status = draw(st.sampled_from(STATUSES))
    active = draw(turn_ids) if status in LIVE_STATUSES else None
    return {
        "status": status,
        "activeTurnId": active,
        "lastError": draw(st.sampled_from([None, "boom"])),
        "updatedAt": "2026-07-01T10:00:00.000Z",
    }


_PAYLOADS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "session.started": st.just({}),
    "thread.started": st.just({}),
    "session.exited": st.just({"reason": "gone"}),
    "session.state.changed": st.fixed_dictionaries(
        {"state": st.sampled_from([*STATUSES, "waiting"]), "reason": st.sampled_from([None, "why"])}
    ),
    "turn.started": st.just({}),
    "turn.completed": st.fixed_dictionaries(
        {
            "state": st.sampled_from(["completed", "failed", "interrupted", "cancelled", None]),
            "errorMessage": st.sampled_from([None, "it broke"]),
        }
    ),
    "turn.aborted": st.just({"reason": "stopped by the user"}),
    "item.started": st.just({"itemType": "command_execution"}),
    "item.completed": st.sampled_from([{"itemType": "command_execution"}, {"itemType": "assistant_message"}]),
    "task.started": st.just({"taskId": "task"}),
    "task.completed": st.just({"taskId": "task"}),
    "request.opened": st.just({}),
    "request.resolved": st.just({}),
    "runtime.error": st.sampled_from([{"message": "it broke"}, {}]),
    "runtime.warning": st.just({}),
    SESSION_SET: st.fixed_dictionaries({"session": _sessions()}),
    RECONCILE: st.sampled_from(
        [
            {"live": None},
            {"live": False},
            {"live": True, "status": "running", "activeTurnId": "turn-a"},
            {"live": True, "status": "ready"},
        ]
    ),
    STOP_RESULT: st.sampled_from([{"outcome": each} for each in ("stopped", "gone", "failed")]),
    "thread.turn-start-requested": st.just({"messageId": "message"}),
    "thread.turn-interrupt-requested": st.just({}),
    "thread.session-stop-requested": st.just({}),
    "thread.approval-response-requested": st.just({}),
    "thread.turn-diff-completed": st.sampled_from(
        [{"status": each, "checkpointTurnCount": 1} for each in ("ready", "missing", "error")]
    ),
    "content.delta": st.just({}),
}


@st.composite
def _plausible(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from(list(_PAYLOADS)))
    return Event(
        event_id="",
        type=kind,
        at=draw(times),
        turn_id=draw(turn_ids),
        item_id=draw(st.sampled_from(["item-a", "item-b", None])),
        request_id=draw(st.sampled_from(["request-a", "request-b", None])),
        payload=draw(_PAYLOADS[kind]),
    )


@st.composite
def _hostile(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from(list(_PAYLOADS)) | st.text(max_size=12))
    payload: Any = draw(json_values)
    if draw(st.booleans()):
        keys = st.sampled_from(["state", "session", "live", "status", "outcome", "itemType", "turnId", "message"])
        payload = draw(st.dictionaries(keys, json_values, max_size=4))
    return Event(
        event_id="",
        type=kind,
        at=draw(times),
        turn_id=draw(turn_ids | st.text(max_size=4)),
        item_id=draw(st.none() | st.text(max_size=4)),
        request_id=draw(st.none() | st.text(max_size=4)),
        payload=payload,
    )


def _numbered(events: list[Event]) -> list[Event]:
    return [_as(event, f"event-{number}") for number, event in enumerate(events)]


def _as(event: Event, event_id: str) -> Event:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return Event(**{**fields, "event_id": event_id})


streams = st.lists(_plausible(), max_size=24).map(_numbered)
"""Events of one thread, each with an id of its own."""

hostile_streams = st.lists(_hostile(), max_size=8).map(_numbered)
"""Any JSON shape as payload, any text as type."""


@st.composite
def streams_with_repeats(draw: st.DrawFn) -> tuple[list[Event], list[Event]]:
    """A stream, and the same one in which ids come back later, on events that may say something else."""
    plain = draw(streams)
    repeated: list[Event] = []
    for event in plain:
        repeated.append(event)
        if draw(st.integers(0, 3)) == 0:
            before = draw(st.sampled_from(repeated)).event_id
            repeated.append(_as(draw(_plausible()), before))
    return plain, repeated


def recorded_streams() -> list[tuple[str, list[Event]]]:
    """Every recorded thread, as it is replayed."""
    return [
        (f"{home.name}/{thread_id}", interleave(home.canonical.get(thread_id, []), stored))
        for home in recordings()
        for thread_id, stored in home.stored.items()
    ]
