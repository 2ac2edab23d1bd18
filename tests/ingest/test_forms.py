"""Forms tested on many lines at once say what a regular expression and a calendar say of each."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from t3lens.ingest.byte_forms import TIME, Form, most_brackets, newlines_of, times_of, words_at
from t3lens.time import parse_iso

_MOMENTS = st.datetimes(timezones=st.just(UTC)).map(lambda at: (at.isoformat(timespec="milliseconds")[:23] + "Z").encode())
# Mostly times with a byte or two that do not belong there.
_BROKEN = st.tuples(
    _MOMENTS,
    st.lists(st.tuples(st.integers(0, 23), st.integers(0, 255)), min_size=1, max_size=2),
).map(lambda made: _with(*made))


def _with(text: bytes, changes: list[tuple[int, int]]) -> bytes:
    data = bytearray(text)
    for place, byte in changes:
        data[place] = byte
    return bytes(data)


def _array(texts: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(texts), np.uint8)


@given(st.lists(_MOMENTS | _BROKEN | st.binary(min_size=24, max_size=24), max_size=40))
def test_a_form_fits_what_its_regular_expression_matches(texts: list[bytes]) -> None:
    words = words_at(_array([*texts, bytes(24)]), np.arange(len(texts)) * 24, 3)
    pattern = re.compile(re.escape(TIME).replace(b"9", b"[0-9]"))
    fits = [pattern.fullmatch(text) is not None for text in texts]
    assert Form(TIME).fits(words).tolist() == fits


def test_any_byte_may_stand_where_a_form_says_so() -> None:
    texts = [b"ab\0\xff\n?9d", b"ab99999d", b"ab99999e", b"aB99999d"]
    words = words_at(_array(texts), np.arange(4) * 8, 1)
    assert Form(b"ab?????d").fits(words).tolist() == [True, True, False, False]


@given(st.lists(_MOMENTS | _BROKEN, max_size=40))
def test_times_are_those_of_the_calendar(texts: list[bytes]) -> None:
    words = words_at(_array([*texts, bytes(24)]), np.arange(len(texts)) * 24, 3)
    times, real = times_of(words)
    fits = Form(TIME).fits(words)
    for text, at, good in zip(texts, times.tolist(), (fits & real).tolist(), strict=True):
        assert (at if good else None) == _parsed(text)


def _parsed(text: bytes) -> int | None:
    if not re.fullmatch(re.escape(TIME).replace(b"9", b"[0-9]"), text):
        return None
    try:
        return parse_iso(text.decode())
    except ValueError:
        return None


def test_lines_of_one_minute_and_of_the_next_are_told_apart() -> None:
    start = datetime(2026, 2, 28, 23, 58, 59, tzinfo=UTC)
    moments = [start + timedelta(milliseconds=777 * i) for i in range(300)]
    texts = [f"{m:%Y-%m-%dT%H:%M:%S}.{m.microsecond // 1000:03d}Z".encode() for m in moments]
    times, real = times_of(words_at(_array(texts), np.arange(300) * 24, 3))
    assert real.all()
    assert times.tolist() == [parse_iso(text.decode()) for text in texts]


@given(st.data())
def test_there_are_never_more_brackets_than_was_said(data: st.DataObject) -> None:
    text = data.draw(st.binary(max_size=300)) * data.draw(st.sampled_from([1, 20, 2000]))
    bytes_ = np.frombuffer(text + b"\n", np.uint8)
    starts = data.draw(st.lists(st.integers(0, len(text)), min_size=1, max_size=5))
    ends = [data.draw(st.integers(start, len(text))) for start in starts]
    most = most_brackets(bytes_, np.array(starts), np.array(ends))
    for start, end, count in zip(starts, ends, most.tolist(), strict=True):
        inside = text[start:end].count(b"[") + text[start:end].count(b"{")
        assert inside <= count
        # Not many more either: those of the blocks at both ends.
        around = text[max(0, start - 1024) : end + 1024]
        assert count <= around.count(b"[") + around.count(b"{")


@given(st.lists(st.sampled_from([b"", b"x", b"line", b"y" * 9, b"\n", b"\0" * 50]), max_size=60))
def test_newlines_are_found_wherever_they_are(parts: list[bytes]) -> None:
    text = b"\n".join(parts)
    found = newlines_of(np.frombuffer(text, np.uint8), np.ones(4096, np.bool_))
    assert found.tolist() == [i for i, byte in enumerate(text) if byte == 10]
