"""Codex: ``codex app-server``, one process per thread; records by ``method``, ids of the provider's own."""

from __future__ import annotations

from typing import Final

from t3lens.t3code.native.record import NativeRecord, NativeSays

__all__ = ["DRIVER", "PROCESS_MARKS", "SIGNS", "TURN_ABORTED", "TURN_COMPLETED", "TURN_STARTED"]

DRIVER: Final = "codex"

PROCESS_MARKS: Final = ("codex", "app-server")
"""Words that must all stand on the command line of its process."""

RAW_SOURCE_PREFIX: Final = "codex."
"""What ``raw.source`` of a canonical event begins with that was made of its record: such a record carries the
canonical event's own id."""

ITEM_COMPLETED: Final = "item/completed"
TURN_STARTED: Final = "turn/started"
TURN_COMPLETED: Final = "turn/completed"
TURN_ABORTED: Final = "turn/aborted"
TURN_INTERRUPTED: Final = "turn/interrupted"

_FAILED: Final = "failed"
"""Status of a turn that failed; any other ended it well, or on purpose."""


def _ended(said: NativeRecord) -> NativeSays:
    return NativeSays.ERROR if said.turn_status == _FAILED else NativeSays.IDLE


def _item(said: NativeRecord) -> NativeSays | None:
    return NativeSays.ANSWERED if said.item_phase == _FINAL else None


_FINAL: Final = "final_answer"
"""``phase`` of a message that is the turn's answer; older builds name none."""

SIGNS: Final = {
    ITEM_COMPLETED: _item,
    TURN_STARTED: lambda said: NativeSays.BUSY,
    TURN_COMPLETED: _ended,
    TURN_ABORTED: _ended,
    TURN_INTERRUPTED: _ended,
}
"""What a record of a method says of the turn."""
