"""Secrets that stand in pieces: an answer streams a few letters at a time, and no record alone holds the whole of one.

The pieces of each stream are joined again, and what is a secret in the joined text is taken out of the pieces it is
spread over: the first says that something was masked, the others lose their part. Which texts stream is told by words
that all providers use for it ("delta", "chunk"), so that no provider has to be known here.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from t3lens.redact.redactor import Redactor

__all__ = ["STREAMING_WORDS", "StreamedSecrets"]

STREAMING_WORDS: Final = "delta|chunk|partial|stream"
"""Words, as a regular expression, that all providers use for what comes in pieces."""

_STREAMS: Final = re.compile(STREAMING_WORDS, re.IGNORECASE)
_KINDS: Final = frozenset({"type", "method", "sessionupdate", "kind", "event", "stage"})
_OF_STREAM: Final = frozenset({
    "itemid", "messageid", "partid", "callid", "toolcallid", "turnid", "streamkind", "index", "contentindex", "summaryindex",
    "outputindex", "field", "processid", "terminalid", "role", "threadid", "sessionid",
})  # fmt: skip
"""Names, without marks and in small letters, of what tells one stream from another."""
_LETTERS: Final = re.compile(r"[^a-z0-9]")
_WINDOW: Final = 1 << 18
"""Characters of a stream that are searched together."""
_OVERLAP: Final = 1 << 14
"""Of these so many again with what follows: no secret is longer, but for a very long private key."""
_MOST_HELD: Final = 1 << 25
_DEEPEST: Final = 12

_Path = tuple[str | int, ...]


@dataclass(slots=True)
class _Stream:
    """Pieces of one stream that were not searched yet, or are searched again with what follows."""

    pieces: list[tuple[Hashable, _Path, str]] = field(default_factory=list)
    size: int = 0


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a piece that belongs to a secret, and what stands for it."""

    start: int
    end: int
    mask: str


class StreamedSecrets:
    """Finds secrets in pieces in a row of records, then masks each record: ``add`` all of them first.

    Args:
        redactor: Tells what a secret is, and what its mask is.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._streams: dict[Hashable, _Stream] = {}
        self._parts: dict[tuple[Hashable, _Path], list[_Part]] = {}
        self._places: set[Hashable] = set()
        self._held = 0

    def add(self, place: Hashable, record: object, *, streams: bool = False) -> None:
        """Note the pieces of a record, in the order of the records.

        Args:
            place: What tells it from all others.
            record: The record, decoded.
            streams: Whether it is known that its texts go on in the next one; otherwise its words tell.
        """
        if not isinstance(record, Mapping):
            return
        words: list[str] = []
        marks: list[str] = []
        texts: list[tuple[_Path, str]] = []
        for path, value in _leaves(record, (), _DEEPEST):
            name = _plain(path)
            if name in _KINDS and isinstance(value, str):
                words.append(value)
            elif name in _OF_STREAM:
                marks.append(f"{name}={value}")
            elif isinstance(value, str) and value and not name.endswith(("id", "at", "uuid")):
                texts.append((path, value))
        if not texts:
            return
        if not streams:
            shown = " ".join(str(name) for path, _ in texts for name in path)
            if not (_STREAMS.search(" ".join(words)) or _STREAMS.search(shown) or _is_streaming(record)):
                return
        kinds = " ".join(words)
        for path, text in texts:
            # Of some providers each piece has ids of its own, and others' streams take turns: both are tried.
            for key in ((kinds, path, tuple(marks)), (kinds, path)):
                self._note(key, place, path, text)

    def has(self, place: Hashable) -> bool:
        """Whether a record that was added holds a piece of a secret."""
        self._search_all()
        return place in self._places

    def masked(self, place: Hashable, record: Any) -> Any:
        """A record that was added, without what belongs to a secret in pieces; all else of it as it was."""
        self._search_all()
        if not self._parts or not isinstance(record, Mapping):
            return record
        for path, text in [(path, text) for path, text in _leaves(record, (), _DEEPEST) if isinstance(text, str)]:
            parts = self._parts.get((place, path))
            if parts:
                record = _replaced_at(record, path, _cut(text, parts))
        return record

    def _search_all(self) -> None:
        for key, stream in self._streams.items():
            self._search(key, stream)
        self._streams.clear()

    def _note(self, key: Hashable, place: Hashable, path: _Path, text: str) -> None:
        stream = self._streams.setdefault(key, _Stream())
        stream.pieces.append((place, path, text))
        stream.size += len(text)
        self._held += len(text)
        if stream.size > _WINDOW:
            self._search(key, stream)
        if self._held > _MOST_HELD:
            for one, other in self._streams.items():
                self._search(one, other)

    def _search(self, key: Hashable, stream: _Stream) -> None:
        """Look for secrets in the joined text, and keep its end for what follows."""
        if len(stream.pieces) > 1:
            joined = "".join(text for _, _, text in stream.pieces)
            starts, at = [], 0
            for _, _, text in stream.pieces:
                starts.append(at)
                at += len(text)
            for secret in self._redactor.secrets(joined):
                self._divide_mask(stream, starts, secret.start, secret.end, secret.mask)
        kept, size = len(stream.pieces), 0
        while kept and size < _OVERLAP:
            kept -= 1
            size += len(stream.pieces[kept][2])
        self._held -= stream.size - size
        stream.pieces, stream.size = stream.pieces[kept:], size

    def _divide_mask(self, stream: _Stream, starts: list[int], start: int, end: int, mask: str) -> None:
        over = [
            (number, max(0, start - first), min(len(text), end - first))
            for number, (first, (_, _, text)) in enumerate(zip(starts, stream.pieces, strict=True))
            if first < end and first + len(text) > start
        ]
        if len(over) < 2:
            return  # whole in one piece: it is masked there
        for place, (number, first, last) in enumerate(over):
            where, path, _ = stream.pieces[number]
            self._places.add(where)
            self._parts.setdefault((where, path), []).append(_Part(first, last, "" if place else mask))


def _leaves(value: object, path: _Path, depth: int) -> Iterator[tuple[_Path, str | int]]:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        yield path, value
    elif depth and isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(part, (*path, str(name)), depth - 1)
    elif depth and isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _leaves(part, (*path, number), depth - 1)


def _plain(path: _Path) -> str:
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    return _LETTERS.sub("", name.lower())


def _is_streaming(record: Mapping[Any, Any]) -> bool:
    """Whether a record says of itself that more follows."""
    return record.get("streaming") is True or any(
        isinstance(part, Mapping) and part.get("streaming") is True for part in record.values()
    )


def _cut(text: str, parts: list[_Part]) -> str:
    """A text without some parts; of parts that overlap the first one's mask stands."""
    shown, at = [], 0
    for part in sorted(parts, key=lambda one: (one.start, one.mask == "")):
        if part.end <= at:
            continue
        if part.start >= at:
            shown += [text[at : part.start], part.mask]
        at = part.end
    return "".join([*shown, text[at:]])


def _replaced_at(value: Any, path: _Path, text: str) -> Any:
    """A copy of a value in which ``text`` stands at ``path``."""
    if not path:
        return text
    if isinstance(value, Mapping):
        return {name: _replaced_at(part, path[1:], text) if str(name) == path[0] else part for name, part in value.items()}
    return [_replaced_at(part, path[1:], text) if number == path[0] else part for number, part in enumerate(value)]
