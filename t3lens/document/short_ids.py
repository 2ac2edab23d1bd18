"""Beginnings of ids that tell them apart, of threads that may be very many."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence

from t3lens.document.model import ThreadEntry
from t3lens.document.rows import DiskRows, Ranking
from t3lens.view.page.escape import distinct_prefixes

__all__ = ["short_ids"]


def short_ids(threads: Sequence[ThreadEntry]) -> Mapping[str, str]:
    """For the id of each thread the beginning that tells it; see ``t3lens.view.page.escape.distinct_prefixes``.

    Args:
        threads: Of an audit; where they are on the disk, so are their ids.
    """
    ids = (thread.thread_id for thread in threads)
    return _Prefixes(ids) if isinstance(threads, DiskRows) else distinct_prefixes(ids)


class _Prefixes(Mapping[str, str]):
    """The same as the dict, found among sorted ids when it is asked for: few of very many threads are told of."""

    def __init__(self, ids: Iterator[str]) -> None:
        rows, ranking = DiskRows(str), Ranking[str](str)
        for one in ids:
            rows.append(one)
            ranking.append(one)
        self._ids = rows.in_order(ranking.order())

    def __getitem__(self, one: str) -> str:
        first, after = bisect_left(self._ids, one), bisect_right(self._ids, one)
        if first == after:
            raise KeyError(one)
        beside = [self._ids[place] for place in (first - 1, after) if 0 <= place < len(self._ids)]
        return distinct_prefixes([one, *beside])[one]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)
