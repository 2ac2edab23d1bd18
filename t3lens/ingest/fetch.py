"""Copies of homes that are elsewhere: private, each database as of one moment, and no more fetched than what changed."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock

from t3lens.errors import InputError
from t3lens.ingest.homes import ARCHIVE, Elsewhere, Home, place_id
from t3lens.ingest.remote_homes import database_of, files_of
from t3lens.places import PlaceEntry, RemotePlace, note_copy, open_place
from t3lens.reading import Budget, NotRead, time_left, within
from t3lens.t3code.v1.log_grammar import parse_name
from t3lens.writing import not_written, replace_file

__all__ = ["fetched", "kept_beside"]

_LOOKS: Final = 4
"""How often what changes while it is copied is copied again."""

_WAL_HEAD: Final = 32
"""Bytes of a write-ahead log in which its salts stand: they change when it is begun anew."""

_OVERLAP: Final = 4096
_SETTLED_S: Final = 5.0
_STEPS: Final = 10_000


class _ChangedError(Exception):
    """What was being copied is not as it was when copying began."""


class _ListedFile(msgspec.Struct, frozen=True):
    path: str
    size: int
    sha256: str


class _Listed(msgspec.Struct, frozen=True):
    """Of the manifest of a collected home the files it lists."""

    tables: dict[str, tuple[_ListedFile, ...]]


class _CopiedFiles(msgspec.Struct, frozen=True):
    """What is kept of a home: the size and stamp of each file that was copied, by name."""

    version: int
    files: dict[str, tuple[int, str]]


def kept_beside(store: Path) -> Path:
    """Where copies are kept that belong to a store file."""
    return store.with_name(f"{store.name}.copies")


def fetched(homes: Sequence[Home], folder: Path, budget: float) -> list[Home]:
    """Homes that can be read: of those that are elsewhere copies, made or brought up to date.

    A file is not fetched again if its size and stamp are those it had; of a log that only grew, what is new is fetched.

    Args:
        homes: As ``discover`` found them.
        folder: Where copies are kept; this user's alone.
        budget: Seconds that copying one home may take.

    Raises:
        InputError: One cannot be reached, is changed faster than it is copied, takes too long, or there is no room for it.
    """
    places: dict[str, RemotePlace] = {}
    found = []
    for home in homes:
        where = home.elsewhere
        if where is None or home.left_out is not None:
            found.append(home)
            continue
        if where.root not in places:
            places[where.root] = open_place(where.root)
        found.append(_fetch(home, where, places[where.root], folder, budget))
    return found


def _fetch(home: Home, where: Elsewhere, place: RemotePlace, folder: Path, budget: float) -> Home:
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        target = folder / place_id(where.shown)
        target.mkdir(0o700, exist_ok=True)
        with FileLock(target / ".lock", mode=0o600), within(Budget(budget)):
            copied = _Copy(home, where, place, target)
            copied.bring_up_to_date()
    except NotRead:
        raise InputError(
            f"{where.shown} was not copied within {budget:g} s; allow more (--budget), or collect it where it is "
            "(t3lens collect)",
            code="too-slow",
        ) from None
    except OSError as error:
        raise not_written(folder, error) from error
    note_copy(where.shown, copied.home.path)
    return copied.home


class _Copy:
    """One home and its copy."""

    def __init__(self, home: Home, where: Elsewhere, place: RemotePlace, target: Path) -> None:
        below = home.path.relative_to(where.base).as_posix()
        named = home.files is not None  # single files: what is beside them is nobody's business
        self._place = place if named or below == "." else place.below(below)
        self._only = home.files
        self._shown = where.shown
        base = target / where.base.name
        self._folder = base if named or below == "." else base / below
        self._index = target / "copied.json"
        self._known = self._read_index()
        self.home = _moved(home, where.base, base)

    def bring_up_to_date(self) -> None:
        for _ in range(_LOOKS):
            try:
                entries = list(self._entries())
                self._make_room(entries)
                now = {entry.name: _stamp_of(entry) for entry in entries}
                for name in sorted({database_of(name) or "" for name in now} - {""}):
                    self._database(name, now)
                for entry in entries:
                    if database_of(entry.name) is None:
                        self._file(entry)
                if self.home.kind == "collected":
                    now |= self._copy_collected()
            except (FileNotFoundError, _ChangedError):  # rotated away, or written to: looked at again
                continue
            self._drop_others(now)
            replace_file(self._index, msgspec.json.encode(_CopiedFiles(1, now)), private=True)
            return
        raise InputError(
            f"{self._shown} changed while it was read, {_LOOKS} times in a row; try again when less is written there, or "
            "collect it on its machine (t3lens collect)",
            code="changed-while-read",
        )

    def _entries(self) -> Iterator[PlaceEntry]:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._only is not None:
            for name in sorted(self._only):
                yield from files_of(self._place, name)
            return
        for entry in files_of(self._place):
            if entry.folder:
                (self._folder / entry.name).mkdir(parents=True, exist_ok=True)
            else:
                yield entry

    def _make_room(self, entries: Sequence[PlaceEntry]) -> None:
        new = sum(entry.size for entry in entries if not self._is_there(entry.name, _stamp_of(entry)))
        free = shutil.disk_usage(self._folder).free
        if new > free:
            raise InputError(
                f"{self._shown} has {new:,} bytes to copy, and {self._folder} has room for {free:,}; set TMPDIR, or "
                "name a store elsewhere",
                code="no-space",
            )

    def _is_there(self, name: str, mark: tuple[int, str]) -> bool:
        return bool(mark[1]) and self._known.get(name) == mark and (self._folder / name).is_file()

    def _drop_others(self, now: dict[str, tuple[int, str]]) -> None:
        for name in self._known.keys() - now.keys():
            (self._folder / name).unlink(missing_ok=True)

    def _file(self, entry: PlaceEntry) -> None:
        if self._is_there(entry.name, _stamp_of(entry)):
            return
        path = self._folder / entry.name
        start = self._unchanged_start(entry, path)
        with path.open("ab" if start else "wb") as out:
            self._place.copy(entry.name, out, start)
        _keep_time(path, entry)

    def _unchanged_start(self, entry: PlaceEntry, path: Path) -> int:
        """How much of a file that grew is here already; 0 if it is not known to have only grown."""
        name = parse_name(path.name)
        if entry.name not in self._known or name is None or name.compression is not None or not path.is_file():
            return 0
        size = path.stat().st_size
        if not 0 < size <= entry.size:
            return 0
        with path.open("rb") as own:
            for at in {0, max(0, size - _OVERLAP)}:
                own.seek(at)
                here = own.read(_OVERLAP)
                if self._place.read(entry.name, at, at + len(here)) != here:
                    return 0
        return size

    def _copy_collected(self) -> dict[str, tuple[int, str]]:
        """Copy the files that the manifest of a collected home lists; what they hold is in their names.

        Raises:
            FileNotFoundError: One is gone: there is a newer manifest by now.
        """
        marks = {}
        said = msgspec.json.decode((self._folder / ARCHIVE).read_bytes(), type=_Listed)
        for one in (one for files in said.tables.values() for one in files):
            marks[one.path] = (one.size, one.sha256)
            if ".." in Path(one.path).parts or Path(one.path).is_absolute() or self._is_there(one.path, marks[one.path]):
                continue
            path = self._folder / one.path
            path.parent.mkdir(exist_ok=True)
            with path.open("wb") as out:
                self._place.copy(one.path, out)
        return marks

    # --- databases -------------------------------------------------------------------------------------------

    def _database(self, name: str, now: dict[str, tuple[int, str]]) -> None:
        """Copy a database with what belongs to it as of one moment.

        A write-ahead log that was not begun anew meanwhile makes it so, whatever was written: what was moved from it into
        the file while that was copied is still in it. Without one nothing must have been written.
        """
        group = [one for one in (name, f"{name}-wal", f"{name}-journal") if one in now]
        # SQLite takes a log into its file when it looks at a copy, so that a log need not be here any more
        there = self._is_there(name, now[name]) if name in now else False
        if there and all(self._known.get(one) == now[one] and now[one][1] for one in group):
            return
        before = [self._place.entry(one) for one in group]
        head = self._head(f"{name}-wal") if f"{name}-wal" in group else b""
        for suffix in ("-wal", "-journal", "-shm"):
            (self._folder / f"{name}{suffix}").unlink(missing_ok=True)
        for one, entry in zip(group, before, strict=True):
            with (self._folder / one).open("wb") as out:
                self._place.copy(one, out)
            _keep_time(self._folder / one, entry)
        beside = [f"{name}-wal", f"{name}-journal"]
        after = [self._place.entry(one) for one in group]
        came = any(one not in group and self._place.entry(one) is not None for one in beside)
        if not came and before == after and all(_stamp_of(one)[1] for one in after if one is not None):
            return
        same_log = len(head) == _WAL_HEAD and self._head(f"{name}-wal") == head
        if came or not (same_log or before == after) or not _is_sound(self._folder / name):
            raise _ChangedError
        for one in group:
            now[one] = (now[one][0], "")  # it is whole, but not as it was listed: fetched again the next time

    def _head(self, name: str) -> bytes:
        return self._place.read(name, 0, _WAL_HEAD)

    def _read_index(self) -> dict[str, tuple[int, str]]:
        try:
            return msgspec.json.decode(self._index.read_bytes(), type=_CopiedFiles).files
        except (OSError, msgspec.MsgspecError):
            return {}


def _stamp_of(entry: PlaceEntry) -> tuple[int, str]:
    """By what a file is known to be the same; without a stamp if it could change without changing that."""
    at = entry.written_at
    young = not entry.exact and (at is None or (datetime.now(UTC) - at).total_seconds() < _SETTLED_S)
    return entry.size, "" if young else entry.stamp


def _keep_time(path: Path, entry: PlaceEntry | None) -> None:
    """Give a copy the time of what it is a copy of: where nothing else tells, that dates a home."""
    if entry is not None and entry.written_at is not None:
        at = int(entry.written_at.timestamp() * 1_000_000) * 1000
        os.utime(path, ns=(at, at))


def _is_sound(path: Path) -> bool:
    """Whether SQLite finds a copy whole."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as con:
        con.set_progress_handler(lambda: not time_left(), _STEPS)
        return bool(con.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    return False


def _moved(home: Home, base: Path, to: Path) -> Home:
    def there(path: Path | None) -> Path | None:
        return None if path is None else to / path.relative_to(base)

    return replace(
        home,
        path=to / home.path.relative_to(base),
        log_dir=there(home.log_dir),
        trace_dir=there(home.trace_dir),
        database=there(home.database),
    )
