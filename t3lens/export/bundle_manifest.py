"""What a bundle says of itself, as typed data: nothing of it is used before all of it has been checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from t3lens.diagnose import Thresholds
from t3lens.errors import InputError

__all__ = ["BUNDLE_VERSION", "BundleManifest", "read_manifest", "seal"]

BUNDLE_VERSION: Final = 1
"""Of the layout; a bundle with a higher one is refused."""

_SEAL: Final = "sha256"
_LARGEST: Final = 8 << 30
"""A bundle that unpacks to more than this is no bundle of a few threads."""

_Size = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
_Moment = Annotated[int, msgspec.Meta(ge=-(1 << 62), le=1 << 62)]


class _File(msgspec.Struct, frozen=True):
    sha256: str
    size: _Size


class _Server(msgspec.Struct, frozen=True):
    status: str
    started_at: _Moment | None = None
    version: str | None = None
    protocol: int | None = None
    why: str = ""


class _Home(msgspec.Struct, frozen=True):
    home_id: str
    server: _Server
    as_of: _Moment
    rules: str
    thresholds: Thresholds


class _Thread(msgspec.Struct, frozen=True):
    home_id: str
    thread_id: str


class BundleManifest(msgspec.Struct, frozen=True):
    """A manifest, as far as opening a bundle needs it.

    Attributes:
        bundle_version: Of the layout.
        files: Size and digest of every other file, by name.
        homes: The homes in it, and how each was judged.
        threads: The threads it is about.
    """

    bundle_version: int
    files: Mapping[str, _File]
    homes: tuple[_Home, ...]
    threads: tuple[_Thread, ...]


def seal(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest with its own digest in it, so that a changed one is noticed."""
    bare = {name: value for name, value in manifest.items() if name != _SEAL}
    text = json.dumps(bare, sort_keys=True, ensure_ascii=True)
    return bare | {_SEAL: hashlib.sha256(text.encode()).hexdigest()}


def read_manifest(path: str, data: bytes) -> BundleManifest:
    """A manifest, checked.

    Args:
        path: The bundle's, for messages.
        data: What stands in it.

    Raises:
        InputError: It is damaged, was changed, or is of a newer t3lens.
    """
    try:
        said = json.loads(data)
        version = said["bundle_version"]
        if isinstance(version, int) and version > BUNDLE_VERSION:
            raise InputError(
                f"{path} was made by a newer t3lens (bundle version {version}, this one knows {BUNDLE_VERSION}); "
                "upgrade t3lens",
                code="newer-bundle",
            )
        if seal(said) != said:
            raise ValueError
        manifest = msgspec.convert(said, BundleManifest)
    except (ValueError, TypeError, KeyError, RecursionError, msgspec.MsgspecError):
        raise InputError(f"the manifest of {path} is damaged, or was changed", code="bad-bundle") from None
    sizes = sum(one.size for one in manifest.files.values())
    if sizes > _LARGEST:
        raise InputError(f"{path} unpacks to {sizes:,} bytes; that is no bundle", code="bad-bundle")
    return manifest
