"""A canary in every text of a home: whatever shows it must show it as text."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

MARK = "c4n4ry"
CANARY = (
    f"<script>window.{MARK}=1</script><img src=x onerror='window.{MARK}=2'>"
    f"<a href=\"javascript:window.{MARK}=3\" target='_blank'>{MARK}</a></script></style>]]>-->"
    f"<svg onload=window.{MARK}=4><b>bold</b> $\\href{{javascript:window.{MARK}=5}}{{x}}$ %{{x}} {{{{7*7}}}} "
    "\x1b[31;5mred\x1b]0;title\x07 \u202egnp.exe\u202c \u2066x\u2069  \x08 '\";--"
)
LONG = CANARY + "<i>" * 20 + "A" * 1_000_000

# What must keep its meaning for the records to be records at all.
_KEPT = re.compile(
    r"^(type|state|status|label|createdAt|updatedAt|observedAt|occurredAt|itemType|requestType|streamKind|"
    r"runtimeMode|interactionMode|kind|role|method|provider|source|messageType|activeTurnId|threadId|turnId)$"
)


def poison(home: Path) -> None:
    """Put the canary into every free text of the logs and the database of ``home``."""
    for path in (home / "userdata" / "logs" / "provider").iterdir():
        lines = []
        for number, line in enumerate(path.read_text("utf-8").splitlines()):
            head, brace, body = line.partition("{")
            record = _poisoned(json.loads(brace + body), long=number == 3)
            lines.append(head + json.dumps(record))
        path.write_text("\n".join(lines) + "\n", "utf-8")
    _poison_database(home / "userdata" / "state.sqlite")


def _poisoned(value: Any, name: str = "", *, long: bool = False) -> Any:
    if isinstance(value, dict):
        made = {key: _poisoned(part, key, long=long) for key, part in value.items()}
        return {**made, CANARY: CANARY} if name in ("payload", "properties") else made
    if isinstance(value, list):
        return [_poisoned(part, name, long=long) for part in value]
    if isinstance(value, str) and not _KEPT.match(name):
        if name.lower().endswith("id"):
            return f"{value}{CANARY}"
        return LONG if long else CANARY
    return value


_TEXTS = {
    "projection_threads": ("title",),
    "projection_thread_sessions": ("last_error", "provider_name"),
    "projection_projects": ("title",),
    "projection_turns": ("pending_message_id", "checkpoint_ref"),
    "orchestration_command_receipts": ("error",),
}


def _poison_database(path: Path) -> None:
    text = CANARY.encode("utf-8", "replace").decode().replace("\x00", "")
    with closing(sqlite3.connect(path)) as con:
        for table, columns in _TEXTS.items():
            there = {row[1] for row in con.execute(f"PRAGMA table_info({table})")}
            for column in columns:
                if column in there:
                    con.execute(f"UPDATE {table} SET {column} = ?", (text,))
        rows = con.execute("SELECT sequence, payload_json FROM orchestration_events").fetchall()
        for sequence, payload in rows:
            changed = json.dumps(_poisoned(json.loads(payload), "payload"))
            con.execute(
                "UPDATE orchestration_events SET payload_json = ?, causation_event_id = ? WHERE sequence = ?",
                (changed, text, sequence),
            )
        con.commit()
