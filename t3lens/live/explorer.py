"""The explorer: fleet, timeline, story, evidence and actions as one widget with one selection.

The page and the kernel talk in messages, not in synchronised state: what was looked at is not saved with the
notebook, and one explorer costs one connection however much it shows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import traitlets

from t3lens.diagnose.travel import past_sessions
from t3lens.diagnose.v2.case import SecondCase
from t3lens.errors import T3LensError
from t3lens.live.action_pane import ActionPane
from t3lens.live.explorer_data import (
    MOST_HITS,
    SIGNS,
    content_hits,
    content_threads,
    fleet_payload,
    range_payload,
    scene_view,
    story_payload,
    view_payload,
)
from t3lens.live.watch import Watch
from t3lens.session.notes import add_note, remove_note
from t3lens.time import Micros, to_datetime
from t3lens.view.fleet.data import FleetRow, fleet_rows
from t3lens.view.notebook.answering import AnsweringWidget
from t3lens.view.notebook.front_end import headless
from t3lens.view.notebook.lifetime import belongs_to_cell
from t3lens.view.notebook.masked_frame import MaskedFrame
from t3lens.view.page.assets import explorer_script, style_sheet
from t3lens.view.page.escape import plain
from t3lens.view.page.tables import overview_html, overview_text
from t3lens.view.records import ShownRecord, find_record
from t3lens.view.scene.common_axis import on_common_axis
from t3lens.view.timeline.data import EXPECTED_SESSION, STORED_SESSION, TimelineIndex
from t3lens.view.timeline.scene import thread_scene

if TYPE_CHECKING:
    import pandas as pd

    from t3lens.diagnose import HomeDiagnosis, ThreadDiagnosis
    from t3lens.session.session import Session
    from t3lens.view.timeline.parts import Bar

__all__ = ["Explorer"]

_ORDERS: Final = {
    "worst": "v.verdict, v.since NULLS LAST, v.thread_id",
    "longest": "v.since NULLS LAST, v.thread_id",
    "latest": "t.updated_at DESC NULLS LAST, v.thread_id",
}
"""How the list is sorted, in SQL."""

_OUTCOMES: Final = frozenset({"completed", "interrupted", "stopped", "error"})
"""States by which a turn, an attempt or an effect is named once it is over."""

_FLEET_SQL: Final = "FROM verdicts ORDER BY verdict, since NULLS LAST, thread_id"


class Explorer(AnsweringWidget):
    """Everything a ``Session`` knows, as one widget.

    Args:
        session: What to explore.
        hand_out: What ``thread`` makes of the chosen thread's diagnosis; the diagnosis itself if not said.
        content: Show texts of prompts, answers and commands in records too; by default metadata only.
        actions: Offer stop and reconcile (they still ask twice); ``False`` for looking only.
        live: Follow the homes from the start.

    Attributes:
        sql: The current selection as a query over the documented views, for going on in code.
    """

    _esm = explorer_script()
    _css = style_sheet()
    signs = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        session: Session,
        *,
        content: bool = False,
        actions: bool = True,
        live: bool = False,
        hand_out: Callable[[ThreadDiagnosis], Any] | None = None,
    ) -> None:
        super().__init__(signs=SIGNS)
        self._session = session
        self._hand_out = hand_out
        self._with_content = content
        _ = session.diagnosis
        self._rows: list[FleetRow] = fleet_rows(session.store)
        self._indexes: dict[tuple[str, str], TimelineIndex] = {}
        self._past_known: set[tuple[str, str]] = set()
        self._chosen: tuple[str, str] | None = None
        self._range: tuple[Micros, Micros] | None = None
        self._moment: Micros | None = None
        self._finding = -1
        self._pinned: tuple[str, str] | None = None
        self._watch: Watch | None = None
        self._busy = threading.RLock()
        self._actions = ActionPane(session, lambda m: self.send(m), self._after_action) if actions else None
        self.sql = _FLEET_SQL
        if self._rows:
            self._chosen = (self._rows[0].home_id, self._rows[0].thread_id)
        if live:
            self._live({"on": True})
        belongs_to_cell(self)

    # --- for going on in code --------------------------------------------------------------------------------

    def selection(self) -> pd.DataFrame:
        """What is selected now, as a DataFrame: the result of ``sql``."""
        return MaskedFrame(self._session.sql(self.sql))

    @property
    def thread(self) -> Any:
        """The chosen thread, as a ``Thread`` if a ``Lens`` made the explorer; None if the store has none."""
        found = self._diagnosed()
        return self._hand_out(found) if found is not None and self._hand_out is not None else found

    def _diagnosed(self) -> ThreadDiagnosis | None:
        for found in self._session.diagnosis.threads:  # copies of a home hold the same thread ids
            if (found.home_id, found.thread_id) == self._chosen:
                return found
        return None

    def close(self) -> None:
        """End the widget, its live following, and free what the kernel keeps for it."""
        if getattr(self, "_indexes", None) is not None:
            self._stop_watch()
            if self._actions is not None:
                self._actions.close()
            with self._busy:
                for index in self._indexes.values():
                    index.close()
                self._indexes.clear()
        if self.comm is not None:
            self.layout.close()  # ipywidgets makes one for every widget and leaves it
        super().close()

    # --- messages --------------------------------------------------------------------------------------------

    def _on_message(self, message: dict[str, Any]) -> None:
        handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "hello": self._send_everything, "thread": self._choose, "range": self._zoomed, "open": self._open,
            "finding": self._open_finding, "next-finding": self._next_finding, "moment": self._show_moment,
            "step": self._step, "brush": self._brush, "filter": self._filtered, "live": self._live,
            "note": self._note, "forget": self._forget, "search": self._search, "pin": self._pin,
        }  # fmt: skip
        name = message.get("do")
        try:
            if name in handlers:
                with self._busy:
                    handlers[name](message)
            elif self._actions is not None and isinstance(name, str):
                if not self._is_shown(message):
                    raise T3LensError("another thread is shown by now; nothing was done")
                self._actions.heard(name, message, self._diagnosed())
            self.send({"problem": None})
        except T3LensError as error:
            self.send({"problem": plain(error, 400)})
        except (KeyError, TypeError, ValueError) as error:
            self.send({"problem": f"the page sent something unexpected ({type(error).__name__})"})

    def _is_shown(self, message: dict[str, Any]) -> bool:
        """Whether what the page wants done is about the thread that the kernel has: it may have been slow to change."""
        return (message.get("home"), message.get("thread")) == self._chosen

    def _send_everything(self, _message: dict[str, Any]) -> None:
        self.send({"fleet": fleet_payload(self._rows, self._session.diagnosis.notices)})
        self.send({"live": self._watch is not None, "kept": self._session.whole.path is not None})
        if self._chosen is not None:
            self._show_thread()

    def _choose(self, message: dict[str, Any]) -> None:
        wanted = (str(message["home"]), str(message["thread"]))
        if any((row.home_id, row.thread_id) == wanted for row in self._rows):
            self._chosen = wanted
            self._range = self._moment = None
            self._finding = -1
            self._show_thread()

    def _index(self) -> TimelineIndex:
        if self._chosen is None:
            raise T3LensError("no thread is chosen")
        return self._index_of(self._chosen)

    def _index_of(self, thread: tuple[str, str]) -> TimelineIndex:
        if thread not in self._indexes:
            while len(self._indexes) >= 4:  # those looked at last stay warm
                self._indexes.pop(next(iter(self._indexes))).close()
            self._indexes[thread] = TimelineIndex(self._session.store, *thread, as_of=self._as_of(thread))
        return self._indexes[thread]

    def _as_of(self, thread: tuple[str, str]) -> Micros:
        """The moment a thread's verdict is about."""
        for row in self._rows:
            if (row.home_id, row.thread_id) == thread and row.as_of is not None:
                return row.as_of
        return self._session.as_of

    def _show_thread(self, *, live: bool = False) -> None:
        home_id, thread_id = self._chosen or ("", "")
        found = self._diagnosed()
        home = self._session.home(home_id) if found is not None else None
        # The file is opened once for all of it. Nothing in here may judge: that writes, and would wait for this to end.
        with self._session.store.read():
            index = self._index()
            if self._pinned is not None:
                self._index_of(self._pinned)
            self._show_view(index, live=live)
            self.send({"story": story_payload(self._session.store, home_id, thread_id, index.servers)})
            self._select(None)
            if live:
                return
            self.send({"range": None})
            self._tell_moment(self._moment or min(index.as_of, index.whole[1]), found, home, show=False)
        if self._actions is not None:
            self._actions.offer(found)
        self._add_past(index)

    def _add_past(self, index: TimelineIndex) -> None:
        """Show what was wrong before, too, once the thread is shown: to find that out judges it as it was, many times."""
        if self._chosen is not None and self._chosen not in self._past_known:
            self._past_known.add(self._chosen)
            self._session.keep_past(self._chosen[1])
            if index.take_past():
                self._show_view(index, live=True)

    def _show_view(self, index: TimelineIndex, *, live: bool) -> None:
        """Send the timeline of the thread chosen; with the pinned one below it, both on one axis."""
        home_id, thread_id = self._chosen or ("", "")
        where = {"home": home_id, "thread": thread_id, "live": live}
        if self._pinned is not None and self._pinned != self._chosen:
            first, second = on_common_axis(thread_scene(index.view()), thread_scene(self._index_of(self._pinned).view()))
            self.send({"view": {**scene_view(first), **where}, "beside": scene_view(second, name="t3y")})
            return
        if self._pinned is not None and not live:
            self.send({"beside": None})  # the pinned one itself is shown: what stood below it had another axis
        low, high = self._range or index.whole
        view = view_payload(index.view(low, high), whole=(low, high) == index.whole)
        self.send({"view": {**view, **where}})

    def _zoomed(self, message: dict[str, Any]) -> None:
        low, high = int(message["low"]), int(message["high"])
        self._range = (low, high)
        if self._pinned is not None and self._pinned != self._chosen:
            return  # two threads are shown whole: what is between them counts
        margin = (high - low) // 2
        view = view_payload(self._index().view(low - margin, high + margin), whole=False)
        self.send({"view": {**view, "refined": True}})

    def _open(self, message: dict[str, Any]) -> None:
        beside = message.get("beside") is True and self._pinned is not None
        self._open_key(str(message["key"]), self._pinned if beside else self._chosen, beside=beside)
        if isinstance(message.get("at"), int):
            self._send_moment(message["at"], show=False)

    def _open_key(self, key: str, of: tuple[str, str] | None, *, beside: bool = False) -> ShownRecord:
        home_id, thread_id = of or ("", None)
        found = find_record(self._session.store, home_id, thread_id, key, content=self._with_content)
        if found is None:
            raise T3LensError("this record is not in the store (any more)")
        self.sql = found.sql
        self.send({"record": {**asdict(found), "mark": key, "beside": beside}})
        return found

    def _open_finding(self, message: dict[str, Any]) -> None:
        self._zoom_to_evidence(self._open_key(str(message["key"]), self._chosen))

    def _next_finding(self, _message: dict[str, Any]) -> None:
        found = self._index().view().findings
        if not found:
            raise T3LensError("this thread has no findings")
        self._finding = (self._finding + 1) % len(found)
        self._open_finding({"key": f"finding:{found[self._finding].finding_id}"})

    def _zoom_to_evidence(self, found: ShownRecord) -> None:
        times = [near.at for near in found.neighbours if near.at is not None]
        times += [found.at] if found.at is not None else []
        if not times:
            return
        margin = max((max(times) - min(times)) // 3, 2_000_000)
        self.send({"zoom": [min(times) - margin, max(times) + margin]})
        if found.at is not None:
            self._send_moment(found.at, show=False)

    def _show_moment(self, message: dict[str, Any]) -> None:
        self._send_moment(int(message["at"]), show=True)

    def _send_moment(self, moment: Micros, *, show: bool) -> None:
        found = self._diagnosed()
        self._tell_moment(moment, found, self._session.home(found.home_id) if found is not None else None, show=show)

    def _tell_moment(self, moment: Micros, found: ThreadDiagnosis | None, home: HomeDiagnosis | None, *, show: bool) -> None:
        self._moment = moment
        index = self._index()
        self.send({
            "moment": {
                "at": moment, "show": show,
                "rows": self._going_on(index, moment, found, home),
                "records": [
                    {"key": m.key, "at": m.at, "lane": m.lane, "title": m.title} for m in index.latest(moment)
                ],
            },
        })  # fmt: skip

    def _going_on(
        self, index: TimelineIndex, moment: Micros, found: ThreadDiagnosis | None, home: HomeDiagnosis | None
    ) -> list[list[str]]:
        """What was going on at a moment; the session is what ``thread.state_at`` says of it."""
        bars = [[title, _told_then(bar, moment), bar.key, bar.role] for title, bar in index.at(moment)]
        if found is None or home is None or isinstance(found.case, SecondCase):
            return bars
        expected, stored = past_sessions(found.case, self._session.until(home, moment))
        told = {
            STORED_SESSION: ("session", stored.status if stored is not None else None),
            EXPECTED_SESSION: ("session should be", expected.status.value if expected.status else None),
        }
        keys = {title: key for title, _, key, _ in bars}
        sessions = [
            [lane, f"{words} {status}", keys.get(lane, "session:row"), f"state:{status}"]
            for lane, (words, status) in told.items()
            if status is not None
        ]
        return sessions + [row for row in bars if row[0] not in told]

    def _note(self, message: dict[str, Any]) -> None:
        """Keep a note on a moment of the thread shown, and show it."""
        if not self._is_shown(message) or self._chosen is None:
            raise T3LensError("another thread is shown by now; nothing was written")
        note = add_note(self._session.store, *self._chosen, int(message["at"]), str(message["text"]))
        index = self._index()
        index.refresh()
        self._show_view(index, live=True)
        self.send({"noted": f"note:{note.note_id}"})

    def _forget(self, message: dict[str, Any]) -> None:
        """Delete a note of the thread shown."""
        if not self._is_shown(message) or self._chosen is None:
            raise T3LensError("another thread is shown by now; nothing was deleted")
        remove_note(self._session.store, str(message["key"]).removeprefix("note:"), of=self._chosen)
        index = self._index()
        index.refresh()
        self._show_view(index, live=True)
        self.send({"forgotten": True})

    def _search(self, message: dict[str, Any]) -> None:
        """Look for words in what records hold; their text is shown as far as texts are shown here at all."""
        words = str(message["text"]).strip()
        hits = content_hits(self._session.store, words, content=self._with_content) if words else []
        hidden = bool(hits) and not self._with_content
        most = len(hits) >= MOST_HITS
        threads = content_threads(self._session.store, words) if hits else []
        self.send({"hits": {"text": words, "rows": hits, "most": most, "hidden": hidden, "threads": threads}})

    def _pin(self, message: dict[str, Any]) -> None:
        """Keep the thread shown beside the ones chosen after it, or let go of it."""
        before, self._pinned = self._pinned, self._chosen if message.get("on") is True else None
        told = None
        if self._pinned is not None:
            title = next((row.title for row in self._rows if (row.home_id, row.thread_id) == self._pinned), "")
            told = {"home": self._pinned[0], "thread": self._pinned[1], "title": plain(title, 90)}
        self.send({"pinned": told, "beside": None})
        if self._pinned is None and before != self._chosen and self._chosen is not None:
            self._show_view(self._index(), live=False)

    def _step(self, message: dict[str, Any]) -> None:
        index = self._index()
        here = index.whole[0] if self._moment is None else self._moment
        following = index.step(here, int(message["by"]))
        if following is None:
            self.send({"end": True})
        else:
            self._send_moment(following, show=True)

    def _brush(self, message: dict[str, Any]) -> None:
        if message["low"] is None:
            self._select(None)
            self.send({"range": None})
            return
        low, high = int(message["low"]), int(message["high"])
        self._select((low, high))
        home_id, thread_id = self._chosen or ("", "")
        self.send({"range": range_payload(self._session.store, home_id, thread_id, low, high, self.sql)})

    def _select(self, area: tuple[Micros, Micros] | None) -> None:
        home_id, thread_id = self._chosen or ("", "")
        query = f"FROM log_events WHERE home_id = {_text(home_id)} AND thread_id = {_text(thread_id)}"
        if area is not None:
            low, high = (to_datetime(at).isoformat() for at in area)
            query += f" AND logged_at BETWEEN {_text(low)}::TIMESTAMPTZ AND {_text(high)}::TIMESTAMPTZ"
        self.sql = f"{query} ORDER BY file_order, line"

    def _filtered(self, message: dict[str, Any]) -> None:
        hidden = tuple(str(name) for name in message.get("hidden", ()))
        words = str(message.get("text", ""))
        conditions = [f"v.verdict <> {_text(name)}" for name in hidden]
        for word in words.split():
            like = _text(f"%{word}%")
            conditions.append(
                f"concat_ws(' ', t.title, v.thread_id, s.provider_name, p.title, v.verdict, v.primary_code) ILIKE {like}"
            )
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        self.sql = (
            "SELECT v.*, t.title, s.provider_name, p.title AS project FROM verdicts AS v "
            "LEFT JOIN threads AS t USING (home_id, thread_id) LEFT JOIN sessions AS s USING (home_id, thread_id) "
            f"LEFT JOIN projects AS p ON p.home_id = v.home_id AND p.project_id = t.project_id{where}"
            f" ORDER BY {_ORDERS.get(str(message.get('sort')), _ORDERS['worst'])}"
        )

    # --- live ------------------------------------------------------------------------------------------------

    def _live(self, message: dict[str, Any]) -> None:
        if message.get("on") is True and self._watch is None:
            self._watch = Watch(self._session, on_change=self._changed)
            self._watch.start()
        elif message.get("on") is not True:
            self._stop_watch()
        self.send({"live": self._watch is not None})

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.stop()
            self._watch = None

    def _after_action(self) -> None:
        self._session.refresh()
        self._changed()

    def _changed(self) -> None:
        """The homes moved on: show it, where the person is looking, as far as it concerns what is shown."""
        with self._busy:
            _ = self._session.diagnosis
            self._rows = fleet_rows(self._session.store)
            self.send({"fleet": fleet_payload(self._rows, self._session.diagnosis.notices)})
            for key in [k for k in self._indexes if k != self._chosen]:
                self._indexes.pop(key).close()
            self._past_known.clear()
            if self._chosen is not None and self._chosen in self._indexes:
                index = self._index()
                followed = self._range is None or self._range == index.whole
                self._session.keep_past(self._chosen[1])
                self._past_known.add(self._chosen)
                index.refresh(as_of=self._as_of(self._chosen))
                if followed:
                    self._range = None
                self._show_thread(live=True)

    # --- without a widget ------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return overview_text(self._session.store, as_of=self._session.as_of, notices=self._session.diagnosis.notices)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        belongs_to_cell(self)
        bundle: Any = None if headless() else super()._repr_mimebundle_(**kwargs)
        if isinstance(bundle, tuple):
            bundle = bundle[0]
        as_of = self._session.as_of
        return {
            **(bundle or {}),
            "text/plain": overview_text(self._session.store, as_of=as_of, notices=self._session.diagnosis.notices),
            "text/html": overview_html(self._session.store, as_of=as_of, notices=self._session.diagnosis.notices),
        }


def _text(value: str) -> str:
    """An SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def _told_then(bar: Bar, moment: Micros) -> str:
    """What to say of a bar at a moment in it: but for a session, one that is over is named by what became of it later."""
    state = bar.role.removeprefix("state:")
    if bar.open or bar.end <= moment or bar.lane.startswith("session-") or state not in _OUTCOMES:
        return bar.title
    return f"{bar.title} in the end"
