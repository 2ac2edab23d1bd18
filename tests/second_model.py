"""Homes of T3 Code's second data model for tests: a sample home with the signs of it put in, and the recordings."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "sample_logs" / "orphaned-by-restart"
"""A home of the first data model whose thread is stuck, by its own rules."""

RECORDED_V2 = ROOT.parent / "shared" / "recorded-v2"

V1_STUCK = "a1a33a59-fea6-4783-b3fa-d67f02884619"
V2_THREADS = {
    "11111111-aaaa-4bbb-8ccc-000000000001": "Port the parser",
    "11111111-aaaa-4bbb-8ccc-000000000002": "Write <b>docs</b>",
}
NATIVE_ID = "01a2250e-314d-7da0-bc06-c46816d0bade"
"""Codex's own id of a thread, in its log records; T3 Code has no thread of that id."""

CODEX_LINE = (
    '[2026-07-06T09:00:54.079Z] NTIVE: {"provider":"codex","protocol":"codex.app-server","kind":"protocol",'
    '"providerSessionId":"provider-session:provider-instance:codex:shared","event":{"direction":"incoming",'
    '"stage":"decoded","payload":{"method":"turn/completed","params":{"threadId":"' + NATIVE_ID + '",'
    '"turn":{"id":"t1","status":"completed"}}}}}\n'
)

THREADS_TABLE = (
    "CREATE TABLE orchestration_v2_projection_threads (thread_id TEXT, project_id TEXT, title TEXT,"
    " created_at TEXT, updated_at TEXT, archived_at TEXT, deleted_at TEXT, payload_json TEXT)"
)


def sample(folder: Path) -> Path:
    """A copy of the sample home that may be written to: its ``userdata`` folder."""
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True)
    return folder / "userdata"


def execute(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as con, con:
        for statement in statements:
            con.execute(statement)


def put_threads(database: Path) -> None:
    """V2's table of threads, and two threads in it."""
    with closing(sqlite3.connect(database)) as con, con:
        con.execute(THREADS_TABLE)
        con.executemany(
            "INSERT INTO orchestration_v2_projection_threads (thread_id, title, updated_at) VALUES (?, ?, ?)",
            [(key, title, "2026-07-06T09:00:50.000Z") for key, title in V2_THREADS.items()],
        )


def branch_home(folder: Path) -> Path:
    """As builds of the V2 branch left it: all of it in ``state.sqlite``, and Codex's records in the log folder."""
    home = sample(folder)
    put_threads(home / "state.sqlite")
    execute(
        home / "state.sqlite",
        "INSERT INTO effect_sql_migrations (migration_id, name) VALUES (55, 'OrchestrationV2')",
    )
    log = home / "logs" / "provider" / "events.11111111-aaaa-4bbb-8ccc-000000000001.log"
    log.write_text(CODEX_LINE * 3)
    return home


def upgraded_home(folder: Path) -> Path:
    """As the upgrade leaves it: ``statev2.sqlite`` beside the ``state.sqlite`` it was made from."""
    home = sample(folder)
    put_threads(home / "statev2.sqlite")
    return home


def only_second(folder: Path) -> Path:
    """A home that never knew the first data model."""
    home = upgraded_home(folder)
    (home / "state.sqlite").unlink()
    return home
