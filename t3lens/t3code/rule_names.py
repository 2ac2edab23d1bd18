"""What the rules of the replays are called where people read them: their ids alone tell nobody anything."""

from __future__ import annotations

from typing import Final

__all__ = ["RULE_NAMES", "rule_name", "rule_words"]

RULE_NAMES: Final = {
    "R1": "turn started",
    "R2": "turn ended",
    "R3": "turn aborted",
    "R4": "end of another turn",
    "R5": "end while no turn is active",
    "R6": "session state",
    "R7": "session started",
    "R8": "session exited",
    "R9": "runtime error",
    "R10": "end of the session's turns",
    "R11": "reconcile",
    "R12": "result of a stop",
    "R13": "last error",
    "R14": "activity only",
    "W": "written by T3 Code",
    "Q1": "run created",
    "Q2": "run at work",
    "Q3": "run ended",
    "Q4": "run ended by a restart",
    "Q5": "run is over already",
    "Q6": "provider's word",
    "Q7": "request to a person",
    "Q8": "run tried",
    "Q9": "interrupt or error",
    "Q10": "provider's session",
    "Q11": "server started",
    "Q12": "effect hangs",
    "Q13": "no change",
}
"""By id: R and W of the first data model (``docs/lifecycle-rules.md``), Q of the second (``v2.reducer``)."""


def rule_name(rule: str) -> str:
    """What a rule is called; an id that is not known stands for itself."""
    return RULE_NAMES.get(rule, rule)


def rule_words(rule: str) -> str:
    """A rule by its id and its name.

    >>> rule_words("R6")
    'rule R6, session state'
    """
    name = RULE_NAMES.get(rule)
    return f"rule {rule}, {name}" if name else f"rule {rule}"
