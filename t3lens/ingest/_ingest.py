"""Reading homes into a store, incrementally."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from t3lens.ingest import _database
from t3lens.ingest._homes import Home, read_runtime
from t3lens.ingest._lines import Rejected, read_line
from t3lens.ingest._names import LogName, parse_name
from t3lens.ingest._server import ServerState, probe_server
from t3lens.model.time import Micros, parse_iso
from t3lens.store import Store

if TYPE_CHECKING:
    import duckdb

__all__ = ["IngestOptions", "IngestReport", "ingest"]

_HEAD: Final = 4096
_COLUMNS: Final = (
    "home_id", "thread_id", "label", "logged_at", "created_at", "type", "event_id", "turn_id",
    "item_id", "request_id", "provider", "provider_instance_id", "provider_thread_id", "payload",
    "extra", "raw_source", "raw_method", "raw_event_id", "truncated", "file_key", "line", "offset",
    "length",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How to read.

    Attributes:
        metadata_only: Leave payloads of non-lifecycle events out of the store.
        server: What is known about the homes' servers; ``auto`` finds out.
    """

    metadata_only: bool = False
    server: str = "auto"


@dataclass
class IngestReport:
    """What was read."""

    files: int = 0
    records: int = 0
    quarantined: int = 0
    bytes_read: int = 0
    problems: list[str] = field(default_factory=list)


def _now() -> Micros:
    return time.time_ns() // 1000


def ingest(
    store: Store,
    homes: Sequence[Home],
    *,
    progress: Callable[..., None] | None = None,
    options: IngestOptions | None = None,
) -> IngestReport:
    """Read what is new in ``homes`` into ``store``."""
    options = options or IngestOptions()
    report = IngestReport()
    for home in homes:
        server = probe_server(home) if options.server == "auto" else None
        alive = server.status != "dead" if server else options.server != "dead"
        error = _ingest_database(store, home, report, alive=alive)
        _ingest_logs(store, home, report, dead=not alive)
        with store.write() as con:
            _write_home(con, home, server, error)
    return report


def _micros(text: Any) -> Micros | None:
    try:
        return parse_iso(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _write_home(
    con: duckdb.DuckDBPyConnection, home: Home, server: ServerState | None, error: str | None
) -> None:
    runtime = read_runtime(home)
    pid = runtime.get("pid")
    con.execute("DELETE FROM _homes WHERE home_id = ?", [home.home_id])
    con.execute(
        "INSERT INTO _homes VALUES (?, ?, ?, ?, ?, ?, make_timestamptz(?::BIGINT), ?, ?, ?, ?, "
        "make_timestamptz(?::BIGINT))",
        [
            home.home_id,
            str(home.path),
            home.kind,
            home.environment_id,
            pid if isinstance(pid, int) and abs(pid) < 1 << 62 else None,
            runtime.get("origin") if isinstance(runtime.get("origin"), str) else None,
            _micros(runtime.get("startedAt")),
            server.version if server else None,
            home.database is not None,
            home.log_dir is not None,
            error,
            _now(),
        ],
    )


# --- database ---------------------------------------------------------------------------------


def _ingest_database(store: Store, home: Home, report: IngestReport, *, alive: bool) -> str | None:
    if home.database is None:
        return None
    try:
        with _database.open_database(home.database, alive=alive) as con:
            reader = _database.DatabaseReader(con)
            con.execute("BEGIN")
            _store_database(store, home, reader)
            corrupt = reader.check()
            if corrupt:
                return f"database-corrupt: {corrupt}"
            return "; ".join(reader.problems) or None
    except (sqlite3.Error, OSError) as error:
        return f"{home.database.name} cannot be read: {error}"


def _store_database(store: Store, home: Home, reader: _database.DatabaseReader) -> None:
    import pyarrow as pa

    with store.write() as con:
        last = con.execute(
            "SELECT max(sequence), arg_max(event_id, sequence) FROM _orchestration_events "
            "WHERE home_id = ?",
            [home.home_id],
        ).fetchall()[0]
        after, event_id = last if last and last[0] is not None else (0, None)
        if after and reader.event_id(after) != event_id:
            con.execute("DELETE FROM _orchestration_events WHERE home_id = ?", [home.home_id])
            after = 0
        rows = list(reader.events(after))
        if rows:
            incoming = pa.Table.from_pylist(rows)
            con.register("incoming", incoming)
            con.execute(
                "INSERT INTO _orchestration_events SELECT ?, sequence, event_id, aggregate_kind, "
                "stream_id, stream_version, event_type, TRY_CAST(occurred_at AS TIMESTAMPTZ), "
                "command_id, causation_event_id, correlation_id, actor_kind, payload, metadata "
                "FROM incoming",
                [home.home_id],
            )
            con.unregister("incoming")
        receipts = list(reader.receipts())
        con.execute("DELETE FROM _receipts WHERE home_id = ?", [home.home_id])
        if receipts:
            incoming = pa.Table.from_pylist(receipts)
            con.register("incoming", incoming)
            con.execute(
                "INSERT INTO _receipts SELECT ?, command_id, aggregate_kind, aggregate_id, "
                "TRY_CAST(accepted_at AS TIMESTAMPTZ), result_sequence, status, error, 0 "
                "FROM incoming",
                [home.home_id],
            )
            con.unregister("incoming")
        snapshot = reader.snapshot()
        _store_snapshot(con, home.home_id, snapshot, "database", _now())


def _store_snapshot(
    con: duckdb.DuckDBPyConnection,
    home_id: str,
    rows: list[tuple[str, str | None, str, str | None]],
    origin: str,
    taken_at: Micros,
) -> None:
    digest = _database.content_hash(rows)
    found = con.execute(
        "SELECT snapshot_id, content_hash FROM _snapshots WHERE home_id = ? "
        "ORDER BY snapshot_id DESC LIMIT 1",
        [home_id],
    ).fetchall()
    latest = found[0] if found else None
    if latest and latest[1] == digest:
        con.execute(
            "UPDATE _snapshots SET last_seen_at = make_timestamptz(?::BIGINT) WHERE snapshot_id = ?",
            [taken_at, latest[0]],
        )
        return
    row = con.execute("SELECT nextval('_snapshot_ids')").fetchall()[0]
    con.execute(
        "INSERT INTO _snapshots VALUES (?, ?, make_timestamptz(?::BIGINT), "
        "make_timestamptz(?::BIGINT), ?, ?, NULL)",
        [row[0], home_id, taken_at, taken_at, origin, digest],
    )
    if rows:
        con.executemany(
            "INSERT INTO _snapshot_rows VALUES (?, ?, ?, ?, ?)", [(row[0], *r) for r in rows]
        )


# --- logs -------------------------------------------------------------------------------------


@dataclass
class _Known:
    file_key: int
    path: str
    head_length: int
    head_hash: str
    bytes_ingested: int
    lines: int
    torn_bytes: int
    size: int
    mtime_ns: int


def _log_files(home: Home) -> list[tuple[Path, LogName]]:
    if home.kind == "file":
        name = parse_name(home.path.name)
        return [(home.path, name)] if name else []
    if home.log_dir is None:
        return []
    found = []
    for entry in os.scandir(home.log_dir):
        name = parse_name(entry.name)
        if name and name.kind == "provider-log" and entry.is_file():
            found.append((Path(entry.path), name))
    return sorted(
        found, key=lambda f: (f[1].segment, f[1].generation or 0, -f[1].rotation, f[0].name)
    )


def _ingest_logs(store: Store, home: Home, report: IngestReport, *, dead: bool) -> None:
    for path, name in _log_files(home):
        _ingest_file(store, home, path, name, report, dead=dead)
    with store.write() as con:
        con.execute(
            "UPDATE _files SET file_order = o.n FROM (SELECT file_key, row_number() OVER ("
            "PARTITION BY home_id ORDER BY generation, family, rotation DESC) AS n FROM _files) AS o "
            "WHERE o.file_key = _files.file_key AND _files.home_id = ?",
            [home.home_id],
        )


def _ingest_file(
    store: Store, home: Home, path: Path, name: LogName, report: IngestReport, *, dead: bool
) -> None:
    import pyarrow as pa

    base = home.path if home.path.is_dir() else home.path.parent
    relative = path.relative_to(base).as_posix()
    with path.open("rb") as stream:
        status = os.fstat(stream.fileno())
        data = stream.read(status.st_size)
    head = data[:_HEAD]
    with store.write() as con:
        known = None
        for row in con.execute(
            "SELECT file_key, path, head_length, head_hash, bytes_ingested, lines, torn_bytes, "
            "size, mtime_ns FROM _files WHERE home_id = ? AND family = ?",
            [home.home_id, name.family],
        ).fetchall():
            candidate = _Known(*row)
            if (
                len(data) >= candidate.bytes_ingested
                and hashlib.sha256(head[: candidate.head_length]).hexdigest() == candidate.head_hash
            ):
                known = candidate
        offset, line = (known.bytes_ingested, known.lines) if known else (0, 0)
        if known:
            key = known.file_key
            con.execute("DELETE FROM _quarantine WHERE file_key = ? AND provisional", [key])
        else:
            key = con.execute("SELECT nextval('_file_keys')").fetchall()[0][0]
        records: list[dict[str, Any]] = []
        rejected: list[tuple[Any, ...]] = []
        while (end := data.find(b"\n", offset)) >= 0:
            line += 1
            for piece in read_line(data[offset : end + 1]):
                place = (line, offset + piece.start, piece.end - piece.start)
                if isinstance(piece, Rejected):
                    rejected.append((key, *place, piece.reason, piece.excerpt, False))
                else:
                    records.append(
                        piece.values
                        | {
                            "home_id": home.home_id,
                            "label": piece.label,
                            "logged_at": piece.logged_at,
                            "file_key": key,
                            "line": place[0],
                            "offset": place[1],
                            "length": place[2],
                        }
                    )
            offset = end + 1
        torn = len(data) - offset if dead else 0
        if torn:
            from t3lens.ingest._lines import redact

            rejected.append((key, line + 1, offset, torn, "torn", redact(data[offset:]), True))
        if records:
            columns = {c: [r.get(c) for r in records] for c in _COLUMNS}
            arrays = {}
            for c in _COLUMNS:
                kind = pa.string()
                if c in ("logged_at", "created_at"):
                    kind = pa.timestamp("us", "UTC")
                elif c in ("file_key", "line", "offset", "length"):
                    kind = pa.int64()
                elif c == "truncated":
                    kind = pa.bool_()
                arrays[c] = pa.array(columns[c], kind)
            con.register("incoming", pa.table(arrays))
            con.execute("INSERT INTO _log_events SELECT * FROM incoming")
            con.unregister("incoming")
        if rejected:
            con.executemany("INSERT INTO _quarantine VALUES (?, ?, ?, ?, ?, ?, ?)", rejected)
        times = [r["logged_at"] for r in records]
        if known:
            con.execute("DELETE FROM _files WHERE file_key = ?", [key])
        con.execute(
            "INSERT INTO _files VALUES (?, ?, ?, 'provider-log', ?, ?, ?, ?, NULL, ?, ?, 0, '', ?, ?, "
            "0, 0, ?, ?, ?, make_timestamptz(?::BIGINT), make_timestamptz(?::BIGINT), 'present', "
            "NULL, 0)",
            [
                key, home.home_id, relative, name.family, name.rotation, name.generation,
                name.compression, len(head), hashlib.sha256(head).hexdigest(), status.st_size,
                status.st_mtime_ns, offset, line, torn, times[0] if times else None,
                times[-1] if times else None,
            ],
        )  # fmt: skip
    report.files += 1
    report.records += len(records)
    report.quarantined += len(rejected)
    report.bytes_read += len(data)
