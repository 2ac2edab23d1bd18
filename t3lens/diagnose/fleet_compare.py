"""What-if over a fleet: which threads would end differently under which rules, and from which event."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from t3lens.diagnose.diagnosis import Diagnosis
from t3lens.diagnose.replays import Replay
from t3lens.diagnose.travel import Comparison, compare_replays
from t3lens.diagnose.under_profile import check_profile, replay_under
from t3lens.domain.finding import Verdict
from t3lens.domain.state import LIVE, TurnState

__all__ = ["FleetComparison", "ThreadComparison", "compare_fleet", "summary"]


class ThreadComparison(msgspec.Struct, frozen=True):
    """One thread of a ``FleetComparison``.

    Attributes:
        home_id: Its home.
        verdict: What it is.
        comparison: Its log under the two sets of rules.
    """

    home_id: str
    verdict: Verdict
    comparison: Comparison


class FleetComparison(msgspec.Struct, frozen=True, kw_only=True):
    """All threads under two sets of rules.

    Attributes:
        rules: The names of the two.
        threads: Those that end differently, worst first.
        compared: Number of threads compared.
        stuck: Number of threads that are stuck as they are stored.
        settled: How many of the stuck ones either set of rules would have settled: neither a live session nor a
            running turn is left.
    """

    rules: tuple[str, str]
    threads: tuple[ThreadComparison, ...]
    compared: int
    stuck: int
    settled: dict[str, int]

    @property
    def summary(self) -> str:
        """Both counts in one sentence."""
        return summary(len(self.threads), self.compared, self.stuck, self.settled)

    def __repr__(self) -> str:
        return self.summary


def summary(differ: int, compared: int, stuck: int, settled: Mapping[str, int]) -> str:
    """How many of the ``compared`` threads ``differ``, and of the ``stuck`` ones either would have ``settled``."""
    parts = [f"the {name} rules would have settled {number} of {stuck} stuck threads" for name, number in settled.items()]
    return f"{differ} of {compared} threads end differently; {', '.join(parts)}"


def compare_fleet(diagnosis: Diagnosis, first: str, second: str) -> FleetComparison:
    """Replay every thread under two profiles; those whose data model lacks one of them are left out.

    Args:
        diagnosis: The threads.
        first: Name of one.
        second: Name of the other.

    Raises:
        UsageError: No data model has a profile of this name.
    """
    for name in (first, second):
        check_profile(name)
    settled = {first: 0, second: 0}
    differ: list[ThreadComparison] = []
    stuck = 0
    compared = 0
    for thread in diagnosis.threads:
        found = [replay_under(thread.case, name) for name in (first, second)]
        replays = [replay for replay in found if replay is not None]
        if len(replays) < 2:
            continue
        compared += 1
        if thread.verdict is Verdict.STUCK:
            stuck += 1
            for name, replay in zip((first, second), replays, strict=True):
                settled[name] += _settles(replay)
        comparison = compare_replays(thread.thread_id, *replays)
        if not comparison.same:
            differ.append(ThreadComparison(thread.home_id, thread.verdict, comparison))
    return FleetComparison(
        rules=(first, second),
        threads=tuple(differ),
        compared=compared,
        stuck=stuck,
        settled=settled,
    )


def _settles(replay: Replay) -> bool:
    final = replay.final
    return final.status not in LIVE and not any(turn.state is TurnState.RUNNING for turn in final.turns.values())
