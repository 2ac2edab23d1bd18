"""The rows an offline repair writes: the one event the server itself would have written, and what goes with it.

Everything is taken from the thread's own rows, so that fields of a build t3lens does not know are kept.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from t3lens.domain.event import Event
from t3lens.errors import InputError
from t3lens.t3code.v1.event_types import SESSION_SET
from t3lens.t3code.v1.lifecycle.projection import ProjectedThread, project
from t3lens.t3code.v1.rules import STARTUP_RECONCILE_ERROR, Rules
from t3lens.t3code.v1.schema import (
    COMMAND_RECEIPTS,
    EVENT_COLUMNS,
    ORCHESTRATION_EVENTS,
    PROJECTION_THREAD_SESSIONS,
    PROVIDER_SESSION_RUNTIME,
    RECEIPT_COLUMNS,
)
from t3lens.t3code.v1.writers import REACTOR
from t3lens.time import Micros, iso, parse_iso

__all__ = [
    "BINDING_COLUMNS",
    "COMMAND_PREFIX",
    "WRITTEN_TABLES",
    "RepairRows",
    "check_schema",
    "make_rows",
    "replayed",
    "settled",
    "stored_events",
    "write_rows",
    "written",
]

COMMAND_PREFIX: Final = f"{REACTOR}t3lens-offline-repair:"
"""So a reader of the event store sees who wrote it."""

_NEEDED: Final = {
    ORCHESTRATION_EVENTS: set(EVENT_COLUMNS),
    COMMAND_RECEIPTS: set(RECEIPT_COLUMNS),
    PROVIDER_SESSION_RUNTIME: {"thread_id", "status", "last_seen_at", "runtime_payload_json"},
    PROJECTION_THREAD_SESSIONS: {"thread_id", "status", "active_turn_id"},
}


WRITTEN_TABLES: Final = (ORCHESTRATION_EVENTS, COMMAND_RECEIPTS, PROVIDER_SESSION_RUNTIME)
"""All that a repair writes into."""

BINDING_COLUMNS: Final = ("status", "last_seen_at", "runtime_payload_json")
"""What it changes of a runtime binding."""


class RepairRows(msgspec.Struct, frozen=True, kw_only=True):
    """The exact rows.

    Attributes:
        event: The new row of ``orchestration_events``, without its ``sequence``.
        receipt: The new row of ``orchestration_command_receipts``, without its ``result_sequence``.
        binding_before: What the runtime binding is changed from; None if there is none.
        binding_after: What the runtime binding is changed to; None if there is none.
    """

    event: dict[str, Any]
    receipt: dict[str, Any]
    binding_before: dict[str, Any] | None
    binding_after: dict[str, Any] | None


def check_schema(con: sqlite3.Connection) -> None:
    """Return if the tables have every column the repair writes, and none more that must not be empty.

    Raises:
        InputError: They do not: this build is not known well enough to write into its database.
    """
    for table, needed in _NEEDED.items():
        columns = {str(row[1]): (bool(row[3]), row[4]) for row in con.execute(f"PRAGMA table_info({table})")}
        missing = needed - columns.keys()
        if missing:
            raise InputError(
                f"{table} lacks {', '.join(sorted(missing))}: this build's database is not known well enough to repair it",
                code="schema-unknown",
            )
        if table in (ORCHESTRATION_EVENTS, COMMAND_RECEIPTS):
            unknown = sorted(
                name for name, (not_null, default) in columns.items() if name not in needed and not_null and default is None
            )
            if unknown:
                raise InputError(
                    f"{table} has columns t3lens cannot fill ({', '.join(unknown)}): nothing is written",
                    code="schema-unknown",
                )


def make_rows(con: sqlite3.Connection, thread_id: str, at: Micros) -> RepairRows | None:
    """The rows that settle the thread's session; None if it never had one.

    They say what rule R11 says of a session that is not live: ``stopped``, no active turn, and a ``last_error``
    with the reason, in the words the server itself uses at its start.
    """
    newest = con.execute(
        f"SELECT payload_json FROM {ORCHESTRATION_EVENTS} WHERE aggregate_kind = 'thread'"
        " AND stream_id = ? AND event_type = ? ORDER BY sequence DESC LIMIT 1",
        (thread_id, SESSION_SET),
    ).fetchone()
    payload = _object(newest[0]) if newest else {}
    session = payload.get("session")
    if not isinstance(session, dict):
        return None
    version = con.execute(
        f"SELECT max(stream_version) FROM {ORCHESTRATION_EVENTS} WHERE aggregate_kind = 'thread' AND stream_id = ?",
        (thread_id,),
    ).fetchone()[0]
    moment = iso(at)
    command_id = f"{COMMAND_PREFIX}{uuid.uuid4()}"
    corrected = {
        **session,
        "status": "stopped",
        "activeTurnId": None,
        "lastError": STARTUP_RECONCILE_ERROR,
        "updatedAt": moment,
    }
    before = _binding(con, thread_id)
    return RepairRows(
        event={
            "event_id": str(uuid.uuid4()),
            "aggregate_kind": "thread",
            "stream_id": thread_id,
            "stream_version": int(version) + 1,
            "event_type": SESSION_SET,
            "occurred_at": moment,
            "command_id": command_id,
            "causation_event_id": None,
            "correlation_id": command_id,
            "actor_kind": "server",
            "payload_json": _text({**payload, "session": corrected}),
            "metadata_json": "{}",
        },
        receipt={
            "command_id": command_id,
            "aggregate_kind": "thread",
            "aggregate_id": thread_id,
            "accepted_at": moment,
            "status": "accepted",
            "error": None,
        },
        binding_before=before,
        binding_after=None if before is None else _stopped(before, moment),
    )


def write_rows(con: sqlite3.Connection, rows: RepairRows) -> int:
    """Write them, in the caller's transaction; the event's sequence."""
    sequence = _insert(con, ORCHESTRATION_EVENTS, rows.event)
    _insert(con, COMMAND_RECEIPTS, {**rows.receipt, "result_sequence": sequence})
    if rows.binding_after is not None:
        con.execute(
            f"UPDATE {PROVIDER_SESSION_RUNTIME} SET status = ?, last_seen_at = ?, runtime_payload_json = ?"
            " WHERE thread_id = ?",
            (
                rows.binding_after["status"],
                rows.binding_after["last_seen_at"],
                rows.binding_after["runtime_payload_json"],
                rows.event["stream_id"],
            ),
        )
    return sequence


def written(con: sqlite3.Connection, rows: RepairRows, sequence: int) -> bool:
    """Whether the rows stand there as planned, each once."""
    planned = ((ORCHESTRATION_EVENTS, rows.event), (COMMAND_RECEIPTS, {**rows.receipt, "result_sequence": sequence}))
    for table, row in planned:
        sql = f"SELECT {', '.join(row)} FROM {table} WHERE command_id = ?"
        if con.execute(sql, (rows.event["command_id"],)).fetchall() != [tuple(row.values())]:
            return False
    return rows.binding_after is None or _binding(con, rows.event["stream_id"]) == rows.binding_after


def stored_events(con: sqlite3.Connection, thread_id: str) -> list[Event]:
    """The thread's stored events by sequence, for a replay."""
    return [
        _event(row)
        for row in con.execute(
            "SELECT event_id, event_type, occurred_at, payload_json, sequence, command_id"
            f" FROM {ORCHESTRATION_EVENTS} WHERE aggregate_kind = 'thread' AND stream_id = ?"
            " ORDER BY sequence",
            (thread_id,),
        )
    ]


def replayed(events: Sequence[Event], rules: Rules) -> ProjectedThread:
    """The rows that the server will make of these events when it starts."""
    return project(events, rules)


def settled(thread: ProjectedThread, rules: Rules) -> bool:
    """Whether the session is over, and no turn runs (builds before 0.0.28 leave turns running for ever)."""
    session = thread.session
    if session is None or session.status != "stopped" or session.active_turn_id is not None:
        return False
    if not rules.session_settles_turns:
        return True
    return all(turn.state != "running" for turn in thread.turns.values())


def _insert(con: sqlite3.Connection, table: str, row: dict[str, Any]) -> int:
    # the table and column names are this module's own, never input
    names = ", ".join(row)
    marks = ", ".join("?" for _ in row)
    cursor = con.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _binding(con: sqlite3.Connection, thread_id: str) -> dict[str, Any] | None:
    row = con.execute(
        f"SELECT status, last_seen_at, runtime_payload_json FROM {PROVIDER_SESSION_RUNTIME} WHERE thread_id = ?",
        (thread_id,),
    ).fetchone()
    if row is None:
        return None
    return {"status": row[0], "last_seen_at": row[1], "runtime_payload_json": row[2]}


def _stopped(before: dict[str, Any], moment: str) -> dict[str, Any]:
    text = before["runtime_payload_json"]
    payload = _object(text)
    if payload:
        text = _text({**payload, "activeTurnId": None})
    return {"status": "stopped", "last_seen_at": moment, "runtime_payload_json": text}


def _event(row: Sequence[Any]) -> Event:
    payload = _object(row[3])
    turn_id, request_id = payload.get("turnId"), payload.get("requestId")
    try:
        at = parse_iso(str(row[2]))
    except ValueError:
        at = 0
    return Event(
        event_id=str(row[0]),
        type=str(row[1]),
        at=at,
        turn_id=turn_id if isinstance(turn_id, str) else None,
        request_id=request_id if isinstance(request_id, str) else None,
        payload=payload,
        sequence=int(row[4]),
        command_id=row[5],
    )


def _object(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
