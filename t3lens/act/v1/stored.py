"""What V1's ``state.sqlite`` says of a thread, of a command, and of whether the server carries commands out."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.act.target import CommandFailure, NewestEvent, Scope, SessionSeen
from t3lens.ingest.open_database import open_database
from t3lens.t3code.json_values import as_text, as_time
from t3lens.t3code.v1.event_types import (
    APPROVAL_RESOLVED,
    APPROVAL_RESPONSE_REQUESTED,
    FAILED_SUFFIX,
    PROVIDER_ACTIVITY_PREFIX,
    SESSION_SET,
    SESSION_STOP_REQUESTED,
    THREAD_ARCHIVED,
    THREAD_DELETED,
    THREAD_UNARCHIVED,
    TURN_DIFF_COMPLETED,
    TURN_INTERRUPT_REQUESTED,
    TURN_START_REQUESTED,
    USER_INPUT_RESPONSE_REQUESTED,
)
from t3lens.t3code.v1.schema import (
    COMMAND_RECEIPTS,
    ORCHESTRATION_EVENTS,
    PROJECTION_PENDING_APPROVALS,
    PROJECTION_THREAD_ACTIVITIES,
    PROJECTION_THREAD_SESSIONS,
    PROJECTION_THREADS,
    PROJECTION_TURNS,
    PROVIDER_SESSION_RUNTIME,
)
from t3lens.t3code.v1.wire import failure_detail, failure_request
from t3lens.t3code.v1.writers import REACTOR
from t3lens.time import Micros

__all__ = ["StoredReceipt", "StoredThread", "carried_out_since", "read_receipt", "read_thread"]

_LIFECYCLE: Final = frozenset(
    {
        SESSION_SET,
        TURN_START_REQUESTED,
        TURN_INTERRUPT_REQUESTED,
        SESSION_STOP_REQUESTED,
        APPROVAL_RESPONSE_REQUESTED,
        USER_INPUT_RESPONSE_REQUESTED,
        THREAD_ARCHIVED,
        THREAD_UNARCHIVED,
        THREAD_DELETED,
    }
)
_TYPES: Final[dict[Scope, frozenset[str] | None]] = {
    Scope.ANY: None,
    Scope.PROGRESS: _LIFECYCLE | {TURN_DIFF_COMPLETED},
    Scope.LIFECYCLE: _LIFECYCLE,
}
"""Which stored events count in which scope; None: all."""


class StoredThread(msgspec.Struct, frozen=True, kw_only=True):
    """What the database says of one thread, as far as it could be read.

    Attributes:
        complete: Everything could be read; only then are ``newest_at`` and ``sequence`` known.
        found: The thread has a row; if not, the next three say nothing.
        title: Its title.
        archived: It is archived.
        deleted: It is deleted.
        session: Its session.
        binding: Status of the runtime binding; None if there is none, or it could not be read:
        binding_read: whether it could be.
        turns: Stored state by turn id; None if it could not be read.
        pending_start: A message waits to be taken up.
        open_requests: Ids of the open approvals; None if they could not be read.
        answered: Ids of the approvals whose answer the provider took.
        failures: Activities that report a failed command.
        marks: The newest event of each scope.
        newest_at: When the newest event of the thread occurred, microseconds UTC.
        sequence: Newest sequence of the event store as a whole.
    """

    complete: bool = False
    found: bool = False
    title: str | None = None
    archived: bool = False
    deleted: bool = False
    session: SessionSeen | None = None
    binding: str | None = None
    binding_read: bool = False
    turns: dict[str, str] | None = None
    pending_start: bool = False
    open_requests: tuple[str, ...] | None = None
    answered: tuple[str, ...] = ()
    failures: tuple[CommandFailure, ...] = ()
    marks: dict[Scope, NewestEvent] = {}
    newest_at: Micros | None = None
    sequence: int | None = None


class StoredReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the event store says of a command.

    Attributes:
        status: ``accepted`` or ``rejected``.
        sequence: Where the event store stood after it.
        reason: Why it was rejected; empty if it was not.
    """

    status: str
    sequence: int | None
    reason: str


def read_thread(database: Path, thread_id: str, *, alive: bool) -> StoredThread:
    """What the database says of the thread now; an unreadable one says nothing.

    Args:
        database: ``state.sqlite``.
        thread_id: The thread.
        alive: The server runs, or ran a moment ago: the database is read in place. Otherwise one with a WAL is
            copied first, so that reading leaves no trace beside it.
    """
    found: dict[str, Any] = {"marks": {}}
    with suppress(sqlite3.Error, OSError), open_database(database, alive=alive) as con:
        con.row_factory = sqlite3.Row
        con.execute("BEGIN")
        _read(con, thread_id, found)
        con.execute("ROLLBACK")
        found["complete"] = True
    return StoredThread(**found)


def read_receipt(database: Path, command_id: str) -> tuple[bool, StoredReceipt | None]:
    """Whether the receipts can be read, and the one of this command."""
    with suppress(sqlite3.Error, OSError), open_database(database, alive=True) as con:
        row = con.execute(
            f"SELECT status, result_sequence, error FROM {COMMAND_RECEIPTS} WHERE command_id = ?",
            (command_id,),
        ).fetchone()
        if row is None:
            return True, None
        return True, StoredReceipt(
            status=str(row[0]),
            sequence=row[1] if isinstance(row[1], int) else None,
            reason=str(row[2] or "")[:500],
        )
    return False, None


def carried_out_since(database: Path, sequence: int) -> bool | None:
    """Whether the server's reactors wrote anything after ``sequence``; None if that cannot be read."""
    with suppress(sqlite3.Error, OSError), open_database(database, alive=True) as con:
        count = con.execute(
            f"SELECT count(*) FROM {ORCHESTRATION_EVENTS} WHERE sequence > ? AND command_id LIKE ?",
            (sequence, f"{REACTOR}%"),
        ).fetchone()[0]
        return int(count) > 0
    return None


def _read(con: sqlite3.Connection, thread_id: str, found: dict[str, Any]) -> None:
    thread = _row(con, PROJECTION_THREADS, thread_id)
    if thread is not None:
        found["found"] = True
        found["title"] = as_text(_cell(thread, "title"))
        found["archived"] = _cell(thread, "archived_at") is not None
        found["deleted"] = _cell(thread, "deleted_at") is not None
    session = _row(con, PROJECTION_THREAD_SESSIONS, thread_id)
    if session is not None:
        found["session"] = SessionSeen(
            status=as_text(_cell(session, "status")) or "",
            active_turn_id=as_text(_cell(session, "active_turn_id")),
            last_error=as_text(_cell(session, "last_error")),
            updated_at=as_time(_cell(session, "updated_at")),
            provider=as_text(_cell(session, "provider_name")),
        )
    with suppress(sqlite3.Error):
        binding = _row(con, PROVIDER_SESSION_RUNTIME, thread_id)
        found["binding_read"] = True
        found["binding"] = None if binding is None else as_text(_cell(binding, "status"))
    with suppress(sqlite3.Error):
        _turns(con, thread_id, found)
    with suppress(sqlite3.Error):
        pending = con.execute(
            f"SELECT request_id FROM {PROJECTION_PENDING_APPROVALS} WHERE thread_id = ? AND status = 'pending'"
            " ORDER BY created_at, request_id",
            (thread_id,),
        )
        found["open_requests"] = tuple(str(row["request_id"]) for row in pending)
    with suppress(sqlite3.Error):
        found["answered"] = _answered(con, thread_id)
    with suppress(sqlite3.Error):
        found["failures"] = _failures(con, thread_id)
    found["newest_at"] = _marks(con, thread_id, found["marks"])
    newest = con.execute(f"SELECT max(sequence) FROM {ORCHESTRATION_EVENTS}").fetchone()[0]
    found["sequence"] = newest if type(newest) is int else None


def _turns(con: sqlite3.Connection, thread_id: str, found: dict[str, Any]) -> None:
    turns: dict[str, str] = {}
    for turn in con.execute(
        f"SELECT turn_id, state FROM {PROJECTION_TURNS} WHERE thread_id = ? ORDER BY rowid",
        (thread_id,),
    ):
        if turn["turn_id"] is None:
            found["pending_start"] = True
        else:
            turns[str(turn["turn_id"])] = str(turn["state"])
    found["turns"] = turns


def _marks(con: sqlite3.Connection, thread_id: str, marks: dict[Scope, NewestEvent]) -> Micros | None:
    """Fill in the newest event of each scope; when the newest of all occurred."""
    wanted = dict(_TYPES)
    newest: Micros | None = None
    for row in con.execute(
        f"SELECT sequence, event_type, occurred_at FROM {ORCHESTRATION_EVENTS}"
        " WHERE aggregate_kind = 'thread' AND stream_id = ? ORDER BY sequence DESC",
        (thread_id,),
    ):
        at = as_time(row["occurred_at"])
        newest = newest or at
        for scope, types in list(wanted.items()):
            if types is None or row["event_type"] in types:
                marks[scope] = NewestEvent(sequence=row["sequence"], at=at)
                del wanted[scope]
        if not wanted:
            break
    return newest


def _failures(con: sqlite3.Connection, thread_id: str) -> tuple[CommandFailure, ...]:
    found = []
    for row in con.execute(
        f"SELECT activity_id, kind, payload_json FROM {PROJECTION_THREAD_ACTIVITIES}"
        f" WHERE thread_id = ? AND kind LIKE '{PROVIDER_ACTIVITY_PREFIX}%{FAILED_SUFFIX}'",
        (thread_id,),
    ):
        payload = _payload(row)
        kind = str(row["kind"])
        found.append(
            CommandFailure(
                activity_id=str(row["activity_id"]),
                kind=kind,
                detail=failure_detail(payload, kind),
                request_id=failure_request(payload),
            )
        )
    return tuple(found)


def _answered(con: sqlite3.Connection, thread_id: str) -> tuple[str, ...]:
    rows = con.execute(
        f"SELECT payload_json FROM {PROJECTION_THREAD_ACTIVITIES} WHERE thread_id = ? AND kind = '{APPROVAL_RESOLVED}'",
        (thread_id,),
    )
    return tuple(request for row in rows if (request := failure_request(_payload(row))) is not None)


def _payload(row: sqlite3.Row) -> Any:
    try:
        return msgspec.json.decode(row["payload_json"] or "null")
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None


def _row(con: sqlite3.Connection, table: str, thread_id: str) -> sqlite3.Row | None:
    # the table names are this project's own, never input
    found: sqlite3.Row | None = con.execute(f"SELECT * FROM {table} WHERE thread_id = ?", (thread_id,)).fetchone()
    return found


def _cell(row: sqlite3.Row, column: str) -> Any:
    return row[column] if column in row.keys() else None  # noqa: SIM118 - a Row iterates its values
