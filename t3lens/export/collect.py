"""Packing what an audit needs of a home, for those who may not open it: without what was said, small, only what is new.

A collected home is an archive of Parquet files, of the rows rules read. Its files are cut so that what was written once
stays as it is, and are called by what they hold: collecting again writes those that are new, then the manifest, and removes
what the manifest before the last one listed. Who reads meanwhile goes by the manifest they began with.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from t3lens.diagnose import HomeDiagnosis, HomeServer, Options, diagnose
from t3lens.errors import InputError
from t3lens.export.archive_manifest import (
    MANIFEST,
    ArchivedFile,
    ArchiveManifest,
    Collected,
    as_text,
    collected_manifest,
    parse_manifest,
)
from t3lens.export.collected import read_collected
from t3lens.export.lean_rows import LeanRows
from t3lens.export.parquet import TABLES, rows_of
from t3lens.file_place import FilePlace
from t3lens.ingest import Home, probe_server
from t3lens.ingest.discover import discover
from t3lens.ingest.fetch import fetched
from t3lens.ingest.stamp import files_stamp
from t3lens.scratch import temporary_folder
from t3lens.t3code.v1.schema import ORCHESTRATION_EVENTS

if TYPE_CHECKING:
    import pyarrow as pa

    from t3lens.session.session import Session
    from t3lens.store import Store

__all__ = ["CollectReport", "collect_home", "collect_path", "manifest_at"]

_ROWS: Final = 4096
"""Rows in a file; all but the last of a table stay as they are when rows come."""

_ORDER: Final = {
    "files": "t.file_key",
    "log_events": "t.file_key, t.line",
    "quarantine": "t.file_key, t.line",
    "spans": "t.file_key, t.line",
    ORCHESTRATION_EVENTS: "t.sequence",
    "receipts": "t.source_rowid",
    "snapshot_rows": "t.table_name, t.key",
    "entities": "t.table_name, t.key",
    "provider_records": "t.thread_id",
    "record_turns": "t.thread_id, t.place",
    "record_quarantine": "t.thread_id",
}
_BY_FILE: Final = frozenset({"log_events", "spans", "quarantine"})
"""Tables that grow at the end of each log file."""

_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9_-]")
_KEYS: Final = ("file_key", "parent_key")


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What was collected of a home.

    Attributes:
        place: Where it stands now.
        size: Bytes of all its files there.
        written: Bytes that were new.
        unchanged: Whether there was nothing new, and nothing was written.
    """

    place: str
    size: int
    written: int
    unchanged: bool


def collect_path(home: Home, to: str, label: str, options: Options) -> CollectReport:
    """Collect a home, if there is something new.

    Args:
        home: As found on this machine, or elsewhere.
        to: The folder or URL in which its place is.
        label: What its machine is called.
        options: Server, records and budget.

    Raises:
        InputError: It cannot be read or judged, or the place cannot be written to.
    """
    from t3lens.session.session import Session
    from t3lens.store import Store
    from t3lens.version import __version__

    target = FilePlace(to, f"{label}-{_NOT_PLAIN.sub('-', home.home_id)[:12]}")
    before = manifest_at(target)
    with temporary_folder() as copies:
        (home,) = fetched([home], copies, options.budget)
        if home.left_out is not None or home.kind == "collected":
            raise InputError(home.left_out or "it was collected already; copy it as it is")
        server = probe_server(home)
        asked = f"{__version__}\0{options.server}\0{options.records}\0{server.status}\0".encode()
        key = hashlib.sha256(asked + files_stamp(home)).hexdigest()
        if before is not None and before.collected is not None and before.collected.key == key:
            return CollectReport(target.shown, _size(before), 0, True)
        with Session(
            Store.open(None), [home], options, progress=False, probe=lambda _: server, conclusions=False
        ) as session:
            return collect_home(session, session.diagnosis.homes[0], target, key, before)


def manifest_at(target: FilePlace) -> ArchiveManifest | None:
    """The manifest of what was collected to a place before; None if there is none that can be gone on with."""
    data = target.read(MANIFEST)
    if data is None:
        return None
    manifest = parse_manifest(data, f"{target.shown}/{MANIFEST}")
    if manifest.collected is None:
        raise InputError(
            f"{target.shown} holds an export, and no home that was collected; name another place", code="not-empty"
        )
    return manifest


def collect_home(
    session: Session, home: HomeDiagnosis, target: FilePlace, key: str, before: ArchiveManifest | None
) -> CollectReport:
    """Write what an audit needs of a home.

    Args:
        session: Over the home, read for rules alone.
        home: What was concluded of it.
        target: The place it is written to.
        key: What its files were before they were read; see ``Collected``.
        before: The manifest that stands there.

    Raises:
        InputError: The place cannot be written to, or what was packed does not lead to the same verdicts.
    """
    from t3lens.version import __version__

    old = before.collected if before is not None else None
    home_id = home.home.home_id
    with temporary_folder() as folder:
        packed = _Packed(folder, dict(old.file_keys) if old is not None else {})
        packed.write(session.whole)
        listed = {one.path for files in packed.tables.values() for one in files}
        stood = {one.path for files in before.tables.values() for one in files} if before is not None else set()
        how = Collected(
            key=key if _holds_later(session, home) else "",
            as_of=home.context.as_of if home.context.as_of != home.home.newest_at else None,
            server=_server_when_collected(home.context.server),
            file_keys=packed.file_keys,
            before=tuple(sorted(stood - listed)),
        )
        manifest = collected_manifest(__version__, home_id, packed.tables, how)
        (folder / MANIFEST).write_bytes(as_text(manifest))
        _check(folder, home)
        new = sorted(listed - stood)
        for name in new:
            target.write(name, (folder / name).read_bytes())
        target.write(MANIFEST, (folder / MANIFEST).read_bytes())
        written = sum((folder / name).stat().st_size for name in [*new, MANIFEST])
    for name in old.before if old is not None else ():
        if name not in listed and name not in stood:
            target.remove(name)
    return CollectReport(target.shown, _size(manifest), written, False)


def _size(manifest: ArchiveManifest) -> int:
    """Bytes of all that stands at a place."""
    return len(as_text(manifest)) + sum(one.size for files in manifest.tables.values() for one in files)


def _holds_later(session: Session, home: HomeDiagnosis) -> bool:
    """Whether the same files would say the same again: nothing was judged as of now, or by records that lie elsewhere."""
    ((records,),) = session.rows("select count(*) from _provider_records where state <> 'absent'")
    return not records and home.context.as_of == home.home.newest_at


def _server_when_collected(server: HomeServer) -> HomeServer:
    return HomeServer(
        server.status, server.started_at, server.version, server.why, sure=server.sure, protocol=server.protocol, then=True
    )


class _Packed:
    """The files of an archive that is being made.

    Attributes:
        tables: They, by table.
        file_keys: The keys of log files, by their paths.
    """

    def __init__(self, folder: Path, file_keys: dict[str, int]) -> None:
        self._folder = folder
        self.file_keys = file_keys
        self.tables: dict[str, list[ArchivedFile]] = {}
        self._keys: dict[int, int] = {}

    def write(self, store: Store) -> None:
        with store.read() as con:
            now = con.execute("SELECT path, file_key FROM _files ORDER BY path").fetchall()
            there = {path for path, _ in now}
            self.file_keys = {path: key for path, key in self.file_keys.items() if path in there}
            free = max(self.file_keys.values(), default=0) + 1
            for path, key in now:
                if path not in self.file_keys:
                    self.file_keys[path], free = free, free + 1
                self._keys[key] = self.file_keys[path]
            lean = LeanRows(con)
            for table in TABLES:
                rows = rows_of(con, table, f"_{table}", lean, order=_ORDER.get(table, "")).read_all()
                self.tables[table] = [self._file(table, part) for part in self._parts(table, rows)]

    def _parts(self, table: str, rows: pa.Table) -> Iterator[pa.Table]:
        if not rows.num_rows:
            return
        for name in _KEYS:
            if name in rows.column_names:
                rows = self._with_keys(rows, name)
        begins = [0, rows.num_rows]
        if table in _BY_FILE:
            keys = rows.column("file_key").to_numpy()
            begins = [0, *((keys[1:] != keys[:-1]).nonzero()[0] + 1).tolist(), rows.num_rows]
        for begin, end in itertools.pairwise(begins):
            for start in range(begin, end, _ROWS):
                yield rows.slice(start, min(_ROWS, end - start))

    def _with_keys(self, rows: pa.Table, name: str) -> pa.Table:
        import pyarrow as pa

        at = rows.column_names.index(name)
        keys = [None if key is None else self._keys[key] for key in rows.column(name).to_pylist()]
        return rows.set_column(at, name, pa.array(keys, type=pa.int32()))

    def _file(self, table: str, rows: pa.Table) -> ArchivedFile:
        import pyarrow.parquet as pq

        folder = self._folder / table
        folder.mkdir(exist_ok=True)
        making: Any = folder / "new"
        # Most files have few rows. What a column's least and largest value is, and a dictionary of its values, would be more
        # than half of their bytes: a long text stood four times in a file, uncompressed. Nobody looks for rows in them.
        pq.write_table(
            rows.combine_chunks(),
            making,
            compression="zstd",
            store_schema=False,
            write_statistics=False,
            use_dictionary=False,
        )
        with making.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        path = making.rename(folder / f"{digest[:32]}.parquet")
        return ArchivedFile(path.relative_to(self._folder).as_posix(), rows.num_rows, path.stat().st_size, digest)


def _check(folder: Path, home: HomeDiagnosis) -> None:
    """Whether what was packed leads to the same verdicts.

    Raises:
        InputError: It does not.
    """
    from t3lens.store import Store

    store = Store.open(None)
    try:
        options = home.context.options
        read = read_collected(store, discover([folder]), Options(rules=options.rules, thresholds=options.thresholds))
        found = diagnose(store, list(read.home_ids), read.options, servers=read.servers)
    finally:
        store.close()
    if _verdicts(home) != {key: said for one in found.homes for key, said in _verdicts(one).items()}:
        raise InputError(
            f"{home.home.path}: what would be collected does not lead to the same verdicts; nothing was",
            code="not-reproduced",
        )


def _verdicts(home: HomeDiagnosis) -> Mapping[str, tuple[str, str | None]]:
    return {one.thread_id: (one.verdict.value, one.primary) for one in home.threads}
