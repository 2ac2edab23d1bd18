"""A database of T3 Code's second data model → the store: rows as they stood, and native records to their threads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from t3lens.ingest.database import DatabaseReader, json_or_null
from t3lens.ingest.incoming import execute_incoming
from t3lens.ingest.needed_second_model import ITEMS, UNREAD_ENTITIES, item_in_short
from t3lens.store.bind_rows import TEXT, Column
from t3lens.t3code.v1.log_grammar import NATIVE
from t3lens.t3code.v2 import log
from t3lens.t3code.v2.schema import PAYLOAD_COLUMN, REQUIRED, TABLES

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "EntityRow",
    "attribute_records",
    "drop_entities",
    "is_second_model",
    "prune_entities",
    "read_entities",
    "same_entities",
    "store_entities",
]


_AT_ONCE: Final = 10_000
"""Rows that are handed over at once."""


class EntityRow(NamedTuple):
    """One row of the second data model.

    Attributes:
        table: What its table is called here.
        key: Its primary key as text; a key of several columns is their JSON list.
        thread_id: The thread it belongs to, if its table says.
        content: JSON of its columns as found, without the payload.
        payload: The whole entity, JSON; None where the table has none.
    """

    table: str
    key: str
    thread_id: str | None
    content: str
    payload: str | None


def is_second_model(reader: DatabaseReader) -> bool:
    """Whether a database is of the second data model, whatever it is called, and has what verdicts rest on."""
    return all(reader.columns(table) for table in REQUIRED)


def read_entities(reader: DatabaseReader, *, for_rules: bool = False) -> list[EntityRow]:
    """All rows of the tables of the second data model that are there; a missing table is noted in the reader.

    Args:
        reader: The open database.
        for_rules: Whether whole entities may be left out, or be kept in short, where rules read no more.
    """
    found = []
    for table in TABLES:
        names = reader.columns(table.source)
        if not names:
            reader.missing.append(table.source)
            continue
        short = for_rules and table.name == ITEMS
        for row in reader.all_rows(table.source, PAYLOAD_COLUMN if for_rules and table.name in UNREAD_ENTITIES else None):
            payload = json_or_null(row.pop(PAYLOAD_COLUMN, None))
            keys = [row.get(name) for name in table.key]
            if any(key is None for key in keys):
                continue  # only a damaged page gives such rows
            thread = row.get("thread_id")
            found.append(
                EntityRow(
                    table.name,
                    str(keys[0]) if len(keys) == 1 else json.dumps(keys),
                    None if thread is None else str(thread),
                    json.dumps(row, ensure_ascii=True),
                    item_in_short(payload) if short else payload,
                )
            )
    return found


_SAME: Final = """
old.home_id = $home AND old.until IS NULL AND old.table_name = new.table_name AND old.key = new.key
AND old.content = new.content AND old.payload IS NOT DISTINCT FROM new.payload"""


def _columns(rows: Iterable[EntityRow]) -> dict[str, Column]:
    columns = list(zip(*rows, strict=True)) or [()] * 5
    names = ("table_name", "key", "thread_id", "content", "payload")
    return {name: Column(TEXT, column) for name, column in zip(names, columns, strict=True)}


def same_entities(con: duckdb.DuckDBPyConnection, home_id: str, rows: Iterable[EntityRow]) -> bool:
    """Whether the store holds exactly these rows as the newest of a home."""
    ((changed, gone),) = execute_incoming(
        con,
        f"""SELECT
            (SELECT count(*) FROM incoming AS new
             WHERE NOT EXISTS (SELECT 1 FROM _entities AS old WHERE {_SAME})),
            (SELECT count(*) FROM _entities AS old WHERE old.home_id = $home AND old.until IS NULL
             AND NOT EXISTS (SELECT 1 FROM incoming AS new WHERE {_SAME}))""",
        _columns(rows),
        {"home": home_id},
    )
    return not changed and not gone


_INSERT_ALL: Final = (
    "INSERT INTO _entities SELECT $home, table_name, key, thread_id, content, payload, $snapshot, NULL FROM incoming"
)


def store_entities(con: duckdb.DuckDBPyConnection, home_id: str, rows: Iterable[EntityRow], snapshot: int) -> None:
    """Make these rows the newest of a home; what changed or is gone stays as it stood before.

    Args:
        con: The store, in a transaction.
        home_id: Id of the home.
        rows: All its rows.
        snapshot: The snapshot they were read for.
    """
    of = {"home": home_id, "snapshot": snapshot}
    ((first,),) = con.execute("SELECT NOT EXISTS (FROM _entities WHERE home_id = $home)", {"home": home_id}).fetchall()
    if first:  # nothing they would have to be held against together
        waiting = iter(rows)
        while some := list(islice(waiting, _AT_ONCE)):
            execute_incoming(con, _INSERT_ALL, _columns(some), of)
        return
    new = _columns(rows)
    execute_incoming(
        con,
        f"""UPDATE _entities AS old SET until = $snapshot
        WHERE old.home_id = $home AND old.until IS NULL
            AND NOT EXISTS (SELECT 1 FROM incoming AS new WHERE {_SAME})""",
        new,
        of,
    )
    execute_incoming(
        con,
        f"""INSERT INTO _entities
        SELECT $home, table_name, key, thread_id, content, payload, $snapshot, NULL FROM incoming AS new
        WHERE NOT EXISTS (SELECT 1 FROM _entities AS old WHERE {_SAME})""",
        new,
        of,
    )


def prune_entities(con: duckdb.DuckDBPyConnection, home_id: str, oldest: int) -> None:
    """Drop how rows of a home stood before the snapshot ``oldest``."""
    con.execute("DELETE FROM _entities WHERE home_id = ? AND until <= ?", [home_id, oldest])


def drop_entities(con: duckdb.DuckDBPyConnection, home_id: str) -> None:
    """Drop all rows of a home: another database is read of it now."""
    con.execute("DELETE FROM _entities WHERE home_id = ?", [home_id])


_MESSAGE: Final = "CASE WHEN json_type(payload) = 'VARCHAR' THEN TRY_CAST(payload ->> '$' AS JSON) ELSE payload END"

_PROTOCOL: Final = f"extra ->> 'kind' = '{log.PROTOCOL_KIND}' AND extra ->> '{log.PROTOCOL_MEMBER}' IS NOT NULL"

_UNREAD: Final = f"""
SELECT file_key, line, "offset", extra ->> 'protocol' AS protocol, extra ->> 'stage' AS stage, {_MESSAGE} AS m
FROM _log_events
WHERE home_id = $home AND label = '{NATIVE}' AND raw_source IS NULL AND {_PROTOCOL}
"""

_READ: Final = f"""
UPDATE _log_events AS e SET
    raw_source = m.protocol,
    raw_method = coalesce(e.extra ->> 'direction', e.payload ->> 'direction'),
    type = CASE WHEN m.stage = '{log.RAW_STAGE}' THEN NULL ELSE m.m ->> 'method' END,
    turn_id = CASE WHEN m.protocol = '{log.CODEX_PROTOCOL}'
        THEN coalesce(m.m ->> '$.params.turn.id', m.m ->> '$.params.turnId') ELSE e.turn_id END,
    provider_thread_id = CASE WHEN m.protocol = '{log.CODEX_PROTOCOL}'
        THEN coalesce(m.m ->> '$.params.threadId', m.m ->> '$.params.thread.id', m.m ->> '$.result.thread.id')
        ELSE e.provider_thread_id END,
    thread_id = CASE WHEN m.protocol = '{log.OPENCODE_PROTOCOL}' THEN e.thread_id END
FROM ({_UNREAD}) AS m
WHERE e.home_id = $home AND e.file_key = m.file_key AND e.line = m.line AND e."offset" = m."offset"
"""

_DIVIDE: Final = f"""
UPDATE _log_events AS e SET thread_id = t.thread_id
FROM (FROM provider_threads SELECT native_id, min(thread_id) AS thread_id
      WHERE home_id = $home AND native_id IS NOT NULL GROUP BY native_id) AS t
WHERE e.home_id = $home AND e.label = '{NATIVE}' AND e.thread_id IS NULL AND e.raw_source IS NOT NULL
    AND e.provider_thread_id = t.native_id
"""

_GENERATION: Final = f"""
UPDATE _files SET generation = {log.GENERATION}
WHERE home_id = $home AND generation IS DISTINCT FROM {log.GENERATION} AND kind = 'provider-log'
    AND file_key IN (SELECT DISTINCT file_key FROM _log_events
                     WHERE home_id = $home AND label = '{NATIVE}' AND {_PROTOCOL})
"""


_OF_MESSAGES: Final = f"""
SELECT DISTINCT home_id FROM _log_events
WHERE file_key BETWEEN $first AND $last AND label = '{NATIVE}' AND {_PROTOCOL}
"""


_NOTHING_TO_READ: Final = f"""
SELECT NOT EXISTS (FROM _entities WHERE home_id = $home)
    AND NOT EXISTS (FROM _log_events WHERE home_id = $home AND label = '{NATIVE}' AND {_PROTOCOL})
"""
"""Whether a home is none of the second model by its database and by its logs: asked once, where three changes would look."""


def with_messages(con: duckdb.DuckDBPyConnection, first: int, last: int) -> set[str]:
    """Homes with wrapped protocol messages in some log files.

    Args:
        con: The store.
        first: The first file's key.
        last: The last file's key.
    """
    return {row[0] for row in con.execute(_OF_MESSAGES, {"first": first, "last": last}).fetchall()}


def attribute_records(con: duckdb.DuckDBPyConnection, home_id: str) -> None:
    """Read the wrapped protocol messages of native records, and give each to its thread.

    A Codex process serves all threads and writes into one file, and its records name its own threads only; these
    are looked up in ``provider_threads``. What leads to no thread belongs to none: an id that merely looks like a
    thread's would invent one.

    Args:
        con: The store, in a transaction.
        home_id: Id of the home whose records they are.
    """
    ((nothing,),) = con.execute(_NOTHING_TO_READ, {"home": home_id}).fetchall()
    if nothing:
        return
    con.execute(_READ, {"home": home_id})
    con.execute(_DIVIDE, {"home": home_id})
    con.execute(_GENERATION, {"home": home_id})
