"""Codex: the rollout ``sessions/YYYY/MM/DD/rollout-<local time>-<thread uuid>.jsonl``.

Seen with 0.128.0 to 0.171.0. A turn begins with ``task_started`` and ends with ``task_complete`` (failed ones
too) or ``turn_aborted`` (from 0.156 also when the program is shut down). A killed one gets no end, ever. One file
can hold lines of several builds, so what a build can do is judged by what stands in the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final
from uuid import UUID

from t3lens.agents.draft import Draft
from t3lens.agents.lines import LineRecord
from t3lens.agents.record import AgentRecord, RecordMark, SessionOrigin, Sureness, TurnKind, TurnOutcome
from t3lens.agents.values import (
    JsonObject,
    as_object,
    as_text,
    first_text,
    json_object,
    millis,
    stamp,
    version_at_least,
)
from t3lens.time import SECOND, Micros

__all__ = ["MADE_OF", "CodexRollout"]

_HEAD: Final = re.compile(
    rb'\{"timestamp":"([0-9TZ:.+-]{1,40})",(?:"ordinal":(\d{1,18}),)?'
    rb'"type":"(\w{1,60}"(?:,"payload":\{"type":"\w{1,60}")?)'
).match
"""Time, number and kind of a line as all builds write it; the kind with that of the payload, if that comes first."""

_ITEM: Final = re.compile(rb'"item":\{"type":"(\w{1,60})"')
_ROLE: Final = re.compile(rb'"role":"(\w{1,20})"')
_GLANCE: Final = 1200

_ERRORS_SINCE: Final = (0, 146)
_SHUTDOWN_SINCE: Final = (0, 156)


class _Sign(Enum):
    """What a kind of line means to us; kinds that mean nothing have none."""

    META = auto()
    STARTED = auto()
    COMPLETE = auto()
    ABORTED = auto()
    ROLLED_BACK = auto()
    MESSAGE = auto()
    ITEM = auto()
    PROMPT = auto()
    ANSWER = auto()
    CALL = auto()
    RESULT = auto()
    COMPACTED = auto()
    SINCE_146 = auto()
    SINCE_156 = auto()
    SETTINGS = auto()


_SIGNS: Final = {
    b"session_meta": _Sign.META,
    b"compacted": _Sign.COMPACTED,
    b"world_state": _Sign.SINCE_146,
    b"token_usage_record": _Sign.SINCE_156,
}
"""By a line's own ``type``."""

_INNER_SIGNS: Final = {
    b"event_msg": {
        b"task_started": _Sign.STARTED,
        b"turn_started": _Sign.STARTED,
        b"task_complete": _Sign.COMPLETE,
        b"turn_complete": _Sign.COMPLETE,
        b"turn_aborted": _Sign.ABORTED,
        b"thread_rolled_back": _Sign.ROLLED_BACK,
        b"item_completed": _Sign.ITEM,
        b"user_message": _Sign.PROMPT,
        b"agent_message": _Sign.ANSWER,
        b"context_compacted": _Sign.COMPACTED,
        b"thread_settings_applied": _Sign.SETTINGS,
    },
    b"response_item": {
        b"message": _Sign.MESSAGE,
        b"function_call": _Sign.CALL,
        b"custom_tool_call": _Sign.CALL,
        b"local_shell_call": _Sign.CALL,
        b"function_call_output": _Sign.RESULT,
        b"custom_tool_call_output": _Sign.RESULT,
    },
}
"""By the ``type`` of the payload, for the two kinds of line whose payload has one."""

_ITEM_SIGNS: Final = {
    b"UserMessage": _Sign.PROMPT,
    b"AgentMessage": _Sign.ANSWER,
    b"ContextCompaction": _Sign.COMPACTED,
}

_ASIDE: Final = frozenset({b"turn_context", b"event_msg", b"response_item"})
_ASIDE_EVENTS: Final = frozenset({
    b"token_count", b"item_started", b"agent_reasoning", b"agent_reasoning_raw_content",
    b"agent_reasoning_section_break", b"turn_diff", b"plan_update", b"error", b"stream_error", b"warning",
    b"background_event", b"exec_command_begin", b"exec_command_end", b"patch_apply_begin", b"patch_apply_end",
    b"mcp_tool_call_begin", b"mcp_tool_call_end", b"web_search_begin", b"web_search_end", b"view_image_tool_call",
    b"entered_review_mode", b"exited_review_mode", b"thread_name_updated",
})  # fmt: skip
"""Further types of lines and of events that are no end of a turn. One that is not known may be one in a newer build."""

_PARSED: Final = frozenset({_Sign.META, _Sign.STARTED, _Sign.COMPLETE, _Sign.ABORTED, _Sign.ROLLED_BACK})


@dataclass(slots=True)
class _CodexTurn(Draft):
    prompts: int = 0
    answered: bool = False
    compacted: bool = False
    open_calls: int = 0
    explicit_id: bool = True


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of line: its name, what it means to us, and whether its first bytes tell enough."""

    what: str
    sign: _Sign | None
    parsed: bool
    strange: bool = False


_UNKNOWN: Final = _Kind("", None, True)

_Tail = tuple[_Kind, bytes, int, int, int]
"""Kind, time as it stands, line, offset and size: what a mark is made of, if anybody asks for one."""


def _mark(tail: _Tail) -> RecordMark:
    kind, at, line, offset, size = tail
    return RecordMark(kind.what, stamp(at.decode("utf-8", "replace")), line=line, offset=offset, size=size)


class CodexRollout(LineRecord):
    """Reduces the lines of one rollout."""

    provider = "codex"
    ends_are_named = True

    def __init__(self) -> None:
        super().__init__()
        self._turns: list[_CodexTurn] = []
        self._by_id: dict[str, _CodexTurn] = {}
        self._created_at: Micros | None = None
        self._has_meta = False
        self._holds_parent = False
        self._records_errors = False
        self._aborts_at_shutdown = False
        self._tail: _Tail | None = None
        self._newest: bytes = b""
        self._ordinal: int | None = None
        self._gaps = 0
        self._kinds: dict[bytes, _Kind] = {}

    def result(self) -> AgentRecord:
        """What was read."""
        self._close_newest()
        self._seen(stamp(self._newest.decode("utf-8", "replace")))
        self.drafts = list(self._turns)
        if self._gaps:
            self.notes.append(
                f"its lines are numbered, and {self._gaps} of the numbers do not follow on: lines were lost or taken out"
            )
        return super().result()

    # --- one line ----------------------------------------------------------------------------------

    def feed(self, line: int, offset: int, raw: bytes) -> None:
        """Take one complete line; most are told by their first bytes and never parsed."""
        head = _HEAD(raw)
        if head is None:
            super().feed(line, offset, raw)
            return
        at, ordinal, words = head.groups()
        kind = self._kinds.get(words)
        if kind is None:
            kind = self._kinds[words] = _kind_of(*_names(words))
        if kind is _UNKNOWN:
            super().feed(line, offset, raw)
            return
        self._lines += 1
        self._at_line, self._at_offset = line, offset
        if kind.parsed:
            self._take(line, offset, raw)
            return
        self._note_line(at, None if ordinal is None else int(ordinal))
        if kind.sign is not None:
            self._glance(kind.sign, raw)
        elif kind.strange:
            self._strange.append(line)
        if kind.sign is not _Sign.SETTINGS:
            self._tail = (kind, at, line, offset, len(raw))

    def _take(self, line: int, offset: int, raw: bytes) -> None:
        value = self._parsed(raw)
        if value is None:
            return
        payload = as_object(value.get("payload"))
        at, number = _bytes(value.get("timestamp")), value.get("ordinal")
        kind = _kind_of(_bytes(value.get("type")), _bytes(payload.get("type")))
        self._note_line(at, number if isinstance(number, int) else None)
        if kind.sign in _PARSED:
            mark = self.mark(kind.what, stamp(value.get("timestamp")), line, offset, raw)
            self._note(kind.sign, payload, mark)
            return
        if kind.sign is not None:
            self._glance(kind.sign, raw)
        elif kind.strange:
            self._strange.append(line)
        if kind.sign is not _Sign.SETTINGS:
            self._tail = (kind, at, line, offset, len(raw))

    def _note_line(self, at: bytes, ordinal: int | None) -> None:
        """Note a line's time and number."""
        if not self._newest:
            self._seen(stamp(at.decode("utf-8", "replace")))
        self._newest = at
        if ordinal is not None:
            if self._ordinal is not None and ordinal != self._ordinal + 1:
                self._gaps += 1
                self._holes.append(self._at_line)
            self._ordinal = ordinal
            self._records_errors = self._aborts_at_shutdown = True

    def _glance(self, sign: _Sign, raw: bytes) -> None:
        """Note a line that its first bytes tell enough of."""
        if sign is _Sign.SINCE_146 or sign is _Sign.SINCE_156:
            self._records_errors = True
            self._aborts_at_shutdown |= sign is _Sign.SINCE_156
            return
        turn = self._turns[-1] if self._turns else None
        if turn is None or turn.outcome is not None:
            return
        if sign is _Sign.ITEM:
            self._records_errors = self._aborts_at_shutdown = True
            item = _ITEM.search(raw, 0, _GLANCE)
            name = item[1] if item else _item_type(raw)
            found = _ITEM_SIGNS.get(name)
            if found is None:
                return
            sign = found
        elif sign is _Sign.MESSAGE:
            role = _ROLE.search(raw, 0, _GLANCE)
            if role is None or role[1] != b"assistant":
                return
            sign = _Sign.ANSWER
        if sign is _Sign.PROMPT:
            turn.prompts += 1
            if turn.prompts > 1:
                prompt = _prompt_id(raw)
                if prompt is not None:
                    turn.steered_by.append(prompt)
        elif sign is _Sign.ANSWER:
            turn.answered = True
        elif sign is _Sign.COMPACTED:
            turn.compacted = True
        elif sign is _Sign.CALL:
            turn.open_calls += 1
        elif sign is _Sign.RESULT:
            turn.open_calls -= 1

    # --- lines that were parsed --------------------------------------------------------------------

    def _note(self, sign: _Sign, payload: JsonObject, mark: RecordMark) -> None:
        if sign is _Sign.META:
            self._meta(payload)
        elif sign is _Sign.STARTED:
            self._start(payload, mark)
        elif sign is _Sign.COMPLETE:
            self._complete(payload, mark)
        elif sign is _Sign.ABORTED:
            self._abort(payload, mark)
        else:
            self._roll_back(payload)

    def _meta(self, payload: JsonObject) -> None:
        thread = first_text(payload.get("id"), payload.get("session_id"))
        build = as_text(payload.get("cli_version"))
        if self._has_meta:
            # A fork before 0.156 holds its parent's first line and all that came after it.
            self._holds_parent |= thread != self.session_id
            return
        self._has_meta = True
        self.session_id = thread
        self.cwd = as_text(payload.get("cwd"))
        self._created_at = stamp(payload.get("timestamp"))
        self._seen(self._created_at, build)
        self._records_errors |= version_at_least(build, *_ERRORS_SINCE)
        self._aborts_at_shutdown |= version_at_least(build, *_SHUTDOWN_SINCE)
        self.parent_id = as_text(payload.get("forked_from_id"))
        if self.parent_id is not None:
            self.origin = SessionOrigin.FORK
        source = as_object(payload.get("source"))
        if "subagent" in source or "subAgent" in source:
            self.origin = SessionOrigin.SUB_AGENT
            self.parent_id = _parent_thread(source) or self.parent_id

    def _start(self, payload: JsonObject, mark: RecordMark) -> None:
        self._close_newest()
        turn_id = as_text(payload.get("turn_id"))
        turn = _CodexTurn(mark, turn_id, started_at=mark.at)
        began = _began(turn_id, payload.get("started_at"))
        if self._holds_parent and began is not None and self._created_at is not None:
            turn.inherited = began < self._created_at
            if turn.inherited:
                turn.started_at = began  # the line bears the time of the copy
        self._turns.append(turn)
        if turn_id is not None:
            self._by_id[turn_id] = turn
        self._tail = None

    def _close_newest(self) -> None:
        """Before the next turn, or at the end: what the newest one was doing, if it has no end."""
        turn = self._turns[-1] if self._turns else None
        if turn is None or turn.outcome is not None:
            return
        turn.last = _mark(self._tail) if self._tail else None
        turn.kind = _kind(turn)
        if turn.open_calls > 0:
            turn.doing = "in a tool call, which runs or waits for approval"
        else:
            turn.doing = "waiting for the model"

    def _ended(self, payload: JsonObject) -> _CodexTurn | None:
        turn_id = as_text(payload.get("turn_id"))
        if turn_id is not None:
            return self._by_id.get(turn_id)
        return self._turns[-1] if self._turns else None

    def _complete(self, payload: JsonObject, mark: RecordMark) -> None:
        error = payload.get("error")
        self._records_errors |= error is not None
        self._understood()
        turn = self._ended(payload)
        if turn is None:
            return
        turn.kind = _kind(turn)
        if error is not None:
            turn.ends(TurnOutcome.FAILED, mark, error=_error_text(error))
        elif as_text(payload.get("last_agent_message")) or turn.answered or turn.kind is TurnKind.COMPACTION:
            turn.ends(TurnOutcome.FINISHED, mark)
        elif self._records_errors:
            turn.ends(
                TurnOutcome.FINISHED,
                mark,
                sureness=Sureness.MEDIUM,
                why="it ended without an error and without an answer",
            )
        else:
            turn.ends(
                TurnOutcome.FAILED,
                mark,
                sureness=Sureness.LOW,
                why="builds before 0.146 mark failed turns as complete and record no error; this one has no answer",
            )
        self._end_of_copy(turn, payload)

    def _abort(self, payload: JsonObject, mark: RecordMark) -> None:
        self._understood()
        turn = self._ended(payload)
        if turn is None:
            return
        turn.kind = _kind(turn)
        reason = as_text(payload.get("reason"))
        why = f"the reason it gives is {reason[:60]}" if reason and reason != "interrupted" else ""
        if self._aborts_at_shutdown and not why:
            why = "from 0.156 on a shutdown is recorded word for word as a person's interrupt"
        turn.ends(TurnOutcome.ABORTED, mark, sureness=Sureness.MEDIUM if why else Sureness.HIGH, why=why)
        self._end_of_copy(turn, payload)

    @staticmethod
    def _end_of_copy(turn: _CodexTurn, payload: JsonObject) -> None:
        if turn.inherited:
            turn.ended_at = _seconds(payload.get("completed_at"))

    def _roll_back(self, payload: JsonObject) -> None:
        """The last prompts are taken back, with all that came after the first of them."""
        count = payload.get("num_turns")
        if not isinstance(count, int) or isinstance(count, bool) or count <= 0:
            return
        for turn in reversed(self._turns):
            if turn.void:
                continue
            turn.void = True
            count -= _kind(turn) is TurnKind.PROMPT
            if count <= 0:
                break


def _names(words: bytes) -> tuple[bytes, bytes]:
    """The type of a line and that of its payload, as they stand in its head."""
    kind, _, inner = words.partition(b'","payload":{"type":"')
    return kind.rstrip(b'"'), inner.rstrip(b'"')


def _kind_of(kind: bytes, inner: bytes) -> _Kind:
    inner_signs = _INNER_SIGNS.get(kind)
    if inner_signs is None:
        sign = _SIGNS.get(kind)
        return _Kind(kind.decode("utf-8", "replace"), sign, sign in _PARSED, sign is None and kind not in _ASIDE)
    if not inner:
        return _UNKNOWN  # the payload's type does not come first; the line has to be parsed
    sign = inner_signs.get(inner)
    strange = sign is None and kind == b"event_msg" and inner not in _ASIDE_EVENTS
    return _Kind(inner.decode("utf-8", "replace"), sign, sign in _PARSED, strange)


def _bytes(value: object) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else b""


def _item_type(raw: bytes) -> bytes:
    """The kind of item, where it does not stand among the first bytes."""
    payload = as_object((json_object(raw) or {}).get("payload"))
    return _bytes(as_object(payload.get("item")).get("type"))


def _prompt_id(raw: bytes) -> str | None:
    payload = as_object((json_object(raw) or {}).get("payload"))
    return first_text(as_object(payload.get("item")).get("id"), payload.get("client_id"))


def _kind(turn: _CodexTurn) -> TurnKind:
    return TurnKind.COMPACTION if turn.compacted and not turn.prompts else TurnKind.PROMPT


def _seconds(value: object) -> Micros | None:
    return millis(value * 1000) if isinstance(value, int) else None


def _began(turn_id: str | None, started_at: object) -> Micros | None:
    """When a turn began, by its id (a UUID of version 7 holds milliseconds) or its whole seconds."""
    try:
        uuid = UUID(turn_id or "")
    except ValueError:
        uuid = None
    if uuid is not None and uuid.version == 7:
        return millis(uuid.int >> 80)
    whole = _seconds(started_at)
    # It may have begun at any moment of that second; the last is the one that claims least.
    return None if whole is None else whole + SECOND - 1


def _error_text(error: Any) -> str | None:
    if isinstance(error, str):
        return as_text(error)
    fields = as_object(error)
    return first_text(fields.get("message"), fields.get("codex_error_info"), "error")


def _parent_thread(source: JsonObject) -> str | None:
    """The thread a sub-agent works for, wherever in the source it stands."""
    waiting: list[tuple[int, Any]] = [(0, source)]
    while waiting:
        depth, value = waiting.pop()
        if isinstance(value, dict) and depth < 4:
            found = as_text(value.get("parent_thread_id"))
            if found is not None:
                return found
            waiting += [(depth + 1, part) for part in value.values()]
    return None


MADE_OF: Final = (CodexRollout, _CodexTurn, _Kind, _Sign)
"""The classes of a reader and of what it remembers, for those who keep one and go on with it later."""
