"""The databases of a home: of which data model each is, which one is in use, and what stands in the others.

A home can have two: the second data model began as a copy of the first's database, and from then on neither follows
the other. Which is in use depends on the server that runs. If none runs, the one that was written last is the better
guess; change times do not survive a copy, so what stands inside counts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from t3lens.ingest.database import DatabaseReader
from t3lens.ingest.homes import Home, later_databases
from t3lens.ingest.open_database import open_database
from t3lens.ingest.second_model import is_second_model
from t3lens.t3code.builds import model_of
from t3lens.t3code.data_model import DATABASES, database_signs
from t3lens.t3code.home_layout import STATE_SQLITE
from t3lens.t3code.v1.schema import COMMAND_RECEIPTS, ORCHESTRATION_EVENTS, PROJECTION_THREADS
from t3lens.t3code.v2.schema import EFFECT_OUTBOX, THREADS
from t3lens.time import Micros, iso, parse_iso
from t3lens.writing import is_full

if TYPE_CHECKING:
    import duckdb

    from t3lens.ingest.server import ServerState

__all__ = ["DatabaseInUse", "InspectedDatabase", "Model", "choose", "databases_in", "write_databases"]

Model = Literal["v1", "v2"]

_NEWEST_EVENT: Final = f"SELECT occurred_at FROM {ORCHESTRATION_EVENTS} ORDER BY sequence DESC LIMIT 1"
_NEWEST_RECEIPT: Final = f"SELECT accepted_at FROM {COMMAND_RECEIPTS} ORDER BY rowid DESC LIMIT 1"
_NEWEST_EFFECT: Final = f"SELECT max(updated_at) FROM {EFFECT_OUTBOX}"
_THREADS: Final = {
    "v1": f"SELECT thread_id FROM {PROJECTION_THREADS} WHERE deleted_at IS NULL",
    "v2": f"SELECT thread_id FROM {THREADS}",
}


@dataclass(frozen=True, slots=True)
class InspectedDatabase:
    """One database of a home.

    Attributes:
        path: The file.
        model: Of which data model it is; None if it could not be opened.
        newest_at: Time of the newest thing in it, microseconds UTC.
        threads: Ids of its threads.
        problem: Why it could not be opened, if so.
    """

    path: Path
    model: Model | None
    newest_at: Micros | None = None
    threads: frozenset[str] = frozenset()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class DatabaseInUse:
    """Which database of a home is in use.

    Attributes:
        path: The file.
        model: Of which data model it is.
        why: How that is known, as a sentence.
        sure: Whether that settles it; not where no server says so and another could be in use as well.
        others: The databases that are not in use.
    """

    path: Path
    model: Model
    why: str
    sure: bool = True
    others: tuple[InspectedDatabase, ...] = ()


def databases_in(home: Home) -> list[Path]:
    """All databases of a home, the first data model's first."""
    own = home.path / STATE_SQLITE
    first = [own] if home.has_state and own.exists() else []
    return [*first, *later_databases(home)]


def _parse_time(text: object) -> Micros | None:
    try:
        return parse_iso(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _inspect(path: Path, alive: bool | None, busy_s: float) -> InspectedDatabase:
    try:
        with open_database(path, alive=alive, busy_s=busy_s) as con:
            reader = DatabaseReader(con)
            model: Model = "v2" if is_second_model(reader) else "v1"
            if model == "v1" and database_signs(reader.tables(), ()):
                return InspectedDatabase(path, None, problem=f"{path.name} lacks tables of its data model")
            times = [_parse_time(_first_value(con, sql)) for sql in (_NEWEST_EVENT, _NEWEST_RECEIPT)]
            if model == "v2":
                times.append(_parse_time(_first_value(con, _NEWEST_EFFECT)))
            newest = max((at for at in times if at is not None), default=None)
            return InspectedDatabase(path, model, newest, _thread_ids(con, model))
    except (sqlite3.Error, OSError) as error:
        if is_full(error):
            raise
        return InspectedDatabase(path, None, problem=f"{path.name} cannot be read: {error}")


def _first_value(con: sqlite3.Connection, sql: str) -> object:
    try:
        row = con.execute(sql).fetchone()
    except sqlite3.DatabaseError:
        return None
    return row[0] if row else None


def _thread_ids(con: sqlite3.Connection, model: Model) -> frozenset[str]:
    try:
        return frozenset(str(row[0]) for row in con.execute(_THREADS[model]))
    except sqlite3.DatabaseError:
        return frozenset()


def choose(
    paths: Sequence[Path],
    *,
    server: ServerState | None,
    alive: bool | None,
    busy_s: float,
) -> DatabaseInUse | None:
    """Which database of a home is in use.

    Args:
        paths: Its databases.
        server: What asking its server told, if it was asked.
        alive: Whether its server runs; None if unclear.
        busy_s: How long to wait for a locked database, seconds.

    Returns:
        None if there is none, or one of them cannot be read or is of a data model that is not known.
    """
    if not paths or any(path.name not in DATABASES for path in paths):
        return None
    found = [_inspect(path, alive, busy_s) for path in paths]
    if any(one.model is None for one in found):
        return None
    if len(found) == 1 and found[0].model is not None:
        return DatabaseInUse(found[0].path, found[0].model, f"{found[0].path.name} is the only database")
    chosen, why, sure = _in_use(found, server)
    others = tuple(one for one in found if one is not chosen)
    assert chosen.model is not None
    return DatabaseInUse(chosen.path, chosen.model, why, sure, others)


def _in_use(found: list[InspectedDatabase], server: ServerState | None) -> tuple[InspectedDatabase, str, bool]:
    if server is not None and server.status == "alive":
        second = model_of(server.protocol) == "v2"
        # the branch of August, which names no protocol, keeps the second data model in the first one's file
        for one in sorted(found, key=lambda one: (one.path.name == STATE_SQLITE) is second):
            if (one.model == "v2") is second or (not second and one.path.name == STATE_SQLITE):
                said = f"speaks orchestration protocol {server.protocol or 1}"
                return one, f"the server that runs {said}, so {one.path.name} is in use", True
    # a tie is the copy itself: the first start of the second model made it
    best = max(found, key=lambda one: (one.newest_at or 0, one.model == "v2"))
    when = f" (at {iso(best.newest_at)})" if best.newest_at else ""
    return best, f"{best.path.name} was written last{when}; no server was asked", False


def write_databases(con: duckdb.DuckDBPyConnection, home_id: str, choice: DatabaseInUse | None) -> None:
    """Keep in the store which databases a home has, and which is in use.

    Args:
        con: The store, in a transaction.
        home_id: Id of the home.
        choice: As chosen; None keeps nothing.
    """
    con.execute("DELETE FROM _databases WHERE home_id = ?", [home_id])
    if choice is None:
        return
    insert = "INSERT INTO _databases VALUES (?, ?, ?, ?, ?, make_timestamptz(?::BIGINT), ?, ?)"
    con.execute(
        insert,
        [home_id, choice.path.name, choice.model, True, choice.why, None, choice.sure, []],
    )
    for other in choice.others:
        known = con.execute("SELECT DISTINCT thread_id FROM threads WHERE home_id = ?", [home_id]).fetchall()
        only = sorted(other.threads - {row[0] for row in known})
        why = other.problem or f"{choice.path.name} is in use"
        con.execute(
            insert,
            [home_id, other.path.name, other.model, False, why, other.newest_at, True, only],
        )
