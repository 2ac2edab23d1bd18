"""A thread's timeline as a plotly figure: a plain one, or one with a kernel behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from t3lens.time import Micros
from t3lens.view.notebook.front_end import LastPage, headless
from t3lens.view.timeline.data import TimelineData, TimelineIndex
from t3lens.view.timeline.fallback import timeline_fallback
from t3lens.view.timeline.scene import still_spec

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from t3lens.store import Store

__all__ = ["draw", "thread_timeline"]


def draw(data: TimelineData, *, dark: bool = False, since_fork: bool = False) -> go.Figure:
    """The plain figure of ``data``, with a still picture and tables for pages that cannot draw it."""
    from t3lens.view.timeline.still import StillFigure

    figure = StillFigure(still_spec(data, dark=dark or LastPage.dark, since_fork=since_fork))
    figure._t3lens_begins_as_drawn = dark
    figure._t3lens_fallback = lambda: timeline_fallback(data)
    return figure


def thread_timeline(
    store: Store,
    home_id: str,
    thread_id: str,
    *,
    as_of: Micros,
    compare: str | None = None,
    static: bool = False,
    content: bool = False,
    dark: bool = False,
    since_fork: bool = False,
) -> go.Figure:
    """One figure of everything that is known about a thread, on one time axis.

    Args:
        store: The store to read.
        home_id: The thread's home.
        thread_id: The thread, in full.
        as_of: The moment the verdict is about, microseconds UTC; open things reach to here.
        compare: A rules profile to show as a third pair of lanes, the fork marked.
        static: A plain figure, without a kernel behind it; otherwise one that refines itself on zoom. A notebook
            that runs with nobody before it gets plain figures.
        content: Let the record pane show prompt and answer text too.
        dark: Draw for a dark page. A live figure finds out by itself; a plain one begins as the last live one was, and
            has buttons.
        since_fork: Count times from where history forked, at first; a live figure has a menu, a plain one buttons.

    Raises:
        UsageError: The store knows nothing of this thread.
    """
    index = TimelineIndex(store, home_id, thread_id, as_of=as_of, compare=compare)
    if static or headless():
        try:
            return draw(index.view(), dark=dark, since_fork=since_fork)
        finally:
            index.close()
    from t3lens.view.timeline.live import LiveTimeline

    return LiveTimeline(index, store, content=content, dark=dark, since_fork=since_fork)
