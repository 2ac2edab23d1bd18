"""What ingest is measured against: other ways to get the same fields out of the same lines."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Rate", "bare_statement", "has_jq", "jq", "json_loads", "pandas_read_json", "rate"]

_PREFIX = 34


@dataclass(frozen=True, slots=True)
class Rate:
    """Megabytes a second, and a second of processor time (children included)."""

    wall: float
    cpu: float


def rate(size: int, run: Callable[[], None]) -> Rate:
    """How fast one run was."""
    start, cpu = time.perf_counter(), sum(os.times()[:4])
    run()
    return Rate(size / (time.perf_counter() - start) / 1e6, size / (sum(os.times()[:4]) - cpu) / 1e6)


_FIELDS = {
    "event_id": "eventId", "turn_id": "turnId", "item_id": "itemId", "request_id": "requestId",
    "provider": "provider", "provider_instance_id": "providerInstanceId",
    "provider_thread_id": "providerThreadId", "thread_id": "threadId", "created_at": "createdAt",
    "type": "type", "payload": "payload",
}  # fmt: skip


def bare_statement(folder: Path, threads: int) -> None:
    """One DuckDB statement into memory: lines, one ``json_transform``, the columns of the store.

    What one transform cannot give (unknown fields, offsets, which lines are no records) it leaves out.
    """
    import duckdb

    from t3lens.ingest.statements import COLUMNS

    inner = ", ".join(f'"{name}": "{"JSON" if name == "payload" else "VARCHAR"}"' for name in _FIELDS.values())
    raw = '{"source": "VARCHAR", "method": "VARCHAR", "payload": {"id": "VARCHAR"}}'
    shape = f'{{{inner}, "method": "VARCHAR", "observedAt": "VARCHAR", "raw": {raw}, "event": {{{inner}}}}}'
    of = {column: f'coalesce(s."{n}", s.event."{n}")' for column, n in _FIELDS.items()}
    of["created_at"] = f'coalesce({of["created_at"]}, s."observedAt")::TIMESTAMPTZ'
    of |= {
        "home_id": "'h'",
        "label": "substr(line, 28, 5)",
        "logged_at": "substr(line, 2, 24)::TIMESTAMPTZ",
        "extra": "NULL::JSON",
        "raw_source": "s.raw.source",
        "raw_method": "s.raw.method",
        "raw_event_id": "s.raw.payload.id",
        "file_key": "1",
        "line": "1::BIGINT",
        "offset": "1::BIGINT",
        "length": "strlen(line)",
    }
    con = duckdb.connect()
    con.execute(f"SET threads = {threads}")
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")
    columns = ", ".join(f'{of[name]} AS "{name}"' for name in COLUMNS)
    con.execute(
        f"""CREATE TABLE events AS SELECT {columns} FROM (
            SELECT line, json_transform(substr(line, 35), '{shape}') AS s
            FROM read_csv($files, delim='\x01', quote='', escape='', header=false,
                columns={{'line': 'VARCHAR'}}, max_line_size=100000000))""",
        {"files": f"{folder}/*.log*"},
    ).fetchall()
    con.close()


def json_loads(files: list[Path]) -> None:
    """``json.loads`` over every line, one thread, nothing kept."""
    for file in files:
        with file.open("rb") as stream:
            for line in stream:
                json.loads(line[_PREFIX:])


def pandas_read_json(files: list[Path], *, one_table: bool) -> None:
    """``pandas.read_json(lines=True)`` over the JSON of the lines, file by file.

    Args:
        files: The logs.
        one_table: Whether the frames should become one, as what the others make is one; else each is
            dropped at once, which spares pandas the memory.
    """
    import pandas

    frames = []
    for file in files:
        bodies = b"".join(line[_PREFIX:] for line in file.read_bytes().splitlines(keepends=True))
        frame = pandas.read_json(io.BytesIO(bodies), lines=True)
        if one_table:
            frames.append(frame)
    if one_table:
        pandas.concat(frames, ignore_index=True)


_JQ = (
    "[.eventId, .threadId // .event.threadId, .createdAt // .observedAt, .turnId // .event.turnId, "
    ".itemId, .requestId, .provider // .event.provider, .providerInstanceId, "
    ".event.providerThreadId, .type // .method // .event.type, "
    "((.payload // .event.payload) | tojson), .raw.source, .raw.payload.id?] | @tsv"
)


def has_jq() -> bool:
    """Whether jq is installed."""
    return shutil.which("jq") is not None


def jq(files: list[Path]) -> None:
    """``jq`` extracting the same fields."""
    for file in files:
        with file.open("rb") as stream:
            cut = subprocess.Popen(["cut", "-c", f"{_PREFIX + 1}-"], stdin=stream, stdout=subprocess.PIPE)
            subprocess.run(["jq", "-r", _JQ], stdin=cut.stdout, stdout=subprocess.DEVNULL, check=True)
            cut.wait()
