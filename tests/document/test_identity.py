"""What makes a finding the same one: not where its home stands, how bad it is, or how it is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from t3lens.document.audit_filter import AuditFilter, chosen, leaves_out
from t3lens.document.baseline import baseline_of, kept_for_next, read_baseline, with_baseline
from t3lens.document.formats import FORMATS
from t3lens.document.identity import renamed_homes
from t3lens.document.model import AuditDocument, NotCheckedEntry, Novelty, json_values
from t3lens.document.since_baseline import news_of, only_new
from t3lens.domain.finding import Severity
from t3lens.errors import InputError
from tests.document.older import VANISHED, older


def renamed(document: AuditDocument, name: str = "x") -> AuditDocument:
    """The same homes elsewhere, under other ids, as those are that have no environment id."""
    homes = tuple(replace(home, home_id=f"{name}{home.home_id}", path=f"/{name}/{home.path}") for home in document.homes)
    threads = tuple(replace(thread, home_id=f"{name}{thread.home_id}") for thread in document.threads)
    return replace(document, homes=homes, threads=threads)


def novelties(document: AuditDocument) -> set[Novelty | None]:
    return {finding.baseline for place in document.places for finding in place.findings}


def test_severities_and_wording_do_not_make_another_finding(document: AuditDocument) -> None:
    threads = tuple(
        replace(
            thread,
            findings=tuple(
                replace(one, severity=Severity.LOW, summary="otherwise said", since="2026-01-01T00:00:00.000Z")
                for one in thread.findings
            ),
        )
        for thread in document.threads
    )
    compared = with_baseline(replace(document, threads=threads), baseline_of(document))
    assert novelties(compared) == {Novelty.KNOWN}
    assert compared.vanished == ()


def test_homes_that_are_named_otherwise_are_known_by_their_threads(document: AuditDocument) -> None:
    compared = with_baseline(renamed(document), baseline_of(document))
    assert compared.baseline is not None
    assert novelties(compared) == {Novelty.KNOWN}
    assert (compared.baseline.new, compared.vanished, compared.baseline.not_compared) == (0, (), 0)
    assert any("its threads are the same" in text for text in compared.baseline.remarks)


def test_what_vanished_in_a_renamed_home_is_told_under_its_new_name(document: AuditDocument) -> None:
    compared = with_baseline(renamed(document), baseline_of(older(document)))
    assert [(gone.code, gone.home_id) for gone in compared.vanished] == [(VANISHED, f"x{document.threads[0].home_id}")]


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ({"a": {"1", "2"}}, {"b": {"1", "2", "3"}}, {"a": "b"}),
        ({"a": {"1", "2", "3"}}, {"b": {"1", "4", "5"}}, {}),  # one thread that came along makes no home the same
        ({"a": {"1", "2"}}, {"a": set(), "b": {"1", "2"}}, {}),  # it is still there: the other is a copy
        ({"a": {"1", "2"}, "b": {"2", "3"}}, {"c": {"2", "3"}}, {"b": "c"}),
        ({"a": set()}, {"b": set()}, {}),
    ],
)
def test_a_home_is_paired_with_the_one_that_has_its_threads(
    before: dict[str, set[str]], now: dict[str, set[str]], found: dict[str, str]
) -> None:
    assert renamed_homes(before, now) == found


def without_home(document: AuditDocument, home_id: str) -> AuditDocument:
    return replace(
        document,
        homes=tuple(home for home in document.homes if home.home_id != home_id),
        threads=tuple(thread for thread in document.threads if thread.home_id != home_id),
    )


def test_what_a_home_had_that_is_not_there_is_neither_known_nor_gone(document: AuditDocument) -> None:
    home_id = document.threads[0].home_id
    had = sum(len(place.findings) for place in document.places if place.home_id == home_id)
    compared = with_baseline(without_home(document, home_id), baseline_of(document))
    assert compared.baseline is not None
    assert (compared.vanished, compared.baseline.new, compared.baseline.not_compared) == ((), 0, had)
    (remark,) = compared.baseline.remarks
    assert "cannot be said to be gone" in remark


@pytest.mark.parametrize("how", ["not judged", "not checked"])
def test_what_could_not_be_looked_for_is_not_gone(document: AuditDocument, how: str) -> None:
    worst = document.threads[0]

    def lacking(home_id: str) -> AuditDocument:
        check = tuple(NotCheckedEntry(code=one.code, why="no logs") for one in worst.findings)
        homes = tuple(
            home
            if home.home_id != home_id
            else replace(home, cannot_judge="not known", findings=())
            if how == "not judged"
            else replace(home, not_checked=check)
            for home in document.homes
        )
        threads = tuple(replace(one, findings=()) if one.home_id == home_id else one for one in document.threads)
        return replace(document, homes=homes, threads=threads)

    compared = with_baseline(lacking(worst.home_id), baseline_of(document))
    assert compared.baseline is not None
    assert not {gone.code for gone in compared.vanished} & {one.code for one in worst.findings}
    assert compared.baseline.not_compared >= len(worst.findings)


def test_a_finding_without_a_turn_that_began_later_is_another_one(document: AuditDocument) -> None:
    place = next(home for home in document.homes if home.findings)
    again = tuple(replace(one, turn_id=None, since="2999-01-01T00:00:00.000Z") for one in place.findings)
    later = replace(document, homes=tuple(replace(one, findings=again) if one is place else one for one in document.homes))
    compared = with_baseline(later, baseline_of(document))
    assert compared.baseline is not None
    assert compared.baseline.new == len(compared.vanished) == len({one.code for one in again})
    assert with_baseline(later, baseline_of(later)).vanished == ()


def test_a_baseline_of_another_identity_is_refused_by_name(tmp_path: Path, document: AuditDocument) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps({**json_values(document), "finding_identity": 2}))
    with pytest.raises(InputError, match=r"old\.json tells findings apart in another way"):
        read_baseline(path)


def test_what_is_filtered_out_is_not_told_as_gone(document: AuditDocument) -> None:
    codes = {one.code for thread in document.threads for one in thread.findings}
    for choice in (AuditFilter(ignore=frozenset(codes)), AuditFilter(providers=frozenset({"nobody"}))):
        part = chosen(document, choice)
        compared = with_baseline(part, baseline_of(document), whole=document, left_out=leaves_out(document, choice))
        assert not [gone for gone in compared.vanished if gone.thread_id is not None]


def test_what_could_not_be_looked_for_one_night_is_known_the_next(tmp_path: Path, document: AuditDocument) -> None:
    """A file system that is not mounted for a night makes nothing new of what was there before and after."""
    path = tmp_path / "last.json"
    home_id = document.threads[0].home_id
    partly = without_home(document, home_id)
    now = datetime(2026, 11, 29, tzinfo=UTC)
    path.write_text("".join(kept_for_next(document, None, now)))
    assert read_baseline(path) == baseline_of(document)
    for night in range(3):
        path.write_text("".join(kept_for_next(partly, read_baseline(path), now + timedelta(days=night))))
    compared = with_baseline(document, read_baseline(path))
    assert novelties(compared) == {Novelty.KNOWN}
    assert compared.vanished == ()
    path.write_text("".join(kept_for_next(partly, read_baseline(path), now + timedelta(days=99))))
    assert home_id not in read_baseline(path).homes


def test_every_format_says_what_is_new_gone_and_known(document: AuditDocument) -> None:
    compared = with_baseline(document, baseline_of(older(document)))
    news, baseline = news_of(compared), compared.baseline
    assert news is not None
    assert baseline is not None
    numbers = {"new": baseline.new, "gone": 1, "known": baseline.known}
    assert baseline.new > 0 < baseline.known
    for shape in ("md", "html"):
        text = FORMATS[shape](compared)
        assert f"{numbers['new']} new, 1 gone, {numbers['known']} known" in text
        assert VANISHED in text
    said = json.loads(FORMATS["sarif"](compared))["runs"][0]["properties"]["baseline"]
    assert {name: said[name] for name in numbers} == numbers
    lines = [json.loads(line) for line in FORMATS["ndjson"](compared).splitlines()]
    assert [line["code"] for line in lines if line["kind"] == "gone"] == [VANISHED]
    assert sum(line.get("baseline") == "new" for line in lines if line["kind"] == "finding") == baseline.new
    xml = FORMATS["junit"](compared)
    assert f'name="gone_finding" value="{VANISHED}' in xml
    assert "(new)" in xml
    assert "(known)" in xml


def test_only_what_is_new_is_left(document: AuditDocument) -> None:
    compared = with_baseline(document, baseline_of(older(document)))
    left = only_new(compared)
    assert novelties(left) == {Novelty.NEW}
    assert [thread.thread_id for thread in left.threads] == [document.threads[0].thread_id]
    assert len(left.homes) == 1
    assert left.baseline == compared.baseline
