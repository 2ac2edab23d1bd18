"""Many log lines at once: which are surely records, as Arrow columns without a copy of their JSON.

The screen lets only lines through whose prefix it could read and which look whole; DuckDB parses their JSON
once. Everything else goes to ``_lines``, one by one. Both must agree on what a record's columns are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from t3lens.ingest.arrow import column, strings, views
from t3lens.ingest.byte_forms import (
    TIME,
    Bytes,
    Flags,
    Form,
    Ints,
    most_brackets,
    times_of,
    words_at,
)
from t3lens.ingest.lines import DEEPEST, nested_too_deep
from t3lens.t3code.v1.log_grammar import LABELS, ORCHESTRATION

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "WRAPPER",
    "LineOrigin",
    "Screened",
    "batch_schema",
    "nothing_sure",
    "origin_columns",
    "screen",
    "starts_of",
    "to_batch",
    "too_deep",
]

# Behind the opening bracket: the time, the label, and the brace that opens the object.
_PREFIX: Final = Form(TIME + b"] ??????????????")
_PREFIX_WORDS: Final = 5
_LABEL_WORDS: Final = {int.from_bytes(f"] {label}: "[:8].encode(), "little"): code for code, label in enumerate(LABELS)}
_BRACE: Final = np.uint64(ord("{"))
_BLANK_BRACE: Final = np.uint64(ord(" ") | ord("{") << 8)
_SHORTEST: Final = 56
_LONG: Final = 34 + 2 * DEEPEST
# How the server wraps what a provider said. The event alone is parsed then, as a flat object.
_WRAP_TEXT: Final = b'{"observedAt":"' + TIME + b'","event":{'
WRAPPER: Final = len(_WRAP_TEXT) - 1
"""Bytes before the event in a record that wraps one; one stands behind it."""
_WRAP_TIME: Final = _WRAP_TEXT.index(TIME)
_WRAP_WORDS: Final = -(-len(_WRAP_TEXT) // 8)
_WRAP_FORM: Final = Form(_WRAP_TEXT.ljust(8 * _WRAP_WORDS, b"?"))
# An event short enough to stand inside an Arrow view is nothing for ``views``.
_SHORTEST_WRAPPED: Final = len(_WRAP_TEXT) + 16


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
    wrapped: Flags
    numbers: Ints
    doubtful: list[tuple[int, int, int]]

    def some(self, chosen: Flags) -> Screened:
        """The same with only some of the sure lines."""
        return Screened(
            self.starts[chosen],
            self.lengths[chosen],
            self.bodies[chosen],
            self.body_lengths[chosen],
            self.labels[chosen],
            self.times[chosen],
            self.observed[chosen],
            self.wrapped[chosen],
            self.numbers[chosen],
            self.doubtful,
        )


@dataclass(frozen=True, slots=True)
class LineOrigin:
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


def starts_of(newlines: Ints) -> tuple[Ints, Ints]:
    """Where lines begin and how long they are, from where they end."""
    starts = np.empty(len(newlines), np.int64)
    if len(starts):
        starts[0] = 0
        starts[1:] = newlines[:-1] + 1
    return starts, newlines + 1 - starts


def too_deep(data: Bytes, starts: Ints, ends: Ints) -> Flags:
    """Which stretches nest deeper than records may; nearly always told by how many brackets they have."""
    deep = np.zeros(len(starts), np.bool_)
    if len(starts):
        for i in np.flatnonzero(most_brackets(data, starts, ends) > DEEPEST):
            deep[i] = nested_too_deep(data[starts[i] : ends[i]].tobytes())
    return deep


def _unwrap(data: Bytes, bodies: Ints, ends: Ints, candidates: Ints) -> tuple[Ints, Ints]:
    """Which of ``candidates`` wrap an event as the server does, and when it was observed."""
    candidates = candidates[ends[candidates] - bodies[candidates] >= _SHORTEST_WRAPPED]
    if not len(candidates):
        return candidates, np.empty(0, np.int64)
    good = _WRAP_FORM.fits(words_at(data, bodies[candidates], _WRAP_WORDS))
    good &= data[ends[candidates] - 2] == ord("}")
    times, real = times_of(words_at(data, bodies[candidates] + _WRAP_TIME, 3))
    good &= real
    return candidates[good], times[good]


def screen(data: Bytes, newlines: Ints) -> Screened:
    """Sort the lines of ``data`` into sure and doubtful ones.

    Args:
        data: Whole lines; the last byte is a newline.
        newlines: Where the newlines are.
    """
    starts, lengths = starts_of(newlines)
    # Lines too short to be records would make the gathers below reach beyond the data.
    chosen = np.flatnonzero(lengths >= _SHORTEST)
    at = starts[chosen]
    words = words_at(data, at + 1, _PREFIX_WORDS) if len(at) else np.empty((0, 5), np.uint64)
    good = _PREFIX.fits(words)
    good &= data[at] == ord("[")
    labels = np.full(len(chosen), -1, np.int8)
    for word, code in _LABEL_WORDS.items():
        labels[words[:, 3] == word] = code
    short = labels == LABELS.index(ORCHESTRATION)
    behind = words[:, 4]
    good &= np.where(short, behind & np.uint64(0xFF) == _BRACE, behind & np.uint64(0xFFFF) == _BLANK_BRACE)
    good &= labels >= 0
    ends = at + lengths[chosen] - 1
    ends -= data[ends - 1] == 13
    good &= data[ends - 1] == ord("}")
    times, real = times_of(words)
    good &= real
    bodies = at + 34 - short
    long = np.flatnonzero(good & (lengths[chosen] >= _LONG))
    good[long[too_deep(data, bodies[long], ends[long])]] = False
    doubtful: list[tuple[int, int, int]] = []
    if len(chosen) < len(starts) or not good.all():
        chosen, bodies, ends = chosen[good], bodies[good], ends[good]
        labels, times = labels[good], times[good]
        unsure = np.ones(len(starts), np.bool_)
        unsure[chosen] = False
        doubtful = [(int(starts[i]), int(starts[i] + lengths[i]), int(i)) for i in np.flatnonzero(unsure)]
        starts, lengths = starts[chosen], lengths[chosen]
    inside, seen = _unwrap(data, bodies, ends, np.flatnonzero(labels))
    wrapped = np.zeros(len(chosen), np.bool_)
    wrapped[inside] = True
    observed = np.zeros(len(chosen), np.int64)
    observed[inside] = seen
    return Screened(starts, lengths, bodies, ends - bodies, labels, times, observed, wrapped, chosen, doubtful)


def nothing_sure(newlines: Ints) -> Screened:
    """Every line a doubtful one: for lines on which the statements failed."""
    starts, lengths = starts_of(newlines)
    doubtful = [
        (int(start), int(start + length), number) for number, (start, length) in enumerate(zip(starts, lengths, strict=True))
    ]
    none = np.empty(0, np.int64)
    return Screened(none, none, none, none, none.astype(np.int8), none, none, none.astype(np.bool_), none, doubtful)


def origin_columns(origin: LineOrigin, lengths: Ints) -> list[pa.Array]:
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


def to_batch(data: Bytes, lines: Screened, origin: LineOrigin, *, whole: bool) -> pa.RecordBatch:
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
    bodies, lengths = lines.bodies + cut * WRAPPER, lines.body_lengths - cut * (WRAPPER + 1)
    named = origin.thread_numbers >= 0
    threads = column(np.where(named, origin.thread_numbers, 0).astype(np.int32), pa.int32(), named)
    return pa.record_batch(
        [
            views(data, bodies, lengths),
            column(lengths, pa.int64()),
            pa.DictionaryArray.from_arrays(column(lines.labels, pa.int8()), strings(LABELS)),
            column(lines.times, time),
            column(lines.observed, time, lines.wrapped),
            column(cut.astype(np.int8), pa.int8()),
            pa.DictionaryArray.from_arrays(threads, strings(origin.threads or [""])),
            *origin_columns(origin, lines.lengths),
        ],
        schema=batch_schema(),
    )
