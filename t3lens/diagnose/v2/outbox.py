"""Effects that nobody will finish: a worker holds one past its lease, and the lease is read by nobody."""

from __future__ import annotations

from t3lens.diagnose.context import Context
from t3lens.diagnose.v2.facts import EffectRow, SecondFacts
from t3lens.t3code.v2.words import FILE_EFFECTS, LEASE_S, PROMPT_EFFECTS, EffectType
from t3lens.time import SECOND, Micros

__all__ = ["blocked_by", "held_until", "hung_effects", "left_lying"]


def held_until(effect: EffectRow) -> Micros | None:
    """When the worker that has an effect should have been done with it."""
    if effect.lease_expires_at is not None:
        return effect.lease_expires_at
    taken = effect.updated_at or effect.created_at
    return taken + LEASE_S * SECOND if taken is not None else None


def hung_effects(facts: SecondFacts, context: Context) -> list[EffectRow]:
    """The effects of a thread that a worker holds so long past their lease that nobody will finish them, oldest first.

    Where no server runs nothing hangs: the next start takes all of them up again or cancels them.
    """
    if context.server.dead:
        return []
    return [
        effect
        for effect in facts.effects
        if effect.running
        and (until := held_until(effect))
        and context.as_of - until >= _grace(effect, context)
        and not _goes_on(effect, until, facts)
    ]


def _grace(effect: EffectRow, context: Context) -> Micros:
    """How long past its lease an effect may be held.

    What only tells the provider something takes moments, so its lease is a generous time already; a large work tree
    takes as long as it takes.
    """
    if effect.effect_type in PROMPT_EFFECTS:
        return context.threshold("settle") // 2
    return context.threshold("pending" if effect.effect_type in FILE_EFFECTS else "settle")


def _goes_on(effect: EffectRow, until: Micros, facts: SecondFacts) -> bool:
    """Whether a start that takes long is at work: its provider said something since the lease ran out."""
    return effect.effect_type == EffectType.START and facts.heard is not None and facts.heard.at >= until


def left_lying(facts: SecondFacts, context: Context) -> list[EffectRow]:
    """The effects that wait, were to be taken up long ago, and have none before them that is at work."""
    at_work = any(effect.running and effect.effect_type != EffectType.TITLE for effect in facts.effects)
    if context.server.dead or at_work:
        return []
    return [
        effect
        for effect in facts.effects
        if effect.open and context.older(effect.available_at or effect.created_at, "pending")
    ]


def blocked_by(effect: EffectRow, facts: SecondFacts) -> list[EffectRow]:
    """What of its thread waits behind an effect; titles have a lane of their own."""
    if effect.effect_type == EffectType.TITLE:
        return []
    return [
        other
        for other in facts.effects
        if other.open
        and not other.running
        and other.effect_type != EffectType.TITLE
        and (other.created_at or 0) >= (effect.created_at or 0)
    ]
