"""What a T3 home is, and which of them a path of this machine holds."""

from __future__ import annotations

import glob as globbing
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

import msgspec

from t3lens.errors import InputError
from t3lens.ingest.home_files import read_environment_id
from t3lens.reading import leads_out, read_start
from t3lens.t3code.data_model import is_database
from t3lens.t3code.home_layout import (
    DEFAULT_HOME,
    DEV,
    LOGS,
    PROVIDER_LOGS,
    SERVER_RUNTIME,
    STATE_FOLDERS,
    STATE_SQLITE,
    USERDATA,
)
from t3lens.t3code.v1.log_grammar import parse_name

__all__ = [
    "ARCHIVE",
    "Elsewhere",
    "Home",
    "HomeKind",
    "copy_id",
    "distinct",
    "expanded",
    "homes_at",
    "later_databases",
    "merge_folders",
    "place_id",
]

HomeKind = Literal["userdata", "dev", "logs", "file", "collected"]

ARCHIVE: Final = "t3lens-archive.json"
"""The manifest of what ``t3lens collect`` and ``t3lens export`` write; a folder with one is a home that was collected."""

_LARGEST_MANIFEST: Final = 64 << 20

_SKIPPED: Final = frozenset({".git", "node_modules", "__pycache__", ".venv"})


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where a home is that has to be copied to be read.

    Attributes:
        shown: Its URL, without credentials.
        root: The URL of the folder that was listed, which it is or is in. Never shown.
        base: The folder that stands for the root here: where the home's paths lead once its files are there.
    """

    shown: str
    root: str = field(repr=False)
    base: Path


@dataclass(frozen=True, slots=True)
class Home:
    """One place with T3 data.

    Attributes:
        home_id: Stable id: the environment id if the home has one, else a hash of its real path.
        path: The ``userdata`` or ``dev`` folder, a bare folder of logs, one log file, or a home that was collected.
        kind: Which of these.
        log_dir: Where provider logs stand, if anywhere; for a file its folder.
        database: ``state.sqlite``, if there.
        environment_id: Content of the ``environment-id`` file, if there.
        trace_dir: Where ``server.trace.ndjson`` stands, if anywhere.
        files: Names of the only files to read, when single files were named; None for all.
        left_out: Why nothing of it is read; None for all but what only a link leads to.
        elsewhere: Where it is, if it is not on this machine; see ``t3lens.ingest.remote_homes``.
    """

    home_id: str
    path: Path
    kind: HomeKind
    log_dir: Path | None = None
    database: Path | None = None
    environment_id: str | None = None
    trace_dir: Path | None = None
    files: frozenset[str] | None = None
    left_out: str | None = None
    elsewhere: Elsewhere | None = None

    @property
    def shown(self) -> str:
        """What it is called: its path, or where it is elsewhere its URL without credentials."""
        return str(self.path) if self.elsewhere is None else self.elsewhere.shown

    @property
    def place(self) -> str:
        """What tells it from all other homes: its real path, or its URL."""
        return str(self.path.resolve()) if self.elsewhere is None else self.elsewhere.shown

    @property
    def has_state(self) -> bool:
        """Whether it is a server's state folder; logs alone say nothing of a server."""
        return self.kind in STATE_FOLDERS


def _path_id(path: Path) -> str:
    return place_id(os.fspath(path.resolve()))


def place_id(place: str) -> str:
    """The id of a home that has none of its own, made of where it is."""
    return hashlib.sha256(os.fsencode(place)).hexdigest()[:16]


def later_databases(home: Home) -> tuple[Path, ...]:
    """The home's databases of data models after the first (``statev2.sqlite``), as they are there now."""
    return _later_in(home.path) if home.has_state else ()


def _later_in(folder: Path) -> tuple[Path, ...]:
    try:
        found = [path for path in folder.iterdir() if is_database(path.name) and not path.is_dir()]
    except OSError:
        return ()
    return tuple(sorted(path for path in found if path.name != STATE_SQLITE))


def _has_logs(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(parse_name(e.name) is not None and e.is_file() for e in entries)
    except OSError:
        return False


def _state_folder(folder: Path) -> Home | None:
    """The home that ``folder`` is, if it is a state folder (``userdata``, ``dev`` or a copy)."""
    logs = folder / LOGS
    provider = logs / PROVIDER_LOGS
    database = folder / STATE_SQLITE
    has_database = database.exists()
    signs = (provider.is_dir(), (folder / SERVER_RUNTIME).exists())
    if not (has_database or any(signs) or _later_in(folder)):
        return None
    environment = read_environment_id(folder)
    return Home(
        home_id=environment or _path_id(folder),
        path=folder,
        kind=DEV if folder.name == DEV else USERDATA,
        log_dir=provider if provider.is_dir() else None,
        database=database if has_database else None,
        environment_id=environment,
        trace_dir=logs if logs.is_dir() else None,
    )


class _Homes(msgspec.Struct):
    homes: tuple[str, ...]
    collected: dict[str, object] | None = None


def _collected(folder: Path) -> Home | None:
    """The home that was collected into a folder; an export of rows is none, and is named by its files."""
    try:
        said = msgspec.json.decode(read_start(folder / ARCHIVE, _LARGEST_MANIFEST, folder), type=_Homes)
    except (OSError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
    if said.collected is None or len(said.homes) != 1:
        return None
    return Home(said.homes[0], folder, "collected", environment_id=said.homes[0])


def _log_folder(folder: Path) -> Home | None:
    provider = folder / PROVIDER_LOGS
    if folder.name == LOGS and provider.is_dir():
        return Home(_path_id(folder), folder, "logs", log_dir=provider, trace_dir=folder)
    if _has_logs(folder):
        return Home(_path_id(folder), folder, "logs", log_dir=folder, trace_dir=folder)
    return None


def _left_out(folder: Path, root: Path) -> Home:
    """What stands for a home that a link leads to, out of the folder that was named: nothing of it is read."""
    to = folder.resolve()
    why = f"{folder.name} is a link that leads out of {root}, to {to}, and is not followed; name {to} to have it read"
    name = hashlib.sha256(b"link " + os.fsencode(folder.absolute())).hexdigest()[:16]
    return Home(name, folder, DEV if folder.name == DEV else USERDATA, left_out=why)


def _homes_in(folder: Path, root: Path) -> list[Home]:
    """The homes ``folder`` itself is: collected, itself a state folder, or its ``userdata`` and ``dev``."""
    if home := _collected(folder):
        return [home]
    if home := _state_folder(folder):
        return [home if not leads_out(folder, root) else _left_out(folder, root)]
    below = [(folder / name, _state_folder(folder / name)) for name in STATE_FOLDERS]
    if found := [home if not leads_out(path, root) else _left_out(path, root) for path, home in below if home]:
        return found
    if leads_out(folder, root):
        return [_left_out(folder, root)] if _log_folder(folder) else []
    if home := _log_folder(folder):
        return [home]
    return []


def _walk(folder: Path, root: Path, seen: set[tuple[int, int]]) -> Iterator[Home]:
    """Homes at and below ``folder``; each real folder is entered once, so loops end, and none outside of ``root``."""
    try:
        status = folder.stat()
        key = (status.st_dev, status.st_ino)
        if key in seen:
            return
        seen.add(key)
        if found := _homes_in(folder, root):
            yield from found
            return
        if leads_out(folder, root):
            return
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if e.name not in _SKIPPED and e.is_dir())
    except OSError:
        return
    for name in names:
        yield from _walk(folder / name, root, seen)


def expanded(path: str | Path) -> list[Path]:
    """A path, or what a pattern matches, in order.

    Raises:
        InputError: There is nothing.
    """
    given = Path(path).expanduser()
    if given.exists():
        return [given]
    if globbing.has_magic(str(given)):
        matches = sorted(globbing.glob(str(given), recursive=True))  # noqa: PTH207 - absolute too
        if matches:
            return [Path(match) for match in matches]
        raise InputError(f"nothing matches {path}; check the pattern")
    raise InputError(f"{path} does not exist; name a T3 home (by default {DEFAULT_HOME}) or a folder of logs")


def _single(path: Path) -> Home:
    return Home(
        _path_id(path),
        path,
        "file",
        log_dir=path.parent,
        trace_dir=path.parent,
        files=frozenset({path.name}),
    )


def merge_folders(homes: list[Home]) -> list[Home]:
    """Single files of one folder become one home: rotated files belong to each other."""
    folders: dict[Path, list[Home]] = {}
    for home in homes:
        if home.kind == "file":
            folders.setdefault(home.path.parent, []).append(home)
    result = []
    for home in homes:
        group = folders.get(home.path.parent, []) if home.kind == "file" else []
        if len(group) < 2:
            result.append(home)
        elif group[0] is home:
            names = frozenset().union(*(one.files or () for one in group))
            folder = home.path.parent
            result.append(replace(home, home_id=_path_id(folder), path=folder, kind="logs", files=names))
    return result


def _homes_at(path: Path, seen: set[tuple[int, int]]) -> list[Home]:
    if path.is_file():
        if is_database(path.name):
            if home := _state_folder(path.parent):
                return [home]
        elif parse_name(path.name) is None:
            raise InputError(f"{path} is no provider log (x.log, events.x.log) and no {STATE_SQLITE}")
        return [_single(path)]
    found = list(_walk(path, path, seen))
    if found:
        return found
    try:
        empty = not any(path.iterdir())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    if empty:
        raise InputError(f"{path} is an empty folder; name a T3 home (by default {DEFAULT_HOME})")
    raise InputError(
        f"{path} holds no T3 data (no {USERDATA}/, {STATE_SQLITE} or provider logs); "
        f"name a T3 home (by default {DEFAULT_HOME}) or a folder of logs"
    )


def homes_at(path: Path) -> list[Home]:
    """The homes at and below one path of this machine."""
    return _homes_at(path, set())


def copy_id(home: Home) -> str:
    """The id of a home that is a copy of another."""
    return f"{home.environment_id or home.home_id}~{place_id(home.place)[:8]}"


def distinct(homes: list[Home]) -> list[Home]:
    """Give copies of one environment ids of their own, so that one's rows never pass for the other's."""
    taken: set[str] = set()
    result = []
    for home in homes:
        unique = home
        if home.home_id in taken:
            unique = replace(home, home_id=copy_id(home))
        taken.add(unique.home_id)
        result.append(unique)
    return result
