"""DuckDB's engine without the Python package around it, whose import takes as long as reading a small home.

It is the same engine, with the same connections and errors. What the package adds to connections (``sql`` and Arrow, both
ways) is there ``with_relations``.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from t3lens.interrupts import held_back

# An interrupt within this import leaves half of the engine behind, and who imports it again ends the whole process: it is
# imported once, and an interrupt waits until that is done.
with held_back() as _interrupted:
    if find_spec("_duckdb") is not None:
        from _duckdb import Error, InterruptException, OutOfMemoryException, __version__, connect
    else:  # a build of DuckDB that has its parts elsewhere
        from duckdb import Error, InterruptException, OutOfMemoryException, __version__, connect
if _interrupted():
    raise KeyboardInterrupt

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
