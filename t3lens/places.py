"""Places that are elsewhere: object stores, SFTP servers and whatever else ``fsspec`` reaches by a URL.

A URL may hold a password or a token, and libraries repeat it in their errors: what is told of a place is its address without
them, and what went wrong there is told with every part of them taken out.
"""

from __future__ import annotations

import importlib
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from t3lens.errors import InputError, UsageError
from t3lens.reading import NotRead, check_time

__all__ = [
    "PlaceEntry",
    "RemotePlace",
    "is_url",
    "local_copy",
    "local_path",
    "note_copy",
    "open_place",
    "plain_url",
    "split_pattern",
]

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_LOCAL: Final = re.compile(r"(?:file|local)://", re.IGNORECASE)
_MAGIC: Final = re.compile(r"[*?\[]")
_BLOCK: Final = 4 << 20
_AHEAD: Final = 64
_PATIENCE_S: Final = 30
_TAGS: Final = ("ETag", "etag", "md5", "version_id")
_TIMES: Final = ("mtime", "LastModified", "updated", "modified", "created")
"""What file systems call that which changes with a file: tags with its content, times when it is written."""

_EXTRA: Final = frozenset({"s3", "s3a", "sftp", "ssh"})
"""What the extra ``remote`` brings."""

_OBJECTS: Final = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "memory"})
"""Where what is written appears when it is whole; elsewhere it is renamed when it is."""

_COPIES: Final[dict[str, Path]] = {}
"""Where what is elsewhere was copied to by this process."""


def is_url(text: str) -> bool:
    """Whether a person named a place elsewhere, and no path of this machine."""
    return _URL.match(text) is not None and _LOCAL.match(text) is None


def local_path(text: str) -> str:
    """A ``file://`` URL as the path it is; all else as it was."""
    found = _LOCAL.match(text)
    return unquote(text[found.end() :].removeprefix("localhost")) if found else text


def plain_url(url: str) -> str:
    """A URL, or a path, as it may be told: without passwords, whose they are, and what stands behind ``?`` or ``#``."""
    scheme, found, rest = url.partition("://")
    if not found:
        return url
    rest = rest.split("#", 1)[0] if _is_web(scheme) else rest
    rest = _cut_query(rest)
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    shown = host if ":" in user else f"{user}{at}{host}"
    return f"{scheme}://{shown}{slash}{path}"


def _is_web(scheme: str) -> bool:
    return scheme.lower() in ("http", "https")


def _cut_query(rest: str) -> str:
    """The rest of a URL without its query; a ``?`` of a pattern is none."""
    before, mark, after = rest.partition("?")
    return before if mark and "=" in after else rest


def _secrets(url: str) -> list[str]:
    """Every part of a URL that is not told, as it stands there and as it is meant; the longest first."""
    scheme, _, rest = url.partition("://")
    authority = rest.partition("/")[0]
    user, _, _ = authority.rpartition("@")
    found = {url, user} if ":" in user else {url} if url != plain_url(url) else set()
    if ":" in user:
        found |= set(user.split(":", 1))
    with suppress(ValueError):
        query = urlsplit(f"{scheme}://{rest}").query
        if "=" in query:
            found |= {query, *(value for _, value in parse_qsl(query))}
    found |= {unquote(one) for one in found}
    return sorted((one for one in found if len(one) > 2), key=len, reverse=True)


@dataclass(frozen=True, slots=True)
class PlaceEntry:
    """A file or folder elsewhere.

    Attributes:
        name: Its path below the place, with ``/`` between; empty for the place itself.
        folder: Whether it is a folder.
        size: Bytes; 0 for a folder.
        stamp: What changes when it does, as far as the place tells: its tag, else its time.
        written_at: That time, if the place tells it.
        exact: Whether the stamp cannot stay when the file changes: a time that ends with the second can.
        odd: Whether it is neither a folder nor a file: a link, a pipe.
    """

    name: str
    folder: bool
    size: int
    stamp: str
    written_at: datetime | None = None
    exact: bool = True
    odd: bool = False


@dataclass(frozen=True, slots=True)
class RemotePlace:
    """A folder or a file elsewhere, and all that is asked of it. Files are named by their path below it.

    Every method raises ``InputError`` where the place cannot be reached or refuses; ``FileNotFoundError`` goes through.

    Attributes:
        shown: Its URL, without credentials.
        url: Its URL. Never shown.
    """

    shown: str
    url: str = field(repr=False)
    _fs: Any = field(repr=False)
    _path: str = field(repr=False)

    def entry(self, name: str = "") -> PlaceEntry | None:
        """What stands there; None if nothing does."""
        try:
            with self._named_errors(name):
                return self._entry(self._fs.info(self._path_of(name)))
        except FileNotFoundError:
            return None

    def entries(self, name: str = "") -> list[PlaceEntry]:
        """What a folder holds, in order of name."""
        with self._named_errors(name):
            found = [self._entry(info) for info in self._fs.ls(self._path_of(name), detail=True)]
        own = self._relative_to_place(self._path_of(name))
        return sorted((one for one in found if one.name and one.name != own), key=lambda one: one.name)

    def matching(self, pattern: str) -> list[str]:
        """Paths below the place that match a pattern, in order."""
        with self._named_errors(pattern):
            return sorted(self._relative_to_place(path) for path in self._fs.glob(self._path_of(pattern)))

    def read(self, name: str = "", start: int = 0, end: int | None = None) -> bytes:
        """The bytes of a file, or of a part of it."""
        with self._named_errors(name):
            return bytes(self._fs.cat_file(self._path_of(name), start=start or None, end=end))

    def copy(self, name: str, to: IO[bytes], start: int = 0) -> None:
        """Write a file's bytes, from ``start`` on, to a stream, as long as there is time (see ``t3lens.reading``)."""
        with (
            self._named_errors(name),
            self._fs.open(self._path_of(name), "rb", block_size=_BLOCK, cache_type="none") as stream,
        ):
            if start:
                stream.seek(start)
            if hasattr(stream, "prefetch"):  # SFTP asks for each piece when the last one came, if not told to ask ahead
                stream.prefetch(stream.stat().st_size, _AHEAD)
            while part := stream.read(_BLOCK):
                check_time()
                to.write(part)

    def write(self, name: str, content: bytes) -> None:
        """Write a whole file; who reads it meanwhile sees the old one or the new one."""
        target = self._path_of(name)
        with self._named_errors(name):
            if self._whole_at_once:
                self._fs.pipe_file(target, content)
                return
            self._fs.makedirs(posixpath.dirname(target), exist_ok=True)
            new = posixpath.join(posixpath.dirname(target), f".{posixpath.basename(target)}.t3lens-new")
            self._fs.pipe_file(new, content)
            self._rename(new, target)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with suppress(FileNotFoundError), self._named_errors(name):
            self._fs.rm_file(self._path_of(name))

    def below(self, name: str) -> RemotePlace:
        """A folder or file below this place, as a place of its own."""
        if not name:
            return self
        shown = f"{self.shown.rstrip('/')}/{name}"
        return RemotePlace(shown, f"{self.url.rstrip('/')}/{name}", self._fs, self._path_of(name))

    # --- within ----------------------------------------------------------------------------------------------

    @property
    def _whole_at_once(self) -> bool:
        """Whether a file appears with all of its content: an object does, a file that is being written does not."""
        return self.url.partition("://")[0].lower() in _OBJECTS

    def _rename(self, new: str, target: str) -> None:
        ftp = getattr(self._fs, "ftp", None)
        if ftp is not None:
            ftp.posix_rename(new, target)  # the plain one of SFTP refuses to replace
        else:
            self._fs.mv(new, target)

    def _path_of(self, name: str) -> str:
        return posixpath.join(self._path, name) if name else self._path

    def _relative_to_place(self, path: str) -> str:
        return str(path).rstrip("/").removeprefix(self._path.rstrip("/")).lstrip("/")

    def _entry(self, info: Mapping[str, Any]) -> PlaceEntry:
        kind = info.get("type")
        stamp = next((info[name] for name in (*_TAGS, *_TIMES) if info.get(name) is not None), "")
        at = next((info[name] for name in _TIMES if isinstance(info.get(name), datetime)), None)
        return PlaceEntry(
            name=self._relative_to_place(info["name"]),
            folder=kind == "directory",
            size=0 if kind == "directory" else int(info.get("size") or 0),
            stamp=str(stamp),
            written_at=at.astimezone(UTC) if at is not None else None,
            exact=not isinstance(stamp, datetime) or stamp.microsecond != 0,
            odd=kind not in ("directory", "file"),
        )

    @contextmanager
    def _named_errors(self, name: str) -> Iterator[None]:
        shown = f"{self.shown.rstrip('/')}/{name}" if name else self.shown
        with _errors_named(shown, self.url):
            yield


@contextmanager
def _errors_named(shown: str, url: str) -> Iterator[None]:
    """What goes wrong in the block, as an ``InputError`` without credentials."""
    try:
        yield
    except (InputError, FileNotFoundError, NotRead):
        raise
    except Exception as error:
        why = _masked(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__, _secrets(url))
        raise InputError(f"{shown} cannot be reached or read: {why}", code="elsewhere") from None


def _masked(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "…")
    return text


def open_place(url: str) -> RemotePlace:
    """A place by its URL.

    Credentials come from where the libraries look for them: ``~/.aws``, ``AWS_…`` and an instance's role for S3, ``~/.ssh``
    and an agent for SFTP; or from the URL, from where they are never told.

    Args:
        url: As ``is_url`` knows them. A pattern is opened up to its first ``*``, ``?`` or ``[``.

    Raises:
        UsageError: What reaches it is not installed; the message names the extra.
        InputError: It cannot be reached.
    """
    shown = plain_url(url)
    scheme = url.partition("://")[0].lower()
    if "::" in shown:
        raise UsageError(f"{shown} is several URLs in one; name the folder or file itself", code="bad-url")
    try:
        fsspec: Any = importlib.import_module("fsspec.core")
        registry: Any = importlib.import_module("fsspec.registry")
        if scheme in ("sftp", "ssh"):
            kind: Any = importlib.import_module("t3lens.places_sftp").KnownHostSFTP
        else:
            kind = registry.get_filesystem_class(scheme)
    except ImportError as error:
        how = "pip install 't3lens[remote]'" if scheme in _EXTRA or error.name == "fsspec" else str(error)
        raise UsageError(f"{scheme}:// is reached by packages that are not installed: {how}", code="no-extra") from None
    except ValueError:
        raise UsageError(f"no such kind of place is known: {scheme}://", code="bad-url") from None
    options = {"use_listings_cache": False, **_OPTIONS.get(scheme, {})}
    with _errors_named(shown, url):
        fs, path = fsspec.url_to_fs(url, skip_instance_cache=True, **options) if kind.cachable else _uncached(kind, url)
    return RemotePlace(shown.rstrip("/"), url.rstrip("/"), fs, path.rstrip("/") or "/")


def _uncached(kind: Any, url: str) -> tuple[Any, str]:
    return kind(**kind._get_kwargs_from_urls(url)), kind._strip_protocol(url)


_OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    scheme: {"config_kwargs": {"connect_timeout": _PATIENCE_S, "read_timeout": 2 * _PATIENCE_S}} for scheme in ("s3", "s3a")
}


def split_pattern(url: str) -> tuple[str, str]:
    """A URL up to the last folder without a wildcard, and the pattern below it; an empty one if there is none."""
    found = _MAGIC.search(_cut_query(url.partition("://")[2]))
    if found is None:
        return url, ""
    at = url.index("://") + 3 + found.start()
    root = url[:at].rpartition("/")[0]
    return root, url[len(root) + 1 :]


def note_copy(shown: str, path: Path) -> None:
    """Remember where what is elsewhere was copied to, for whoever wants to look at its files again."""
    _COPIES[shown] = path


def local_copy(shown: str) -> Path:
    """Where the files of a home are that is told of by this path or URL."""
    return _COPIES.get(shown) or Path(shown)
