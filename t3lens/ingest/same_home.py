"""Which homes of a store those on disk are: a copy is another home, one that moved is the same.

By the environment id alone two copies would pass for one whose files changed, and a folder of logs, whose id is made of its
path, would be counted twice when it is renamed. So the place counts too: a home has moved only if its old place is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from t3lens.ingest.home_files import read_environment_id
from t3lens.ingest.homes import Home, copy_id
from t3lens.ingest.log_files import list_files
from t3lens.places import is_url
from t3lens.reading import open_regular

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["as_in_store"]

_HEADS: Final = """
SELECT path, head_length, head_hash FROM _files
WHERE home_id = ? AND head_length > 0 AND compression IS NULL AND status NOT IN ('missing', 'truncated')
"""


@dataclass(frozen=True, slots=True)
class _HomeSeenBefore:
    home_id: str
    path: str
    environment_id: str | None

    @property
    def place(self) -> str:
        """As ``Home.place`` says it."""
        return self.path if is_url(self.path) else str(Path(self.path).resolve())

    def is_gone(self) -> bool:
        """Whether it does not stand any more where it was; not known of one that is elsewhere."""
        if is_url(self.path):
            return False
        if not Path(self.path).exists():
            return True
        return self.environment_id is not None and read_environment_id(Path(self.path)) != self.environment_id


def as_in_store(store: Store, homes: Sequence[Home]) -> list[Home]:
    """The homes with the ids under which the store has them, or is to have them.

    Args:
        store: What was read before.
        homes: As found on disk; each place once.
    """
    with store.read() as con:
        rows = con.execute("SELECT home_id, path, environment_id FROM _homes ORDER BY home_id").fetchall()
        kept = [_HomeSeenBefore(home_id, path, environment) for home_id, path, environment in rows]
        heads = {
            one.home_id: con.execute(_HEADS, [one.home_id]).fetchall()
            for one in kept
            if one.environment_id is None and one.is_gone()
        }
    taken: set[str] = set()
    found: dict[int, str] = {}
    at = {(one.place, one.environment_id): one.home_id for one in kept}
    # a reading that is under way, or was cut off, has not noted whose home it is yet
    begun = {one.place: one.home_id for one in kept if one.environment_id is None}
    # those whose place is known first: nobody else gets their ids
    for number, home in enumerate(homes):
        if home.left_out is not None:
            found[number] = home.home_id
            continue
        there = at.get((home.place, home.environment_id))
        if there is None and begun.get(home.place) == home.environment_id:
            there = home.environment_id
        if there is not None and there not in taken:
            found[number] = there
            taken.add(there)
    for number, home in enumerate(homes):
        if number not in found:
            found[number] = _id_of(home, kept, heads, taken)
            taken.add(found[number])
    return [replace(home, home_id=found[number]) for number, home in enumerate(homes)]


def _id_of(
    home: Home, kept: Sequence[_HomeSeenBefore], heads: dict[str, list[tuple[str, int, str]]], taken: set[str]
) -> str:
    if home.environment_id is None:
        if any(one.home_id == home.home_id for one in kept) or home.home_id in taken:
            return home.home_id
        moved = (one.home_id for one in kept if one.home_id in heads and one.home_id not in taken)
        return next((name for name in moved if _logs_begin_alike(home, heads[name])), home.home_id)
    alike = [one for one in kept if one.environment_id == home.environment_id and one.home_id not in taken]
    gone = next((one for one in alike if one.is_gone()), None)
    if gone is not None:
        return gone.home_id
    known = {one.home_id for one in kept} | taken
    return home.home_id if home.home_id not in known else copy_id(home)  # a copy among many was told from them before


def _logs_begin_alike(home: Home, heads: Sequence[tuple[str, int, str]]) -> bool:
    """Whether a home's log files begin as those that were read elsewhere: all of them that are there, and one at least."""
    there = {file.relative: file.path for file in list_files(home).files}
    same = [_head(there[name], length) == digest for name, length, digest in heads if name in there]
    return bool(same) and all(same)


def _head(path: Path, length: int) -> str | None:
    try:
        with open_regular(path) as stream:
            return hashlib.sha256(stream.read(length)).hexdigest()[:32]
    except OSError:
        return None
