"""The lane of actions: what the journal says was done, as marks with their effect."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from t3lens.act import Journal
from t3lens.lens.lens import Lens
from t3lens.live.explorer import Explorer
from t3lens.live.explorer_data import view_payload
from t3lens.time import SECOND, Micros
from t3lens.view.page import theme
from t3lens.view.records import find_record
from t3lens.view.scene.paint import scene_svg
from t3lens.view.timeline.data import ACTION_NAMES, TimelineData, TimelineIndex
from t3lens.view.timeline.scene import thread_scene, timeline_spec
from tests.view.harness import ARTEFACTS, opened, show_widget
from tests.view.hostile import CANARY, MARK

OUTCOMES = ("applied", "already", "failed", "not confirmed", "refused")


@pytest.fixture
def journal(lens: Lens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "actions.jsonl"))
    yield Journal()
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "none.jsonl"))
    lens.mirror_journal(strict=True)  # the lens is shared: what was mirrored here must not stay


def _key(lens: Lens) -> tuple[str, str]:
    thread = next(t for t in lens.diagnosis.threads if t.primary == "orphaned-turn")
    return thread.home_id, thread.thread_id


def _write(
    journal: Journal,
    key: tuple[str, str],
    action_id: str,
    at: Micros,
    outcome: str | None,
    why: str = "left behind",
) -> None:
    target = {"home_id": key[0], "thread_id": key[1], "title": "t"}
    before = {"session": {"status": "running"}}
    intent = {"kind": "reconcile", "why": why, "target": target, "plan": {}, "before": before}
    journal.append(action_id, "intent", intent, at=at)
    if outcome is not None:
        applied = outcome == "applied"
        after = {"session": {"status": "stopped" if applied else "running"}}
        said = {"outcome": outcome, "changed": applied, "detail": f"{why}: said", "after": after}
        journal.append(action_id, "outcome", said, at=at + 3 * SECOND)


def _view(lens: Lens, key: tuple[str, str]) -> TimelineData:
    lens.mirror_journal()
    index = TimelineIndex(lens.store, *key, as_of=lens.as_of)
    try:
        return index.view()
    finally:
        index.close()


def _named(data: TimelineData, name: str) -> dict[str, Any]:
    return next(trace for trace in timeline_spec(data)["data"] if trace["name"] == name)


def test_without_actions_there_is_no_lane(lens: Lens, journal: Journal) -> None:
    key = _key(lens)
    _write(journal, (key[0], "another-thread"), "a", lens.as_of, "applied")
    data = _view(lens, key)
    assert "actions" not in [lane.key for lane in data.lanes]
    assert not [mark for mark in data.marks if mark.lane == "actions"]


def test_each_action_is_a_mark_where_it_was_sent_and_only_an_effect_is_a_bar(lens: Lens, journal: Journal) -> None:
    key, at = _key(lens), lens.as_of
    for place, outcome in enumerate((*OUTCOMES, None)):
        _write(journal, key, f"a{place}", at + place * 10 * SECOND, outcome)
    data = _view(lens, key)
    marks = [mark for mark in data.marks if mark.lane == "actions"]
    assert [mark.role for mark in marks] == [
        "action:applied", "action:already", "action:failed", "action:not-confirmed", "action:refused",
        "action:cut-off",
    ]  # fmt: skip
    assert [mark.at for mark in marks] == [at + place * 10 * SECOND for place in range(6)]
    assert data.start <= marks[0].at and marks[-1].at <= data.end
    [effect] = [bar for bar in data.bars if bar.lane == "actions"]
    assert (effect.key, effect.start, effect.end) == ("action:a0", at, at + 3 * SECOND)
    assert [lane.key for lane in data.lanes].count("actions") == 1


def test_every_outcome_has_its_own_symbol_and_words(lens: Lens, journal: Journal) -> None:
    key = _key(lens)
    for place, outcome in enumerate(OUTCOMES):
        _write(journal, key, f"a{place}", lens.as_of + place * SECOND, outcome)
    data = _view(lens, key)
    drawn = [_named(data, f"action {ACTION_NAMES[role]}") for role in ACTION_NAMES]
    symbols = {trace["marker"].get("symbol") for trace in drawn if trace["type"] == "scatter"}
    assert len(symbols) == len(ACTION_NAMES) - 1
    assert [len(trace["x"]) for trace in drawn] == [1, 1, 1, 1, 1, 0, 1]
    hover = _named(data, "action applied")["customdata"][0][0]
    for words in ("reconcile", "applied", "who", "left behind", "running → stopped"):
        assert words in hover
    [connector] = _named(data, f"action {ACTION_NAMES['action:effect']}")["x"]
    assert connector == 3000


def test_the_number_of_traces_does_not_depend_on_actions(lens: Lens, journal: Journal) -> None:
    key = _key(lens)
    before = [trace["name"] for trace in timeline_spec(_view(lens, key))["data"]]
    _write(journal, key, "a", lens.as_of, "applied")
    assert [trace["name"] for trace in timeline_spec(_view(lens, key))["data"]] == before


def test_outcomes_differ_by_more_than_colour() -> None:
    signs = {(look.symbol, look.sign) for look in theme.ACTION.values()}
    assert len(signs) == len(theme.ACTION)


def test_hostile_reasons_are_shown_as_text(lens: Lens, journal: Journal) -> None:
    key = _key(lens)
    _write(journal, key, "a", lens.as_of, "applied", why=CANARY)
    data = _view(lens, key)
    hover = _named(data, "action applied")["customdata"][0][0]
    assert MARK in hover
    for spelled in (hover, scene_svg(thread_scene(data))):
        assert "<script" not in spelled and "<img" not in spelled and "<a " not in spelled
    facts = view_payload(data)["svg"]
    assert MARK in facts
    assert not {"\u202e", "\u2066", "\x1b", "\x07"} & set(facts)


def test_a_click_on_an_action_opens_what_the_journal_says(lens: Lens, journal: Journal) -> None:
    key = _key(lens)
    _write(journal, key, "a", lens.as_of, "refused")
    _view(lens, key)
    found = find_record(lens.store, *key, "action:a")
    assert found is not None
    assert dict(found.facts)["why"] == "left behind"
    assert len(lens.sql(found.sql)) == 1


def test_many_actions_stay_within_a_budget_and_the_newest_are_kept(lens: Lens, journal: Journal) -> None:
    key, at = _key(lens), lens.as_of
    line = {"journal_version": 1, "who": "somebody@here", "at": "2026-01-05T10:00:00.000Z"}
    target = {"home_id": key[0], "thread_id": key[1]}
    lines = [json.dumps({**line, "action_id": f"b{n}", "entry": "intent", "data": {"target": target}}) for n in range(400)]
    journal.path.write_text("\n".join(lines) + "\n", "utf-8")
    _write(journal, key, "newest", at + SECOND, "applied")
    data = _view(lens, key)
    marks = [mark for mark in data.marks if mark.lane == "actions"]
    assert len(marks) < 200
    assert marks[-1].key == "action:newest"
    assert data.reduced


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n{torn", b"[]\n{}\n\x00"])
def test_a_damaged_journal_breaks_no_timeline(lens: Lens, journal: Journal, content: bytes) -> None:
    journal.path.write_bytes(content)
    figure = lens.thread(_key(lens)[1]).timeline(static=True)
    assert "Actions" not in figure.layout.yaxis.ticktext


def test_a_journal_that_cannot_be_read_breaks_no_timeline_but_is_told_to_who_asks_sql(lens: Lens, journal: Journal) -> None:
    journal.path.mkdir()
    lens.thread(_key(lens)[1]).timeline(static=True)
    with pytest.raises(Exception, match="cannot be read"):
        lens.sql("FROM actions")


def test_the_explorer_shows_an_action_when_it_loads_a_thread(lens: Lens, journal: Journal) -> None:
    key = _key(lens)
    _write(journal, key, "a", lens.as_of, "applied")
    sent: dict[str, Any] = {}
    explorer = Explorer(lens.session)
    try:
        explorer.send = lambda message, buffers=None: sent.update(message)
        explorer._handle_custom_msg({"do": "thread", "home": key[0], "thread": key[1]}, [])
        shown = re.findall(r"<path data-t='p' [^>]*data-key='(action:[^']*)'.*?<title>(.*?)</title>", sent["view"]["svg"])
        assert [name for name, _ in shown] == ["action:a"]
        assert "why: left behind" in shown[0][1]
        assert ">action applied</span>" in sent["view"]["legend"]
        _write(journal, key, "b", lens.as_of + SECOND, "failed")
        explorer._changed()
        assert sent["view"]["svg"].count("class='t3-mark' data-key='action:") == 2
        assert ">action failed</span>" in sent["view"]["legend"]
    finally:
        explorer.close()


@pytest.mark.browser
def test_in_the_explorer_pointing_at_an_action_tells_what_it_was_as_text(
    lens: Lens, journal: Journal, playwright: Any, tmp_path: Path
) -> None:
    explorer = Explorer(lens.session)
    key = explorer._chosen or _key(lens)
    at = lens.thread(key[1]).as_of  # that of its own home: others may be months younger
    for place, outcome in enumerate((*OUTCOMES, None)):
        _write(journal, key, f"a{place}", at + place * 400 * SECOND, outcome, why=CANARY)
    try:
        with opened(playwright, viewport={"width": 1400, "height": 900}) as page:
            show_widget(page, explorer, tmp_path)
            page.wait_for_selector('[data-key="action:a0"]')
            assert page.locator('path[data-key^="action:"]').count() == 6
            assert page.locator('rect[data-key^="action:"]').count() == 1
            fills = page.eval_on_selector_all(
                'path[data-key^="action:"]', "found => found.map(f => getComputedStyle(f).fill)"
            )
            assert len(set(fills)) == 6
            page.get_by_role("button", name="Whole thread").click()
            page.locator('path[data-key="action:a4"]').hover()
            told = page.locator(".t3-tip").inner_text()
            assert "reconcile, refused" in told and "running → running" in told and MARK in told
            ARTEFACTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(ARTEFACTS / "explorer-actions.png"), full_page=True)
            assert page.evaluate(f"window.{MARK}") is None
            assert page.problems == []
    finally:
        explorer.close()
