"""What went wrong, as a part of a sentence for somebody who knows no code and no id: one for each finding that explains."""

from __future__ import annotations

from typing import Final

from t3lens.domain.finding import Verdict

__all__ = ["CAUSES", "cause_of", "what_it_did"]

CAUSES: Final[dict[str, str]] = {
    "answer-not-delivered": "an answer that a person gave did not reach its provider",
    "checkpoint-stalled": "its answer was there and the copy of its files that follows was not made",
    "command-queue-stalled": "the server carried out no further command",
    "dangling-resume-cursor": "every start failed for the same reason",
    "dead-provider": "the process of its provider was gone",
    "effect-stalled": "something the server had to do for it hung",
    "inactive-with-active-turn": "it was stored as at rest and as at work at once",
    "ingestion-stalled": "the server took in nothing of what providers said",
    "interrupt-without-effect": "an interrupt had no effect",
    "lost-at-restart": "its turn was lost when the server was restarted",
    "native-terminal-lost": "the end that its provider gave to the turn was lost",
    "node-open-after-run": "a part of its run was stored as at work though the run was over",
    "orphaned-turn": "the server that worked on it was gone",
    "pending-turn-abandoned": "a message was taken up by nobody",
    "projection-differs": "what was stored did not follow from what had happened",
    "projection-gap": "the server had not stored all of what had happened",
    "provider-cut": "its agent had ended the turn without a word",
    "provider-ended": "its agent had ended the turn, and T3 Code did not take that in",
    "provider-session-swapped": "its provider went on in another session",
    "queue-held": "its queued messages waited for somebody to resume the queue",
    "queued-behind-stuck-run": "a message waited behind a run that did not end",
    "reaped-while-working": "the server took its working session for an idle one and ended it",
    "request-count-mismatch": "the number of its open questions was stored wrongly",
    "request-on-dead-session": "a question was open that nobody could answer any more",
    "request-unseen": "its provider asked for a permission, and no person was shown that",
    "retry-loop": "its provider tried again and again",
    "running-without-turn": "it was stored as at work without a turn",
    "runtime-projection-split": "the server's own records contradicted each other",
    "session-differs": "what was stored of its session was untrue",
    "silent-turn": "nothing more was heard of its provider",
    "stop-without-effect": "a stop had no effect",
    "terminal-not-ingested": "the end of its turn was not taken in",
    "terminal-turn-live-session": "its turn was over and its session was stored as at work",
    "turn-failed": "its turn failed",
    "turn-outcome-differs": "its turn was stored with another end than it had",
    "unsettled-turn": "an old turn was stored as at work",
    "waiting-for-user": "a person was asked something",
    "work-after-completion": "work went on after its turn was stored as over",
}
"""By finding code."""

_DID: Final = {
    Verdict.STUCK: "stood still",
    Verdict.DIVERGED: "was shown as what it was not",
    Verdict.WAITING: "waited for a person",
    Verdict.FAILED: "stood with a failure",
}


def cause_of(code: str) -> str:
    """What a finding code says, in a clause; of a code that is not known here, the code."""
    return CAUSES.get(code, f"of {code}")


def what_it_did(verdict: Verdict) -> str:
    """What a thread did while it was judged so, as a predicate."""
    return _DID.get(verdict, f"was {verdict}")
