"""What an archive of Parquet files says of itself: which files belong to it, and how many rows are in each.

It is written last, so an archive without one was cut short; and what it lists and is not there is missed by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from t3lens.diagnose import HomeServer
from t3lens.errors import InputError
from t3lens.ingest.homes import ARCHIVE as MANIFEST

__all__ = [
    "MANIFEST",
    "ArchiveManifest",
    "ArchivedFile",
    "Collected",
    "as_text",
    "check_archives",
    "collected_manifest",
    "digest_of",
    "parse_manifest",
    "read_manifest",
    "root_of",
    "write_manifest",
]

_VERSION: Final = 1
_LARGEST: Final = 256 << 20
_NAMED: Final = 3


class ArchivedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: its path below the archive, the rows in it, its size in bytes, and the SHA-256 of its content."""

    path: str
    rows: int
    size: int
    sha256: str


class Collected(msgspec.Struct, frozen=True):
    """How a home stood when it was collected.

    Attributes:
        key: What its files, its server and t3lens were; the same again means that there is nothing new.
        as_of: The moment its verdicts were about, microseconds UTC; None for that of its newest record.
        server: Its server, as it was found.
        file_keys: The keys of its files by their paths: they stay when others come.
        before: Files of the archive before this one, for who is still reading that.
    """

    key: str
    as_of: int | None
    server: HomeServer
    file_keys: Mapping[str, int]
    before: tuple[str, ...]


class ArchiveManifest(msgspec.Struct, frozen=True):
    """What an archive consists of.

    Attributes:
        archive_version: Grows when archives are laid out differently.
        t3lens_version: Who wrote it.
        homes: The ids of all homes in it.
        tables: The files of each table that is read back; none of a table without rows.
        collected: How its home stood, if ``t3lens collect`` wrote it.
    """

    archive_version: int
    t3lens_version: str
    homes: tuple[str, ...]
    tables: Mapping[str, tuple[ArchivedFile, ...]]
    collected: Collected | None = None


def write_manifest(folder: Path, version: str, homes: Iterable[str], tables: Mapping[str, Sequence[ArchivedFile]]) -> None:
    """Write the manifest of an archive whose files are all there."""
    said = ArchiveManifest(_VERSION, version, tuple(homes), {name: tuple(files) for name, files in tables.items()})
    (folder / MANIFEST).write_bytes(as_text(said))


def collected_manifest(
    version: str, home: str, tables: Mapping[str, Sequence[ArchivedFile]], how: Collected
) -> ArchiveManifest:
    """The manifest of a home that was collected."""
    return ArchiveManifest(_VERSION, version, (home,), {name: tuple(files) for name, files in tables.items()}, how)


def as_text(manifest: ArchiveManifest) -> bytes:
    """A manifest as it stands in its file."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def parse_manifest(data: bytes, name: str) -> ArchiveManifest:
    """The manifest that some bytes are.

    Raises:
        InputError: They are none, or were written by a newer t3lens.
    """
    try:
        said = msgspec.json.decode(data, type=ArchiveManifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{name} cannot be read: {error}", code="bad-manifest") from None
    if said.archive_version > _VERSION:
        raise InputError(f"{name} was written by a newer t3lens ({said.t3lens_version}); upgrade", code="newer-archive")
    return said


def root_of(path: Path) -> Path:
    """The archive a file belongs to: the nearest folder above it with a manifest.

    Raises:
        InputError: There is none.
    """
    for folder in path.absolute().parents:
        if (folder / MANIFEST).is_file():
            return folder
    raise InputError(
        f"{path} belongs to no archive: there is no {MANIFEST} above it. Its export was cut short, or files were copied "
        "without it; export again",
        code="no-manifest",
    )


def read_manifest(root: Path) -> ArchiveManifest:
    """The manifest of an archive.

    Raises:
        InputError: It cannot be read, or was written by a newer t3lens.
    """
    path = root / MANIFEST
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path} is too large to be a manifest", code="bad-manifest")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}", code="bad-manifest") from None
    return parse_manifest(data, str(path))


def check_archives(files: Mapping[Path, Sequence[Path]]) -> dict[str, Path]:
    """Check that archives are whole, by names, sizes and content.

    Args:
        files: Of each archive the files that were found of its tables.

    Returns:
        Which archive each home is in.

    Raises:
        InputError: One is not whole, has more than it should, or two hold the same home.
    """
    where: dict[str, Path] = {}
    for root, found in files.items():
        said = read_manifest(root)
        listed = {(root / one.path).absolute(): one for table in said.tables.values() for one in table}
        there = {path.absolute() for path in found}
        missing = sorted(str(path.relative_to(root)) for path in listed.keys() - there)
        strange = sorted(str(path.relative_to(root)) for path in there - listed.keys())
        changed = sorted(str(path.relative_to(root)) for path in listed.keys() & there if _size(path) != listed[path].size)
        if not changed:  # a bit that changed in a file leaves its size, and may leave it readable
            same = sorted(listed.keys() & there)
            changed = [str(path.relative_to(root)) for path in same if digest_of(path) != listed[path].sha256]
        for what, names in (("not there", missing), ("not of it", strange), ("changed", changed)):
            if names:
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                raise InputError(
                    f"the archive {root} is not as it was written: {', '.join(names[:_NAMED])}{more} {what}; "
                    f"name all of it ({root.name}/**/*.parquet), or export again",
                    code="archive-changed",
                )
        for home in said.homes:
            if home in where:
                raise InputError(
                    f"the archives {where[home]} and {root} both hold the home {home}; open one of them",
                    code="archived-twice",
                )
            where[home] = root
    return where


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's content; empty if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
