"""What happens to files: bytes altered, lost, added, moved; cells that hold what no build writes. By a seed."""

from __future__ import annotations

import random
import re
import sqlite3
import string
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

__all__ = ["bytes_of", "cells_of"]

_PIECES: Final = (
    b"\xed\xa0\x80", b"\xff", b"\\ud800", b"null", b"\x00", b"\\u0000", b"1e999", b"\xf0\x9f", b"-1", b"[]", b"{}", b"\r\n",
    b"true", b"\xe2\x80\xae", b'":"', b"9" * 400,
)  # fmt: skip
_VALUES: Final = (
    None, b"\xff\xfe", b"", "", 1e308, float("inf"), -1, 2**63 - 1, "null", "{}", "[", "not a date",
    "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z", '{"a":' * 300, "\0", "\u202eevil", "99999-01-01", "true", 0.5,
    "x" * 10_000, '"text"', "[1]",
)  # fmt: skip


def bytes_of(data: bytes, rng: random.Random) -> bytes:
    """``data`` with something done to it."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 30))):
        if not out:
            break
        place = rng.randrange(len(out))
        match rng.randrange(8):
            case 0 | 1:
                out[place] = rng.randrange(256)
            case 2:
                del out[place : place + rng.choice((1, 2, 10, 200, 5000))]
            case 3:
                out[place:place] = rng.randbytes(rng.choice((1, 3, 20)))
            case 4:
                out[place] = rng.choice((0, 0xFF))
            case 5:
                start = rng.randrange(len(out))
                out[place:place] = out[start : start + rng.choice((5, 100, 1000))]
            case 6:
                out[place] ^= 1 << rng.randrange(8)
            case _:
                quotes = [match.start() for match in re.finditer(rb'"', bytes(out[place : place + 2000]))]
                if quotes:
                    at = place + rng.choice(quotes) + 1
                    out[at : at + rng.choice((0, 1, 5))] = rng.choice(_PIECES)
    return bytes(out)


def cells_of(database: Path, rng: random.Random) -> None:
    """A database with a value, a row, a column or a table that is not as any build leaves it."""
    with closing(sqlite3.connect(database)) as con, suppress(sqlite3.Error), con:
        tables = [name for (name,) in con.execute("select name from sqlite_master where type = 'table'")]
        tables = [name for name in tables if not name.startswith("sqlite_")]
        for _ in range(rng.choice((1, 1, 3))):
            table = rng.choice(tables)
            columns = [row[1] for row in con.execute(f'pragma table_info("{table}")')]
            rows = [row for (row,) in con.execute(f'select rowid from "{table}"')]
            column = rng.choice(columns)
            with suppress(sqlite3.Error):
                match rng.randrange(8):
                    case 0 if rows:
                        con.execute(f'delete from "{table}" where rowid = ?', (rng.choice(rows),))
                    case 1:
                        con.execute(f'alter table "{table}" drop column "{column}"')
                    case 2:
                        name = "".join(rng.choice(string.ascii_lowercase) for _ in range(8))
                        con.execute(f'alter table "{table}" rename column "{column}" to "{name}"')
                    case 3:
                        con.execute(f'drop table "{table}"')
                    case _ if rows:
                        value = rng.choice(_VALUES)
                        con.execute(f'update "{table}" set "{column}" = ? where rowid = ?', (value, rng.choice(rows)))
