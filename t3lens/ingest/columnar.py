"""Many rows of a SQLite table as Arrow columns, without a Python object for each value.

SQLite itself joins the values of a column to one text (``group_concat``), which is cut by NumPy and not copied again.
What cannot be read so, surely and exactly, is not read here at all: the careful reader of ``database`` takes it then.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from t3lens.ingest.arrow import numbers, text_views, views
from t3lens.ingest.byte_forms import Bytes, Flags, Ints, places_of, words_at
from t3lens.ingest.database import json_or_null
from t3lens.ingest.lines import DEEPEST
from t3lens.ingest.screen import too_deep

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Columns", "is_integer", "is_text", "read_columns"]

_SEPARATOR: Final = b"\x1e"
"""Behind each value. No JSON has a raw one, and a text with one gives a piece too many: then nothing is read here."""
_NULL: Final = b"\xff" + bytes(byte | 0x80 for byte in os.urandom(7))
"""Stands for NULL: no UTF-8, and nobody can know it."""
_NULL_WORD: Final = np.frombuffer(_NULL, "<u8")[0]
_NULL_AS_JSON: Final = np.frombuffer(b"null    ", np.uint8)
_MOST_BYTES: Final = 16 << 20
"""Of a column of one stretch; longer ones are read row by row."""
_TEXT: Final = re.compile("CHAR|CLOB|TEXT", re.IGNORECASE)
_INTEGER: Final = re.compile("INT", re.IGNORECASE)

_whole_numbers: Final = msgspec.json.Decoder(list[int | None])
_json: Final = msgspec.json.Decoder(msgspec.Raw)
_list_of_json: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Columns:
    """What is read of a table.

    Attributes:
        table: Its name.
        key: The column that orders its rows: whole numbers that grow.
        integers: Columns of whole numbers, the key among them.
        texts: Columns of text.
        json: Those of the texts that should be JSON; other text becomes a JSON string.
        types: Types of the columns, as declared.
        instead: SQL of what is read in a column's place.
    """

    table: str
    key: str
    integers: tuple[str, ...]
    texts: tuple[str, ...]
    json: frozenset[str]
    types: Mapping[str, str]
    instead: Mapping[str, str] = field(default_factory=dict)


def read_columns(con: sqlite3.Connection, columns: Columns, after: int, limit: int) -> pa.RecordBatch | None:
    """The next rows of a table, in order of its key, their texts as stored.

    Args:
        con: The open database.
        columns: What to read.
        after: Rows beyond this key.
        limit: At most so many.

    Returns:
        None if there is a doubt: a value of another type, text that is no UTF-8, a damaged page, a key out of order,
        very long values. An empty batch if there are no more rows.
    """
    import pyarrow as pa

    most = con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
    factory, con.text_factory = con.text_factory, bytes
    try:
        row = con.execute(_statement(columns), {"null": _NULL, "after": after, "limit": limit}).fetchone()
    except sqlite3.Error:
        return None
    finally:
        con.text_factory = factory
        con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, most)
    count, others, *joined = row
    names = [*columns.integers, *columns.texts]
    if not count:
        kinds = [pa.int64()] * len(columns.integers) + [pa.string_view()] * len(columns.texts)
        return pa.record_batch([pa.nulls(0, kind) for kind in kinds], names=names)
    if others:
        return None
    arrays = []
    for name, raw in zip(names, joined, strict=True):
        if name in columns.integers:
            values = _numbers(raw)
            if len(values) != count or (name == columns.key and not _keys_ascend(values, after)):
                return None
            arrays.append(numbers(values))
        else:
            array = _texts(raw, count, json=name in columns.json)
            if array is None:
                return None
            arrays.append(array)
    return pa.record_batch(arrays, names=names)


def _statement(columns: Columns) -> str:
    def named(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def selected(name: str) -> str:
        return f"{columns.instead[name]} AS {named(name)}" if name in columns.instead else named(name)

    # What a column's type allows it to hold besides: SQLite makes text of numbers where text is declared, and numbers of
    # text where it can where integers are; other text is no number when it is read as one.
    tests = []
    for name in columns.integers:
        kinds = "IN ('blob', 'real')" if is_integer(columns.types[name]) else "NOT IN ('integer', 'null')"
        tests.append(f"(typeof({named(name)}) {kinds})")
    for name in columns.texts:
        if not is_text(columns.types[name]):
            tests.append(f"(typeof({named(name)}) IN ('integer', 'real'))")
    joined = [f"group_concat(ifnull({named(name)}, 'null'))" for name in columns.integers]
    joined += [f"group_concat(ifnull({named(name)}, :null), x'{_SEPARATOR.hex()}')" for name in columns.texts]
    some = ", ".join(map(selected, dict.fromkeys((*columns.integers, *columns.texts))))
    key = named(columns.key)
    return (
        f"SELECT count(*), sum({' + '.join(tests)}), {', '.join(joined)} FROM (SELECT {some} "
        f"FROM {named(columns.table)} WHERE {key} > :after ORDER BY {key} LIMIT :limit)"
    )


def is_integer(declared: str) -> bool:
    """Whether a column of this declared type keeps whole numbers as such."""
    return _INTEGER.search(declared) is not None


def is_text(declared: str) -> bool:
    """Whether a column of this declared type makes text of numbers."""
    return _TEXT.search(declared) is not None and not is_integer(declared)


def _numbers(raw: bytes) -> list[int | None]:
    try:
        return _whole_numbers.decode(b"[" + raw + b"]")
    except msgspec.DecodeError:
        return []


def _keys_ascend(values: Sequence[int | None], after: int) -> bool:
    """Whether keys are in order and beyond ``after``: only a damaged index gives others."""
    found = np.array([after if value is None else value for value in values], np.int64)
    return bool(found[0] > after and (found[1:] > found[:-1]).all())


def _texts(raw: bytes, count: int, *, json: bool) -> pa.Array | None:
    """The values of a column of text; None if that cannot be told."""
    data = np.frombuffer(raw, np.uint8)
    ends = np.append(places_of(data, _SEPARATOR[0]), len(data))
    if len(ends) != count:
        return None
    starts = np.concatenate(([0], ends[:-1] + 1))
    null = _nulls(data, starts, ends)
    if not (raw.isascii() or _is_utf_8(data, starts[null])):
        return None
    if json and not _is_sound(data, starts, ends, null):
        values = [None if gone else raw[a:b] for a, b, gone in zip(starts, ends, null, strict=True)]
        return text_views([json_or_null(value) for value in values])
    return views(data, starts, ends - starts, ~null)


def _nulls(data: Bytes, starts: Ints, ends: Ints) -> Flags:
    null: Flags = ends - starts == len(_NULL)
    places = np.flatnonzero(null)
    if len(places):
        null[places] = words_at(data, starts[places], 1)[:, 0] == _NULL_WORD
    return null


def _is_utf_8(data: Bytes, nulls: Ints) -> bool:
    told = _without_nulls(data, nulls)
    if (told < 0x80).all():
        return True
    try:
        str(told.data, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _without_nulls(data: Bytes, nulls: Ints) -> Bytes:
    """``data`` with the word for nothing where NULL is marked."""
    told = data.copy()
    told[nulls[:, None] + np.arange(len(_NULL))] = _NULL_AS_JSON
    return told


def _is_sound(data: Bytes, starts: Ints, ends: Ints, null: Flags) -> bool:
    """Whether texts are JSON as the careful reader takes it over unchanged.

    They are looked at together, twice: as a list, and a line each. What is whole only with its neighbours has the newline
    in it (in a text, where none may be) or is made up for in number by one that is several values: with commas between
    them, which lines do not have at the top, or without, which a list does not.
    """
    # An escaped surrogate: the careful reader writes what it stands for.
    escapes = np.flatnonzero((data[:-2] == ord("\\")) & (data[1:-1] == ord("u")))
    if ((data[escapes + 2] | 0x20) == ord("d")).any():
        return False
    together = np.empty(len(data) + 2, np.uint8)
    together[0], together[-1] = b"[]"
    together[1:-1] = _without_nulls(data, starts[null]) if null.any() else data
    try:
        together[ends[:-1] + 1] = ord(",")
        if len(_list_of_json.decode(together.data)) != len(starts):
            return False
        together[ends[:-1] + 1] = ord("\n")
        if len(_json.decode_lines(together[1:-1].data)) != len(starts):
            return False
    except (msgspec.DecodeError, RecursionError):
        return False
    long = np.flatnonzero(ends - starts > 2 * DEEPEST)
    return not too_deep(data, starts[long], ends[long]).any()
