"""pi: ``sessions/--<cwd with ->--/<stamp>_<session uuid>.jsonl`` below ``~/.pi/agent``.

Seen with 1.6.0. A tree of entries; an answer says why it stopped. An interrupted or killed turn has no answer.
"""

from __future__ import annotations

from typing import Final

from t3lens.agents.draft import Draft
from t3lens.agents.lines import LineRecord
from t3lens.agents.record import RecordMark, Sureness, TurnOutcome
from t3lens.agents.values import JsonObject, as_object, as_text, first_text, stamp

__all__ = ["PiSession"]

_GOES_ON: Final = "toolUse"
_STOPPED: Final = {"error": TurnOutcome.FAILED, "aborted": TurnOutcome.ABORTED, "stop": TurnOutcome.FINISHED}


class PiSession(LineRecord):
    """Reduces the lines of one session."""

    provider = "pi"

    def _take(self, line: int, offset: int, raw: bytes) -> None:
        value = self._parsed(raw)
        if value is None:
            return
        at = stamp(value.get("timestamp"))
        self._seen(at)
        kind = as_text(value.get("type")) or ""
        if kind == "session":
            self.session_id = self.session_id or as_text(value.get("id"))
            self.cwd = self.cwd or as_text(value.get("cwd"))
        elif kind == "message":
            message = as_object(value.get("message"))
            role = as_text(message.get("role")) or kind
            mark = self.mark(role, at, line, offset, raw)
            self._message(role, as_text(value.get("id")), message, mark)

    def _message(self, role: str, entry: str | None, message: JsonObject, mark: RecordMark) -> None:
        if role == "user":
            self.drafts.append(Draft(mark, entry, started_at=mark.at, doing="waiting for the model"))
        elif self.current is None:
            return
        elif role == "toolResult":
            self.current.goes_on(mark, "waiting for the model")
        elif role == "assistant":
            stop = as_text(message.get("stopReason"))
            if stop is None or stop == _GOES_ON:
                self.current.goes_on(mark, "in a tool call, which runs or waits for approval")
                return
            known = stop in _STOPPED
            self.current.ends(
                _STOPPED.get(stop, TurnOutcome.FINISHED),
                mark,
                sureness=Sureness.HIGH if known else Sureness.MEDIUM,
                why="" if known else f"the answer stopped for the reason {stop[:40]}",
                error=first_text(message.get("errorMessage")) if stop == "error" else None,
            )
