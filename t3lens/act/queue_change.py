"""What a person wants done with a queued message: taken out, moved, said in other words, or sent into the run at work."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from t3lens.errors import UsageError

__all__ = ["QUEUE_KINDS", "QueueKind", "Queued"]

QueueKind = Literal["cancel-queued", "move-queued", "edit-queued", "promote-queued"]
QUEUE_KINDS: Final[tuple[QueueKind, ...]] = ("cancel-queued", "move-queued", "edit-queued", "promote-queued")
"""The kinds of plans that are about one queued message."""


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """One queued message, and what it is to become.

    Attributes:
        run_id: Its run; None for the only one that is queued.
        before: The queued run it is to stand before; None for the end of the queue. Only for ``move-queued``.
        text: What it is to say. Only for ``edit-queued``.
    """

    run_id: str | None = None
    before: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        if self.text is not None and not self.text.strip():
            raise UsageError("a message of no words is none; to take it out: cancel-queued", code="no-text")
