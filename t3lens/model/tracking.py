"""What is open in a thread (requests, items, tasks) and when each turn was last heard of."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from t3lens.model.events import Event
from t3lens.model.state import OpenItem, OpenRequest, OpenTask, ThreadState

__all__ = ["track"]

_KEPT_ITEMS: Final = 256
"""Open items kept per thread: a log whose items never complete must not make the replay quadratic."""


def track(state: ThreadState, event: Event) -> ThreadState:
    """``state`` with the event noted as activity, and what it opens or closes opened or closed."""
    turn_id = event.turn_id
    activity = state.activity
    if turn_id is not None and turn_id in activity:
        activity = {**activity, turn_id: event.at}
    kind = _KINDS.get(event.type)
    if kind is None:
        return replace(state, activity=activity, last_event_at=event.at)
    if kind == "item":
        return replace(state, activity=activity, last_event_at=event.at, items=_items(state, event))
    if kind == "task":
        return replace(state, activity=activity, last_event_at=event.at, tasks=_tasks(state, event))
    return replace(
        state, activity=activity, last_event_at=event.at, requests=_requests(state, event)
    )


_KINDS: Final = {
    "item.started": "item",
    "item.completed": "item",
    "task.started": "task",
    "task.completed": "task",
    "request.opened": "request",
    "request.resolved": "request",
    "user-input.requested": "request",
    "user-input.resolved": "request",
    "thread.approval-response-requested": "request",
    "thread.user-input-response-requested": "request",
}


def _items(state: ThreadState, event: Event) -> dict[str, OpenItem]:
    item_id = event.item_id
    items = dict(state.items)
    if item_id is None:
        return items
    if event.type == "item.completed":
        items.pop(item_id, None)
    elif item_id not in items:
        items[item_id] = OpenItem(
            item_id, event.text("itemType") or "unknown", event.at, event.turn_id, event.event_id
        )
        if len(items) > _KEPT_ITEMS:
            del items[next(iter(items))]
    return items


def _tasks(state: ThreadState, event: Event) -> dict[str, OpenTask]:
    task_id = event.text("taskId")
    tasks = dict(state.tasks)
    if task_id is None:
        return tasks
    if event.type == "task.completed":
        tasks.pop(task_id, None)
    else:
        tasks[task_id] = OpenTask(task_id, event.at, event.turn_id, event.event_id)
        if len(tasks) > _KEPT_ITEMS:
            del tasks[next(iter(tasks))]
    return tasks


def _requests(state: ThreadState, event: Event) -> dict[str, OpenRequest]:
    request_id = event.request_id or event.text("requestId")
    requests = dict(state.requests)
    if request_id is None:
        return requests
    if event.type in ("request.resolved", "user-input.resolved"):
        requests.pop(request_id, None)
    elif event.type in ("request.opened", "user-input.requested"):
        requests[request_id] = OpenRequest(
            request_id,
            event.type == "user-input.requested",
            event.at,
            event.turn_id,
            event.event_id,
        )
        if len(requests) > _KEPT_ITEMS:
            del requests[next(iter(requests))]
    elif request_id in requests:
        requests[request_id] = replace(requests[request_id], answered_at=event.at)
    return requests
