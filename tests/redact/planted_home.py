"""A home with a planted secret in every free text, and words that only a person, a model or a tool said."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.redact.corpus import Planted, planted
from tests.view.hostile import _KEPT

_PROGRAMS = re.compile(r"runtime\.|session\.|provider\.|checkpoint")
"""Kinds of records whose ``message`` and ``detail`` are sentences of programs."""

_SENTENCES = frozenset({"error", "errorMessage", "lastError", "reason"})


@dataclass
class Seeds:
    """What was planted.

    Attributes:
        secrets: Every secret that stands somewhere in the home.
        spoken: Every word that only stands in what was said: never to be seen without ``content``.
    """

    secrets: set[str] = field(default_factory=set)
    spoken: set[str] = field(default_factory=set)


class _Sower:
    def __init__(self, seeds: Seeds) -> None:
        self.seeds = seeds
        everything = [one for one in planted() if "\n" not in one.secret]
        start = len(seeds.secrets) % len(everything)
        self._next = cycle([*everything[start:], *everything[:start]])

    def text(self, *, spoken: bool) -> str:
        one: Planted = next(self._next)
        self.seeds.secrets.add(one.secret)
        if not spoken:
            return f"it broke: {one.text}"
        word = f"spoken{len(self.seeds.spoken):05d}word"
        self.seeds.spoken.add(word)
        return f"{word} and {one.text}"

    def value(self, value: Any, name: str, kind: str) -> Any:
        if isinstance(value, dict):
            inner = value.get("kind") or value.get("type")
            kind = inner if isinstance(inner, str) and _PROGRAMS.match(inner) else kind
            return {key: self.value(part, key, kind) for key, part in value.items()}
        if isinstance(value, list):
            return [self.value(part, name, kind) for part in value]
        if not isinstance(value, str) or _KEPT.match(name) or name.lower().endswith(("id", "at")):
            return value
        program = name in ("message", "detail") and _PROGRAMS.match(kind)
        return self.text(spoken=not (program or name in _SENTENCES))


def plant(home: Path, seeds: Seeds | None = None) -> Seeds:
    """Put a secret into every free text of the logs and the database of ``home``; ``seeds`` go on."""
    sower = _Sower(seeds if seeds is not None else Seeds())
    for path in sorted((home / "userdata" / "logs" / "provider").iterdir()):
        lines = []
        for line in path.read_text("utf-8").splitlines():
            head, brace, body = line.partition("{")
            record = json.loads(brace + body)
            place = "payload" if "payload" in record else "event"
            if isinstance(record.get(place), dict):
                record[place] = sower.value(record[place], place, str(record.get("type", "")))
            lines.append(head + json.dumps(record))
        path.write_text("\n".join(lines) + "\n", "utf-8")
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as con:
        for (thread,) in con.execute("SELECT thread_id FROM projection_threads").fetchall():
            title, error = sower.text(spoken=False), sower.text(spoken=False)
            con.execute("UPDATE projection_threads SET title = ? WHERE thread_id = ?", (title, thread))
            con.execute(
                "UPDATE projection_thread_sessions SET last_error = ? WHERE thread_id = ?",
                (error, thread),
            )
        rows = con.execute("SELECT sequence, event_type, payload_json FROM orchestration_events")
        for sequence, kind, payload in rows.fetchall():
            changed = json.dumps(sower.value(json.loads(payload), "payload", kind))
            con.execute(
                "UPDATE orchestration_events SET payload_json = ? WHERE sequence = ?",
                (changed, sequence),
            )
        con.commit()
    return sower.seeds
