"""The store as an object: opening, reading and writing it without getting in anybody's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from t3lens.errors import StoreError
from t3lens.store import schema as _schema
from t3lens.store.bare_engine import Error, OutOfMemoryException, connect, with_relations
from t3lens.store.empty_store import prepare_in_memory
from t3lens.store.file_access import Gate, configure, confine, damaged, gate_for

if TYPE_CHECKING:
    import duckdb
    import pandas
    import pyarrow

    from t3lens.store.event_file import EventsBeside

__all__ = ["Store", "WriteSession"]

_T = TypeVar("_T")

_GIVE_WAY_S: Final = 2.0
_STEP_S: Final = 0.005
_SLICE_S: Final = 0.15
_INTERRUPTED: Final = "Query interrupted"
_ONE_THREAD: Final = "SET threads = 1"
_SHORT_OF_MEMORY: Final = "Out of Memory"
_BOUND: Final = "192MB"
"""Of a store in memory that is bounded: enough to sort many wide rows in, with the rest on disk."""
_TIGHT: Final = "128MB"
"""The same where events are beside the tables, so that less is sorted."""


class Store:
    """One DuckDB file (or memory) with everything t3lens read and concluded.

    Connections are held only as long as a ``read()`` or ``write()`` block lasts, because a DuckDB
    writer keeps other processes out and readers keep a writer out. Threads may share one ``Store``.

    Attributes:
        path: The file; None for a store in memory.
        set_aside: Where a damaged file was moved when this store was opened or rebuilt, if that
            happened; what it held is read again from the logs by the next ingest.
        beside: What is kept beside the tables of one in memory that is only judged, by home id.
    """

    def __init__(self, path: Path | None, memory: duckdb.DuckDBPyConnection | None, gate: Gate | None) -> None:
        self.path = path
        self.set_aside: Path | None = None
        self._memory = memory
        self._bounded = False
        self._gate = gate
        self.beside: dict[str, EventsBeside] = {}
        self._memory_writer = threading.RLock()
        self._memory_ingest = threading.Lock()

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r})" if self.path else "Store(in memory)"

    @classmethod
    def open(cls, path: Path | None = None, *, for_little: bool = False, bounded: bool = False) -> Store:
        """Open the store at ``path``, made if absent; None keeps everything in memory.

        A damaged store is set aside under another name and begun anew (see ``set_aside``).

        Args:
            path: The file.
            for_little: Whether a file that has to be made is going to hold little: it is then small, and slower with much.
            bounded: Whether one in memory takes no more than some of it, and a temporary file for the rest; it may then
                be short of memory (``with_enough_memory``).

        Raises:
            StoreError: It is busy, no t3lens store, or was written by a newer t3lens or DuckDB.
        """
        if path is None:
            memory = connect(":memory:")
            if bounded:
                memory.execute(f"SET memory_limit = '{_BOUND}'")
                memory.execute(_ONE_THREAD)  # each has a part of that to itself
            prepare_in_memory(memory)
            confine(memory)
            configure(memory)
            store = cls(None, memory, None)
            store._bounded = bounded
            return store
        path = Path(path).expanduser()
        if path.suffix == ".gz" and path.is_file():
            raise StoreError(f"{path} is packed; unpack it first: gunzip --keep {path}", code="store-packed")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the folder {path.parent}: {error.strerror}") from error
        gate = gate_for(path)
        gate.for_little = for_little
        store = cls(path, None, gate)
        try:
            store._prepare()
        except StoreError as error:
            if error.code != "store-damaged":
                raise
            store.rebuild()
        return store

    def _prepare(self) -> None:
        assert self.path is not None
        if self.path.exists():
            with self.read() as con:
                if _schema.is_current(con, str(self.path)):
                    return
        with self._session() as session:
            con = session.connection()
            if self._gate is not None:
                self._gate.before_commit()
            if not _schema.is_current(con, str(self.path)):
                _schema.prepare(con, str(self.path))

    def rebuild(self) -> Path:
        """Set a damaged store file aside under another name and begin an empty one.

        Returns:
            Where the damaged file is now; it is never deleted.

        Raises:
            StoreError: The file was never a t3lens store (then it is left alone), or cannot be moved.
        """
        assert self.path is not None
        assert self._gate is not None
        if not self._gate.is_ours:
            raise StoreError(
                f"{self.path} is no t3lens store (and no readable DuckDB database); it is left alone: "
                "name another store with --store",
                code="store-foreign",
            )
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        number = 1
        while aside.exists():
            number += 1
            aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}-{number}")
        with self._gate.writer_lock.hold():
            try:
                self.path.rename(aside)
                wal = self.path.with_name(self.path.name + ".wal")
                if wal.exists():
                    wal.rename(aside.with_name(aside.name + ".wal"))
            except OSError as error:
                raise StoreError(f"the store {self.path} is damaged and cannot be set aside: {error.strerror}") from error
        self.set_aside = aside
        self._prepare()
        return aside

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to read with; waits a moment while another process writes.

        Raises:
            StoreError: The store stayed busy, is damaged, or cannot be opened.
        """
        if self._gate is None:
            assert self._memory is not None
            cursor = self._memory.cursor()
            configure(cursor)
            try:
                with _telling(None):
                    yield cursor
            finally:
                cursor.close()
            return
        cursor = self._gate.enter_read()
        try:
            with _telling(self.path):
                yield cursor
        finally:
            self._gate.leave_read(cursor)

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection in one transaction: committed at the end, rolled back on any error.

        Raises:
            StoreError: The store stayed busy, is damaged, or cannot be opened.
        """
        with self.writing() as session, session.transaction() as con:
            yield con

    @contextmanager
    def writing(self) -> Iterator[WriteSession]:
        """Several transactions in a row; between them readers of other processes are let in.

        Raises:
            StoreError: The store stayed busy, is damaged, or cannot be opened.
        """
        with self._session() as session:
            yield session

    @contextmanager
    def _session(self) -> Iterator[WriteSession]:
        if self._gate is None:
            assert self._memory is not None
            with self._memory_writer:
                cursor = self._memory.cursor()
                configure(cursor)
                try:
                    with _telling(None):
                        yield WriteSession(None, cursor, self.beside)
                finally:
                    cursor.close()
            return
        with _telling(self.path):
            session = WriteSession(self._gate, None, self.beside)
            try:
                yield session
            finally:
                session.release()

    @contextmanager
    def ingesting(self) -> Iterator[None]:
        """The right to bring this store up to date: one process at a time, the others wait their turn."""
        if self._gate is None:
            with self._memory_ingest:
                yield
            return
        with self._gate.ingest_lock.hold():
            yield

    @property
    def being_filled(self) -> bool:
        """Whether somebody is reading homes into it just now: what it has of them may be on its way."""
        if self._gate is None:
            return self._memory_ingest.locked()
        return self._gate.ingest_lock.is_held()

    def table(self, sql: str, params: Sequence[Any] = ()) -> pyarrow.Table:
        """The whole result of one query as an Arrow table."""
        with self.read() as con:
            return with_relations(con).sql(sql, params=list(params)).to_arrow_table()

    def mirror_actions(self, actions: pandas.DataFrame) -> None:
        """Replace the view ``actions`` by the journal's frame.

        Args:
            actions: As ``Journal.frame()`` gives it; columns of the view, by name.
        """
        import pyarrow as pa

        with self.write() as con:
            con.execute("DELETE FROM _actions")
            if len(actions):
                with_relations(con).register("incoming", pa.Table.from_pandas(actions, preserve_index=False))
                con.execute('INSERT INTO _actions BY NAME SELECT * RENAME (started_at AS "at") FROM incoming')
                con.unregister("incoming")

    def with_enough_memory(self, do: Callable[[], _T]) -> _T:
        """Do something with the store; where its bound was too tight for that, once more without one.

        Args:
            do: What to do. It can be begun again when it failed for want of memory.
        """
        try:
            return do()
        except (OutOfMemoryException, OSError) as error:  # the second where rows are handed over
            if not self._bounded or self._memory is None or _SHORT_OF_MEMORY not in str(error):
                raise
            self._bounded = False
            self._memory.execute("RESET memory_limit")
            self._memory.execute("RESET threads")
        return do()

    @contextmanager
    def with_less_memory(self) -> Iterator[None]:
        """For a block, a tighter bound of one in memory that is bounded; without effect where that cannot be."""
        if self._bounded and self._memory is not None:
            with suppress(OutOfMemoryException):
                self._memory.execute(f"SET memory_limit = '{_TIGHT}'")
        try:
            yield
        finally:
            if self._bounded and self._memory is not None:
                self._memory.execute(f"SET memory_limit = '{_BOUND}'")

    def empty(self) -> None:
        """Take everything out of a store in memory, which is quicker than to make another.

        Raises:
            StoreError: It is one in a file.
        """
        if self._memory is None:
            raise StoreError(f"{self.path} keeps what it holds; only a store in memory is emptied")
        with self.write() as con:
            _schema.empty(con)
        self._forget_beside()

    def pack(self, packed: Path) -> None:
        """Move a store that is in a file, and that nobody uses just now, into a packed file (gzip).

        A large one is left as it is, as is one in use.

        Args:
            packed: The packed file; replaced whole.

        Raises:
            InputError: It cannot be written.
        """
        if self._gate is not None:
            self._gate.pack(packed)

    def close(self) -> None:
        """Let go of the store; one in memory is gone with this."""
        self._forget_beside()
        if self._memory is not None:
            self._memory.close()

    def _forget_beside(self) -> None:
        for events in self.beside.values():
            events.close()
        self.beside.clear()


class WriteSession:
    """The right to write, kept over several transactions.

    Attributes:
        beside: As of the ``Store``.
    """

    def __init__(
        self,
        gate: Gate | None,
        memory: duckdb.DuckDBPyConnection | None,
        beside: dict[str, EventsBeside],
        *,
        is_part: bool = False,
    ) -> None:
        self.beside = beside
        self._gate = gate
        self._con = memory
        self._is_part = is_part
        self._lock: Any = None
        self._since = 0.0
        self._alone = False

    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection, opened if need be; the caller minds transactions."""
        if self._con is None:
            assert self._gate is not None
            lock = self._gate.writer_lock.hold()
            lock.__enter__()
            try:
                self._con = self._gate.enter_write()
                if self._alone:
                    self._con.execute(_ONE_THREAD)
            except BaseException:
                lock.__exit__(None, None, None)
                raise
            self._lock = lock
        return self._con

    @property
    def in_memory(self) -> bool:
        """Whether nobody else sees what is written, and a kill takes it all."""
        return self._gate is None

    @contextmanager
    def as_one(self) -> Iterator[WriteSession]:
        """One transaction for a block, of which all that the block begins are parts; only of a store in memory."""
        assert self._gate is None
        with self.transaction(bulk=True) as con:
            yield WriteSession(None, con, self.beside, is_part=True)

    def should_yield(self) -> bool:
        """Whether readers of another process wait: end the transaction soon.

        Not at once: a writer that gave way at every block would spend its time opening and closing.
        """
        if self._gate is None or time.monotonic() - self._since < _SLICE_S:
            return False
        return self._gate.readers_wait()

    def release(self, *, briefly: bool = False) -> None:
        """Let go of the file until the next transaction.

        Args:
            briefly: Only to let readers in: what is in the write-ahead log may stay there for now.
        """
        if self._gate is not None and self._con is not None:
            self._con = None
            try:
                self._gate.leave_write(checkpoint=not briefly)
            finally:
                self._lock.__exit__(None, None, None)
                self._lock = None

    @contextmanager
    def one_thread(self) -> Iterator[None]:
        """Leave the other processors to whoever is being watched, for a block of small transactions.

        Other connections of this process to the same store have one thread meanwhile, too.
        """
        self.connection().execute(_ONE_THREAD)
        self._alone = True
        try:
            yield
        finally:
            self._alone = False
            if self._con is not None:
                with suppress(Error):
                    self._con.execute("RESET threads")

    def _give_way(self) -> None:
        if self._gate is None or not self._gate.readers_wait():
            return
        self.release(briefly=True)
        deadline = time.monotonic() + _GIVE_WAY_S
        while self._gate.readers_wait() and time.monotonic() < deadline:
            time.sleep(_STEP_S)

    @contextmanager
    def transaction(self, *, bulk: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """One transaction: committed at the end, rolled back on any error.

        Args:
            bulk: For many rows whose order does not matter: every thread writes out row groups of its own
                as soon as they are full. In order, each batch would be copied into place once more.
        """
        if self._is_part:
            yield self.connection()
            return
        self._give_way()
        con = self.connection()
        self._since = time.monotonic()
        with _bulk_settings(con) if bulk else nullcontext():
            con.execute("BEGIN")
            try:
                yield con
            except BaseException:
                _roll_back(con)
                raise
            if self._gate is not None:
                self._gate.before_commit()
            con.execute("COMMIT")


@contextmanager
def _bulk_settings(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    con.execute("SET preserve_insertion_order = false; SET write_buffer_row_group_count = 1")
    try:
        yield
    finally:
        con.execute("RESET preserve_insertion_order; RESET write_buffer_row_group_count")


def _roll_back(con: duckdb.DuckDBPyConnection) -> None:
    """Undo without hiding the error that made it necessary."""
    with suppress(Error):
        con.execute("ROLLBACK")


@contextmanager
def _telling(path: Path | None) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if str(error) == _INTERRUPTED:  # what DuckDB makes of an interrupt
            raise KeyboardInterrupt from error
        raise
    except Error as error:
        if (found := damaged(error, path)) is not None:
            raise found from error
        raise
