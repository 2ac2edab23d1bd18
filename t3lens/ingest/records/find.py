"""Which files of a folder can be records: named like one, inside the folder, and each once."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from t3lens.agents.places import FOLDERS
from t3lens.errors import InputError
from t3lens.reading import open_regular

__all__ = ["FoundFiles", "find_files", "is_database"]

_LINES: Final = (".jsonl", ".jsonl.zst", ".jsonl.gz")
_DATABASE: Final = ".db"
_NEVER: Final = frozenset({"node_modules", ".git"})
_MAGIC: Final = b"SQLite format 3\0"


@dataclass(slots=True)
class FoundFiles:
    """What was found.

    Attributes:
        files: Files that can be records, in the order of their paths.
        named: Those of them that a person named, and so expects to be one.
        notes: What was left aside, and why.
    """

    files: list[Path] = field(default_factory=list)
    named: set[Path] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def find_files(paths: Sequence[Path]) -> FoundFiles:
    """Find the files that can be records.

    A link inside a folder is never followed: what it leads to inside the folder is found there, and what
    it leads to outside was not asked for, which is said.

    Args:
        paths: Files and folders, as a person named them; links among these are followed.

    Raises:
        InputError: A path does not exist, cannot be read, or is neither file nor folder.
    """
    found = FoundFiles()
    seen: set[tuple[int, int]] = set()
    for path in paths:
        try:
            status = path.stat()
        except OSError as error:
            raise InputError(f"{path} cannot be read: {_reason(error)}", code="no-path") from None
        if stat.S_ISDIR(status.st_mode):
            for file in _walk(path, path.resolve(), found.notes):
                _add(file, found, seen)
        elif stat.S_ISREG(status.st_mode):
            found.named.add(path)
            _add(path, found, seen)
        else:
            raise InputError(f"{path} is neither a file nor a folder", code="no-file")
    present = set(found.files)
    for file in found.files:
        if file.name.endswith(".zst") and file.with_name(file.name[:-4]) in present:
            found.notes.append(f"{file} was left aside: the same record stands beside it unpacked")
    found.files = [
        file for file in found.files if not (file.name.endswith(".zst") and file.with_name(file.name[:-4]) in present)
    ]
    return found


def is_database(path: Path) -> bool:
    """Whether the file is an SQLite database, whatever its name."""
    with open_regular(path) as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def _add(path: Path, found: FoundFiles, seen: set[tuple[int, int]]) -> None:
    """Note a file once, also if it has several names."""
    status = path.stat()
    identity = (status.st_dev, status.st_ino)
    if identity not in seen:
        seen.add(identity)
        found.files.append(path)


def _walk(folder: Path, root: Path, notes: list[str]) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            notes.append(f"{here} was left aside: {_reason(error)}")
            continue
        below = []
        for entry in entries:
            path = here / entry.name
            if entry.is_symlink():
                _tell_link(path, root, notes)
            elif entry.is_dir(follow_symlinks=False):
                if entry.name not in _NEVER:
                    below.append(path)
                    _tell_old_layout(path, notes)
            elif entry.is_file(follow_symlinks=False) and _can_be_record(entry.name):
                yield path
        waiting += reversed(below)


def _tell_old_layout(path: Path, notes: list[str]) -> None:
    old = path.name == "storage" and (path / "session").is_dir()
    if old and not (path.parent / "opencode.db").exists():
        notes.append(f"{path} was left aside: OpenCode before 1.2 keeps records so; not read here")


def _can_be_record(name: str) -> bool:
    return name.endswith((*_LINES, _DATABASE))


def _tell_link(path: Path, root: Path, notes: list[str]) -> None:
    if path.name not in FOLDERS and not _can_be_record(path.name):
        return
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        notes.append(f"{path} was left aside: it is a link that leads nowhere")
        return
    if not target.is_relative_to(root):
        notes.append(
            f"{path} was left aside: it is a link that leads out of the folder, to {target}; name that too to have it read"
        )


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
