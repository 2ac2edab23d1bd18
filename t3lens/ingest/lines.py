"""One log line, exactly: the slow and careful reading that decides what a record is.

The bulk path only ever takes lines about which it agrees with this module; everything doubtful comes here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from t3lens.redact.names import SAID_IN_FRAGMENTS, SECRET_STEMS
from t3lens.t3code.native import codex
from t3lens.t3code.v1.log_grammar import (
    CANONICAL,
    CREATED_AT,
    LINE_HEAD,
    METHOD,
    OBSERVED_AT,
    PAYLOAD,
    RAW,
    RECORD_FIELDS,
    WRAPPED_EVENT,
)
from t3lens.time import Micros, parse_iso

__all__ = [
    "DEEPEST",
    "LogRecord",
    "RejectedLine",
    "clean_json",
    "nested_too_deep",
    "read_line",
    "redact",
    "text_of",
    "utf_16",
]

_BOM: Final = b"\xef\xbb\xbf"
_UTF_16_MARKS: Final = {b"\xff\xfe": "utf-16le", b"\xfe\xff": "utf-16be"}
DEEPEST: Final = 500
"""Levels of nesting a record may have; real ones have a dozen, and readers of JSON recurse."""
_MOST_PIECES: Final = 64
_EXCERPT: Final = 200
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record of a provider log; offsets and length are the caller's to add to."""

    start: int
    end: int
    label: str
    logged_at: Micros
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """Bytes that are no record, and why."""

    start: int
    end: int
    reason: str
    excerpt: str


_SECRET: Final = re.compile(
    r"(?i)\b(?:bearer\s+|basic\s+)[A-Za-z0-9._~+/=-]{6,}"
    r"|\b(?:sk|pk|ghp|gho|ghs|github_pat|xox[abprs]|AKIA|eyJ)[A-Za-z0-9_\-.]{8,}"
    rf"|(?:{SECRET_STEMS})"
    r"[\"']?\s*[:=]\s*[\"']?[^\s\"',}]{3,}"
)
_QUOTED: Final = re.compile(rf'("(?:{"|".join(SAID_IN_FRAGMENTS)})"\s*:\s*")[^"]*')


def redact(data: bytes) -> str:
    """A short, printable excerpt of rejected bytes without message texts and secrets."""
    wide = utf_16(data)
    text = data[: _EXCERPT * 4].decode(wide or "utf-8", "replace" if wide else "backslashreplace")
    text = _QUOTED.sub(r"\1…", text)
    text = _SECRET.sub("[redacted]", text)
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:_EXCERPT])
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"


def utf_16(data: bytes) -> str | None:
    """The form of UTF-16 a text seems to be in, by its mark or by the zeros that stand beside ASCII; None for any other.

    Args:
        data: Its beginning, or one line of it as it stands between two newline bytes: of either form that begins with a
            zero, and reads as the one with the big end first.
    """
    for mark, name in _UTF_16_MARKS.items():
        if data.startswith(mark):
            return name
    head = data[: 4 * _EXCERPT]
    many, few = max(4, len(head) // 5), len(head) // 20
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd >= many and even <= few:
        return "utf-16le"
    return "utf-16be" if even >= many and odd <= few else None


class _NotARecord(Exception):
    pass


def nested_too_deep(body: bytes) -> bool:
    """Whether JSON nests deeper than ``DEEPEST``; brackets inside strings do not count."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return False
    import numpy as np

    bare = np.frombuffer(_STRING.sub(b"", body), np.uint8)
    opens = (bare == ord("[")) | (bare == ord("{"))
    closes = (bare == ord("]")) | (bare == ord("}"))
    depth = np.cumsum(opens.astype(np.int32) - closes.astype(np.int32))
    return bool(depth.max(initial=0) > DEEPEST)


def _decode(data: bytes) -> Any:
    if nested_too_deep(data):
        raise _NotARecord("nested-too-deep")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _NotARecord("invalid-utf-8") from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _NotARecord("invalid-json") from None


def clean_json(value: Any) -> str:
    """JSON text DuckDB accepts: lone surrogates become U+FFFD, they cannot be stored as text."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def text_of(value: Any) -> str | None:
    """A field that should be text: numbers and truth values as JSON writes them, nothing for null."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return clean_json(value)


def _time(value: Any) -> Micros | None:
    if not isinstance(value, str):
        return None
    try:
        return parse_iso(value)
    except (ValueError, OverflowError):
        return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


_KNOWN: Final = {name for names in RECORD_FIELDS.values() for name in names} | {CREATED_AT, PAYLOAD}
_OF_RECORD: Final = _KNOWN | {OBSERVED_AT, RAW, WRAPPED_EVENT}


def _values(label: str, body: dict[str, Any]) -> dict[str, Any]:
    """The columns of a record: of the object itself, else of the event a native record wraps."""
    event = _dict(body.get(WRAPPED_EVENT))
    values: dict[str, Any] = {}
    for column, names in RECORD_FIELDS.items():
        found = (place.get(name) for place in (body, event) for name in names)
        if column == "event_id":
            found = (place.get(name) for name in names for place in (body, event))
        values[column] = text_of(next((value for value in found if value is not None), None))
    created = body.get(CREATED_AT) or event.get(CREATED_AT) or body.get(OBSERVED_AT)
    payload = body.get(PAYLOAD)
    if payload is None:
        payload = event.get(PAYLOAD)
    method = _dict(payload).get(METHOD)
    if values["type"] is None and isinstance(method, str):
        values["type"] = text_of(method)
    extra: dict[str, Any] = {}
    if payload is not None or label == CANONICAL:
        extra = {k: v for k, v in event.items() if k not in _KNOWN}
        extra |= {k: v for k, v in body.items() if k not in _OF_RECORD}
    if payload is None and label != CANONICAL:
        payload = event or body
    raw = _dict(body.get(RAW))
    source = text_of(raw.get("source"))
    raw_id = _dict(raw.get("payload")).get("id")
    if source is not None and source.startswith(codex.RAW_SOURCE_PREFIX):
        raw_id = body.get("eventId")
    return values | {
        "created_at": _time(created),
        "payload": None if payload is None else clean_json(payload),
        "extra": clean_json(extra) if extra else None,
        "raw_source": source,
        "raw_method": text_of(raw.get("method")),
        "raw_event_id": text_of(raw_id),
    }


def _record(data: bytes, start: int, end: int, first: bool) -> LogRecord:
    """The record that is exactly ``data[start:end]`` (line end and BOM included).

    Raises:
        _NotARecord: It is none; the message is the reason.
    """
    piece = data[start:end]
    if first and start == 0:
        piece = piece.removeprefix(_BOM)
    match = LINE_HEAD.match(piece)
    if match is None:
        if not piece.strip(b"\r\n \t"):
            raise _NotARecord("empty-line")
        if not piece.strip(b"\0\r\n"):
            raise _NotARecord("nul-bytes")
        raise _NotARecord("utf-16" if utf_16(piece) else "no-prefix")
    try:
        logged_at = parse_iso(match[1].decode())
    except ValueError:
        raise _NotARecord("no-time") from None
    body = _decode(piece[match.end() :])
    if not isinstance(body, dict):
        raise _NotARecord("not-an-object")
    label = match[2].decode()
    return LogRecord(start, end, label, logged_at, _values(label, body))


def read_line(data: bytes, *, first: bool) -> Iterator[LogRecord | RejectedLine]:
    """Take one physical line apart: the records in it and the bytes that are none, in order.

    Usually that is one record. A line that is none as a whole may hold several, glued by two writers,
    or behind the torn end of an earlier one or a run of NUL bytes: it is cut where a record begins.

    Args:
        data: The line with its newline.
        first: Whether it is the first of its file (where a byte order mark may stand).
    """
    try:
        yield _record(data, 0, len(data), first)
        return
    except _NotARecord as error:
        whole = str(error)
    starts = [m.start() for m in LINE_HEAD.finditer(data) if m.start() > 0][:_MOST_PIECES]
    position = 0
    while position < len(data):
        ends = [s for s in starts if s > position] + [len(data)]
        for end in ends:
            try:
                record = _record(data, position, end, first)
            except _NotARecord:
                continue
            yield record
            position = end
            break
        else:
            end = ends[0]
            yield RejectedLine(
                position,
                end,
                _reason(data, position, end, whole, first, alone=len(ends) == 1 and position == 0),
                redact(data[position:end]),
            )
            position = end


def _reason(data: bytes, start: int, end: int, whole: str, first: bool, *, alone: bool) -> str:
    if alone:
        return whole
    try:
        _record(data, start, end, first)
    except _NotARecord as error:
        return "torn" if str(error) == "invalid-json" else str(error)
    return whole
