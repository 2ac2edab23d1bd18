"""A document tells of single incidents: by their ids or since a time, in words for people, with what they came to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import t3lens
from t3lens.act import Journal
from t3lens.commands import cli
from t3lens.lens.lens import Lens, open_lens
from t3lens.report import chosen_incidents, incident, report_html, report_markdown
from t3lens.report.names import Names
from t3lens.time import SECOND, iso
from tests.healed import KEY


def _ids(lens: Lens) -> dict[str, str]:
    return dict(zip(lens.incidents().code, lens.incidents().incident_id, strict=True))


def test_one_incident_by_its_id_on_the_command_line(healed: Path, healed_lens: Lens, tmp_path: Path) -> None:
    wanted = _ids(healed_lens)["turn-failed"]
    words = ["report", str(healed), "--server", "alive", "--as-of", (healed / "now").read_text()]
    run = CliRunner().invoke(cli, [*words, "--incident", wanted[:8], "-o", str(tmp_path / "one.md")])
    assert run.exit_code == 0, run.output
    text = (tmp_path / "one.md").read_text("utf-8")
    assert "was **failed** (`turn-failed`)" in text
    assert "The model refused" in text
    assert f"--incident {wanted}" in text
    assert "silent-turn" not in text.split("## Appendix")[0].split("## Homes")[0]
    with pytest.raises(t3lens.T3LensError, match=f"no incident is called 'nope'; there are: .*{wanted}"):
        chosen_incidents(healed_lens.session, ["nope"])
    with pytest.raises(t3lens.T3LensError, match="no incident is called ''"):
        chosen_incidents(healed_lens.session, [""])


def test_all_since_a_time_are_one_document(healed_lens: Lens, tmp_path: Path) -> None:
    told = chosen_incidents(healed_lens.session, since="2020-01-01")
    said = incident(healed_lens.session, told)
    assert said.title == "Incident report: 3 incidents"
    assert [one.incident_id for one in said.threads] == list(healed_lens.incidents().incident_id)
    text = healed_lens.report(tmp_path / "all.md", since="2020-01-01").read_text("utf-8")
    assert text.count("### Impact") == 3
    assert "was stuck: " in text
    over = told[0].incident
    assert over is not None and over.until is not None
    later = chosen_incidents(healed_lens.session, since=over.until + SECOND)
    assert [one.incident.code for one in later if one.incident is not None] == ["turn-failed", "silent-turn"]
    mine = chosen_incidents(healed_lens.session, since="2020-01-01", threads=["Speed up"])
    assert [one.thread.title for one in mine] == ["Speed up the parser"]
    with pytest.raises(t3lens.T3LensError, match="there was no incident"):
        chosen_incidents(healed_lens.session, since="2100-01-01", threads=["Use "])


def test_sentences_have_titles_and_short_ids_and_evidence_the_whole_ones(healed_lens: Lens) -> None:
    (told,) = chosen_incidents(healed_lens.session, threads=["Use "])
    said = incident(healed_lens.session, [told]).threads[0]
    thread_id = told.thread.thread_id
    assert f"Thread “Use ‹anthropic-key-1›” ({thread_id[:8]}" in said.sentences[0]
    assert thread_id not in " ".join(said.sentences)
    assert not any(thread_id in step.text for step in said.story)
    text = report_markdown(healed_lens.session, [told])
    assert KEY not in text
    assert thread_id in text.split("## Appendix")[1]
    assert "has no answer to this day" in text
    assert said.moments[0][1] == "It began."
    (noticed,) = [at for at, text in said.moments if text.startswith("From here on")]
    assert told.incident is not None
    least = told.incident.judgement.case.context.threshold("silence")
    assert any("t3lens watch would have told of it" in text for text in said.prevented)
    assert abs(noticed - told.incident.since - least) <= 2 * SECOND


def test_what_goes_on_lasts_at_least_so_long_and_advice_is_a_command_line(healed: Path, healed_lens: Lens) -> None:
    (told,) = chosen_incidents(healed_lens.session, threads=["Goes on"])
    said = incident(healed_lens.session, [told]).threads[0]
    assert "for at least" in said.sentences[1]
    assert "it was still so at" in said.sentences[1]
    assert f"t3lens stop {told.thread.thread_id[:8]}" in said.sentences[2]
    text = report_markdown(healed_lens.session, [told])
    assert "lasted: at least" in text
    assert "thread.reconcile()" not in text + report_html(healed_lens.session, [told])
    with open_lens(healed, server="dead") as old:  # as of its last record
        (then,) = chosen_incidents(old.session, threads=["Goes on"])
        assert "when the home's last record was written" in incident(old.session, [then]).threads[0].sentences[1]


def test_what_no_record_keeps_is_said_and_no_row_of_today_is_shown_for_it(healed_lens: Lens) -> None:
    (told,) = chosen_incidents(healed_lens.session, threads=["Use "])
    assert told.incident is not None
    said = incident(healed_lens.session, [told])
    assert any("runtime binding" in text for text in said.threads[0].unknowable)
    rows = [one for one in said.exhibits if one.kind == "row"]
    assert all(not one.body and "as the events up to then make it" in one.excerpt for one in rows)
    assert "no runtime binding" not in report_markdown(healed_lens.session, [told])
    assert "What could not be known" in report_html(healed_lens.session, [told])


def test_an_incident_keeps_its_id_when_it_ends(healed: Path, healed_lens: Lens) -> None:
    over = healed_lens.session.incidents()[0]
    with open_lens(healed, server="alive", as_of=over.seen_until - SECOND) as then:
        (open_one,) = then.session.incidents(threads=[over.thread_id])
    assert open_one.open
    assert open_one.incident_id == over.incident_id


def test_the_journal_is_that_of_this_home_and_what_repeats_is_one(
    healed: Path, healed_lens: Lens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "actions.jsonl"))
    thread = healed_lens.session.thread("Goes on")
    home = healed_lens.homes[0]
    target = {"home_id": home.home_id, "home_path": str(home.path), "thread_id": thread.thread_id, "title": "t"}
    for number in range(3):
        at = healed_lens.as_of - (60 - number) * SECOND
        Journal().append(f"a{number}", "intent", {"kind": "stop", "why": "stuck", "target": target, "plan": {}}, at=at)
        Journal().append(f"a{number}", "outcome", {"outcome": "not confirmed", "detail": "no answer"}, at=at + SECOND)
    (deed,) = [one for one in incident(healed_lens.session, [thread]).threads[0].deeds if one.action]
    assert (deed.times, deed.outcome) == (3, "not confirmed")
    assert f"3 times, last at {iso(healed_lens.as_of - 58 * SECOND)}" in deed.told
    assert len(healed_lens.sql("from actions")) == len(healed_lens.actions()) == 3
    shutil.copytree(healed, tmp_path / "copy")
    with open_lens(tmp_path / "copy", server="alive", as_of=(healed / "now").read_text()) as copy:
        same = copy.session.thread("Goes on")
        assert same.home_id == home.home_id
        assert not [one for one in incident(copy.session, [same]).threads[0].deeds if one.action]
        assert len(copy.sql("from actions")) == 0
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "none.jsonl"))
    healed_lens.mirror_journal(strict=True)  # the lens is shared: what was mirrored here must not stay


def test_short_ids_tell_themselves_from_each_other() -> None:
    ids = ["019f36a7-ed5c-7d57-ab07", "019f36a7-ed5f-1111-ab07", "msg-e524742d-682b-4c49", "plain"]
    names = Names(ids, {"30bd0290-302d-4dca-93cf": "Nightly\\1"})
    text = f"turn {ids[0]} of thread 30bd0290-302d-4dca-93cf took {ids[2]}, not {ids[1]}, plain or unknown-0000-0000"
    assert names.text(text) == (
        "turn 019f36a7-ed5c of thread “Nightly\\1” (30bd0290) took msg-e524742d, not 019f36a7-ed5f, "
        "plain or unknown-0000-0000"
    )
