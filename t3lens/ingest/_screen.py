"""Many log lines at once: which are surely records, as Arrow columns without a copy of their JSON.

The screen lets only lines through whose prefix it could read and which look whole; DuckDB parses their JSON
once. Everything else goes to ``_lines``, one by one. Both must agree on what a record's columns are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from t3lens.ingest._lines import DEEPEST, nested_too_deep

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Bytes",
    "Ints",
    "Origin",
    "Screened",
    "batch_schema",
    "column",
    "origin_columns",
    "screen",
    "starts_of",
    "texts",
    "to_batch",
    "too_deep",
]

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
_Flags = npt.NDArray[np.bool_]

_LABELS: Final = ("CANON", "NTIVE", "ORCH")
_TIME_FORM: Final = b"dddd-dd-ddTdd:dd:dd.dddZ"
_PREFIX_FORM: Final = b"[" + _TIME_FORM + b"] "
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
# How the server wraps what a provider said. The event alone is parsed then, as a flat object.
_WRAP_FORM: Final = b'{"observedAt":"' + _TIME_FORM + b'","event":{'
_WRAP: Final = len(_WRAP_FORM) - 1
_WRAP_TIME: Final = _WRAP_FORM.index(_TIME_FORM)
# An event short enough to stand inside an Arrow view is nothing for ``texts``.
_SHORTEST_WRAPPED: Final = len(_WRAP_FORM) + 16


def _places(form: bytes, time_at: int) -> tuple[Ints, Ints, Bytes]:
    """Where a form has digits and where it has given bytes, and these."""
    time = range(time_at, time_at + len(_TIME_FORM))
    digits = np.array([i for i in time if form[i] == ord("d")])
    marks = np.array([i for i in range(len(form)) if i not in digits])
    return digits, marks, np.frombuffer(form, np.uint8)[marks]


_PREFIX_PLACES: Final = _places(_PREFIX_FORM, 1)
_WRAP_PLACES: Final = _places(_WRAP_FORM, _WRAP_TIME)


@dataclass(frozen=True, slots=True)
class Screened:
    """Lines of some bytes: the sure ones as columns, the others by position.

    Attributes:
        starts: Where each sure line begins.
        lengths: Bytes of each sure line, newline included.
        bodies: Where its JSON begins.
        body_lengths: Bytes of its JSON.
        labels: Index into the known labels.
        times: Microseconds UTC of its prefix.
        observed: Microseconds UTC of ``observedAt`` where the JSON is exactly ``{"observedAt":…,"event":{…}}``.
        wrapped: Where it is that.
        numbers: Its place among all lines, from 0.
        doubtful: (start, end, number) of every other line.
    """

    starts: Ints
    lengths: Ints
    bodies: Ints
    body_lengths: Ints
    labels: npt.NDArray[np.int8]
    times: Ints
    observed: Ints
    wrapped: _Flags
    numbers: Ints
    doubtful: list[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where sure lines come from, line by line.

    Attributes:
        file_keys: File of each line.
        lines: Its number therein, from 1.
        offsets: Where it begins therein.
        thread_numbers: Index into ``threads``; -1 where records that name no thread have none.
        threads: Threads of records that name none.
    """

    file_keys: npt.NDArray[np.int32]
    lines: Ints
    offsets: Ints
    thread_numbers: npt.NDArray[np.int32]
    threads: list[str]


def _rows(data: Bytes, at: Ints, width: int) -> Bytes:
    """``width`` bytes from each place on, a row each."""
    windows = np.lib.stride_tricks.sliding_window_view(data, width)
    rows: Bytes = windows[at]
    return rows


def _fits(rows: Bytes, places: tuple[Ints, Ints, Bytes]) -> _Flags:
    digits, marks, given = places
    good: _Flags = (rows[:, marks] == given).all(axis=1)
    good &= ((rows[:, digits] - 48) < 10).all(axis=1)
    return good


def _times(rows: Bytes, places: Ints) -> tuple[Ints, _Flags]:
    """Microseconds of times written at ``places``, and which are real moments (no 31 June)."""
    digits = rows[:, places].T.astype(np.int32) - 48

    def number(first: int, count: int) -> npt.NDArray[np.int32]:
        value: npt.NDArray[np.int32] = digits[first].copy()
        for i in range(first + 1, first + count):
            value *= 10
            value += digits[i]
        return value

    year, month, day = number(0, 4), number(4, 2), number(6, 2)
    hour, minute, second, milli = number(8, 2), number(10, 2), number(12, 2), number(14, 3)
    good = (
        (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
        & (year >= 1)
    )  # fmt: skip
    months = ((year.astype(np.int64) - 1970) * 12 + np.clip(month, 1, 12) - 1).astype(
        "datetime64[M]"
    )
    first_day = months.astype("datetime64[D]")
    days_in_month = ((months + 1).astype("datetime64[D]") - first_day).astype(np.int64)
    good &= day <= days_in_month
    days = first_day.astype(np.int64) + day - 1
    of_day = ((hour * 60 + minute) * 60 + second) * 1000 + milli
    return (days * 86_400_000 + of_day) * 1000, good


def starts_of(newlines: Ints) -> tuple[Ints, Ints]:
    """Where lines begin and how long they are, from where they end."""
    starts = np.empty(len(newlines), np.int64)
    if len(starts):
        starts[0] = 0
        starts[1:] = newlines[:-1] + 1
    return starts, newlines + 1 - starts


def too_deep(body: Bytes) -> bool:
    """Whether JSON nests deeper than records may; nearly always told by how many brackets it has."""
    # "[" and "{" differ in one bit.
    brackets = int(np.count_nonzero((body | 0x20) == ord("{")))
    return brackets > DEEPEST and nested_too_deep(body.tobytes())


def _unwrap(data: Bytes, bodies: Ints, ends: Ints, candidates: Ints) -> tuple[Ints, Ints]:
    """Which of ``candidates`` wrap an event as the server does, and when it was observed."""
    candidates = candidates[ends[candidates] - bodies[candidates] >= _SHORTEST_WRAPPED]
    if not len(candidates):
        return candidates, np.empty(0, np.int64)
    rows = _rows(data, bodies[candidates], len(_WRAP_FORM))
    good = _fits(rows, _WRAP_PLACES)
    good &= data[ends[candidates] - 2] == ord("}")
    times, real = _times(rows, _WRAP_PLACES[0])
    good &= real
    return candidates[good], times[good]


def screen(data: Bytes, newlines: Ints) -> Screened:
    """Sort the lines of ``data`` into sure and doubtful ones.

    Args:
        data: Whole lines; the last byte is a newline.
        newlines: Where the newlines are.
    """
    starts, lengths = starts_of(newlines)
    # Lines too short to be records would make the gather below reach beyond the data.
    sure = lengths >= _SHORTEST
    chosen = np.flatnonzero(sure)
    at = starts[chosen]
    head = _rows(data, at, _HEAD) if len(at) else np.empty((0, _HEAD), np.uint8)
    good = _fits(head, _PREFIX_PLACES)
    words = np.ascontiguousarray(head[:, 27:35]).view(np.uint64)[:, 0]
    labels = np.full(len(chosen), -1, np.int8)
    for word, code in _FIVE.items():
        labels[words == word] = code
    labels[(words & _FOUR[1]) == _FOUR[0]] = _LABELS.index("ORCH")
    good &= labels >= 0
    ends = at + lengths[chosen] - 1
    ends -= data[ends - 1] == 13
    good &= data[ends - 1] == ord("}")
    times, real = _times(head, _PREFIX_PLACES[0])
    good &= real
    bodies = at + np.where(labels == _LABELS.index("ORCH"), 33, 34)
    for i in np.flatnonzero(good & (lengths[chosen] >= _LONG)):
        good[i] = not too_deep(data[bodies[i] : ends[i]])
    sure[chosen[~good]] = False
    doubtful = [
        (int(starts[i]), int(starts[i] + lengths[i]), int(i)) for i in np.flatnonzero(~sure)
    ]
    kept = chosen[good]
    bodies, ends = bodies[good], ends[good]
    inside, seen = _unwrap(data, bodies, ends, np.flatnonzero(labels[good] != 0))
    wrapped = np.zeros(len(kept), np.bool_)
    wrapped[inside] = True
    observed = np.zeros(len(kept), np.int64)
    observed[inside] = seen
    return Screened(
        starts[kept], lengths[kept], bodies, ends - bodies, labels[good], times[good], observed,
        wrapped, kept, doubtful,
    )  # fmt: skip


def column(values: npt.NDArray[Any], kind: pa.DataType, valid: _Flags | None = None) -> pa.Array:
    """NumPy values as an Arrow column, without a copy (``pyarrow.array`` would import pandas).

    Args:
        values: Of the width ``kind`` has.
        kind: What they are.
        valid: Which are not null; None if all are.
    """
    import pyarrow as pa

    mask = None
    if valid is not None and not valid.all():
        mask = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(
        kind, len(values), [mask, pa.py_buffer(np.ascontiguousarray(values))]
    )


def texts(data: Bytes, starts: Ints, lengths: Ints) -> pa.Array:
    """Pieces of ``data`` of more than 12 bytes as an Arrow column, without a copy."""
    import pyarrow as pa

    # Arrow's string view of a text longer than 12 bytes: length, first 4 bytes, buffer, offset.
    view = np.empty((len(starts), 4), np.int32)
    view[:, 0] = lengths
    if len(starts):
        view[:, 1] = _rows(data, starts, 4).view(np.int32)[:, 0]
    view[:, 2] = 0
    view[:, 3] = starts
    return pa.Array.from_buffers(
        pa.string_view(), len(starts), [None, pa.py_buffer(view), pa.py_buffer(data)]
    )


def origin_columns(origin: Origin, lengths: Ints) -> list[pa.Array]:
    """File, line, offset and length of each line."""
    import pyarrow as pa

    return [
        column(origin.file_keys, pa.int32()),
        column(origin.lines, pa.int64()),
        column(origin.offsets, pa.int64()),
        column(lengths, pa.int64()),
    ]


def batch_schema() -> pa.Schema:
    """Columns of what ``to_batch`` makes."""
    import pyarrow as pa

    return pa.schema(
        [
            ("body", pa.string_view()),
            ("body_length", pa.int64()),
            ("label", pa.dictionary(pa.int8(), pa.string())),
            ("logged_at", pa.timestamp("us", "UTC")),
            ("observed_at", pa.timestamp("us", "UTC")),
            ("wrapped", pa.int8()),
            ("default_thread", pa.dictionary(pa.int32(), pa.string())),
            ("file_key", pa.int32()),
            ("line", pa.int64()),
            ("offset", pa.int64()),
            ("length", pa.int64()),
        ]
    )


def to_batch(data: Bytes, lines: Screened, origin: Origin, *, whole: bool) -> pa.RecordBatch:
    """The sure lines as Arrow columns; the JSON is not copied.

    Args:
        data: What was screened.
        lines: What ``screen`` found in it.
        origin: Where these lines come from.
        whole: Whether ``body`` should be the JSON of the line also where that wraps an event; else it is
            the event then, and ``observed_at`` and ``wrapped`` say the rest.
    """
    import pyarrow as pa

    time = pa.timestamp("us", "UTC")
    cut = np.zeros(len(lines.starts), np.int64) if whole else lines.wrapped.astype(np.int64)
    bodies, lengths = lines.bodies + cut * _WRAP, lines.body_lengths - cut * (_WRAP + 1)
    named = origin.thread_numbers >= 0
    threads = column(np.where(named, origin.thread_numbers, 0).astype(np.int32), pa.int32(), named)
    return pa.record_batch(
        [
            texts(data, bodies, lengths),
            column(lengths, pa.int64()),
            pa.DictionaryArray.from_arrays(column(lines.labels, pa.int8()), pa.array(_LABELS)),
            column(lines.times, time),
            column(lines.observed, time, lines.wrapped),
            column(cut.astype(np.int8), pa.int8()),
            pa.DictionaryArray.from_arrays(threads, pa.array(origin.threads or [""])),
            *origin_columns(origin, lines.lengths),
        ],
        schema=batch_schema(),
    )
