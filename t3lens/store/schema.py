"""The schema text of the package, its version, and bringing a store up to it.

Every ``schema*.sql`` of this folder is idempotent and runs in name order; ``migrations/NNN-*.sql`` hold
what idempotent statements cannot say (a changed column), and run once each, in order, before them.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Final

from t3lens.errors import StoreError

if TYPE_CHECKING:
    import duckdb

__all__ = ["SCHEMA_VERSION", "is_current", "prepare"]

SCHEMA_VERSION: Final = 1
"""Raised with every file added to ``migrations/``; a store with a higher one is refused."""


def _texts(folder: str, prefix: str) -> list[tuple[str, str]]:
    root = resources.files("t3lens.store").joinpath(folder)
    if not root.is_dir():
        return []
    found = [
        entry
        for entry in root.iterdir()
        if entry.name.startswith(prefix) and entry.name.endswith(".sql")
    ]
    return [(e.name, e.read_text("utf-8")) for e in sorted(found, key=lambda entry: entry.name)]


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for name, text in _texts(".", "schema"):
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()


def _meta(con: duckdb.DuckDBPyConnection, where: str) -> dict[str, str]:
    names = {
        row[0]
        for row in con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE NOT internal"
        ).fetchall()
    }
    if names and "_meta" not in names:
        raise StoreError(
            f"{where} is a DuckDB database, but no t3lens store; it is left alone: name another store "
            "with --store",
            code="store-foreign",
        )
    if not names:
        return {}
    return dict(con.execute("SELECT key, value FROM _meta").fetchall())


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
    return meta.get("schema_fingerprint") == _fingerprint()


def prepare(con: duckdb.DuckDBPyConnection, where: str) -> None:
    """Bring the store behind ``con`` to this package's schema, in one transaction.

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
        con.execute(
            "INSERT OR REPLACE INTO _meta VALUES ('schema_version', ?), ('schema_fingerprint', ?)",
            [str(SCHEMA_VERSION), _fingerprint()],
        )
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
