"""The queries a person waits for, on a store of a given number of records."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from t3lens.store import Store

__all__ = ["grow", "waits"]


def grow(path: Path, records: int) -> None:
    """Repeat what a store has as other threads' files until it has ``records`` log events."""
    store = Store.open(path)
    with store.writing() as session:
        con = session.connection()
        count, files = con.execute(
            "SELECT (SELECT count(*) FROM _log_events), (SELECT max(file_key) FROM _files)"
        ).fetchall()[0]
        for number in range(1, -(-records // count)):
            with session.transaction() as con:
                for table, name in (("_files", "thread_id"), ("_log_events", "thread_id")):
                    con.execute(
                        f"INSERT INTO {table} SELECT * REPLACE (file_key + {number * files} AS file_key, "
                        f"'{number}-' || {name} AS {name}) FROM {table} WHERE file_key <= {files}"
                    )


def waits(path: Path) -> dict[str, float]:
    """Seconds of each query (the middle of five, the store closed in between)."""
    store = Store.open(path)
    views = (
        store.table("SELECT view_name FROM duckdb_views() WHERE NOT internal AND view_name[1] <> '_'").column(0).to_pylist()
    )
    thread, home = (
        store.table("SELECT thread_id, home_id FROM _files WHERE thread_id IS NOT NULL ORDER BY file_key LIMIT 1")
        .to_pylist()[0]
        .values()
    )
    asked = {f"count of {view}": f"SELECT count(*) FROM {view}" for view in sorted(views)}
    asked["one thread's events"] = (
        "SELECT type, label, turn_id, logged_at, payload FROM log_events "
        f"WHERE home_id = '{home}' AND thread_id = '{thread}' ORDER BY file_order, line"
    )
    asked["one thread's lifecycle"] = (
        "SELECT type, turn_id, logged_at, payload FROM log_events "
        f"WHERE thread_id = '{thread}' AND label = 'CANON' AND type LIKE 'turn.%' "
        "ORDER BY file_order, line"
    )
    found = {}
    for name, sql in asked.items():
        times = []
        for _ in range(5):
            start = time.perf_counter()
            store.table(sql)
            times.append(time.perf_counter() - start)
        found[name] = statistics.median(times)
    return found
