"""The explorer's kernel side: what is sent, what is selected, what is let go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from t3lens.domain.state import OpenRequest
from t3lens.lens.lens import Lens
from t3lens.lens.thread import Thread
from t3lens.live import action_pane
from t3lens.live.action_pane import ActionPane
from t3lens.live.explorer import Explorer
from t3lens.session.plans import server_plan


class _Page:
    """The page's end of the wire."""

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer
        self.sent: dict[str, Any] = {}
        explorer.send = self._take  # type: ignore[method-assign]

    def _take(self, message: Any, buffers: Any = None) -> None:
        self.sent.update(message)

    def say(self, **message: Any) -> dict[str, Any]:
        self.sent.clear()
        self.explorer._handle_custom_msg(message, [])
        return dict(self.sent)


@pytest.fixture
def page(lens: Lens) -> Iterator[_Page]:
    explorer = lens.explore()
    yield _Page(explorer)
    explorer.close()


def test_a_page_that_opens_is_sent_the_fleet_and_the_worst_thread(page: _Page, lens: Lens) -> None:
    sent = page.say(do="hello")
    assert sent["fleet"]["rows"][0]["verdict"] == "stuck"
    assert len(sent["fleet"]["rows"]) == len(lens.diagnosis.threads)
    assert sent["view"]["thread"] == sent["fleet"]["rows"][0]["thread"]
    assert sent["story"]["findings"][0]["code"] == sent["view"]["primary"]
    assert sent["moment"]["rows"]


def test_choosing_a_thread_moves_timeline_story_and_selection(page: _Page, lens: Lens) -> None:
    row = page.say(do="hello")["fleet"]["rows"][-1]
    sent = page.say(do="thread", home=row["home"], thread=row["thread"])
    assert sent["view"]["thread"] == row["thread"]
    assert set(page.explorer.selection()["thread_id"]) == {row["thread"]}
    assert page.explorer.thread.thread_id == row["thread"]
    assert isinstance(page.explorer.thread, Thread)


def test_a_finding_opens_its_evidence_and_zooms_there(page: _Page) -> None:
    finding = page.say(do="hello")["story"]["findings"][0]
    sent = page.say(do="finding", key=finding["key"])
    low, high = sent["zoom"]
    assert low <= finding["since"] <= high
    assert sent["record"]["neighbours"]
    assert len(page.explorer.selection()) == len(sent["record"]["neighbours"])


def test_the_next_finding_is_reached_by_itself(page: _Page) -> None:
    first = page.say(do="hello")["story"]["findings"][0]
    assert page.say(do="next-finding")["record"]["key"] == first["key"]


def test_a_range_filters_the_table_and_is_the_selection_in_sql(page: _Page) -> None:
    view = page.say(do="hello")["view"]
    sent = page.say(do="brush", low=view["whole"][0], high=view["as_of"])
    logged = sum(row[2] for row in sent["range"]["rows"])
    assert logged == sent["range"]["total"] == len(page.explorer.selection())
    assert page.say(do="brush", low=None, high=None)["range"] is None


def test_a_search_is_the_selection_in_sql_too(page: _Page, lens: Lens) -> None:
    page.say(do="filter", text="parser stuck", hidden=["idle"], sort="worst")
    found = page.explorer.selection()
    assert set(found["verdict"]) == {"stuck"}
    assert all("parser" in title for title in found["title"])
    page.say(do="filter", text="it's 100% o'clock", hidden=[], sort="worst")
    assert len(page.explorer.selection()) == 0


def test_while_a_turn_ran_it_is_not_said_to_be_completed(page: _Page, lens: Lens) -> None:
    page.say(do="hello")
    index = page.explorer._index()
    bar = next(b for b in index.view().bars if b.lane == "turns-stored" and b.role == "state:completed")
    during, after = (page.say(do="moment", at=at)["moment"]["rows"] for at in ((bar.start + bar.end) // 2, bar.end))
    stored = [[what for lane, what, *_ in rows if lane == "Turns, stored"] for rows in (during, after)]
    assert stored[0] == ["turn completed in the end"] and stored[1] in ([], ["turn completed"])
    assert not [what for lane, what, *_ in during if lane.startswith("Session") and "in the end" in what]


@pytest.mark.parametrize("order", ["worst", "longest", "latest"])
def test_the_selection_has_the_order_of_the_list(page: _Page, order: str) -> None:
    rows = page.say(do="hello")["fleet"]["rows"]
    page.say(do="filter", text="", hidden=[], sort=order)
    found = page.explorer.selection()
    assert len(found) == len(rows)
    if order == "worst":
        assert list(found["verdict"]) == [row["verdict"] for row in rows]
    elif order == "longest":
        since = found["since"].dropna()
        assert list(since) == sorted(since)
        assert found["since"].isna().sum() == len(found) - len(since)


def test_stepping_moves_the_moment_and_stops_at_the_end(page: _Page) -> None:
    view = page.say(do="hello")["view"]
    page.say(do="moment", at=view["whole"][0])
    moments = []
    for _ in range(500):
        sent = page.say(do="step", by=1)
        if "end" in sent:
            break
        moments.append(sent["moment"]["at"])
    assert moments == sorted(moments)
    assert "end" in sent


@pytest.mark.parametrize(
    "message",
    [
        {"do": "range"}, {"do": "range", "low": "x", "high": None}, {"do": "open", "key": "log:1:nonsense"},
        {"do": "thread"}, {"do": "moment", "at": []}, {"do": 7}, {}, {"do": "confirm", "plan": "forged"},
    ],
)  # fmt: skip
def test_nonsense_from_the_page_is_answered_not_raised(page: _Page, message: dict[str, Any]) -> None:
    page.say(do="hello")
    page.say(**message)
    assert page.say(do="hello")["view"]


def test_nothing_that_was_looked_at_is_in_the_state_a_notebook_saves(page: _Page) -> None:
    page.say(do="hello")
    state = {k: v for k, v in page.explorer.get_state().items() if k not in ("_esm", "_css", "_anywidget_id")}
    assert set(state) <= {
        "signs", "own", "layout", "_dom_classes", "_model_module", "_model_module_version", "_model_name",
        "_view_module", "_view_module_version", "_view_name", "_view_count", "tabbable", "tooltip",
    }  # fmt: skip


def test_without_a_front_end_the_explorer_is_a_table_and_a_text(page: _Page) -> None:
    bundle = page.explorer._repr_mimebundle_()
    assert "stuck" in bundle["text/plain"]
    assert "<table" in bundle["text/html"]


def test_a_closed_explorer_has_let_its_copies_go(lens: Lens) -> None:
    explorer = lens.explore()
    page = _Page(explorer)
    page.say(do="hello")
    page.say(do="live", on=True)
    watch = explorer._watch
    assert watch is not None and watch.running
    explorer.close()
    assert not watch.running
    assert explorer._indexes == {}


# --- acting ------------------------------------------------------------------------------------------------------


class _Plan:
    """A plan that notes that it was carried out."""

    def __init__(self) -> None:
        self.done = 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": "stop",
            "acts": True,
            "target": {"title": "<b>x"},
            "because": ["it is stuck"],
            "steps": [],
        }

    def execute(self, *, confirm: Any, on_step: Any) -> Any:
        assert confirm
        self.done += 1
        on_step(SimpleNamespace(phase="sending", text="thread.session.stop"))
        return SimpleNamespace(outcome="applied", detail="stopped", applied=True, good=True, advice=())


@pytest.fixture(autouse=True)
def _plans_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_hand(session: Any, thread: Any, kind: str) -> Any:
        return thread.plan if session is None else server_plan(session, thread, kind)  # type: ignore[arg-type]

    monkeypatch.setattr(action_pane, "server_plan", at_hand)


class _Desk:
    def __init__(self) -> None:
        self.plan = _Plan()
        self.sent: list[dict[str, Any]] = []
        self.pane = ActionPane(None, lambda m: self.sent.append(dict(m)), lambda: None)  # type: ignore[arg-type]
        self.thread: Any = SimpleNamespace(plan=self.plan)

    def planned(self) -> str:
        self.pane.heard("plan", {"kind": "stop"}, self.thread)
        return str(self.sent[-1]["plan"]["id"])

    def finish(self) -> None:
        worker = self.pane._worker
        if worker is not None:
            worker.join(timeout=10)


def test_a_thread_that_asks_is_offered_to_be_declined_and_no_other() -> None:
    desk = _Desk()
    asked = OpenRequest("r-1", False, 0, None, "")
    for requests, offered in (([asked], True), ([], False), ([msgspec.structs.replace(asked, question=True)], False)):
        desk.pane.offer(SimpleNamespace(case=SimpleNamespace(requests=SimpleNamespace(open=requests))))  # type: ignore[arg-type]
        assert ("decline" in dict(desk.sent[-1]["actions"]["kinds"])) is offered


def test_planning_alone_sends_nothing() -> None:
    desk = _Desk()
    desk.planned()
    assert desk.plan.done == 0


def test_an_armed_and_confirmed_plan_is_carried_out_once_and_its_steps_are_told() -> None:
    desk = _Desk()
    plan = desk.planned()
    desk.pane.heard("arm", {"plan": plan}, desk.thread)
    desk.pane.heard("confirm", {"plan": plan}, desk.thread)
    desk.finish()
    desk.pane.heard("confirm", {"plan": plan}, desk.thread)
    desk.finish()
    assert desk.plan.done == 1
    assert [next(iter(message)) for message in desk.sent] == ["plan", "step", "outcome", "fail"]


@pytest.mark.parametrize("way", ["unarmed", "disarmed", "expired", "other plan"])
def test_a_confirm_without_a_plan_armed_in_time_sends_nothing(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = _Desk()
    plan = desk.planned()
    if way != "unarmed":
        desk.pane.heard("arm", {"plan": plan}, desk.thread)
    if way == "disarmed":
        desk.pane.heard("disarm", {}, desk.thread)
    if way == "expired":
        late = time.monotonic() + action_pane.ARMED_S + 1
        monkeypatch.setattr(action_pane.time, "monotonic", lambda: late)
    desk.pane.heard("confirm", {"plan": "other" if way == "other plan" else plan}, desk.thread)
    desk.finish()
    assert desk.plan.done == 0
    assert "fail" in desk.sent[-1]


def test_choosing_another_thread_forgets_the_armed_plan() -> None:
    desk = _Desk()
    plan = desk.planned()
    desk.pane.heard("arm", {"plan": plan}, desk.thread)
    desk.pane.offer(None)
    desk.pane.heard("confirm", {"plan": plan}, desk.thread)
    desk.finish()
    assert desk.plan.done == 0
