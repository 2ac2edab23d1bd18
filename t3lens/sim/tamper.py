"""Damage done to a closed home by hand: rows, receipts, bytes and log lines that no server would write."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from t3lens.sim.statedb import fix_header
from t3lens.time import Micros, iso

__all__ = [
    "corrupt_database",
    "cut_log_head",
    "drop_log_lines",
    "edit_database",
    "log_files",
    "write_span",
]


def edit_database(home: Path, *statements: tuple[str, tuple[Any, ...]]) -> None:
    """Run SQL on ``state.sqlite`` and leave it as compact as before."""
    path = home / "userdata" / "state.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = DELETE")
    for statement, parameters in statements:
        connection.execute(statement, parameters)
    connection.execute("VACUUM")
    connection.close()
    fix_header(path)


def corrupt_database(home: Path) -> None:
    """Overwrite the inside of one page in the middle: the file opens, and its check fails."""
    path = home / "userdata" / "state.sqlite"
    connection = sqlite3.connect(path)
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'idx_orch_events_command_id'").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * size + size // 2)
        file.write(b"\xa5" * (size // 4))


def log_files(home: Path, thread_id: str) -> list[Path]:
    """The thread's log files, oldest first."""
    folder = home / "userdata" / "logs" / "provider"
    found = [path for path in folder.iterdir() if thread_id in path.name]
    return sorted(found, key=lambda path: -int(path.suffix[1:]) if path.suffix[1:].isdigit() else 1)


def drop_log_lines(home: Path, thread_id: str, doomed: Callable[[bytes], bool]) -> int:
    """Remove the lines of the thread's log that ``doomed`` names; how many those were."""
    count = 0
    for path in log_files(home, thread_id):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not doomed(line)]
        count += len(lines) - len(kept)
        path.write_bytes(b"".join(kept))
    return count


def cut_log_head(home: Path, thread_id: str, lines: int) -> None:
    """Lose the first ``lines`` lines of the thread's log, as a rotation that went wrong does."""
    path = log_files(home, thread_id)[0]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[lines:]))


def write_span(
    userdata: Path,
    name: str,
    start: Micros,
    *,
    seconds: float = 0.01,
    events: tuple[dict[str, Any], ...] = (),
    **attributes: Any,
) -> None:
    """Append one completed span to the server's trace."""
    begin = start * 1000
    span = {
        "type": "effect-span",
        "name": name,
        "traceId": "1" * 32,
        "spanId": f"{abs(begin) & 0xFFFFFFFFFFFFFFFF:016x}",
        "parentSpanId": None,
        "startTimeUnixNano": str(begin),
        "endTimeUnixNano": str(begin + round(seconds * 1e9)),
        "durationMs": seconds * 1000,
        "attributes": attributes,
        "events": [{**event, "timeUnixNano": str(begin)} for event in events],
        "exit": {"_tag": "Success"},
        "loggedAt": iso(start),
    }
    with (userdata / "logs" / "server.trace.ndjson").open("ab") as file:
        file.write(msgspec.json.encode(span) + b"\n")
