"""Where an agent's record of a session stands on this machine, or in the folders somebody named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from t3lens.agents.places import HOMES, OPENCODE, PATTERNS
from t3lens.errors import InputError
from t3lens.ingest.records.find import find_files
from t3lens.reading import why_not_read

__all__ = ["RecordPlaces"]


class RecordPlaces:
    """Finds records by agent and session.

    Args:
        folders: Files and folders to look in; None for this machine's agents' own homes.
    """

    def __init__(self, folders: Sequence[Path] | None) -> None:
        self._folders = folders
        self._roots: dict[Path, Path] = {}
        self.notes: list[str] = []
        """What was left aside in the folders that were named, and why."""

    def candidates(self, provider: str, session_id: str) -> list[Path]:
        """Files that can hold the session, the likeliest first; what is in them decides."""
        if self._folders is None:
            found = list(self._at_home(provider, session_id))
        else:
            found = list(self._named(provider, session_id))
        # Of a record packed and plain the plain one is the newer.
        return sorted(found, key=lambda path: (path.suffix == ".zst", str(path)))

    def _at_home(self, provider: str, session_id: str) -> Iterator[Path]:
        variable, otherwise = HOMES[provider]
        home = Path(os.environ.get(variable) or otherwise).expanduser()
        for pattern in PATTERNS[provider]:
            try:
                for path in home.glob(pattern.format(id=session_id, short=session_id[:8])):
                    self._roots[path] = home
                    yield path
            except OSError:
                continue

    def why_not_read(self, path: Path) -> str | None:
        """Why a candidate is not opened: what stands there is no file, or a link leads out of the agent's home."""
        return why_not_read(path, self._roots.get(path) or path.resolve().parent)  # one that was named may be a link

    def _named(self, provider: str, session_id: str) -> Iterator[Path]:
        for path in self._files:
            if provider == OPENCODE:
                if path.suffix == ".db":
                    yield path
            elif session_id in path.name or (provider == "gemini" and f"-{session_id[:8]}." in path.name):
                yield path

    @cached_property
    def _files(self) -> list[Path]:
        found = []
        for folder in self._folders or ():
            try:
                looked = find_files([folder])
                found += looked.files
                self.notes += looked.notes
            except (InputError, OSError):
                continue  # said elsewhere: a folder that is not there holds no record
        return found
