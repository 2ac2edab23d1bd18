"""Which event ids a state has seen: an immutable set that costs one entry per event, not one copy.

All states of one replay share growing tables of ids and places; each state knows how many entries are its own.
The next place is given once: whoever continues the same state with another event starts a copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

__all__ = ["NOTHING", "SeenEvents"]


class SeenEvents(msgspec.Struct, frozen=True, eq=False, gc=False):
    """An immutable set of event ids in order of first sight; see the module's docstring."""

    _places: dict[str, int]
    _ids: list[str]
    _count: int

    def __contains__(self, event_id: object) -> bool:
        return isinstance(event_id, str) and self._places.get(event_id, self._count) < self._count

    def __len__(self) -> int:
        return self._count

    def plus(self, event_id: str) -> SeenEvents | None:
        """This set with ``event_id``; None if it holds it already. No id (``""``) is never held."""
        if not event_id:
            return self
        places, ids, count = self._places, self._ids, self._count
        place = places.get(event_id)
        if place is not None and place < count:
            return None
        if count and len(ids) == count:
            ids.append(event_id)
        # append is atomic: of several threads that continue this state, too, one gets the place
        if not count or ids[count] != event_id:
            ids = ids[:count]
            places = {seen: at for at, seen in enumerate(ids)}
            ids.append(event_id)
        places[event_id] = count
        return SeenEvents(places, ids, count + 1)

    def with_new(self, event_ids: Iterable[str]) -> SeenEvents:
        """This set with ids that it does not hold, each of them once."""
        ids = [*self._ids[: self._count], *event_ids]
        return SeenEvents({seen: at for at, seen in enumerate(ids)}, ids, len(ids))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SeenEvents):
            return NotImplemented
        return self._count == other._count and (
            self._ids is other._ids or self._ids[: self._count] == other._ids[: self._count]
        )

    def __hash__(self) -> int:
        return hash(self._count)

    def __repr__(self) -> str:
        return f"<{self._count} event ids>"


NOTHING: Final = SeenEvents({}, [], 0)
"""No id at all."""
