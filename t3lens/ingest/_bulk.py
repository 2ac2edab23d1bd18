"""Many log lines at once: which are surely records, as Arrow columns without a copy, and the SQL for them.

The screen here only lets lines through whose prefix it could read and which look whole; DuckDB parses their
JSON once. Everything else goes to ``_lines``, one by one. Both must agree on what a record's columns are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from t3lens.ingest._lines import DEEPEST, nested_too_deep

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "COLUMNS",
    "INSERT_CAREFUL",
    "INSERT_FAST",
    "INSERT_READ",
    "LIFECYCLE_PREFIXES",
    "Screened",
    "batch_schema",
    "screen",
    "to_batch",
]

Ints = npt.NDArray[np.int64]

_LABELS: Final = ("CANON", "NTIVE", "ORCH")
_TIME_LENGTH: Final = 24
_PREFIX_FORM: Final = b"[dddd-dd-ddTdd:dd:dd.dddZ] "
_DIGITS: Final = np.array([i for i, c in enumerate(_PREFIX_FORM) if c == ord("d")])
_MARKS: Final = np.array([i for i, c in enumerate(_PREFIX_FORM) if c != ord("d")])
_MARK_BYTES: Final = np.frombuffer(_PREFIX_FORM, np.uint8)[_MARKS]
_HEAD: Final = 35
# Label, colon, blank and the brace that opens the object, as one 8-byte number each.
_FIVE: Final = {
    np.frombuffer(f"{label}: {{".encode(), np.uint64)[0]: code
    for code, label in enumerate(_LABELS)
    if len(label) == 5
}
_FOUR: Final = (np.frombuffer(b"ORCH: {\0", np.uint64)[0], np.uint64((1 << 56) - 1))
_SHORTEST: Final = 56
_LONG: Final = 34 + 2 * DEEPEST


@dataclass(frozen=True, slots=True)
class Screened:
    """Lines of one piece of a file: the sure ones as columns, the others by position.

    Attributes:
        starts: Where each sure line begins in the piece.
        lengths: Bytes of each sure line, newline included.
        bodies: Where its JSON begins in the piece.
        body_lengths: Bytes of its JSON.
        labels: Index into the known labels.
        times: Microseconds UTC of its prefix.
        numbers: Its place among the piece's lines, from 0.
        doubtful: (start, end, number) of every other line.
        lines: How many lines the piece has.
    """

    starts: Ints
    lengths: Ints
    bodies: Ints
    body_lengths: Ints
    labels: npt.NDArray[np.int8]
    times: Ints
    numbers: Ints
    doubtful: list[tuple[int, int, int]]
    lines: int


def _times(head: npt.NDArray[np.uint8]) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Microseconds of the prefix times, and which are real moments (no 31 June)."""
    digits = head[:, _DIGITS].astype(np.int64) - 48

    def number(first: int, count: int) -> Ints:
        value = digits[:, first].copy()
        for i in range(first + 1, first + count):
            value *= 10
            value += digits[:, i]
        return value

    year, month, day = number(0, 4), number(4, 2), number(6, 2)
    hour, minute, second, milli = number(8, 2), number(10, 2), number(12, 2), number(14, 3)
    good = (
        (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
        & (year >= 1)
    )  # fmt: skip
    months = ((year - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    first_day = months.astype("datetime64[D]")
    days_in_month = ((months + 1).astype("datetime64[D]") - first_day).astype(np.int64)
    good &= day <= days_in_month
    days = first_day.astype(np.int64) + day - 1
    return ((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + milli) * 1000, good


def screen(data: bytes | memoryview, *, first: bool) -> Screened:
    """Sort the lines of ``data`` into sure and doubtful ones.

    Args:
        data: Whole lines; the last byte is a newline.
        first: Whether this is the beginning of a file (where a byte order mark may stand).
    """
    whole = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(whole == 10)
    count = len(newlines)
    starts = np.empty(count, np.int64)
    starts[0] = 0
    starts[1:] = newlines[:-1] + 1
    lengths = newlines + 1 - starts
    # Lines too short to be records would make the gather below reach beyond the piece.
    sure = lengths >= _SHORTEST
    if first and count:
        sure[0] &= bytes(data[:3]) != b"\xef\xbb\xbf"
    chosen = np.flatnonzero(sure)
    at = starts[chosen]
    head = whole[at[:, None] + np.arange(_HEAD)]
    good = (head[:, _MARKS] == _MARK_BYTES).all(axis=1)
    good &= ((head[:, _DIGITS] - 48) < 10).all(axis=1)
    words = np.ascontiguousarray(head[:, 27:35]).view(np.uint64)[:, 0]
    labels = np.full(len(chosen), -1, np.int8)
    for word, code in _FIVE.items():
        labels[words == word] = code
    labels[(words & _FOUR[1]) == _FOUR[0]] = _LABELS.index("ORCH")
    good &= labels >= 0
    ends = at + lengths[chosen] - 1
    ends -= whole[ends - 1] == 13
    good &= whole[ends - 1] == ord("}")
    times, real = _times(head)
    good &= real
    bodies = at + np.where(labels == _LABELS.index("ORCH"), 33, 34)
    for i in np.flatnonzero(good & (lengths[chosen] >= _LONG)):
        if nested_too_deep(bytes(data[bodies[i] : ends[i]])):
            good[i] = False
    sure[chosen[~good]] = False
    doubtful = [
        (int(starts[i]), int(starts[i] + lengths[i]), int(i)) for i in np.flatnonzero(~sure)
    ]
    kept = chosen[good]
    return Screened(
        starts[kept], lengths[kept], bodies[good], (ends - bodies)[good], labels[good], times[good],
        kept, doubtful, count,
    )  # fmt: skip


def batch_schema() -> pa.Schema:
    """Columns of what ``to_batch`` makes."""
    import pyarrow as pa

    return pa.schema(
        [
            ("body", pa.string_view()),
            ("body_length", pa.int64()),
            ("label", pa.dictionary(pa.int8(), pa.string())),
            ("logged_at", pa.timestamp("us", "UTC")),
            ("file_key", pa.int32()),
            ("default_thread", pa.dictionary(pa.int8(), pa.string())),
            ("line", pa.int64()),
            ("offset", pa.int64()),
            ("length", pa.int64()),
        ]
    )


def to_batch(
    data: bytes | memoryview,
    lines: Screened,
    *,
    file_key: int,
    default_thread: str | None,
    line: int,
    offset: int,
) -> pa.RecordBatch:
    """The sure lines of a piece as Arrow columns; the JSON is not copied.

    Args:
        data: The piece.
        lines: What ``screen`` found in it.
        file_key: The file it belongs to.
        default_thread: Thread of records that name none.
        line: Lines of the file before the piece.
        offset: Bytes of the file before the piece.
    """
    import pyarrow as pa

    count = len(lines.starts)
    whole = np.frombuffer(data, np.uint8)
    # Arrow's string view of a text longer than 12 bytes: length, first 4 bytes, buffer, offset.
    view = np.empty((count, 4), np.int32)
    view[:, 0] = lines.body_lengths
    view[:, 1] = whole[lines.bodies[:, None] + np.arange(4)].view(np.int32)[:, 0]
    view[:, 2] = 0
    view[:, 3] = lines.bodies
    bodies = pa.Array.from_buffers(
        pa.string_view(), count, [None, pa.py_buffer(view), pa.py_buffer(data)]
    )
    zeros = pa.array(np.zeros(count, np.int8), mask=np.full(count, default_thread is None))
    return pa.record_batch(
        [
            bodies,
            pa.array(lines.body_lengths),
            pa.DictionaryArray.from_arrays(pa.array(lines.labels), pa.array(_LABELS)),
            pa.array(lines.times).cast(pa.timestamp("us", "UTC")),
            pa.array(np.full(count, file_key, np.int32)),
            pa.DictionaryArray.from_arrays(zeros, pa.array([default_thread or ""])),
            pa.array(lines.numbers + (line + 1)),
            pa.array(lines.starts + offset),
            pa.array(lines.lengths),
        ],
        schema=batch_schema(),
    )


COLUMNS: Final = (
    "home_id", "thread_id", "label", "logged_at", "created_at", "type", "event_id", "turn_id",
    "item_id", "request_id", "provider", "provider_instance_id", "provider_thread_id", "payload",
    "extra", "raw_source", "raw_method", "raw_event_id", "file_key", "line", "offset", "length",
)  # fmt: skip
"""Columns of ``_log_events``, in order."""

LIFECYCLE_PREFIXES: Final = (
    "session.", "turn.", "thread.", "request.", "user-input.", "task.", "runtime.", "item.started",
    "item.completed", "tool.denied",
)  # fmt: skip
"""Types whose payload is kept when only metadata is asked for."""

# Fields of a record, or of the event a native record wraps: JSON name and kind. Whatever else an object
# has goes to ``extra``.
_FIELDS: Final = {
    "eventId": "VARCHAR", "id": "VARCHAR", "provider": "VARCHAR", "providerInstanceId": "VARCHAR",
    "threadId": "VARCHAR", "providerThreadId": "VARCHAR", "turnId": "VARCHAR", "itemId": "VARCHAR",
    "requestId": "VARCHAR", "createdAt": "VARCHAR", "type": "VARCHAR", "method": "VARCHAR",
    "payload": "JSON",
}  # fmt: skip


def _shape() -> str:
    fields = ", ".join(f'"{name}": "{kind}"' for name, kind in _FIELDS.items())
    return f'{{{fields}, "observedAt": "VARCHAR", "raw": "JSON", "event": {{{fields}}}}}'


def _present(name: str, kind: str, source: str) -> str:
    """Bytes a field takes in compact JSON: ``"name":value,`` or none when absent."""
    text = (
        f'strlen({source}."{name}")' if kind == "VARCHAR" else f'strlen({source}."{name}"::VARCHAR)'
    )
    quotes = 2 if kind == "VARCHAR" else 0
    return f"coalesce({text} + {len(name) + 4 + quotes}, 0)"


def _accounted() -> str:
    """Bytes the known fields explain; when it is the length of the body there are no others."""
    outer = [_present(name, kind, "s") for name, kind in _FIELDS.items()]
    outer += [_present("observedAt", "VARCHAR", "s"), _present("raw", "JSON", "s")]
    inner = " + ".join(_present(name, kind, "s.event") for name, kind in _FIELDS.items())
    wrapped = f"coalesce(nullif({inner}, 0) + 1 + {len('event') + 4}, 0)"
    return " + ".join(outer) + f" + {wrapped} + 1"


_NULLS: Final = ", ".join(f'"{name}": null' for name in _FIELDS)
_KNOWN: Final = f'{{{_NULLS}, "observedAt": null, "raw": null, "event": null}}'
_KNOWN_INNER: Final = f"{{{_NULLS}}}"


def _either(name: str) -> str:
    return f'coalesce(s."{name}", s.event."{name}")'


_EXTRA: Final = f"""
CASE WHEN body_length = {_accounted()} THEN NULL
     WHEN s.payload IS NULL AND s.event.payload IS NULL AND label <> 'CANON' THEN NULL
     ELSE nullif(json_merge_patch(
        json_merge_patch(CASE WHEN json_type(body, '$.event') = 'OBJECT' THEN body -> 'event'
            ELSE '{{}}' END, '{_KNOWN_INNER}'),
        json_merge_patch(body, '{_KNOWN}'))::VARCHAR, '{{}}')::JSON
END"""

# The pointer that stands for ``raw``. Codex' native event carries the canonical event's own id.
_RAW_SHAPE: Final = '{"source": "VARCHAR", "method": "VARCHAR", "payload": {"id": "VARCHAR"}}'
_RAW_ID: Final = """
CASE WHEN r IS NULL THEN NULL
     WHEN starts_with(r.source, 'codex.') THEN s."eventId"
     ELSE r.payload.id
END"""

_PAYLOAD: Final = """
CASE WHEN s.payload IS NOT NULL THEN s.payload
     WHEN s.event.payload IS NOT NULL THEN s.event.payload
     WHEN label = 'CANON' THEN NULL
     WHEN json_type(body, '$.event') = 'OBJECT' THEN body -> 'event'
     ELSE body::JSON
END"""

_EVENT_ID: Final = """coalesce(s."eventId", s.event."eventId", s.id, s.event.id)"""

_SELECT: Final = f"""
SELECT
    $home_id AS home_id,
    coalesce({_either("threadId")}, default_thread) AS thread_id,
    label,
    logged_at,
    make_timestamptz(epoch_us(TRY_CAST(coalesce({_either("createdAt")}, s."observedAt") AS TIMESTAMP))),
    coalesce(s.type, s.method, s.event.type, s.event.method) AS type,
    {_EVENT_ID} AS event_id,
    {_either("turnId")},
    {_either("itemId")},
    {_either("requestId")},
    {_either("provider")},
    {_either("providerInstanceId")},
    {_either("providerThreadId")},
    __PAYLOAD__ AS payload,
    {_EXTRA} AS extra,
    r.source,
    r.method,
    {_RAW_ID},
    file_key,
    line,
    "offset",
    length
FROM (
    SELECT *, CASE WHEN s.raw IS NOT NULL THEN json_transform(s.raw, '{_RAW_SHAPE}') END AS r
    FROM (SELECT *, __TRANSFORM__ AS s FROM incoming)
)
"""

_TRANSFORM: Final = f"json_transform(body, '{_shape()}')"
_METADATA_PAYLOAD: Final = (
    "CASE WHEN label = 'CANON' AND ("
    + " OR ".join(f"starts_with(s.type, '{prefix}')" for prefix in LIFECYCLE_PREFIXES)
    + f") THEN {_PAYLOAD} END"
)


def _insert(transform: str, payload: str, where: str) -> str:
    select = _SELECT.replace("__TRANSFORM__", transform).replace("__PAYLOAD__", payload)
    return f"INSERT INTO _log_events {select} {where}"


INSERT_FAST: Final = {
    False: _insert(_TRANSFORM, _PAYLOAD, ""),
    True: _insert(_TRANSFORM, _METADATA_PAYLOAD, ""),
}
"""Parses each line once; fails as a whole on one malformed line. Keyed by metadata only."""

INSERT_CAREFUL: Final = {
    False: _insert(f"TRY({_TRANSFORM})", _PAYLOAD, "WHERE s IS NOT NULL"),
    True: _insert(f"TRY({_TRANSFORM})", _METADATA_PAYLOAD, "WHERE s IS NOT NULL"),
}
"""Leaves malformed lines out (the caller finds which); slower. Keyed by metadata only."""

INSERT_READ: Final = (
    "INSERT INTO _log_events SELECT " + ", ".join(f'"{c}"' for c in COLUMNS) + (" FROM incoming")
)
"""Records the careful reader made."""
