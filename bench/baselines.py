"""What ingest is measured against: other ways to get the same fields out of the same lines."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["bare_statement", "jq", "json_loads", "pandas_read_json", "rate"]

_PREFIX = 34


def rate(size: int, run: Callable[[], None], *, best_of: int = 1) -> float:
    """Megabytes a second of the fastest of some runs."""
    fastest = float("inf")
    for _ in range(best_of):
        start = time.perf_counter()
        run()
        fastest = min(fastest, time.perf_counter() - start)
    return size / fastest / 1e6


def bare_statement(folder: Path, threads: int) -> None:
    """One DuckDB statement into memory: lines, one ``json_transform``, the columns of the store."""
    import duckdb

    from t3lens.ingest._bulk import INSERT_FAST
    from t3lens.store import Store

    store = Store.open()
    columns = store.table(
        "SELECT string_agg('\"' || column_name || '\" ' || data_type, ', ' ORDER BY column_index) "
        "FROM duckdb_columns() WHERE table_name = '_log_events'"
    ).column(0)[0]
    source = """(SELECT substr(line, 35) AS body, strlen(line) - 34 AS body_length,
        substr(line, 28, 5) AS label, NULL::VARCHAR AS default_thread, 1 AS file_key, 1 AS line,
        make_timestamptz(epoch_us(substr(line, 2, 24)::TIMESTAMP)) AS logged_at,
        1 AS "offset", strlen(line) AS length
        FROM read_csv($files, delim='\x01', quote='', escape='', header=false,
            columns={'line': 'VARCHAR'}, max_line_size=100000000))"""
    con = duckdb.connect()
    con.execute(f"SET threads = {threads}")
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"CREATE TABLE _log_events ({columns})")
    sql = INSERT_FAST[False].replace("FROM incoming", f"FROM {source}")
    con.execute(sql, {"home_id": "h", "files": f"{folder}/*.log*"}).fetchall()
    con.close()


def json_loads(files: list[Path]) -> None:
    """``json.loads`` over every line, one thread, nothing kept."""
    for file in files:
        with file.open("rb") as stream:
            for line in stream:
                json.loads(line[_PREFIX:])


def pandas_read_json(files: list[Path]) -> None:
    """``pandas.read_json(lines=True)`` over the JSON of the lines."""
    import pandas

    for file in files:
        bodies = b"".join(line[_PREFIX:] for line in file.read_bytes().splitlines(keepends=True))
        pandas.read_json(io.BytesIO(bodies), lines=True)


_JQ = (
    "[.eventId, .threadId // .event.threadId, .createdAt // .observedAt, .turnId // .event.turnId, "
    ".itemId, .requestId, .provider // .event.provider, .providerInstanceId, "
    ".event.providerThreadId, .type // .method // .event.type, "
    "((.payload // .event.payload) | tojson), .raw.source, .raw.payload.id?] | @tsv"
)


def jq(files: list[Path]) -> bool:
    """``jq`` extracting the same fields; False if it is not installed."""
    if shutil.which("jq") is None:
        return False
    for file in files:
        with file.open("rb") as stream:
            cut = subprocess.Popen(
                ["cut", "-c", f"{_PREFIX + 1}-"], stdin=stream, stdout=subprocess.PIPE
            )
            subprocess.run(
                ["jq", "-r", _JQ], stdin=cut.stdout, stdout=subprocess.DEVNULL, check=True
            )
            cut.wait()
    return True
