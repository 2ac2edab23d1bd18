"""What agents' own records say, as JSON: a contract described by ``records.schema.json`` beside this file."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from t3lens.redact import Redactor
from t3lens.time import Micros, iso

if TYPE_CHECKING:
    from collections.abc import Iterable

    from t3lens.agents import AgentTurn, RecordMark
    from t3lens.ingest.records import ReadRecord

__all__ = ["RecordsDocument", "records_document", "records_json_text", "records_schema"]

RecordsDocument = list[dict[str, Any]]
"""One entry per record; ``records_schema()`` describes it."""

_LONGEST_ERROR: Final = 2000


def records_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the document."""
    text = resources.files("t3lens.document").joinpath("records.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def records_document(records: Iterable[ReadRecord]) -> RecordsDocument:
    """Records as plain JSON values, without what anybody said, and with secrets masked; ids are keys, and stay.

    Args:
        records: As read.
    """
    redactor = Redactor()
    records = list(records)
    redactor.keep_keys(one.record.session_id for one in records)
    redactor.keep_keys(turn.turn_id for one in records for turn in one.record.turns)
    return [_record(read, redactor) for read in records]


def records_json_text(document: RecordsDocument) -> str:
    """The document as indented JSON."""
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _record(read: ReadRecord, redactor: Redactor) -> dict[str, Any]:
    record = read.record
    return {
        "provider": record.provider,
        "path": str(read.path),
        "session_id": record.session_id,
        "builds": [redactor.text(build) for build in record.builds],
        "cwd": record.cwd,
        "parent_session_id": record.parent_id,
        "origin": record.origin.value if record.origin is not None else None,
        "first_at": _time(record.first_at),
        "last_at": _time(record.last_at),
        "size": read.size,
        "lines": record.lines,
        "unread": record.unread,
        "torn_bytes": record.torn,
        "error": _masked(read.error, redactor),
        "open_sub_agents": list(read.open_sub_agents),
        "notes": list(record.notes),
        "turns": [_turn(turn, redactor) for turn in record.turns],
    }


def _turn(turn: AgentTurn, redactor: Redactor) -> dict[str, Any]:
    return {
        "turn_id": turn.turn_id,
        "outcome": turn.outcome.value,
        "confidence": turn.sureness.value,
        "started_at": _time(turn.started_at),
        "ended_at": _time(turn.ended_at),
        "kind": turn.kind.value,
        "error": _masked(turn.error, redactor),
        "why": redactor.text(turn.why),
        "retries": turn.retries,
        "steered_by": [redactor.text(prompt) for prompt in turn.steered_by],
        "inherited": turn.inherited,
        "void": turn.void,
        "evidence": [_mark(mark, redactor) for mark in turn.evidence],
    }


def _mark(mark: RecordMark, redactor: Redactor) -> dict[str, Any]:
    return {
        "what": redactor.text(mark.what),
        "at": _time(mark.at),
        "line": mark.line,
        "offset": mark.offset,
        "size": mark.size,
        "table": mark.table,
        "row": mark.row,
    }


def _masked(text: str | None, redactor: Redactor) -> str | None:
    return None if text is None else redactor.text(text[:_LONGEST_ERROR])


def _time(at: Micros | None) -> str | None:
    return None if at is None else iso(at)
