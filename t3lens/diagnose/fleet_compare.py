"""What-if over a fleet: which threads would end differently under which rules, and from which event."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from t3lens.diagnose.diagnosis import Diagnosis, ThreadDiagnosis
from t3lens.diagnose.replays import Replay, replay_thread
from t3lens.diagnose.travel import Comparison, compare_replays
from t3lens.domain.finding import Verdict
from t3lens.domain.state import LIVE, TurnState
from t3lens.t3code.v1.rules import Rules

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
    parts = [
        f"the {name} rules would have settled {number} of {stuck} stuck threads"
        for name, number in settled.items()
    ]
    return f"{differ} of {compared} threads end differently; {', '.join(parts)}"


def compare_fleet(diagnosis: Diagnosis, first: Rules, second: Rules) -> FleetComparison:
    """Replay every thread under two sets of rules.

    Args:
        diagnosis: The threads.
        first: One set.
        second: The other.
    """
    settled = {first.name: 0, second.name: 0}
    differ: list[ThreadComparison] = []
    stuck = 0
    threads = diagnosis.threads
    for thread in threads:
        replays = [_replay(thread, rules) for rules in (first, second)]
        if thread.verdict is Verdict.STUCK:
            stuck += 1
            for rules, replay in zip((first, second), replays, strict=True):
                settled[rules.name] += _settles(replay)
        comparison = compare_replays(thread.thread_id, *replays)
        if not comparison.same:
            differ.append(ThreadComparison(thread.home_id, thread.verdict, comparison))
    return FleetComparison(
        rules=(first.name, second.name),
        threads=tuple(differ),
        compared=len(threads),
        stuck=stuck,
        settled=settled,
    )


def _replay(thread: ThreadDiagnosis, rules: Rules) -> Replay:
    both = thread.case.replays
    for replay in (both.expected, both.shipped):
        if replay.rules is rules:
            return replay
    return replay_thread(both.expected.events, rules)


def _settles(replay: Replay) -> bool:
    final = replay.final
    return final.status not in LIVE and not any(
        turn.state is TurnState.RUNNING for turn in final.turns.values()
    )
