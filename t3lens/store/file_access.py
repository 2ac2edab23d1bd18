"""The one door to a store file: who may have it open, and how, within this process and beside others.

Within a process DuckDB allows one open instance of a file; readers join whatever instance is open, a
writer needs one opened for writing. Between processes a writer excludes everybody, so instances are held
only while somebody is inside, and a writer lets waiting readers in between its transactions.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from t3lens.errors import StoreError
from t3lens.scratch import process_folder, temporary_folder
from t3lens.store.empty_store import SMALL, empty_store
from t3lens.store.locks import LockFile
from t3lens.store.sql import quoted
from t3lens.writing import replace_file

if TYPE_CHECKING:
    import duckdb

__all__ = ["Gate", "configure", "confine", "damaged", "gate_for"]

_READ_WAIT_S: Final = 60.0
_WRITE_WAIT_S: Final = 600.0
_STEP_S: Final = 0.005
_CLAIM_S: Final = 0.3
_LARGEST_WAL: Final = 4 << 20

# A quarter of what DuckDB takes: less memory, less to pack again behind a small batch, and a thread's
# records lie closer.
_ROW_GROUP: Final = 30_720
_ATTACH: Final = f"ATTACH ? AS store (ROW_GROUP_SIZE {_ROW_GROUP})"

_LARGEST_PACKED: Final = 64 << 20
_LEVEL: Final = 3
"""Of gzip: a tenth larger than with the usual one, in less than half of the time."""

_ATTACH_TO_READ: Final = "ATTACH ? AS store (READ_ONLY)"

# Whoever opens the file next replays the write-ahead log before anything else, so it stays small. A checkpoint
# packs row groups that are not full together: some of them, as readers wait for the rest.
_WRITER_SETTINGS: Final = f"SET wal_autocheckpoint = '{_LARGEST_WAL >> 20}MB'; SET max_vacuum_tasks = 2"

_IN_USE: Final = "unique file handle conflict"
_DAMAGE_SIGNS: Final = (
    "corrupt",
    "checksum",
    "not a valid duckdb database",
    "failed to deserialize",
    "serialization error",
    "could not read enough bytes",
    "failed to load metadata",
    "invalid block",
    "has been invalidated",
    "internal error",
)
_VERSION_SIGNS: Final = ("version number", "newer version", "storage version", "older version")


def configure(con: duckdb.DuckDBPyConnection, *, in_file: bool = False) -> None:
    """What every connection needs that its instance cannot be told once (see ``confine``).

    Args:
        con: The connection.
        in_file: Whether it should see the store file of its instance, not the instance's memory.
    """
    if in_file:
        con.execute("USE store")
    con.execute("SET enable_progress_bar = false")


def confine(con: duckdb.DuckDBPyConnection) -> None:
    """What an instance is told once: UTC, nothing fetched behind the user's back, no file but its own.

    What memory cannot hold gets a place of its own; DuckDB's default is a folder ``.tmp`` where one happens to be.
    Nothing can be attached afterwards.
    """
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    con.execute("SET GLOBAL autoinstall_known_extensions = false")
    con.execute("SET GLOBAL autoload_known_extensions = false")
    con.execute(f"SET temp_directory = {quoted(str(process_folder() / 'duckdb'))}")
    con.execute("SET enable_external_access = false")
    con.execute("SET python_enable_replacements = false")  # a variable of ours is no table


def damaged(error: BaseException, path: Path | None) -> StoreError | None:
    """The ``StoreError`` that a DuckDB error about a damaged file means; None for other errors."""
    import duckdb

    # an error about what a query was given quotes it, and words of a log say nothing of the file
    given = isinstance(error, duckdb.DataError | duckdb.ProgrammingError)
    text = str(error).lower()
    if path is None or given or not any(sign in text for sign in _DAMAGE_SIGNS):
        return None
    if any(sign in text for sign in _VERSION_SIGNS):
        return None
    return StoreError(
        f"the store {path} is damaged ({str(error).splitlines()[0][:200]}); run t3lens ingest to set it "
        "aside and rebuild it from the logs",
        code="store-damaged",
    )


class Gate:
    """Admission to one store file for all ``Store`` objects of this process.

    Attributes:
        path: The file.
        for_little: Whether a file that has to be begun is going to hold little, and should be small.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.for_little = False
        self._changed = threading.Condition()
        self._instance: duckdb.DuckDBPyConnection | None = None
        self._writable = False
        self._writing = False
        self._inside = 0
        self._claimed = False
        self._mine = threading.local()
        self._writer = LockFile(path.with_name(path.name + ".writer"))
        self._waiting = LockFile(path.with_name(path.name + ".waiting"))
        self.ingest_lock = LockFile(path.with_name(path.name + ".ingest"))
        self._turn = LockFile(path.with_name(path.name + ".turn"))

    @property
    def is_ours(self) -> bool:
        """Whether t3lens has used this file as a store before (its lock files stand beside it)."""
        return self._writer.path.exists()

    def _depth(self) -> int:
        return getattr(self._mine, "depth", 0)

    def _open(self, *, read_only: bool) -> duckdb.DuckDBPyConnection | None:
        """One try to open the file; None while another process is in the way."""
        import duckdb

        if not read_only and not self.path.exists():
            self._begin()
        con = duckdb.connect(":memory:")
        try:
            # Only an attached file can have row groups of its own size.
            con.execute(_ATTACH_TO_READ if read_only else _ATTACH, [str(self.path)])
            confine(con)
            configure(con, in_file=True)
        except duckdb.Error as error:
            con.close()
            text = str(error)
            if "lock" in text.lower() and isinstance(error, duckdb.IOException):
                return None
            if _IN_USE in text.lower():  # by a connection of this process that is not ours
                return None
            if (found := damaged(error, self.path)) is not None:
                raise found from error
            if any(sign in text.lower() for sign in _VERSION_SIGNS):
                raise StoreError(
                    f"the store {self.path} was written by an incompatible DuckDB "
                    f"({text.splitlines()[0][:200]}); name another store with --store",
                    code="store-incompatible",
                ) from error
            raise StoreError(f"cannot open the store {self.path}: {text[:300]}") from error
        return con

    def _begin(self) -> None:
        """An empty store file, for this user alone: DuckDB would let everybody read what is going to be in it.

        Raises:
            InputError: It cannot be written.
        """
        import duckdb

        if self.for_little and (pattern := empty_store()) is not None:
            with suppress(FileNotFoundError):  # tidied up just now
                replace_file(self.path, pattern.read_bytes(), private=True)
                return
        with temporary_folder() as folder:
            new = folder / "store"
            con = duckdb.connect(":memory:")
            con.execute(f"ATTACH ? AS store ({SMALL})" if self.for_little else _ATTACH, [str(new)])
            con.close()
            replace_file(self.path, new.read_bytes(), private=True)

    def pack(self, packed: Path) -> None:
        """Move what the file holds into a packed one, and take the file away.

        What somebody is reading or writing, and what is not small, is left as it is.

        Args:
            packed: Where to; replaced whole.

        Raises:
            InputError: It cannot be written.
        """
        import gzip

        with self._writer.hold(), self._changed:
            if self._instance is not None or self._wal_size() or self.path.stat().st_size > _LARGEST_PACKED:
                return
            replace_file(packed, gzip.compress(self.path.read_bytes(), _LEVEL, mtime=0), private=True)
            self.path.unlink()

    def before_commit(self) -> None:
        """Make the write-ahead log that a commit would begin, for this user alone."""
        with suppress(OSError):
            os.close(os.open(self._wal(), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def _keep_private(self) -> None:
        """Take from others what an older build, or a copy, let them read."""
        for path in (self.path, self._wal()):
            with suppress(OSError):  # it is somebody else's, or not there
                mode = path.stat().st_mode & 0o777
                if mode & 0o077:
                    path.chmod(mode & 0o700)

    def _wal(self) -> Path:
        return self.path.with_name(self.path.name + ".wal")

    # --- readers ------------------------------------------------------------------------------

    def enter_read(self) -> duckdb.DuckDBPyConnection:
        """Come in to read; a connection of one's own.

        Raises:
            StoreError: The store stayed busy, is damaged, or cannot be opened.
        """
        with self._changed:
            if self._claimed and self._depth() == 0:
                self._changed.wait_for(lambda: not self._claimed, _CLAIM_S * 4)
            if self._instance is None:
                self._instance = self._open_to_read()
                self._writable = False
            self._inside += 1
            self._mine.depth = self._depth() + 1
            cursor = self._instance.cursor()
        configure(cursor, in_file=True)
        return cursor

    def _open_to_read(self) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + _READ_WAIT_S
        with self._turn.hold(shared=True, timeout=_CLAIM_S * 2):
            con = self._open(read_only=True)
        if con is not None:
            return con
        with self._waiting.hold(shared=True, timeout=1.0):
            while (con := self._open(read_only=True)) is None:
                if time.monotonic() > deadline:
                    raise StoreError(
                        f"the store {self.path} has been written to for {_READ_WAIT_S:.0f} s by another "
                        "process (or is open in this one); try again, or name another store with --store",
                        code="store-busy",
                    )
                time.sleep(_STEP_S)
        return con

    def leave_read(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Go out again; the last one out closes."""
        cursor.close()
        with self._changed:
            self._inside -= 1
            self._mine.depth = self._depth() - 1
            if not self._writing:
                self._close_if_empty()
            self._changed.notify_all()

    def _wal_size(self) -> int:
        try:
            return self._wal().stat().st_size
        except OSError:
            return 0

    def _close_if_empty(self) -> None:
        if self._inside == 0 and self._instance is not None:
            self._instance.close()
            self._instance = None

    # --- writers ------------------------------------------------------------------------------

    def readers_wait(self) -> bool:
        """Whether readers of other processes stand at the door."""
        return self._waiting.is_held()

    def enter_write(self) -> duckdb.DuckDBPyConnection:
        """Open for writing, for the holder of the writer lock.

        Raises:
            StoreError: The store stayed busy, is damaged, or cannot be opened; or this thread is inside
                a ``read()`` block, and would wait for itself.
        """
        if self._depth():
            raise StoreError("write() inside a read() block of the same thread; end the read first")
        deadline = time.monotonic() + _WRITE_WAIT_S
        with self._changed:
            self._claimed = True
            try:
                while True:
                    free = self._changed.wait_for(self._can_write, _STEP_S * 4)
                    if free and self._instance is None:
                        self._instance = self._open_to_write()
                        if self._instance is not None:
                            self._instance.execute(_WRITER_SETTINGS)
                            self._keep_private()
                        self._writable = True
                    if free and self._instance is not None:
                        self._writing = True
                        return self._instance
                    if time.monotonic() > deadline:
                        raise StoreError(
                            f"the store {self.path} stayed in use for {_WRITE_WAIT_S:.0f} s; close other "
                            "notebooks and commands that use it, or name another store with --store",
                            code="store-busy",
                        )
            finally:
                self._claimed = False
                self._changed.notify_all()

    def _can_write(self) -> bool:
        return self._instance is None or self._writable

    def _open_to_write(self) -> duckdb.DuckDBPyConnection | None:
        con = self._open(read_only=False)
        if con is not None:
            return con
        # Others read without a gap: claim the turn for a moment, so that no new ones come in.
        with self._turn.hold(timeout=_CLAIM_S) as claimed:
            end = time.monotonic() + _CLAIM_S
            while claimed and time.monotonic() < end:
                if (con := self._open(read_only=False)) is not None:
                    return con
                time.sleep(_STEP_S)
        return None

    def leave_write(self, *, checkpoint: bool = True) -> None:
        """Close for writing; readers of this process that came in meanwhile close behind them.

        Args:
            checkpoint: Whether closing may take the time to fold the write-ahead log into the file.
        """
        with self._changed:
            if not checkpoint and self._instance is not None and self._wal_size() < _LARGEST_WAL:
                self._instance.execute("PRAGMA disable_checkpoint_on_shutdown")
            self._writing = False
            self._close_if_empty()
            self._changed.notify_all()

    @property
    def writer_lock(self) -> LockFile:
        """Held by the one writer among all processes."""
        return self._writer


_GATES: weakref.WeakValueDictionary[Path, Gate] = weakref.WeakValueDictionary()
_GATES_LOCK = threading.Lock()


def gate_for(path: Path) -> Gate:
    """The gate of a store file; one per file and process."""
    key = path.resolve()
    with _GATES_LOCK:
        gate = _GATES.get(key)
        if gate is None:
            gate = _GATES[key] = Gate(key)
        return gate
