"""How the store is asked about a home: by itself, or together with others, each question once for all of them.

Of a small home planning a question takes longer than its rows do, and there are some thirty questions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from t3lens.diagnose import queries
from t3lens.diagnose.deciding_events import AskedBeside

if TYPE_CHECKING:
    import duckdb

    from t3lens.store import Store

__all__ = ["QueriedHome", "QueriedHomes", "Row", "small_together"]

Row = tuple[Any, ...]

_SMALL: Final = 10_000
"""Log lines and stored events of a home that is asked about with others: their rows are held until all are judged."""
_AT_ONCE: Final = 40_000
"""Log lines and stored events of homes that are asked about together."""

_of_many = cache(queries.of_many)


class QueriedHomes:
    """Answers about several homes: what one of them is asked is asked for all, once.

    Args:
        homes: Their ids. What the store has of them must not change meanwhile.
    """

    def __init__(self, homes: Sequence[str]) -> None:
        self._homes = list(homes)
        self._answers: dict[str, Mapping[Any, list[Row]]] = {}

    def rows(self, con: duckdb.DuckDBPyConnection, sql: str, whose: object, params: Mapping[str, Any]) -> list[Row] | None:
        """The rows of one home.

        Args:
            con: The store.
            sql: One of the queries of ``t3lens.diagnose.queries``.
            whose: Value of the column that tells whose a row is.
            params: Other parameters, the same for all homes.

        Returns:
            None if this cannot be asked of several homes.
        """
        many = _of_many(sql)
        if many is None:
            return None
        answers = self._answers.get(sql)
        if answers is None:
            found: defaultdict[Any, list[Row]] = defaultdict(list)
            for row in con.execute(many, {"homes": self._homes, **params}).fetchall():
                found[row[-1]].append(row[:-1])
            answers = self._answers[sql] = found
        rows: list[Row] = answers.get(whose, [])
        return rows[: queries.most_of(sql)]


@dataclass(frozen=True, slots=True)
class QueriedHome:
    """A home that the store is asked about.

    Attributes:
        con: The store.
        home_id: The home.
        together: Where it is asked about with others.
        beside: Its events that are beside the tables, where they are.
    """

    con: duckdb.DuckDBPyConnection
    home_id: str
    together: QueriedHomes | None = None
    beside: AskedBeside | None = None

    @classmethod
    def of(
        cls, store: Store, con: duckdb.DuckDBPyConnection, home_id: str, together: QueriedHomes | None = None
    ) -> QueriedHome:
        """A home of a store.

        Args:
            store: The store,
            con: and a connection to it.
            home_id: The home.
            together: Where it is asked about with others.
        """
        events = store.beside.get(home_id)
        return cls(con, home_id, together, AskedBeside(con, home_id, events) if events is not None else None)

    def rows(
        self, sql: str, params: Mapping[str, Any] | None = None, *, whose: object = None, nothing: Row | None = None
    ) -> list[Row]:
        """The rows of one of the queries of ``t3lens.diagnose.queries``, of all threads and times.

        Args:
            sql: The query.
            params: Its parameters, without the home.
            whose: Value of the column that tells whose a row is, if that is not the home.
            nothing: The row of what counts something, where there is nothing.
        """
        if self.together is not None:
            found = self.together.rows(self.con, sql, self.home_id if whose is None else whose, params or {})
            if found is not None:
                return found or ([nothing] if nothing is not None else [])
        restricted, values = queries.only(sql, None)
        if "$home" in restricted:
            values["home"] = self.home_id
        return self.con.execute(restricted, values | dict(params or {})).fetchall()


def small_together(store: Store, homes: Sequence[str]) -> list[QueriedHomes | None]:
    """With which others each of some homes is asked about; None for one that is large, or alone.

    Args:
        store: Where they were ingested.
        homes: Their ids, in the order in which they will be asked about.
    """
    if len(homes) < 2:
        return [None] * len(homes)
    with store.read() as con:
        sizes = dict(con.execute(queries.SIZES, {"homes": list(homes)}).fetchall())
    sizes |= dict.fromkeys(store.beside, _SMALL + 1)
    groups: list[list[str]] = [[]]
    held = 0
    for home in homes:
        records = sizes.get(home, 0)
        if records > _SMALL:
            continue
        if held + records > _AT_ONCE:
            groups.append([])
            held = 0
        groups[-1].append(home)
        held += records
    known = {home: together for group in groups if len(group) > 1 for together in [QueriedHomes(group)] for home in group}
    return [known.get(home) for home in homes]
