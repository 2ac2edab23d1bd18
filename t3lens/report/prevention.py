"""What would have prevented it: the same events under the rules of other builds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from t3lens.diagnose import ThreadDiagnosis
from t3lens.diagnose.travel import compare_replays
from t3lens.diagnose.under_profile import replay_under
from t3lens.diagnose.v2.case import SecondCase
from t3lens.domain.finding import Verdict
from t3lens.t3code.v1.rules import PROFILES, Rules
from t3lens.t3code.v2.rules import PROFILES as SECOND_PROFILES
from t3lens.t3code.v2.rules import SecondRules
from t3lens.time import Micros

__all__ = ["Prevention", "prevention"]

_LIVE = ("starting", "running")


class Prevention(msgspec.Struct, frozen=True):
    """What one set of rules makes of the same events.

    Attributes:
        rules: The profile.
        since: Which builds behave so.
        prevents: Whether the thread would not be in this state.
        sentence: Why, in one sentence.
        at: The event from which it would have differed, microseconds UTC.
    """

    rules: str
    since: str
    prevents: bool
    sentence: str
    at: Micros | None


def prevention(diagnosis: ThreadDiagnosis, say: Callable[[str], str]) -> tuple[Prevention, ...]:
    """What each other set of rules makes of a thread that is stuck or stored untruly; empty for other threads.

    Args:
        diagnosis: The thread.
        say: Masks secrets in sentences, and shortens ids.
    """
    if diagnosis.verdict not in (Verdict.STUCK, Verdict.DIVERGED):
        return ()
    case = diagnosis.case
    shipped = case.replays.shipped
    found = []
    second = isinstance(case, SecondCase)
    profiles: Mapping[str, Rules | SecondRules] = SECOND_PROFILES if second else PROFILES
    for name, rules in profiles.items():
        if name == case.context.rules.name:
            continue
        replay = replay_under(case, name)
        assert replay is not None  # a profile of its own data model
        said = compare_replays(diagnosis.thread_id, shipped, replay)
        ended = said.before["status"] in _LIVE and said.after["status"] not in _LIVE
        truer = said.after == _end_of_reference(diagnosis) != said.before
        if ended:
            sentence = f"the session would stand {said.after['status']}: {said.why[1]}"
        elif truer:
            sentence = f"session and turns would be stored as they were: {said.why[1]}"
        elif case.orphaned is not None and rules.reconciles_at_start:
            sentence = "a server with these rules ends such sessions when it starts; the thread would be free from then on"
        elif said.same:
            sentence = "no difference: the same events lead to the same state"
        else:
            sentence = f"it would differ, but not be right: {said.why[1]}"
        prevents = ended or truer or (case.orphaned is not None and rules.reconciles_at_start)
        at = said.fork.at if said.fork is not None and (ended or truer) else None
        found.append(Prevention(name, rules.since, prevents, say(sentence), at))
    return tuple(found)


def _end_of_reference(diagnosis: ThreadDiagnosis) -> dict[str, object]:
    final = diagnosis.case.replays.expected.final
    return {
        "status": final.status.value if final.status else None,
        "active_turn_id": final.active_turn_id,
        "turns": {key: turn.state.value for key, turn in final.turns.items()},
    }
