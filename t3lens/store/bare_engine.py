"""DuckDB's engine without the Python package around it, whose import takes as long as reading a small home.

It is the same engine, with the same connections and errors. What the package adds to connections (``sql`` and Arrow, both
ways) is there ``with_relations``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from _duckdb import Error, InterruptException, OutOfMemoryException, __version__, connect
except ImportError:  # a build of DuckDB that has its parts elsewhere
    from duckdb import Error, InterruptException, OutOfMemoryException, __version__, connect

if TYPE_CHECKING:
    import duckdb

__all__ = ["Error", "InterruptException", "OutOfMemoryException", "connect", "engine_version", "with_relations"]


def engine_version() -> str:
    """Which DuckDB this is."""
    return str(__version__)


def with_relations(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The connection, for what is asked as a relation or goes from or to Arrow."""
    import duckdb  # noqa: F401 - it adds to all connections what they lack

    return con
