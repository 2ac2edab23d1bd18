"""Several small homes audited at once in one process, each as if it were alone: a store and a set of questions for all.

Whatever may be otherwise than with a home alone (one that cannot be read or judged, a copy of another) is left to who audits
one home after the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final

from t3lens.document.merge import MergeableAudit
from t3lens.fleet.one_home import Asked, audit_homes, size_of

if TYPE_CHECKING:
    from t3lens.ingest import Home

__all__ = ["audit_together", "groups"]

_SMALL: Final = 2 << 20
_AT_ONCE: Final = 16 << 20
_MOST: Final = 64


def groups(homes: Sequence[Home], asked: Asked, jobs: int) -> list[list[int]]:
    """Which homes are audited together, by their places, in order; one alone is a group of its own.

    Args:
        homes: All homes.
        asked: What is asked of them.
        jobs: How many processes share them.
    """
    if not _can_be_asked_together(asked):
        return [[number] for number in range(len(homes))]
    most = min(_MOST, -(-len(homes) // jobs))
    found: list[list[int]] = []
    held = _AT_ONCE
    for number, home in enumerate(homes):
        size = size_of(home)
        if size > _SMALL or home.elsewhere is not None or home.kind == "collected":
            found.append([number])
            held = _AT_ONCE
            continue
        if held + size > _AT_ONCE or len(found[-1]) >= most:
            found.append([])
            held = 0
        found[-1].append(number)
        held += size
    return found


def _can_be_asked_together(asked: Asked) -> bool:
    return asked.folder is None and asked.compare is None and asked.since is None


def audit_together(homes: Sequence[Home], asked: Asked) -> list[MergeableAudit | None]:
    """Audit several homes in this process.

    Args:
        homes: Small ones.
        asked: What is asked of each.

    Returns:
        The audits in order, each the same as of the home alone; None for one that is to be audited by itself.
    """
    from t3lens.session.session import Session
    from t3lens.store import Store

    nothing: list[MergeableAudit | None] = [None] * len(homes)
    often = Counter(home.home_id for home in homes)
    places = [number for number, home in enumerate(homes) if often[home.home_id] == 1 and home.left_out is None]
    if len(places) < 2 or not _can_be_asked_together(asked):
        return nothing
    chosen = [homes[number] for number in places]
    try:
        # emptied and used again, a store would keep ever more memory
        with closing(Store.open()) as store:
            session = Session(store, chosen, asked.options, progress=False, conclusions=False)
            audits = audit_homes(session)
            judged = {one.home.home_id for one in session.diagnosis.homes if one.home.standing.cannot_judge is None}
    except Exception:  # who audits one after the other finds whose it is, and what
        return nothing
    for number, home in zip(places, chosen, strict=True):
        if home.home_id in judged and not audits[home.home_id].blind:
            nothing[number] = audits[home.home_id]
    return nothing
