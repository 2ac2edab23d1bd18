"""What was told, and what still has to be: a file for this user alone, whole after any kill.

A finding that is to be told is written here first, with everybody who is to be told of it; it leaves when it was told. So a
restart loses nothing, and repeats nothing but what was being told when the process was killed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from t3lens.document.baseline import Baseline, KnownFinding, KnownHome
from t3lens.document.identity import IDENTITY_VERSION, FindingKey
from t3lens.errors import InputError
from t3lens.notify.item import Item, ItemKind
from t3lens.writing import make_folder, replace_file

__all__ = ["Ledger", "Mailbox", "StandingFinding", "State", "default_ledger"]

_VERSION: Final = 1
_LOCK_S: Final = 30.0
_MOST: Final = 1_000


class StandingFinding(msgspec.Struct, kw_only=True):
    """A finding that was told, or is waiting to be, and is not over.

    Attributes:
        item: What is told of it.
        judged_at: The moment its home was judged as of when it was noticed.
        over_since: Since when it is not there any more, while it may come back; None while it is there.
    """

    item: Item
    judged_at: str | None
    over_since: str | None = None

    @property
    def key(self) -> FindingKey:
        """What it is known by."""
        return FindingKey(self.item.home_id, self.item.thread_id or "", self.item.code, self.item.turn_id or "")


class Mailbox(msgspec.Struct, kw_only=True):
    """What one target still has to be told.

    Attributes:
        waiting: In the order in which it came.
        left_out: How many were too many to keep.
        sending: How many of the first are being told at this moment.
        tries: How often that failed in a row.
        not_before: When to try again.
        told_at: When it was told something last.
    """

    waiting: list[Item] = msgspec.field(default_factory=list)
    left_out: int = 0
    sending: int = 0
    tries: int = 0
    not_before: str | None = None
    told_at: str | None = None

    def put(self, item: Item) -> None:
        """Add something to tell; the oldest that nobody is telling gives way where there is too much."""
        self.waiting.append(item)
        if len(self.waiting) > _MOST:
            del self.waiting[self.sending]
            self.left_out += 1

    def over(self, item: Item) -> None:
        """Add that something is over; if it was not even told that it had begun, the two become one."""
        for place in range(self.sending, len(self.waiting)):
            one = self.waiting[place]
            if one.id == item.id and one.kind is ItemKind.NEW:
                self.waiting[place] = msgspec.structs.replace(item, kind=ItemKind.PASSED)
                return
        self.put(item)


class State(msgspec.Struct, kw_only=True):
    """All that is kept.

    Attributes:
        version: Of the file.
        finding_identity: Of the keys of findings in it.
        standing: What was noticed and is not over.
        mailboxes: What targets are still to be told, by their names.
        unread: Homes that could not be read or judged, by where they stand, with what was told of them.
    """

    version: int = _VERSION
    finding_identity: int = IDENTITY_VERSION
    standing: list[StandingFinding] = msgspec.field(default_factory=list)
    mailboxes: dict[str, Mailbox] = msgspec.field(default_factory=dict)
    unread: dict[str, Item] = msgspec.field(default_factory=dict)

    def mailbox(self, name: str) -> Mailbox:
        """That of a target; made if there is none."""
        return self.mailboxes.setdefault(name, Mailbox())

    def as_baseline(self) -> Baseline:
        """What stands, as an older audit to compare with."""
        threads: dict[str, set[str]] = {}
        for one in self.standing:
            found = threads.setdefault(one.item.home_id, set())
            if one.item.thread_id is not None:
                found.add(one.item.thread_id)
        return Baseline(
            as_of=None,
            findings={
                one.key: KnownFinding(key=one.key, since=one.item.since, title=one.item.title, provider=one.item.provider)
                for one in self.standing
            },
            homes={
                one.item.home_id: KnownHome(
                    path=one.item.home, as_of=one.judged_at, threads=frozenset(threads[one.item.home_id])
                )
                for one in self.standing
            },
        )


class Ledger:
    """The file of a ``State``.

    Args:
        path: Where it is; made when something is noted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def check_outside(self, homes: Iterable[str]) -> None:
        """Refuse to keep it in a T3 home, where t3lens writes nothing.

        Raises:
            InputError: It would lie in one.
        """
        place = Path(os.path.realpath(self.path))
        for home in homes:
            if place.is_relative_to(os.path.realpath(home)):
                raise InputError(f"{self.path} lies in the home {home}, where nothing is written; name another file")

    @contextmanager
    def edit(self) -> Iterator[State]:
        """Read it, let a block change it, and put it in its place; nobody else does so meanwhile.

        Raises:
            InputError: It cannot be read or written, or somebody keeps it.
        """
        import filelock

        make_folder(self.path.parent)
        try:
            with filelock.FileLock(f"{self.path}.lock", timeout=_LOCK_S, mode=0o600):
                state = self._read()
                before = msgspec.json.encode(state)
                yield state
                after = msgspec.json.encode(state)
                if after != before or not self.path.exists():
                    replace_file(self.path, after, private=True)
        except filelock.Timeout:
            raise InputError(f"{self.path} is kept by another t3lens for more than {_LOCK_S:.0f} s") from None
        except OSError as error:
            raise InputError(f"{self.path} cannot be used: {error.strerror or error}") from None

    @contextmanager
    def telling(self) -> Iterator[bool]:
        """For a block, be the one who tells; yields False where another process does."""
        import filelock

        make_folder(self.path.parent)
        lock = filelock.FileLock(f"{self.path}.telling.lock", timeout=0, mode=0o600)
        try:
            lock.acquire()
        except filelock.Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def _read(self) -> State:
        try:
            state = msgspec.json.decode(self.path.read_bytes(), type=State)
        except FileNotFoundError:
            return State()
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error.strerror or error}") from None
        except msgspec.MsgspecError as error:
            raise InputError(
                f"{self.path} does not hold what was told: {error}; move it away, and everything is told anew"
            ) from None
        if (state.version, state.finding_identity) != (_VERSION, IDENTITY_VERSION):
            raise InputError(
                f"{self.path} was kept by another version of t3lens, which tells findings apart in another way; move it "
                "away, and everything is told anew"
            )
        return state


def default_ledger() -> Path:
    """Where what was told is kept unless a person says: in the user's folder for the state of programs."""
    import platformdirs

    return Path(platformdirs.user_state_dir("t3lens", appauthor=False)) / "notify.json"
