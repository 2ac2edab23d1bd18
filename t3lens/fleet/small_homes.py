"""Several small homes audited at once in one process, each as if it were alone: a store and a set of questions for all.

Whatever may be otherwise than with a home alone (one that cannot be read or judged, a copy of another) is left to who audits
one home after the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final

from t3lens.document.merge import MergeableAudit
from t3lens.fleet.one_home import AuditRequest, audit_homes, size_of
from t3lens.ingest.sizes import HELD_AT_ONCE, SMALL

if TYPE_CHECKING:
    from t3lens.ingest import Home
    from t3lens.ingest.server import ServerState

__all__ = ["audit_together", "batches", "groups"]

_MOST: Final = 64


def groups(homes: Sequence[Home], asked: AuditRequest, jobs: int) -> list[list[int]]:
    """Which homes are audited together, by their places, in order; one alone is a group of its own.

    Args:
        homes: All homes.
        asked: What is asked of them.
        jobs: How many processes share them.
    """
    if not _can_be_asked_together(asked):
        return [[number] for number in range(len(homes))]
    found: list[list[int]] = []
    for batch in batches(homes, lambda: jobs):
        found += [[number] for number in batch if _is_read_otherwise(homes[number])]
        together = [number for number in batch if not _is_read_otherwise(homes[number])]
        found += [together] if together else []
    return sorted(found)


def batches(homes: Sequence[Home], jobs: Callable[[], int]) -> Iterator[range]:
    """Homes in batches, by their places, in order: small ones that take little memory at once, large ones by themselves.

    Args:
        homes: All homes; each is looked at when its batch is made.
        jobs: How many processes share them, asked at each batch.
    """
    first = held = 0
    most = 1
    for number, home in enumerate(homes):
        size = _weight(home)
        if number > first and (held + size > HELD_AT_ONCE or number - first >= most):
            yield range(first, number)
            first = number
        if number == first:
            held, most = 0, min(_MOST, -(-len(homes) // max(jobs(), 1)))
        held += size
    if len(homes):
        yield range(first, len(homes))


def _weight(home: Home) -> int:
    """How many bytes a home counts for in a batch; a large one counts for a whole batch."""
    if home.elsewhere is not None:
        return SMALL  # how large it is is known when it has been copied
    size = size_of(home)
    return size if size <= SMALL else HELD_AT_ONCE + 1


def _is_read_otherwise(home: Home) -> bool:
    return home.elsewhere is not None or home.kind == "collected"


def _can_be_asked_together(asked: AuditRequest) -> bool:
    return asked.folder is None and asked.compare is None and asked.since is None


def audit_together(
    homes: Sequence[Home], asked: AuditRequest, servers: Mapping[Home, ServerState] | None = None
) -> list[MergeableAudit | None]:
    """Audit several homes in this process.

    Args:
        homes: Small ones.
        asked: What is asked of each.
        servers: What was found out of their servers; these are asked if that is not said.

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
            probe = servers.__getitem__ if servers is not None else None
            session = Session(store, chosen, asked.options, progress=False, conclusions=False, probe=probe)
            audits = audit_homes(session)
            judged = {one.home.home_id for one in session.diagnosis.homes if one.home.standing.cannot_judge is None}
    except Exception:  # who audits one after the other finds whose it is, and what
        return nothing
    for number, home in zip(places, chosen, strict=True):
        if home.home_id in judged and not audits[home.home_id].blind:
            nothing[number] = audits[home.home_id]
    return nothing
