"""A fresh look at one thread: what the server, ``state.sqlite`` and the newest log lines say right now.

Nothing is sent but reads, and nothing is written anywhere.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.act.client import Client
from t3lens.act.errors import NotFound
from t3lens.act.target import Failure, Freshness, Mark, Scope, SessionSeen, Sighting, Target
from t3lens.ingest.open_database import open_database
from t3lens.t3code.v1.log_grammar import parse_name
from t3lens.time import Micros, parse_iso

__all__ = ["look", "newest_marks", "now", "server_started_at"]

_LIFECYCLE_STORED: Final = frozenset(
    {
        "thread.session-set",
        "thread.turn-start-requested",
        "thread.turn-interrupt-requested",
        "thread.session-stop-requested",
        "thread.approval-response-requested",
        "thread.user-input-response-requested",
        "thread.archived",
        "thread.unarchived",
        "thread.deleted",
    }
)
_PROGRESS_STORED: Final = _LIFECYCLE_STORED | {"thread.turn-diff-completed"}
_LIFECYCLE_LOGGED: Final = frozenset(
    {
        "turn.started",
        "turn.completed",
        "turn.aborted",
        "session.started",
        "session.exited",
        "session.state.changed",
        "thread.started",
    }
)
_PROGRESS_LOGGED: Final = _LIFECYCLE_LOGGED | {
    "item.completed",
    "request.opened",
    "request.resolved",
    "user-input.requested",
    "user-input.resolved",
    "task.started",
    "task.completed",
}
_LINE: Final = re.compile(rb"\[(\d{4}-\d\d-\d\dT[0-9:.]{8,15}Z)\] ([A-Za-z]+): (.*)", re.DOTALL)
_CHUNK: Final = 1 << 18
_TAIL_BUDGET: Final = 8 << 20
_FAILED: Final = re.compile(r"provider\..+\.failed")


def now() -> Micros:
    """The present moment, microseconds UTC."""
    return time.time_ns() // 1000


def server_started_at(target: Target) -> Micros | None:
    """When the server that wrote ``server-runtime.json`` says it started."""
    try:
        content = json.loads((Path(target.home_path) / "server-runtime.json").read_bytes())
        return parse_iso(content["startedAt"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def look(target: Target, client: Client | None = None, *, alive: bool = False) -> Sighting:
    """What every readable source says of the thread now.

    Args:
        target: Which thread.
        client: The server's API, if it is to be asked; what it raises is not caught.
        alive: The server runs, or ran a moment ago: the database is read in place. Otherwise one with a WAL is
            copied first, so that reading leaves no trace beside it.

    Raises:
        ActionError: The server was asked and did not give an answer that can be used.
    """
    seen: dict[str, Any] = {"at": now()}
    sources: list[Freshness] = []
    marks: dict[Scope, Mark] = dict.fromkeys(Scope, Mark())
    if client is not None:
        _ask_server(target, client, seen, sources)
    if target.database is not None:
        with suppress(sqlite3.Error, OSError):
            _read_database(target, alive or client is not None, seen, sources, marks)
    if target.log_dir is not None:
        lines = newest_marks(Path(target.log_dir), target.thread_id)
        for scope, line in lines.items():
            mark = marks[scope]
            at = parse_iso(line.partition("@")[0])
            marks[scope] = Mark(sequence=mark.sequence, line=line, at=max(at, mark.at or at))
        newest = lines.get(Scope.ANY)
        sources.append(
            Freshness(
                source="log",
                read_at=now(),
                newest_at=parse_iso(newest.partition("@")[0]) if newest else None,
            )
        )
    if seen.get("session") is None:
        seen["session"] = seen.get("session_in_database")
    seen["server_started_at"] = server_started_at(target)
    return Sighting(marks=marks, sources=tuple(sources), **seen)


# --- the server ----------------------------------------------------------------------------------------------


def _ask_server(
    target: Target, client: Client, seen: dict[str, Any], sources: list[Freshness]
) -> None:
    environment = client.environment_seen or client.environment()
    seen["server_version"] = environment.version
    detail: dict[str, Any] | None = None
    shown: dict[str, Any] | None = None
    body: dict[str, Any] = {}
    if not environment.roles_only:
        with suppress(NotFound):
            body = client.thread(target.thread_id)
            detail = body["thread"]
    if detail is None:
        # archived and deleted threads, and builds without a route for one thread
        body = client.snapshot()
        threads = _dicts(body.get("threads"))
        shown = next((t for t in threads if t.get("id") == target.thread_id), None)
    seen["sequence"] = _whole(body.get("snapshotSequence"))
    thread = detail or shown
    read_at = now()
    if thread is None:
        sources.append(Freshness(source="server", read_at=read_at))
        return
    seen["found"] = True
    seen["title"] = _text(thread.get("title")) or ""
    seen["archived"] = thread.get("archivedAt") is not None
    seen["deleted"] = thread.get("deletedAt") is not None
    session = thread.get("session")
    if isinstance(session, dict):
        seen["session"] = SessionSeen(
            status=_text(session.get("status")) or "",
            active_turn_id=_text(session.get("activeTurnId")),
            last_error=_text(session.get("lastError")),
            updated_at=_time(session.get("updatedAt")),
            provider=_text(session.get("providerName")),
        )
    turn = thread.get("latestTurn")
    if isinstance(turn, dict) and _text(turn.get("turnId")):
        seen["turns"] = {turn["turnId"]: _text(turn.get("state")) or ""}
    seen["failures"] = tuple(_failures(thread.get("activities")))
    sources.append(
        Freshness(source="server", read_at=read_at, newest_at=_time(thread.get("updatedAt")))
    )


def _failures(activities: Any) -> Iterator[Failure]:
    for activity in _dicts(activities):
        kind = _text(activity.get("kind")) or ""
        if _FAILED.fullmatch(kind):
            payload = activity.get("payload")
            detail = payload.get("detail") if isinstance(payload, dict) else None
            yield Failure(
                activity_id=str(activity.get("id")), kind=kind, detail=_text(detail) or kind
            )


# --- the database --------------------------------------------------------------------------------------------


def _read_database(
    target: Target,
    alive: bool,
    seen: dict[str, Any],
    sources: list[Freshness],
    marks: dict[Scope, Mark],
) -> None:
    assert target.database is not None
    thread_id = target.thread_id
    with open_database(Path(target.database), alive=alive) as con:
        con.row_factory = sqlite3.Row
        con.execute("BEGIN")
        thread = _row(con, "projection_threads", thread_id)
        if thread is not None:
            seen["found"] = True
            seen["title"] = _text(_cell(thread, "title")) or seen.get("title", "")
            seen["archived"] = _cell(thread, "archived_at") is not None
            seen["deleted"] = _cell(thread, "deleted_at") is not None
        session = _row(con, "projection_thread_sessions", thread_id)
        if session is not None:
            seen["session_in_database"] = SessionSeen(
                status=_text(_cell(session, "status")) or "",
                active_turn_id=_text(_cell(session, "active_turn_id")),
                last_error=_text(_cell(session, "last_error")),
                updated_at=_time(_cell(session, "updated_at")),
                provider=_text(_cell(session, "provider_name")),
            )
        with suppress(sqlite3.Error):
            binding = _row(con, "provider_session_runtime", thread_id)
            seen["binding_read"] = True
            seen["binding"] = None if binding is None else _text(_cell(binding, "status"))
        turns: dict[str, str] = {}
        with suppress(sqlite3.Error):
            for turn in con.execute(
                "SELECT turn_id, state FROM projection_turns WHERE thread_id = ? ORDER BY rowid",
                (thread_id,),
            ):
                if turn["turn_id"] is None:
                    seen["pending_start"] = True
                else:
                    turns[str(turn["turn_id"])] = str(turn["state"])
            seen["turns"] = turns
        with suppress(sqlite3.Error):
            seen["open_requests"] = con.execute(
                "SELECT count(*) FROM projection_pending_approvals"
                " WHERE thread_id = ? AND status = 'pending'",
                (thread_id,),
            ).fetchone()[0]
        with suppress(sqlite3.Error):
            _stored_failures(con, thread_id, seen)
        newest_at = _stored_marks(con, thread_id, marks)
        newest = con.execute("SELECT max(sequence) FROM orchestration_events").fetchone()[0]
        seen["sequence"] = _whole(newest)
        con.execute("ROLLBACK")
    sources.append(Freshness(source="state.sqlite", read_at=now(), newest_at=newest_at))


def _stored_marks(
    con: sqlite3.Connection, thread_id: str, marks: dict[Scope, Mark]
) -> Micros | None:
    wanted = {
        Scope.ANY: None,
        Scope.PROGRESS: _PROGRESS_STORED,
        Scope.LIFECYCLE: _LIFECYCLE_STORED,
    }
    newest: Micros | None = None
    for row in con.execute(
        "SELECT sequence, event_type, occurred_at FROM orchestration_events"
        " WHERE aggregate_kind = 'thread' AND stream_id = ? ORDER BY sequence DESC",
        (thread_id,),
    ):
        at = _time(row["occurred_at"])
        newest = newest or at
        for scope, types in list(wanted.items()):
            if types is None or row["event_type"] in types:
                marks[scope] = Mark(sequence=row["sequence"], at=at)
                del wanted[scope]
        if not wanted:
            break
    return newest


def _stored_failures(con: sqlite3.Connection, thread_id: str, seen: dict[str, Any]) -> None:
    found = {failure.activity_id: failure for failure in seen.get("failures", ())}
    for row in con.execute(
        "SELECT activity_id, kind, payload_json FROM projection_thread_activities"
        " WHERE thread_id = ? AND kind LIKE 'provider.%.failed'",
        (thread_id,),
    ):
        try:
            payload = msgspec.json.decode(row["payload_json"] or "null")
        except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
            payload = None
        detail = payload.get("detail") if isinstance(payload, dict) else None
        found[str(row["activity_id"])] = Failure(
            activity_id=str(row["activity_id"]),
            kind=str(row["kind"]),
            detail=_text(detail) or str(row["kind"]),
        )
    seen["failures"] = tuple(found.values())


def _row(con: sqlite3.Connection, table: str, thread_id: str) -> sqlite3.Row | None:
    # the table names are this module's own, never input
    found: sqlite3.Row | None = con.execute(
        f"SELECT * FROM {table} WHERE thread_id = ?", (thread_id,)
    ).fetchone()
    return found


def _cell(row: sqlite3.Row, column: str) -> Any:
    return row[column] if column in row.keys() else None  # noqa: SIM118 - a Row iterates its values


# --- the log -------------------------------------------------------------------------------------------------


class _Native(msgspec.Struct, gc=False):
    thread: Any = msgspec.field(default=None, name="threadId")


class _Head(msgspec.Struct, gc=False):
    thread: Any = msgspec.field(default=None, name="threadId")
    type: Any = None
    event: Any = None


_DECODER: Final = msgspec.json.Decoder(_Head)


def newest_marks(log_dir: Path, thread_id: str) -> dict[Scope, str]:
    """Time and place of the newest log line of the thread, per scope.

    Only the last few megabytes are read: what is older than that is no sign of life.
    """
    found: dict[Scope, str] = {}
    budget = _TAIL_BUDGET
    for file in _files(log_dir, thread_id):
        try:
            with file.open("rb") as stream:
                for end, line in _lines_backwards(stream, budget):
                    budget -= len(line)
                    _mark(found, thread_id, line, end)
                    if len(found) == len(Scope) or budget <= 0:
                        return found
        except OSError:
            continue
    return found


def _mark(found: dict[Scope, str], thread_id: str, line: bytes, end: int) -> None:
    match = _LINE.fullmatch(line)
    if match is None:
        return
    try:
        head = _DECODER.decode(match[3])
    except (msgspec.MsgspecError, RecursionError):
        return
    of = head.thread
    if of is None and isinstance(head.event, dict):
        of = head.event.get("threadId")
    if of != thread_id:
        return
    place = f"{match[1].decode()}@{end}"
    found.setdefault(Scope.ANY, place)
    if match[2] == b"CANON":
        if head.type in _PROGRESS_LOGGED:
            found.setdefault(Scope.PROGRESS, place)
        if head.type in _LIFECYCLE_LOGGED:
            found.setdefault(Scope.LIFECYCLE, place)


def _files(log_dir: Path, thread_id: str) -> list[Path]:
    """The thread's log files, newest first."""
    segment = re.sub(r"[^a-z0-9_-]+", "-", thread_id.lower())[:80]
    found = []
    try:
        for path in log_dir.iterdir():
            name = parse_name(path.name)
            if (
                name is not None
                and name.kind == "provider-log"
                and name.compression is None
                and name.segment == segment
            ):
                found.append((-(name.generation or 0), name.rotation, path))
    except OSError:
        return []
    return [path for _, _, path in sorted(found)]


def _lines_backwards(stream: Any, budget: int) -> Iterator[tuple[int, bytes]]:
    """Complete lines, last first, each with the offset of its end; an unfinished last line is none."""
    position = stream.seek(0, 2)
    rest = b""
    first = True
    read = 0
    while position > 0 and read <= budget:
        size = min(_CHUNK, position)
        position -= size
        stream.seek(position)
        block = stream.read(size) + rest
        read += size
        pieces = block.split(b"\n")
        offset = position + len(block)
        rest = pieces[0]
        for piece in reversed(pieces[1:]):
            if first:
                first = False
                offset -= len(piece) + 1
                continue
            yield offset, piece.rstrip(b"\r")
            offset -= len(piece) + 1
    if position == 0 and rest and not first:
        yield len(rest), rest.rstrip(b"\r")


# --- cells ---------------------------------------------------------------------------------------------------


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


def _time(value: Any) -> Micros | None:
    if not isinstance(value, str):
        return None
    try:
        return parse_iso(value)
    except ValueError:
        return None


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for entry in value:
            if isinstance(entry, dict):
                yield entry
