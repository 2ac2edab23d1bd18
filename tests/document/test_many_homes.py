"""Many homes read as one: counted, told as one matter, on a page that stays small."""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from t3lens.commands.audit_output import COUNTED_BY
from t3lens.document.baseline import baseline_of, with_baseline
from t3lens.document.formats import FORMATS
from t3lens.document.html import audit_html
from t3lens.document.model import AuditDocument, FailOn, RollUpBy
from t3lens.document.pages import page_name, write_pages
from t3lens.document.roll_up import labels, matters, roll_up, with_roll_ups
from t3lens.document.table import audit_table
from t3lens.domain.finding import Severity
from t3lens.errors import UsageError
from t3lens.lens.lens import Lens
from t3lens.view.labels import home_hosts, home_labels


def many(document: AuditDocument, copies: int) -> AuditDocument:
    """The homes again and again, each time of another machine."""
    homes = tuple(
        replace(home, home_id=f"{home.home_id}-{n}", path=f"/archive/ws-{n:03d}/{Path(home.path).parent.name}/userdata")
        for n in range(copies)
        for home in document.homes
    )
    threads = tuple(
        replace(thread, home_id=f"{thread.home_id}-{n}", thread_id=f"{thread.thread_id}-{n}")
        for thread in document.threads
        for n in range(copies)
    )
    counts = {verdict: number * copies for verdict, number in document.counts.items()}
    return replace(document, homes=homes, threads=threads, counts=counts)


def bad(document: AuditDocument) -> int:
    return sum(one.severity.at_least(Severity.LOW) for place in document.places for one in place.findings)


def table(document: AuditDocument, *, everything: bool = False) -> str:
    out = io.StringIO()
    audit_table(document, Console(file=out, width=100, no_color=True), everything=everything)
    return out.getvalue()


def test_the_command_line_counts_by_what_the_document_does() -> None:
    assert tuple(RollUpBy) == COUNTED_BY


@pytest.mark.parametrize("by", RollUpBy)
def test_every_finding_is_counted_once(document: AuditDocument, by: RollUpBy) -> None:
    fleet = many(document, 3)
    rows = roll_up(fleet, by).rows
    assert sum(row.findings for row in rows) == bad(fleet) > 0
    assert len({row.name for row in rows}) == len(rows)
    ranks = [row.severity.rank for row in rows]
    assert ranks == sorted(ranks)


def test_machines_and_homes_are_told_by_what_of_their_paths_differs(document: AuditDocument) -> None:
    fleet = many(document, 3)
    hosts = {row.name for row in roll_up(fleet, RollUpBy.HOST).rows}
    assert hosts == {"ws-000", "ws-001", "ws-002"}
    assert labels(fleet)[fleet.homes[0].home_id] == f"ws-000/{Path(document.homes[0].path).parent.name}"


@pytest.mark.parametrize(
    ("paths", "labels", "hosts"),
    [
        (["/a/x/userdata", "/a/y/userdata"], ["x", "y"], ["x", "y"]),
        (["/a/x/.t3/userdata", "/a/y/.t3/userdata"], ["x", "y"], ["x", "y"]),
        (["/h/.t3/userdata", "/h/.t3/dev"], [".t3", ".t3/dev"], [".t3", ".t3"]),
        (["/a/x/one/userdata", "/a/y/two/userdata", "/a/y/one/userdata"], ["x/one", "y/two", "y/one"], ["x", "y", "y"]),
        (["/home/ann/.t3/userdata"], [".t3"], [".t3"]),
        (["/"], ["/"], ["/"]),
        (["a", "a/b"], ["a", "a/b"], ["a", "a"]),
    ],
)
def test_labels(paths: list[str], labels: list[str], hosts: list[str]) -> None:
    by_id = {str(number): path for number, path in enumerate(paths)}
    assert list(home_labels(by_id).values()) == labels
    assert list(home_hosts(by_id).values()) == hosts


def test_labels_of_long_paths_that_end_alike_are_distinct() -> None:
    paths = {str(n): f"/{n}/" + "long/" * 30 + ("x" if n else "y") for n in range(4)} | {"9": "/0/" + "long/" * 30 + "x"}
    assert len(set(home_labels(paths).values())) == len(paths)


def test_what_began_in_half_of_the_homes_within_an_hour_is_one_matter(document: AuditDocument) -> None:
    fleet = many(document, 40)
    worst = document.threads[0]
    at = {f"{worst.home_id}-{n}": f"2026-11-29T02:{n + 10:02d}:00.000Z" for n in range(40)}
    only = {home.home_id: home for home in fleet.homes if home.home_id in at}
    first = worst.findings[0]
    threads = tuple(
        replace(one, findings=(replace(first, since=at[one.home_id]),))
        for one in fleet.threads
        if one.thread_id.startswith(worst.thread_id)
    )
    fleet = replace(fleet, homes=tuple(only.values()), threads=threads)
    (matter,) = matters(fleet)
    assert (matter.code, matter.homes, matter.since[11:16], matter.until[11:16]) == (first.code, 40, "02:10", "02:49")
    half = [f"2026-11-{n + 1:02d}T02:10:00.000Z" for n in range(21)]
    scattered = tuple(
        replace(one, findings=(replace(first, since=half[n]),)) if n < len(half) else one for n, one in enumerate(threads)
    )
    assert matters(replace(fleet, threads=scattered)) == ()
    told = with_roll_ups(fleet, ())
    said = f"since 2026-11-29 02:10 on 40 of 40 homes: {first.code}"
    for text in (table(told), FORMATS["html"](told)):
        assert said in " ".join(text.split())
        assert worst.thread_id[:8] not in text
    assert re.search(r"02:10 on 40 of 40 homes: ", FORMATS["md"](told))
    assert worst.thread_id[:8] in table(told, everything=True)


def test_two_homes_are_never_a_matter(document: AuditDocument) -> None:
    two = {home.home_id for home in document.homes[:2]}
    few = replace(document, homes=document.homes[:2], threads=tuple(one for one in document.threads if one.home_id in two))
    assert matters(many(few, 1)) == ()


def test_the_page_of_300_homes_is_small_and_names_what_is_wrong(document: AuditDocument) -> None:
    fleet = many(document, -(-300 // len(document.homes)))
    assert len(fleet.homes) >= 300
    fleet = with_roll_ups(fleet, RollUpBy)
    names = {(one.home_id, one.thread_id): page_name(one) for one in fleet.threads}
    page = audit_html(fleet, pages=names)
    assert len(page.encode()) < 400_000
    assert "<script" not in page
    for code in {one.code for thread in fleet.threads for one in thread.findings}:
        assert code in page
    known = audit_html(with_baseline(fleet, baseline_of(fleet)))
    assert len(known.encode()) < len(page.encode()) / 2
    assert "<details><summary>" in known


def test_the_page_links_to_one_page_for_each_thread_with_trouble(document: AuditDocument, tmp_path: Path) -> None:
    write_pages(with_roll_ups(document, ()), tmp_path / "pages")
    index = (tmp_path / "pages" / "index.html").read_text("utf-8")
    linked = set(re.findall(r'href="([^"]+\.html)"', index))
    assert linked
    assert linked <= {path.name for path in (tmp_path / "pages").iterdir()}
    worst = document.threads[0]
    assert page_name(worst) in linked
    text = (tmp_path / "pages" / page_name(worst)).read_text("utf-8")
    assert worst.thread_id in text
    assert all(one.code in text for one in worst.findings)
    home = next(one.path for one in document.homes if one.home_id == worst.home_id)
    assert "What helps:" in text and home in text


def test_where_nothing_can_fail_no_number_of_failures_is_told(document: AuditDocument) -> None:
    for shape in ("html", "md"):
        assert "of severity high or more" in FORMATS[shape](document)
        assert "of severity never" not in FORMATS[shape](replace(document, fail_on=FailOn.NEVER))


def test_names_of_pages_leave_their_folder_for_no_id(document: AuditDocument) -> None:
    hostile = ("../../x", "a/b", "", ".", "\ud800", "x" * 5000)
    names = [page_name(replace(document.threads[0], thread_id=thread_id)) for thread_id in hostile]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9-]+\.html", name) and len(name) < 100 for name in names)


def test_advice_is_given_once_for_each_kind(document: AuditDocument) -> None:
    fleet = many(document, 4)
    lines = [line for line in table(fleet).splitlines() if line.startswith("  →")]
    kinds = Counter(re.sub(r"^  → (\d+ threads \(.*?\): )?", "", line) for line in lines)
    assert kinds
    assert set(kinds.values()) == {1}


def test_a_lens_counts_as_the_audit_does(samples: Lens, document: AuditDocument) -> None:
    for by in ("code", "home"):
        frame = samples.roll_up(by)
        rows = roll_up(document, RollUpBy(by)).rows
        assert list(frame[by]) == [row.name for row in rows]
        assert list(frame["findings"]) == [row.findings for row in rows]
    with pytest.raises(UsageError, match="not by 'weather'"):
        samples.roll_up("weather")


def test_trends_name_homes_by_their_paths(samples: Lens) -> None:
    rows = samples.trends("home").set_index("home")
    assert rows.loc["retry-loop", "path"].endswith("retry-loop/userdata")
    assert rows["threads"].sum() == len(samples.diagnosis.threads)
