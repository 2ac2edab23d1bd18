"""Rules have names, and wherever people read of one its name stands beside its id."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from t3lens.diagnose.story import explain
from t3lens.lens.lens import Lens
from t3lens.live.explorer_data import story_payload
from t3lens.report import report_html, report_markdown
from t3lens.t3code.rule_names import RULE_NAMES, rule_words
from t3lens.time import SECOND
from t3lens.view.records import find_record
from t3lens.view.story import Story

_ALONE = re.compile(r"[>\[|] ?(?:[RQ]\d+|W) ?[<\]|]")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def test_every_rule_has_a_name_and_the_document_names_them_alike(lens: Lens) -> None:
    _ = lens.diagnosis
    used = {row[0] for row in lens.rows("SELECT DISTINCT rule FROM transitions")}
    assert {"R1", "W", "Q1"} <= used <= RULE_NAMES.keys()
    told = (Path(__file__).parents[2] / "docs" / "lifecycle-rules.md").read_text("utf-8")
    named = dict(re.findall(r"^\| (R\d+), ([^|]+) \|", told, re.MULTILINE))
    assert named == {rule: name for rule, name in RULE_NAMES.items() if rule.startswith("R")}


def test_no_rule_stands_alone_where_people_read_of_it(lens: Lens) -> None:
    threads = [one for one in lens.diagnosis.threads if explain(one).lines]
    texts = [Story(explain(one)).text() + Story(explain(one))._repr_html_() for one in threads]
    texts += [report_html(lens.session, threads[:2]), report_markdown(lens.session, threads[:2])]
    assert any("rule R1, turn started" in text for text in texts)
    assert [found.group() for text in texts for found in _ALONE.finditer(text)] == []


def test_a_step_is_told_in_words_and_keeps_whole_ids_to_its_fields(lens: Lens) -> None:
    steps = lens.rows("SELECT home_id, thread_id, rules, step, rule FROM transitions WHERE applied ORDER BY ALL")
    for home_id, thread_id, rules, step, rule in steps[::7]:
        record = find_record(lens.store, home_id, thread_id, f"step:{rules}:{step}")
        assert record is not None
        facts = dict(record.facts)
        assert facts["rule"] == rule_words(rule).removeprefix("rule ")
        prose = [facts["why"], *(near.title for near in record.neighbours)]
        assert [text for text in prose if _ID.search(text)] == []


def test_what_helps_is_a_sentence(lens: Lens) -> None:
    told = set()
    for home_id, thread_id, finding_id, remedy in lens.rows("SELECT home_id, thread_id, finding_id, remedy FROM findings"):
        record = find_record(lens.store, home_id, thread_id, f"finding:{finding_id}")
        assert record is not None
        told.add((remedy, dict(record.facts)["what helps"]))
    assert dict(told)["stop"].startswith("Stop the session (thread.reconcile()")
    assert all(text.endswith(".") for remedy, text in told if remedy != "restart-server")


def test_the_explorers_story_tells_of_servers_where_they_came_and_went(lens: Lens) -> None:
    thread = next(one for one in lens.diagnosis.threads if one.primary == "orphaned-turn")
    plain = story_payload(lens.store, thread.home_id, thread.thread_id)["steps"]
    last, first = plain[-1]["at"], min(step["at"] for step in plain)
    told = [(first - SECOND, "server start"), (last + SECOND, "server start"), (last + 2 * SECOND, "server stop")]
    steps = story_payload(lens.store, thread.home_id, thread.thread_id, told)["steps"]
    assert steps[: len(plain)] == plain, "a start before the thread had begun is none of its story"
    assert [step["why"] for step in steps[len(plain) :]] == ["the server restarted", "the server ended"]


def test_times_of_the_explorers_story_never_go_back(lens: Lens) -> None:
    written_later = 0
    for thread in lens.diagnosis.threads:
        steps = story_payload(lens.store, thread.home_id, thread.thread_id)["steps"]
        times = [step["at"] for step in steps if step["at"] is not None]
        assert times == sorted(times), thread.thread_id
        numbers = [int(step["key"].rpartition(":")[2]) for step in steps]
        written_later += numbers != sorted(numbers)
    assert written_later, "in some thread a step tells of a moment before the one that was applied ahead of it"


def test_nothing_that_explains_is_cut(lens: Lens) -> None:
    said = explain(next(one for one in lens.diagnosis.threads if one.primary == "orphaned-turn"))
    long = "Word after word of what a person has to know of it. " * 40 + "The end of it."
    finding = msgspec.structs.replace(said.findings[0], explanation=long)
    evidence = tuple(msgspec.structs.replace(one, excerpt=long.replace("The end", "The last")) for one in finding.evidence)
    lines = tuple(msgspec.structs.replace(one, text=long.replace("The end", "The outcome")) for one in said.lines)
    finding = msgspec.structs.replace(finding, evidence=evidence)
    story = Story(msgspec.structs.replace(said, findings=(finding,), lines=lines, headline=long))
    for text in (story.text(), story._repr_html_()):
        assert "The end of it." in text and "The last of it." in text and "The outcome of it." in text
        assert "…" not in text.partition("</style>")[2]
