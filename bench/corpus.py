"""A corpus of provider logs of a given size: the shapes and sizes of real ones, the same every time.

Sizes follow recorded logs: median 0.6 KB a line, 95 % under 1.2 KB, some 30 keys a kilobyte, now and then
a whole text or tool output of tens of kilobytes. Two threads of three are OpenCode's, whose native events
the server wraps; the others are Codex', which have fields of their own. Canonical lines repeat the native
payload as ``raw``.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

__all__ = ["log_lines", "write_corpus"]

_PROSE = (
    "the session waits for a turn that never ends because its provider went away while the server "
    "kept the projection of a running state and every later command had to queue behind it so nobody "
    "could tell which event began it naïve façade 東京 → ✓"
)
_WORDS = _PROSE.split()

Fields = dict[str, Any]


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(_WORDS, k=words))


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


@dataclass
class _Voice:
    """What one thread's records are made with: its ids, its clock, and the lines of its provider."""

    thread_id: str
    session: str
    rng: random.Random
    at: datetime

    def line(self, label: str, body: object) -> bytes:
        return f"[{_iso(self.at)}] {label}: {_compact(body)}\n".encode()

    def id(self, prefix: str) -> str:
        return f"{prefix}_{self.rng.getrandbits(100):025x}"

    def canonical(
        self, kind: str, payload: Fields, turn: str, item: str | None, refs: Fields | None = None,
        raw: Fields | None = None, event_id: str | None = None, provider: str = "opencode",
    ) -> bytes:  # fmt: skip
        body: Fields = {
            "eventId": event_id or _uuid(self.rng), "provider": provider, "threadId": self.thread_id,
            "createdAt": _iso(self.at), "turnId": turn,
        }  # fmt: skip
        if item:
            body["itemId"] = item
        if refs:
            body["providerRefs"] = refs
        if raw:
            body["raw"] = raw
        return self.line("CANON", body | {"type": kind, "payload": payload, "providerInstanceId": provider})


class _OpenCode(_Voice):
    """Native events wrapped by the server, without an id of their own."""

    def turn_id(self) -> str:
        return f"opencode-turn-{_uuid(self.rng)}"

    def item_id(self) -> str:
        return self.id("prt")

    def pair(self, native: str, properties: Fields, turn: str, item: str, kind: str, payload: Fields) -> tuple[bytes, bytes]:
        """A native record and the canonical one made of it."""
        said = {
            "id": self.id("evt"),
            "type": native,
            "properties": {"sessionID": self.session, "partID": item} | properties,
        }
        event = {
            "provider": "opencode", "threadId": self.thread_id, "providerThreadId": self.session,
            "type": native, "turnId": turn, "payload": said,
        }  # fmt: skip
        return (
            self.line("NTIVE", {"observedAt": _iso(self.at), "event": event}),
            self.canonical(kind, payload, turn, item, raw={"source": "opencode.sdk.event", "payload": said}),
        )

    def delta(self, text: str, turn: str, item: str, stream: str) -> tuple[bytes, bytes]:
        return self.pair(
            "message.part.delta", {"messageID": turn, "field": "text", "delta": text}, turn, item,
            "content.delta", {"streamKind": stream, "delta": text},
        )  # fmt: skip

    def around(self, turn: str, item: str) -> Iterator[bytes]:
        """What is said of a step besides its text: who speaks, what it cost, what the session is."""

        def said(kind: str, properties: Fields) -> bytes:
            return self.pair(kind, properties, turn, item, "", {})[0]

        millis = int(self.at.timestamp() * 1000)
        cost = {"input": 100, "output": 20, "reasoning": 0, "cache": {"read": 0, "write": 0}}
        model = {"providerID": "fake", "modelID": "fake-model"}
        message = {
            "id": turn, "sessionID": self.session, "role": "assistant", "agent": "build", "mode": "build",
            "path": {"cwd": "/home/dev/proj", "root": "/home/dev/proj"}, "cost": 0, "tokens": cost,
            "time": {"created": millis},
        }  # fmt: skip
        session = {
            "id": self.session, "slug": "mighty-island", "projectID": "d0b4a9d6d690d2dce0ad69131",
            "directory": "/home/dev/proj", "path": "", "title": "A title", "agent": "build",
            "model": {"id": "fake-model", "providerID": "fake", "variant": "default"}, "version": "1.15.13",
            "summary": {"additions": 0, "deletions": 0, "files": 0}, "cost": 0, "tokens": cost,
            "permission": [{"permission": "*", "pattern": "*", "action": "allow"}],
            "time": {"created": millis, "updated": millis},
        }  # fmt: skip
        yield said("session.status", {"status": {"type": "busy"}})
        yield said("message.updated", {"info": message | model})
        yield said("message.part.updated", {"part": {"id": item, "type": "step-start"}, "time": millis})
        yield said("message.updated", {"info": message | model | {"finish": "stop"}})
        metadata = {"name": "A title", "metadata": {"sessionID": self.session}}
        yield from self.pair("session.updated", {"info": session}, turn, item, "thread.metadata.updated", metadata)
        yield said("session.diff", {"diff": []})

    def whole(self, text: str, output: Fields, turn: str, item: str, detail: Fields) -> tuple[bytes, bytes]:
        part = {"type": "text", "text": text, "messageID": turn, "sessionID": self.session, "id": item}
        return self.pair(
            "message.part.updated", {"part": part | output, "time": 1}, turn, item,
            "item.completed", detail,
        )  # fmt: skip


class _Codex(_Voice):
    """Native events that are flat, carry an id, and repeat some of themselves."""

    def turn_id(self) -> str:
        return _uuid(self.rng)

    def item_id(self) -> str:
        return f"msg_{self.rng.getrandbits(32):08x}"

    def pair(
        self, method: str, params: Fields, turn: str, item: str, kind: str, payload: Fields,
        also: Fields | None = None,
    ) -> tuple[bytes, bytes]:  # fmt: skip
        """A native record and the canonical one made of it."""
        event_id, at = _uuid(self.rng), _iso(self.at)
        said = params | {"itemId": item, "threadId": self.session, "turnId": turn}
        event = {
            "id": event_id, "provider": "codex", "providerInstanceId": "codex", "createdAt": at,
            "kind": "notification", "threadId": self.thread_id, "method": method, "turnId": turn,
            "itemId": item, **(also or {}), "payload": said,
        }  # fmt: skip
        raw = {"source": "codex.app-server.notification", "method": method, "payload": said}
        refs = {"providerTurnId": turn, "providerItemId": item}
        return (
            self.line("NTIVE", event),
            self.canonical(kind, payload, turn, item, refs, raw, event_id, "codex"),
        )

    def delta(self, text: str, turn: str, item: str, stream: str) -> tuple[bytes, bytes]:
        return self.pair(
            "item/agentMessage/delta", {"delta": text}, turn, item,
            "content.delta", {"streamKind": stream, "delta": text}, {"textDelta": text},
        )  # fmt: skip

    def around(self, turn: str, item: str) -> Iterator[bytes]:
        """What is said of a step besides its text: that it begins, what it cost, how the thread is."""
        begun = {
            "id": item,
            "memoryCitation": None,
            "phase": None,
            "text": "",
            "type": "agentMessage",
        }
        detail = {
            "itemType": "assistant_message",
            "status": "inProgress",
            "title": "Assistant message",
        }
        yield from self.pair(
            "item/started", {"item": begun, "startedAtMs": 1795355145618}, turn, item,
            "item.started", detail | {"data": begun},
        )  # fmt: skip
        count = {
            "cachedInputTokens": 0, "inputTokens": 100, "outputTokens": 20, "reasoningOutputTokens": 0,
            "totalTokens": 120,
        }  # fmt: skip
        usage = {"last": count, "modelContextWindow": 258400, "total": count}
        yield from self.pair(
            "thread/tokenUsage/updated", {"tokenUsage": usage}, turn, item,
            "thread.token-usage.updated", {"usage": count | {"compactsAutomatically": True}},
        )  # fmt: skip
        yield from self.pair(
            "thread/status/changed", {"status": {"type": "active"}}, turn, item,
            "thread.state.changed", {"state": "active", "detail": {"status": {"type": "active"}}},
        )  # fmt: skip

    def whole(self, text: str, output: Fields, turn: str, item: str, detail: Fields) -> tuple[bytes, bytes]:
        said = {"id": item, "memoryCitation": None, "phase": None, "text": text, "type": "agentMessage"}
        return self.pair("item/completed", {"item": said | output}, turn, item, "item.completed", detail | {"data": said})


def log_lines(thread_id: str, seed: int, generation: int = 1) -> Iterator[bytes]:
    """Endless lines of one thread, in file order; every third thread is one of Codex."""
    rng = random.Random(seed)
    at = datetime(2026, 7, 1, 8, tzinfo=UTC) + timedelta(seconds=rng.randrange(10**6))
    session = f"ses_{rng.getrandbits(100):025x}"
    voice = (_Codex if seed % 3 == 0 else _OpenCode)(thread_id, session, rng, at)
    while True:
        turn = voice.turn_id()
        yield voice.canonical("turn.started", {"model": "fake/fake-model"}, turn, None)
        for _ in range(rng.randrange(4, 30)):
            item = voice.item_id()
            tool = rng.random() < 0.4
            stream = "command_output" if tool else "assistant_text"
            written = ""
            yield from voice.around(turn, item)
            for _ in range(rng.randrange(3, 25)):
                voice.at += timedelta(milliseconds=rng.randrange(1, 400))
                delta = _text(rng, rng.randrange(1, 5)) + " "
                written += delta
                native, canonical = voice.delta(delta, turn, item, stream)
                yield native
                if generation == 1:
                    yield canonical
            output: Fields = {}
            if tool and rng.random() < 0.1:
                output["output"] = _text(rng, rng.randrange(1000, 9000))
            detail: Fields = {
                "itemType": "command_execution" if tool else "assistant_message",
                "status": "completed",
                "title": "Assistant message",
                "detail": written,
            }
            yield from voice.whole(written, output, turn, item, detail)
        yield voice.canonical("turn.completed", {"state": "completed"}, turn, None)
        voice.at += timedelta(seconds=rng.randrange(600))


def write_corpus(folder: Path, size: int, *, threads: int = 20, rotate: int = 10 << 20, seed: int = 1) -> int:
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
