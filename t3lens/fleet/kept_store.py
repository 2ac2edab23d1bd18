"""The store of one home of many, in the folder of their stores: a small one is packed while nobody uses it.

DuckDB gives every table and every view of a file blocks of their own, so that the store of a small home takes four times the
bytes of the home; packed it takes a half of them. ``gunzip`` unpacks it for who wants to look at it.

Where there is a packed store, it is whole, and nothing beside it is newer: it goes away before the first change is made to
what was unpacked of it, and is there again before that goes away. So a kill at any point loses nothing.
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from t3lens.store.locks import LockFile
from t3lens.writing import make_folder, replace_file

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["kept_store"]


@contextmanager
def kept_store(folder: Path, name: str, *, is_small: bool) -> Iterator[Store]:
    """The store of a home for a block, made if there is none; no other process has it from here meanwhile.

    Args:
        folder: Where stores are kept.
        name: What the home's is called, without an ending.
        is_small: Whether the home is small, and its store to be packed after the block.

    Raises:
        StoreError: It is busy, no t3lens store, or was written by a newer t3lens or DuckDB.
        InputError: It cannot be written.
    """
    from t3lens.store import Store

    file = folder / f"{name}.duckdb"
    packed = folder / f"{name}.duckdb.gz"
    make_folder(folder)
    with LockFile(folder / f"{name}.duckdb.used").hold():
        _unpack(packed, file)
        store = Store.open(file, for_little=is_small)
        yield store
        if is_small:
            store.pack(packed)


def _unpack(packed: Path, file: Path) -> None:
    try:
        content = gzip.decompress(packed.read_bytes())
    except FileNotFoundError:
        return
    except (OSError, EOFError, zlib.error):
        content = b""
    if not content:  # damaged: it is kept, as a store that is damaged is, and begun anew
        packed.rename(packed.with_name(f"{packed.name}.damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"))
        return
    file.with_name(f"{file.name}.wal").unlink(missing_ok=True)  # of a file that was left over
    replace_file(file, content, private=True)
    packed.unlink()
