"""What is noted of a task on the shared place while a worker is at it, so that whoever gets it next knows how it ended.

A worker that dies says nothing any more. The next worker finds the note, takes the homes one by one, and notes each before
it begins: a home that takes one more worker with it is given up, and the other homes of the task are not.
"""

from __future__ import annotations

from typing import Final

import msgspec

from t3lens.file_place import FilePlace

__all__ = ["NOTES", "Attempt"]

_MOST_DEATHS: Final = 2
NOTES: Final = "at-work"
"""The folder of the notes."""


class _Note(msgspec.Struct):
    """What is kept.

    Attributes:
        at: The number of the home that is being audited; None if that was not noted.
        deaths: How many workers died at each home, by its number.
        hung: The homes that did not end in time.
    """

    at: int | None = None
    deaths: dict[int, int] = {}
    hung: set[int] = set()


class Attempt:
    """One try at a task.

    Args:
        place: The shared place.
        task: Name of the task.
        homes: How many homes it has.

    Attributes:
        careful: Whether a worker died at it before, so that homes are to be taken one by one.
    """

    def __init__(self, place: FilePlace, task: str, homes: int) -> None:
        self._place, self._name = place, f"{NOTES}/{task}.json"
        left = place.read(self._name)
        self.careful = left is not None
        self._note = _decoded(left)
        at = self._note.at
        if at is not None and at not in self._note.hung:
            self._note.deaths[at] = self._note.deaths.get(at, 0) + 1
        self._note.at = 0 if homes == 1 else None
        self._write()

    def given_up(self, number: int) -> str | None:
        """Why a home of the task is not tried any more; None if it is."""
        if number in self._note.hung:
            return "hung"
        return "died" if self._note.deaths.get(number, 0) >= _MOST_DEATHS else None

    def begin(self, number: int) -> None:
        """Say which home is begun, where a worker died before."""
        if self.careful and self._note.at != number:
            self._note.at = number
            self._write()

    def hangs(self, number: int) -> None:
        """Say that a home did not end in time."""
        self._note.hung.add(number)
        self._note.at = number
        self._write()

    def over(self) -> None:
        """Say that the task is done."""
        self._place.remove(self._name)

    def _write(self) -> None:
        self._place.write(self._name, msgspec.json.encode(self._note))


def _decoded(content: bytes | None) -> _Note:
    """A note; an empty one for what was cut off while it was written."""
    try:
        return msgspec.json.decode(content or b"", type=_Note)
    except msgspec.MsgspecError:
        return _Note()
