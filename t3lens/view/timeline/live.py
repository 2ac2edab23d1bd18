"""Figures with a kernel behind them: they refine themselves on zoom, open records on click, follow the page's theme."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any, Final

import ipywidgets
import plotly.graph_objects as go
import traitlets

from t3lens.store import Store
from t3lens.time import SECOND, Micros, parse_iso
from t3lens.view.notebook.answering import AnsweringWidget
from t3lens.view.notebook.front_end import LastPage, headless
from t3lens.view.notebook.lifetime import belongs_to_cell
from t3lens.view.notebook.scripts import plotly_script
from t3lens.view.page import theme
from t3lens.view.page.assets import figure_script, record_script, style_sheet
from t3lens.view.records import find_record
from t3lens.view.scene.figure import ALL_TIME, stamp
from t3lens.view.timeline.data import TimelineData, TimelineIndex
from t3lens.view.timeline.fallback import timeline_fallback
from t3lens.view.timeline.scene import thread_scene, timeline_spec

__all__ = ["LiveFigure", "LiveTimeline", "RecordPane"]

_SETTLE_S: Final = 0.06
_DAY_MINUTES: Final = 24 * 60
_REPLACED: Final = (
    "base", "x", "y", "width", "customdata", "text", "insidetextfont", "showlegend",
)  # fmt: skip
_TICKS: Final = ("tickmode", "tickvals", "ticktext")
_LAID_OUT: Final = ("shapes", "annotations", "height", "title", "margin", "legend")


class RecordPane(AnsweringWidget):
    """Shows one record, and looks after the figure above it: the page has nothing else that can ask for it.

    What it shows travels as messages, so that a saved notebook holds none of it.
    """

    _esm = record_script()
    _css = style_sheet()
    label = traitlets.Unicode("record").tag(sync=True)
    figure = traitlets.Unicode().tag(sync=True)
    traces = traitlets.Int().tag(sync=True)
    zero = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Where history forked, microseconds UTC: from there times can be counted."""

    def __init__(self, shown: LiveFigure) -> None:
        super().__init__(figure=shown.model_id, traces=len(shown.data), zero=shown.zero)
        self._shown = shown

    def close(self) -> None:
        """End the pane and the layout that ipywidgets made for it."""
        if self.comm is not None:
            self.layout.close()
        super().close()

    def _on_message(self, message: dict[str, Any]) -> None:
        if message.get("do") == "open" and isinstance(message.get("key"), str):
            self._shown.show_record(message["key"])
        elif message.get("do") == "theme":
            self._shown.take_theme(message.get("dark") is True, drawn=message.get("drawn") is True)
        elif message.get("do") == "zone" and isinstance(message.get("minutes"), int):
            minutes = min(max(message["minutes"], -_DAY_MINUTES), _DAY_MINUTES)
            self._shown.take_zone(minutes, since_fork=message.get("fork") is True)
        elif message.get("do") == "rows":
            self._shown.turn_rows(1 if message.get("by") == 1 else -1 if message.get("by") == -1 else 0)
        elif message.get("do") == "blank":
            self._shown.show_again()


class LiveFigure(go.FigureWidget):  # type: ignore[misc]
    """A figure of a time range that is asked again, in a light page's colours, whenever the range changes.

    What inherits says what all there is to see is (``_whole``), what stands in a range (``_spec``), which record a
    mark is of (``_record_of``), and what is left of it where nothing runs (``_fallback``).
    """

    _esm = figure_script()
    _told = False
    _offset: Micros = 0
    """How far from UTC the zone is that times are told in."""
    _drawn_anew = False
    """Whether the page drew it anew in another zone: such a drawing does not follow its page's theme by itself."""
    _since_fork = False
    """Whether times are counted from where history forked instead."""
    library = traitlets.Unicode().tag(sync=True)

    def __init__(self, store: Store, spec: dict[str, Any], *, content: bool, dark: bool) -> None:
        dark = dark or LastPage.dark
        super().__init__(theme.swap(spec, dark=True) if dark else spec)
        self._config = {
            "responsive": True,
            "displaylogo": False,
            "scrollZoom": False,  # who scrolls through a notebook passes over figures: they would zoom into nothing
            "modeBarButtons": [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
        }
        self.library = plotly_script().model_id
        self._told = True
        self.open()
        self._store = store
        self._with_content = content
        self._dark = dark
        self._range = self._opening()
        self._waiting: asyncio.TimerHandle | None = None
        self._drawing = False
        self._record: Any = None
        self._of: tuple[str, str] = ("", "")
        self._redrawn = False
        self._frame: ipywidgets.VBox | None = None
        self._box: ipywidgets.VBox | None = None
        self._pane = RecordPane(self)
        for trace in self.data:
            trace.on_click(self._clicked)
        self.layout.on_change(self._zoomed, "xaxis.range")
        self.layout.on_change(self._reset, "xaxis.autorange")
        belongs_to_cell(self)

    def open(self) -> None:
        """Tell the page of the figure, once it is complete.

        plotly opens its widget empty and sends the data after it. What a page draws before they have come stays
        empty, and a busy page loses them altogether (see ``static/kernel.js``).
        """
        if self._told:
            super().open()

    def _whole(self) -> tuple[Micros, Micros]:
        raise NotImplementedError

    @property
    def zero(self) -> Micros | None:
        """Where history forked, microseconds UTC, if there is one such moment."""
        return None

    def _opening(self) -> tuple[Micros, Micros]:
        """What is looked at first; all there is, if not said otherwise."""
        return self._whole()

    def _spec(self, low: Micros, high: Micros) -> dict[str, Any]:
        raise NotImplementedError

    def _fallback(self) -> tuple[str, str]:
        raise NotImplementedError

    def _record_of(self, custom: Any) -> tuple[str, str, str]:
        """Home, thread and record key of what a mark's ``customdata`` stands for."""
        raise NotImplementedError

    def turn_rows(self, by: int) -> None:
        """Show other rows; only a figure of pages has them."""

    def _send_state(self) -> None:
        """Tell a page that has just been opened what only messages carry."""

    @property
    def selection(self) -> Any:
        """The record opened last, or None."""
        return self._record

    def show_record(self, key: str) -> None:
        """Open the record that ``key`` names in the pane below the figure."""
        found = find_record(self._store, *self._of, key, content=self._with_content)
        if found is not None:
            self._record = found
            self._pane.send({"show": asdict(found)})

    def close(self) -> None:
        """End the widget and free what the kernel keeps for it."""
        if not hasattr(self, "_pane"):  # ipywidgets closes what it could not make
            super().close()
            return
        if self._waiting is not None:
            self._waiting.cancel()
        self._pane.close()
        for box in (self._box, self._frame):
            if box is not None:
                box.layout.close()
                box.close()
        super().close()

    def _clicked(self, trace: Any, points: Any, _state: object) -> None:
        if points.point_inds and points.trace_index == trace._trace_ind:
            home_id, thread_id, key = self._record_of(trace.customdata[points.point_inds[0]])
            self._of = (home_id, thread_id)
            self.show_record(key)

    def take_theme(self, dark: bool, *, drawn: bool = False) -> None:
        """Follow the page's theme; a page that has just ``drawn`` the figure has missed what changed before."""
        LastPage.dark = dark
        if self._offset or self._since_fork:
            self._pane.send({"zone": self._offset // (60 * SECOND), "fork": self._since_fork})
        self._send_state()
        missed = drawn and self._redrawn
        if dark != self._dark:
            self._dark = dark
            self._redraw(everything=True)
            missed = missed or self._drawn_anew
        if missed:
            self.show_again()

    def take_zone(self, minutes: int, *, since_fork: bool = False) -> None:
        """Tell times in a zone that is so many minutes before UTC, or since the fork; what is in view stays the same.

        The page draws all of it anew: where all dates change, plotly takes the axis for one of numbers.
        """
        since_fork = since_fork and self.zero is not None
        offset = 0 if since_fork else minutes * 60 * SECOND
        if (offset, since_fork) != (self._offset, self._since_fork):
            self._offset, self._since_fork = offset, since_fork
            self._redraw(move=True, everything=True)
            self._drawn_anew = True
            self.show_again()

    def show_again(self) -> None:
        """Send a page that drew nothing, or something older, all there is, and have it drawn anew."""
        super()._repr_mimebundle_()  # settles the widget's state
        self._redrawn = False
        self.send_state(["_widget_data", "_widget_layout", "_config"])
        if self._frame is not None:
            self._frame.children = ()
            self._frame.children = (self,)

    def _zoomed(self, _layout: object, new_range: Any) -> None:
        if self._drawing or not new_range:
            return
        try:
            low, high = (parse_iso(str(edge).replace(" ", "T")) for edge in new_range)
        except ValueError:
            return
        self._range = (low - self._offset, high - self._offset)
        self._redraw_soon()

    def _reset(self, _layout: object, automatic: Any) -> None:
        if automatic and not self._drawing:
            self._range = self._whole()
            self._redraw(move=True)

    def _redraw_soon(self) -> None:
        """Redraw once the range has come to rest; at once where no loop runs."""
        if self._waiting is not None:
            self._waiting.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._redraw()
            return
        self._waiting = loop.call_later(_SETTLE_S, self._redraw)

    def _redraw(self, *, move: bool = False, everything: bool = False) -> None:
        self._waiting = None
        self._redrawn = True
        low, high = self._range
        margin = 0 if self._range == self._whole() else (high - low) // 2
        spec = self._spec(low - margin, high + margin)
        if self._dark:
            spec = theme.swap(spec, dark=True)
        keep = None if move or not margin else self.layout.xaxis.range
        self._drawing = True
        try:
            with self.batch_update():
                for trace, new in zip(self.data, spec["data"], strict=True):
                    for name in _REPLACED:
                        if name in new:
                            trace[name] = new[name]
                    trace.marker.update(new["marker"])
                for name in _LAID_OUT:
                    self.layout[name] = spec["layout"][name]
                self.layout.xaxis.title = spec["layout"]["xaxis"]["title"]
                for menu, new in zip(self.layout.updatemenus, spec["layout"]["updatemenus"], strict=False):
                    menu.y = new["y"]
                self.layout.yaxis.update({k: spec["layout"]["yaxis"][k] for k in ("range", "tickvals", "ticktext")})
                if everything:
                    self.layout.update({k: v for k, v in spec["layout"].items() if k not in ("xaxis", "yaxis")})
                    for axis in ("xaxis", "yaxis"):
                        self.layout[axis].update(
                            {k: v for k, v in spec["layout"][axis].items() if k not in ("range", "rangebreaks", *_TICKS)}
                        )
                if keep is None:
                    self.layout.xaxis.range = [stamp(low + self._offset), stamp(high + self._offset)]
                self._name_moments(spec["layout"], anew=everything)
        finally:
            self._drawing = False

    def _name_moments(self, layout: dict[str, Any], *, anew: bool) -> None:
        """Have the axis name the moments of ``layout``, folded or, where somebody asked for all time, not."""
        axis = {name: layout["xaxis"][name] for name in ("rangebreaks", *_TICKS) if name in layout["xaxis"]}
        menus = layout["updatemenus"]
        folded = self.layout.xaxis.rangebreaks
        if not (folded or anew or self._since_fork):
            return
        if axis["rangebreaks"] and not folded:
            named = next(one["args"][0] for one in menus[0]["buttons"] if one["label"] == ALL_TIME)
            axis = {name.partition(".")[2]: value for name, value in named.items()}
        self.layout.xaxis.update(axis, overwrite=True)
        if self._since_fork:
            self.layout.updatemenus = menus

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        belongs_to_cell(self)
        text, html = self._fallback()
        if headless():
            return {"text/plain": text, "text/html": html}
        own = super()._repr_mimebundle_(*args, **kwargs)  # settles the widget's state for the page
        self._redrawn = False
        if self._box is None:
            self._frame = ipywidgets.VBox([self])
            self._box = ipywidgets.VBox([self._frame, self._pane])
        bundle = self._box._repr_mimebundle_(*args, **kwargs) or own
        if isinstance(bundle, tuple):
            bundle = bundle[0]
        return {**bundle, "text/plain": text, "text/html": html}


class LiveTimeline(LiveFigure):
    """A thread's timeline as a widget. ``selection`` is the record opened last."""

    def __init__(
        self,
        index: TimelineIndex,
        store: Store,
        *,
        content: bool = False,
        dark: bool = False,
        since_fork: bool = False,
    ) -> None:
        self._index = index
        self._since_fork = since_fork
        super().__init__(store, self._spec(*index.whole), content=content, dark=dark)
        self._of = (index.home_id, index.thread_id)

    def _whole(self) -> tuple[Micros, Micros]:
        return self._index.whole

    def _opening(self) -> tuple[Micros, Micros]:
        opens = thread_scene(self._shown).opens
        return opens.start, opens.end

    @property
    def zero(self) -> Micros | None:
        """Where history forked, microseconds UTC, if it did."""
        return thread_scene(self._shown).zero

    def _spec(self, low: Micros, high: Micros) -> dict[str, Any]:
        data = self._index.view(low, high)
        self._shown = data
        return timeline_spec(data, offset=self._offset, since_fork=self._since_fork)

    def _fallback(self) -> tuple[str, str]:
        return timeline_fallback(self.shown)

    def _record_of(self, custom: Any) -> tuple[str, str, str]:
        return (*self._of, str(custom[1]))

    @property
    def shown(self) -> TimelineData:
        """What is drawn now."""
        return self._shown

    def refresh(self, *, as_of: Micros | None = None) -> None:
        """Show what the store holds now, keeping the range in view unless it was all there is."""
        all_shown = self._range == self._index.whole
        self._index.refresh(as_of=as_of)
        if all_shown:
            self._range = self._index.whole
        self._redraw(move=all_shown)
        self._pane.zero = self.zero

    def close(self) -> None:
        """End the widget and free its copy of the thread."""
        if "_index" in self.__dict__:
            self._index.close()
        super().close()
