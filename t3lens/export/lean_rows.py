"""Rows of a store without what anybody said: what tells the lifecycle stays, and the titles that threads are called by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.export.masked_rows import MaskedRows
from t3lens.redact import PLACES, Redactor, StreamedSecrets
from t3lens.t3code.v1.event_types import PROGRAMS_ACTIVITIES, PROGRAMS_TYPES
from t3lens.t3code.v1.schema import ORCHESTRATION_EVENTS

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["LeanRows"]

_OF_PROGRAMS: Final = frozenset({"spans"})
"""Tables whose sentences are all a program's."""

_NAMED: Final = ("title", "name", "projector")
_NAMING: Final = frozenset({"snapshot_rows", "entities"})
_NAMES: Final = frozenset({"threads", "projects", "migrations", "projectors"})


class LeanRows(MaskedRows):
    """As ``MaskedRows``; prompts, answers, tool arguments and outputs are told by their kind and length.

    Args:
        con: The store.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        super().__init__(con)
        keys = self.redactor
        self.redactor = Redactor(content=False, leave=PLACES)
        self.redactor.keep_keys(keys.keys)
        self._table = ""

    def read(self, table: str, select: str, texts: tuple[str, ...], *, view: bool) -> pa.RecordBatchReader:
        """The rows of a query, without what was said."""
        self._table = table
        return super().read(table, select, texts, view=view)

    def _pieces(self, table: str) -> StreamedSecrets:
        return StreamedSecrets(self.redactor)  # pieces of what was said are left out with it

    def _masked(
        self, batch: pa.RecordBatch, schema: pa.Schema, texts: tuple[str, ...], pieces: StreamedSecrets | None
    ) -> pa.RecordBatch:
        import pyarrow as pa

        arrays = {name: batch.column(name) for name in schema.names}
        told = [arrays[name].to_pylist() for name in ("type", "raw_method", "table_name") if name in arrays]
        rows = list(zip(*told, strict=True)) if told else [()] * batch.num_rows
        for name in texts:
            values = [
                None if value is None else self._without_contents(name, value, row)
                for value, row in zip(batch.column(name).to_pylist(), rows, strict=True)
            ]
            arrays[name] = pa.array(values, type=schema.field(name).type)
        return pa.RecordBatch.from_arrays(list(arrays.values()), schema=schema)

    def _without_contents(self, name: str, text: str, row: tuple[str | None, ...]) -> str:
        if name == "excerpt":
            return self.redactor.said(text, "line that is no record")
        if name in ("error", "why", "database_error"):
            return self.redactor.text(text)
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return msgspec.json.encode(self.redactor.said(text)).decode()
        if isinstance(value, str):
            return msgspec.json.encode(self.redactor.said(value)).decode()
        shown = self.redactor.record(value, programs_say=self._of_a_program(value, row))
        if isinstance(value, dict):
            self._keep_names(value, shown, row)
        return msgspec.json.encode(shown).decode()

    def _of_a_program(self, value: Any, row: tuple[str | None, ...]) -> bool:
        """Whether its sentences are those of programs: warnings and errors."""
        if self._table in _OF_PROGRAMS:
            return True
        if self._table == "log_events":
            return any(word is not None and PROGRAMS_TYPES.match(word) is not None for word in row)
        if not isinstance(value, dict):
            return False
        return "failure" in value or _kind_of(value).startswith(PROGRAMS_ACTIVITIES)

    def _keep_names(self, value: dict[str, Any], shown: dict[str, Any], row: tuple[str | None, ...]) -> None:
        if _kind_of(value):
            shown["activity"]["kind"] = self.redactor.text(_kind_of(value))
        named = self._table in _NAMING and bool(_NAMES & set(row))
        for name in _NAMED if named else ("title",) if self._table == ORCHESTRATION_EVENTS else ():
            if isinstance(value.get(name), str):
                shown[name] = self.redactor.text(value[name])


def _kind_of(value: Mapping[str, Any]) -> str:
    activity = value.get("activity")
    return str(activity.get("kind") or "") if isinstance(activity, dict) else ""
