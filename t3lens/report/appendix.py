"""The records a document points at, numbered in the order in which they are first mentioned."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.domain.finding import Evidence, EvidenceKind
from t3lens.redact import Redactor
from t3lens.t3code.v1.schema import (
    ORCHESTRATION_EVENTS,
    PROJECTION_THREAD_SESSIONS,
    PROJECTION_TURNS,
    PROVIDER_SESSION_RUNTIME,
)
from t3lens.time import Micros

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["Appendix", "Exhibit"]

_MOST: Final = 240
_LONGEST: Final = 6_000

_LOG: Final = """
SELECT f.path, e.line, e.byte_offset, e.event_id, e.type, epoch_us(e.logged_at), e.label, e.payload::VARCHAR, e.turn_id
FROM log_events AS e JOIN source_files AS f USING (home_id, file_id)
WHERE e.home_id = ? AND {}
ORDER BY e.label, e.file_order, f.path, e.line LIMIT 1
"""
_BY_LINE: Final = _LOG.format("f.path = ? AND e.line = ?")
_BY_EVENT: Final = _LOG.format("e.thread_id = ? AND e.event_id = ?")
_STORED: Final = """
SELECT sequence, event_id, event_type, epoch_us(occurred_at), command_id, payload::VARCHAR
FROM orchestration_events WHERE home_id = ? AND (event_id = ? OR sequence = ?)
ORDER BY event_id = ? DESC NULLS LAST, sequence LIMIT 1
"""
_SESSION: Final = "SELECT * FROM sessions WHERE home_id = ? AND thread_id = ?"
_TURN: Final = "SELECT * FROM turns WHERE home_id = ? AND row_id = try_cast(? AS BIGINT)"


class Exhibit(msgspec.Struct, frozen=True, kw_only=True):
    """One record, as the appendix shows it; texts are redacted, ``body`` is indented JSON or empty."""

    number: int
    kind: str
    place: str
    at: Micros | None
    event_id: str | None
    excerpt: str
    body: str


class Appendix:
    """Collects records while a document is made.

    Attributes:
        left_out: How many records found no room.
    """

    def __init__(self, store: Store, redactor: Redactor) -> None:
        self._store = store
        self._redactor = redactor
        self._numbers: dict[tuple[str, ...], int] = {}
        self._made: list[Exhibit] = []
        self.left_out = 0

    def exhibits(self) -> tuple[Exhibit, ...]:
        """All of them, by number."""
        return tuple(self._made)

    def evidence(self, home_id: str, thread_id: str, piece: Evidence, *, rebuilt: bool = False) -> int:
        """The number of a piece of evidence; 0 if there is no room for it.

        Args:
            home_id: Its home.
            thread_id: Its thread.
            piece: The evidence.
            rebuilt: Whether rows are as they were at a moment gone by: what the table holds now is another row.
        """
        if piece.kind is EvidenceKind.LOG and piece.line is not None:
            row = self._row(_BY_LINE, [home_id, piece.source, piece.line])
            if row is not None:
                return self._log(home_id, row, piece.excerpt)
        if piece.kind is EvidenceKind.EVENT:
            row = self._stored(home_id, piece.event_id, piece.key)
            if row is not None:
                return self._event(home_id, row, piece.excerpt)
        body = ""
        if piece.kind is EvidenceKind.ROW and not rebuilt:
            body = self._table_row(home_id, thread_id, piece)
        place = piece.source + (f", key {piece.key}" if piece.key else "")
        if piece.kind is EvidenceKind.RECORD and piece.line is not None:
            place += f":{piece.line}" + (f" (byte {piece.offset:,})" if piece.offset is not None else "")
        return self._add(
            ("other", home_id, place, piece.excerpt),
            kind=piece.kind.value,
            place=place,
            at=piece.at,
            event_id=piece.event_id,
            excerpt=piece.excerpt,
            body=body,
        )

    def event(self, home_id: str, thread_id: str, event_id: str) -> int:
        """The number of an event of the story, stored or logged; 0 if neither is found."""
        row = self._row(_BY_EVENT, [home_id, thread_id, event_id])
        if row is not None:
            return self._log(home_id, row, "")
        row = self._stored(home_id, event_id, None)
        return self._event(home_id, row, "") if row is not None else 0

    def _log(self, home_id: str, row: tuple[Any, ...], excerpt: str) -> int:
        path, line, offset, event_id, kind, logged_at, label, payload, turn_id = row
        return self._add(
            ("log", home_id, path, str(line)),
            kind="log",
            place=f"{path}:{line} (byte {offset:,})",
            at=logged_at,
            event_id=event_id,
            excerpt=excerpt or f"{label} {kind}" + (f" of turn {turn_id}" if turn_id else ""),
            body=self._body(payload, programs_say=str(kind).startswith("runtime.")),
        )

    def _event(self, home_id: str, row: tuple[Any, ...], excerpt: str) -> int:
        sequence, event_id, kind, occurred_at, command_id, payload = row
        return self._add(
            ("event", home_id, str(sequence)),
            kind="event",
            place=f"{ORCHESTRATION_EVENTS}, sequence {sequence}",
            at=occurred_at,
            event_id=event_id,
            excerpt=excerpt or f"{kind}, written by command {command_id}",
            body=self._body(payload),
        )

    def _add(self, key: tuple[str, ...], **said: Any) -> int:
        number = self._numbers.get(key)
        if number is not None:
            return number
        if len(self._made) >= _MOST:
            self.left_out += 1
            return 0
        number = self._numbers[key] = len(self._made) + 1
        said["excerpt"] = self._redactor.text(said["excerpt"])
        said["place"] = self._redactor.text(said["place"])
        self._made.append(Exhibit(number=number, **said))
        return number

    def _row(self, query: str, params: list[Any]) -> tuple[Any, ...] | None:
        with self._store.read() as con:
            rows = con.execute(query, params).fetchall()
        return rows[0] if rows else None

    def _stored(self, home_id: str, event_id: str | None, key: str | None) -> Any:
        sequence = int(key) if key is not None and key.isdigit() else None
        return self._row(_STORED, [home_id, event_id, sequence, event_id])

    def _table_row(self, home_id: str, thread_id: str, piece: Evidence) -> str:
        if piece.source in (PROJECTION_THREAD_SESSIONS, PROVIDER_SESSION_RUNTIME):
            query, params = _SESSION, [home_id, thread_id]
        elif piece.source == PROJECTION_TURNS and piece.key and piece.key.isdigit():
            query, params = _TURN, [home_id, piece.key]
        else:
            return ""
        rows = self._store.table(query, params).to_pylist()
        if not rows:
            return ""
        shown = {name: _readable(value) for name, value in rows[0].items() if value is not None and name != "home_id"}
        return self._indented(shown, programs_say=False)

    def _body(self, payload: str | None, *, programs_say: bool = False) -> str:
        if not payload:
            return ""
        try:
            value = json.loads(payload)
        except (ValueError, RecursionError):
            return self._redactor.said(payload, "text that is no JSON")
        return self._indented(value, programs_say=programs_say)

    def _indented(self, value: object, *, programs_say: bool) -> str:
        shown = self._redactor.record(value, programs_say=programs_say)
        text = json.dumps(shown, ensure_ascii=False, indent=1)
        if len(text) <= _LONGEST:
            return text
        return f"{text[:_LONGEST]}\n… {len(text) - _LONGEST:,} characters more"


def _readable(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
