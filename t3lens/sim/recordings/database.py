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
CREATE TABLE session (id text PRIMARY KEY, project_id text NOT NULL, workspace_id text, parent_id text,
    slug text NOT NULL, directory text NOT NULL, path text, title text NOT NULL, version text NOT NULL, share_url text,
    summary_additions integer, summary_deletions integer, summary_files integer, summary_diffs text, metadata text,
    cost real DEFAULT 0 NOT NULL, tokens_input integer DEFAULT 0 NOT NULL, tokens_output integer DEFAULT 0 NOT NULL,
    tokens_reasoning integer DEFAULT 0 NOT NULL, tokens_cache_read integer DEFAULT 0 NOT NULL,
    tokens_cache_write integer DEFAULT 0 NOT NULL, revert text, permission text, agent text, model text,
    time_created integer NOT NULL, time_updated integer NOT NULL, time_compacting integer, time_archived integer);
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
        self._session = provider.conversation
        self._state = folder.state(provider.conversation)
        self._prompt: str | None = None
        self._waiting: list[str] = []
        self._step: str | None = None
        self._data: dict[str, Any] = {}
        self._streams = False
        self._text: str | None = None
        self._tool: tuple[str, dict[str, Any]] | None = None
        self._retries = False
        self._over = False
        self._helpers: dict[str, str] = {}

    def begin(self, turn_id: str, text: str) -> None:
        if not self._state.started:
            self._create(self._session)
        elif self._step is not None and self._state.open_turn is not None:
            self._close("stop")  # the same program takes up another prompt
        self._state.started += 1
        self._state.open_turn = turn_id
        self._waiting, self._over = [], False
        self._prompt = self._ask(text)
        self._open()

    def queue(self, text: str) -> None:
        """It is stored as it comes."""
        self._waiting.append(self._ask(text))

    def steer(self, text: str) -> None:
        if not self._waiting:
            return  # the step after a tool has taken it up
        self._finish_step("stop")
        self._close("stop")
        self._take_up()
        self._open()

    def stream(self) -> None:
        """What comes of a message is stored once it is whole."""
        if not self._over and self._text is None:
            self._stream()
            self._text = self._part({"type": "text", "text": "", "time": {"start": self._provider.stamp}})

    def answer(self, text: str) -> None:
        self.stream()
        key, self._text = self._text, None
        if key is not None:
            stamp = self._provider.stamp
            said = _text({"type": "text", "text": text, "time": {"start": stamp, "end": stamp}})
            self._run("UPDATE part SET data = ?, time_updated = ? WHERE id = ?", said, stamp, key)

    def call(self, command: str) -> None:
        if self._over:
            return
        self._stream()
        state = {"status": "running", "input": {"command": command}, "time": {"start": self._provider.stamp}}
        tool = {"type": "tool", "tool": "bash", "callID": f"call_{self._folder.ids.hex(8)}"}
        self._tool = (self._part({**tool, "state": state}), tool)

    def result(self, output: str, *, failed: bool = False, declined: bool = False) -> None:
        if self._over:
            return
        self._end_tool(output, failed=failed, declined=declined)
        self._finish_step("tool-calls")
        self._close("tool-calls")
        self._over = declined  # a rejected permission ends the turn, and nothing more is written of it
        if not declined:
            self._take_up()
            self._open()

    def retry(self, attempt: int, attempts: int, *, partial: bool = False) -> None:
        self._retries = True
        if partial:  # an error that comes at once leaves nothing
            self._part({"type": "step-start"})
            self._part({"type": "text", "text": "", "time": {"start": self._provider.stamp}})

    def end(self, state: str, message: str | None = None, streamed: str = "") -> None:
        if self._state.open_turn is None:
            return
        self._state.open_turn = None
        if self._over:
            pass
        elif state == "completed":
            self._finish_step("stop")
            self._close("stop")
        elif state == "failed":
            self._close(None, {"name": "APIError", "data": {"message": message, "statusCode": 402, "isRetryable": False}})
        elif self._retries:
            self._close(None)  # a stop while it waits for a retry leaves no word of it
        else:
            if self._tool is not None:
                self._end_tool("User aborted the command")
            elif streamed:
                self.answer(streamed)
            self._close(None, {"name": "MessageAbortedError", "data": {"message": "Aborted"}})
        self._step = None

    def compact(self, turn_id: str) -> None:
        prompt = self._message({"role": "user", "time": {"created": self._provider.stamp}, "agent": "build"})
        self._part({"type": "compaction", "auto": False}, prompt)
        kept, self._prompt = self._prompt, prompt
        self._open({"mode": "compaction", "agent": "compaction", "summary": True})
        self.answer("A summary.")
        self._finish_step("stop")
        self._close("stop")
        self._prompt, self._step = kept, None

    def fork(self, conversation: str) -> None:
        """Messages are copied under new ids, with the times they had."""
        self._create(conversation, title="New session (fork #1)")
        con = self._folder.database(_SCHEMA)
        ids: dict[str, str] = {}
        forked = self._folder.state(conversation)
        forked.started = self._state.started
        for key, created, data in con.execute(
            "SELECT id, time_created, data FROM message WHERE session_id = ? ORDER BY time_created, id", (self._session,)
        ).fetchall():
            said = msgspec.json.decode(data)
            if "parentID" in said:
                said["parentID"] = ids.get(said["parentID"], said["parentID"])
            ids[key] = self._key("msg")
            self._run("INSERT INTO message VALUES (?, ?, ?, ?, ?)", ids[key], conversation, created, created, _text(said))
            for part_created, part in con.execute(
                "SELECT time_created, data FROM part WHERE message_id = ? ORDER BY time_created, id", (key,)
            ).fetchall():
                copied = (self._key("prt"), ids[key], conversation, part_created, part_created, part)
                self._run("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)", *copied)

    def sub_agent(self, agent_id: str, *, finished: bool) -> None:
        """A session of its own, that names this one as its parent."""
        main = self._session, self._prompt, self._step, self._data, self._streams
        if not finished:
            self._session = self._helpers[agent_id] = f"ses_{self._provider.stamp:012x}{self._folder.ids.hex(8)}"
            self._create(self._session, parent=main[0], title="Look for it (@general subagent)")
            self._prompt = self._ask("Look for it.")
            self._open()
        elif agent_id in self._helpers:
            self._session = self._helpers.pop(agent_id)
            at = "SELECT id, data FROM message WHERE session_id = ? ORDER BY time_created DESC, id DESC LIMIT 1"
            self._step, data = self._folder.database(_SCHEMA).execute(at, (self._session,)).fetchone()
            self._data, self._streams = msgspec.json.decode(data), False
            self._stream()
            self._finish_step("stop")
            self._close("stop")
        self._session, self._prompt, self._step, self._data, self._streams = main

    # --- rows -----------------------------------------------------------------------------------------------

    def _create(self, session: str, *, parent: str | None = None, title: str = "New session") -> None:
        at, cwd = self._provider.stamp, self._provider.cwd
        row = {
            "id": session, "project_id": "global", "parent_id": parent, "slug": "brave-tiger", "directory": cwd,
            "path": cwd, "title": title, "version": self._folder.builds["opencode"], "permission": "[]", "agent": "build",
            "model": _text({"id": self._provider.model}), "time_created": at, "time_updated": at,
        }  # fmt: skip
        places = ", ".join("?" * len(row))
        self._run(f"INSERT INTO session ({', '.join(row)}) VALUES ({places})", *row.values())

    def _ask(self, text: str) -> str:
        prompt = self._message({"role": "user", "time": {"created": self._provider.stamp}, "agent": "build"})
        self._part({"type": "text", "text": text}, prompt)
        return prompt

    def _take_up(self) -> None:
        """The next step is an answer to the newest prompt, also if that came while a tool ran for another."""
        if self._waiting:
            self._prompt, self._waiting = self._waiting[-1], []

    def _open(self, more: dict[str, Any] | None = None) -> None:
        self._retries, self._streams, self._text = False, False, None
        self._data = {
            "parentID": self._prompt,
            "role": "assistant",
            "mode": "build",
            "agent": "build",
            **(more or {}),
            "time": {"created": self._provider.stamp},
        }
        self._step = self._message(self._data)

    def _stream(self) -> None:
        self._retries = False
        if not self._streams:
            self._streams = True
            self._part({"type": "step-start"})

    def _finish_step(self, reason: str) -> None:
        self._part({"reason": reason, "type": "step-finish", "cost": 0})

    def _end_tool(self, output: str, *, failed: bool = False, declined: bool = False) -> None:
        assert self._tool is not None
        (key, tool), self._tool = self._tool, None
        state: dict[str, Any] = {"status": "completed", "output": output}
        if declined:
            state = {"status": "error", "error": "The user rejected permission to use this specific tool call."}
        elif failed:
            state = {"status": "error", "error": output}
        text = _text({**tool, "state": state})
        self._run("UPDATE part SET data = ?, time_updated = ? WHERE id = ?", text, self._provider.stamp, key)

    def _close(self, finish: str | None, error: dict[str, Any] | None = None) -> None:
        time = {**self._data["time"], "completed": self._provider.stamp}
        data = {**self._data, "time": time, **({"finish": finish} if finish else {}), **({"error": error} if error else {})}
        stamp = self._provider.stamp
        self._run("UPDATE message SET data = ?, time_updated = ? WHERE id = ?", _text(data), stamp, self._step)

    def _message(self, data: dict[str, Any]) -> str:
        key, at = self._key("msg"), self._provider.stamp
        self._run("INSERT INTO message VALUES (?, ?, ?, ?, ?)", key, self._session, at, at, _text(data))
        return key

    def _part(self, data: dict[str, Any], message: str | None = None) -> str:
        key, at = self._key("prt"), self._provider.stamp
        place = (key, message or self._step, self._session, at, at)
        self._run("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)", *place, _text(data))
        return key

    def _key(self, prefix: str) -> str:
        """An id that is greater than the one before, as OpenCode's are also within a millisecond."""
        self._state.lines += 1
        return f"{prefix}_{self._provider.stamp:012x}{self._state.lines:06d}{self._folder.ids.hex(8)}"

    def _run(self, sql: str, *values: Any) -> None:
        self._folder.database(_SCHEMA).execute(sql, values)


def _text(data: dict[str, Any]) -> str:
    return msgspec.json.encode(data).decode()
