"""What brings the first data model's sessions back, as measured on real servers (0.0.23, 0.0.28, 0.0.33).

A stop settles what is orphaned, hung, retried for ever or left by a dead provider process; the next message resumes
the conversation. An interrupt is never sent first: after a restart it starts the provider again and leaves the
session stuck, and to a dead provider it never returns and blocks the one command queue of all threads. Archived
threads leave the archive for a stop.

A stop leaves an open approval open. An answer closes its row at once, whatever becomes of the answer; one to a session
that is over fails (as stale, or because no session is bound), and is no less closed. A session that is stored as
anything but stopped is resumed to hand it the answer, so it is stopped before. Nothing was seen to close a question of
a session that is over; a turn that runs since takes its weight away.

Which build does what is said in ``t3lens.t3code.builds``.
"""

from __future__ import annotations

from typing import Final

from t3lens.t3code.native import opencode

__all__ = [
    "DECLINE",
    "FORGETFUL_PROVIDERS",
    "FORGETS_WHEN_STOPPED",
    "MESSAGE_WAITS",
    "NEW_MESSAGE",
    "NOTHING_BLOCKS",
    "QUESTION_STAYS",
    "QUEUE_BLOCKED_ADVICE",
    "QUEUE_BLOCKED_AFTER_S",
    "RESTART_ADVICE",
    "RESUMED_FOR_ANSWER",
    "SEND_AGAIN",
    "START",
    "STARTS_FAIL",
    "UNBOUND",
    "healed_by_start",
    "turn_after_stop",
]

QUEUE_BLOCKED_AFTER_S: Final = 20.0
"""A stop shows within 3 s when the server is well; if nothing shows after so long, its queue counts as blocked."""

NEW_MESSAGE: Final = "a new message continues the thread"

NOTHING_BLOCKS: Final = f"nothing blocks: {NEW_MESSAGE}, and what is stored untruly stays"

STARTS_FAIL: Final = (
    "put right what the error names, or change the provider instance; until then every message is refused the same way"
)
"""What to do about starts that fail alike; no command was seen to end that."""

SEND_AGAIN: Final = "send the message again"

START: Final = "start T3 Code"

RESTART_ADVICE: Final = (
    "restart the T3 Code server: commands queued before are not carried out again",
    "then make a new plan, or let this one go on by itself once the server is back (wait=True, --wait)",
)
"""What to do about a blocked queue, before anything was sent."""

QUEUE_BLOCKED_ADVICE: Final = (
    "send no further commands",
    "restart the T3 Code server, then make a new plan",
)
"""What to do about a blocked queue, after a command was sent that had no effect."""

UNBOUND: Final = "the thread has no runtime binding: this build accepts a stop of it and then does nothing, silently"

FORGETFUL_PROVIDERS: Final = (opencode.DRIVER,)
"""Providers whose conversation some builds do not resume after a stop."""

FORGETS_WHEN_STOPPED: Final = "on this build OpenCode has forgotten the conversation after a stop"

MESSAGE_WAITS: Final = "a message waits that nobody will answer: send it again afterwards"

DECLINE: Final = "decline it (t3lens decline)"

QUESTION_STAYS: Final = (
    "no command was seen to close a question whose asker is gone; once a new message has made another turn, it holds"
    " nothing up"
)

RESUMED_FOR_ANSWER: Final = "the server may resume the provider, only to hand it an answer that it does not wait for"


def healed_by_start(*, reconciles: bool, asks: bool = False) -> str:
    """What a start of the server does for the sessions of a home whose server does not run.

    Args:
        reconciles: Whether the build ends orphaned sessions when it starts.
        asks: An approval of the thread is open; no start closes it.
    """
    if reconciles and asks:
        return f"{START}, then reconcile again: this build ends such sessions itself, and leaves their approvals open"
    if reconciles:
        return f"{START}: this build ends such sessions itself when it starts"
    return f"{START}, then reconcile again: this build ends nothing by itself"


def turn_after_stop(turn_id: str | None, *, settles: bool) -> str:
    """What becomes of the turn that a stopped session held.

    Args:
        turn_id: The active turn, if it is known.
        settles: Whether the build's stop settles turns.
    """
    turn = f"turn {turn_id}" if turn_id else "any turn that still runs"
    if settles:
        return f"{turn} becomes interrupted (or what its provider says last)"
    return f"{turn} stays stored as running: this build settles no turn by a stop"
