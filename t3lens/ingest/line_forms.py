"""Log lines that no rule reads, known by their form: they are checked and counted, and not unpacked.

Most lines of a log only say that something goes on, and the server writes all of a kind alike: the same members in the
same order, ids of one length. So one of them is taken apart, and the others are known by their bytes: what stands before
the first long value, between it and the payload, and behind that, with ids left open. If the values are JSON, each by
itself, such a line is a record with the members of the one that was taken apart, none of them twice. A line of which that
cannot be told is read as ever.

Of each form those lines are kept that answer what is asked of lines of any kind: the last one, and the earliest and the
latest by their time.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from t3lens.ingest.byte_forms import Bytes, Flags, Ints, Words, words_at
from t3lens.ingest.lines import ESCAPED_ASCII, LogRecord, read_line
from t3lens.ingest.needed import read_by
from t3lens.ingest.screen import PassedOver, Screened, bodies_of
from t3lens.t3code.v1.log_grammar import (
    CREATED_AT,
    PAYLOAD,
    PROVIDER_REFS,
    RAW,
    RECORD_FIELDS,
    REFERENCES,
    TEXT_DELTA,
    USUAL_EXTRA,
)

__all__ = ["LineForms", "together"]

_LEAST: Final = 500
"""Lines of a file, at once, that make looking for forms worth while."""
_MOST: Final = 24
"""Forms looked for in one log,"""
_TRIES: Final = 8
"""lines taken apart for that at once,"""
_ALL_TRIES: Final = 32
"""and in all,"""
_FEW: Final = 0.02
"""and the share of lines of unknown form at which no more are looked for;"""
_MANY: Final = 0.3
"""at this one there are others again."""

_TEXT: Final = re.compile(rb'"[^"\\\x00-\x1f\x80-\xff]*"')
"""A text that stands in JSON as it is."""
_MEMBER: Final = re.compile(rb'[{,]"(\w+)":')
_MEMBERS: Final = rb'(?:,"\w+":' + _TEXT.pattern + rb")*"
_BETWEEN: Final = re.compile(_MEMBERS + rb',"' + PAYLOAD.encode() + rb'":')
_BEHIND: Final = re.compile(_MEMBERS + rb"\}")
_FLAT: Final = re.compile(rb'\{"\w+":' + _TEXT.pattern + _MEMBERS + rb"\}")

_NAMES: Final = frozenset(
    name.encode() for name in (*(name for names in RECORD_FIELDS.values() for name in names), CREATED_AT, *USUAL_EXTRA)
)
_LONG: Final = frozenset(name.encode() for name in (PAYLOAD, RAW, TEXT_DELTA))
"""Members whose values may be anything."""
_OPEN: Final = frozenset(
    name.encode()
    for column in ("event_id", "turn_id", "item_id")
    for name in (*RECORD_FIELDS[column], CREATED_AT, *REFERENCES)
)
"""Members whose values differ from line to line: nothing is asked of them but whether they are there."""
_KINDS: Final = frozenset(name.encode() for name in RECORD_FIELDS["type"])

_WORD: Final = 8
_ONES: Final = np.uint64(0x0101010101010101)
_HIGHS: Final = np.uint64(0x8080808080808080)
_QUOTES: Final = np.uint64(0x2222222222222222)
_SLASHES: Final = np.uint64(0x5C5C5C5C5C5C5C5C)
_BLANKS: Final = np.uint64(0x2020202020202020)

_json: Final = json.JSONDecoder()


def together(parts: list[PassedOver]) -> PassedOver:
    """The lines of several parts."""
    none = [np.empty(0, np.int64)]
    return PassedOver(
        np.concatenate([part.lines for part in parts] or none),
        np.concatenate([part.first for part in parts] or none),
        np.concatenate([part.first_lengths for part in parts] or none),
        np.concatenate([part.payloads for part in parts] or none),
        np.concatenate([part.payload_lengths for part in parts] or none),
    )


class _Pattern:
    """Given bytes with open places between them, in which any plain text may stand.

    Args:
        text: The bytes.
        left_open: Start and end of each open place.
        before: Any bytes before the text, so that both are whole words.
    """

    def __init__(self, text: bytes, left_open: list[tuple[int, int]], before: int = 0) -> None:
        self.words = -(-(before + len(text)) // _WORD)
        size = self.words * _WORD
        given, value, free = (np.zeros(size, np.uint8) for _ in range(3))
        given[before : before + len(text)] = 0xFF
        value[before : before + len(text)] = np.frombuffer(text, np.uint8)
        for start, end in left_open:
            given[start:end] = 0
            free[start:end] = 0x80
        self._given = given.view("<u8")
        self._value = value.view("<u8") & self._given
        self._columns = np.flatnonzero(free.view("<u8"))
        self._free = free.view("<u8")[self._columns]

    def fits(self, words: Words) -> Flags:
        """Which rows of ``words`` are like this."""
        good: Flags = ((words & self._given) == self._value).all(axis=1)
        if len(self._columns) and good.any():
            # The high bit of each byte that is no plain text; what carries into a neighbour comes from one that is none.
            text = words[:, self._columns]
            odd = text | (text - _BLANKS)
            for mark in (_QUOTES, _SLASHES):
                other = text ^ mark
                odd |= (other - _ONES) & ~other
            good &= ((odd & self._free) == 0).all(axis=1)
        return good


@dataclass(frozen=True, slots=True)
class _Form:
    """Lines of one kind.

    Attributes:
        label: Index of their label.
        head: What stands before the first long value,
        head_length: and how much that is.
        key: The last word of it.
        between: What stands between the first long value and the payload; None if that is the first.
        behind: What stands behind the payload,
        behind_length: and how much that is.
        text: Whether the first long value is a text, in which ``between`` cannot stand; in another it may.
        read_by: What stands in the payload of those that are read.
    """

    label: int
    head: _Pattern
    head_length: int
    key: np.uint64
    between: bytes | None
    behind: _Pattern
    behind_length: int
    text: bool
    read_by: tuple[bytes, ...]

    @property
    def least(self) -> int:
        """Bytes such a line has at least."""
        given = self.head_length + len(self.between or b"") + self.behind_length
        return max(given, self.head.words * _WORD, self.behind.words * _WORD) + 2

    def find(self, data: Bytes, buffer: bytearray, bodies: Ints, ends: Ints) -> PassedOver:
        """Those of some lines, none of them shorter than ``least``, that have this form; their places among these."""
        at = np.flatnonzero(words_at(data, bodies + (self.head_length - _WORD), 1)[:, 0] == self.key)
        if len(at):
            at = at[self.head.fits(words_at(data, bodies[at], self.head.words))]
        if len(at):
            room = self.behind.words
            at = at[self.behind.fits(words_at(data, ends[at] - room * _WORD, room))]
        first, until = bodies[at] + self.head_length, ends[at] - self.behind_length
        if self.read_by:
            for word in self.read_by:
                pieces = zip(first.tolist(), until.tolist(), strict=True)
                idle = np.array([buffer.find(word, a, b) < 0 for a, b in pieces], np.bool_)
                at, first, until = at[idle], first[idle], until[idle]
        if self.between is None:
            return PassedOver(at, first, until - first, first, np.zeros(len(at), np.int64))
        between, look = self.between, buffer.find if self.text else buffer.rfind
        found = np.array([look(between, a, b) for a, b in zip(first.tolist(), until.tolist(), strict=True)], np.int64)
        payloads = found + len(between)
        return PassedOver(at, first, found - first, payloads, until - payloads).of(found >= 0)


def _form_of(line: bytes, body: int, end: int, label: int) -> _Form | None:
    """The form of a line that no rule reads; None if it is read, or has none.

    Args:
        line: With its prefix and its line end.
        body: Where what is looked at begins: the record, or the event that it wraps.
        end: Where that ends.
        label: Index of its label.
    """
    names: list[bytes] = []
    left_open: list[tuple[int, int]] = []
    at = body
    while not names or names[-1] not in _LONG:
        member = _MEMBER.match(line, at)
        if member is None:
            return None
        names.append(member[1])
        at = member.end()
        if names[-1] in _LONG:
            break
        short = (_FLAT if names[-1] == PROVIDER_REFS.encode() else _TEXT).match(line, at)
        if short is None:
            return None
        inside = _MEMBER.finditer(line, at, short.end()) if short.re is _FLAT else [member]
        for one in inside:
            text = _TEXT.match(line, one.end())
            if text is not None and one[1] in _OPEN:
                left_open.append((text.start() + 1 - body, text.end() - 1 - body))
        at = short.end()
    head, between = line[body:at], None
    text_first = line[at : at + 1] == b'"'
    try:
        decoded = line.decode("latin-1")
        _, stop = _json.raw_decode(decoded, at)
        if names[-1] != PAYLOAD.encode():
            middle = _BETWEEN.match(line, stop)
            if middle is None:
                return None
            between = middle[0]
            names += [one[1] for one in _MEMBER.finditer(between)]
            _, stop = _json.raw_decode(decoded, middle.end())
    except (ValueError, RecursionError):
        return None
    behind = line[stop:end]
    if _BEHIND.fullmatch(behind) is None:
        return None
    names += [one[1] for one in _MEMBER.finditer(behind)]
    if len(set(names)) < len(names) or not _NAMES.union(_LONG).issuperset(names) or _KINDS.isdisjoint(names):
        return None
    records = list(read_line(line, first=False))
    record = records[0]
    if len(records) > 1 or not isinstance(record, LogRecord) or record.values["thread_id"] is None:
        return None
    words = read_by(record.label, record.values["type"])
    if words is None:
        return None
    before = -len(behind) % _WORD
    return _Form(
        label,
        _Pattern(head, left_open),
        len(head),
        np.frombuffer(head[-_WORD:], "<u8")[0],
        between,
        _Pattern(behind, [], before),
        len(behind),
        text_first,
        tuple(word.encode() for word in (*words, ESCAPED_ASCII)) if words else (),
    )


@dataclass(slots=True)
class LineForms:
    """The forms of the lines of one log, found while it is read."""

    _known: list[_Form] = field(default_factory=list)
    _tries: int = 0

    def passed_over(self, data: Bytes, buffer: bytearray, lines: Screened, start: int, stop: int) -> PassedOver:
        """Which lines need not be unpacked.

        Args:
            data: What was screened.
            buffer: The same bytes.
            lines: What ``screen`` found in it.
            start: The first of them that is of this log,
            stop: and behind the last.
        """
        if stop - start < _LEAST:
            return together([])
        bodies, lengths = bodies_of(lines, slice(start, stop))
        labels = lines.labels[start:stop]
        unknown = np.arange(stop - start)
        found: list[PassedOver] = []

        def look_for(form: _Form) -> None:
            nonlocal unknown
            at = unknown[(labels[unknown] == form.label) & (lengths[unknown] >= form.least)]
            of_form = form.find(data, buffer, bodies[at], bodies[at] + lengths[at])
            if not len(of_form.lines):
                return
            places = at[of_form.lines]
            rest = np.ones(stop - start, np.bool_)
            rest[places] = False
            unknown = unknown[rest[unknown]]
            times = lines.times[start + places]
            kept = np.ones(len(places), np.bool_)
            kept[[len(places) - 1, int(times.argmin()), int(times.argmax())]] = False
            found.append(
                PassedOver(
                    start + places, of_form.first, of_form.first_lengths, of_form.payloads, of_form.payload_lengths
                ).of(kept)
            )

        for form in self._known:
            look_for(form)
        for attempt in range(_TRIES):
            share = len(unknown) / (stop - start)
            if len(self._known) == _MOST or share <= _FEW or (self._tries > _ALL_TRIES and share < _MANY):
                break
            self._tries += 1
            at = int(unknown[attempt * len(unknown) // _TRIES])
            begin = int(lines.starts[start + at])
            line = data[begin : begin + int(lines.lengths[start + at])].tobytes()
            body = int(bodies[at]) - begin
            new = _form_of(line, body, body + int(lengths[at]), int(labels[at]))
            if new is not None:
                self._known.append(new)
                look_for(new)
        return together(found)


