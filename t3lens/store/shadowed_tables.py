"""A store seen as it was: tables of its own stand in front of what it holds, for whoever reads through it.

DuckDB looks for a name among a connection's temporary views first, also where a view of the store asks for it. So it is
enough to stand in front of the few tables that all views are made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from t3lens.store.bare_engine import with_relations
from t3lens.store.store import Store

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["Shadow", "ShadowedStore"]


class Shadow(msgspec.Struct, frozen=True):
    """What stands in front of a store.

    Attributes:
        tables: Tables by name, for the views to use.
        views: The queries that stand in front, by the name of what they hide, in order; ``{whole}`` in one is where
            what is hidden stands.
    """

    tables: Mapping[str, pa.Table]
    views: Mapping[str, str]

    def cast(self, con: duckdb.DuckDBPyConnection) -> None:
        """Stand in front of the store, for one connection, until it is closed."""
        ((catalog,),) = con.execute("SELECT current_database()").fetchall()
        for name, table in self.tables.items():
            with_relations(con).register(name, table)
        for name, query in self.views.items():
            con.execute(f"CREATE TEMP VIEW {name} AS {query.replace('{whole}', f'{catalog}.main')}")


class ShadowedStore(Store):
    """The same store to write to; what is read is hidden by a shadow, if there is one.

    Attributes:
        shadow: What stands in front; None shows all.
    """

    def __init__(self, whole: Store) -> None:
        super().__init__(whole.path, whole._memory, whole._gate)
        self.set_aside = whole.set_aside
        self._memory_writer, self._memory_ingest = whole._memory_writer, whole._memory_ingest
        self.shadow: Shadow | None = None

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to read with, the shadow before it.

        Raises:
            StoreError: The store stayed busy, is damaged, or cannot be opened.
        """
        with super().read() as con:
            if self.shadow is not None:
                self.shadow.cast(con)
            yield con
