# ruff: noqa: D102 -- the methods are documented where they are declared, in Recording
"""Claude Code: a transcript. An answer is written when its message ends, so a killed one leaves nothing of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.sim.recordings.recording import AgentSession, Recording
from t3lens.time import SECOND, iso

if TYPE_CHECKING:
    from t3lens.sim.recordings.folder import AgentFolder

__all__ = ["Transcript"]

_OTHERS: Final = re.compile(r"[^A-Za-z0-9]")
_SYNTHETIC: Final = "<synthetic>"
_LAG: Final = 0.15
"""Older builds put an answer on disk so many seconds after they told it."""

_AFTER: Final = ("uuid", "timestamp")
_ORDERS: Final = {
    "user": (
        "parentUuid", "isSidechain", "agentId", "type", "message", "isVisibleInTranscriptOnly", "isCompactSummary",
        "isMeta", *_AFTER, "toolDenialKind", "promptSource", "turnOrigin", "turnPosition", "origin",
    ),
    "assistant": ("parentUuid", "isSidechain", "agentId", "message", "type", *_AFTER, "isAbortedMidStream"),
    _SYNTHETIC: (
        "parentUuid", "isSidechain", "type", *_AFTER, "message", "error", "isApiErrorMessage", "apiErrorStatus",
    ),
    "api_error": (
        "parentUuid", "isSidechain", "type", "subtype", "level", "error", "retryInMs", "retryAttempt", "maxRetries",
        "timestamp", "uuid",
    ),
    "compact_boundary": (
        "parentUuid", "logicalParentUuid", "isSidechain", "type", "subtype", "content", "isMeta", "timestamp", "uuid",
        "level", "compactMetadata",
    ),
    "attachment": ("parentUuid", "isSidechain", "attachment", "type", *_AFTER),
}  # fmt: skip
"""The keys of each kind of line, in the order in which they stand there; cwd, sessionId and version follow."""


class Transcript(Recording):
    """The transcript of one Claude session."""

    def __init__(self, folder: AgentFolder, provider: AgentSession) -> None:
        self._folder = folder
        self._provider = provider
        self._state = folder.state(provider.conversation)
        self._text: str | None = None
        self._call: str | None = None
        self._asked: list[tuple[str, bool]] = []
        self._late: Callable[[], None] | None = None
        self._news: list[str] = []
        self._last = ""

    def begin(self, turn_id: str, text: str) -> None:
        self._catch_up()
        state = self._state
        if state.path is None:
            slug = _OTHERS.sub("-", self._provider.cwd)
            folder = self._folder.path / "claude" / "projects" / slug
            folder.mkdir(parents=True, exist_ok=True)
            state.path = folder / f"{self._provider.conversation}.jsonl"
        self._queue("enqueue")
        self._queue("dequeue")
        if state.open_turn is not None:
            self._write_invented_answer()
        self._start(turn_id, text)

    def _start(self, turn_id: str, text: str) -> None:
        state, self._last = self._state, text
        state.open_turn, self._text, self._call = turn_id, None, None
        state.started += 1
        newer = {"promptSource": "sdk", "turnOrigin": "sdk", "turnPosition": {"turnIndex": state.started}}
        self._user([_words(text)], **(newer if self._newer else {}))
        self._request()

    def _write_invented_answer(self) -> None:
        """The turn before died: at the next prompt an answer is written for it that nobody gave, and dated back."""
        before = f"{iso(self._provider.now - 2 * SECOND)[:23]}Z"
        call = self._state.more.pop("call", None)
        if call is not None:
            said = "[Tool call interrupted: the session ended before it returned]"
            self._user([{"type": "tool_result", "content": said, "is_error": True, "tool_use_id": call}], timestamp=before)
        self._made_up("No response requested.", isApiErrorMessage=False, timestamp=before)

    def queue(self, text: str) -> None:
        self._queue("enqueue")
        self._asked.append((text, self._call is not None))

    def steer(self, text: str) -> None:
        in_tool = self._asked.pop(0)[1] if self._asked else True
        if not in_tool:  # it waits for its turn
            self._finish()
            self._queue("dequeue")
            self._start(self._state.open_turn or "", text)
            return
        self._flush("tool_use")
        self._queue("remove", reason="absorbed_mid_turn", content=text)
        attached = {"type": "queued_command", "prompt": text, "source_uuid": self._folder.ids.uuid()}
        self._entry("attachment", "attachment", attachment=attached)

    def answer(self, text: str) -> None:
        self._flush("tool_use")  # what comes after it shows that the message before had not ended the turn
        self._text = text

    def call(self, command: str) -> None:
        self._flush("tool_use")
        self._call = self._state.more["call"] = f"toolu_{self._folder.ids.hex(24)}"
        use = {"type": "tool_use", "id": self._call, "name": "Bash", "input": {"command": command}}
        self._assistant([use], "tool_use")

    def result(self, output: str, *, failed: bool = False, declined: bool = False) -> None:
        if declined:
            self._reject("The tool use was rejected.")
        else:
            self._user([{"tool_use_id": self._call, "type": "tool_result", "content": output, "is_error": failed}])
        self._call = self._state.more["call"] = None
        self._request()

    def retry(self, attempt: int, attempts: int, *, partial: bool = False) -> None:
        counted = {"retryAttempt": attempt, "maxRetries": attempts, "retryInMs": 1000.0}
        error = {"message": "overloaded", **({} if partial else {"status": 529})}
        self._entry("api_error", "system", subtype="api_error", level="error", error=error, **counted)
        self._request()

    def end(self, state: str, message: str | None = None, streamed: str = "") -> None:
        if self._state.open_turn is None:
            return
        if state == "completed" and not self._newer:
            self._late = self._conclude
            self._provider.later(_LAG, self._catch_up)
        elif state == "completed":
            self._conclude()
        elif state == "failed":
            error = {"isApiErrorMessage": True, "apiErrorStatus": 402, "error": "billing_error"}
            self._made_up(f"API Error: {message}", **error)
            self._done()
        elif self._call is not None:
            self._reject("rejected")
            self._user([_words("[Request interrupted by user for tool use]")])
            self._done()
        else:
            if text := streamed or self._text:
                self._assistant([_words(text)], None, isAbortedMidStream=True)
            self._user([_words("[Request interrupted by user]")])
            self._done()

    def _conclude(self) -> None:
        self._finish()
        self._done()

    def _finish(self) -> None:
        self._assistant([_words(self._text or "Done.")], "end_turn")

    def _done(self) -> None:
        self._state.open_turn = self._text = self._call = None
        self._state.more.pop("call", None)
        while self._news:
            self.notify(self._news.pop(0))

    def _catch_up(self) -> None:
        late, self._late = self._late, None
        if late is not None:
            late()

    def notify(self, text: str) -> None:
        if self._state.open_turn is not None:
            self._news.append(text)  # it waits for the end of the turn
            return
        said = f"<task-notification>{text}</task-notification>"
        self._queue("enqueue", content=said)
        self._queue("dequeue")
        self._user([_words(said)], origin={"kind": "task-notification"}, turnOrigin="task_notification")
        self._request()
        self._assistant([_words("Good to know.")], "end_turn")

    def shut_down(self) -> None:
        self._catch_up()
        if self._state.path is not None and self._last:
            session = {"sessionId": self._provider.conversation}
            leaf = {} if self._state.leaf is None else {"leafUuid": self._state.leaf}
            self._write({"type": "last-prompt", "lastPrompt": self._last, **leaf, **session})
            if self._newer:
                self._write({"type": "cost-state", **session, "totalCostUSD": 0.1})

    def compact(self, turn_id: str) -> None:
        self._catch_up()
        state = self._state
        self._queue("enqueue")
        self._queue("dequeue")
        before, state.leaf = state.leaf, None
        compacted = {"trigger": "manual", "preTokens": 120}
        said = {"subtype": "compact_boundary", "content": "Conversation compacted", "isMeta": False, "level": "info"}
        self._entry("compact_boundary", "system", **said, logicalParentUuid=before, compactMetadata=compacted)
        self._local("A summary.", isVisibleInTranscriptOnly=True, isCompactSummary=True)
        self._local("<local-command-caveat>The command below was run directly.</local-command-caveat>", isMeta=True)
        self._local("<command-name>/compact</command-name>\n<command-message>compact</command-message>")
        self._local("<local-command-stdout>Compacted </local-command-stdout>")

    def fork(self, conversation: str) -> None:
        self._catch_up()
        state = self._state
        assert state.path is not None
        lines = [msgspec.json.decode(line) for line in state.path.read_bytes().splitlines()]
        since = max((n for n, line in enumerate(lines) if line.get("subtype") == "compact_boundary"), default=0)
        forked = self._folder.state(conversation)
        forked.path, forked.leaf, forked.started = state.path.with_name(f"{conversation}.jsonl"), state.leaf, state.started
        with forked.path.open("ab") as stream:
            for line in (line for line in lines[since:] if "uuid" in line):
                asked_by = {"requestSessionId": line["sessionId"]} if self._newer and line["type"] == "assistant" else {}
                stream.write(msgspec.json.encode({**line, "sessionId": conversation, **asked_by}) + b"\n")

    def sub_agent(self, agent_id: str, *, finished: bool) -> None:
        state = self._state
        assert state.path is not None
        folder = state.path.with_suffix("") / "subagents"
        folder.mkdir(parents=True, exist_ok=True)
        said = {"agentType": "general-purpose", "spawnDepth": 1, **({"finished": True} if finished else {})}
        (folder / f"agent-{agent_id}.meta.json").write_bytes(msgspec.json.encode(said))
        main, leaf = state.path, state.leaf
        state.path, state.leaf = folder / f"agent-{agent_id}.jsonl", None
        side: dict[str, Any] = {"isSidechain": True, "agentId": agent_id}
        if not state.path.exists():
            self._user([_words("Look for it.")], **side)
        if finished:
            self._assistant([_words("Found.")], "end_turn", **side)
        state.path, state.leaf = main, leaf

    # --- lines ----------------------------------------------------------------------------------------------

    @property
    def _newer(self) -> bool:
        return self._folder.at_least("claudeAgent", 2, 1, 300)

    def _flush(self, stop: str) -> None:
        text, self._text = self._text, None
        if text is not None:
            self._assistant([_words(text)], stop)

    def _queue(self, operation: str, **more: str) -> None:
        stamp = {"timestamp": self._stamp, "sessionId": self._provider.conversation}
        self._write({"type": "queue-operation", "operation": operation, **stamp, **more})

    def _request(self) -> None:
        if self._newer:
            session = {"sessionId": self._provider.conversation, "id": self._folder.ids.uuid(), "timestamp": self._stamp}
            self._write({"type": "api-request", **session, "version": self._folder.builds["claudeAgent"]})

    def _user(self, content: list[dict[str, Any]], **more: Any) -> None:
        self._entry("user", "user", message={"role": "user", "content": content}, **more)

    def _local(self, text: str, **more: Any) -> None:
        self._entry("user", "user", message={"role": "user", "content": text}, **more)

    def _reject(self, why: str) -> None:
        denied = {"type": "tool_result", "content": why, "is_error": True, "tool_use_id": self._call}
        self._user([denied], toolDenialKind="user-rejected")

    def _assistant(self, content: list[dict[str, Any]], stop: str | None, **more: Any) -> None:
        said = {"id": f"msg_{self._folder.ids.hex(8)}", "type": "message", "role": "assistant"}
        message = {**said, "model": self._provider.model, "content": content, "stop_reason": stop}
        self._entry("assistant", "assistant", message=message, **more)

    def _made_up(self, text: str, **more: Any) -> None:
        """A line that the program itself wrote in the place of an answer."""
        said = {"id": self._folder.ids.uuid(), "model": _SYNTHETIC, "role": "assistant", "stop_reason": "stop_sequence"}
        message = {**said, "type": "message", "content": [_words(text)]}
        self._entry(_SYNTHETIC, "assistant", message=message, **more)

    def _entry(self, order: str, kind: str, **more: Any) -> None:
        uuid = self._folder.ids.uuid()
        fixed = {"parentUuid": self._state.leaf, "isSidechain": False, "type": kind, "uuid": uuid, "timestamp": self._stamp}
        line = {**fixed, **more}
        assert line.keys() <= set(_ORDERS[order]), line.keys() - set(_ORDERS[order])
        session = {"cwd": self._provider.cwd, "sessionId": self._provider.conversation}
        kept = {key: line[key] for key in _ORDERS[order] if key in line}
        self._write({**kept, **session, "version": self._folder.builds["claudeAgent"]})
        self._state.leaf = uuid

    @property
    def _stamp(self) -> str:
        return f"{iso(self._provider.now)[:23]}Z"

    def _write(self, line: dict[str, Any]) -> None:
        path = self._state.path
        assert path is not None
        with Path(path).open("ab") as stream:
            stream.write(msgspec.json.encode(line) + b"\n")


def _words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
