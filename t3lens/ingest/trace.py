"""``server.trace.ndjson``: one completed server span a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from t3lens.ingest.lines import DEEPEST, RejectedLine, clean_json, nested_too_deep, redact, text_of, utf_16

if TYPE_CHECKING:
    import pyarrow as pa

    from t3lens.ingest.byte_forms import Bytes, Ints
    from t3lens.ingest.screen import LineOrigin, Screened

__all__ = [
    "COLUMNS",
    "INSERT_CAREFUL",
    "INSERT_FAST",
    "INSERT_READ",
    "batch_schema",
    "read_line",
    "read_schema",
    "screen",
    "to_batch",
]

_SHORTEST: Final = 16
_THREAD_KEYS: Final = ("provider.thread_id", "orchestration.thread_id", "threadId", "thread_id")
# An aggregate is a thread or a project: (its id, its kind).
_AGGREGATE_KEYS: Final = (
    ("orchestration.aggregate_id", "orchestration.aggregate_kind"),
    ("aggregateId", "aggregateKind"),
)
COLUMNS: Final = (
    "home_id", "name", "trace_id", "span_id", "parent_span_id", "started_at", "ended_at",
    "duration_ms", "exit", "thread_id", "attributes", "events", "exit_detail", "file_key", "line",
    "offset", "length",
)  # fmt: skip
"""Columns of ``_spans``, in order."""
_SHAPE: Final = (
    '{"name": "VARCHAR", "traceId": "VARCHAR", "spanId": "VARCHAR", "parentSpanId": "VARCHAR", '
    '"startTimeUnixNano": "VARCHAR", "endTimeUnixNano": "VARCHAR", "durationMs": "VARCHAR", '
    '"attributes": "JSON", "events": "JSON", "exit": "JSON"}'
)


def _attribute(key: str) -> str:
    return f"""s.attributes ->> '$."{key}"'"""


_THREAD: Final = "coalesce({})".format(
    ", ".join(
        [
            *(_attribute(key) for key in _THREAD_KEYS),
            *(f"CASE WHEN {_attribute(kind)} = 'thread' THEN {_attribute(key)} END" for key, kind in _AGGREGATE_KEYS),
        ]
    )
)


def _insert(transform: str, where: str) -> str:
    return f"""
INSERT INTO _spans
SELECT $home_id, s.name, s."traceId", s."spanId", s."parentSpanId",
    make_timestamptz(TRY_CAST(s."startTimeUnixNano" AS BIGINT) // 1000),
    make_timestamptz(TRY_CAST(s."endTimeUnixNano" AS BIGINT) // 1000),
    TRY_CAST(s."durationMs" AS DOUBLE), s.exit ->> '_tag', {_THREAD}, s.attributes, s.events,
    CASE WHEN s.exit ->> '_tag' <> 'Success' THEN s.exit END, file_key, line, "offset", length
FROM (SELECT *, {transform} AS s FROM incoming) {where}"""


_TRANSFORM: Final = f"json_transform(body, '{_SHAPE}')"
INSERT_FAST: Final = _insert(_TRANSFORM, "")
INSERT_CAREFUL: Final = _insert(f"TRY({_TRANSFORM})", "WHERE s IS NOT NULL")
INSERT_READ: Final = "INSERT INTO _spans SELECT " + ", ".join(f'"{c}"' for c in COLUMNS) + " FROM incoming"


def batch_schema() -> pa.Schema:
    """Columns of what ``to_batch`` makes."""
    import pyarrow as pa

    return pa.schema(
        [
            ("body", pa.string_view()),
            ("file_key", pa.int32()),
            ("line", pa.int64()),
            ("offset", pa.int64()),
            ("length", pa.int64()),
        ]
    )


def read_schema() -> pa.Schema:
    """Columns of spans the careful reader made."""
    import pyarrow as pa

    kinds = {
        "started_at": pa.timestamp("us", "UTC"), "ended_at": pa.timestamp("us", "UTC"),
        "duration_ms": pa.float64(), "file_key": pa.int32(), "line": pa.int64(),
        "offset": pa.int64(), "length": pa.int64(),
    }  # fmt: skip
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])


def screen(data: Bytes, newlines: Ints) -> Screened:
    """Sort the lines of ``data`` into those that look like whole JSON objects and doubtful ones."""
    import numpy as np

    from t3lens.ingest.screen import Screened, starts_of, too_deep

    starts, lengths = starts_of(newlines)
    sure = lengths >= _SHORTEST
    ends = starts + lengths - 1
    ends = np.where(sure, ends - (data[ends - 1] == 13), ends)
    sure &= (data[starts] == ord("{")) & (data[ends - 1] == ord("}"))
    long = np.flatnonzero(sure & (lengths >= 2 * DEEPEST))
    sure[long[too_deep(data, starts[long], ends[long])]] = False
    kept = np.flatnonzero(sure)
    doubtful = [(int(starts[i]), int(starts[i] + lengths[i]), int(i)) for i in np.flatnonzero(~sure)]
    zeros = np.zeros(len(kept), np.int64)
    return Screened(
        starts[kept], lengths[kept], starts[kept], (ends - starts)[kept], zeros.astype(np.int8),
        zeros, zeros, zeros.astype(np.bool_), kept, doubtful,
    )  # fmt: skip


def to_batch(data: Bytes, lines: Screened, origin: LineOrigin, *, whole: bool) -> pa.RecordBatch:
    """The sure lines as Arrow columns; there is but one form, so ``whole`` does not matter."""
    import pyarrow as pa

    from t3lens.ingest.arrow import views
    from t3lens.ingest.screen import origin_columns

    return pa.record_batch(
        [
            views(data, lines.bodies, lines.body_lengths),
            *origin_columns(origin, lines.lengths),
        ],
        schema=batch_schema(),
    )


def _nanoseconds(value: Any) -> int | None:
    try:
        micros = int(value) // 1000
    except (TypeError, ValueError, OverflowError):
        return None
    return micros if abs(micros) < 1 << 57 else None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def read_line(data: bytes, *, first: bool) -> Iterator[tuple[int, int, dict[str, Any]] | RejectedLine]:
    """One span, or the reason why the line is none."""
    body = data.removeprefix(b"\xef\xbb\xbf") if first else data
    reason = "invalid-json"
    try:
        if nested_too_deep(body):
            reason = "nested-too-deep"
        elif not body.strip(b"\r\n \t"):
            reason = "empty-line"
        else:
            span = json.loads(body.decode("utf-8"))
            if isinstance(span, dict):
                yield 0, len(data), _values(span)
                return
            reason = "not-an-object"
    except UnicodeDecodeError:
        reason = "invalid-utf-8"
    except (ValueError, RecursionError):
        reason = "nul-bytes" if not body.strip(b"\0\r\n") else "invalid-json"
    if utf_16(body) is not None:
        reason = "utf-16"
    yield RejectedLine(0, len(data), reason, redact(data))


def _values(span: dict[str, Any]) -> dict[str, Any]:
    attributes = span.get("attributes")
    exit_ = span.get("exit")
    tag = exit_.get("_tag") if isinstance(exit_, dict) else None
    named = attributes if isinstance(attributes, dict) else {}
    keys = [*_THREAD_KEYS, *(k for k, kind in _AGGREGATE_KEYS if named.get(kind) == "thread")]
    thread = next((named[key] for key in keys if named.get(key) is not None), None)

    def json_of(value: Any) -> str | None:
        return None if value is None else clean_json(value)

    return {
        "name": text_of(span.get("name")),
        "trace_id": text_of(span.get("traceId")),
        "span_id": text_of(span.get("spanId")),
        "parent_span_id": text_of(span.get("parentSpanId")),
        "started_at": _nanoseconds(span.get("startTimeUnixNano")),
        "ended_at": _nanoseconds(span.get("endTimeUnixNano")),
        "duration_ms": _number(span.get("durationMs")),
        "exit": text_of(tag),
        "thread_id": text_of(thread),
        "attributes": json_of(attributes),
        "events": json_of(span.get("events")),
        "exit_detail": json_of(exit_) if tag not in (None, "Success") else None,
    }
