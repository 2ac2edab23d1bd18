"""A thread under a named profile of its own data model: rules of one say nothing of a thread of the other."""

from __future__ import annotations

from t3lens.diagnose.case import Case
from t3lens.diagnose.facts import ThreadFacts
from t3lens.diagnose.replays import Replay, replay_thread, replays
from t3lens.diagnose.v2.case import SecondCase
from t3lens.diagnose.v2.facts import SecondFacts
from t3lens.diagnose.v2.replays import replay_second
from t3lens.errors import UsageError
from t3lens.t3code.v1 import rules as first
from t3lens.t3code.v2 import rules as second

__all__ = ["check_profile", "no_such_profile", "profiles_of", "replay_facts", "replay_under"]


def check_profile(name: str) -> None:
    """Make sure that there is a profile of this name, of either data model.

    Raises:
        UsageError: There is none; the message lists those there are.
    """
    if name not in second.PROFILES:
        first.profile(name)


def profiles_of(case: Case) -> tuple[str, ...]:
    """The names of the profiles of a thread's data model, the reference first, then by age."""
    return tuple(second.PROFILES if isinstance(case, SecondCase) else first.PROFILES)


def replay_under(case: Case, name: str) -> Replay | None:
    """A thread under a profile.

    Args:
        case: The thread.
        name: The profile.

    Returns:
        None if its data model has no profile of this name.
    """
    both = case.replays
    for replay in (both.expected, both.shipped):
        if replay.rules.name == name:
            return replay
    if isinstance(case, SecondCase):
        rules = second.PROFILES.get(name)
        return None if rules is None else replay_second(both.expected.events, rules)
    released = first.PROFILES.get(name)
    return None if released is None else replay_thread(both.expected.events, released)


def replay_facts(facts: ThreadFacts, name: str) -> Replay:
    """The stored and logged events of a thread under a profile.

    Raises:
        UsageError: Its data model has no profile of this name.
    """
    if isinstance(facts, SecondFacts):
        return replay_second(facts.stored, second.profile(name))
    rules = first.profile(name)
    return replay_thread(replays(facts, rules).expected.events, rules)


def no_such_profile(case: Case, name: str) -> UsageError:
    """What is said where a thread's data model has no profile of a name."""
    return UsageError(
        f"rules profile {name!r} is not of this thread's data model; choose one of: {', '.join(profiles_of(case))}",
        code="unknown-profile",
    )
