"""A database that is older than its logs: copied without its ``-wal``, or an old backup beside logs that went on.

A server stores the message first and logs the turn it leads to afterwards. So a turn that the log begins, and whose
message the store never saw, was not lost on the way: the database is from before. In a stall of ingestion the messages
go on being stored.
"""

from __future__ import annotations

from t3lens.diagnose.facts import HomeFacts, Outdated, ThreadFacts
from t3lens.domain.event import Event
from t3lens.t3code.v1.event_types import TURN_START_REQUESTED, TURN_STARTED, USER_MESSAGE
from t3lens.time import Micros

__all__ = ["set_aside_if_outdated"]


def set_aside_if_outdated(home: HomeFacts, of_database: tuple[str, ...], looked: Micros, least: Micros) -> None:
    """See whether the database is older than the logs; of threads that went on since, forget what it says of them.

    Args:
        home: Facts of the home, all threads in; changed.
        of_database: Names of a thread's facts that come from the database alone.
        looked: When the database was looked at.
        least: How long before that the first such turn must have begun, or the logs have gone on since: one that began
            while the home was read, database first and logs after, is no sign of age.
    """
    newest = home.extra.get("newest_event_at")
    if newest is None or home.clock_falls:
        return
    unseen = [turn for facts in home.threads.values() if (turn := _first_unseen(facts, newest)) is not None]
    logged = max((facts.last_log.at for facts in home.threads.values() if facts.last_log), default=newest)
    if not unseen or max(looked, logged) - min(unseen) < least:
        return
    home.outdated = Outdated(newest, min(unseen), logged)
    for facts in home.threads.values():
        if facts.last_log is not None and facts.last_log.at > newest:
            empty = ThreadFacts(home_id=facts.home_id, thread_id=facts.thread_id)
            for name in of_database:
                if name != "row":  # its title is still its title
                    setattr(facts, name, getattr(empty, name))
            facts.outdated = True


def _first_unseen(facts: ThreadFacts, newest: Micros) -> Micros | None:
    """When the thread's first turn began that is newer than the store, and whose message the store never saw."""
    late = [
        e.at
        for e in facts.canonical
        if e.type == TURN_STARTED and e.at > newest and e.event_id not in facts.anchors and not _by_itself(facts, e)
    ]
    if not late:
        return None
    asked = [e.at for e in facts.stored if e.type == TURN_START_REQUESTED]
    if not asked:
        return late[0]
    # the newest stored message leads to one turn more, which may be the first that was not stored
    led_to_one = any(e.type == TURN_STARTED and asked[-1] <= e.at < late[0] for e in facts.canonical)
    if led_to_one:
        return late[0]
    return late[1] if len(late) > 1 else None


def _by_itself(facts: ThreadFacts, start: Event) -> bool:
    """Whether a turn began without a message: its log has none of a person, and has those of other turns."""
    asked = {e.turn_id for e in facts.canonical if e.payload.get("itemType") == USER_MESSAGE}
    return bool(asked - {None}) and start.turn_id not in asked
