# ruff: noqa: D102 -- the methods are documented where they are declared, in Recording
"""OpenCode: rows of ``opencode.db``, one assistant message per step; a killed one stays open for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.sim.recordings.recording import AgentSession, Recording

if TYPE_CHECKING:
    from t3lens.sim.recordings.folder import AgentFolder

__all__ = ["DatabaseSession"]

_SCHEMA: Final = """
CREATE TABLE session (id text PRIMARY KEY, project_id text NOT NULL, parent_id text, directory text NOT NULL,
    title text NOT NULL, version text NOT NULL, revert text, time_created integer NOT NULL,
    time_updated integer NOT NULL, time_compacting integer, time_archived integer);
CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL, time_created integer NOT NULL,
    time_updated integer NOT NULL, data text NOT NULL);
CREATE TABLE part (id text PRIMARY KEY, message_id text NOT NULL, session_id text NOT NULL,
    time_created integer NOT NULL, time_updated integer NOT NULL, data text NOT NULL);
CREATE INDEX message_session_time_created_id_idx ON message (session_id, time_created, id);
CREATE INDEX part_message_id_id_idx ON part (message_id, id);
"""


class DatabaseSession(Recording):
    """The rows of one OpenCode session."""

    def __init__(self, folder: AgentFolder, provider: AgentSession) -> None:
        self._folder = folder
        self._provider = provider
        self._state = folder.state(provider.conversation)
        self._prompt: str | None = None
        self._step: str | None = None
        self._data: dict[str, Any] = {}
        self._tool: str | None = None

    def begin(self, turn_id: str, text: str) -> None:
        if not self._state.started:
            build, at = self._folder.builds["opencode"], self._provider.stamp
            values = (self._provider.conversation, "global", None, self._provider.cwd, "New session", build, None, at, at)
            self._run("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)", *values)
        elif self._step is not None and self._state.open_turn is not None:
            self._close("stop")  # the same program takes up another prompt
        self._state.started += 1
        self._state.open_turn = turn_id
        self._ask(text)

    def steer(self, text: str) -> None:
        self._close("stop")
        self._ask(text)

    def answer(self, text: str) -> None:
        self._part({"type": "text", "text": text, "time": {"start": self._provider.stamp, "end": self._provider.stamp}})

    def call(self, command: str) -> None:
        state = {"status": "running", "input": {"command": command}, "time": {"start": self._provider.stamp}}
        self._tool = self._part({"type": "tool", "tool": "bash", "state": state})

    def result(self, output: str, *, failed: bool = False, declined: bool = False) -> None:
        state: dict[str, Any] = {"status": "completed", "output": output}
        if declined:
            state = {"status": "error", "error": "The user rejected permission to use this specific tool call."}
        elif failed:
            state = {"status": "error", "error": output}
        data = msgspec.json.encode({"type": "tool", "tool": "bash", "state": state}).decode()
        self._run("UPDATE part SET data = ?, time_updated = ? WHERE id = ?", data, self._provider.stamp, self._tool)
        self._close("tool-calls")
        self._open()

    def end(self, state: str, message: str | None = None) -> None:
        if self._state.open_turn is None:
            return
        self._state.open_turn = None
        if state == "completed":
            self._close("stop")
        elif state == "failed":
            self._close(None, {"name": "APIError", "data": {"message": message, "statusCode": 402, "isRetryable": False}})
        else:
            self._close(None, {"name": "MessageAbortedError", "data": {"message": "Aborted"}})
        self._step = None

    # --- rows -----------------------------------------------------------------------------------------------

    def _ask(self, text: str) -> None:
        data = {"role": "user", "time": {"created": self._provider.stamp}, "agent": "build"}
        self._prompt = self._message(data)
        self._part({"type": "text", "text": text}, self._prompt)
        self._open()

    def _open(self) -> None:
        self._data = {
            "parentID": self._prompt,
            "role": "assistant",
            "mode": "build",
            "time": {"created": self._provider.stamp},
        }
        self._step = self._message(self._data)
        self._part({"type": "step-start"})

    def _close(self, finish: str | None, error: dict[str, Any] | None = None) -> None:
        time = {**self._data["time"], "completed": self._provider.stamp}
        data = {**self._data, "time": time, **({"finish": finish} if finish else {}), **({"error": error} if error else {})}
        text = msgspec.json.encode(data).decode()
        self._run("UPDATE message SET data = ?, time_updated = ? WHERE id = ?", text, self._provider.stamp, self._step)

    def _message(self, data: dict[str, Any]) -> str:
        key, at = self._key("msg"), self._provider.stamp
        text = msgspec.json.encode(data).decode()
        self._run("INSERT INTO message VALUES (?, ?, ?, ?, ?)", key, self._provider.conversation, at, at, text)
        return key

    def _part(self, data: dict[str, Any], message: str | None = None) -> str:
        key, at = self._key("prt"), self._provider.stamp
        place = (key, message or self._step, self._provider.conversation, at, at)
        self._run("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)", *place, msgspec.json.encode(data).decode())
        return key

    def _key(self, prefix: str) -> str:
        """An id that is greater than the one before, as OpenCode's are also within a millisecond."""
        self._state.lines += 1
        return f"{prefix}_{self._provider.stamp:012x}{self._state.lines:06d}{self._folder.ids.hex(8)}"

    def _run(self, sql: str, *values: Any) -> None:
        self._folder.database(_SCHEMA).execute(sql, values)
