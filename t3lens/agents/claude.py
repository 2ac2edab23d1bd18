"""Claude Code: the transcript ``projects/<slug>/<session uuid>.jsonl``, and those of its sub-agents.

Seen with 2.1.224 and 2.1.332. There is no line for a turn's end: it is the last line of the talk that tells. Stamps
say when a thing happened, not when it was written, so the order is the file's. At the prompt after a dead turn the
program writes an answer for it that nobody gave (model ``<synthetic>``, no error), which must not be believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, Self

from t3lens.agents.draft import Draft
from t3lens.agents.lines import LineRecord
from t3lens.agents.record import AgentRecord, RecordMark, SessionOrigin, Sureness, TurnKind, TurnOutcome
from t3lens.agents.values import (
    JsonObject,
    as_list,
    as_object,
    as_text,
    first_text,
    json_object,
    stamp,
)
from t3lens.time import iso

__all__ = ["MADE_OF", "ClaudeTranscript"]

_REQUEST: Final = b'{"type":"api-request'
"""Head of the lines that hold whole requests: 150 KB for one word of prompt, and nothing of a turn."""

_ASIDE: Final = re.compile(
    rb'\{"type":"(?:last-prompt|atis-latch|mode|tools-used|queue-operation)"'
    rb'|\{"parentUuid":(?:null|"[\w-]{1,60}"),(?:"logicalParentUuid":(?:null|"[\w-]{1,60}"),)?'
    rb'"isSidechain":(?:true|false),"attachment":\{"type":"(?!queued_command")'
).match
"""Heads of other lines that say nothing of a turn; they have a time."""

_BESIDE: Final = frozenset({
    "last-prompt", "mode", "tools-used", "atis-latch", "queue-operation", "summary", "file-history-snapshot",
    "custom-title", "ai-title", "agent-name", "agent-color", "agent-setting", "tag", "pr-link", "worktree-state",
    "permission-mode",
})  # fmt: skip
"""Further types of lines, none of which is part of the talk. One that is not known may be in a newer build."""

_SYNTHETIC: Final = "<synthetic>"
_ENDS: Final = frozenset({"end_turn", "stop_sequence", "refusal"})
_GOES_ON: Final = frozenset({"tool_use", "max_tokens", "pause_turn"})
_INTERRUPTED: Final = "[Request interrupted by user"
_COMMAND: Final = ("<command-name>", "<command-message>")
_LOCAL: Final = (
    "<local-command-stdout>",
    "<local-command-stderr>",
    "<local-command-caveat>",
    "<bash-input>",
    "<bash-stdout>",
    "<bash-stderr>",
)
_STOP_HOOK: Final = "Stop"
_HOOKS_DONE: Final = "stop_hook_summary"
"""Not seen here: what the program is known to write of hooks; not believing an end costs less than a false one."""

_NOTIFICATION: Final = "task-notification"

_TOOL: Final = "in a tool call, which runs or waits for permission"
_MODEL: Final = "waiting for the model"


@dataclass(slots=True)
class _ClaudeTurn(Draft):
    open_calls: dict[str, None] = field(default_factory=dict)
    command: bool = False
    slash: bool = False
    unclear: RecordMark | None = None
    disowned: bool = False
    told_on: RecordMark | None = None
    late_writer: bool = True


class ClaudeTranscript(LineRecord):
    """Reduces the lines of one transcript."""

    provider = "claude"

    def __init__(self) -> None:
        super().__init__()
        self._turns: list[_ClaudeTurn] = []
        self._command: _ClaudeTurn | None = None
        self._agent_id: str | None = None
        self._has_tree = False
        self._left: RecordMark | None = None
        self._late_writer = True
        self._aside = b""

    def result(self) -> AgentRecord:
        """What was read."""
        self._seen(stamp((json_object(self._aside) or {}).get("timestamp")))
        for turn in self._turns[:-1]:
            _judge_without_end(turn)
        for turn in self._turns:
            _doubt(turn)
        last = self._turns[-1] if self._turns else None
        if last is not None and last.told_on is not None:
            last.goes_on(last.told_on, "in a hook after its answer, or told by one to go on")
        if last is not None and last.outcome is None and self._left is not None:
            last.doing += "; its program ended afterwards" if last.doing else "before its program ended"
        self.drafts = list(self._turns)
        return super().result()

    def lean(self) -> Self:
        """Itself, without the words of a line beside the talk."""
        when = stamp((json_object(self._aside) or {}).get("timestamp"))
        self._aside = b"" if when is None else f'{{"timestamp":"{iso(when)}"}}'.encode()
        return self

    def _take(self, line: int, offset: int, raw: bytes) -> None:
        if raw.startswith(_REQUEST):
            self._late_writer = False
            return
        if self._has_tree and _ASIDE(raw):
            self._aside = raw
            return
        value = self._parsed(raw)
        if value is None:
            return
        kind = as_text(value.get("type")) or ""
        if kind.startswith("api-request"):  # with its keys in another order
            self._late_writer = False
            return
        at = stamp(value.get("timestamp"))
        self._seen(at, as_text(value.get("version")))
        sidechain = value.get("isSidechain") is True
        self._identify(value, sidechain)
        if sidechain and self._agent_id is None:
            return  # older builds keep a sub-agent's talk in the file of its parent
        mark = self.mark(kind, at, line, offset, raw)
        if kind == "user":
            self._user(value, mark)
        elif kind == "assistant":
            self._assistant(value, mark)
        elif kind == "system":
            self._system(value, mark)
        elif kind == "progress":
            self._progress(value, mark)
        elif kind == "attachment":
            self._attachment(value)
        elif kind == "cost-state":
            self._left, self._late_writer = mark, False
        elif kind not in _BESIDE:
            self._strange.append(line)

    def _identify(self, value: JsonObject, sidechain: bool) -> None:
        session = as_text(value.get("sessionId"))
        if self.session_id is None and session is not None:
            self.session_id = session
        if self.cwd is None:
            self.cwd = as_text(value.get("cwd"))
        if self._has_tree or "uuid" not in value:
            return
        self._has_tree = True
        agent = as_text(value.get("agentId"))
        if sidechain:
            self._agent_id = agent or "sub-agent"
            self.parent_id, self.session_id = session, f"agent-{self._agent_id}"
            self.origin = SessionOrigin.SUB_AGENT

    # --- what a person, a tool or the program said ------------------------------------------------------------

    def _user(self, value: JsonObject, mark: RecordMark) -> None:
        if value.get("isCompactSummary") is True or value.get("isVisibleInTranscriptOnly") is True:
            return
        content = as_object(value.get("message")).get("content")
        results = [block for block in as_list(content) if isinstance(block, dict) and block.get("type") == "tool_result"]
        text = _text(content)
        if not content:
            return
        if text.startswith(_INTERRUPTED):
            turn = self._current()
            if turn is not None:
                turn.ends(TurnOutcome.ABORTED, mark)
                self._understood()
        elif results:
            self._results(results, mark)
        elif value.get("isMeta") is True:
            self._meta(text, mark)
        elif text.startswith(_LOCAL):
            self._command = None
        elif text.startswith(_COMMAND):
            # The program may do it itself (/compact, /model) or ask the model; what follows tells.
            self._command = _ClaudeTurn(mark, as_text(value.get("uuid")), started_at=mark.at)
            self._command.command = True
        else:
            self._start(_ClaudeTurn(mark, as_text(value.get("uuid")), kind=_kind(value, text), slash=text.startswith("/")))

    def _start(self, turn: _ClaudeTurn) -> None:
        turn.started_at, turn.doing = turn.start.at, _MODEL
        turn.late_writer = self._late_writer
        self._command = self._left = None
        self._turns.append(turn)

    def _current(self) -> _ClaudeTurn | None:
        """The turn a line belongs to; a command becomes one when the model hears of it."""
        if self._command is not None:
            self._start(self._command)
        return self._turns[-1] if self._turns else None

    def _meta(self, text: str, mark: RecordMark) -> None:
        if text.startswith(_LOCAL):
            return
        turn = self._current()
        if turn is None:
            return
        if turn.outcome is None:
            turn.last = mark  # a command's text, or the order to go on after an output limit
        elif turn.outcome is TurnOutcome.FINISHED:
            turn.told_on = mark  # what the model does with it may take a while

    def _results(self, results: list[JsonObject], mark: RecordMark) -> None:
        turn = self._current()
        if turn is None:
            return
        for result in results:
            turn.open_calls.pop(as_text(result.get("tool_use_id")) or "", None)
        if _session_ended(results):
            return  # made up at the next prompt, for a call that died
        turn.goes_on(mark, _TOOL if turn.open_calls else _MODEL)

    # --- what the model said -----------------------------------------------------------------------------------

    def _assistant(self, value: JsonObject, mark: RecordMark) -> None:
        message = as_object(value.get("message"))
        is_error = value.get("isApiErrorMessage") is True
        made_up = message.get("model") == _SYNTHETIC
        if made_up and not is_error:
            turn = self._turns[-1] if self._turns else None
            if turn is not None and turn.outcome is None:
                turn.disowned = True
            return
        turn = self._current()
        if turn is None:
            return
        asked_by = as_text(value.get("requestSessionId"))
        if asked_by not in (None, self.session_id) and self._agent_id is None:
            turn.inherited = True
            self.origin, self.parent_id = SessionOrigin.FORK, asked_by
        turn.unclear = turn.told_on = None
        stop = as_text(message.get("stop_reason"))
        if is_error or stop in _ENDS:
            self._understood()
        if is_error:
            turn.ends(TurnOutcome.FAILED, mark, error=_api_error(value, message))
        elif value.get("isAbortedMidStream") is True:
            turn.ends(
                TurnOutcome.ABORTED,
                mark,
                sureness=Sureness.MEDIUM,
                why="the answer is marked as aborted; the line that says who did it is not there",
            )
        elif stop in _ENDS:
            turn.ends(TurnOutcome.FINISHED, mark)
        else:
            calls = [
                as_text(block.get("id")) or ""
                for block in as_list(message.get("content"))
                if isinstance(block, dict) and block.get("type") == "tool_use"
            ]
            turn.open_calls.update(dict.fromkeys(calls))
            turn.goes_on(mark, _TOOL if turn.open_calls else _MODEL)
            if stop not in _GOES_ON and not calls:
                turn.unclear = mark

    def _system(self, value: JsonObject, mark: RecordMark) -> None:
        turn = self._turns[-1] if self._turns else None
        if turn is not None and value.get("subtype") == _HOOKS_DONE:
            turn.told_on = None
        if value.get("subtype") != "api_error" or turn is None or turn.outcome is not None:
            return
        turn.retries += 1
        attempt, most = value.get("retryAttempt"), value.get("maxRetries")
        counted = f" (attempt {attempt} of {most})" if _counts(attempt, most) else ""
        turn.last, turn.doing = mark, f"retrying after an error of the model's server{counted}"

    def _progress(self, value: JsonObject, mark: RecordMark) -> None:
        """A hook that runs at a turn's end may tell it to go on; until it is done, T3 Code hears of no end either."""
        event = as_text(as_object(value.get("data")).get("hookEvent")) or ""
        turn = self._turns[-1] if self._turns else None
        if event == _STOP_HOOK and turn is not None and turn.outcome is TurnOutcome.FINISHED:
            turn.told_on = mark

    def _attachment(self, value: JsonObject) -> None:
        """A prompt sent while a tool runs gets no line of its own: it shares the running turn's end."""
        attachment = as_object(value.get("attachment"))
        turn = self._turns[-1] if self._turns else None
        if attachment.get("type") != "queued_command" or turn is None:
            return
        prompt = first_text(attachment.get("source_uuid"), value.get("uuid"))
        if prompt is not None:
            turn.steered_by.append(prompt)


def _judge_without_end(turn: _ClaudeTurn) -> None:
    """A turn without an end that is not the newest: what could be read another way."""
    if turn.outcome is not None:
        return
    if turn.unclear is not None and not turn.disowned:
        turn.ends(
            TurnOutcome.FINISHED,
            turn.unclear,
            sureness=Sureness.LOW,
            why="its last answer does not say why it stopped; a later turn follows",
        )
    elif turn.late_writer:
        turn.sureness = Sureness.MEDIUM
        turn.why = (
            "it has no end, and a later turn follows; the build that wrote it puts an answer on disk "
            "up to 0.2 s after it was given, so one that died in that time had finished"
        )


def _doubt(turn: _ClaudeTurn) -> None:
    """What no end is to be expected of, or what may be an end that is not known here: it proves nothing."""
    if turn.outcome is not None:
        return
    if turn.slash and turn.last is None:
        turn.sureness = Sureness.LOW
        turn.why = "its prompt is a command, which the program may have done by itself: of that no end is recorded"
    elif turn.unclear is not None and not turn.disowned:
        turn.sureness, turn.why = Sureness.LOW, "its last answer does not say in a way that is known here why it stopped"


def _text(content: Any) -> str:
    """The words of a message: its text, or that of its first text block."""
    if isinstance(content, str):
        return content.lstrip()
    for block in as_list(content):
        if isinstance(block, dict) and block.get("type") == "text":
            return (as_text(block.get("text")) or "").lstrip()
    return ""


def _kind(value: JsonObject, text: str) -> TurnKind:
    origin = as_object(value.get("origin")).get("kind")
    if origin == _NOTIFICATION or value.get("turnOrigin") == "task_notification":
        return TurnKind.NOTIFICATION
    if text.startswith(f"<{_NOTIFICATION}>"):
        return TurnKind.NOTIFICATION
    return TurnKind.PROMPT


def _session_ended(results: list[JsonObject]) -> bool:
    return any(_text(result.get("content")).startswith("[Tool call interrupted: the session ended") for result in results)


def _counts(*values: object) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def _api_error(value: JsonObject, message: JsonObject) -> str | None:
    return first_text(_text(message.get("content")), value.get("apiErrorType"), value.get("error"), "API error")


MADE_OF: Final = (ClaudeTranscript, _ClaudeTurn)
"""The classes of a reader and of what it remembers, for those who keep one and go on with it later."""
