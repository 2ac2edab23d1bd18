"""The schema text of the package, its version, and bringing a store up to it.

Every ``schema*.sql`` of this folder is idempotent and runs in name order; ``migrations/NNN-*.sql`` hold
what idempotent statements cannot say (a changed column), and run once each, in order, before them.
``@NAME@`` in a text stands for the constant of that name of T3 Code's event types, log grammar or signs of server runs,
``@SEVERITY_ORDER@`` and its like for the words of ``t3lens.store.ordered_words``.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from t3lens.errors import StoreError
from t3lens.store.ordered_words import ORDERS
from t3lens.store.sql import listed, moment_in
from t3lens.t3code import server_runs
from t3lens.t3code.v1 import event_types, log_grammar

if TYPE_CHECKING:
    import duckdb

__all__ = ["META", "SCHEMA_VERSION", "empty", "fingerprint", "is_current", "prepare"]

SCHEMA_VERSION: Final = 1
"""Raised with every file added to ``migrations/``; a store with a higher one is refused."""


META: Final = "_meta"
"""The table of what a store says of itself."""

_FINGERPRINT: Final = "schema_fingerprint"


def _texts(folder: str, prefix: str) -> list[tuple[str, str]]:
    root = Path(__file__).parent / folder
    if not root.is_dir():
        return []
    found = [entry for entry in root.iterdir() if entry.name.startswith(prefix) and entry.name.endswith(".sql")]
    ordered = sorted(found, key=lambda entry: entry.name)
    return [(entry.name, _filled(entry.read_text("utf-8"))) for entry in ordered]


_WORD: Final = re.compile(r"@([A-Z_]+)@")
_TIME: Final = re.compile(r"TRY_CAST\(((?:[^()]|\([^()]*\))+?) AS TIMESTAMPTZ\)")


def _filled(text: str) -> str:
    """A part of the schema with T3 Code's names in it, and with no text taken for a time that cannot be shown as one."""
    text = _WORD.sub(lambda match: str(_WORDS[match[1]]), text)
    return _TIME.sub(lambda match: moment_in(match[1], "TIMESTAMPTZ"), text)


_WORDS: Final = {
    **vars(event_types),
    **vars(log_grammar),
    **vars(server_runs),
    **{f"{name.upper()}_ORDER": listed(words) for name, words in ORDERS.items()},
}


def fingerprint() -> str:
    """What tells this schema from that of any other version."""
    digest = hashlib.sha256()
    for name, text in _texts(".", "schema"):
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()


def _meta(con: duckdb.DuckDBPyConnection, where: str) -> dict[str, str]:
    names = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()}
    if names and META not in names:
        raise StoreError(
            f"{where} is a DuckDB database, but no t3lens store; it is left alone: name another store with --store",
            code="store-foreign",
        )
    if not names:
        return {}
    return dict(con.execute(f"SELECT key, value FROM {META}").fetchall())


def _refuse_newer(meta: dict[str, str], where: str) -> None:
    version = int(meta.get("schema_version", "0"))
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"the store {where} was written by a newer t3lens (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); upgrade t3lens, or name another store with --store",
            code="store-newer",
        )


def is_current(con: duckdb.DuckDBPyConnection, where: str) -> bool:
    """Whether the store behind ``con`` has exactly this package's schema.

    Raises:
        StoreError: It was written by a newer t3lens.
    """
    meta = _meta(con, where)
    _refuse_newer(meta, where)
    return meta.get(_FINGERPRINT) == fingerprint()


def empty(con: duckdb.DuckDBPyConnection) -> None:
    """Take out all rows, so that what is read next is numbered from the beginning.

    Args:
        con: The store, in a transaction.
    """
    for name, rows in con.execute("SELECT table_name, estimated_size FROM duckdb_tables() WHERE NOT internal").fetchall():
        if name != META and rows:
            con.execute(f'DELETE FROM "{name}"')
    con.execute(f"DELETE FROM {META} WHERE key NOT LIKE 'schema%'")
    for (name,) in con.execute("SELECT sequence_name FROM duckdb_sequences()").fetchall():
        con.execute(f'CREATE OR REPLACE SEQUENCE "{name}" START 1')


def prepare(con: duckdb.DuckDBPyConnection, where: str) -> None:
    """Bring the store behind ``con`` to this package's schema, in one transaction.

    Args:
        con: The store.
        where: What to call it.

    Raises:
        StoreError: It was written by a newer t3lens.
    """
    meta = _meta(con, where)
    _refuse_newer(meta, where)
    con.execute("BEGIN")
    try:
        version = int(meta.get("schema_version", "0"))
        if version:
            for name, text in _texts("migrations", ""):
                if version < int(name.split("-")[0]) <= SCHEMA_VERSION:
                    con.execute(text)
        for _, text in _texts(".", "schema"):
            con.execute(text)
        con.execute(f"INSERT OR REPLACE INTO {META} VALUES ('schema_version', ?)", [str(SCHEMA_VERSION)])
        con.execute(f"INSERT OR REPLACE INTO {META} VALUES ('{_FINGERPRINT}', ?)", [fingerprint()])
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
