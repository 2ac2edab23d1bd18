"""What a restart of a server of the second data model costs its other threads, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from t3lens.act.target import Belief, Target
from t3lens.act.v2.stored import Cost
from t3lens.counted import counted
from t3lens.t3code.home_layout import STATEV2_SQLITE
from t3lens.t3code.v2 import remedies
from t3lens.t3code.v2.rules import PROFILES, guess

__all__ = ["cost_said", "holds_queue"]

_NAMED: Final = 5
"""Threads that a sentence names."""


def holds_queue(target: Target, belief: Belief) -> bool:
    """Whether the build that wrote the home keeps queued messages at a start of its server."""
    own = target.database is not None and Path(target.database).name == STATEV2_SQLITE
    return (PROFILES.get(belief.rules or "") or guess(own_database=own)).start_holds_queue


def cost_said(cost: Cost, *, holds: bool) -> tuple[str, ...]:
    """What a restart of the server costs, in words; nothing if it costs nothing beside the run at hand."""
    said = []
    if cost.live:
        more = f" and {len(cost.live) - _NAMED} more" if len(cost.live) > _NAMED else ""
        said.append(
            f"a restart cancels the live run of {counted(len(cost.live), 'other thread')}:"
            f" {', '.join(cost.live[:_NAMED])}{more}"
        )
    if cost.queued:
        what = "1 queued message" if cost.queued == 1 else f"each of {cost.queued} queued messages"
        said.append(f"{what} {remedies.queue_at_start(holds=holds)}, in a restart")
    return tuple(said)
