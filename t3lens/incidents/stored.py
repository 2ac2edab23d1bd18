"""Episodes kept by thread for as long as nothing new is known of it, and written into the store for SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.incidents.episode import Episode, JournalAction
from t3lens.incidents.find import find_episodes
from t3lens.store.arrow_rows import insert_typed
from t3lens.time import SECOND

if TYPE_CHECKING:
    from t3lens.diagnose import Diagnosis, ThreadDiagnosis
    from t3lens.store import Store

__all__ = ["StoredEpisodes"]


class _FoundEarlier(msgspec.Struct, frozen=True):
    """What was found of a thread, and from what.

    Attributes:
        thread: The thread as it was judged.
        actions: Ids of the journal's actions on it.
        episodes: Its episodes.
    """

    thread: ThreadDiagnosis
    actions: tuple[str, ...]
    episodes: tuple[Episode, ...]


_NONE_OF_THREADS: Final = """
select count(*) = 0 from _incident where (home_id, thread_id) in (select (unnest($homes), unnest($threads)))
"""


class StoredEpisodes:
    """The episodes of the threads of a store, each looked for when it is first asked for.

    Attributes:
        late: Why only what is wrong now is known of some homes, by home id.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, str], _FoundEarlier] = {}
        self.late: dict[str, str] = {}

    def of(
        self, diagnosis: Diagnosis, actions: Sequence[JournalAction], threads: Iterable[str] | None = None
    ) -> list[Episode]:
        """Episodes of some threads by the moment they began; the view ``incidents`` has them afterwards.

        Args:
            diagnosis: What is so now; it has been saved in the store.
            actions: Of the journal.
            threads: Only these thread ids; None for all.
        """
        done: dict[tuple[str, str], list[str]] = {}
        for action in actions:
            done.setdefault((action.home_id, action.thread_id), []).append(action.action_id)
        named = None if threads is None else set(threads)
        asked = [one for one in diagnosis.threads if named is None or one.thread_id in named]
        new = [one for one in asked if not self._is_known(one, done)]
        if new:
            self._find_episodes(diagnosis, actions, new, done)
        found = [episode for one in asked for episode in self._known[one.home_id, one.thread_id].episodes]
        return sorted(found, key=lambda one: (one.since, one.home_id, one.thread_id))

    def _is_known(self, thread: ThreadDiagnosis, done: dict[tuple[str, str], list[str]]) -> bool:
        key = (thread.home_id, thread.thread_id)
        known = self._known.get(key)
        return known is not None and known.thread is thread and known.actions == tuple(done.get(key, ()))

    def _find_episodes(
        self,
        diagnosis: Diagnosis,
        actions: Sequence[JournalAction],
        threads: Sequence[ThreadDiagnosis],
        done: dict[tuple[str, str], list[str]],
    ) -> None:
        keys = {(one.home_id, one.thread_id): one for one in threads}
        whole = len(threads) == sum(len(home.threads) for home in diagnosis.homes)
        ids = None if whole else [one.thread_id for one in threads]
        by_thread: dict[tuple[str, str], list[Episode]] = {key: [] for key in keys}
        for one in find_episodes(self._store, diagnosis, actions=actions, threads=ids, late=self.late):
            if (one.home_id, one.thread_id) in by_thread:  # copies of a home hold the same thread ids
                by_thread[one.home_id, one.thread_id].append(one)
        for key, episodes in by_thread.items():
            self._known[key] = _FoundEarlier(keys[key], tuple(done.get(key, ())), tuple(episodes))
        self._save(threads, [one for episodes in by_thread.values() for one in episodes])

    def _save(self, threads: Sequence[ThreadDiagnosis], episodes: Sequence[Episode]) -> None:
        keys = {"homes": [one.home_id for one in threads], "threads": [one.thread_id for one in threads]}
        if not episodes:  # to open a file for writing costs more than a look at a thread
            with self._store.read() as con:
                if con.execute(_NONE_OF_THREADS, keys).fetchall()[0][0]:
                    return
        with self._store.write() as con:
            con.execute(
                "delete from _incident where (home_id, thread_id) in (select (unnest($homes), unnest($threads)))", keys
            )
            insert_typed(con, "_incident", _COLUMNS, [_row(one) for one in episodes])


_COLUMNS: Final = (
    "home_id incident_id thread_id title provider verdict code codes* since@ until@ ended_by action_id duration_s "
    "seen_until@ turn_id message_id confidence summary since_event_id until_event_id"
)


def _row(one: Episode) -> tuple[Any, ...]:
    return (
        one.home_id, one.incident_id, one.thread_id, one.title, one.provider, one.verdict.value, one.code, list(one.codes),
        one.since, one.until, one.ended_by.value, one.action_id, str(one.lasted / SECOND), one.seen_until, one.turn_id,
        one.message_id,
        one.confidence.value, one.summary, one.since_event_id, one.until_event_id,
    )  # fmt: skip
