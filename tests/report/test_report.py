"""An incident document stands alone, says the same each time, leaks nothing, and tells what happened."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import t3lens
from t3lens.cli import run
from t3lens.diagnose import register_all
from t3lens.domain.finding import WRONG_VERDICTS, Verdict
from t3lens.errors import InputError, UsageError
from t3lens.lens.lens import Lens
from t3lens.report import chosen_threads, incident, report_html, report_markdown, write_report
from t3lens.report.causes import CAUSES
from t3lens.view.page.standalone import timeline_html
from tests.view.hostile import CANARY as HOSTILE

SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"
LARGEST = 800_000


@pytest.fixture(scope="module")
def lens() -> Iterator[Lens]:
    with t3lens.open(SAMPLES, server="dead") as opened:
        yield opened


@pytest.fixture(scope="module")
def written(lens: Lens, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lens.report(tmp_path_factory.mktemp("report") / "incident.html")


def test_it_stands_alone_and_may_run_nothing_else(written: Path) -> None:
    page = written.read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "'unsafe-inline'" not in policy[1].split("script-src")[1].split(";")[0]
    head = page[: page.index("<script>")]
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", head)
    assert written.stat().st_size < LARGEST


def test_one_thread_and_its_timeline_are_small_and_twenty_too(lens: Lens, written: Path, tmp_path: Path) -> None:
    worst = lens.thread_for(lens.diagnosis.threads[0])
    assert worst.report(tmp_path / "one.html", markdown=False).stat().st_size < 300_000
    assert timeline_html(worst.scene(), tmp_path / "timeline.html", "one").stat().st_size < 300_000
    assert timeline_html(lens.scene(), tmp_path / "fleet.html", "all").stat().st_size < 300_000
    shown = len(chosen_threads(lens.session))
    assert shown > 4
    assert written.stat().st_size * 20 / shown < 1_500_000


def test_the_same_homes_make_the_same_bytes(lens: Lens, written: Path, tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in written.parent.iterdir()}
    with t3lens.open(SAMPLES, server="dead") as again:
        again.report(tmp_path / "incident.html")
    second = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert second == first
    assert lens.as_of


def test_the_twin_says_the_same(lens: Lens, written: Path) -> None:
    twin = written.with_suffix(".md").read_text("utf-8")
    page = written.read_text("utf-8")
    for thread in chosen_threads(lens.session):
        assert thread.thread_id in twin
        assert thread.thread_id in page
        for finding in thread.findings:
            assert finding.code in twin
            assert finding.code in page


def test_every_link_to_evidence_leads_somewhere(written: Path) -> None:
    page = written.read_text("utf-8")
    links = set(re.findall(r'href="#(e\d+)"', page))
    places = set(re.findall(r'id="(e\d+)"', page))
    assert links
    assert links <= places


def test_pictures_are_well_formed_and_show_every_lane(lens: Lens, written: Path) -> None:
    pictures = sorted(written.parent.glob("*.svg"))
    assert len(pictures) == len(chosen_threads(lens.session))
    for picture in pictures:
        text = picture.read_text("utf-8")
        ET.fromstring(text)
        assert "var(" not in text
        assert "Session, stored" in text


def test_what_was_said_is_left_out_unless_asked_for(lens: Lens) -> None:
    words = set()
    for (payload,) in lens.rows("select payload::varchar from log_events where type in ('content.delta', 'item.completed')"):
        value = json.loads(payload)
        words |= {text for name in ("delta", "detail") if len(text := str(value.get(name) or "")) > 14}
    assert words
    threads = lens.diagnosis.threads
    said = report_html(lens.session, threads) + report_markdown(lens.session, threads)
    assert not [word for word in words if word in said]


def test_secrets_in_titles_and_errors_are_masked_also_with_content(lens: Lens) -> None:
    thread = lens.diagnosis.threads[0]
    token = "ghp_" + "Ab3" * 12
    page = report_html(lens.session, [thread], title=f"broke with {token}", content=True)
    assert token not in page
    assert "‹github-token-1›" in page


def test_a_hostile_title_is_inert(lens: Lens) -> None:
    thread = lens.diagnosis.threads[0]
    page = report_html(lens.session, [thread], title=HOSTILE)
    twin = report_markdown(lens.session, [thread], title=HOSTILE)
    body = page[: page.index("<script>")]
    assert "<script" not in body
    assert "<img" not in body
    assert "<script" not in twin
    assert "](javascript" not in twin


def test_it_tells_how_to_make_it_again(lens: Lens, tmp_path: Path) -> None:
    worst = lens.diagnosis.threads[0]
    home = next(h.home.path for h in lens.diagnosis.homes if h.home.home_id == worst.home_id)
    with t3lens.open(home, server="dead") as alone:
        thread = alone.session.thread(worst.thread_id)
        said = incident(alone.session, [thread], output=str(tmp_path / "again.html"))
        write_report(alone.session, [thread], tmp_path / "first.html")
    words = shlex.split(said.command)
    assert words[:2] == ["t3lens", "report"]
    assert run(words[1:]) == 0
    first, again = ((tmp_path / f"{name}.md").read_text() for name in ("first", "again"))
    ends = [text.split("## About")[0].replace("again-", "first-") for text in (first, again)]
    assert ends[0] == ends[1]


def test_a_stuck_thread_has_impact_cause_and_prevention(lens: Lens) -> None:
    stuck = next(t for t in lens.diagnosis.threads if t.verdict is Verdict.STUCK)
    told = incident(lens.session, [stuck]).threads[0]
    assert told.impact.lasted
    assert told.impact.turns
    assert told.causes[0].code == stuck.primary
    assert told.causes[0].exhibits
    assert told.prevention
    assert len(told.sentences) == 3


def test_a_healthy_thread_is_told_as_such(lens: Lens) -> None:
    healthy = next(t for t in lens.diagnosis.threads if t.verdict is Verdict.IDLE and not t.findings)
    told = incident(lens.session, [healthy]).threads[0]
    assert told.impact.lasted is None
    assert not told.prevention


def test_a_time_range_chooses_threads(lens: Lens) -> None:
    everything = chosen_threads(lens.session)
    since = sorted(t.since or 0 for t in everything)
    with pytest.raises(UsageError, match="in that time"):
        chosen_threads(lens.session, start="2031-01-01T00:00:00Z")
    assert 0 < len(chosen_threads(lens.session, end=since[0])) <= len(lens.diagnosis.threads)


def test_a_path_that_cannot_be_written_is_said(lens: Lens, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        lens.report(tmp_path / "file" / "report.html")


def test_every_finding_that_makes_a_thread_wrong_has_words_for_a_manager() -> None:
    codes = {one.code for one in register_all().values() if one.makes in WRONG_VERDICTS}
    assert codes <= set(CAUSES)
    assert set(CAUSES) <= set(register_all())
