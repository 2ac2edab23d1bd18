"""Parts of a document on the disk are what they were in memory, also where names of files are not Unicode."""

from __future__ import annotations

from pathlib import Path

import msgspec

from t3lens.document.model import HomeEntry, UnreadableEntry
from t3lens.document.rows import Rows, each
from t3lens.ingest import Home

ROWS = [UnreadableEntry(path=f"/homes/{number}", message="–" * number) for number in range(5)]


def test_rows_come_back_in_any_order() -> None:
    rows = Rows(UnreadableEntry, ROWS)
    assert list(rows) == ROWS and rows == ROWS and rows == tuple(ROWS) and rows != ROWS[1:]
    turned = rows.in_order(reversed(range(5)))
    assert list(turned) == ROWS[::-1] and turned[0] == ROWS[-1] and turned[1:3] == (ROWS[3], ROWS[2])
    assert len(turned) == 5


def test_what_becomes_of_rows_stays_where_they_are() -> None:
    def longer(row: UnreadableEntry) -> UnreadableEntry | None:
        return msgspec.structs.replace(row, message="x") if row.message else None

    in_memory, on_disk = each(tuple(ROWS), longer), each(Rows(UnreadableEntry, ROWS), longer)
    assert isinstance(on_disk, Rows) and isinstance(in_memory, tuple)
    assert on_disk == in_memory and len(on_disk) == 4


def test_names_that_are_not_unicode_and_paths_are_kept() -> None:
    odd = UnreadableEntry(path="/homes/\udcff", message="gone")
    rows = Rows(UnreadableEntry, [odd, ROWS[0]])
    assert list(rows) == [odd, ROWS[0]]
    home = Home("id", Path("/homes/\udcff"), "userdata")
    assert list(Rows(Home, [home])) == [home]
    assert HomeEntry.__name__ in repr(Rows(HomeEntry))
