"""From facts to a case: the one place that knows which data model a thread is of."""

from __future__ import annotations

from t3lens.diagnose.case import Case
from t3lens.diagnose.context import Context
from t3lens.diagnose.facts import ThreadFacts
from t3lens.diagnose.replays import replays
from t3lens.diagnose.v2.case import SecondCase
from t3lens.diagnose.v2.facts import SecondFacts

__all__ = ["make_case"]


def make_case(context: Context, facts: ThreadFacts) -> Case:
    """A thread as its detectors see it.

    Args:
        context: The standing of its home.
        facts: What is known of it.
    """
    if isinstance(facts, SecondFacts):
        return SecondCase(context, facts)
    return Case(context, facts, replays(facts, context.first_rules))
