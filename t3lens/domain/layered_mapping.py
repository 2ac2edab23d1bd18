"""A mapping that grows without being copied: states share what they have in common.

Every state of a replay is a value of its own. A thread of thousands of turns would copy its whole turn table at
each change; here a change copies only the newest layer, of at most ``_LAYER`` entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

__all__ = ["last_of", "put"]

_LAYER: Final = 32

K = TypeVar("K")
V = TypeVar("V")


def put(mapping: Mapping[K, V], key: K, value: V) -> Mapping[K, V]:
    """``mapping`` with ``value`` at ``key``; the old one is untouched, and a key keeps its place in the order."""
    if isinstance(mapping, _Layered):
        return mapping.put(key, value)
    if len(mapping) < _LAYER:
        return {**mapping, key: value}
    return _Layered(mapping, {key: value})


def last_of(mapping: Mapping[K, V]) -> V | None:
    """The value of the key that was put in last, however many there are; None of an empty mapping."""
    key = next(reversed(mapping), None)  # type: ignore[arg-type]  # dicts and layers can be, and nothing else is put into
    return mapping[key] if key is not None else None


class _Layered(Mapping[K, V]):
    __slots__ = ("_newest", "_older")

    def __init__(self, older: Mapping[K, V], newest: dict[K, V]) -> None:
        self._older = older
        self._newest = newest

    def put(self, key: K, value: V) -> _Layered[K, V]:
        newest = {**self._newest, key: value}
        if len(newest) <= _LAYER:
            return _Layered(self._older, newest)
        return _Layered({**self._older, **newest}, {})

    def __getitem__(self, key: K) -> V:
        newest = self._newest
        return newest[key] if key in newest else self._older[key]

    def get(self, key: K, default: V | None = None) -> V | None:  # type: ignore[override]  # as dict.get, without its overloads
        newest = self._newest
        return newest[key] if key in newest else self._older.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._newest or key in self._older

    def __iter__(self) -> Iterator[K]:
        yield from self._older
        yield from self._added()

    def __reversed__(self) -> Iterator[K]:
        yield from reversed(self._added())
        yield from reversed(list(self._older))

    def __len__(self) -> int:
        return len(self._older) + len(self._added())

    def __repr__(self) -> str:
        return repr(dict(self))

    def _added(self) -> list[K]:
        return [key for key in self._newest if key not in self._older]
