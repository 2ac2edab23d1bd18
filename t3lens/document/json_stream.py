"""A JSON document read a piece at a time: its members, and of long arrays one element after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

__all__ = ["Member", "members"]

_AT_ONCE: Final = 1 << 18
_AFTER: Final = frozenset(" \t\n\r,:]}")
"""What may follow a value."""

_SPACE: Final = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Member:
    """A part of a document.

    Attributes:
        name: Under which it stands.
        value: The whole of it, or one element.
        place: Which element; None of a whole.
    """

    name: str
    value: Any
    place: int | None = None


def members(stream: IO[str], long: Collection[str]) -> Iterator[Member]:
    """The members of an object in their order; of what is no object one without a name.

    Args:
        stream: The document.
        long: The names of those whose elements come one by one, if they are arrays.

    Raises:
        ValueError: It is no JSON, or no text.
        RecursionError: It is nested too deeply.
    """
    text = _Text(stream)
    if text.next() != "{":
        yield Member("", text.value())
    else:
        text.take("{")
        while text.next() != "}":
            name = text.value()
            if not isinstance(name, str):
                raise text.error("Expecting property name")
            text.take(":")
            if name in long and text.next() == "[":
                yield from _elements(text, name)
            else:
                yield Member(name, text.value())
            text.go_on("}")
        text.take("}")
    if text.next():
        raise text.error("Extra data")


def _elements(text: _Text, name: str) -> Iterator[Member]:
    text.take("[")
    number = 0
    while text.next() != "]":
        yield Member(name, text.value(), number)
        number += 1
        text.go_on("]")
    text.take("]")


class _Text:
    """So much of a stream as is being read."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream, self._held, self._at, self._before = stream, "", 0, 0
        self._ended = False
        self._decoder = json.JSONDecoder()

    def _read_more(self) -> None:
        found = self._stream.read(max(_AT_ONCE, len(self._held) - self._at))
        self._ended = not found
        self._before += self._at
        self._held, self._at = self._held[self._at :] + found, 0

    def next(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            found = _SPACE.match(self._held, self._at)
            self._at = found.end() if found is not None else self._at
            if self._at < len(self._held) or self._ended:
                return self._held[self._at : self._at + 1]
            self._read_more()

    def take(self, sign: str) -> None:
        """Go over a sign that has to be next."""
        if self.next() != sign:
            raise self.error(f"Expecting {sign!r}")
        self._at += 1

    def go_on(self, end: str) -> None:
        """Go over the comma before another part, or stay before the end."""
        if self.next() != end:
            self.take(",")
            if self.next() == end:
                raise self.error("Illegal trailing comma")

    def value(self) -> Any:
        """The next value."""
        self.next()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._held, self._at)
            except json.JSONDecodeError as error:
                if self._ended:
                    raise self.error(error.msg) from None
            else:
                if self._ended or self._held[end : end + 1] in _AFTER:  # a number may go on
                    self._at = end
                    return found
            self._read_more()

    def error(self, said: str) -> ValueError:
        """That something else was expected here."""
        return ValueError(f"{said}: char {self._before + self._at}")
