"""What a database of the second data model says of a thread, and of what a restart of its server would cost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.act.plan import OWN_COMMAND
from t3lens.act.target import NewestEvent, Scope
from t3lens.act.v2.observation import EffectSeen
from t3lens.ingest.open_database import open_database
from t3lens.t3code.json_values import as_time
from t3lens.t3code.v1.schema import COMMAND_RECEIPTS, ORCHESTRATION_EVENTS
from t3lens.t3code.v2 import events as types
from t3lens.t3code.v2.schema import EFFECT_OUTBOX, PAYLOAD_COLUMN, TABLES, THREADS
from t3lens.t3code.v2.wire import ThreadShown, thread_shown
from t3lens.t3code.v2.words import QUESTION_ITEM, RUN_LIVE, EffectStatus, RunStatus
from t3lens.time import Micros

__all__ = ["Cost", "StoredSecond", "cost_of_restart", "read_thread"]

_SOURCE: Final = {table.name: table.source for table in TABLES}
_PARTS: Final = {"runs": "runs", "provider_turns": "providerTurns", "runtime_requests": "runtimeRequests"}
"""Tables of a thread, and what the API calls them."""

_ACCEPTED: Final = f"SELECT command_id FROM {COMMAND_RECEIPTS} WHERE status = 'accepted' AND command_id LIKE ?"

_LIFECYCLE: Final = types.LIFECYCLE_TYPES - {types.TURN_ITEM_UPDATED, types.PROVIDER_SESSION_UPDATED}
_AT_WORK: Final = ("run", "turn-item.", "message.", "node.", "subagent.", "provider-turn.", "plan.")
"""How types of events begin that are about a run's work; the others come and go while a run hangs."""


class StoredSecond(msgspec.Struct, frozen=True, kw_only=True):
    """What the database says of one thread, as far as it could be read.

    Attributes:
        complete: Everything could be read.
        found: The thread has a row; if not, nothing else but ``sequence`` says something.
        shown: The thread, as the API would show it.
        effects: What stands in its outbox, by time.
        accepted: Ids of our own commands that the server stored.
        native_ids: Ids under which its providers know it.
        marks: The newest event of each scope.
        newest_at: When the newest event of the thread occurred, microseconds UTC.
        sequence: Newest sequence of the event store as a whole.
    """

    complete: bool = False
    found: bool = False
    shown: ThreadShown = ThreadShown()
    effects: tuple[EffectSeen, ...] = ()
    accepted: frozenset[str] = frozenset()
    native_ids: frozenset[str] = frozenset()
    marks: dict[Scope, NewestEvent] = {}
    newest_at: Micros | None = None
    sequence: int | None = None


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a restart of the server would end, in all threads.

    Attributes:
        live: Threads with a run that is at work, by title, else id.
        queued: Number of queued messages.
    """

    live: tuple[str, ...] = ()
    queued: int = 0


def read_thread(database: Path, thread_id: str, *, alive: bool) -> StoredSecond:
    """What the database says of the thread now; an unreadable one says nothing.

    Args:
        database: The database in use.
        thread_id: The thread.
        alive: The server runs, or ran a moment ago: the database is read in place. Otherwise one with a WAL is
            copied first, so that reading leaves no trace beside it.
    """
    found: dict[str, Any] = {}
    with suppress(sqlite3.Error, OSError), open_database(database, alive=alive) as con:
        con.row_factory = sqlite3.Row
        con.execute("BEGIN")
        _read(con, thread_id, found)
        con.execute("ROLLBACK")
        found["complete"] = True
    return StoredSecond(**found) if found.get("complete") else StoredSecond()


def cost_of_restart(database: Path, *, but: str) -> Cost:
    """What a restart would end beside the thread ``but``; nothing if that cannot be read.

    Args:
        database: The database in use.
        but: A thread that is not counted for its live run: that is to end anyway. Its queued messages count.
    """
    live: list[str] = []
    queued = 0
    words = ", ".join("?" for _ in RUN_LIVE)
    with suppress(sqlite3.Error, OSError), open_database(database, alive=True) as con:
        for thread_id, status, title in con.execute(
            f"SELECT r.thread_id, r.status, t.title FROM {_SOURCE['runs']} r LEFT JOIN {THREADS} t USING (thread_id)"
            f" WHERE r.status IN ({words}) AND t.deleted_at IS NULL ORDER BY r.thread_id, r.ordinal",
            sorted(RUN_LIVE),
        ):
            if status == RunStatus.QUEUED:
                queued += 1
            elif thread_id != but:
                live.append(str(title or thread_id))
    return Cost(live=tuple(dict.fromkeys(live)), queued=queued)


def _read(con: sqlite3.Connection, thread_id: str, found: dict[str, Any]) -> None:
    newest = con.execute(f"SELECT max(sequence) FROM {ORCHESTRATION_EVENTS}").fetchone()[0]
    found["sequence"] = newest if type(newest) is int else None
    thread = next(_payloads(con, f"SELECT {PAYLOAD_COLUMN} FROM {THREADS} WHERE thread_id = ?", thread_id), None)
    if thread is None:
        return
    projection: dict[str, Any] = {"thread": thread}
    for name, shown in _PARTS.items():
        projection[shown] = list(
            _payloads(con, f"SELECT {PAYLOAD_COLUMN} FROM {_SOURCE[name]} WHERE thread_id = ? ORDER BY rowid", thread_id)
        )
    projection["providerSessions"] = list(
        _payloads(
            con,
            f"SELECT s.{PAYLOAD_COLUMN} FROM {_SOURCE['provider_sessions']} s"
            f" JOIN {_SOURCE['provider_session_bindings']} b USING (provider_session_id) WHERE b.thread_id = ?",
            thread_id,
        )
    )
    projection["turnItems"] = list(
        _payloads(
            con,
            f"SELECT {PAYLOAD_COLUMN} FROM {_SOURCE['turn_items']} WHERE thread_id = ? AND type = '{QUESTION_ITEM}'",
            thread_id,
        )
    )
    said_by = [run.get("userMessageId") for run in projection["runs"] if run.get("status") in RUN_LIVE]
    wanted = [message_id for message_id in said_by if isinstance(message_id, str)]
    statement = f"SELECT {PAYLOAD_COLUMN} FROM {_SOURCE['messages']} WHERE message_id = ?"
    projection["messages"] = [payload for one in wanted for payload in _payloads(con, statement, one)]
    found["found"] = True
    found["shown"] = thread_shown(projection)
    found["effects"] = tuple(_effects(con, thread_id))
    found["accepted"] = frozenset(str(row[0]) for row in con.execute(_ACCEPTED, (f"{OWN_COMMAND}%",)))
    found["native_ids"] = frozenset(_native_ids(con, thread_id))
    found["marks"] = {}
    found["newest_at"] = _marks(con, thread_id, found["marks"])


def _effects(con: sqlite3.Connection, thread_id: str) -> Iterator[EffectSeen]:
    for row in con.execute(f"SELECT * FROM {EFFECT_OUTBOX} WHERE thread_id = ? ORDER BY created_at, rowid", (thread_id,)):
        payload = _decoded(row[PAYLOAD_COLUMN]) or {}
        run_id = payload.get("runId")
        running = row["status"] == EffectStatus.RUNNING
        held = as_time(row["lease_expires_at"]) or EffectSeen.lease_of(as_time(row["updated_at"]))
        yield EffectSeen(
            effect_id=str(row["effect_id"]),
            type=str(row["effect_type"]),
            status=str(row["status"]),
            command_id=str(row["command_id"]),
            run_id=run_id if isinstance(run_id, str) else None,
            held_until=held if running else None,
            last_error=str(row["last_error"])[:500] if row["last_error"] else None,
        )


def _native_ids(con: sqlite3.Connection, thread_id: str) -> Iterator[str]:
    statement = f"SELECT {PAYLOAD_COLUMN} FROM {_SOURCE['provider_threads']} WHERE thread_id = ?"
    for payload in _payloads(con, statement, thread_id):
        native = payload.get("nativeThreadRef")
        if isinstance(native, dict) and isinstance(native.get("nativeId"), str):
            yield native["nativeId"]


def _marks(con: sqlite3.Connection, thread_id: str, marks: dict[Scope, NewestEvent]) -> Micros | None:
    """Fill in the newest event of each scope; when the newest of all occurred."""
    wanted = set(Scope)
    newest: Micros | None = None
    for row in con.execute(
        f"SELECT sequence, event_type, occurred_at FROM {ORCHESTRATION_EVENTS}"
        " WHERE aggregate_kind = 'thread' AND stream_id = ? ORDER BY sequence DESC",
        (thread_id,),
    ):
        at, kind = as_time(row["occurred_at"]), str(row["event_type"])
        newest = newest or at
        for scope in list(wanted):
            if kind in _LIFECYCLE or (scope is not Scope.LIFECYCLE and kind.startswith(_AT_WORK)):
                marks[scope] = NewestEvent(sequence=row["sequence"], at=at)
                wanted.discard(scope)
        if not wanted:
            break
    return newest


def _payloads(con: sqlite3.Connection, statement: str, thread_id: str) -> Iterator[dict[str, Any]]:
    for (text,) in con.execute(statement, (thread_id,)):
        payload = _decoded(text)
        if payload is not None:
            yield payload


def _decoded(text: Any) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(text if isinstance(text, (str, bytes)) else b"null")
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
