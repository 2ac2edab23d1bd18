"""OpenCode: the tables ``session``, ``message`` and ``part`` of ``opencode.db``.

Seen with 1.18.33 (storage of 1.15.13). A turn is one user message and all assistant messages that name it as their
parent, one per step. ``time.completed`` is set on failed and aborted messages too. A killed turn stays open for ever;
an open message older than one that was answered is wreckage. A prompt sent while a tool runs takes the turn over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from t3lens.agents.builds import newer_build
from t3lens.agents.draft import Draft, settled
from t3lens.agents.places import OPENCODE
from t3lens.agents.record import AgentRecord, RecordMark, SessionOrigin, Sureness, TurnKind, TurnOutcome
from t3lens.agents.values import (
    JsonObject,
    as_object,
    as_text,
    first_text,
    json_object,
    millis,
)
from t3lens.time import SECOND, Micros

__all__ = ["MessageRow", "OpenCodeSession", "PartRow", "reduce_session"]

_TOOLS: Final = "tool-calls"
_UNSURE_FINISH: Final = frozenset({"unknown", "other", "error"})
_ABORTED: Final = "MessageAbortedError"
_REJECTED: Final = "rejected"
_STRAYED: Final = "an answer after its prompt is to a prompt that is not there: its end may be that of another turn"
_SLACK: Final = SECOND
"""A prompt this long after a step's end was still sent while the step was on its way."""


@dataclass(frozen=True, slots=True)
class OpenCodeSession:
    """A row of ``session``; times in milliseconds as stored."""

    id: str
    parent_id: str | None
    directory: str | None
    version: str | None
    time_created: int | None
    revert: str | None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A row of ``message``; ``data`` as stored, JSON."""

    id: str
    time_created: int | None
    data: str


@dataclass(frozen=True, slots=True)
class PartRow:
    """A row of ``part``; ``data`` as stored, JSON."""

    id: str
    message_id: str
    data: str


@dataclass(slots=True)
class _OpenCodeMessage:
    row: MessageRow
    data: JsonObject
    parts_of: Callable[[str], Sequence[PartRow]]

    def parts(self) -> list[tuple[str, JsonObject]]:
        """Ids and contents of its parts; what is no JSON object is left out."""
        rows = self.parts_of(self.row.id)
        decoded = ((row.id, json_object(row.data)) for row in rows)
        return [(part_id, data) for part_id, data in decoded if data is not None]

    @property
    def created(self) -> Micros | None:
        return millis(as_object(self.data.get("time")).get("created")) or millis(self.row.time_created)

    @property
    def completed(self) -> Micros | None:
        return millis(as_object(self.data.get("time")).get("completed"))

    def mark(self, at: Micros | None) -> RecordMark:
        return RecordMark(f"message/{self.data.get('role') or '?'}", at, table="message", row=self.row.id)


@dataclass(slots=True)
class _OpenCodeTurn(Draft):
    prompt: _OpenCodeMessage | None = None
    steps: list[_OpenCodeMessage] = field(default_factory=list)
    strayed: bool = False


def reduce_session(
    session: OpenCodeSession,
    messages: Sequence[MessageRow],
    parts_of: Callable[[str], Sequence[PartRow]],
) -> AgentRecord:
    """What one session's rows come to.

    Args:
        session: The session.
        messages: Its messages by ``time_created, id``.
        parts_of: The parts of a message by ``time_created, id``. Asked for only where they tell something:
            tool output is most of a database, and says nothing here.
    """
    unread = 0
    known: list[_OpenCodeMessage] = []
    for row in messages:
        data = json_object(row.data)
        unread += data is None
        if data is not None:
            known.append(_OpenCodeMessage(row, data, parts_of))
    turns = _turns(known)
    created = millis(session.time_created)
    for place, turn in enumerate(turns):
        turn.inherited = created is not None and (turn.started_at or created) < created
        turn.takes_over |= turn.kind is TurnKind.CONTINUATION
        _judge(turn, turns[:place], turns[place + 1 :])
        if turn.strayed and turn.outcome is not None and not turn.inherited:
            turn.sureness, turn.why = Sureness.LOW, _STRAYED
    _revert(turns, session.revert)
    times = [t for m in known for t in (m.created, m.completed) if t is not None]
    forked = any(turn.inherited for turn in turns)
    newer = newer_build(OPENCODE, [session.version] if session.version else [])
    return AgentRecord(
        provider="opencode",
        session_id=session.id,
        builds=(session.version,) if session.version else (),
        cwd=session.directory,
        parent_id=session.parent_id,
        origin=SessionOrigin.SUB_AGENT if session.parent_id else SessionOrigin.FORK if forked else None,
        first_at=min(times, default=created),
        last_at=max(times, default=created),
        lines=len(messages),
        unread=unread,
        torn=0,
        turns=settled(turns),
        notes=() if newer is None else (f"written by build {newer}, which is newer than those that are known here",),
    )


def _turns(messages: list[_OpenCodeMessage]) -> list[_OpenCodeTurn]:
    turns: list[_OpenCodeTurn] = []
    by_prompt: dict[str, _OpenCodeTurn] = {}
    for message in messages:
        if message.data.get("role") == "user":
            turn = _OpenCodeTurn(
                message.mark(message.created),
                message.row.id,
                kind=_kind(message),
                started_at=message.created,
                doing="waiting for the model",
                prompt=message,
            )
            turns.append(turn)
            by_prompt[message.row.id] = turn
    by_time = iter(turns)
    latest: _OpenCodeTurn | None = None
    coming = next(by_time, None)
    for message in messages:
        if coming is not None and message is coming.prompt:
            latest, coming = coming, next(by_time, None)
        elif message.data.get("role") == "assistant":
            parent = as_text(message.data.get("parentID"))
            owner = by_prompt.get(parent or "", latest)
            if owner is not None:
                owner.steps.append(message)
                owner.strayed |= parent is not None and parent not in by_prompt
    return turns


def _kind(message: _OpenCodeMessage) -> TurnKind:
    parts = message.parts()
    kinds = [part.get("type") for _, part in parts]
    if "compaction" in kinds:
        return TurnKind.COMPACTION
    texts = [part for _, part in parts if part.get("type") == "text"]
    if texts and all(part.get("synthetic") is True for part in texts):
        return TurnKind.CONTINUATION
    return TurnKind.PROMPT


def _judge(turn: _OpenCodeTurn, earlier: Sequence[_OpenCodeTurn], later: Sequence[_OpenCodeTurn]) -> None:
    """Give the turn its end, if its newest step has one."""
    if not turn.steps:
        _judge_unanswered(turn, earlier, later)
        return
    step = turn.steps[-1]
    turn.last = step.mark(step.created)
    end = step.mark(step.completed)
    error = as_object(step.data.get("error"))
    finish = as_text(step.data.get("finish"))
    if error.get("name") == _ABORTED:
        turn.ends(TurnOutcome.ABORTED, end)
    elif error:
        turn.ends(TurnOutcome.FAILED, end, error=_error_text(error))
    elif step.completed is None:
        turn.doing = _activity_of(step)
        _judge_open(turn, later)
    elif finish is None:
        turn.ends(
            TurnOutcome.ABORTED,
            end,
            sureness=Sureness.MEDIUM,
            why="it was completed without an answer and without an error, "
            "as it is when it is stopped while it waits for a retry",
        )
    elif finish != _TOOLS:
        unsure = finish in _UNSURE_FINISH
        turn.ends(
            TurnOutcome.FINISHED,
            end,
            sureness=Sureness.MEDIUM if unsure else Sureness.HIGH,
            why=f"the model stopped for the reason {finish}" if unsure else "",
        )
    elif (rejected := _rejected(step)) is not None:
        turn.ends(TurnOutcome.FINISHED, end, why="a permission was rejected, which ended the turn there")
        turn.last, turn.end = (
            end,
            RecordMark(f"part/tool {_REJECTED}", end.at, table="part", row=rejected),
        )
    elif later or not _tool_failed(step):
        turn.doing = "between two steps"
        _judge_between(turn, step.completed, later)
    else:
        turn.outcome, turn.sureness = TurnOutcome.OPEN, Sureness.LOW
        turn.why = "its newest step ended with a tool in an error, which may have ended the turn or not"


def _judge_between(turn: _OpenCodeTurn, completed: Micros, later: Sequence[_OpenCodeTurn]) -> None:
    """Its newest step called tools and is complete: the next step bears the prompt that came meanwhile."""
    if not later:
        return
    after = later[0]
    came = after.started_at
    if after.kind is not TurnKind.PROMPT or (came is not None and came <= completed + _SLACK):
        after.takes_over = True
    else:
        turn.sureness = Sureness.LOW if _tool_failed(turn.steps[-1]) else Sureness.MEDIUM
        turn.why = "its newest step called tools, and nothing came of it before the later prompt"


def _judge_open(turn: _OpenCodeTurn, later: Sequence[_OpenCodeTurn]) -> None:
    """No end: wreckage once a later prompt is being answered, unclear while that one waits."""
    if later and not any(after.steps for after in later):
        turn.outcome, turn.sureness = TurnOutcome.OPEN, Sureness.MEDIUM
        turn.why = (
            "no end is recorded, and nothing has answered the later prompt yet: that one waits for it, or came after it died"
        )


def _judge_unanswered(turn: _OpenCodeTurn, earlier: Sequence[_OpenCodeTurn], later: Sequence[_OpenCodeTurn]) -> None:
    """A prompt without a step: it waits, or the answer to a later one is its answer too, or it was lost."""
    turn.doing = "waiting for its first step"
    before = next((past.steps[-1] for past in reversed(earlier) if past.steps), None)
    free_at = before.completed if before is not None else None
    waited = free_at is not None and turn.started_at is not None and turn.started_at < free_at
    if later and waited:
        later[0].takes_over = True
    else:
        _judge_open(turn, later)


def _rejected(step: _OpenCodeMessage) -> str | None:
    """The tool part that says a person rejected what it asked for."""
    for part_id, part in step.parts():
        state = as_object(part.get("state"))
        if part.get("type") == "tool" and state.get("status") == "error":
            said = as_text(state.get("error")) or ""
            if _REJECTED in said.lower():
                return part_id
    return None


def _tool_failed(step: _OpenCodeMessage) -> bool:
    tools = [part for _, part in step.parts() if part.get("type") == "tool"]
    return any(as_object(part.get("state")).get("status") == "error" for part in tools)


def _activity_of(step: _OpenCodeMessage) -> str:
    parts = step.parts()
    tools = [
        part
        for _, part in parts
        if part.get("type") == "tool" and as_object(part.get("state")).get("status") in ("running", "pending")
    ]
    if tools:
        return "in a tool call, which runs or waits for permission"
    if any(part.get("type") in ("text", "reasoning") for _, part in parts):
        return "in an answer"
    return "waiting for the model, or for a retry"


def _error_text(error: JsonObject) -> str:
    data = as_object(error.get("data"))
    message = first_text(data.get("message"), error.get("message"))
    name = first_text(error.get("name"), "error") or "error"
    status = data.get("statusCode")
    code = f" {status}" if isinstance(status, int) and not isinstance(status, bool) else ""
    return f"{name}{code}: {message}" if message else f"{name}{code}"


def _revert(turns: Sequence[_OpenCodeTurn], revert: str | None) -> None:
    """What was reverted stays in the tables until the next prompt, but counts no more."""
    point = as_text((json_object(revert) or {}).get("messageID")) if revert else None
    for turn in turns:
        turn.void = point is not None and turn.turn_id is not None and turn.turn_id >= point
