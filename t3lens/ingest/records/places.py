"""Where an agent's record of a session stands on this machine, or in the folders somebody named."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from t3lens.agents.places import BELOW, FOLDERS, HOMES, OPENCODE, PATTERNS, SHORT_IDS
from t3lens.errors import InputError
from t3lens.ingest.records.find import find_files
from t3lens.reading import why_not_read
from t3lens.t3code.settings import InstanceHome

__all__ = ["RecordPlaces"]

_ANY: Final = {"id": "*", "short": "*"}
_STEM: Final = re.compile(r"[^.]*")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class RecordPlaces:
    """Finds records by agent and session; every folder is listed once, however many sessions are asked for.

    Args:
        folders: Files and folders to look in; None for this machine's agents' own homes.
        instances: Further homes of agents on this machine, as a server's settings name them.
    """

    def __init__(self, folders: Sequence[Path] | None, instances: Sequence[InstanceHome] = ()) -> None:
        self._folders = folders
        self._instances = instances
        self._at_home: dict[str, dict[str, list[Path]]] = {}
        self.notes: list[str] = []
        """What was left aside in the folders that were named, and why."""

    def candidates(self, provider: str, session_id: str) -> list[Path]:
        """Files that can hold the session, the likeliest first; what is in them decides."""
        index = self._named if self._folders is not None else self._files_at_homes_of(provider)
        key = "" if provider == OPENCODE else session_id[:8] if provider in SHORT_IDS else session_id
        found = [path for path in index.get(key, ()) if key or path.suffix == ".db"]
        # Of a record packed and plain the plain one is the newer.
        return sorted(found, key=lambda path: (path.suffix == ".zst", str(path)))

    def why_not_read(self, provider: str, path: Path) -> str | None:
        """Why a candidate is not opened: what stands there is no file, or a link leads out of the agent's home."""
        if self._folders is not None:
            return why_not_read(path, path.resolve().parent)  # a record that was named by itself may be a link
        homes = self._homes(provider)
        # T3 Code's second home of an agent links the folders of the first: what they lead to is the agent's own
        shared = [home / name for home in homes for name in FOLDERS if (home / name).is_symlink()]
        said = [why_not_read(path, root) for root in (*homes, *shared)]
        return None if None in said else said[0]

    def elsewhere(self, provider: str) -> bool:
        """Whether an instance of an agent has its server elsewhere, so that its records need not be on this machine."""
        return self._folders is None and any(one.elsewhere for one in self._instances if one.agent == provider)

    def _homes(self, provider: str) -> list[Path]:
        """The homes of an agent: that of this machine, then those of instances."""
        return list(dict.fromkeys([_home_of(provider), *_instance_homes(provider, self._instances)]))

    def _files_at_homes_of(self, provider: str) -> dict[str, list[Path]]:
        if provider not in self._at_home:
            self._at_home[provider] = _indexed(_files_at_homes(provider, self._homes(provider)))
        return self._at_home[provider]

    @cached_property
    def _named(self) -> dict[str, list[Path]]:
        found: list[Path] = []
        for folder in self._folders or ():
            try:
                looked = find_files([folder])
                found += looked.files
                self.notes += looked.notes
            except (InputError, OSError):
                continue  # said elsewhere: a folder that is not there holds no record
        return _indexed(found)


def _home_of(provider: str) -> Path:
    variable, otherwise = HOMES[provider]
    return Path(os.environ.get(variable) or otherwise).expanduser()


def _instance_homes(provider: str, instances: Sequence[InstanceHome]) -> Iterator[Path]:
    """Folders that settings name as an agent's home, and that are this user's own: a copied home may name any."""
    variable = HOMES[provider][0]
    for one in instances:
        if one.agent != provider:
            continue
        moved = one.environment.get(variable)
        for named in (*one.paths, *([moved] if moved else [])):
            path = _expanded(named)
            for home in (path, *((path / below,) if path is not None and (below := BELOW.get(provider)) else ())):
                if home is not None and home.is_absolute() and _is_own(home):
                    yield home


def _expanded(path: str) -> Path | None:
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError):
        return None  # a user that is not known here


def _is_own(folder: Path) -> bool:
    try:
        status = folder.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(status.st_mode) and (not hasattr(os, "geteuid") or status.st_uid == os.geteuid())


def _files_at_homes(provider: str, homes: Iterable[Path]) -> Iterator[Path]:
    """Each file once, though homes may share folders by links."""
    seen = set()
    for home in homes:
        for pattern in PATTERNS[provider]:
            try:
                for path in home.glob(pattern.format(**_ANY)):
                    real = os.path.realpath(path)
                    if real not in seen:
                        seen.add(real)
                        yield path
            except OSError:
                continue


def _indexed(files: Iterable[Path]) -> dict[str, list[Path]]:
    """Files by the session ids that their names can hold; databases, which name none, by nothing.

    An id is a UUID anywhere in the name, or the name itself, or what follows its last hyphen or underscore.
    """
    index: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        if path.suffix == ".db":
            index[""].append(path)
            continue
        stem = _STEM.match(path.name)
        name = stem[0] if stem else ""
        for key in {name, name.rpartition("-")[2], name.rpartition("_")[2], *_UUID.findall(name)}:
            index[key].append(path)
    return index
