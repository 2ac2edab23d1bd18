"""How fast lifecycle events are replayed: ``python -m bench.replay [--events N] [--turns N] [--profile NAME]``.

Threads are made of ordinary turns (a message, tool calls, an approval, a subagent, a warning, the end) beforehand;
only the replay itself is measured, every state and every transition made, on one core. A second run replays the
same number of events as few very long threads, which must cost little more per event. A third one looks into the
past of one very long thread.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from t3lens.diagnose.replays import replay_thread
from t3lens.domain.event import Event
from t3lens.t3code.v1.lifecycle.reducer import transitions
from t3lens.t3code.v1.rules import PROFILES, Rules, profile

__all__ = ["EVENTS_PER_TURN", "long_thread", "replay_seconds"]

_TOOL_CALLS = 4


def _turn(thread: int, number: int, at: int) -> Iterator[Event]:
    turn_id = f"turn-{thread}-{number}"
    step = 0

    def event(kind: str, **fields: Any) -> Event:
        nonlocal step
        step += 1
        return Event(event_id=f"{thread}-{number}-{step}", type=kind, at=at + step * 250_000, **fields)

    yield event("thread.turn-start-requested", payload={"messageId": f"m-{number}"})
    yield event("session.started", provider="codex", payload={"message": "started"})
    yield event("turn.started", turn_id=turn_id, provider="codex", payload={"model": "m"})
    for call in range(_TOOL_CALLS):
        item = f"item-{number}-{call}"
        payload = {"itemType": "command_execution", "status": "inProgress", "title": "Command run"}
        yield event("item.started", turn_id=turn_id, item_id=item, payload=payload)
        if call == 0:
            request = f"request-{number}"
            yield event("request.opened", turn_id=turn_id, request_id=request)
            yield event("thread.approval-response-requested", request_id=request)
            yield event("request.resolved", turn_id=turn_id, request_id=request)
        yield event("item.completed", turn_id=turn_id, item_id=item, payload=payload)
    yield event("task.started", turn_id=turn_id, payload={"taskId": f"task-{number}"})
    yield event("task.completed", turn_id=turn_id, payload={"taskId": f"task-{number}"})
    yield event("runtime.warning", payload={"message": "a slow start"})
    message = {"itemType": "assistant_message", "status": "completed"}
    yield event("item.completed", turn_id=turn_id, item_id=f"text-{number}", payload=message)
    yield event("turn.completed", turn_id=turn_id, payload={"state": "completed"})


EVENTS_PER_TURN = len(list(_turn(0, 0, 0)))
"""Lifecycle events that one ordinary turn consists of."""


def long_thread(thread: int, turns: int) -> list[Event]:
    """The events of one thread of ``turns`` ordinary turns, in order."""
    return [event for number in range(turns) for event in _turn(thread, number, number * 10_000_000)]


def replay_seconds(threads: list[list[Event]], rules: Rules) -> float:
    """Processor seconds to replay every thread, each state and transition made and let go."""
    start = time.process_time()
    for events in threads:
        deque(transitions(events, rules), maxlen=0)
    return time.process_time() - start


def _report(title: str, turns: int, events: int, rules: Rules) -> None:
    count = max(1, round(events / (turns * EVENTS_PER_TURN)))
    threads = [long_thread(number, turns) for number in range(count)]
    total = sum(map(len, threads))
    seconds = replay_seconds(threads, rules)
    print(
        f"{rules.name}: {title}: {total:,} events in {count:,} threads: {seconds:.2f} s, "
        f"{seconds / total * 1e6:.2f} us an event, {total / seconds:,.0f} events a second"
    )


def _report_looks(turns: int, rules: Rules, looks: int = 1_000) -> None:
    events = long_thread(0, turns)
    replay = replay_thread(events, rules)
    taken = []
    for number in random.Random(7).choices(range(len(events)), k=looks):
        start = time.perf_counter()
        replay.state_after(number)
        taken.append(time.perf_counter() - start)
    taken.sort()
    print(
        f"{rules.name}: the state after {looks:,} events of a thread of {len(events):,} events: "
        f"median {taken[looks // 2] * 1e3:.2f} ms, worst {taken[-1] * 1e3:.2f} ms"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=10, help="turns in a thread of the fleet")
    parser.add_argument("--profile", choices=list(PROFILES), default="settle")
    options = parser.parse_args()
    rules = profile(options.profile)
    _report("a fleet", options.turns, options.events, rules)
    long = max(1, 100_000 // EVENTS_PER_TURN)
    _report("long threads", long, options.events, rules)
    _report_looks(long, rules)


if __name__ == "__main__":
    main()
