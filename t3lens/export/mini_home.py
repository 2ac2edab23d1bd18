"""A small home made of the records of a few threads: redacted log lines, and a ``state.sqlite`` of their rows."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from t3lens.diagnose import HomeDiagnosis
from t3lens.diagnose.facts import ModelInUse
from t3lens.errors import InputError
from t3lens.ingest.database import EVENT_COLUMNS, SNAPSHOT_TABLES
from t3lens.ingest.records.packed import PackedMark, PackedRecord, PackedTurn, pack
from t3lens.places import local_copy
from t3lens.reading import open_regular
from t3lens.redact import Redactor, StreamedSecrets
from t3lens.t3code.data_model import (
    THREADS_V2,
    Signs,
    database_signs,
    unknown_tables,
)
from t3lens.t3code.home_layout import (
    ENVIRONMENT_ID,
    LOGS,
    PROVIDER_LOGS,
    SERVER_RUNTIME,
    STATE_FOLDERS,
    STATE_SQLITE,
)
from t3lens.t3code.v1.event_types import PROGRAMS_ACTIVITIES, PROGRAMS_TYPES
from t3lens.t3code.v1.log_grammar import LINE_HEAD, NATIVE
from t3lens.t3code.v1.schema import (
    COMMAND_RECEIPTS,
    EFFECT_SQL_MIGRATIONS,
    ORCHESTRATION_EVENTS,
    RECEIPT_COLUMNS,
)
from t3lens.time import iso

if TYPE_CHECKING:
    from t3lens.store import Store
from t3lens.t3code.v2.schema import PAYLOAD_COLUMN, TABLES

__all__ = ["write_home"]

_FILES: Final = """
SELECT DISTINCT f.path, f.compression, f.file_order
FROM source_files AS f JOIN log_events AS e USING (home_id, file_id)
WHERE f.home_id = ? AND f.kind = 'provider-log' AND list_contains(?, e.thread_id)
ORDER BY f.file_order, f.path
"""
_TRACE: Final = """
SELECT path, compression, rotation FROM source_files WHERE home_id = ? AND kind = 'trace' ORDER BY rotation DESC, path
"""
_EVENTS: Final = """
SELECT * REPLACE (strftime(occurred_at AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') AS occurred_at,
                  payload::VARCHAR AS payload, metadata::VARCHAR AS metadata)
FROM orchestration_events WHERE home_id = ? AND list_contains(?, stream_id) ORDER BY sequence
"""
_RECEIPTS: Final = """
SELECT * REPLACE (strftime(accepted_at AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') AS accepted_at)
FROM receipts WHERE home_id = ? AND list_contains(?, aggregate_id) ORDER BY result_sequence NULLS LAST, command_id
"""
_ROWS: Final = """
SELECT table_name, content::VARCHAR AS content, extra::VARCHAR AS extra FROM _latest_rows
WHERE home_id = ? ORDER BY table_name, key
"""
_AGENT_RECORDS: Final = """
SELECT thread_id, provider, session_id, state, path, why, builds, cwd, origin, parent_session_id AS parent,
       epoch_us(first_at) AS first_at, epoch_us(last_at) AS last_at, size, lines, unread, torn_bytes AS torn,
       open_sub_agents, read_at
FROM _provider_records WHERE home_id = ? AND list_contains(?, thread_id) ORDER BY thread_id
"""
_AGENT_TURNS: Final = """
SELECT * EXCLUDE (home_id) REPLACE (epoch_us(started_at) AS started_at, epoch_us(ended_at) AS ended_at)
FROM record_turns WHERE home_id = ? AND list_contains(?, thread_id)
QUALIFY row_number() OVER (PARTITION BY thread_id ORDER BY place DESC) <= 100
ORDER BY thread_id, place
"""
"""As many turns as are judged."""
_RUNTIME: Final = "SELECT epoch_us(runtime_started_at), environment_id FROM homes WHERE home_id = ?"


def write_home(
    store: Store,
    home: HomeDiagnosis,
    threads: Collection[str],
    folder: Path,
    redactor: Redactor,
) -> None:
    """Write what is known of some threads of a home as a home of its own.

    Args:
        store: Where the home was ingested.
        home: Its diagnosis.
        threads: The threads to take.
        folder: The new home's ``userdata`` folder.
        redactor: Masks and leaves out.

    Raises:
        InputError: A log file cannot be read any more.
    """
    folder.mkdir(parents=True)
    home_id = home.home.home_id
    (folder / ENVIRONMENT_ID).write_text(f"{home_id}\n")
    ((started, _),) = _all(store, _RUNTIME, [home_id]) or ((None, None),)
    if started is not None:
        runtime = json.dumps({"startedAt": iso(started)})
        (folder / SERVER_RUNTIME).write_text(runtime + "\n")
    wanted = sorted(threads)
    signs = home.home.signs
    pack(folder, _records(store, home_id, wanted, redactor))
    _write_logs(store, home, wanted, folder, redactor)
    if home.home.model is ModelInUse.SECOND:
        used = next(one.name for one in home.home.databases if one.in_use)
        _write_database(store, home_id, wanted, folder / used, redactor)
        _write_entities(store, home_id, set(wanted), folder / used, redactor)
    elif home.home.has_database:
        _write_database(store, home_id, wanted, folder / STATE_SQLITE, redactor)
    elif home.home.database_error and not home.home.signs.databases:
        (folder / STATE_SQLITE).write_bytes(b"stands for a database that could not be read\n")
    if home.home.standing.cannot_judge is not None or home.home.standing.beyond:
        _write_signs(signs, folder, _v2_threads(store, home_id, wanted, redactor))


def _records(store: Store, home_id: str, threads: list[str], redactor: Redactor) -> list[PackedRecord]:
    """What the agents' own records say of the threads' turns: ids, outcomes, times and places, and their errors."""
    found: dict[str, PackedRecord] = {}
    for row in store.table(_AGENT_RECORDS, [home_id, threads]).to_pylist():
        masked = {name: _masked(row[name], redactor) for name in ("path", "why", "cwd")}
        found[row["thread_id"]] = PackedRecord(**{**row, **masked})
    for row in store.table(_AGENT_TURNS, [home_id, threads]).to_pylist():
        record = found.get(row.pop("thread_id"))
        if record is not None:
            masked = {name: _masked(row[name], redactor) for name in ("why", "error")}
            steered, marks = json.loads(row.pop("steered_by")), json.loads(row.pop("marks"))
            record.turns.append(PackedTurn(**{**row, **masked}, steered_by=steered, marks=[PackedMark(**m) for m in marks]))
    return list(found.values())


def _masked(text: str | None, redactor: Redactor) -> str | None:
    return None if text is None else redactor.text(text)


def _write_signs(signs: Signs, folder: Path, threads: list[dict[str, Any]]) -> None:
    """What tells the data model: in each database the tables and migrations that do, and V2's threads by name."""
    for name in signs.databases:
        con = sqlite3.connect(folder / name)
        try:
            with con:
                tables = [table for database, table in signs.tables if database == name]
                telling = [table for table in tables if database_signs([table], ())]
                for table in sorted({*telling, *unknown_tables(tables)}):
                    rows = threads if table == THREADS_V2 else []
                    columns = sorted({key for row in rows for key in row} | {"thread_id"})
                    _create(con, table, columns)
                    _insert(con, table, columns, rows)
                if name != STATE_SQLITE:
                    moved = [
                        {"migration_id": move.number, "name": move.name}
                        for move in signs.migrations
                        if move.database == name
                    ]
                    _create(con, EFFECT_SQL_MIGRATIONS, ["migration_id", "name"])
                    _insert(con, EFFECT_SQL_MIGRATIONS, ["migration_id", "name"], moved)
        finally:
            con.close()


def _write_entities(store: Store, home_id: str, threads: set[str], path: Path, redactor: Redactor) -> None:
    """The rows of the second data model, as they stand, in the tables they came from."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in store.table(_ENTITIES, [home_id]).to_pylist():
        content = _parsed(row["content"]) or {}
        shared = row["table_name"] == "provider_sessions"  # of several threads, opened by one
        if not shared and content.get("thread_id", next(iter(threads), None)) not in threads:
            continue
        payload = _parsed(row["payload"] or "null")
        shown = _entity(content, redactor)
        if payload is not None:
            shown[PAYLOAD_COLUMN] = json.dumps(_entity(payload, redactor), ensure_ascii=False)
        found.setdefault(row["table_name"], []).append(shown)
    con = sqlite3.connect(path)
    try:
        with con:
            for table in TABLES:
                rows = found.get(table.name, [])
                columns = sorted({key for row in rows for key in row} | {*table.key, "thread_id"})
                _create(con, table.source, columns)
                _insert(con, table.source, columns, rows)
    finally:
        con.close()


def _entity(value: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    shown: dict[str, Any] = redactor.record(value, programs_say="failure" in value)
    return shown


def _v2_threads(store: Store, home_id: str, threads: Collection[str], redactor: Redactor) -> list[dict[str, Any]]:
    rows = [
        _parsed(row["content"]) or {} for row in store.table(_ROWS, [home_id]).to_pylist() if row["table_name"] == "threads"
    ]
    return [redactor.record(row) for row in rows if row.get("thread_id") in threads]


_ENTITIES: Final = """
SELECT table_name, content::VARCHAR AS content, payload::VARCHAR AS payload FROM _entities
WHERE home_id = ? AND until IS NULL ORDER BY table_name, key
"""


def _all(store: Store, query: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with store.read() as con:
        return con.execute(query, params).fetchall()


# --- logs ----------------------------------------------------------------------------------------------------


def _write_logs(store: Store, home: HomeDiagnosis, threads: list[str], folder: Path, redactor: Redactor) -> None:
    home_id, root = home.home.home_id, local_copy(home.home.path)
    if root.is_file():
        root = root.parent
    bounds = root if home.home.kind in STATE_FOLDERS else None  # a file that a person named may be a link
    logs = folder / LOGS / PROVIDER_LOGS
    wanted = set(threads)
    files = [(path, compression) for path, compression, _ in _all(store, _FILES, [home_id, threads])]
    streamed = StreamedSecrets(redactor)
    if redactor.content:
        for path, compression in files:
            for number, line in enumerate(_lines(root / path, compression, bounds)):
                streamed.add((path, number), _record_of(line))
    for path, compression in files:
        logs.mkdir(parents=True, exist_ok=True)
        name = Path(path).name.removesuffix(".gz").removesuffix(".zst")
        with (logs / name).open("wb") as out:
            for number, line in enumerate(_lines(root / path, compression, bounds)):
                out.write(_redacted_line(line, wanted, redactor, streamed, (path, number)))
    for path, compression, _ in _all(store, _TRACE, [home_id]):
        name = Path(path).name.removesuffix(".gz").removesuffix(".zst")
        logs.parent.mkdir(parents=True, exist_ok=True)
        with (logs.parent / name).open("wb") as out:
            for line in _lines(root / path, compression, bounds):
                if any(thread.encode() in line for thread in wanted) or b"reaper" in line:
                    out.write(_redacted_span(line, redactor))


def _lines(path: Path, compression: str | None, root: Path | None) -> Iterator[bytes]:
    try:
        with open_regular(path, root) as raw:
            stream: BinaryIO = raw
            if compression == "gz":
                stream = cast("BinaryIO", gzip.GzipFile(fileobj=raw))
            elif compression == "zst":
                import zstandard

                stream = cast("BinaryIO", zstandard.ZstdDecompressor().stream_reader(raw))
                yield from _split(stream)
                return
            yield from stream
    except (OSError, EOFError) as error:
        raise InputError(
            f"the log {path} cannot be read any more ({error}); a bundle needs the log files themselves",
            code="log-gone",
        ) from error


def _split(stream: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while part := stream.read(1 << 20):
        *whole, rest = (rest + part).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if rest:
        yield rest


def _record_of(line: bytes) -> dict[str, Any] | None:
    """The record of a log line; None if it is none."""
    text = line.rstrip(b"\r\n")
    head = LINE_HEAD.match(text)
    return _parsed(text[head.end() :].decode("utf-8", "replace")) if head else None


def _redacted_line(
    line: bytes, threads: set[str], redactor: Redactor, streamed: StreamedSecrets, place: tuple[str, int]
) -> bytes:
    """A log line with its record redacted; what is no record stays none, and loses its words."""
    end = b"\n" if line.endswith(b"\n") else b""
    text = line.rstrip(b"\r\n")
    head = LINE_HEAD.match(text)
    value = _record_of(line)
    if head is None or value is None:
        said = redactor.said(text.decode("utf-8", "replace"), "line that is no record")
        return said.encode() + end
    shown = _redacted_record(head[2].decode(), streamed.masked(place, value), redactor)
    thread = _thread_of(value)
    if thread is not None and thread not in threads:
        return b""
    record = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    return head[0] + record.encode() + end


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _thread_of(value: dict[str, Any]) -> str | None:
    inner = value.get("event")
    said = value.get("threadId")
    if said is None and isinstance(inner, dict):
        said = inner.get("threadId")
    return said if isinstance(said, str) else None


def _redacted_record(label: str, value: dict[str, Any], redactor: Redactor) -> Any:
    raw = value.get("raw")
    if isinstance(raw, dict):
        # The native record stands in its own line; here only the pointer to it is kept.
        pointer = {key: part for key, part in raw.items() if key != "payload"}
        value = {**value, "raw": pointer}
    inner = value.get("event") if label == NATIVE else value
    said = inner if isinstance(inner, dict) else value
    kind = str(said.get("type") or said.get("method") or "")
    return redactor.record(value, programs_say=PROGRAMS_TYPES.match(kind) is not None)


def _redacted_span(line: bytes, redactor: Redactor) -> bytes:
    value = _parsed(line.decode("utf-8", "replace"))
    if value is None:
        return b""
    shown = redactor.record(value, programs_say=True)
    for name in (
        "name",
        "traceId",
        "spanId",
        "parentSpanId",
        "startTimeUnixNano",
        "endTimeUnixNano",
    ):
        if isinstance(value.get(name), str):
            shown[name] = redactor.text(value[name])
    for event, told in zip(_list(value.get("events")), _list(shown.get("events")), strict=False):
        if isinstance(event, dict) and isinstance(told, dict) and isinstance(event.get("name"), str):
            told["name"] = redactor.text(event["name"])
    exit_said = value.get("exit")
    if isinstance(exit_said, dict) and isinstance(shown.get("exit"), dict) and "_tag" in exit_said:
        shown["exit"]["_tag"] = exit_said["_tag"]
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


# --- database ------------------------------------------------------------------------------------------------


def _write_database(store: Store, home_id: str, threads: list[str], path: Path, redactor: Redactor) -> None:
    con = sqlite3.connect(path)
    try:
        con.execute("PRAGMA page_size = 4096")
        with con:
            events = store.table(_EVENTS, [home_id, threads]).to_pylist()
            columns = list(EVENT_COLUMNS.values())
            _create(con, ORCHESTRATION_EVENTS, columns)
            streamed = StreamedSecrets(redactor)
            if redactor.content:
                for row in events:
                    streamed.add(row["sequence"], _parsed(row["payload"] or "null"))
            _insert(con, ORCHESTRATION_EVENTS, columns, (_event(row, redactor, streamed) for row in events))
            receipts = store.table(_RECEIPTS, [home_id, threads]).to_pylist()
            names = list(RECEIPT_COLUMNS)
            _create(con, COMMAND_RECEIPTS, names)
            _insert(
                con,
                COMMAND_RECEIPTS,
                names,
                (_receipt(row, redactor) for row in receipts),
            )
            _write_projections(store, home_id, set(threads), con, redactor)
    finally:
        con.close()


def _event(row: dict[str, Any], redactor: Redactor, streamed: StreamedSecrets) -> dict[str, Any]:
    payload = streamed.masked(row["sequence"], _parsed(row["payload"] or "null") or {})
    kind = str(payload.get("activity", {}).get("kind", "")) if isinstance(payload.get("activity"), dict) else ""
    shown = redactor.record(payload, programs_say=kind.startswith(PROGRAMS_ACTIVITIES))
    if kind:
        shown["activity"]["kind"] = redactor.text(kind)
    found = {source: row[name] for name, source in EVENT_COLUMNS.items()}
    found["payload_json"] = json.dumps(shown, ensure_ascii=False)
    metadata = _parsed(row["metadata"] or "null")
    found["metadata_json"] = json.dumps(redactor.record(metadata), ensure_ascii=False)
    return found


def _receipt(row: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    found = {name: row[name] for name in RECEIPT_COLUMNS}
    if isinstance(found["error"], str):
        found["error"] = redactor.text(found["error"])
    return found


def _write_projections(store: Store, home_id: str, threads: set[str], con: sqlite3.Connection, redactor: Redactor) -> None:
    stored = store.table(_ROWS, [home_id]).to_pylist()
    projects = {
        (_parsed(row["content"]) or {}).get("project_id")
        for row in stored
        if row["table_name"] == "threads" and (_parsed(row["content"]) or {}).get("thread_id") in threads
    }
    for table in SNAPSHOT_TABLES:
        known = table.source
        back = {name: source for source, name in known.json_columns.items()}
        columns = [*known.columns, *known.json_columns]
        rows = []
        for row in stored:
            if row["table_name"] != table.name:
                continue
            content = {**(_parsed(row["content"]) or {}), **(_parsed(row["extra"] or "null") or {})}
            if "thread_id" in known.columns and content.get("thread_id") not in threads:
                continue
            if table.name == "projects" and content.get("project_id") not in projects:
                continue
            shown = redactor.record(content)
            if table.name != "threads":  # a thread's title is written from what was asked
                shown = _kept_names(content, shown, redactor)
            rows.append(
                {
                    back.get(name, name): json.dumps(part) if isinstance(part, dict | list) else part
                    for name, part in shown.items()
                }
            )
        columns += sorted({name for row in rows for name in row} - set(columns))
        _create(con, known.name, columns)
        _insert(con, known.name, columns, rows)


def _kept_names(content: dict[str, Any], shown: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Names of projects, migrations and projectors stay, secrets masked."""
    for name in ("title", "name", "projector"):
        if isinstance(content.get(name), str):
            shown[name] = redactor.text(content[name])
    return shown


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _create(con: sqlite3.Connection, table: str, columns: Iterable[str]) -> None:
    con.execute(f"CREATE TABLE {_quoted(table)} ({', '.join(map(_quoted, columns))})")


def _insert(con: sqlite3.Connection, table: str, columns: list[str], rows: Iterable[dict[str, Any]]) -> None:
    names = ", ".join(map(_quoted, columns))
    marks = ", ".join("?" * len(columns))
    con.executemany(
        f"INSERT INTO {_quoted(table)} ({names}) VALUES ({marks})",
        ([row.get(name) for name in columns] for row in rows),
    )
