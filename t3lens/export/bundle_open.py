"""Opening an evidence bundle: check it, unpack it, and say how it is to be judged."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from t3lens.diagnose import HomeServer, Options, Thresholds
from t3lens.errors import InputError
from t3lens.export.bundle_manifest import BUNDLE_VERSION, BundleManifest, read_manifest
from t3lens.scratch import temporary_folder
from t3lens.t3code.v1.rules import PROFILES

__all__ = ["BUNDLE_VERSION", "MANIFEST", "Bundle", "open_bundle", "unpack"]

MANIFEST: Final = "manifest.json"
_BROKEN: Final = (
    OSError, zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip
"""What reading a zip raises that is none, or is damaged."""

_LARGEST_MANIFEST: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Bundle:
    """An unpacked bundle.

    Attributes:
        folder: Where its homes are.
        manifest: What it says of itself.
    """

    folder: Path
    manifest: BundleManifest

    @property
    def threads(self) -> set[tuple[str, str]]:
        """Home and thread ids it is about."""
        return {(one.home_id, one.thread_id) for one in self.manifest.threads}

    @property
    def thread_ids(self) -> list[str]:
        """Thread ids it is about; others may be in it as evidence."""
        return sorted({thread for _, thread in self.threads})

    def servers(self) -> dict[str, HomeServer]:
        """How the server of each home stood when the bundle was made."""
        return {
            home.home_id: HomeServer(
                home.server.status,
                home.server.started_at,
                home.server.version,
                f"when the bundle was made: {home.server.why}",
                protocol=home.server.protocol,
                then=True,
            )
            for home in self.manifest.homes
        }

    def options(self) -> Options:
        """Moment, rules and thresholds the bundle was made under, as far as all its homes share them."""
        homes = self.manifest.homes
        moments = {home.as_of for home in homes}
        profiles = {home.rules for home in homes if home.rules in PROFILES}
        return Options(
            as_of=moments.pop() if len(moments) == 1 else None,
            rules=profiles.pop() if len(profiles) == 1 else None,
            thresholds=homes[0].thresholds if homes else Thresholds(),
        )


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """A bundle, unpacked for the time of the block.

    Raises:
        InputError: It is no whole bundle.
    """
    with temporary_folder() as scratch:
        yield unpack(path, scratch)


def unpack(path: Path, folder: Path) -> Bundle:
    """Check a bundle and unpack it.

    Args:
        path: The zip file.
        folder: An empty folder.

    Raises:
        InputError: It is no bundle, was changed or cut short, or was made by a newer t3lens.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            manifest = _manifest(path, packed)
            names = packed.namelist()
            strange = sorted(set(names) - {MANIFEST, *manifest.files})
            if strange or len(set(names)) != len(names):
                raise InputError(
                    f"{path} holds more than its manifest says ({', '.join(strange[:3]) or 'a file twice'}); it was changed",
                    code="bad-bundle",
                )
            for name, said in manifest.files.items():
                _unpack_one(path, packed, name, said.size, said.sha256, folder)
    except _BROKEN as error:
        raise InputError(
            f"the bundle {path} cannot be read ({error}); it was cut short, or is no bundle",
            code="bad-bundle",
        ) from None
    return Bundle(folder, manifest)


def _manifest(path: Path, packed: zipfile.ZipFile) -> BundleManifest:
    if MANIFEST not in packed.namelist():
        raise InputError(
            f"{path} is no evidence bundle: it has no {MANIFEST}; unpack it and name the folder",
            code="bad-bundle",
        )
    if packed.getinfo(MANIFEST).file_size > _LARGEST_MANIFEST:
        raise InputError(f"the manifest of {path} is too large to be one", code="bad-bundle")
    return read_manifest(str(path), packed.read(MANIFEST))


def _unpack_one(path: Path, packed: zipfile.ZipFile, name: str, size: int, wanted: str, folder: Path) -> None:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or "\\" in name or any(p in ("..", ".") or ":" in p for p in parts):
        raise InputError(f"{path} names a file outside itself: {name}", code="bad-bundle")
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), size
    with packed.open(name) as source, target.open("xb") as out:
        while part := source.read(1 << 20):
            left -= len(part)
            if left < 0:
                break
            digest.update(part)
            out.write(part)
    if left != 0 or digest.hexdigest() != wanted:
        raise InputError(
            f"{name} in {path} is not what the manifest says: the bundle was changed or damaged",
            code="bad-bundle",
        )
