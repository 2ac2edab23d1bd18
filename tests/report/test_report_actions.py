"""After an action the document shows what was done and its effect: in text, story, picture and figure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from t3lens.act import Journal
from t3lens.lens.lens import Lens
from t3lens.report import incident, report_html, report_markdown
from t3lens.report.picture import timeline_svg
from t3lens.time import SECOND
from tests.view.test_timeline_actions import OUTCOMES, _key, _write


@pytest.fixture
def journal(lens: Lens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "actions.jsonl"))
    yield Journal()
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "none.jsonl"))
    lens.mirror_journal(strict=True)  # the lens is shared: what was mirrored here must not stay


def test_an_action_stands_in_text_story_picture_and_figure(lens: Lens, journal: Journal) -> None:
    key = _key(lens)
    thread = lens.session.thread(key[1])
    before = incident(lens.session, [thread]).threads[0]
    assert not [deed for deed in before.deeds if deed.action]
    _write(journal, key, "a", lens.as_of + 5 * SECOND, "applied", why="left behind")
    told = incident(lens.session, [thread]).threads[0]
    [deed] = [deed for deed in told.deeds if deed.action]
    assert (deed.what, deed.outcome) == ("reconcile", "applied")
    assert "left behind" in deed.detail and "session running → stopped" in deed.detail
    [step] = [step for step in told.story if step.kind == "action"]
    assert step.at == lens.as_of + 5 * SECOND and "running → stopped" in step.text
    assert [mark.role for mark in told.timeline.marks if mark.lane == "actions"] == ["action:applied"]
    assert "Actions" in timeline_svg(told.timeline)
    page, twin = report_html(lens.session, [thread]), report_markdown(lens.session, [thread])
    for text in (page, twin):
        assert "left behind" in text and "running → stopped" in text
    assert re.search(r'<path data-t="p" [^>]*--t3-action-applied[^>]*><title>reconcile', page)
    assert ">action applied</span>" in page


def test_every_outcome_has_a_shape_of_its_own_in_the_picture(lens: Lens, journal: Journal) -> None:
    key = _key(lens)
    for place, outcome in enumerate((*OUTCOMES, None)):
        _write(journal, key, f"a{place}", lens.as_of + place * 400 * SECOND, outcome)
    told = incident(lens.session, [lens.session.thread(key[1])]).threads[0]
    signs = re.findall(
        r'<path class="t3-mark" [^>]* d="([^"]+)" fill="([^"]+)"[^>]*><title>reconcile',
        timeline_svg(told.timeline),
    )
    assert len(signs) == len(set(signs)) == len(OUTCOMES) + 1
    assert [deed.outcome for deed in told.deeds if deed.action] == [*OUTCOMES, "cut off"]
    assert any("reconcile" in question for question in told.questions)


def test_who_acted_is_left_out_and_secrets_in_the_reason_are_masked(lens: Lens, journal: Journal) -> None:
    key, token = _key(lens), "ghp_" + "Ab3" * 12
    _write(journal, key, "a", lens.as_of, "applied", why=f"used {token}")
    who = Journal().records()[0].who
    page = report_html(lens.session, [lens.session.thread(key[1])])
    assert token not in page
    assert who not in page


def test_a_journal_that_cannot_be_read_is_an_open_question(lens: Lens, journal: Journal) -> None:
    journal.path.mkdir()
    told = incident(lens.session, [lens.session.thread(_key(lens)[1])]).threads[0]
    assert any("What t3lens did" in question for question in told.questions)
