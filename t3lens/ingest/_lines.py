"""One log line, exactly: the slow and careful reading that decides what a record is.

The bulk path only ever takes lines about which it agrees with this module; everything doubtful comes here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from t3lens.model.time import Micros, parse_iso

__all__ = ["LogRecord", "Rejected", "read_line", "redact"]

_PREFIX: Final = re.compile(
    rb"\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)\] ([A-Za-z][A-Za-z0-9_-]{0,31}): "
)
_BOM: Final = b"\xef\xbb\xbf"
_DEEPEST: Final = 500
_MOST_PIECES: Final = 64
_EXCERPT: Final = 200
_TRUNCATED: Final = re.compile(
    rb'\[truncated by t3, |"truncated":\s*true|"omittedCharacters":|"itemCount":\s*\d'
)

CANON_FIELDS: Final = {
    "eventId": "event_id",
    "provider": "provider",
    "providerInstanceId": "provider_instance_id",
    "threadId": "thread_id",
    "turnId": "turn_id",
    "itemId": "item_id",
    "requestId": "request_id",
    "type": "type",
}


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record of a provider log; offsets and length are the caller's to add to."""

    start: int
    end: int
    label: str
    logged_at: Micros
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Bytes that are no record, and why."""

    start: int
    end: int
    reason: str
    excerpt: str


_SECRET: Final = re.compile(
    r"(?i)\b(?:bearer\s+|basic\s+)[A-Za-z0-9._~+/=-]{6,}"
    r"|\b(?:sk|pk|ghp|gho|ghs|github_pat|xox[abprs]|AKIA|eyJ)[A-Za-z0-9_\-.]{8,}"
    r"|(?:token|secret|password|passwd|api[_-]?key|authorization|credential)"
    r"[\"']?\s*[:=]\s*[\"']?[^\s\"',}]{3,}"
)
_QUOTED: Final = re.compile(
    r'("(?:text|delta|content|prompt|message|detail|output|command)"\s*:\s*")[^"]*'
)


def redact(data: bytes) -> str:
    """A short, printable excerpt of rejected bytes without message texts and secrets."""
    text = data[: _EXCERPT * 4].decode("utf-8", "backslashreplace")
    text = _QUOTED.sub(r"\1…", text)
    text = _SECRET.sub("[redacted]", text)
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:_EXCERPT])
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"


class _NotARecord(Exception):
    pass


def _too_deep(data: bytes) -> bool:
    if data.count(b"[") + data.count(b"{") < _DEEPEST:
        return False
    depth = 0
    inside = escaped = False
    for byte in data:
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in b"[{":
            depth += 1
            if depth > _DEEPEST:
                return True
        elif byte in b"]}":
            depth -= 1
    return False


def _decode(data: bytes) -> Any:
    if _too_deep(data):
        raise _NotARecord("nested-too-deep")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _NotARecord("invalid-utf-8") from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _NotARecord("invalid-json") from None


def _clean(value: Any) -> str:
    """JSON text DuckDB accepts: lone surrogates become U+FFFD, they cannot be stored as text."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _text(value: Any) -> str | None:
    """A field that should be text: numbers and truth values as JSON writes them, nothing for null."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return _clean(value)


def _time(value: Any) -> Micros | None:
    if not isinstance(value, str):
        return None
    try:
        return parse_iso(value)
    except (ValueError, OverflowError):
        return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _native(body: dict[str, Any]) -> dict[str, Any]:
    wrapped = isinstance(body.get("event"), dict)
    event = body["event"] if wrapped else body
    known = {
        "id", "provider", "providerInstanceId", "threadId", "providerThreadId", "type", "method",
        "turnId", "itemId", "requestId", "payload", "createdAt",
    }  # fmt: skip
    extra = {k: v for k, v in event.items() if k not in known} if "payload" in event else {}
    if wrapped:
        extra.update({k: v for k, v in body.items() if k not in ("event", "observedAt")})
    payload = event.get("payload", event)
    return {
        "created_at": _time(event.get("createdAt", body.get("observedAt"))),
        "event_id": _text(event.get("id", _dict(payload).get("id"))),
        "type": _text(event.get("type", event.get("method"))),
        "thread_id": _text(event.get("threadId")),
        "turn_id": _text(event.get("turnId")),
        "item_id": _text(event.get("itemId")),
        "request_id": _text(event.get("requestId")),
        "provider": _text(event.get("provider")),
        "provider_instance_id": _text(event.get("providerInstanceId")),
        "provider_thread_id": _text(event.get("providerThreadId")),
        "payload": _clean(payload),
        "extra": _clean(extra) if extra else None,
    }


def _canonical(body: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {name: _text(body.get(key)) for key, name in CANON_FIELDS.items()}
    raw = _dict(body.get("raw"))
    known = {*CANON_FIELDS, "createdAt", "payload", "raw"}
    extra = {k: v for k, v in body.items() if k not in known}
    values |= {
        "created_at": _time(body.get("createdAt")),
        "provider_thread_id": _text(_dict(body.get("providerRefs")).get("providerThreadId")),
        "payload": _clean(body["payload"]) if "payload" in body else None,
        "extra": _clean(extra) if extra else None,
        "raw_source": _text(raw.get("source")),
        "raw_method": _text(raw.get("method")),
        "raw_event_id": _text(_dict(raw.get("payload")).get("id")),
    }
    return values


def _record(data: bytes, start: int, end: int) -> LogRecord:
    """The record that is exactly ``data[start:end]`` (line end and BOM included).

    Raises:
        _NotARecord: It is none; the message is the reason.
    """
    piece = data[start:end]
    if start == 0:
        piece = piece.removeprefix(_BOM)
    match = _PREFIX.match(piece)
    if match is None:
        if not piece.strip(b"\r\n \t"):
            raise _NotARecord("empty-line")
        raise _NotARecord("nul-bytes" if not piece.strip(b"\0\r\n") else "no-prefix")
    try:
        logged_at = parse_iso(match[1].decode())
    except ValueError:
        raise _NotARecord("no-time") from None
    body = _decode(piece[match.end() :])
    if not isinstance(body, dict):
        raise _NotARecord("not-an-object")
    label = match[2].decode()
    values = _native(body) if label == "NTIVE" else _canonical(body)
    values["truncated"] = _TRUNCATED.search(piece) is not None
    return LogRecord(start, end, label, logged_at, values)


def read_line(data: bytes) -> Iterator[LogRecord | Rejected]:
    """Take one physical line apart: the records in it and the bytes that are none, in order.

    Usually that is one record. A line that is none as a whole may hold several, glued by two writers,
    or behind the torn end of an earlier one or a run of NUL bytes: it is cut where a record begins.

    Args:
        data: The line with its newline.
    """
    try:
        yield _record(data, 0, len(data))
        return
    except _NotARecord as error:
        whole = str(error)
    starts = [m.start() for m in _PREFIX.finditer(data) if m.start() > 0][:_MOST_PIECES]
    position = 0
    while position < len(data):
        ends = [s for s in starts if s > position] + [len(data)]
        for end in ends:
            try:
                record = _record(data, position, end)
            except _NotARecord:
                continue
            yield record
            position = end
            break
        else:
            end = ends[0]
            yield Rejected(
                position,
                end,
                _reason(data, position, end, whole, alone=len(ends) == 1 and position == 0),
                redact(data[position:end]),
            )
            position = end


def _reason(data: bytes, start: int, end: int, whole: str, *, alone: bool) -> str:
    if alone:
        return whole
    try:
        _record(data, start, end)
    except _NotARecord as error:
        return "torn" if str(error) == "invalid-json" else str(error)
    return whole
