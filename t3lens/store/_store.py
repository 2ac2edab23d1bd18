"""The store as an object: opening, reading and writing it without getting in anybody's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t3lens.errors import StoreError
from t3lens.store import _schema

if TYPE_CHECKING:
    import duckdb
    import pyarrow

__all__ = ["Store"]

_WAIT_S = 30.0


class Store:
    """One DuckDB file (or memory) with everything t3lens read and concluded.

    Connections are held only as long as a ``read()`` or ``write()`` block lasts, because a DuckDB
    writer keeps other processes out and readers keep a writer out.
    """

    def __init__(self, path: Path | None, memory: duckdb.DuckDBPyConnection | None) -> None:
        self.path = path
        self._memory = memory
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r})" if self.path else "Store(in memory)"

    @classmethod
    def open(cls, path: Path | None = None) -> Store:
        """Open the store at ``path``, made if absent; None keeps everything in memory.

        Raises:
            StoreError: It is busy, damaged, or was written by a newer t3lens.
        """
        import duckdb

        if path is None:
            memory = duckdb.connect(":memory:")
            _configure(memory)
            _schema.prepare(memory, "in memory")
            return cls(None, memory)
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        store = cls(path, None)
        if path.exists():
            with store.read() as con:
                current = _schema.is_current(con, str(path))
            if current:
                return store
        con = store._connect(read_only=False)
        try:
            _schema.prepare(con, str(path))
        finally:
            con.close()
        return store

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        import duckdb

        deadline = time.monotonic() + _WAIT_S
        while True:
            try:
                con = duckdb.connect(str(self.path), read_only=read_only)
                _configure(con)
                return con
            except duckdb.IOException as error:
                if "lock" not in str(error).lower() or time.monotonic() > deadline:
                    raise StoreError(f"cannot open the store {self.path}: {error}") from error
                time.sleep(0.01)

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to read with; waits while another process writes.

        Raises:
            StoreError: The store stayed busy, or cannot be opened.
        """
        with self._lock:
            if self._memory is not None:
                cursor = self._memory.cursor()
                try:
                    yield cursor
                finally:
                    cursor.close()
                return
            con = self._connect(read_only=True)
            try:
                yield con
            finally:
                con.close()

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection in one transaction: committed at the end, rolled back on any error.

        Raises:
            StoreError: The store stayed busy, or cannot be opened.
        """
        with self._lock:
            con = (
                self._memory.cursor()
                if self._memory is not None
                else self._connect(read_only=False)
            )
            try:
                con.execute("BEGIN")
                try:
                    yield con
                except BaseException:
                    con.execute("ROLLBACK")
                    raise
                con.execute("COMMIT")
            finally:
                con.close()

    def table(self, sql: str, params: Sequence[Any] = ()) -> pyarrow.Table:
        """The whole result of one query as an Arrow table."""
        with self.read() as con:
            return con.sql(sql, params=list(params)).to_arrow_table()

    def close(self) -> None:
        """Let go of the store; one in memory is gone with this."""
        with self._lock:
            if self._memory is not None:
                self._memory.close()


def _configure(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("SET TimeZone = 'UTC'")
