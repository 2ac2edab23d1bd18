"""A fresh look at one thread: what the server, ``state.sqlite`` and the newest log lines say right now.

Nothing is sent but reads, and nothing is written anywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.act.server import Server, ThreadSeen
from t3lens.act.tail import TAIL_BUDGET, files_of, lines_backwards
from t3lens.act.target import CommandFailure, Freshness, NewestEvent, Scope, Sighting, Target
from t3lens.act.v1.stored import StoredThread, read_thread
from t3lens.act.v2.observe import observe_second
from t3lens.ingest.home_files import read_runtime
from t3lens.reading import open_regular
from t3lens.t3code.data_model import DataModel
from t3lens.t3code.home_layout import STATE_SQLITE
from t3lens.t3code.v1.event_types import (
    ITEM_COMPLETED,
    REQUEST_OPENED,
    REQUEST_RESOLVED,
    SESSION_EXITED,
    SESSION_STARTED,
    SESSION_STATE_CHANGED,
    TASK_COMPLETED,
    TASK_STARTED,
    THREAD_STARTED,
    TURN_ABORTED,
    TURN_COMPLETED,
    TURN_STARTED,
    USER_INPUT_REQUESTED,
    USER_INPUT_RESOLVED,
)
from t3lens.t3code.v1.log_grammar import CANONICAL, LINE_HEAD
from t3lens.time import Micros, now, parse_iso

__all__ = ["newest_marks", "observe", "server_started_at"]

_LIFECYCLE_LOGGED: Final = frozenset(
    {
        TURN_STARTED,
        TURN_COMPLETED,
        TURN_ABORTED,
        SESSION_STARTED,
        SESSION_EXITED,
        SESSION_STATE_CHANGED,
        THREAD_STARTED,
    }
)
_PROGRESS_LOGGED: Final = _LIFECYCLE_LOGGED | {
    ITEM_COMPLETED,
    REQUEST_OPENED,
    REQUEST_RESOLVED,
    USER_INPUT_REQUESTED,
    USER_INPUT_RESOLVED,
    TASK_STARTED,
    TASK_COMPLETED,
}
_CANONICAL: Final = CANONICAL.encode()


def server_started_at(target: Target) -> Micros | None:
    """When the server that wrote ``server-runtime.json`` says it started."""
    runtime = read_runtime(Path(target.home_path))
    return runtime.started_at if runtime is not None else None


def observe(target: Target, server: Server | None = None, *, alive: bool = False) -> Sighting:
    """What every readable source says of the thread now.

    Args:
        target: The thread to look at.
        server: The server's API, if it is to be asked; what it raises is not caught.
        alive: The server runs, or ran a moment ago: the database is read in place. Otherwise one with a WAL is
            copied first, so that reading leaves no trace beside it.

    Raises:
        ActionError: The server was asked and did not give an answer that can be used.
    """
    if target.model is DataModel.V2:
        return observe_second(target, server, alive=alive, server_started_at=server_started_at(target))
    at = now()
    sources: list[Freshness] = []
    shown = ThreadSeen(found=False)
    version: str | None = None
    if server is not None:
        environment = server.environment_seen or server.environment()
        version = environment.version
        shown = server.thread_seen(target.thread_id)
        sources.append(Freshness(source="server", read_at=now(), newest_at=shown.newest_at))
    stored = StoredThread()
    if target.database is not None:
        stored = read_thread(Path(target.database), target.thread_id, alive=alive or server is not None)
        if stored.complete:
            sources.append(Freshness(source=STATE_SQLITE, read_at=now(), newest_at=stored.newest_at))
    marks = dict.fromkeys(Scope, NewestEvent()) | stored.marks
    if target.log_dir is not None:
        lines = newest_marks(Path(target.log_dir), target.thread_id)
        for scope, line in lines.items():
            mark = marks[scope]
            logged = parse_iso(line.partition("@")[0])
            marks[scope] = NewestEvent(sequence=mark.sequence, line=line, at=max(logged, mark.at or logged))
        newest = lines.get(Scope.ANY)
        sources.append(
            Freshness(
                source="log",
                read_at=now(),
                newest_at=parse_iso(newest.partition("@")[0]) if newest else None,
            )
        )
    row = stored if stored.found else shown
    return Sighting(
        at=at,
        found=shown.found or stored.found,
        title=row.title or shown.title,
        archived=row.archived,
        deleted=row.deleted,
        session=shown.session or stored.session,
        session_in_database=stored.session,
        turns=shown.turns if stored.turns is None else stored.turns,
        pending_start=stored.pending_start,
        open_requests=shown.open_requests if stored.open_requests is None else stored.open_requests,
        answered=tuple(dict.fromkeys((*shown.answered, *stored.answered))),
        binding=stored.binding,
        binding_read=stored.binding_read,
        marks=marks,
        failures=_merged(shown.failures, stored.failures),
        server_started_at=server_started_at(target),
        server_version=version,
        sources=tuple(sources),
        sequence=stored.sequence if stored.complete else shown.sequence,
    )


def _merged(shown: tuple[CommandFailure, ...], stored: tuple[CommandFailure, ...]) -> tuple[CommandFailure, ...]:
    """Failures of both sources, each once."""
    return tuple({failure.activity_id: failure for failure in (*shown, *stored)}.values())


# --- the log -------------------------------------------------------------------------------------------------


class _RecordHead(msgspec.Struct, gc=False):
    thread: Any = msgspec.field(default=None, name="threadId")
    type: Any = None
    event: Any = None


_DECODER: Final = msgspec.json.Decoder(_RecordHead)


def newest_marks(log_dir: Path, thread_id: str) -> dict[Scope, str]:
    """Time and place of the newest log line of the thread, per scope.

    Only the last few megabytes are read: what is older than that is no sign of life.
    """
    found: dict[Scope, str] = {}
    budget = TAIL_BUDGET
    for file in files_of(log_dir, thread_id):
        try:
            with open_regular(file, log_dir) as stream:
                for end, line in lines_backwards(stream, budget):
                    budget -= len(line)
                    _mark(found, thread_id, line, end)
                    if len(found) == len(Scope) or budget <= 0:
                        return found
        except OSError:
            continue
    return found


def _mark(found: dict[Scope, str], thread_id: str, line: bytes, end: int) -> None:
    match = LINE_HEAD.match(line)
    if match is None:
        return
    try:
        head = _DECODER.decode(line[match.end() :])
    except (msgspec.MsgspecError, RecursionError):
        return
    of = head.thread
    if of is None and isinstance(head.event, dict):
        of = head.event.get("threadId")
    if of is not None and of != thread_id:
        return  # a native record that names no thread is of the thread its file is named after
    place = f"{match[1].decode()}@{end}"
    found.setdefault(Scope.ANY, place)
    if match[2] == _CANONICAL:
        if head.type in _PROGRESS_LOGGED:
            found.setdefault(Scope.PROGRESS, place)
        if head.type in _LIFECYCLE_LOGGED:
            found.setdefault(Scope.LIFECYCLE, place)
