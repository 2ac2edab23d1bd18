"""Somebody is told once: also after a restart, a failure, a quiet night, a renamed home, a kill in the middle."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from t3lens.document.audit_filter import AuditFilter, chosen
from t3lens.document.baseline import baseline_of, with_baseline
from t3lens.document.fail_on import fails
from t3lens.document.model import AuditDocument, FailOn, UnreadableEntry
from t3lens.errors import InputError, UsageError
from t3lens.notify.item import UNREAD, ItemKind, body_of, json_of, title_of
from t3lens.notify.ledger import Ledger
from t3lens.notify.notifier import Notifier
from t3lens.notify.quiet_hours import QuietHours
from tests.document.test_identity import renamed, without_home
from tests.notify.conftest import Clock, Somebody

Make = Callable[..., Notifier]


@pytest.fixture
def make(tmp_path: Path, somebody: Somebody, clock: Clock) -> Make:
    """A teller over the ledger of this test: each call is a process that was started again."""

    def teller(*others: Somebody, **options: object) -> Notifier:
        options = {"on": FailOn.HIGH, "clock": clock, **options}
        return Notifier(Ledger(tmp_path / "notify.json"), [somebody, *others], **options)  # type: ignore[arg-type, list-item]

    return teller


def healed(document: AuditDocument) -> AuditDocument:
    """Nothing is wrong any more."""
    homes = tuple(replace(home, findings=()) for home in document.homes)
    return replace(document, homes=homes, threads=tuple(replace(one, findings=()) for one in document.threads))


def bad(document: AuditDocument) -> list[tuple[str, str]]:
    return sorted(("new", one.code) for one in fails(replace(document, fail_on=FailOn.HIGH)))


def test_what_is_new_is_told_once_also_after_a_restart(make: Make, somebody: Somebody, document: AuditDocument) -> None:
    for _ in range(3):
        teller = make()
        teller.notice(document)
        told = teller.deliver()
    assert sorted(somebody.words) == bad(document)
    assert len(somebody.told) == 1
    assert (told.told, told.waiting, told.problems) == (0, 0, ())


def test_what_is_over_is_told_once_and_what_comes_back_begins_anew(
    make: Make, somebody: Somebody, document: AuditDocument
) -> None:
    for now in (document, healed(document), healed(document), document):
        teller = make()
        teller.notice(now)
        teller.deliver()
    kinds = [{one.kind for one in some} for some in somebody.told]
    assert kinds == [{ItemKind.NEW}, {ItemKind.OVER}, {ItemKind.NEW}]


def test_only_what_is_bad_enough_is_told(make: Make, somebody: Somebody, document: AuditDocument) -> None:
    teller = make(on=FailOn.CRITICAL)
    teller.notice(document)
    teller.deliver()
    assert somebody.told == []


def test_what_a_baseline_knows_is_not_told(make: Make, somebody: Somebody, document: AuditDocument) -> None:
    teller = make()
    teller.notice(with_baseline(document, baseline_of(document)))
    teller.deliver()
    assert somebody.told == []


def test_a_renamed_home_is_no_news(make: Make, somebody: Somebody, document: AuditDocument) -> None:
    for now in (document, renamed(document)):
        teller = make()
        teller.notice(now)
        teller.deliver()
    assert len(somebody.told) == 1
    make().notice(healed(renamed(document)))
    make().deliver()
    assert {one.kind for one in somebody.told[1]} == {ItemKind.OVER}


def test_a_home_that_is_not_there_is_not_over(make: Make, somebody: Somebody, document: AuditDocument) -> None:
    for now in (document, without_home(document, document.threads[0].home_id), document):
        teller = make()
        teller.notice(now)
        teller.deliver()
    assert len(somebody.told) == 1


def test_what_is_filtered_out_is_neither_told_nor_over(make: Make, somebody: Somebody, document: AuditDocument) -> None:
    nobody = chosen(document, AuditFilter(providers=frozenset({"nobody"})))
    for wanted in (nobody, document, nobody):
        teller = make()
        teller.notice(wanted, document)
        teller.deliver()
    assert sorted(somebody.words) == bad(document)


def test_what_could_not_be_delivered_is_kept_and_tried_again(
    make: Make, somebody: Somebody, clock: Clock, document: AuditDocument
) -> None:
    other = Somebody("other 1")
    somebody.why_not = "nobody was there"
    teller = make(other)
    teller.notice(document)
    told = teller.deliver()
    assert told.waiting == len(bad(document))
    assert "somebody 1 could not be told (nobody was there)" in told.problems[0]
    assert len(other.told) == 1
    somebody.why_not = None
    assert make(other).deliver().told == 0, "not at once"
    clock.pass_(minutes=2)
    assert make(other).deliver().told == len(bad(document))
    assert (len(somebody.told), len(other.told)) == (1, 1)


def test_a_run_that_will_not_be_here_later_tries_at_once(make: Make, somebody: Somebody, document: AuditDocument) -> None:
    somebody.why_not = "no"
    make().notice(document)
    make().deliver()
    somebody.why_not = None
    assert make().deliver(now_or_never=True).waiting == 0


def test_waits_grow_to_an_hour(make: Make, somebody: Somebody, clock: Clock, document: AuditDocument) -> None:
    somebody.why_not = "no"
    make().notice(document)
    tried = []
    for minute in range(180):
        tried += [minute] if make().deliver().problems else []
        clock.pass_(minutes=1)
    assert tried == [0, 1, 3, 7, 15, 31, 63, 123]


def test_nobody_is_told_in_quiet_hours_and_what_came_and_went_is_one_thing(
    make: Make, somebody: Somebody, clock: Clock, document: AuditDocument
) -> None:
    local = clock.now.astimezone()
    quiet = QuietHours((local - timedelta(hours=1)).time(), (local + timedelta(hours=1)).time())
    teller = make(quiet=quiet)
    teller.notice(document)
    assert teller.deliver(now_or_never=True).quiet
    teller.notice(healed(document))
    assert teller.deliver().told == 0
    clock.pass_(hours=2)
    assert make(quiet=quiet).deliver().told == len(bad(document))
    assert {one.kind for one in somebody.told[0]} == {ItemKind.PASSED}


def test_what_comes_and_goes_within_the_settling_time_is_told_once(
    make: Make, somebody: Somebody, clock: Clock, document: AuditDocument
) -> None:
    for now in (document, healed(document), document, healed(document), document):
        teller = make(settle=timedelta(minutes=1))
        teller.notice(now)
        teller.deliver()
        clock.pass_(seconds=20)
    assert len(somebody.told) == 1
    make(settle=timedelta(minutes=1)).notice(healed(document))
    clock.pass_(seconds=61)
    make(settle=timedelta(minutes=1)).deliver()
    assert {one.kind for one in somebody.told[-1]} == {ItemKind.OVER}


def test_a_target_is_told_together_what_comes_within_the_gap(
    make: Make, somebody: Somebody, clock: Clock, document: AuditDocument
) -> None:
    teller = make(gap=timedelta(minutes=1))
    for count in range(len(document.threads) + 1):
        some = {one.thread_id for one in document.threads[:count]}
        threads = tuple(one if one.thread_id in some else replace(one, findings=()) for one in document.threads)
        teller.notice(replace(document, threads=threads))
        teller.deliver()
        clock.pass_(seconds=1)
    assert len(somebody.told) == 1
    clock.pass_(minutes=1)
    teller.deliver()
    assert len(somebody.told) == 2
    assert sorted(somebody.words) == bad(document)


def test_a_process_that_is_killed_while_it_tells_loses_nothing_and_says_so(
    make: Make, somebody: Somebody, document: AuditDocument
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> str | None:
        raise Killed

    teller = make()
    teller.notice(document)
    somebody.tell = killed  # type: ignore[method-assign, assignment]
    with pytest.raises(Killed):
        teller.deliver()
    del somebody.tell  # type: ignore[method-assign]
    make().deliver()
    assert sorted(somebody.words) == bad(document)
    assert all(one.maybe_told for one in somebody.told[0])
    assert "may have been told before" in body_of(somebody.told[0])


def test_a_command_gets_each_finding_by_itself_and_a_flood_at_once(
    make: Make, somebody: Somebody, document: AuditDocument
) -> None:
    somebody.one_by_one = True
    make().notice(document)
    make().deliver()
    assert [len(some) for some in somebody.told] == [1] * len(bad(document))
    many = replace(
        document,
        threads=tuple(
            replace(one, thread_id=f"{one.thread_id}-{n}") for one in document.threads if one.findings for n in range(9)
        ),
    )
    before = len(somebody.told)
    make().notice(many)
    make().deliver()
    assert len(somebody.told) == before + 1


def test_there_is_an_end_to_what_is_kept(make: Make, somebody: Somebody, document: AuditDocument) -> None:
    somebody.why_not = "no"
    worst = document.threads[0]
    for n in range(2):
        threads = tuple(replace(worst, thread_id=f"{n}-{m}") for m in range(700))
        make().notice(replace(document, threads=threads))
    waiting = make().deliver().waiting
    assert waiting == 1_000
    left_out: list[int] = []
    somebody.tell = lambda items, left: left_out.append(left)  # type: ignore[method-assign, assignment]
    make().deliver(now_or_never=True)
    assert left_out[0] > 0


def test_the_ledger_is_private_and_says_when_it_cannot_be_used(make: Make, tmp_path: Path, document: AuditDocument) -> None:
    make().notice(document)
    path = tmp_path / "notify.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    values = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({**values, "finding_identity": 2}))
    with pytest.raises(InputError, match="tells findings apart in another way"):
        make().notice(document)
    path.write_text("no json")
    with pytest.raises(InputError, match="does not hold what was told"):
        make().notice(document)


def test_a_ledger_in_a_home_is_refused(tmp_path: Path, document: AuditDocument) -> None:
    home = replace(document.homes[0], path=str(tmp_path))
    teller = Notifier(Ledger(tmp_path / "logs" / "notify.json"), [], on=FailOn.HIGH)
    with pytest.raises(InputError, match="where nothing is written"):
        teller.notice(replace(document, homes=(home, *document.homes[1:])))
    assert list(tmp_path.iterdir()) == []


def test_what_is_told_does_nothing_in_a_chat(make: Make, somebody: Somebody, document: AuditDocument) -> None:
    hostile = "<!channel> @here [x](http://x) `rm` \x1b[31m\u202e"
    threads = tuple(replace(one, title=hostile) for one in document.threads)
    make().notice(replace(document, threads=threads))
    make().deliver()
    text = title_of(somebody.told[0]) + body_of(somebody.told[0]) + body_of(somebody.told[0][:1])
    assert "channel" in text
    assert not set("@<>`\x1b\u202e") & set(text)
    assert json_of(somebody.told[0]).isascii()


@pytest.mark.parametrize(
    ("text", "at", "quiet"),
    [
        ("22:00-07:00", time(23), True),
        ("22:00-07:00", time(6, 59), True),
        ("22:00-07:00", time(7), False),
        ("1:30-2:00", time(1, 45), True),
        ("1:30-2:00", time(2, 30), False),
    ],
)
def test_quiet_hours(text: str, at: time, quiet: bool) -> None:
    assert QuietHours.parse(text).hold(datetime.combine(date(2026, 1, 1), at, UTC)) is quiet


@pytest.mark.parametrize("text", ["", "22-7", "25:00-07:00", "22:00", "07:00-07:00"])
def test_what_are_no_quiet_hours(text: str) -> None:
    with pytest.raises(UsageError):
        QuietHours.parse(text)


def test_a_home_that_cannot_be_read_is_told_once_and_so_is_that_it_can_again(
    make: Make, somebody: Somebody, document: AuditDocument
) -> None:
    calm = healed(document)
    gone = calm.homes[0]
    without = without_home(calm, gone.home_id)
    failing = replace(without, errors=(UnreadableEntry(path=gone.path, message="Permission denied"),))
    for audit in (calm, failing, failing, without, calm, calm, failing):
        teller = make()
        teller.notice(audit)
        teller.deliver()
    assert somebody.words == [("new", UNREAD), ("over", UNREAD), ("new", UNREAD)]
    (first,) = somebody.told[0]
    assert (first.home, first.summary) == (gone.path, "Permission denied")
    assert f"new: high {UNREAD}: the home, in {gone.path}" in body_of([first])


def test_a_home_that_cannot_be_judged_is_told_unless_nobody_is_to_be_told_of_anything(
    make: Make, somebody: Somebody, document: AuditDocument
) -> None:
    calm = healed(document)
    dark = replace(
        calm, homes=(replace(calm.homes[0], cannot_judge="it is of a data model that is not known"), *calm.homes[1:])
    )
    make(on=FailOn.NEVER).notice(dark)
    make().deliver()
    assert somebody.words == []
    teller = make()
    teller.notice(dark)
    teller.deliver()
    teller.notice(calm)
    teller.deliver()
    assert somebody.words == [("new", UNREAD), ("over", UNREAD)]
