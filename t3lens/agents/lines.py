"""What the readers of line records share: the count of lines, the span of time, the builds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final, Self

from t3lens.agents.builds import newer_build
from t3lens.agents.draft import Draft, settled
from t3lens.agents.record import AgentRecord, RecordMark, SessionOrigin
from t3lens.agents.values import JsonObject, json_object
from t3lens.time import Micros

__all__ = ["LineRecord"]

_REJECTED_KEPT: Final = 1000


class LineRecord(ABC):
    """A record that is read line by line; a subclass knows one agent's lines.

    Feed every complete line in the file's order, then ask for ``result``. Lines that cannot matter are told by
    their first bytes and never parsed.
    """

    provider: str

    def __init__(self) -> None:
        self.session_id: str | None = None
        self.cwd: str | None = None
        self.parent_id: str | None = None
        self.origin: SessionOrigin | None = None
        self.drafts: list[Draft] = []
        self.notes: list[str] = []
        self._builds: dict[str, None] = {}
        self._first_at: Micros | None = None
        self._last_at: Micros | None = None
        self._lines = 0
        self._unread = 0
        self._at_line = 0
        self._rejected: list[RecordMark] = []
        self._at_offset = 0
        self._holes: list[int] = []  # numbers of lines that were lost or could not be read
        self._strange: list[int] = []  # numbers of lines of an unknown kind since the last end that was understood
        self._torn = 0

    def feed(self, line: int, offset: int, raw: bytes) -> None:
        """Take one complete line.

        Args:
            line: Its number, counted from 1.
            offset: Its byte offset in the (unpacked) file.
            raw: Its bytes without the end mark.
        """
        if not raw or raw.isspace():
            return
        self._lines += 1
        self._at_line, self._at_offset = line, offset
        self._take(line, offset, raw)

    def feed_last(self, line: int, offset: int, raw: bytes) -> None:
        """Take the last line if it has no end mark: whole if it is JSON, else torn."""
        if not raw or raw.isspace():
            return
        if json_object(raw) is None:
            self._torn = len(raw)
            self._holes.append(line)
            self._reject("a line without an end that is no JSON object", line, offset, raw)
        else:
            self.feed(line, offset, raw)

    def result(self) -> AgentRecord:
        """What was read."""
        notes, newer = list(self.notes), newer_build(self.provider, self._builds)
        if newer is not None:
            notes.append(f"written by build {newer}, which is newer than those that are known here")
        return AgentRecord(
            provider=self.provider,
            session_id=self.session_id,
            builds=tuple(self._builds),
            cwd=self.cwd,
            parent_id=self.parent_id,
            origin=self.origin,
            first_at=self._first_at,
            last_at=self._last_at,
            lines=self._lines,
            unread=self._unread,
            torn=self._torn,
            turns=settled(self.drafts, sorted({*self._holes, *self._strange})),
            notes=tuple(notes),
            rejected=tuple(self._rejected),
        )

    def lean(self) -> Self:
        """Itself, without words of a line that it only looks at once it is asked: before it is kept."""
        return self

    @abstractmethod
    def _take(self, line: int, offset: int, raw: bytes) -> None:
        """Take one line that is not blank."""

    def _understood(self) -> None:
        """Note that an end was understood: what is unknown before it stands for no end."""
        self._strange.clear()

    def _parsed(self, raw: bytes) -> JsonObject | None:
        """The line as an object; None, and counted, if it is none."""
        value = json_object(raw)
        if value is None:
            self._unread += 1
            self._holes.append(self._at_line)
            self._reject("no JSON object", self._at_line, self._at_offset, raw)
        return value

    def _reject(self, why: str, line: int, offset: int, raw: bytes) -> None:
        if len(self._rejected) < _REJECTED_KEPT:
            self._rejected.append(RecordMark(why, line=line, offset=offset, size=len(raw)))

    def _seen(self, at: Micros | None, build: str | None = None) -> None:
        """Widen the record's span, and note the build that wrote the line."""
        if at is not None:
            if self._first_at is None or at < self._first_at:
                self._first_at = at
            if self._last_at is None or at > self._last_at:
                self._last_at = at
        if build is not None:
            self._builds[build] = None

    @property
    def current(self) -> Draft | None:
        """The newest turn, ended or not."""
        return self.drafts[-1] if self.drafts else None

    @staticmethod
    def mark(what: str, at: Micros | None, line: int, offset: int, raw: bytes) -> RecordMark:
        """A place in this file."""
        return RecordMark(what, at, line=line, offset=offset, size=len(raw))
