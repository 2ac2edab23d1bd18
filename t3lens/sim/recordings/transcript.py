# ruff: noqa: D102 -- the methods are documented where they are declared, in Recording
"""Claude Code: a transcript. An answer is written when its message ends, so a killed one leaves nothing of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.sim.recordings.recording import AgentSession, Recording
from t3lens.time import iso

if TYPE_CHECKING:
    from t3lens.sim.recordings.folder import AgentFolder

__all__ = ["Transcript"]

_OTHERS: Final = re.compile(r"[^A-Za-z0-9]")
_SYNTHETIC: Final = "<synthetic>"


class Transcript(Recording):
    """The transcript of one Claude session."""

    def __init__(self, folder: AgentFolder, provider: AgentSession) -> None:
        self._folder = folder
        self._provider = provider
        self._state = folder.state(provider.conversation)
        self._text: str | None = None
        self._call: str | None = None

    def begin(self, turn_id: str, text: str) -> None:
        state = self._state
        if state.path is None:
            slug = _OTHERS.sub("-", self._provider.cwd)
            folder = self._folder.path / "claude" / "projects" / slug
            folder.mkdir(parents=True, exist_ok=True)
            state.path = folder / f"{self._provider.conversation}.jsonl"
        self._queue("enqueue")
        self._queue("dequeue")
        if state.open_turn is not None:
            self._assistant([_words("No response requested.")], "stop_sequence", model=_SYNTHETIC)
        state.open_turn, self._text, self._call = turn_id, None, None
        state.started += 1
        newer = {"promptSource": "sdk", "turnOrigin": "sdk", "turnPosition": {"turnIndex": state.started}}
        self._user([_words(text)], **(newer if self._newer else {}))
        self._request()

    def steer(self, text: str) -> None:
        self._flush("tool_use")
        self._queue("remove", reason="absorbed_mid_turn", content=text)
        attached = {"type": "queued_command", "prompt": text, "source_uuid": self._folder.ids.uuid()}
        self._entry("attachment", attachment=attached)

    def answer(self, text: str) -> None:
        self._flush("tool_use")  # what comes after it shows that the message before had not ended the turn
        self._text = text

    def call(self, command: str) -> None:
        self._flush("tool_use")
        self._call = f"toolu_{self._folder.ids.hex(24)}"
        use = {"type": "tool_use", "id": self._call, "name": "Bash", "input": {"command": command}}
        self._assistant([use], "tool_use")

    def result(self, output: str, *, failed: bool = False, declined: bool = False) -> None:
        said = {"type": "tool_result", "tool_use_id": self._call, "content": output, "is_error": failed or declined}
        more = {"toolDenialKind": "user-rejected"} if declined else {}
        self._user([said], **more)
        self._call = None
        self._request()

    def retry(self, attempt: int, attempts: int) -> None:
        counted = {"retryAttempt": attempt, "maxRetries": attempts, "retryInMs": 1000.0, "error": {"status": 529}}
        self._entry("system", subtype="api_error", level="error", **counted)

    def end(self, state: str, message: str | None = None) -> None:
        if self._state.open_turn is None:
            return
        self._state.open_turn = None
        if state == "completed":
            self._assistant([_words(self._text or "Done.")], "end_turn")
        elif state == "failed":
            error = {"isApiErrorMessage": True, "apiErrorStatus": 402, "error": "billing_error"}
            self._assistant([_words(f"API Error: {message}")], "stop_sequence", model=_SYNTHETIC, **error)
        elif self._call is not None:
            rejected = {"type": "tool_result", "tool_use_id": self._call, "content": "rejected", "is_error": True}
            self._user([rejected], toolDenialKind="user-rejected")
            self._user([_words("[Request interrupted by user for tool use]")])
        else:
            if self._text is not None:
                self._assistant([_words(self._text)], None, isAbortedMidStream=True)
            self._user([_words("[Request interrupted by user]")])
        self._text = self._call = None

    def compact(self, turn_id: str) -> None:
        state = self._state
        before, state.leaf = state.leaf, None
        compacted = {"trigger": "manual", "preTokens": 120}
        self._entry("system", subtype="compact_boundary", content="Conversation compacted", isMeta=False, level="info",
                    logicalParentUuid=before, compactMetadata=compacted)  # fmt: skip
        self._local("A summary.", isVisibleInTranscriptOnly=True, isCompactSummary=True)
        self._local("<local-command-caveat>The command below was run directly.</local-command-caveat>", isMeta=True)
        self._local("<command-name>/compact</command-name>\n<command-message>compact</command-message>")
        self._local("<local-command-stdout>Compacted </local-command-stdout>")

    def fork(self, conversation: str) -> None:
        state = self._state
        assert state.path is not None
        lines = [msgspec.json.decode(line) for line in state.path.read_bytes().splitlines()]
        since = max((n for n, line in enumerate(lines) if line.get("subtype") == "compact_boundary"), default=0)
        forked = self._folder.state(conversation)
        forked.path, forked.leaf, forked.started = state.path.with_name(f"{conversation}.jsonl"), state.leaf, state.started
        with forked.path.open("ab") as stream:
            for line in (line for line in lines[since:] if "uuid" in line):
                stream.write(msgspec.json.encode({**line, "sessionId": conversation}) + b"\n")

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
        self._entry("user", message={"role": "user", "content": content}, **more)

    def _local(self, text: str, **more: Any) -> None:
        self._entry("user", message={"role": "user", "content": text}, **more)

    def _assistant(self, content: list[dict[str, Any]], stop: str | None, *, model: str | None = None, **more: Any) -> None:
        said = {"id": f"msg_{self._folder.ids.hex(8)}", "type": "message", "role": "assistant"}
        message = {**said, "model": model or self._provider.model, "content": content, "stop_reason": stop}
        self._entry("assistant", message=message, **more)

    def _entry(self, kind: str, **more: Any) -> None:
        uuid = self._folder.ids.uuid()
        self._write(
            {
                "parentUuid": self._state.leaf,
                "isSidechain": False,
                "type": kind,
                **more,
                "uuid": uuid,
                "timestamp": self._stamp,
                "cwd": self._provider.cwd,
                "sessionId": self._provider.conversation,
                "version": self._folder.builds["claudeAgent"],
            }
        )
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
