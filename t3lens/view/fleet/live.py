"""The fleet's timeline with a kernel behind it: some rows at once, the next a click away, records below."""

from __future__ import annotations

from typing import Any

from t3lens.store import Store
from t3lens.time import Micros
from t3lens.view.fleet.pages import FleetPicture
from t3lens.view.fleet.picture import fleet_fallback
from t3lens.view.timeline.live import LiveFigure

__all__ = ["LiveFleet"]


class LiveFleet(LiveFigure):
    """All threads' timeline as a widget. ``selection`` is the record opened last."""

    def __init__(self, threads: FleetPicture, store: Store, *, dark: bool = False) -> None:
        self._threads = threads
        super().__init__(store, self._spec(*threads.whole), content=False, dark=dark)

    def _whole(self) -> tuple[Micros, Micros]:
        return self._threads.whole

    def _spec(self, low: Micros, high: Micros) -> dict[str, Any]:
        return self._threads.spec(low, high, offset=self._offset)

    def _fallback(self) -> tuple[str, str]:
        return fleet_fallback(self._threads)

    def _record_of(self, custom: Any) -> tuple[str, str, str]:
        home_id, _, rest = str(custom[1]).partition("\x1f")
        thread_id, _, key = rest.partition("\x1f")
        return home_id, thread_id, key

    def _send_state(self) -> None:
        first, shown = self._threads.first, len(self._threads.shown)
        told = {"first": first + 1, "last": first + shown, "all": len(self._threads.rows)}
        self._pane.send({"rows": told})

    def turn_rows(self, by: int) -> None:
        """Show the rows before (-1) or after (1) those shown."""
        self._threads.show(max(self._threads.first + by * self._threads.limit, 0))
        self._range = self._threads.whole
        self._redraw(move=True)
        self._send_state()
