"""What agents' own records say, as structs: the one place where the fields of ``records --format json`` are named.

``records.schema.json`` beside this file publishes the same contract for readers of other languages; a test holds the two
together.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.redact import Redactor
from t3lens.time import Micros, iso

if TYPE_CHECKING:
    from collections.abc import Iterable

    from t3lens.agents import AgentTurn, RecordMark
    from t3lens.ingest.records.read import ReadRecord

__all__ = [
    "RecordEntry",
    "RecordEvidenceEntry",
    "RecordTurnEntry",
    "records_document",
    "records_json_text",
    "records_schema",
]

_LONGEST_ERROR: Final = 2000


class RecordEvidenceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Where in a record something stands: a line of a file, or a row of a database."""

    what: str
    at: str | None
    line: int | None
    offset: int | None
    size: int | None
    table: str | None
    row: str | None


class RecordTurnEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One turn: what became of it, how sure that is, and what it rests on. Times are UTC, as ISO texts."""

    turn_id: str | None
    outcome: str
    confidence: str
    started_at: str | None
    ended_at: str | None
    kind: str
    error: str | None
    why: str
    retries: int
    steered_by: tuple[str, ...]
    inherited: bool
    void: bool
    evidence: tuple[RecordEvidenceEntry, ...]


class RecordEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One record of an agent, and its turns in their order."""

    provider: str
    path: str
    session_id: str | None
    builds: tuple[str, ...]
    cwd: str | None
    parent_session_id: str | None
    origin: str | None
    first_at: str | None
    last_at: str | None
    size: int
    lines: int
    unread: int
    torn_bytes: int
    error: str | None
    open_sub_agents: tuple[str, ...]
    notes: tuple[str, ...]
    turns: tuple[RecordTurnEntry, ...]


def records_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the document."""
    text = resources.files("t3lens.document").joinpath("records.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def records_document(records: Iterable[ReadRecord]) -> list[RecordEntry]:
    """Records as a document, without what anybody said, and with secrets masked; ids are keys, and stay.

    Args:
        records: The records as they were read.
    """
    redactor = Redactor()
    records = list(records)
    redactor.keep_keys(one.record.session_id for one in records)
    redactor.keep_keys(turn.turn_id for one in records for turn in one.record.turns)
    return [_record(read, redactor) for read in records]


def records_json_text(document: list[RecordEntry]) -> str:
    """The document as indented JSON."""
    return json.dumps(msgspec.to_builtins(document), indent=2, ensure_ascii=True) + "\n"


def _record(read: ReadRecord, redactor: Redactor) -> RecordEntry:
    record = read.record
    return RecordEntry(
        provider=record.provider,
        path=str(read.path),
        session_id=record.session_id,
        builds=tuple(redactor.text(build) for build in record.builds),
        cwd=record.cwd,
        parent_session_id=record.parent_id,
        origin=record.origin.value if record.origin is not None else None,
        first_at=_time(record.first_at),
        last_at=_time(record.last_at),
        size=read.size,
        lines=record.lines,
        unread=record.unread,
        torn_bytes=record.torn,
        error=_masked(read.error, redactor),
        open_sub_agents=tuple(read.open_sub_agents),
        notes=tuple(record.notes),
        turns=tuple(_turn(turn, redactor) for turn in record.turns),
    )


def _turn(turn: AgentTurn, redactor: Redactor) -> RecordTurnEntry:
    return RecordTurnEntry(
        turn_id=turn.turn_id,
        outcome=turn.outcome.value,
        confidence=turn.sureness.value,
        started_at=_time(turn.started_at),
        ended_at=_time(turn.ended_at),
        kind=turn.kind.value,
        error=_masked(turn.error, redactor),
        why=redactor.text(turn.why),
        retries=turn.retries,
        steered_by=tuple(redactor.text(prompt) for prompt in turn.steered_by),
        inherited=turn.inherited,
        void=turn.void,
        evidence=tuple(_mark(mark, redactor) for mark in turn.evidence),
    )


def _mark(mark: RecordMark, redactor: Redactor) -> RecordEvidenceEntry:
    return RecordEvidenceEntry(
        what=redactor.text(mark.what),
        at=_time(mark.at),
        line=mark.line,
        offset=mark.offset,
        size=mark.size,
        table=mark.table,
        row=mark.row,
    )


def _masked(text: str | None, redactor: Redactor) -> str | None:
    return None if text is None else redactor.text(text[:_LONGEST_ERROR])


def _time(at: Micros | None) -> str | None:
    return None if at is None else iso(at)
