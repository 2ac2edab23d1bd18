"""What brings the second data model's threads back, as measured on a real server with OpenCode and Codex (August 2026).

An interrupt settles a live run within seconds, unless its provider's process is frozen or gone: then its effect is held
for ever, a second one waits behind it, and only a restart of the server helps. A session in error is never opened again
until it is let go; under a live run that breaks the run. A start of the server ends by itself what an earlier one left.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "DETACHED_NEXT",
    "NEW_MESSAGE",
    "ONLY_RESTART",
    "RESTART",
    "RESUME_QUEUE",
    "SETTLES_WITHIN_S",
    "START",
    "WAIT_FOR_RESTART",
    "healed_by_start",
    "queue_at_start",
]

SETTLES_WITHIN_S: Final = 30.0
"""An interrupt settles in 1–3 s; an effect that did not in its lease will not, unless its provider's process wakes."""

NEW_MESSAGE: Final = "a new message continues the thread"

DETACHED_NEXT: Final = "the next message opens a new session"

START: Final = "start T3 Code"

RESTART: Final = "restart the T3 Code server"

RESUME_QUEUE: Final = "resume the queue (t3lens resume-queue, or in T3 Code): its messages are kept, not lost"

ONLY_RESTART: Final = "only a restart of the T3 Code server (or the end of the provider's process) helps"

WAIT_FOR_RESTART: Final = "then make a new plan, or let this one go on by itself once the server is back (wait=True, --wait)"


def queue_at_start(*, holds: bool) -> str:
    """What a start of the server does with queued messages.

    Args:
        holds: Whether the build keeps them until a person resumes the queue (October 2026); August cancels them.
    """
    return "is held until you resume the queue" if holds else "is cancelled: send it again"


def healed_by_start(*, holds: bool, first: str = START) -> str:
    """What a start of the server does for the threads of a home.

    Args:
        holds: See ``queue_at_start``.
        first: What a person does for it: ``START`` where none runs, ``RESTART`` where one does.
    """
    return f"{first}: its start ends runs that were left, before it answers; what is queued {queue_at_start(holds=holds)}"
