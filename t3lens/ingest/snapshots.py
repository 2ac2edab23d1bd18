"""Rows of ``state.sqlite`` and of a live server's answer → the store; snapshots dated and kept."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal

from t3lens.ingest.database import (
    EVENT_COLUMNS,
    NUMBER_COLUMNS,
    RECEIPT_COLUMNS,
    SNAPSHOT_TABLES,
    DatabaseReader,
    SnapshotRow,
)
from t3lens.ingest.homes import Home
from t3lens.ingest.incoming import execute_incoming
from t3lens.ingest.needed import Needed
from t3lens.ingest.needed_second_model import SecondNeeded
from t3lens.ingest.receipts import every_event_has_one, newest_receipt
from t3lens.ingest.second_model import (
    EntityRow,
    is_second_model,
    prune_entities,
    read_entities,
    same_entities,
    store_entities,
)
from t3lens.memory import no_search_for_cycles
from t3lens.store import Store
from t3lens.store.bare_engine import with_relations
from t3lens.store.bind_rows import NUMBER, TEXT, Column
from t3lens.store.sql import moment_in
from t3lens.t3code.server_runs import SIGNS_TAKE_S
from t3lens.t3code.v1.schema import COMMAND_RECEIPTS, ORCHESTRATION_EVENTS
from t3lens.t3code.v2.schema import EVENT_VERSION_COLUMN
from t3lens.time import SECOND, Micros

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from t3lens.ingest.pages import Page
    from t3lens.store import WriteSession
    from t3lens.store.event_file import EventsBeside

__all__ = ["forget_beside", "prune_snapshots", "store_database", "store_http_snapshot", "store_rows", "store_times"]

_PAGES: Final = 10
_LITTLE: Final = 1 << 20
"""Bytes of a database that is read row by row: what reads many rows would take longer to import."""
_MUCH: Final = 16 << 20
"""Bytes of a database whose events are worth to be kept apart."""
_ROWS: Final = 10_000
"""Rows of a snapshot that are handed over at once."""
_COLUMNS: Final = ("table_name", "key", "content", "extra")
"""Of the store's rows of snapshots, in the order of ``SnapshotRow``."""
SNAPSHOTS_KEPT: Final = 50

INSERT_EVENTS: Final = (
    "INSERT INTO _orchestration_events SELECT ?, sequence, event_id, aggregate_kind, stream_id, "
    f"stream_version, event_type, make_timestamptz(epoch_us({moment_in('occurred_at')})), "
    "command_id, causation_event_id, correlation_id, actor_kind, payload, metadata, "
    f"{EVENT_VERSION_COLUMN} FROM incoming"
)
_INSERT_TIMES: Final = (
    "INSERT INTO _orchestration_events (home_id, sequence, occurred_at) "
    "SELECT $home, sequence, make_timestamptz(moment) FROM incoming "
    "WHERE sequence NOT IN (SELECT sequence FROM _orchestration_events WHERE home_id = $home)"
)
_SERVER_SIGNS: Final = 'SELECT DISTINCT epoch_us("at") FROM _server_told WHERE home_id = ? AND isfinite("at")'
INSERT_RECEIPTS: Final = (
    "INSERT INTO _receipts SELECT ?, command_id, aggregate_kind, aggregate_id, "
    f"make_timestamptz(epoch_us({moment_in('accepted_at')})), result_sequence, status, error, "
    "source_rowid, command_type FROM incoming"
)
_OF_BOTH_MODELS: Final = frozenset({"projects", "migrations"})
"""Tables of the first model that the second keeps up to date; the others stand there frozen."""


def _insert(con: duckdb.DuckDBPyConnection, sql: str, table: pa.Table, home_id: str) -> None:
    if not len(table):
        return
    with_relations(con).register("incoming", table)
    try:
        con.execute(sql, [home_id])
    finally:
        con.unregister("incoming")


def _insert_read(
    con: duckdb.DuckDBPyConnection, sql: str, names: Iterable[str], rows: Iterable[Mapping[str, Any]], home_id: str
) -> None:
    """Store rows that were read one by one."""
    found = list(rows)
    if not found:
        return
    execute_incoming(con, sql, {name: _column(name, found) for name in names}, [home_id])


def _column(name: str, rows: list[Mapping[str, Any]]) -> Column:
    values = (row[name] for row in rows)
    if name in NUMBER_COLUMNS:
        return Column(NUMBER, [value if isinstance(value, int) else None for value in values])
    return Column(TEXT, [value if value is None or isinstance(value, str) else str(value) for value in values])


def _store_pages(
    session: WriteSession, sql: str, home_id: str, read: Callable[[int], Page | None], after: int, stop: Callable[[], bool]
) -> tuple[int, bool]:
    """Store pages until there are no more, or it is to stop.

    Returns:
        The last key, and whether that is all.
    """
    page = read(after)
    while page is not None and len(page.table):
        with session.transaction() as con:
            # Rows of several pages together are moved into place, those of one would be copied.
            for number in range(1, _PAGES + 1):
                _insert(con, sql, page.table, home_id)
                after = page.last
                if not page.more or number == _PAGES or session.should_yield() or stop():
                    break
                page = read(after)
                if page is None or not len(page.table):
                    break
        if page is None or not page.more:
            break
        if stop():
            return after, False
        page = read(after)
    return after, True


def store_database(
    session: WriteSession,
    home: Home,
    reader: DatabaseReader,
    taken_at: Micros,
    stop: Callable[[], bool],
    complete: Callable[[Iterable[SnapshotRow]], Iterable[SnapshotRow]] = iter,
    *,
    for_rules: bool = False,
    only_judged: bool = False,
) -> bool:
    """Read what is new in an open database, in pages, then a snapshot and the last events together.

    The long part of a first reading happens before the one transaction that everything must agree in, so
    that the server's write-ahead log is not held back for long.

    Args:
        session: The reading session that takes the rows.
        home: The home whose database it is.
        reader: The open database.
        taken_at: Now, microseconds UTC.
        stop: Asked after each page; True ends with what was read so far, without a snapshot.
        complete: Given the rows of the snapshot, says what the snapshot is to hold.
        for_rules: Whether payloads and columns may be left out that no rule reads.
        only_judged: With ``for_rules``, whether most of the events may be kept beside the tables (``EventsBeside``).

    Returns:
        Whether all of it was read.
    """
    forget_beside(session, home.home_id)
    given = (session, home, reader, taken_at, stop, complete)
    after = _known_events(session, home.home_id, reader)
    after_row = _known_receipts(session, home.home_id, reader)
    second = is_second_model(reader)
    needed = Needed(reader.working()) if for_rules and not second else None
    read_of = needed or (SecondNeeded() if for_rules else None)
    if reader.size > _LITTLE:
        from t3lens.ingest.pages import event_page, receipt_page

        pages = partial(event_page, reader, needed=read_of)
        newest = newest_receipt(reader) if needed is not None else None
        if needed is not None and only_judged and not after and reader.size >= _MUCH:
            after = _store_beside(session, home, reader, needed, stop)
        after, whole = _store_pages(session, INSERT_EVENTS, home.home_id, pages, after, stop)
        if whole and newest is not None and every_event_has_one(reader, stop):
            _note_receipts(session, home.home_id, after)
            after_row = newest
        elif whole and home.home_id in session.beside:
            return store_database(*given, for_rules=for_rules)  # to look receipts up, all of the events are wanted
        elif whole:
            # what it cannot read is read with the snapshot, row by row
            read = partial(receipt_page, reader, needed=needed)
            after_row, whole = _store_pages(session, INSERT_RECEIPTS, home.home_id, read, after_row, stop)
        if not whole:
            return False
    reader.problems.clear()
    reader.missing.clear()
    reader.con.execute("BEGIN")
    try:
        last_events, _ = reader.events(after)
        began_to_work: list[tuple[int, str | None]] = []
        whole_now: list[dict[str, Any]] = []
        if needed is not None:
            working = reader.working()
            if home.home_id in session.beside:
                whole_now = [
                    event for thread in sorted(working - needed.working) for event in reader.events_of(thread, after)
                ]
            else:
                began_to_work = reader.activities(working - needed.working, after)
            last_events = Needed(working).only(last_events)
            whole_now = list(Needed(working).only(whole_now))
        elif read_of is not None:
            last_events = read_of.only(last_events)
        snapshot = reader.snapshot(_OF_BOTH_MODELS if second else None, for_rules=for_rules)
        entities = read_entities(reader, for_rules=for_rules) if second else None
        last_receipts = reader.receipts(after_row)
    finally:
        reader.con.execute("ROLLBACK")
    number = _store_ahead(session, complete(snapshot)) if for_rules and session.in_memory else None
    with session.transaction() as con:
        names = (*RECEIPT_COLUMNS, "source_rowid")
        _put_payloads(con, home.home_id, began_to_work)
        _put_whole(con, home.home_id, whole_now)
        _insert_read(con, INSERT_EVENTS, EVENT_COLUMNS, last_events, home.home_id)
        _insert_read(con, INSERT_RECEIPTS, names, last_receipts, home.home_id)
        rows = complete(snapshot) if number is None else ()
        _store_snapshot(con, home.home_id, rows, "database", taken_at, entities, only=for_rules, number=number)
    return True


def _store_ahead(session: WriteSession, rows: Iterable[SnapshotRow]) -> int:
    """Store rows of a snapshot some at a time, and give the number that is to be its: in one transaction all would be there
    twice for a moment. Until the snapshot has it, nobody sees them.
    """
    number = _new_number(session.connection())
    waiting = iter(rows)
    while some := list(islice(waiting, _ROWS)):
        with session.transaction() as con:
            _insert_rows(con, number, some)
    return number


def _new_number(con: duckdb.DuckDBPyConnection) -> int:
    return int(con.execute("SELECT nextval('_snapshot_ids')").fetchall()[0][0])


def _insert_rows(con: duckdb.DuckDBPyConnection, number: int, rows: list[SnapshotRow]) -> None:
    columns = zip(_COLUMNS, zip(*rows, strict=True), strict=True)
    given = {name: Column(TEXT, list(values)) for name, values in columns}
    execute_incoming(con, "INSERT INTO _snapshot_rows SELECT ?, * FROM incoming", given, [number])


def _note_receipts(session: WriteSession, home_id: str, up_to: int) -> None:
    """Note that every event of a home up to a sequence has its receipt: then these are not kept."""
    with session.transaction() as con:
        con.execute("DELETE FROM _receipts_seen WHERE home_id = ?", [home_id])
        con.execute("INSERT INTO _receipts_seen VALUES (?, ?)", [home_id, up_to])


def _put_payloads(con: duckdb.DuckDBPyConnection, home_id: str, payloads: list[tuple[int, str | None]]) -> None:
    """Add payloads, by their sequences, that were left out: their threads did not work then."""
    if not payloads:
        return
    sequences, texts = zip(*payloads, strict=True)
    execute_incoming(
        con,
        "UPDATE _orchestration_events AS e SET payload = i.payload FROM incoming AS i "
        "WHERE e.home_id = ? AND e.sequence = i.sequence",
        {"sequence": Column(NUMBER, sequences), "payload": Column(TEXT, texts)},
        [home_id],
    )


def _put_whole(con: duckdb.DuckDBPyConnection, home_id: str, events: list[dict[str, Any]]) -> None:
    """Put events whole into the table, of which most was beside it: their threads did not work then."""
    sequences = [event["sequence"] for event in events]
    con.execute(
        "DELETE FROM _orchestration_events WHERE home_id = ? AND sequence IN (SELECT unnest(?::BIGINT[]))",
        [home_id, sequences],
    )
    _insert_read(con, INSERT_EVENTS, EVENT_COLUMNS, events, home_id)


def _store_beside(
    session: WriteSession, home: Home, reader: DatabaseReader, needed: Needed, stop: Callable[[], bool]
) -> int:
    """Store the events of a large database so that most of them stay beside the table.

    Returns:
        The last sequence; 0, and nothing stored, if they have to be read otherwise.
    """
    from t3lens.ingest.deciding_events import BesideReader, Doubtful

    home_id = home.home_id
    try:
        beside = BesideReader(reader, needed, reader.last_event(), logged=home.log_dir is not None)
        session.beside[home_id] = beside.events
        with no_search_for_cycles():
            for whole in beside.read(stop):
                with session.transaction() as con:
                    _insert_read(con, INSERT_EVENTS, EVENT_COLUMNS, needed.only(whole), home_id)
    except (Doubtful, sqlite3.Error):
        forget_beside(session, home_id)
        return 0
    return beside.events.last


def store_times(con: duckdb.DuckDBPyConnection, home_id: str, events: EventsBeside | None) -> None:
    """Put into the table which events beside it are the first and the last, and next to starts and ends of a server.

    Args:
        con: The store.
        home_id: The home; all else that tells of its servers is stored.
        events: What is beside the table, if anything is.

    Raises:
        OSError: The times cannot be read back.
    """
    if events is None:
        return
    signs = [sign for (sign,) in con.execute(_SERVER_SIGNS, [home_id]).fetchall()]
    sequences, times = events.times.around((*signs, *(sign + SIGNS_TAKE_S * SECOND for sign in signs)))
    if len(sequences):
        given = {"sequence": Column(NUMBER, sequences.tolist()), "moment": Column(NUMBER, times.tolist())}
        execute_incoming(con, _INSERT_TIMES, given, {"home": home_id})


def forget_beside(session: WriteSession, home_id: str) -> None:
    """Forget the events of a home that are beside the table, with what is in it of them.

    Args:
        session: The reading session.
        home_id: The home.
    """
    events = session.beside.pop(home_id, None)
    if events is not None:
        events.close()
        with session.transaction() as con:
            con.execute("DELETE FROM _orchestration_events WHERE home_id = ?", [home_id])


def store_rows(session: WriteSession, home_id: str, rows: Iterable[SnapshotRow], taken_at: Micros) -> None:
    """Keep a snapshot of a home without a ``state.sqlite``.

    Args:
        session: The reading session that takes the rows.
        home_id: Id of the home the rows belong to.
        rows: What it holds.
        taken_at: Now, microseconds UTC.
    """
    with session.transaction() as con:
        _store_snapshot(con, home_id, rows, "database", taken_at)


def _known_events(session: WriteSession, home_id: str, reader: DatabaseReader) -> int:
    """The last sequence the store has; 0, and nothing left, if the event store is another one now."""
    con = session.connection()
    after, event_id = con.execute(
        "SELECT max(sequence), arg_max(event_id, sequence) FROM _orchestration_events WHERE home_id = ?",
        [home_id],
    ).fetchall()[0]
    if after is None:
        return 0
    if reader.columns(ORCHESTRATION_EVENTS) and _is_another(con, home_id, reader, after, event_id):
        with session.transaction() as con:
            con.execute("DELETE FROM _orchestration_events WHERE home_id = ?", [home_id])
        return 0
    return int(after)


def _is_another(con: duckdb.DuckDBPyConnection, home_id: str, reader: DatabaseReader, after: int, event_id: str) -> bool:
    """Whether an event store is not the one that was read before.

    That of the second data model is compacted: an event that is gone says nothing. One that is another at the same
    place does, and so does a counter that went back.
    """
    there = reader.event_id(after)
    if there == event_id:
        return False
    if there is not None or not is_second_model(reader):
        return True
    if reader.counter(ORCHESTRATION_EVENTS) < after:
        return True
    known = con.execute(
        "SELECT sequence, event_id FROM _orchestration_events WHERE home_id = ? ORDER BY sequence DESC LIMIT 100",
        [home_id],
    ).fetchall()
    return any(reader.event_id(at) not in (None, said) for at, said in known)


def _known_receipts(session: WriteSession, home_id: str, reader: DatabaseReader) -> int:
    con = session.connection()
    after, command_id = con.execute(
        "SELECT max(source_rowid), arg_max(command_id, source_rowid) FROM _receipts WHERE home_id = ?",
        [home_id],
    ).fetchall()[0]
    if after is None:
        return 0
    there = reader.receipt_at(after)
    gone = there is None and is_second_model(reader)  # compacted with its events
    if reader.columns(COMMAND_RECEIPTS) and there != command_id and not gone:
        with session.transaction() as con:
            con.execute("DELETE FROM _receipts WHERE home_id = ?", [home_id])
        return 0
    return int(after)


def content_hash(rows: list[SnapshotRow]) -> str:
    """What tells whether two snapshots are equal."""
    digest = hashlib.sha256()
    for row in sorted(repr(tuple(row)) for row in rows):
        digest.update(row.encode("utf-8", "replace") + b"\0")
    return digest.hexdigest()


def _store_snapshot(
    con: duckdb.DuckDBPyConnection,
    home_id: str,
    given: Iterable[SnapshotRow],
    origin: Literal["database", "http"],
    taken_at: Micros,
    entities: list[EntityRow] | None = None,
    *,
    only: bool = False,
    number: int | None = None,
) -> None:
    """Keep a snapshot; one equal to the newest only moves its ``last_seen_at``, if it is not to be the only one.

    Its number is given if rows of it are stored already.
    """
    rows: Iterable[SnapshotRow] = given
    digest = ""
    if not only:
        rows = list(given)
        digest = content_hash(rows)
    found = con.execute(
        "SELECT snapshot_id, content_hash, origin FROM _snapshots WHERE home_id = ? ORDER BY snapshot_id DESC LIMIT 1",
        [home_id],
    ).fetchall()
    same = not only and bool(found) and found[0][1:] == (digest, origin)
    if same and (entities is None or same_entities(con, home_id, entities)):
        con.execute(
            "UPDATE _snapshots SET last_seen_at = make_timestamptz(?::BIGINT) WHERE snapshot_id = ?",
            [taken_at, found[0][0]],
        )
        return
    number = _new_number(con) if number is None else number
    con.execute(
        "INSERT INTO _snapshots VALUES (?, ?, make_timestamptz(?::BIGINT), make_timestamptz(?::BIGINT), ?, ?)",
        [number, home_id, taken_at, taken_at, origin, digest],
    )
    waiting = iter(rows)
    while some := list(islice(waiting, _ROWS)):
        _insert_rows(con, number, some)
    if entities is not None:
        store_entities(con, home_id, entities, number)
    _prune(con, home_id, SNAPSHOTS_KEPT)


def _prune(con: duckdb.DuckDBPyConnection, home_id: str, keep: int) -> int:
    old = [
        row[0]
        for row in con.execute(
            "SELECT snapshot_id FROM _snapshots WHERE home_id = ? ORDER BY snapshot_id DESC OFFSET ?",
            [home_id, keep],
        ).fetchall()
    ]
    if old:
        con.execute("DELETE FROM _snapshot_rows WHERE snapshot_id IN (SELECT unnest(?))", [old])
        con.execute("DELETE FROM _snapshots WHERE snapshot_id IN (SELECT unnest(?))", [old])
        prune_entities(con, home_id, max(old))
    return len(old)


def prune_snapshots(store: Store, home_id: str, keep: int = SNAPSHOTS_KEPT) -> int:
    """Drop all but the newest snapshots of a home.

    Args:
        store: Where they are kept.
        home_id: Id of the home whose snapshots they are.
        keep: How many stay; at least one does.

    Returns:
        How many were dropped.
    """
    with store.write() as con:
        return _prune(con, home_id, max(1, keep))


def store_http_snapshot(store: Store, home: Home, snapshot: Mapping[str, Any], taken_at: Micros) -> None:
    """Keep a live server's answer to ``GET /api/orchestration/snapshot`` like a database snapshot.

    What the answer does not tell (bindings, approvals, migrations, turns but the latest) stays as the
    newest database snapshot has it.

    Args:
        store: The store that takes the rows.
        home: Whose server answered.
        snapshot: The decoded answer (also that of ``/shell``).
        taken_at: When it was asked, microseconds UTC.
    """
    rows = list(_http_rows(snapshot))
    told = {(row.table, row.key) for row in rows}
    replaced = {"threads", "sessions", "projects"}
    with store.ingesting(), store.write() as con:
        kept = con.execute(
            "SELECT table_name, key, content::VARCHAR, extra::VARCHAR FROM _latest_rows WHERE home_id = ?",
            [home.home_id],
        ).fetchall()
        turns = {json.loads(row.content)["turn_id"]: row for row in rows if row.table == "turns"}
        merged = [row for row in rows if row.table != "turns"]
        for old in (SnapshotRow(*row) for row in kept):
            if old.table in replaced and (old.table, old.key) in told:
                continue
            content = json.loads(old.content)
            if old.table == "turns" and (new := turns.pop(content.get("turn_id"), None)):
                fresh = {k: v for k, v in json.loads(new.content).items() if v is not None}
                old = old._replace(content=json.dumps(content | fresh))
            merged.append(old)
        merged += turns.values()
        _store_snapshot(con, home.home_id, merged, "http", taken_at)


_THREAD_FIELDS: Final = {
    "id": "thread_id", "projectId": "project_id", "title": "title", "createdAt": "created_at",
    "updatedAt": "updated_at", "archivedAt": "archived_at", "deletedAt": "deleted_at",
    "runtimeMode": "runtime_mode", "settledOverride": "settled_override", "settledAt": "settled_at",
    "snoozedUntil": "snoozed_until",
}  # fmt: skip
_SESSION_FIELDS: Final = {
    "status": "status", "providerName": "provider_name",
    "providerInstanceId": "provider_instance_id", "providerSessionId": "provider_session_id",
    "providerThreadId": "provider_thread_id", "activeTurnId": "active_turn_id",
    "lastError": "last_error", "updatedAt": "updated_at", "runtimeMode": "runtime_mode",
}  # fmt: skip
_TURN_FIELDS: Final = {
    "turnId": "turn_id", "state": "state", "requestedAt": "requested_at", "startedAt": "started_at",
    "completedAt": "completed_at", "assistantMessageId": "assistant_message_id",
}  # fmt: skip
_LEFT_OUT: Final = frozenset({"session", "latestTurn", "messages", "activities", "checkpoints", "proposedPlans"})


def _renamed(source: Mapping[str, Any], names: Mapping[str, str], table: str) -> dict[str, Any]:
    known = next(t for t in SNAPSHOT_TABLES if t.name == table).source.columns
    content: dict[str, Any] = dict.fromkeys(known)
    content |= {column: source.get(name) for name, column in names.items()}
    return content


def _http_rows(snapshot: Mapping[str, Any]) -> Iterator[SnapshotRow]:
    for project in _objects(snapshot.get("projects")):
        content = _renamed(
            project,
            {"id": "project_id", "title": "title", "workspaceRoot": "workspace_root", "deletedAt": "deleted_at"},
            "projects",
        )
        yield SnapshotRow("projects", str(content["project_id"]), json.dumps(content), None)
    for thread in _objects(snapshot.get("threads")):
        thread_id = str(thread.get("id"))
        content = _renamed(thread, _THREAD_FIELDS, "threads")
        turn = thread.get("latestTurn")
        if isinstance(turn, dict) and turn.get("turnId") is not None:
            content["latest_turn_id"] = turn["turnId"]
            row = _renamed(turn, _TURN_FIELDS, "turns") | {"thread_id": thread_id}
            yield SnapshotRow("turns", None, json.dumps(row), None)
        extra = {k: v for k, v in thread.items() if k not in _THREAD_FIELDS and k not in _LEFT_OUT}
        yield SnapshotRow("threads", thread_id, json.dumps(content), json.dumps(extra) if extra else None)
        session = thread.get("session")
        if isinstance(session, dict):
            row = _renamed(session, _SESSION_FIELDS, "sessions") | {"thread_id": thread_id}
            yield SnapshotRow("sessions", thread_id, json.dumps(row), None)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
