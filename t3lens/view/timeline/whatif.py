"""A thread's history under other rules than the store holds: replayed on the spot, as spans of a timeline."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from t3lens.diagnose.gather import gather
from t3lens.diagnose.options import Thresholds
from t3lens.diagnose.under_profile import check_profile, replay_facts
from t3lens.domain.state import Transition
from t3lens.time import Micros

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["Span", "replayed_spans"]

Span = tuple[str, str, str | None, Micros, Micros | None, bool, str, str, str]
"""lane, id, turn, start, end, open, state, title, facts as JSON: a row of the timeline's ``spans``."""

_LIVE = ("starting", "running")


def replayed_spans(store: Store, home_id: str, thread_id: str, rules: str, suffix: str) -> list[Span]:
    """Session and turns of a thread under the profile named ``rules``, for the lanes ending in ``suffix``.

    Raises:
        UsageError: No profile has this name.
    """
    check_profile(rules)
    facts = gather(store, home_id, Thresholds(), [thread_id]).threads.get(thread_id)
    if facts is None:
        return []
    replay = replay_facts(facts, rules)
    spans = _session_spans(replay.transitions, rules, f"session-{suffix}")
    for turn in replay.final.turns.values():
        start = turn.started_at or turn.requested_at or turn.last_activity_at
        if start is None:
            continue
        is_open = turn.completed_at is None and turn.state.value in ("pending", "running")
        spans.append((
            f"turns-{suffix}", f"turn:{turn.turn_id}", turn.turn_id, start, turn.completed_at, is_open,
            turn.state.value, f"turn would be {turn.state.value}",
            _json({"turn": turn.turn_id, "settled": turn.settled, "error": turn.error}),
        ))  # fmt: skip
    return spans


def _session_spans(steps: Sequence[Transition], rules: str, lane: str) -> list[Span]:
    changes: list[tuple[Micros, int, Transition]] = []
    latest = 0
    for number, step in enumerate(steps):
        latest = max(latest, step.at)
        if step.to_status is None:
            continue
        before = changes[-1][2] if changes else None
        if before is None or (step.to_status, step.to_turn) != (before.to_status, before.to_turn):
            changes.append((latest, number, step))
    ends: list[Micros | None] = [following[0] for _, following in pairwise(changes)]
    ends = [*ends, None] if changes else []
    spans: list[Span] = []
    for (start, number, step), end in zip(changes, ends, strict=True):
        status = str(step.to_status)
        spans.append((
            lane, f"step:{rules}:{number}", step.to_turn, start, end, end is None and status in _LIVE, status,
            f"session would be {status}",
            _json({"active turn": step.to_turn, "rule": step.rule, "because": step.why, "event": step.type}),
        ))  # fmt: skip
    return spans


def _json(facts: dict[str, object]) -> str:
    return msgspec.json.encode(facts).decode()
