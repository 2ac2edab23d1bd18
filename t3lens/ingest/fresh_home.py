"""A small home that the store has nothing of yet, read into memory: what is to be stored of it, and nothing is stored.

Only homes as most are: a database of the first data model that is sound and whole, plain logs, and no server that runs.
Whatever is otherwise is for who reads a home by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from t3lens.ingest.data_model_signs import combine_signs, read_signs
from t3lens.ingest.database import EVENT_COLUMNS, RECEIPT_COLUMNS, DatabaseReader, SnapshotRow
from t3lens.ingest.databases import DatabaseInUse, choose, databases_in
from t3lens.ingest.home_files import ServerRuntime, not_home_files, read_runtime
from t3lens.ingest.homes import Home
from t3lens.ingest.identity import Catalogue
from t3lens.ingest.log_files import list_files, open_content
from t3lens.ingest.needed import Needed
from t3lens.ingest.open_database import database_stamp, open_database
from t3lens.ingest.pages import Page, as_table, event_page, receipt_page
from t3lens.ingest.second_model import is_second_model
from t3lens.ingest.server import ServerState
from t3lens.ingest.single_records import Work
from t3lens.reading import Budget, within
from t3lens.t3code.data_model import Signs

if TYPE_CHECKING:
    import sqlite3

    import pyarrow as pa

__all__ = ["FreshHome", "Unusual", "look_at", "same_files"]


class Unusual(Exception):
    """A home has to be read by itself."""


@dataclass(frozen=True, slots=True)
class DatabaseRows:
    """Rows of a database, as Arrow tables of the store's columns.

    Attributes:
        events: Of the event store.
        receipts: Of commands.
        snapshot: Of projections.
    """

    events: list[pa.Table]
    receipts: list[pa.Table]
    snapshot: list[SnapshotRow]


@dataclass(frozen=True, slots=True)
class FreshHome:
    """What was read of a home, or is going to be.

    Attributes:
        home: The home.
        server: What was found out of its server; None if it is told.
        runtime: What its server wrote of itself.
        choice: Its database.
        stamp: What tells whether that changed since; None if it was just being written to.
        signs: What it shows of its data model.
        rows: Its rows.
        catalogue: Its log files.
        works: What is to be read of them.
    """

    home: Home
    server: ServerState | None
    runtime: ServerRuntime
    choice: DatabaseInUse
    stamp: str | None
    signs: Signs
    rows: DatabaseRows
    catalogue: Catalogue
    works: list[Work]


def look_at(
    home: Home,
    next_key: int,
    *,
    server: Literal["auto", "alive", "dead", "unknown"],
    probe: Callable[[Home], ServerState],
    busy_s: float,
    budget_s: float,
    for_rules: bool,
) -> FreshHome:
    """Read the database of a home, and list its logs.

    Args:
        home: The home; the store has nothing of it.
        next_key: The number that the first of its files gets.
        server: What is known of its server; ``auto`` asks ``probe``.
        probe: Finds out whether a home's server is alive.
        busy_s: How long to wait for a locked database, seconds.
        budget_s: Seconds that this may take.
        for_rules: Leave out of the database what no rule reads.

    Raises:
        Unusual: It has to be read by itself.
        Exception: Reading it failed; who reads it by itself says why.
    """
    budget = Budget(budget_s)
    with within(budget):
        if home.left_out is not None or not home.has_state or home.files is not None or not_home_files(home.path):
            raise Unusual
        state = probe(home) if server == "auto" else None
        if (state.status if state is not None else server) != "dead":
            raise Unusual
        choice = _only_database(home, state, busy_s)
        stamp = database_stamp(choice.path)
        with open_database(choice.path, alive=False, busy_s=busy_s) as con:
            reader = DatabaseReader(con)
            own = read_signs(reader, choice.path.name)
            rows = _rows(con, reader, for_rules=for_rules)
            if reader.problems or reader.missing or reader.odd or reader.damaged or reader.check() is not None:
                raise Unusual
        home = replace(home, database=choice.path)
        catalogue = Catalogue.empty(home.home_id, next_key)
        works = list(_work_of_files(home, catalogue))
    if budget.used_up:
        raise Unusual
    runtime = read_runtime(home.path) or ServerRuntime()
    return FreshHome(home, state, runtime, choice, stamp, combine_signs([own], Signs()), rows, catalogue, works)


def _only_database(home: Home, server: ServerState | None, busy_s: float) -> DatabaseInUse:
    paths = databases_in(home)
    if paths != [home.database]:
        raise Unusual
    choice = choose(paths, server=server, alive=False, busy_s=busy_s)
    if choice is None or choice.model != "v1":
        raise Unusual
    return choice


def _rows(con: sqlite3.Connection, reader: DatabaseReader, *, for_rules: bool) -> DatabaseRows:
    """All of a small database, as it is at one moment."""
    con.execute("BEGIN")
    try:
        if is_second_model(reader):
            raise Unusual
        needed = Needed(reader.working()) if for_rules else None
        events = list(_pages(partial(event_page, reader, needed=needed)))
        receipts = list(_pages(partial(receipt_page, reader, needed=needed)))
        if not receipts:
            receipts = [as_table((*RECEIPT_COLUMNS, "source_rowid"), reader.receipts(0))]
        return DatabaseRows(events or [as_table(EVENT_COLUMNS, ())], receipts, list(reader.snapshot()))
    finally:
        con.execute("ROLLBACK")


def _pages(read: Callable[[int], Page | None]) -> Iterator[pa.Table]:
    after, more = 0, True
    while more:
        page = read(after)
        if page is None:
            return
        yield page.table
        after, more = page.last, page.more and len(page.table) > 0


def _work_of_files(home: Home, catalogue: Catalogue) -> Iterator[Work]:
    listing = list_files(home)
    if listing.problems:
        raise Unusual
    for file in listing.files:
        if file.name.compression is not None:
            raise Unusual
        with open_content(file) as content:
            if content.damage or catalogue.kin(file, content):
                raise Unusual
            state = catalogue.resolve(file, content, lambda _: False, lambda *_: iter(()), lambda _: [])
        yield Work(file, state, final=True)


def same_files(fresh: FreshHome) -> bool:
    """Whether the log files of a home are still those that were listed."""
    listed = {(work.file.relative, work.file.inode) for work in fresh.works}
    return {(file.relative, file.inode) for file in list_files(fresh.home).files} == listed
