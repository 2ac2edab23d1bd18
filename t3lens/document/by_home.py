"""The threads and the incidents of an audit home by home, where a format tells them so."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import TypeVar

from t3lens.document.model import IncidentEntry, ThreadEntry

__all__ = ["by_home"]

_Row = TypeVar("_Row", ThreadEntry, IncidentEntry)


def by_home(rows: Sequence[_Row]) -> Callable[[str], list[_Row]]:
    """What gives those of a home, in their order, by the home's id; all are looked through once.

    Args:
        rows: The threads or the incidents of an audit.
    """
    places: dict[str, array[int]] = {}
    for place, one in enumerate(rows):
        places.setdefault(one.home_id, array("Q")).append(place)
    return lambda home_id: [rows[place] for place in places.get(home_id, ())]
