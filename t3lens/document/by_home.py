"""The threads of an audit home by home, where a format tells them so."""

from __future__ import annotations

from array import array
from collections.abc import Callable

from t3lens.document.model import AuditDocument, ThreadEntry

__all__ = ["threads_by_home"]


def threads_by_home(document: AuditDocument) -> Callable[[str], list[ThreadEntry]]:
    """What gives the threads of a home, in their order, by the home's id; the threads are looked through once.

    Args:
        document: An audit.
    """
    places: dict[str, array[int]] = {}
    for place, thread in enumerate(document.threads):
        places.setdefault(thread.home_id, array("Q")).append(place)
    return lambda home_id: [document.threads[place] for place in places.get(home_id, ())]
