"""Log lines that no rule reads: of these the head alone is looked at. They are checked and counted, and not unpacked.

Most lines of a log only say that something goes on. A reader of JSON that skips what it is not asked for tells of every
line whether it is a record, of what type and of which thread, as the careful reader would: the last of two members of one
name counts. Where it cannot tell of all lines of a stretch, all of them are read as ever.

Of the lines of one kind, those are kept that answer what is asked of lines of any kind: the first and the last, and the
earliest and the latest by their time.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import count
from typing import Final

import msgspec
import numpy as np

from t3lens.ingest.arrow import is_utf_8
from t3lens.ingest.byte_forms import Bytes, Flags, Ints
from t3lens.ingest.needed import read_by
from t3lens.ingest.screen import WRAPPER, Screened
from t3lens.t3code.v1.log_grammar import CUT_MARKS, LABELS, OBSERVED_AT, PAYLOAD, RECORD_FIELDS, WRAPPED_EVENT
from t3lens.t3code.v2.log import PROTOCOL_MEMBER

__all__ = ["lines_passed_over"]

_TYPE, _METHOD = RECORD_FIELDS["type"]
_BLANK: Final = ord(" ")
_LEAST: Final = 500
"""Lines of a file, at once, that make looking at their heads worth while."""


class _LineHead(msgspec.Struct, gc=False):
    """What is looked at of a record. None may wrap an event otherwise than the server does, or a protocol's message."""

    type: str | None = msgspec.field(default=None, name=_TYPE)
    method: str | None = msgspec.field(default=None, name=_METHOD)
    thread_id: str | None = msgspec.field(default=None, name=RECORD_FIELDS["thread_id"][0])
    turn_id: str | None = msgspec.field(default=None, name=RECORD_FIELDS["turn_id"][0])
    payload: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name=PAYLOAD)
    event: None = msgspec.field(default=None, name=WRAPPED_EVENT)
    observed_at: None = msgspec.field(default=None, name=OBSERVED_AT)
    protocol: None = msgspec.field(default=None, name=PROTOCOL_MEMBER)


_heads: Final = msgspec.json.Decoder(_LineHead)
_MARKS: Final = tuple(mark.encode() for mark in CUT_MARKS)


def lines_passed_over(data: Bytes, lines: Screened, bounds: Ints) -> Flags:
    """Which of the sure lines need not be unpacked.

    Args:
        data: What was screened. What stands before and behind the JSON of a line, and all of a doubtful one, is lost.
        lines: What ``screen`` found in it.
        bounds: Where the lines of each file begin among the sure ones, and where the last end.
    """
    passed = np.zeros(len(lines.starts), np.bool_)
    if int(np.diff(bounds).max(initial=0)) < _LEAST:
        return passed
    heads = _heads_of(data, lines)
    if heads is None:
        return passed
    groups: defaultdict[tuple[str | None, str | None, bool], int] = defaultdict(count().__next__)
    # One comprehension, whose tuples are let go at once: thousands that are held would have to be gone through for cycles.
    codes = np.array(
        [
            groups[head.type if head.type is not None else head.method, head.thread_id, head.turn_id is None]
            for head in heads
        ],
        np.int32,
    )
    codes = codes * len(LABELS) + lines.labels
    told = [None if thread is None else read_by(label, kind) for kind, thread, _ in groups for label in LABELS]
    idle = np.array([words is not None for words in told], np.bool_)[codes]
    for code, words in enumerate(told):
        if words:
            marks = [word.encode() for word in words]
            for at in np.flatnonzero(codes == code).tolist():
                payload = bytes(heads[at].payload)
                idle[at] = not any(mark in payload for mark in marks)
    _leave_cut(idle, heads)
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        if stop - start >= _LEAST:
            of_file = np.where(idle[start:stop], codes[start:stop], -1)
            passed[start:stop] = of_file >= 0
            for code in np.unique(of_file[of_file >= 0]).tolist():
                at = start + np.flatnonzero(of_file == code)
                if len(at):
                    times = lines.times[at]
                    passed[at[[0, -1, int(times.argmin()), int(times.argmax())]]] = False
    return passed


def _heads_of(data: Bytes, lines: Screened) -> list[_LineHead] | None:
    """The head of each sure line; None if it cannot be told of all of them."""
    for start, stop, _ in lines.doubtful:
        data[start : stop - 1] = _BLANK
    before = lines.bodies - lines.starts
    for width in np.unique(before).tolist():
        _blank(data, lines.starts[before == width], width)
    bodies, lengths = lines.bodies[lines.wrapped], lines.body_lengths[lines.wrapped]
    _blank(data, bodies, WRAPPER)
    _blank(data, bodies + lengths - 1, 1)
    if not is_utf_8(data):
        return None
    try:
        # A line begins with a brace and ends with one, and between a closing and an opening brace a line may only end
        # where a value does: so as many values as lines are one value in each.
        heads = _heads.decode_lines(data.data)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return heads if len(heads) == len(lines.starts) else None


def _blank(data: Bytes, at: Ints, width: int) -> None:
    """Write blanks over as many bytes from each place on: each in one step, which is many times faster than byte by byte."""
    items = np.ndarray((len(data) - width + 1,), f"V{width}", buffer=data, strides=(1,))
    items[at] = np.void(b" " * width)


def _leave_cut(idle: Flags, heads: list[_LineHead]) -> None:
    """Do not pass over lines whose payload was cut short: they are counted."""
    at = np.flatnonzero(idle).tolist()
    payloads = b"\n".join([heads[one].payload for one in at])
    if any(mark in payloads for mark in _MARKS):
        for one in at:
            payload = bytes(heads[one].payload)
            idle[one] = not any(mark in payload for mark in _MARKS)
