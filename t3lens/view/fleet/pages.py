"""All threads as pages of rows: which rows are drawn now, their bars, and the figure of them for a time range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from t3lens.store import Store
from t3lens.time import SECOND, Micros
from t3lens.view.fleet.data import FleetBar, FleetIncident, FleetRow, fleet_bars, fleet_incidents, fleet_rows, server_marks
from t3lens.view.fleet.scene import (
    FLEET_BARS,
    FLEET_MARKS,
    FleetContent,
    bar_end,
    bar_verdict,
    fleet_scene,
    group_of,
    incident_end,
    quiet_stretches,
)
from t3lens.view.scene.axis import with_margin
from t3lens.view.scene.parts import Fold, Scene
from t3lens.view.scene.switches import switched_spec, zoned_spec

__all__ = ["FleetPicture"]


class FleetPicture:
    """All threads, some rows of which are drawn: which those are, their bars, and how much time they take up.

    Attributes:
        rows: All threads, worst first.
        shown: Those that have a row now, by group.
        first: The place of the first of them among all.
        whole: From when to when there is anything to see in the rows shown.
    """

    def __init__(
        self,
        store: Store,
        *,
        as_of: Micros,
        group_by: str,
        limit: int,
        recall: Callable[[list[str]], object] | None = None,
    ) -> None:
        """Read all threads and the bars of all their turns.

        Args:
            store: The store to read.
            as_of: Open turns reach to here, microseconds UTC.
            group_by: ``verdict``, ``project``, ``provider`` or ``home``.
            limit: How many threads are drawn at once.
            recall: Has the view ``incidents`` filled for some thread ids; asked for each page when it is shown.
        """
        self.as_of = as_of
        self._store = store
        self._recall = recall
        self.group_by = group_by
        self.limit = max(limit, 1)
        self.rows = fleet_rows(store, sparks=False)
        self._ordered = self._paged()
        self._bars: dict[tuple[str, str], list[FleetBar]] = {}
        for bar in fleet_bars(store):
            self._bars.setdefault((bar.home_id, bar.thread_id), []).append(bar)
        self.marks = server_marks(store)
        self.first = 0
        self.show(0)

    def _paged(self) -> list[FleetRow]:
        """The threads page by page, worst first; the rows of a page stand by group."""
        pages = range(0, len(self.rows), self.limit)
        return [row for at in pages for row in _grouped(self.rows[at : at + self.limit], self.group_by)]

    def show(self, first: int) -> None:
        """Show the page of rows that the thread at place ``first`` is on."""
        last_page = max(len(self.rows) - 1, 0) // self.limit
        page = min(max(first // self.limit, 0), last_page)
        self.first = page * self.limit
        self.shown = self._ordered[self.first : self.first + self.limit]
        place = {(row.home_id, row.thread_id): n for n, row in enumerate(self.shown)}
        self._mine = [bar for key in place for bar in self._bars.get(key, ())]
        self._place = place
        homes = {row.home_id for row in self.shown}
        moments = [at for bar in self._mine for at in (bar.start, self._ends(bar))]
        ids = [row.thread_id for row in self.shown]
        if self._recall is not None:
            self._recall(ids)
        found = fleet_incidents(self._store, ids)
        self._incidents = [one for one in found if (one.home_id, one.thread_id) in place]
        moments += [one.start for one in self._incidents]
        moments += [mark.at for mark in self.marks if mark.home_id in homes]
        moments += [row.since for row in self.shown if row.since is not None]
        low, high = min(moments or [self.as_of]), max(moments or [self.as_of])
        quiet = quiet_stretches(self._content(Fold(low - SECOND, high + SECOND)))
        self.whole = with_margin(Fold(low, high), quiet)

    def _ends(self, bar: FleetBar) -> Micros:
        return bar_end(bar, self.shown[self._place[bar.home_id, bar.thread_id]], self.as_of)

    def scene(self, low: Micros | None = None, high: Micros | None = None) -> Scene:
        """What a picture of the rows shown and a time range shows; all of their time if not said."""
        low, high = (self.whole[0] if low is None else low), (self.whole[1] if high is None else high)
        return fleet_scene(self._content(Fold(*self.whole)), Fold(low, max(high, low + 1)))

    def _content(self, whole: Fold) -> FleetContent:
        homes = {row.home_id for row in self.shown}
        return FleetContent(
            rows=tuple(self.rows), shown=tuple(self.shown), first=self.first, bars=tuple(self._mine),
            incidents=tuple(self._incidents), servers=tuple(mark for mark in self.marks if mark.home_id in homes),
            whole=whole, as_of=self.as_of, group_by=self.group_by,
        )  # fmt: skip

    def spec(self, low: Micros, high: Micros, *, offset: Micros = 0) -> dict[str, Any]:
        """The figure of the rows shown and a time range as traces (always as many) and layout, for a light page.

        Args:
            low: Where the range begins, microseconds UTC.
            high: Where it ends.
            offset: How far from UTC the zone is that times are told in.
        """
        return zoned_spec(self.scene(low, high), FLEET_BARS, FLEET_MARKS, offset=offset)

    def still_spec(self, *, dark: bool) -> dict[str, Any]:
        """The figure of the rows shown that stands alone, with buttons for its theme and the zone of its times."""
        return switched_spec(self.scene(), FLEET_BARS, FLEET_MARKS, dark=dark)

    def bars_of(self, row: FleetRow) -> list[tuple[Micros, Micros, str, bool]]:
        """The bars of one of the rows shown, by time: start, end, verdict, open."""
        found = self._bars.get((row.home_id, row.thread_id), [])
        return sorted((bar.start, bar_end(bar, row, self.as_of), bar_verdict(bar, row.verdict), bar.open) for bar in found)

    def _over(self, one: FleetIncident) -> Micros:
        row = self.shown[self._place[one.home_id, one.thread_id]]
        return incident_end(one, row, self.as_of)

    def incidents_of(self, row: FleetRow) -> list[tuple[Micros, Micros, str]]:
        """The incidents of one of the rows shown, by time: start, end, verdict."""
        mine = [one for one in self._incidents if (one.home_id, one.thread_id) == (row.home_id, row.thread_id)]
        return [(one.start, self._over(one), one.verdict) for one in mine]


def _grouped(rows: list[FleetRow], group_by: str) -> list[FleetRow]:
    """``rows`` with those of one group together; groups and rows in them stay worst first."""
    order: dict[str, int] = {}
    for row in rows:
        order.setdefault(group_of(row, group_by), len(order))
    return sorted(rows, key=lambda row: order[group_of(row, group_by)])
