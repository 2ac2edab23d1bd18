"""Homes with a large ``state.sqlite``: a simulated one whose threads are there many times over.

Every event stands once for each copy, one behind the other, so that the store is as mixed as one that many threads
write into, and no clock goes back. Threads, events, commands and requests of each copy have ids of their own.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from t3lens.sim.home import SimHome
from t3lens.sim.script import Say, Tool

__all__ = ["plain_fetch", "seed_home", "write_database"]

_MIB = 1 << 20
_UUID = re.compile(r"\b[0-9a-f]{8}(?=-[0-9a-f]{4}-)")
_COPIED = (
    "projection_threads",
    "projection_thread_sessions",
    "provider_session_runtime",
    "projection_turns",
    "projection_pending_approvals",
)
"""Tables with rows of threads, besides events and receipts."""


def seed_home(path: Path, threads: int = 6, seed: str = "database") -> None:
    """A simulated home of threads with turns as they are: messages and tools."""
    told = SimHome(path, build="0.0.33", seed=seed)
    told.project("project")
    random = told.ids.random
    for number in range(threads):
        thread = told.thread(f"Work {number}", provider=("opencode", "codex")[number % 2])
        for _ in range(random.randrange(40, 140)):
            words = " ".join(f"word{n}" for n in range(random.randrange(20, 240)))
            tools = [
                Tool("make check", 0.5, output="line of output\n" * random.randrange(1, 150))
                for _ in range(random.randrange(1, 6))
            ]
            told.turn(thread, "Go on.", Say(words, 0.05), *tools, Say(words, 0.05))
    told.close()


def write_database(path: Path, seed: Path, size: int) -> int:
    """Write a home at ``path`` whose database has about ``size`` bytes.

    Args:
        path: Where to; a ``userdata`` folder is made in it.
        seed: A home from ``seed_home``.
        size: Bytes of the database.

    Returns:
        Its exact size.
    """
    source = seed / "userdata" / "state.sqlite"
    target = path / "userdata" / "state.sqlite"
    target.parent.mkdir(parents=True)
    copies = max(1, size // max(1, _bytes_of_a_copy(source)))
    con = sqlite3.connect(target, isolation_level=None)
    con.execute("PRAGMA journal_mode = OFF")
    con.execute("PRAGMA synchronous = OFF")
    con.execute("ATTACH ? AS seed", (str(source),))
    con.execute("BEGIN")
    made = con.execute("SELECT type, name, sql FROM seed.sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC").fetchall()
    for kind, name, sql in made:
        if not name.startswith("sqlite_"):
            con.execute(sql)
            if kind == "table" and name not in _COPIED and not name.startswith("orchestration_"):
                con.execute(f'INSERT INTO "{name}" SELECT * FROM seed."{name}"')
    for table in ("orchestration_events", "orchestration_command_receipts", *_COPIED):
        _copy(con, table, copies)
    con.execute("UPDATE projection_state SET last_applied_sequence = (SELECT max(sequence) FROM orchestration_events)")
    con.execute("COMMIT")
    con.execute("DETACH seed")
    con.execute("PRAGMA journal_mode = WAL")
    con.close()
    return target.stat().st_size


def _bytes_of_a_copy(source: Path) -> int:
    con = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)
    pages = con.execute("PRAGMA page_count").fetchone()[0] * con.execute("PRAGMA page_size").fetchone()[0]
    kept = con.execute("SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'projection_thread_%'").fetchone()[0] or 0
    con.close()
    return int(pages - kept)


def _copy(con: sqlite3.Connection, table: str, copies: int) -> None:
    columns = [row[1] for row in con.execute(f'PRAGMA seed.table_info("{table}")')]
    places = ", ".join("?" * len(columns))
    counted = [number for number, name in enumerate(columns) if name in ("sequence", "result_sequence", "row_id")]
    rows = con.execute(f'SELECT * FROM seed."{table}" ORDER BY rowid').fetchall()

    def multiplied() -> Iterator[list[Any]]:
        for row in rows:
            for copy in range(copies):
                new = [_of_copy(value, copy) for value in row]
                for at in counted:
                    new[at] = (row[at] - 1) * copies + copy + 1
                yield new

    con.executemany(f'INSERT INTO "{table}" VALUES ({places})', multiplied())


def _of_copy(value: Any, copy: int) -> Any:
    if not isinstance(value, str) or copy == 0:
        return value
    return _UUID.sub(lambda found: f"{int(found[0], 16) ^ copy * 2654435761 & 0xFFFFFFFF:08x}", value)


def plain_fetch(database: Path) -> int:
    """What reading is measured against: Python's ``sqlite3`` fetches all events, a batch at a time; their number."""
    con = sqlite3.connect(f"{database.as_uri()}?mode=ro&immutable=1", uri=True)
    found = con.execute("SELECT * FROM orchestration_events ORDER BY sequence")
    count = 0
    while rows := found.fetchmany(1000):
        count += len(rows)
    con.close()
    return count
