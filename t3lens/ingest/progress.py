"""How far reading is, for whoever waits: a bar in a terminal or notebook, nothing elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from t3lens.counted import counted
from t3lens.ingest.homes import Home
from t3lens.ingest.log_files import list_files

if TYPE_CHECKING:
    import duckdb

__all__ = ["Meter", "Progress", "someone_watches"]

_SHOWN_AFTER_S: Final = 1.0
_QUICK: Final = 8 << 20

Progress = Callable[[int, int], None]
"""Called with bytes read so far and bytes to read in all."""


def someone_watches() -> bool:
    """Whether a bar would be seen: standard error is a terminal, or this is a notebook's kernel."""
    return "ipykernel" in sys.modules or sys.stderr.isatty()


def _to_read(con: duckdb.DuckDBPyConnection, homes: Sequence[Home]) -> tuple[int, int]:
    """Bytes and files with something new, as far as sizes tell."""
    known: dict[tuple[str, str], int] = {
        (home_id, path): size
        for home_id, path, size in con.execute("SELECT home_id, path, bytes_ingested FROM _files").fetchall()
    }
    sizes = [
        max(0, file.size - known.get((home.home_id, file.relative), 0)) for home in homes for file in list_files(home).files
    ]
    return sum(sizes), sum(1 for size in sizes if size)


class Meter:
    """Bytes read of all homes, told on to a function or a bar."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._done = 0
        self._total = total

    def add(self, count: int) -> None:
        """Note that ``count`` more bytes were read."""
        self._done += count
        if self._progress is not None:
            self._progress(self._done, max(self._total, self._done))

    @classmethod
    @contextlib.contextmanager
    def watching(cls, progress: Progress | None, con: duckdb.DuckDBPyConnection, homes: Sequence[Home]) -> Iterator[Meter]:
        """A meter for the block: for ``progress``, else for a bar if someone would see it.

        Args:
            progress: Told how far reading is; None for a bar where one is seen, after a second.
            con: To the store, which knows what was read before.
            homes: What is going to be read.
        """
        if progress is not None:
            yield cls(progress, _to_read(con, homes)[0])
            return
        if not someone_watches():
            yield cls(None, 0)
            return
        total, files = _to_read(con, homes)
        if total < _QUICK or threading.current_thread() is not threading.main_thread():
            # Done before a bar would show, or read by a follower; a notebook keeps every bar's widgets for good.
            yield cls(None, total)
            return
        from tqdm.auto import tqdm

        with tqdm(
            total=total,
            desc=f"reading {counted(files, 'file')}",
            unit="B",
            unit_scale=True,
            delay=_SHOWN_AFTER_S,
            leave=False,
        ) as bar:
            yield cls(lambda done, _: bar.update(done - bar.n) and None, total)
