"""A provider log of any length: turns of tool calls and streamed text, three errors, the last turn left open."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

THREAD = "b16b00b5-0000-4000-8000-000000000001"
_START = datetime(2026, 7, 6, 9, 0, tzinfo=UTC)
_PER_TURN = 400


def big_log(folder: Path, records: int) -> Path:
    """Write one generation-1 log with ``records`` lines into ``folder``; returns the file."""
    path = folder / f"{THREAD}.log"
    with path.open("w", encoding="utf-8") as out:
        for number in range(records):
            at = _START + timedelta(milliseconds=37 * number)
            stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
            turn, place = divmod(number, _PER_TURN)
            last = number >= records - _PER_TURN
            label, event = _event(number, turn, place, stamp, last, records)
            out.write(f"[{stamp}] {label}: {json.dumps(event)}\n")
    return path


def _event(number: int, turn: int, place: int, stamp: str, last: bool, records: int) -> tuple[str, dict[str, object]]:
    item = place // 20
    event: dict[str, object] = {
        "eventId": f"e{number}", "provider": "opencode", "threadId": THREAD, "createdAt": stamp, "turnId": f"turn-{turn}",
    }  # fmt: skip
    if place == 0:
        return "CANON", {**event, "type": "turn.started", "payload": {"model": "m"}}
    if place == _PER_TURN - 1 and not last:
        return "CANON", {**event, "type": "turn.completed", "payload": {"state": "completed"}}
    if number in (records // 4 + 7, records // 2 + 7, records // 2 + 1207):
        payload = {"message": "boom", "class": "provider_error"}
        return "CANON", {
            **event,
            "turnId": f"other-{number}",
            "type": "runtime.error",
            "payload": payload,
        }
    if place % 20 in (1, 19):
        kind = "item.started" if place % 20 == 1 else "item.completed"
        status = "inProgress" if place % 20 == 1 else "completed"
        payload = {"itemType": "command_execution", "status": status, "title": "bash"}
        return "CANON", {**event, "itemId": f"i{turn}-{item}", "type": kind, "payload": payload}
    if place % 3 == 0:
        native = {
            "provider": "opencode", "threadId": THREAD, "type": "message.part.delta", "turnId": f"turn-{turn}",
            "payload": {"type": "message.part.delta", "properties": {"delta": "some words "}},
        }  # fmt: skip
        return "NTIVE", {"observedAt": stamp, "event": native}
    payload = {"streamKind": "assistant_text", "delta": "some words "}
    return "CANON", {
        **event,
        "itemId": f"i{turn}-{item}",
        "type": "content.delta",
        "payload": payload,
    }
