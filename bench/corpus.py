"""A corpus of provider logs of a given size: the shapes and sizes of real ones, the same every time.

Sizes follow recorded logs: median 0.6 KB a line, 95 % under 1.2 KB, now and then a whole text or tool
output of tens of kilobytes; about half of the canonical lines repeat the native payload as ``raw``.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

__all__ = ["log_lines", "write_corpus"]

_PROSE = (
    "the session waits for a turn that never ends because its provider went away while the server "
    "kept the projection of a running state and every later command had to queue behind it so nobody "
    "could tell which event began it naïve façade 東京 → ✓"
)
_WORDS = _PROSE.split()


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(_WORDS, k=words))


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def log_lines(thread_id: str, seed: int, generation: int = 1) -> Iterator[bytes]:
    """Endless lines of one thread, in file order."""
    rng = random.Random(seed)
    at = datetime(2026, 7, 1, 8, tzinfo=UTC) + timedelta(seconds=rng.randrange(10**6))
    session = f"ses_{rng.getrandbits(100):025x}"
    instance = "opencode"

    def line(label: str, body: object) -> bytes:
        return f"[{_iso(at)}] {label}: {_compact(body)}\n".encode()

    def native(
        kind: str, properties: dict[str, object], turn: str
    ) -> tuple[dict[str, object], bytes]:
        payload = {"id": f"evt_{rng.getrandbits(100):025x}", "type": kind, "properties": properties}
        event = {
            "provider": "opencode", "threadId": thread_id, "providerThreadId": session, "type": kind,
            "turnId": turn, "payload": payload,
        }  # fmt: skip
        return payload, line("NTIVE", {"observedAt": _iso(at), "event": event})

    def canonical(
        kind: str, payload: dict[str, object], turn: str, item: str | None, raw: object
    ) -> bytes:
        body: dict[str, object] = {
            "eventId": _uuid(rng), "provider": "opencode", "threadId": thread_id,
            "createdAt": _iso(at), "turnId": turn,
        }  # fmt: skip
        if item:
            body["itemId"] = item
        if raw is not None:
            body["raw"] = {"source": "opencode.sdk.event", "payload": raw}
        body |= {"type": kind, "payload": payload, "providerInstanceId": instance}
        return line("CANON", body)

    while True:
        turn = f"opencode-turn-{_uuid(rng)}"
        yield canonical("turn.started", {"model": "fake/fake-model"}, turn, None, None)
        for _ in range(rng.randrange(4, 30)):
            item = f"prt_{rng.getrandbits(100):025x}"
            message = f"msg_{rng.getrandbits(100):025x}"
            tool = rng.random() < 0.4
            written = ""
            for _ in range(rng.randrange(3, 25)):
                at += timedelta(milliseconds=rng.randrange(1, 400))
                delta = _text(rng, rng.randrange(1, 14))
                written += delta
                properties: dict[str, object] = {
                    "sessionID": session, "messageID": message, "partID": item, "field": "text",
                    "delta": delta,
                }  # fmt: skip
                raw, out = native("message.part.delta", properties, turn)
                yield out
                if generation == 1:
                    kind = "command_output" if tool else "assistant_text"
                    yield canonical(
                        "content.delta", {"streamKind": kind, "delta": delta}, turn, item, raw
                    )
            part = {
                "type": "tool" if tool else "text", "text": written, "messageID": message,
                "sessionID": session, "id": item,
            }  # fmt: skip
            if tool and rng.random() < 0.1:
                part["output"] = _text(rng, rng.randrange(1000, 9000))
            raw, out = native(
                "message.part.updated", {"sessionID": session, "part": part, "time": 1}, turn
            )
            yield out
            detail = {
                "itemType": "command_execution" if tool else "assistant_message",
                "status": "completed", "title": "Assistant message", "detail": written,
            }  # fmt: skip
            yield canonical("item.completed", detail, turn, item, raw)
        yield canonical("turn.completed", {"state": "completed"}, turn, None, None)
        at += timedelta(seconds=rng.randrange(600))


def write_corpus(
    folder: Path, size: int, *, threads: int = 20, rotate: int = 10 << 20, seed: int = 1
) -> int:
    """Write about ``size`` bytes of logs into ``folder``, rotated as T3 Code does.

    Returns:
        The exact number of bytes written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for number in range(threads):
        thread_id = _uuid(random.Random(seed * 100_003 + number))
        budget = size * (number + 1) // threads - size * number // threads
        lines = log_lines(thread_id, seed * 7919 + number)
        chunks: list[bytes] = []
        while budget > 0:
            part, length = [], 0
            while length < min(rotate, budget):
                one = next(lines)
                part.append(one)
                length += len(one)
            chunks.append(b"".join(part))
            budget -= length
        for age, chunk in enumerate(reversed(chunks)):
            name = f"{thread_id}.log" + (f".{age}" if age else "")
            (folder / name).write_bytes(chunk)
            total += len(chunk)
    return total
