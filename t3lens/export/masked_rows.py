"""Rows of a store on their way out, with every secret in their texts masked, one that streamed in pieces too.

What is nobody's secret stays as it was read, prompts and answers included: rows are data for programs, and lead to the same
verdicts when they are read back. Paths, hosts and addresses stay as well, for programs join by them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.redact import PLACES, Redactor, StreamedSecrets
from t3lens.redact.names import is_key
from t3lens.redact.prefilter import may_hold_secret
from t3lens.redact.streams import STREAMING_WORDS
from t3lens.store.bare_engine import with_relations
from t3lens.store.sql import quoted

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["MaskedRows"]

_TEXTS: Final = {
    "homes": ("database_error",),
    "files": ("error",),
    "log_events": ("payload", "extra"),
    "quarantine": ("excerpt",),
    "spans": ("attributes", "events", "exit_detail"),
    "orchestration_events": ("payload", "metadata"),
    "receipts": ("error",),
    "snapshot_rows": ("content", "extra"),
    "entities": ("content", "payload"),
    "provider_records": ("why",),
    "record_turns": ("why", "error"),
}
"""Columns of tables that are read back in which texts stand; of views every text that is no key may be one."""

_STREAMS: Final = {
    "log_events": f"""
select struct_pack(a := t.file_key, b := t.line), t.thread_id, t.type, t.raw_method, t.turn_id, t.item_id, t.payload, t.extra
from _log_events as t join _files as f using (file_key)
where regexp_matches(concat_ws(' ', t.type, t.raw_method, t.payload, t.extra), {quoted(f"(?i){STREAMING_WORDS}")})
order by t.home_id, f.file_order, t.line""",
    "orchestration_events": f"""
select struct_pack(a := t.home_id, b := t.sequence), t.stream_id, t.event_type, null, null, null, t.payload, t.metadata
from _orchestration_events as t
where regexp_matches(concat_ws(' ', t.event_type, t.payload, t.metadata), {quoted(f"(?i){STREAMING_WORDS}")})
order by t.home_id, t.sequence""",
}
"""Rows that may be a piece of something, in order: the place, then what tells one stream from another, then texts."""

_PLACE: Final = {"log_events": ("file_key", "line"), "orchestration_events": ("home_id", "sequence")}
_AT_ONCE: Final = 5_000
_SUSPECT: Final = "may hold a secret"
_MOST_KEYS: Final = 200_000

_KEYS: Final = f"""
from (select unnest([thread_id, turn_id, item_id, request_id]) as id from _log_events
      union all select stream_id from _orchestration_events)
select distinct id where id is not null and regexp_matches(id, $may) limit {_MOST_KEYS}
"""


class MaskedRows:
    """Masks the rows of a store's tables; the same secret is told by the same mask in all of them.

    Args:
        con: A connection to the store.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._may = may_hold_secret()
        self.redactor = Redactor(content=True, leave=PLACES)
        self.redactor.keep_keys(key for (key,) in con.execute(_KEYS, {"may": self._may}).fetchall())

    def texts(self, table: str, columns: list[tuple[str, str]], *, view: bool) -> tuple[str, ...]:
        """The columns in which texts stand.

        Args:
            table: A table's name, without an underscore.
            columns: Its columns with their types.
            view: Whether it is a view.
        """
        if not view:
            named = _TEXTS.get(table, ())
            return tuple(name for name, _ in columns if name in named)
        return tuple(name for name, kind in columns if kind in ("VARCHAR", "JSON") and not is_key(name))

    def read(self, table: str, select: str, texts: tuple[str, ...], *, view: bool) -> pa.RecordBatchReader:
        """The rows of a query, masked.

        Args:
            table: The table they are of.
            select: The query; its table is called ``t``.
            texts: Columns in which texts stand.
            view: Whether it is a view.
        """
        import pyarrow as pa

        head, _, rest = select.partition(" FROM ")
        may = " OR ".join(f'regexp_matches(t."{name}"::VARCHAR, {quoted(self._may)})' for name in texts)
        place = () if view else _PLACE.get(table, ())
        own = "".join(f', t."{name}" AS "place {number}"' for number, name in enumerate(place))
        pieces = self._pieces(table) if place else None  # before the rows: a connection does one thing at a time
        source = (
            with_relations(self._con)
            .sql(f'{head}, coalesce({may}, false) AS "{_SUSPECT}"{own} FROM {rest}')
            .to_arrow_reader()
        )
        hidden = {_SUSPECT, *(f"place {number}" for number in range(len(place)))}
        schema = pa.schema([field for field in source.schema if field.name not in hidden])

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in source:
                yield self._masked(batch, schema, texts, pieces)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def _pieces(self, table: str) -> StreamedSecrets:
        streamed = StreamedSecrets(self.redactor)
        found = self._con.execute(_STREAMS[table])
        while rows := found.fetchmany(_AT_ONCE):
            for place, thread, kind, method, turn, item, *texts in rows:
                record = {"type": kind, "method": method, "thread_id": thread, "turn_id": turn, "item_id": item}
                decoded = [_decoded(text) for text in texts]
                streamed.add(tuple(place.values()), record | dict(zip("ab", decoded, strict=True)))
        return streamed

    def _masked(
        self, batch: pa.RecordBatch, schema: pa.Schema, texts: tuple[str, ...], pieces: StreamedSecrets | None
    ) -> pa.RecordBatch:
        import pyarrow as pa

        suspects = {number for number, may in enumerate(batch.column(_SUSPECT).to_pylist()) if may}
        places: list[Hashable] = []
        if pieces is not None:
            places = list(zip(*(batch.column(f"place {number}").to_pylist() for number in range(2)), strict=True))
            suspects |= {number for number, place in enumerate(places) if pieces.has(place)}
        arrays = {name: batch.column(name) for name in schema.names}
        for at, name in enumerate(texts if suspects else ()):
            values = batch.column(name).to_pylist()
            for number in suspects:
                if values[number] is not None:
                    piece = (pieces, places[number], "ab"[at]) if pieces is not None else None
                    values[number] = self._text(values[number], piece)
            arrays[name] = pa.array(values, type=schema.field(name).type)
        return pa.RecordBatch.from_arrays(list(arrays.values()), schema=schema)

    def _text(self, text: str, piece: tuple[StreamedSecrets, Hashable, str] | None) -> str:
        if piece is not None:
            streamed, place, name = piece
            record = {name: _decoded(text)}
            cut = streamed.masked(place, record)
            if cut is not record:
                text = msgspec.json.encode(cut[name]).decode()
        return self.redactor.text(text)


def _decoded(text: str | None) -> Any:
    try:
        return msgspec.json.decode(text) if text else None
    except (msgspec.DecodeError, RecursionError):
        return None
