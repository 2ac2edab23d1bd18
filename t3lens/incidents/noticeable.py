"""From which moment on an incident could be told: what somebody who looked all the time would have seen first."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from t3lens.diagnose.diagnosis import HomeDiagnosis, ThreadDiagnosis
from t3lens.diagnose.judging import judge
from t3lens.diagnose.make_case import make_case
from t3lens.incidents.episode import Episode
from t3lens.incidents.find import Past, facts_at, silences, why_no_past
from t3lens.time import SECOND, Micros

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["noticeable_from"]

_CLOSE_ENOUGH: Final = SECOND


def noticeable_from(store: Store, home: HomeDiagnosis, thread: ThreadDiagnosis, episode: Episode) -> Micros | None:
    """The first moment at which the records would have told of an incident, to a second.

    Args:
        store: Where the home was ingested.
        home: Its diagnosis.
        thread: The thread as it stands.
        episode: One of its incidents.

    Returns:
        Microseconds UTC; None where the past cannot be told.
    """
    if why_no_past(home) is not None:
        return None
    past, case = Past(home), thread.case
    gaps = silences(store, home, [thread.thread_id]).get(thread.thread_id, ())
    events, reached = case.replays.expected.events, case.replays.reached

    def tells(moment: Micros) -> bool:
        happened = events[: bisect_right(reached, moment)]
        facts = facts_at(past, case, happened, moment, gaps)
        return judge(make_case(past.at(moment), facts), past.detectors).verdict is episode.verdict

    low, high = episode.since, episode.seen_until
    if tells(low):
        return low
    while high - low > _CLOSE_ENOUGH:
        middle = (low + high) // 2
        low, high = (low, middle) if tells(middle) else (middle, high)
    return high
