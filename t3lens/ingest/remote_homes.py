"""Homes that are elsewhere (``s3://…``, ``sftp://…``): found by listing, copied to be read, and never written to.

What is there is listed into empty files of the same names, and ``discover`` looks at those: what is a home is told by the
same rules wherever it is. Only files that reading a home opens are listed and copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from t3lens.errors import InputError
from t3lens.ingest.homes import ARCHIVE, Elsewhere, Home, homes_at, merge_folders, place_id
from t3lens.ingest.records.packed import PACKED
from t3lens.places import PlaceEntry, open_place, plain_url, split_pattern
from t3lens.scratch import temporary_folder
from t3lens.t3code.data_model import is_database
from t3lens.t3code.home_layout import ENVIRONMENT_ID, LOGS, PROVIDER_LOGS, SERVER_RUNTIME, STATE_FOLDERS
from t3lens.t3code.settings import SETTINGS_JSON
from t3lens.t3code.v1.log_grammar import parse_name

if TYPE_CHECKING:
    from t3lens.places import RemotePlace

__all__ = ["database_of", "files_of", "find_elsewhere"]

_SMALL: Final = frozenset({ARCHIVE, ENVIRONMENT_ID, SERVER_RUNTIME, SETTINGS_JSON, PACKED})
_BESIDE: Final = ("-wal", "-journal")
"""What belongs to a database; the index of a log (``-shm``) is made anew where it is read."""

_DEEPEST: Final = 12
_MOST: Final = 1_000_000
_READ_AT_ONCE: Final = {ENVIRONMENT_ID: 4096, ARCHIVE: 64 << 20}
"""Files that tell which home it is, and the bytes they may have."""


def database_of(name: str) -> str | None:
    """The database that a file is, or belongs to; None if it is neither."""
    bare = next((name.removesuffix(suffix) for suffix in _BESIDE if name.endswith(suffix)), name)
    return bare if is_database(bare.rpartition("/")[2]) else None


def _is_read(name: str) -> bool:
    return name in _SMALL or database_of(name) is not None or parse_name(name) is not None


class _Listing:
    """Lists what may be homes below a folder; no more than a folder of homes can sensibly hold."""

    def __init__(self, place: RemotePlace) -> None:
        self._place = place
        self._left = _MOST

    def below(self, name: str, depth: int = 0) -> Iterator[PlaceEntry]:
        """Files that are read, and the folders they may be in."""
        entries = self._place.entries(name)
        self._left -= len(entries)
        if self._left < 0 or depth > _DEEPEST:
            what = f"more than {_MOST:,} files" if self._left < 0 else f"folders more than {_DEEPEST} deep"
            raise InputError(
                f"{self._place.shown} has {what}; name homes, or folders nearer to them", code="too-much-elsewhere"
            )
        yield PlaceEntry(name, True, 0, "")
        yield from (one for one in entries if not one.folder and _is_read(_name_of(one)))
        folders = {_name_of(one): one for one in entries if one.folder and _is_plain(_name_of(one))}
        names = {_name_of(one) for one in entries if not one.folder}
        if ARCHIVE in names:
            return
        if SERVER_RUNTIME in names or any(is_database(one) for one in names):
            folders = {LOGS: folders[LOGS]} if LOGS in folders else {}
        first = [folders.pop(one) for one in (LOGS, *STATE_FOLDERS) if one in folders]
        state = False
        for one in first:
            found = list(self.below(one.name, depth + 1))
            yield from found
            state = state or _holds_state(one.name, found)
        if not state:
            for one in folders.values():
                yield from self.below(one.name, depth + 1)


def _holds_state(folder: str, found: list[PlaceEntry]) -> bool:
    """Whether what was found in ``logs``, ``userdata`` or ``dev`` makes what is above a home, and all of it."""
    signs = {f"{folder}/{PROVIDER_LOGS}", f"{folder}/{LOGS}/{PROVIDER_LOGS}"}
    return any(
        (one.folder and one.name in signs)
        or (not one.folder and (_name_of(one) == SERVER_RUNTIME or is_database(_name_of(one))))
        for one in found
    )


def _name_of(entry: PlaceEntry) -> str:
    return entry.name.rpartition("/")[2]


def _is_plain(name: str) -> bool:
    return name not in ("", ".", "..") and "\\" not in name and "\0" not in name and name not in _SKIPPED


_SKIPPED: Final = frozenset({".git", "node_modules", "__pycache__", ".venv"})


def find_elsewhere(url: str) -> list[Home]:
    """The homes behind a URL, or a pattern of one; nothing of them is read yet but their ids.

    Raises:
        InputError: Nothing is there, it holds no T3 data, or it cannot be reached.
        UsageError: What reaches it is not installed.
    """
    root, pattern = split_pattern(url)
    place = open_place(root)
    if not pattern:
        return _homes_at(place, url)
    names = place.matching(pattern)
    if not names:
        raise InputError(f"nothing matches {plain_url(url)}; check the pattern")
    return [home for name in names for home in _homes_at(place.below(name), f"{root.rstrip('/')}/{name}")]


def _homes_at(place: RemotePlace, url: str) -> list[Home]:
    there = place.entry()
    if there is None:
        raise InputError(f"{place.shown} does not exist; name a T3 home or a folder of logs")
    if there.folder:
        return _in_folder(place, url, None)
    above, _, name = url.rstrip("/").rpartition("/")
    return _in_folder(open_place(above), above, name)


def _in_folder(place: RemotePlace, url: str, only: str | None) -> list[Home]:
    with temporary_folder() as scratch:
        base = scratch / (PurePosixPath(place.shown).name or "place")
        linked = []
        for entry in files_of(place, only):
            path = base / entry.name
            if entry.folder:
                path.mkdir(parents=True, exist_ok=True)
                continue
            if entry.odd:
                linked.append(entry.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            small = entry.size <= _READ_AT_ONCE.get(path.name, -1)
            path.write_bytes(place.read(entry.name) if small else b"")
        try:
            homes = merge_folders(homes_at(base / only if only is not None else base))
        except InputError as error:
            raise InputError(str(error).replace(str(base), place.shown), code=error.code) from None
        return [_placed(home, place.shown, url, base, linked) for home in homes]


def files_of(place: RemotePlace, only: str | None = None) -> Iterator[PlaceEntry]:
    """What is read of homes in a folder: files, and the folders they may be in.

    Args:
        place: The folder.
        only: The one file that was named; with a database its home is.
    """
    if only is None or database_of(only) is not None:
        yield from _Listing(place).below("")
        return
    entry = place.entry(only)
    if entry is not None:
        yield entry


def _placed(home: Home, shown: str, url: str, base: Path, linked: list[str]) -> Home:
    below = home.path.relative_to(base).as_posix()
    where = shown if below == "." else f"{shown}/{below}"
    odd = sorted(name for name in linked if below == "." or name.startswith(f"{below}/"))
    return replace(
        home,
        home_id=home.environment_id or place_id(where),
        elsewhere=Elsewhere(where, url, base),
        left_out=f"{odd[0]} is a link or no regular file, and is not followed" if odd else home.left_out,
    )
