"""When somebody is told: what is new and what is over, once each, gathered, not in quiet hours, and again if it failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from t3lens.counted import counted
from t3lens.document.baseline import match
from t3lens.document.disk_map import DiskMap
from t3lens.document.fail_on import failing
from t3lens.document.identity import finding_key
from t3lens.document.model import AuditDocument, FailOn, HomeEntry
from t3lens.interrupts import held_back
from t3lens.notify.item import Item, ItemKind, item_of, unread_item
from t3lens.notify.ledger import Ledger, Mailbox, StandingFinding, State
from t3lens.notify.quiet_hours import QuietHours
from t3lens.notify.targets import Recipient
from t3lens.time import from_datetime, iso, parse_moment, to_datetime

__all__ = ["Delivery", "Notifier"]

_FIRST_WAIT: Final = timedelta(minutes=1)
_LONGEST_WAIT: Final = timedelta(hours=1)
_SINGLY: Final = 10
"""A command is called for each finding, up to so many; beyond that once, with all of them."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of telling.

    Attributes:
        told: How many items were told, over all targets.
        waiting: How many wait, over all targets.
        problems: Whom it did not reach and why, a sentence each.
        quiet: Whether these are quiet hours.
    """

    told: int
    waiting: int
    problems: tuple[str, ...]
    quiet: bool


def _now() -> datetime:
    return datetime.now(UTC)


class Notifier:
    """Notes what is to be told, and tells it.

    Args:
        ledger: Where that is kept.
        targets: Whom to tell.
        on: The severity from which findings are told; what makes a thread stuck counts as high.
        quiet: When nobody is told.
        gap: A target is told at most once in this time; what comes meanwhile is told together.
        settle: Something is over when it stayed away for so long.
        clock: The moment of now, UTC.
    """

    def __init__(
        self,
        ledger: Ledger,
        targets: Sequence[Recipient],
        *,
        on: FailOn,
        quiet: QuietHours | None = None,
        gap: timedelta = timedelta(),
        settle: timedelta = timedelta(),
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._ledger = ledger
        self._targets = targets
        self._on = on
        self._quiet = quiet
        self._gap = gap
        self._settle = settle
        self._clock = clock

    def notice(
        self, wanted: AuditDocument, whole: AuditDocument | None = None, unread: Mapping[str, str] | None = None
    ) -> None:
        """Note what is new and what is over; nobody is told yet.

        Args:
            wanted: What findings are told of; secrets masked. Those an older audit knows are not.
            whole: All of that audit, if ``wanted`` is a part of it.
            unread: Why homes could not be read that are not among its errors, by where they stand.

        Raises:
            InputError: The ledger cannot be used.
        """
        everything = whole or wanted
        self._ledger.check_outside(home.path for home in everything.homes)
        now = _written(self._clock())
        with self._ledger.edit() as state:
            self._update_standing(state, everything, now)
            self._note_unread(state, everything, unread or {}, now)
            standing = {one.key: one for one in state.standing}
            homes: DiskMap[str, HomeEntry] = DiskMap(str, HomeEntry)
            for home in everything.homes:
                homes.put(home.home_id, replace(home, findings=()))
            for place in wanted.places:
                for finding in place.findings:
                    key = finding_key(place, finding)
                    if key in standing or not failing(finding, place, self._on):
                        continue
                    home = homes[place.home_id]
                    item = item_of(finding, place, home.path, key, now)
                    standing[key] = StandingFinding(item=item, judged_at=home.as_of)
                    state.standing.append(standing[key])
                    self._put(state, item)
            self._settle_over(state)

    def notice_unread(self, why: Mapping[str, str]) -> None:
        """Note that homes could not be read, where there is no audit at all.

        Args:
            why: In words, secrets masked, by where each stands.

        Raises:
            InputError: The ledger cannot be used.
        """
        with self._ledger.edit() as state:
            self._tell_unread(state, why, _written(self._clock()))

    def _note_unread(self, state: State, everything: AuditDocument, unread: Mapping[str, str], now: str) -> None:
        """Note homes that could not be read or judged, and those that could be again."""
        why = {one.path: one.message for one in everything.errors} | dict(unread)
        why |= {home.path: home.cannot_judge for home in everything.homes if home.cannot_judge is not None}
        for place in [place for place in state.unread if place not in why]:
            if any(_is_at(home.path, place) for home in everything.homes):
                self._tell_over(state, state.unread.pop(place), now)
        self._tell_unread(state, why, now)

    def _tell_unread(self, state: State, why: Mapping[str, str], now: str) -> None:
        if self._on is FailOn.NEVER:
            return
        for place, said in why.items():
            if place not in state.unread:
                state.unread[place] = unread_item(place, said, now)
                self._put(state, state.unread[place])

    def _update_standing(self, state: State, everything: AuditDocument, now: str) -> None:
        """Give what stands the names its homes have now, and mark what is not there any more."""
        matched = match(everything, state.as_baseline())
        named = {one.item.home_id for one in state.standing}
        named |= {matched.renamed[home_id] for home_id in named if home_id in matched.renamed}
        paths = {home.home_id: home.path for home in everything.homes if home.home_id in named}
        gone = {one.key for one in matched.gone}
        there = {key for place in everything.places for one in place.findings if (key := finding_key(place, one)) in gone}
        kept = []
        for one in state.standing:
            home_id = matched.renamed.get(one.item.home_id, one.item.home_id)
            if home_id in paths:
                one.item = replace(one.item, home_id=home_id, home=paths[home_id])
            if one.key in gone and one.key in there:  # what stands there now is another one: this one is over at once
                self._tell_over(state, one.item, now)
                continue
            if one.key in gone:
                one.over_since = one.over_since or now
            elif one.key in matched.known:
                one.over_since = None
            kept.append(one)
        state.standing = kept

    def _settle_over(self, state: State) -> None:
        now = self._clock()
        kept = []
        for one in state.standing:
            if one.over_since is None or now - _read(one.over_since) < self._settle:
                kept.append(one)
            else:
                self._tell_over(state, one.item, _written(now))
        state.standing = kept

    def _tell_over(self, state: State, item: Item, now: str) -> None:
        over = replace(item, kind=ItemKind.OVER, noticed=now)
        for target in self._targets:
            state.mailbox(target.name).over(over)

    def _put(self, state: State, item: Item) -> None:
        for target in self._targets:
            state.mailbox(target.name).put(item)

    def deliver(self, *, now_or_never: bool = False) -> Delivery:
        """Tell what waits, each target at most once.

        Args:
            now_or_never: Also what was to wait after a failure, or for more: nobody will be here later.

        Raises:
            InputError: The ledger cannot be used.
        """
        quiet = self._quiet is not None and self._quiet.hold(self._clock().astimezone())
        told, problems = 0, []
        with self._ledger.telling() as ours:
            for target in self._targets:
                if not ours:
                    break
                with held_back() as interrupted:  # what is being told is told to its end, and noted
                    number, problem = self._deliver(target, quiet=quiet, now_or_never=now_or_never)
                told += number
                problems += [problem] if problem is not None else []
                if interrupted():
                    raise KeyboardInterrupt
        with self._ledger.edit() as state:
            waiting = sum(len(state.mailbox(target.name).waiting) for target in self._targets)
        return Delivery(told, waiting, tuple(problems), quiet)

    def _deliver(self, target: Recipient, *, quiet: bool, now_or_never: bool) -> tuple[int, str | None]:
        told = 0
        while True:
            with self._ledger.edit() as state:
                self._settle_over(state)
                box = state.mailbox(target.name)
                _mark_cut_off(box)
                if quiet or not box.waiting or not (now_or_never or told or self._is_due(box)):
                    return told, None
                number = 1 if target.one_by_one and len(box.waiting) <= _SINGLY else len(box.waiting)
                items, left_out = box.waiting[:number], box.left_out
                box.sending = number
            why = target.tell(items, left_out)
            with self._ledger.edit() as state:
                box = state.mailbox(target.name)
                box.sending = 0
                if why is not None:
                    wait = min(_FIRST_WAIT * 2 ** min(box.tries, 10), _LONGEST_WAIT)
                    box.tries += 1
                    box.not_before = _written(self._clock() + wait)
                    kept = counted(len(box.waiting), "message")
                    return told, f"{target.name} could not be told ({why}); {kept} kept for the next try"
                del box.waiting[:number]
                box.left_out -= left_out
                box.tries, box.not_before, box.told_at = 0, None, _written(self._clock())
            told += number
            if not target.one_by_one:
                return told, None

    def _is_due(self, box: Mailbox) -> bool:
        now = self._clock()
        if box.not_before is not None and now < _read(box.not_before):
            return False
        return box.told_at is None or now >= _read(box.told_at) + self._gap


def _mark_cut_off(box: Mailbox) -> None:
    """What a killed process was telling may have been told."""
    for place in range(box.sending):
        box.waiting[place] = replace(box.waiting[place], maybe_told=True)
    box.sending = 0


def _is_at(home: str, named: str) -> bool:
    """Whether a home is what a person named, or below it."""
    return home == named or home.startswith(f"{named.rstrip('/')}/")


def _written(moment: datetime) -> str:
    return iso(from_datetime(moment))


def _read(text: str) -> datetime:
    return to_datetime(parse_moment(text))
