"""OpenCode: ``opencode serve``, one process per thread; records by ``type``.

It runs auxiliary sessions too (title generation, children): their words say nothing about the thread's turn.
"""

from __future__ import annotations

from typing import Final

from t3lens.t3code.native.record import NativeRecord, NativeSays

__all__ = ["DRIVER", "MESSAGE_UPDATED", "PROCESS_MARKS", "SESSION_ERROR", "SESSION_IDLE", "SESSION_STATUS", "SIGNS"]

DRIVER: Final = "opencode"

PROCESS_MARKS: Final = ("opencode", "serve")
"""Words that must all stand on the command line of its process."""

MESSAGE_UPDATED: Final = "message.updated"
SESSION_STATUS: Final = "session.status"
SESSION_IDLE: Final = "session.idle"
SESSION_ERROR: Final = "session.error"

_ABORTED: Final = "MessageAbortedError"
"""The error by which it tells that a person, or the app for them, ended the turn."""


def _status(said: NativeRecord) -> NativeSays | None:
    return _STATUSES.get(said.session_status or "")


def _message(said: NativeRecord) -> NativeSays | None:
    return NativeSays.ANSWERED if said.message_finish == _STOP else None


_STATUSES: Final = {says.value: says for says in (NativeSays.BUSY, NativeSays.IDLE, NativeSays.RETRY)}
"""OpenCode's own words for the status of a session; they are the ones used here."""

_STOP: Final = "stop"
"""Why the model ended a message that is the answer; any other says that the turn goes on, or broke."""

SIGNS: Final = {
    MESSAGE_UPDATED: _message,
    SESSION_STATUS: _status,
    SESSION_IDLE: lambda said: NativeSays.IDLE,
    SESSION_ERROR: lambda said: None if said.error_name == _ABORTED else NativeSays.ERROR,
}
"""What a record of a type says of the turn."""
