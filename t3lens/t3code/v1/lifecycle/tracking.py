"""What is open in a thread (requests, items, tasks) and when each turn was last heard of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from msgspec.structs import replace

from t3lens.domain.event import Event
from t3lens.domain.seen_events import SeenEvents
from t3lens.domain.state import OpenItem, OpenRequest, OpenTask, ThreadState
from t3lens.t3code.v1.event_types import (
    APPROVAL_RESPONSE_REQUESTED,
    ITEM_COMPLETED,
    ITEM_STARTED,
    REQUEST_OPENED,
    REQUEST_RESOLVED,
    REQUEST_TYPES,
    TASK_COMPLETED,
    TASK_STARTED,
    USER_INPUT_REQUESTED,
    USER_INPUT_RESOLVED,
    USER_INPUT_RESPONSE_REQUESTED,
)
from t3lens.time import Micros

__all__ = ["TRACKERS", "Tracker", "noted"]

_KEPT: Final = 256
"""Open ones kept per thread: a log whose items never complete must not make the replay quadratic."""

T = TypeVar("T")
_Activity = Mapping[str, Micros]

Tracker = Callable[[ThreadState, Event, SeenEvents], ThreadState]
"""The thread with an event noted: the thread before, what happened, the ids seen with this event's."""


def _heard(state: ThreadState, event: Event) -> _Activity:
    """When each running turn was last heard of, with ``event``."""
    turn_id, activity = event.turn_id, state.activity
    if turn_id is not None and turn_id in activity:
        return {**activity, turn_id: event.at}
    return activity


def noted(s: ThreadState, event: Event, seen: SeenEvents) -> ThreadState:
    """``event`` noted as activity: it opens and closes nothing."""
    return replace(s, activity=_heard(s, event), last_event_at=event.at, seen=seen)


def _asked(s: ThreadState, event: Event, seen: SeenEvents) -> ThreadState:
    """What a person asks of a turn is no sign of life of that turn."""
    return replace(s, last_event_at=event.at, seen=seen)


def _with_item(open_ones: Mapping[str, T], key: str, value: T) -> dict[str, T]:
    after = {**open_ones, key: value}
    if len(after) > _KEPT:
        del after[next(iter(after))]
    return after


def _without_item(open_ones: Mapping[str, T], key: str | None) -> Mapping[str, T]:
    if key is None or key not in open_ones:
        return open_ones
    return {other: value for other, value in open_ones.items() if other != key}


def _item_started(s: ThreadState, event: Event, seen: SeenEvents) -> ThreadState:
    item_id, items = event.item_id, s.items
    if item_id is not None and item_id not in items:
        kind = event.text("itemType") or "unknown"
        item = OpenItem(item_id, kind, event.at, event.turn_id, event.event_id)
        items = _with_item(items, item_id, item)
    return replace(s, activity=_heard(s, event), last_event_at=event.at, seen=seen, items=items)


def _item_completed(s: ThreadState, event: Event, seen: SeenEvents) -> ThreadState:
    items = _without_item(s.items, event.item_id)
    return replace(s, activity=_heard(s, event), last_event_at=event.at, seen=seen, items=items)


def _task_started(s: ThreadState, event: Event, seen: SeenEvents) -> ThreadState:
    task_id, tasks = event.text("taskId"), s.tasks
    if task_id is not None:
        task = OpenTask(task_id, event.at, event.turn_id, event.event_id)
        tasks = _with_item(tasks, task_id, task)
    return replace(s, activity=_heard(s, event), last_event_at=event.at, seen=seen, tasks=tasks)


def _task_completed(s: ThreadState, event: Event, seen: SeenEvents) -> ThreadState:
    tasks = _without_item(s.tasks, event.text("taskId"))
    return replace(s, activity=_heard(s, event), last_event_at=event.at, seen=seen, tasks=tasks)


def _request_id(event: Event) -> str | None:
    return event.request_id or event.text("requestId")


def _request_opened(s: ThreadState, event: Event, seen: SeenEvents) -> ThreadState:
    request_id, requests = _request_id(event), s.requests
    if request_id is not None:
        question = event.type == USER_INPUT_REQUESTED
        request = OpenRequest(request_id, question, event.at, event.turn_id, event.event_id)
        requests = _with_item(requests, request_id, request)
    return replace(s, activity=_heard(s, event), last_event_at=event.at, seen=seen, requests=requests)


def _request_answered(s: ThreadState, event: Event, seen: SeenEvents) -> ThreadState:
    request_id, requests = _request_id(event), s.requests
    if request_id is not None and request_id in requests:
        answered = replace(requests[request_id], answered_at=event.at)
        requests = {**requests, request_id: answered}
    return replace(s, last_event_at=event.at, seen=seen, requests=requests)


def _request_resolved(s: ThreadState, event: Event, seen: SeenEvents) -> ThreadState:
    requests = _without_item(s.requests, _request_id(event))
    return replace(s, activity=_heard(s, event), last_event_at=event.at, seen=seen, requests=requests)


TRACKERS: Final[dict[str, Tracker]] = {
    **dict.fromkeys(REQUEST_TYPES, _asked),
    ITEM_STARTED: _item_started,
    ITEM_COMPLETED: _item_completed,
    TASK_STARTED: _task_started,
    TASK_COMPLETED: _task_completed,
    REQUEST_OPENED: _request_opened,
    REQUEST_RESOLVED: _request_resolved,
    USER_INPUT_REQUESTED: _request_opened,
    USER_INPUT_RESOLVED: _request_resolved,
    APPROVAL_RESPONSE_REQUESTED: _request_answered,
    USER_INPUT_RESPONSE_REQUESTED: _request_answered,
}
"""What the types of event open and close; all others are ``noted``."""
