"""What is known by a name, of names that may be very many: on the disk, but for what was looked at last."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Final, Generic, TypeVar

from t3lens.document.rows import RowCodec

__all__ = ["DiskMap"]

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_SETTINGS: Final = ("journal_mode = off", "synchronous = off", "cache_size = -512")
_SEPARATOR: Final = "\0"
"""Between the parts of a key; it comes before everything else, so that the order of keys is that of their parts."""


class DiskMap(Mapping[_Key, _Value], Generic[_Key, _Value]):
    """A mapping in a database that nobody else sees and that goes with it; in order of its keys, texts or tuples of texts.

    Args:
        key: ``str``, or a named tuple of texts without a null character.
        value: What the values are: structs, or what they are made of.
    """

    def __init__(self, key: type[_Key], value: Any) -> None:
        self._make: Any = getattr(key, "_make", None)
        self._codec = RowCodec(value)
        # of a name that is empty SQLite makes a file without one, when more is in it than it holds in memory
        self._con = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for setting in _SETTINGS:
            self._con.execute(f"pragma {setting}")
        self._con.execute("create table held (key blob primary key, value blob) without rowid")
        self._con.execute("begin")

    def put(self, key: _Key, value: _Value) -> None:
        """Note a value under a key, in place of the one that was there."""
        self._con.execute("replace into held values (?, ?)", (self._written(key), self._codec.encode(value)))

    def __getitem__(self, key: _Key) -> _Value:
        row = self._con.execute("select value from held where key = ?", (self._written(key),)).fetchone()
        if row is None:
            raise KeyError(key)
        found: _Value = self._codec.decode(row[0])
        return found

    def __contains__(self, key: object) -> bool:
        asked: Any = key
        return self._con.execute("select 1 from held where key = ?", (self._written(asked),)).fetchone() is not None

    def __iter__(self) -> Iterator[_Key]:
        return (self._read(key) for (key,) in self._con.execute("select key from held order by key"))

    def __len__(self) -> int:
        (number,) = self._con.execute("select count(*) from held").fetchone()
        return int(number)

    def __repr__(self) -> str:
        return f"<{len(self):,} on the disk>"

    def _written(self, key: _Key) -> bytes:
        parts: Any = key
        text = parts if self._make is None else _SEPARATOR.join(parts)
        return str(text).encode("utf-8", "surrogatepass")

    def _read(self, key: bytes) -> _Key:
        text = key.decode("utf-8", "surrogatepass")
        parts: Any = text
        found: _Key = parts if self._make is None else self._make(text.split(_SEPARATOR))
        return found
