"""A fresh look at one thread of the second data model: server, database and the newest words of its provider."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.act.server import Server
from t3lens.act.tail import TAIL_BUDGET, files_of, lines_backwards
from t3lens.act.target import Freshness, NewestEvent, Scope, SessionSeen, Sighting, Target
from t3lens.act.v2.observation import SecondObservation
from t3lens.act.v2.stored import StoredSecond, read_thread
from t3lens.reading import open_regular
from t3lens.t3code.v1.log_grammar import LINE_HEAD
from t3lens.t3code.v2.log import NO_SIGN_OF_LIFE, PROTOCOL_KIND, RAW_STAGE
from t3lens.time import Micros, now, parse_iso

__all__ = ["observe_second"]


def observe_second(target: Target, server: Server | None, *, alive: bool, server_started_at: Micros | None) -> Sighting:
    """What every readable source says of the thread now; see ``t3lens.act.observe``.

    Args:
        target: The thread to look at.
        server: The server's API, if it is to be asked; what it raises is not caught.
        alive: The server runs, or ran a moment ago.
        server_started_at: When the server says it started, microseconds UTC.
    """
    at = now()
    sources: list[Freshness] = []
    version: str | None = None
    shown = None
    sequence: int | None = None
    if server is not None:
        environment = server.environment_seen or server.environment()
        version = environment.version
        seen = server.thread_seen(target.thread_id)
        shown, sequence = seen.second, seen.sequence
        sources.append(Freshness(source="server", read_at=now(), newest_at=seen.newest_at))
    stored = StoredSecond()
    if target.database is not None:
        stored = read_thread(Path(target.database), target.thread_id, alive=alive or server is not None)
        if stored.complete:
            sources.append(Freshness(source=Path(target.database).name, read_at=now(), newest_at=stored.newest_at))
    marks = dict.fromkeys(Scope, NewestEvent()) | stored.marks
    if target.log_dir is not None:
        line = _newest_word(Path(target.log_dir), target.thread_id, stored.native_ids)
        logged = parse_iso(line.partition("@")[0]) if line else None
        if logged is not None:
            for scope in (Scope.ANY, Scope.PROGRESS):
                mark = marks[scope]
                marks[scope] = NewestEvent(sequence=mark.sequence, line=line, at=max(logged, mark.at or logged))
        sources.append(Freshness(source="log", read_at=now(), newest_at=logged))
    row = stored.shown if stored.found else shown
    in_database = SecondObservation.of(stored.shown, stored.effects, stored.accepted) if stored.found else None
    second = SecondObservation.of(shown) if shown is not None else in_database
    return Sighting(
        at=at,
        found=shown is not None or stored.found,
        title=row.title if row else "",
        archived=row.archived if row else False,
        deleted=row.deleted if row else False,
        session=_as_session(second),
        session_in_database=_as_session(in_database),
        turns={run.run_id: run.status for run in second.runs} if second else {},
        open_requests=tuple(request.request_id for request in second.pending) if second else None,
        marks=marks,
        server_started_at=server_started_at,
        server_version=version,
        sources=tuple(sources),
        sequence=stored.sequence if stored.complete else sequence,
        second=second,
        second_in_database=in_database,
    )


def _as_session(seen: SecondObservation | None) -> SessionSeen | None:
    """The thread as a person sees it, in the words of sessions."""
    status = seen.status if seen else None
    if seen is None or status is None:
        return None
    active, bound = seen.active, seen.bound
    return SessionSeen(
        status=status,
        active_turn_id=active.run_id if active else None,
        last_error=bound.last_error if bound else None,
        updated_at=bound.updated_at if bound else None,
        provider=bound.driver if bound else None,
    )


class _Record(msgspec.Struct, gc=False):
    kind: Any = None
    event: Any = None


_DECODER: Final = msgspec.json.Decoder(_Record)


def _newest_word(log_dir: Path, thread_id: str, native_ids: frozenset[str]) -> str | None:
    """Time and place of the newest line that is a sign of life of the thread.

    A shared session writes into the file of the thread that opened it, so all files are looked through when the
    thread's own has none; within the budget, the thread's own first.
    """
    budget = TAIL_BUDGET
    own = files_of(log_dir, thread_id)
    for file in [*own, *(path for path in files_of(log_dir, None) if path not in own)]:
        try:
            with open_regular(file, log_dir) as stream:
                for end, line in lines_backwards(stream, budget):
                    budget -= len(line)
                    found = _word(line, thread_id, native_ids)
                    if found is not None:
                        return f"{found}@{end}"
                    if budget <= 0:
                        return None
        except OSError:
            continue
    return None


def _word(line: bytes, thread_id: str, native_ids: frozenset[str]) -> str | None:
    """The line's time, if it is a sign of life of the thread."""
    match = LINE_HEAD.match(line)
    if match is None:
        return None
    try:
        record = _DECODER.decode(line[match.end() :])
    except (msgspec.MsgspecError, RecursionError):
        return None
    event = record.event
    if not isinstance(event, dict):
        return None
    wrapped = event.get("kind") == PROTOCOL_KIND
    if not wrapped and (record.kind != PROTOCOL_KIND or event.get("stage") == RAW_STAGE):
        return None
    message = event.get("payload")
    if not isinstance(message, dict) or message.get("method") in NO_SIGN_OF_LIFE:
        return None
    if wrapped:
        return match[1].decode() if event.get("threadId") == thread_id else None
    params = message.get("params")
    native = params.get("threadId") if isinstance(params, dict) else None
    return match[1].decode() if native in native_ids else None
