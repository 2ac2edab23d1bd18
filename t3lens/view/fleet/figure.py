"""The fleet's timeline: all threads as rows, turns as bars coloured by verdict, server runs as bands behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from t3lens.errors import UsageError
from t3lens.time import Micros
from t3lens.view.fleet.pages import FleetPicture
from t3lens.view.fleet.picture import fleet_fallback
from t3lens.view.notebook.front_end import LastPage, attended
from t3lens.view.page.escape import plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from t3lens.store import Store

__all__ = ["GROUPINGS", "fleet_picture", "fleet_timeline"]

GROUPINGS: Final = ("verdict", "project", "provider", "home")

_ROWS: Final = 60


def fleet_picture(
    store: Store, *, as_of: Micros, group_by: str, limit: int, recall: Callable[[list[str]], object] | None
) -> FleetPicture:
    """All threads as pages of rows; see ``fleet_timeline``.

    Raises:
        UsageError: An unknown grouping.
    """
    if group_by not in GROUPINGS:
        raise UsageError(f"cannot group by {plain(group_by, 40)!r}; one of {', '.join(GROUPINGS)}")
    return FleetPicture(store, as_of=as_of, group_by=group_by, limit=limit, recall=recall)


def fleet_timeline(
    store: Store,
    *,
    as_of: Micros,
    group_by: str = "verdict",
    limit: int = _ROWS,
    dark: bool = False,
    static: bool | None = None,
    recall: Callable[[list[str]], object] | None = None,
) -> go.Figure:
    """One figure of all threads: who was at work when, what is stuck since when, and when servers came and went.

    Args:
        store: The store to read.
        as_of: Open turns reach to here, microseconds UTC.
        group_by: ``verdict``, ``project``, ``provider`` or ``home``.
        limit: How many threads get a row at once, worst first; in a notebook the next ones are a click away.
        dark: Draw for a dark page. In a notebook the figure finds out by itself; a plain one has buttons.
        static: A plain figure, without a kernel behind it; by default that, except in an attended notebook.
        recall: Has the view ``incidents`` filled for some thread ids; asked for the threads of a page when it is shown.

    Raises:
        UsageError: An unknown grouping.
    """
    threads = fleet_picture(store, as_of=as_of, group_by=group_by, limit=limit, recall=recall)
    if attended() if static is None else not static:
        from t3lens.view.fleet.live import LiveFleet

        return LiveFleet(threads, store, dark=dark)
    from t3lens.view.timeline.still import StillFigure

    figure = StillFigure(threads.still_spec(dark=dark or LastPage.dark))
    figure._t3lens_begins_as_drawn = dark
    figure._t3lens_fallback = lambda: fleet_fallback(threads)
    return figure
