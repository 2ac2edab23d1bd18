"""Reading log files into the store: in order, once, in transactions that carry their own checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Final

from t3lens.errors import StoreError
from t3lens.ingest.attribution import several_threads_in_a_file
from t3lens.ingest.few_lines import FewLines, are_few
from t3lens.ingest.formats import FORMATS, FORMATS_FOR_RULES, Format
from t3lens.ingest.homes import Home
from t3lens.ingest.identity import FILE_COLUMNS, Catalogue, FileState, Signature, row_of
from t3lens.ingest.incoming import execute_incoming
from t3lens.ingest.lines import RejectedLine
from t3lens.ingest.log_files import SourceFile, list_files, open_content
from t3lens.ingest.single_records import Malformed, SingleRecords, Work
from t3lens.store.bind_rows import NUMBER, TEXT, UNSIGNED, Column
from t3lens.writing import is_full

if TYPE_CHECKING:
    import duckdb

    from t3lens.store import WriteSession

__all__ = ["LogResult", "read_logs"]

_PASSES: Final = 3


@dataclass
class LogResult:
    """What reading the logs of one home came to.

    Attributes:
        files: Number of files that were listed.
        unchanged: Files that needed no look inside.
        missing: Files gone since the last time.
        records: Number of records that were stored.
        quarantined: Quarantine entries made.
        bytes_read: Bytes that became rows or quarantine entries.
        problems: What could not be read, one line each.
        changed: Keys of files that something was read of.
    """

    files: int = 0
    unchanged: int = 0
    missing: int = 0
    records: int = 0
    quarantined: int = 0
    bytes_read: int = 0
    problems: list[str] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)


def read_logs(
    session: WriteSession,
    home: Home,
    *,
    dead: bool,
    metadata_only: bool,
    tell: Callable[[int], None],
    stop: Callable[[], bool],
    for_rules: bool = False,
) -> LogResult:
    """Read what is new in the log files of ``home``.

    Args:
        session: The reading session that takes the rows.
        home: Home the logs belong to.
        dead: Whether its server is not running, so that an unfinished last line stays unfinished.
        metadata_only: Leave payloads out that are not about the lifecycle.
        tell: Called with the bytes read now and then.
        stop: Asked now and then; True ends cleanly with what was read so far.
        for_rules: Only check and count lines that no rule reads, in a store that has nothing of the home yet.
    """
    catalogue = Catalogue(session.connection(), home.home_id)
    if for_rules and not metadata_only and not catalogue.states:
        passed: dict[int, int] = {}
        try:
            result = _read_logs(session, home, catalogue, FORMATS_FOR_RULES, passed, dead, tell, stop)
            if not passed or stop() or not several_threads_in_a_file(session.connection(), home.home_id):
                return result
        except _EveryLineCounts:
            pass
        _forget(session, home)
        catalogue = Catalogue(session.connection(), home.home_id)
    return _read_logs(session, home, catalogue, FORMATS[metadata_only], {}, dead, tell, stop)


class _EveryLineCounts(Exception):
    """What is to be told of the files can only be told from all of their lines."""


def _forget(session: WriteSession, home: Home) -> None:
    with session.transaction() as con:
        for table in ("_log_events", "_spans"):
            con.execute(f"DELETE FROM {table} WHERE home_id = ?", [home.home_id])
        con.execute(
            "DELETE FROM _quarantine WHERE file_key IN (SELECT file_key FROM _files WHERE home_id = ?)", [home.home_id]
        )
        con.execute("DELETE FROM _files WHERE home_id = ?", [home.home_id])


def _read_logs(
    session: WriteSession,
    home: Home,
    catalogue: Catalogue,
    formats: dict[str, Format],
    passed: dict[int, int],
    dead: bool,
    tell: Callable[[int], None],
    stop: Callable[[], bool],
) -> LogResult:
    result = LogResult()
    before = None
    for _ in range(_PASSES):
        listing = list_files(home)
        seen = {(f.relative, f.inode) for f in listing.files}
        if seen == before:
            break
        before = seen
        reader = _Reader(session, home, catalogue, formats, dead, tell, stop, result, passed)
        result.problems = list(listing.problems)
        result.files = len(listing.files)
        reader.read(listing.files)
        if stop():
            break
        if not reader.moved and {(f.relative, f.inode) for f in list_files(home).files} == seen:
            break
    return result


class _Reader:
    """One pass over the files of a home."""

    def __init__(
        self,
        session: WriteSession,
        home: Home,
        catalogue: Catalogue,
        formats: dict[str, Format],
        dead: bool,
        tell: Callable[[int], None],
        stop: Callable[[], bool],
        result: LogResult,
        passed: dict[int, int],
    ) -> None:
        self._session = session
        self._home = home
        self._catalogue = catalogue
        self._formats = formats
        self._dead = dead
        self._tell = tell
        self._stop = stop
        self._result = result
        self._passed = passed
        self._careful = False
        self._one_by_one = False
        self._written = {key: row_of(state) for key, state in catalogue.states.items()}
        self.moved = False
        self._settled: set[str] = set()

    def _is_final(self, file: SourceFile) -> bool:
        return self._dead or file.name.rotation > 0 or file.name.compression is not None

    def read(self, files: tuple[SourceFile, ...]) -> None:
        """Read what is new in ``files``, and note which files are gone."""
        catalogue = self._catalogue
        waiting = []
        for file in files:
            if catalogue.unchanged(file, final=self._is_final(file)):
                self._settled.add(file.relative)
            else:
                waiting.append(file)
        self._result.unchanged = len(self._settled)
        present = {file.relative for file in files}
        # A file named alone says nothing about its neighbours.
        partial = self._home.files is not None
        before = {s.file_key for s in catalogue.states.values() if s.status == "missing"}
        pending: list[Work] = []
        for file in waiting:
            if self._stop():
                break
            self._plan(file, pending)
        self._load(pending)
        if partial:
            present |= {s.path for s in catalogue.states.values()}
        if not self._stop():
            catalogue.mark_missing(present)
        gone = [s for s in catalogue.states.values() if s.status == "missing" and s.file_key not in before]
        self._result.missing += len(gone)
        if waiting or gone:
            self._finish()

    def _plan(self, file: SourceFile, pending: list[Work]) -> None:
        packed = file.name.compression is not None
        if packed:  # unpacked only once, so it is read as soon as it is known
            self._load(pending)
        try:
            with open_content(file) as content:
                unread = {work.state.file_key for work in pending}
                if any(s.file_key in unread for s in self._catalogue.kin(file, content)):
                    # Where two files part can only be told from what the store has of the first.
                    self._load(pending)
                    if self._stop():
                        return
                state = self._catalogue.resolve(
                    file,
                    content,
                    lambda s: s.path in self._settled,
                    lambda stream, size: self._pieces(file.name.kind, stream, size),
                    self._stored_signatures,
                )
                self._settled.add(file.relative)
                if state.error:
                    self._result.problems.append(f"{file.relative}: {state.error}")
                work = Work(file, state, final=self._is_final(file))
                if packed:
                    self._load([work], content.stream)
                else:
                    pending.append(work)
        except OSError as error:
            if is_full(error):
                raise
            reason = error.strerror or str(error)
            self._result.problems.append(f"{file.relative} cannot be read: {reason}")
            self._catalogue.unreadable(file, reason)

    def _pieces(self, kind: str, stream: IO[bytes], size: int) -> Iterator[tuple[int, list[Signature]]]:
        from t3lens.ingest.chunks import lines_of

        kind_format = self._formats[kind]
        for offset, line in lines_of(stream, 0, size):
            found: list[Signature] = []
            for piece in kind_format.read(line, first=offset == 0):
                if isinstance(piece, RejectedLine):
                    place = (offset + piece.start, piece.end - piece.start)
                    found.append((*place, "!", piece.reason))
                else:
                    found.append(piece.signature(offset))
            yield offset + len(line), found

    def _stored_signatures(self, state: FileState) -> list[Signature]:
        """What the store has of a file, with what it shares with others."""
        if self._passed:
            raise _EveryLineCounts
        con = self._session.connection()
        found: list[Signature] = []
        limit = 1 << 62
        current: FileState | None = state
        while current is not None:
            sql = self._formats[current.kind].signatures
            found += con.execute(sql, [current.file_key, limit]).fetchall()
            found += con.execute(
                "SELECT \"offset\", length, '!', reason FROM _quarantine "
                'WHERE file_key = ? AND "offset" < ? AND NOT provisional',
                [current.file_key, limit],
            ).fetchall()
            limit = min(limit, current.base_offset)
            parent = current.parent_key
            current = None if parent is None else self._catalogue.states.get(parent)
        return sorted(found, key=lambda s: (s[0], s[1]))

    # --- loading ------------------------------------------------------------------------------

    def _load(self, pending: list[Work], stream: IO[bytes] | None = None) -> None:
        """Read all of ``pending``, in as many transactions as it takes."""
        for kind, kind_format in self._formats.items():
            todo = [work for work in pending if work.file.name.kind == kind]
            while todo and not self._stop():
                todo = self._transaction(kind_format, todo, stream)
        pending.clear()

    def _transaction(self, kind_format: Format, todo: list[Work], stream: IO[bytes] | None) -> list[Work]:
        """Read some of ``todo``; what is left to do."""
        if stream is None and not self._careful and are_few(todo):
            return self._read_few(kind_format, todo)
        from t3lens.ingest.load import Load

        saved = {work.state.file_key: replace(work.state) for work in todo}

        def attempt() -> list[Work]:
            with self._session.transaction(bulk=True) as con:
                load = Load(
                    con, self._home.home_id, kind_format, self._should_stop, self._tell, self._careful, self._one_by_one
                )
                done, left, moved = load.run(todo, stream)
                passed = {key: self._passed.get(key, 0) + size for key, size in load.passed_bytes.items()}
                self._commit(con, kind_format, done, self._passed | passed)
            self._passed |= passed
            self._note_work(load, done, moved=moved)
            return left

        while True:
            try:
                return attempt()
            except Malformed:
                if self._one_by_one:
                    raise
                # From here on lines are checked, then read, one by one: where one is malformed others often are.
                import logging

                logging.getLogger("t3lens.ingest").debug("malformed JSON in %s: reading carefully", self._home.path)
                self._one_by_one, self._careful = self._careful, True
                for work in todo:
                    for name in FILE_COLUMNS:
                        setattr(work.state, name, getattr(saved[work.state.file_key], name))

    def _read_few(self, kind_format: Format, todo: list[Work]) -> list[Work]:
        """The same where there is little to read."""
        with self._session.transaction() as con:
            load = FewLines(con, kind_format, self._should_stop, self._tell)
            done, left, moved = load.run(todo)
            self._commit(con, kind_format, done, self._passed)
        self._note_work(load, done, moved=moved)
        return left

    def _should_stop(self) -> bool:
        return self._stop() or self._session.should_yield()

    def _commit(self, con: duckdb.DuckDBPyConnection, kind_format: Format, done: list[Work], passed: dict[int, int]) -> None:
        """What a transaction ends with: how far each file was read, which has to fit what was stored."""
        _check(con, kind_format, done, passed)
        self._catalogue.put_in_order()  # now, so that most need not be written again for it
        write_states(con, [work.state for work in done], known=self._written)

    def _note_work(self, load: SingleRecords, done: list[Work], *, moved: bool) -> None:
        self._written |= {work.state.file_key: row_of(work.state) for work in done}
        self.moved |= moved
        self._result.changed |= {work.state.file_key for work in done}
        self._result.records += load.records
        self._result.quarantined += load.quarantined
        self._result.bytes_read += load.bytes_read

    def _finish(self) -> None:
        """Write down where all files are now, in which order, and drop entries nothing rests on."""
        catalogue = self._catalogue
        parents = {state.parent_key for state in catalogue.states.values()}
        empty = [
            state.file_key
            for state in catalogue.states.values()
            if state.status == "missing" and state.bytes_ingested == state.base_offset and state.file_key not in parents
        ]
        catalogue.put_in_order()
        with self._session.transaction() as con:
            if empty:
                con.execute("DELETE FROM _quarantine WHERE file_key IN (SELECT unnest(?))", [empty])
                con.execute("DELETE FROM _files WHERE file_key IN (SELECT unnest(?))", [empty])
            for key in empty:
                del catalogue.states[key]
            changed = [state for state in catalogue.states.values() if self._written.get(state.file_key) != row_of(state)]
            write_states(con, changed, known=self._written)


_TEXTS: Final = frozenset({
    "home_id", "path", "kind", "family", "compression", "thread_id", "head_hash", "tail_hash", "status", "error",
})  # fmt: skip


def write_states(con: duckdb.DuckDBPyConnection, states: list[FileState], *, known: Container[int]) -> None:
    if not states:
        return
    again = [state.file_key for state in states if state.file_key in known]
    if again:
        con.execute("DELETE FROM _files WHERE file_key IN (SELECT unnest(?))", [again])
    rows = zip(*map(row_of, states), strict=True)
    columns = {
        name: Column(TEXT if name in _TEXTS else UNSIGNED if name == "inode" else NUMBER, values)
        for name, values in zip(FILE_COLUMNS, rows, strict=True)
    }
    names = ", ".join(FILE_COLUMNS)
    values = ", ".join(f"make_timestamptz({name})" if name.endswith("_logged_at") else name for name in FILE_COLUMNS)
    execute_incoming(con, f"INSERT INTO _files ({names}) SELECT {values} FROM incoming", columns)


def _check(con: duckdb.DuckDBPyConnection, kind_format: Format, done: list[Work], passed: dict[int, int]) -> None:
    """Every byte of each file is in exactly one row or quarantine entry, or in a line that was passed over.

    Raises:
        StoreError: It is not so: nothing is committed. This is an error in t3lens, not in the logs.
    """
    if not done:
        return
    keys = [work.state.file_key for work in done]
    sums = dict(
        con.execute(
            f"SELECT file_key, sum(length)::BIGINT FROM (SELECT file_key, length FROM "
            f"{kind_format.table} WHERE file_key BETWEEN ? AND ? UNION ALL SELECT file_key, length "
            "FROM _quarantine WHERE NOT provisional AND file_key BETWEEN ? AND ?) GROUP BY file_key",
            [min(keys), max(keys), min(keys), max(keys)],
        ).fetchall()
    )
    for work in done:
        state = work.state
        expected = state.bytes_ingested - state.base_offset
        accounted = sums.get(state.file_key, 0) + passed.get(state.file_key, 0)
        if accounted != expected:
            raise StoreError(
                f"{state.path}: {expected} bytes were read, but {accounted} accounted "
                "for; nothing of this batch was stored. Please report this",
                code="ingest-inexact",
            )
