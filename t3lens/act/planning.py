"""Plans for threads of either data model: each is made by the rules of its own."""

from __future__ import annotations

from t3lens.act.answer import DECLINED, Answer
from t3lens.act.plan import Kind, Plan
from t3lens.act.queue_change import Queued
from t3lens.act.target import Belief, Sighting, Target
from t3lens.act.v1.planning import make_plan as make_first
from t3lens.act.v2.planning import make_plan as make_second
from t3lens.t3code.data_model import DataModel
from t3lens.time import Micros

__all__ = ["make_decline_plan", "make_plan", "make_reconcile_plan", "make_stop_plan"]


def make_stop_plan(*, target: Target, belief: Belief, seen: Sighting, made_at: Micros | None = None) -> Plan:
    """A plan to stop the thread's session because a person wants it, whatever the findings say.

    Args:
        target: The thread.
        belief: What the diagnosis concluded.
        seen: A fresh look (``t3lens.act.observe``).
        made_at: The moment; the look's by default.
    """
    return make_plan("stop", target=target, belief=belief, seen=seen, made_at=made_at)


def make_reconcile_plan(*, target: Target, belief: Belief, seen: Sighting, made_at: Micros | None = None) -> Plan:
    """A plan to bring what is stored into agreement with what is true, by the least harmful sanctioned step.

    Args:
        target: The thread.
        belief: What the diagnosis concluded.
        seen: A fresh look (``t3lens.act.observe``).
        made_at: The moment; the look's by default.
    """
    return make_plan("reconcile", target=target, belief=belief, seen=seen, made_at=made_at)


def make_decline_plan(
    *, target: Target, belief: Belief, seen: Sighting, request_id: str | None = None, made_at: Micros | None = None
) -> Plan:
    """A plan to decline what the thread's provider asks, or asked before it was gone.

    Args:
        target: The thread.
        belief: What the diagnosis concluded.
        seen: A fresh look (``t3lens.act.observe``).
        request_id: The approval; all that are open if not said.
        made_at: The moment; the look's by default.
    """
    return make_plan("decline", target=target, belief=belief, seen=seen, request_id=request_id, made_at=made_at)


def make_plan(
    kind: Kind,
    *,
    target: Target,
    belief: Belief,
    seen: Sighting,
    request_id: str | None = None,
    answer: Answer | None = None,
    queued: Queued | None = None,
    made_at: Micros | None = None,
) -> Plan:
    """The plan of this kind; see ``make_stop_plan``, ``make_reconcile_plan``, ``make_decline_plan`` and ``Plan``."""
    make = make_second if target.model is DataModel.V2 else make_first
    return make(
        kind,
        target=target,
        belief=belief,
        seen=seen,
        request_id=request_id,
        answer=DECLINED if kind == "decline" else answer,
        queued=queued,
        made_at=made_at,
    )
