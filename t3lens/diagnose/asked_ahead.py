"""What a large home is asked next, asked already while Python makes facts of what it answered before."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from t3lens.store.bare_engine import Error, with_relations

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["AskedAhead", "ToAsk"]


@dataclass(frozen=True, slots=True)
class ToAsk:
    """A query that will be asked.

    Attributes:
        query: One of the queries of ``t3lens.diagnose.queries``.
        statement: The same as it is executed,
        params: with its parameters.
        where: A query before it whose one value tells whether it is asked at all; None where it always is.
    """

    query: str
    statement: str
    params: Mapping[str, Any]
    where: str | None = None


_Waiting: TypeAlias = "tuple[ToAsk, Future[pa.Table | None]]"


class AskedAhead:
    """Questions that a connection of their own asks, in a thread, one after the other.

    What goes wrong is told to whoever takes that answer, or one behind it.

    Args:
        con: The connection; nobody else may use it until ``close``.
        questions: What will be asked, in the order in which it is.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, questions: Sequence[ToAsk]) -> None:
        self._con = con
        self._over = False
        waiting: list[_Waiting] = [(question, Future()) for question in questions]
        self._answers = {question.query: (question, answer) for question, answer in waiting}
        self._thread = threading.Thread(target=self._ask, args=(waiting,), name="t3lens-asked-ahead", daemon=True)
        self._thread.start()

    def table(self, question: ToAsk) -> pa.Table | None:
        """The answer to a question, waited for; None if it was not asked so, with these parameters, or taken already.

        Raises:
            Exception: Whatever asking it raised.
        """
        asked, answer = self._answers.get(question.query, (None, None))
        if asked is None or answer is None or (asked.statement, asked.params) != (question.statement, question.params):
            return None
        del self._answers[question.query]
        return answer.result()

    @property
    def left(self) -> list[str]:
        """The queries whose answers nobody has taken."""
        return list(self._answers)

    def close(self) -> None:
        """Ask nothing more; returns when nothing is being asked."""
        self._over = True
        while self._thread.is_alive():
            with suppress(Error):  # between two questions there is nothing to interrupt
                self._con.interrupt()
            self._thread.join(0.05)

    def _ask(self, waiting: list[_Waiting]) -> None:
        told: dict[str, bool] = {}
        error: BaseException | None = None
        while waiting:
            question, answer = waiting.pop(0)
            if error is None and not self._over:
                try:
                    answer.set_result(self._answer(question, told))
                    continue
                except BaseException as raised:  # it is raised where the answer is taken
                    error = raised
            answer.set_exception(error or InterruptedError("nobody waits for this answer"))

    def _answer(self, question: ToAsk, told: dict[str, bool]) -> pa.Table | None:
        if question.where is not None and not told[question.where]:
            return None
        asked = with_relations(self._con).sql(question.statement, params=dict(question.params))
        table = asked.to_arrow_table()
        told[question.query] = table.shape == (1, 1) and bool(table.column(0)[0].as_py())
        return table
