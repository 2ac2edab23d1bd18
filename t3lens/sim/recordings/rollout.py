# ruff: noqa: D102 -- the methods are documented where they are declared, in Recording
"""Codex: a rollout, ``task_started`` to ``task_complete``; what an end looks like depends on the build."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import zstandard

from t3lens.sim.recordings.recording import AgentSession, Recording
from t3lens.time import iso

if TYPE_CHECKING:
    from t3lens.sim.recordings.folder import AgentFolder

__all__ = ["Rollout"]

_INTERRUPTED = "<turn_aborted>\nThe user interrupted the previous turn on purpose.\n</turn_aborted>"


class Rollout(Recording):
    """The rollout of one Codex thread."""

    def __init__(self, folder: AgentFolder, provider: AgentSession) -> None:
        self._folder = folder
        self._provider = provider
        self._state = folder.state(provider.conversation)
        self._answer: str | None = None
        self._call: str | None = None
        self._began = 0

    def begin(self, turn_id: str, text: str) -> None:
        state = self._state
        if state.path is None:
            self._create()
        elif state.path.suffix == ".zst":
            self._unpack(state.path)
        fresh = self._began == 0
        state.open_turn, self._answer, self._call, self._began = turn_id, None, None, self._provider.now
        started = {"turn_id": turn_id, "started_at": self._seconds, "model_context_window": 258400}
        if self._folder.at_least("codex", 0, 171):
            attribution = {"turn_id": turn_id, "turn_trigger": None, "parent_turn_id": None}
            started = {"turn_attribution": attribution, **started}
        self._event("task_started", **started)
        if fresh:  # once in the life of a program
            around = f"<environment_context>\n  <cwd>{self._provider.cwd}</cwd>\n</environment_context>"
            self._item("message", role="user", content=[{"type": "input_text", "text": around}])
            if self._folder.at_least("codex", 0, 146):
                self._line("world_state", {"full": True, "state": {}})
        today = {} if self._numbered else {"current_date": iso(self._provider.now)[:10]}
        place = {"turn_id": turn_id, "cwd": self._provider.cwd, **today}
        self._line("turn_context", {**place, "approval_policy": "never", "model": self._provider.model})
        if fresh and self._numbered:
            self._event("thread_settings_applied", thread_id=self._provider.conversation, thread_settings={})
        self._prompt(text)

    def steer(self, text: str) -> None:
        self._prompt(text)

    def answer(self, text: str) -> None:
        self._answer = text
        self._said("AgentMessage", "agent_message", {"content": [{"type": "Text", "text": text}]}, {"message": text})
        self._item("message", role="assistant", content=[{"type": "output_text", "text": text}])
        self._used()

    def call(self, command: str) -> None:
        self._call = f"call_{self._folder.ids.hex(24)}"
        arguments = msgspec.json.encode({"cmd": command}).decode()
        self._item("function_call", name="exec_command", arguments=arguments, call_id=self._call)
        self._used()

    def retry(self, attempt: int, attempts: int, *, partial: bool = False) -> None:
        if partial:  # an error that comes at once leaves nothing
            self._event("token_count", info=None, rate_limits={})

    def result(self, output: str, *, failed: bool = False, declined: bool = False) -> None:
        said = "exec command rejected by user" if declined else f"Process exited with code {int(failed)}\n{output}"
        self._item("function_call_output", call_id=self._call, output=said)
        self._call = None

    def end(self, state: str, message: str | None = None, streamed: str = "") -> None:
        turn_id = self._state.open_turn
        if turn_id is None:
            return
        self._state.open_turn = None
        times = {"completed_at": self._seconds, "duration_ms": (self._provider.now - self._began) // 1000}
        if state == "interrupted":
            self._item("message", role="user", content=[{"type": "input_text", "text": _INTERRUPTED}])
            self._event("turn_aborted", turn_id=turn_id, reason="interrupted", **times)
            return
        said: dict[str, Any] = {"last_agent_message": self._answer if state == "completed" else None}
        if state == "failed" and self._folder.at_least("codex", 0, 146):
            said["error"] = {"message": message or "error", "codex_error_info": "other"}
        self._event("task_complete", turn_id=turn_id, **said, **times)

    def compact(self, turn_id: str) -> None:
        self._state.open_turn, self._began = turn_id, self._provider.now
        self._event("task_started", turn_id=turn_id, started_at=self._seconds, model_context_window=258400)
        self._line("compacted", {"message": "A summary.", "replacement_history": []})
        self._said("ContextCompaction", "context_compacted", {}, {})
        self._answer = None
        self.end("completed")

    def fork(self, conversation: str) -> None:
        parent = self._state
        assert parent.path is not None
        forked = self._folder.state(conversation)
        forked.path = parent.path.with_name(f"rollout-{parent.path.name[8:27]}-{conversation}.jsonl")
        before = parent.path.read_bytes().splitlines()
        self._state = forked
        if self._numbered:  # names its parent, and holds no line of it
            forked.lines = parent.lines
            origin = {"forked_from_id": self._provider.conversation, "forked_from_ordinal_exclusive": parent.lines}
            self._meta(conversation, **origin)
        else:
            self._meta(conversation)
            for line in before:
                self._line(**_parts(line))
        self._state = parent

    def roll_back(self, turns: int) -> None:
        if not self._numbered:  # newer builds cannot
            self._event("thread_rolled_back", num_turns=turns)

    def put_away(self, *, packed: bool = False) -> None:
        path = self._state.path
        assert path is not None
        if packed:
            self._state.path = path.with_name(f"{path.name}.zst")
            self._state.path.write_bytes(zstandard.ZstdCompressor().compress(path.read_bytes()))
            path.unlink()
            return
        folder = self._folder.path / "codex" / "archived_sessions"
        folder.mkdir(parents=True, exist_ok=True)
        self._state.path = path.rename(folder / path.name)

    def shut_down(self) -> None:
        if self._folder.at_least("codex", 0, 156):
            self.end("interrupted")

    # --- lines ----------------------------------------------------------------------------------------------

    @property
    def _seconds(self) -> int:
        return self._provider.now // 1_000_000

    def _create(self) -> None:
        provider, at = self._provider, datetime.fromtimestamp(self._seconds, UTC)
        folder = self._folder.path / "codex" / "sessions" / f"{at:%Y}" / f"{at:%m}" / f"{at:%d}"
        folder.mkdir(parents=True, exist_ok=True)
        self._state.path = folder / f"rollout-{at:%Y-%m-%dT%H-%M-%S}-{provider.conversation}.jsonl"
        self._meta(provider.conversation)

    def _unpack(self, packed: Path) -> None:
        """A resume unpacks a record in its place again."""
        self._state.path = packed.with_suffix("")
        self._state.path.write_bytes(zstandard.ZstdDecompressor().stream_reader(packed.read_bytes()).read())
        packed.unlink()

    def _used(self) -> None:
        if self._numbered:
            session = self._provider.conversation
            turn = {"thread_id": session, "turn_id": self._state.open_turn, "session_id": session}
            self._line("token_usage_record", {**turn, "usage": {"input_tokens": 100, "total_tokens": 120}})

    def _meta(self, conversation: str, **more: Any) -> None:
        provider = self._provider
        meta = {
            "id": conversation,
            **more,
            "timestamp": iso(provider.now),
            "cwd": provider.cwd,
            "originator": "t3code_desktop",
            "cli_version": self._folder.builds["codex"],
            "source": "vscode",
            "model_provider": "openai",
            "base_instructions": {"text": "You are a coding agent."},
        }
        if self._numbered:
            meta = {"session_id": conversation, **meta, "history_mode": "paginated"}
        self._line("session_meta", meta)

    @property
    def _numbered(self) -> bool:
        return self._folder.at_least("codex", 0, 156)

    def _prompt(self, text: str) -> None:
        self._item("message", role="user", content=[{"type": "input_text", "text": text}])
        self._said("UserMessage", "user_message", {"content": [{"type": "text", "text": text}]}, {"message": text})

    def _said(self, item: str, event: str, newer: dict[str, Any], older: dict[str, Any]) -> None:
        if not self._numbered:
            self._event(event, **older)
            return
        said = {"type": item, "id": f"msg_{self._folder.ids.hex(16)}", **newer}
        self._event("item_completed", thread_id=self._provider.conversation, turn_id=self._state.open_turn, item=said)

    def _event(self, kind: str, **payload: Any) -> None:
        self._line("event_msg", {"type": kind, **payload})

    def _item(self, kind: str, **payload: Any) -> None:
        self._line("response_item", {"type": kind, **payload})

    def _line(self, kind: str, payload: dict[str, Any]) -> None:
        line: dict[str, Any] = {"timestamp": f"{iso(self._provider.now)[:23]}Z"}
        if self._numbered:
            line["ordinal"] = self._state.lines
        self._state.lines += 1
        path = self._state.path
        assert path is not None
        with Path(path).open("ab") as stream:
            stream.write(msgspec.json.encode({**line, "type": kind, "payload": payload}) + b"\n")


def _parts(line: bytes) -> dict[str, Any]:
    """Kind and payload of a line, which a fork writes again with the time of the fork."""
    said = msgspec.json.decode(line)
    return {"kind": said["type"], "payload": said["payload"]}
