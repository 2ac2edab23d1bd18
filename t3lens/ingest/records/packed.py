"""What an evidence bundle keeps of the agents' own records: what they say of each turn, and nothing that was said.

The records themselves stay where they are; a home that has this file is judged by it, and none is looked for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.errors import InputError
from t3lens.reading import open_regular

__all__ = ["PACKED", "PackedMark", "PackedRecord", "PackedTurn", "pack", "read_packed", "record_row", "turn_rows"]

PACKED: Final = "agent-records.json"
_LARGEST: Final = 256 << 20


class PackedMark(msgspec.Struct, frozen=True):
    """A place in a record; see :class:`t3lens.agents.RecordMark`."""

    what: str
    at: int | None = None
    line: int | None = None
    offset: int | None = None
    size: int | None = None
    table: str | None = None
    row: str | None = None


class PackedTurn(msgspec.Struct, frozen=True):
    """A row of ``record_turns``; times in microseconds UTC."""

    place: int
    outcome: str
    confidence: str
    kind: str
    turn_id: str | None = None
    why: str | None = None
    started_at: int | None = None
    ended_at: int | None = None
    error: str | None = None
    retries: int = 0
    steered_by: list[str] = []
    inherited: bool = False
    void: bool = False
    marks: list[PackedMark] = []


class PackedRecord(msgspec.Struct, frozen=True):
    """A row of ``provider_records`` with its turns; times in microseconds UTC."""

    thread_id: str
    provider: str
    session_id: str
    state: str
    path: str | None = None
    why: str | None = None
    builds: list[str] = []
    cwd: str | None = None
    origin: str | None = None
    parent: str | None = None
    first_at: int | None = None
    last_at: int | None = None
    size: int | None = None
    lines: int | None = None
    unread: int | None = None
    torn: int | None = None
    open_sub_agents: list[str] = []
    read_at: int = 0
    turns: list[PackedTurn] = []


def pack(folder: Path, records: list[PackedRecord]) -> None:
    """Write what is known of the records of a home's threads beside its database."""
    (folder / PACKED).write_bytes(msgspec.json.format(msgspec.json.encode(records), indent=1) + b"\n")


def read_packed(folder: Path) -> list[PackedRecord] | None:
    """What a home in a bundle has of its agents' records; None if the folder is no such home.

    Raises:
        InputError: The file is there and cannot be read, or is none of ours.
    """
    path = folder / PACKED
    try:
        with open_regular(path) as stream:
            content = stream.read(_LARGEST)
        return msgspec.json.decode(content, type=list[PackedRecord])
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", code="bad-records") from None


def record_row(record: PackedRecord) -> dict[str, Any]:
    """The record as a row of the store."""
    row = msgspec.structs.asdict(record)
    del row["turns"]
    return {**row, "stamp": None, "took": 0}


def turn_rows(record: PackedRecord) -> list[dict[str, Any]]:
    """Its turns as rows of the store."""
    rows = []
    for turn in record.turns:
        row = msgspec.structs.asdict(turn)
        marks = [msgspec.structs.asdict(mark) for mark in turn.marks]
        rows.append(
            {**row, "thread_id": record.thread_id, "steered_by": json.dumps(turn.steered_by), "marks": json.dumps(marks)}
        )
    return rows
