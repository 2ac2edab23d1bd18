"""Effects that hang, fail or are tried again, and what waits behind them."""

from __future__ import annotations

from collections.abc import Iterator

from t3lens.counted import counted
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.facts import ModelInUse
from t3lens.diagnose.v2.case import SecondCase
from t3lens.diagnose.v2.facts import EffectRow, RunRow
from t3lens.diagnose.v2.outbox import blocked_by, held_until, left_lying
from t3lens.diagnose.wording import capital
from t3lens.domain.finding import Confidence, Remedy, Severity, Verdict
from t3lens.t3code.v2.words import (
    SHARED_PROCESS_DRIVERS,
    EffectStatus,
    EffectType,
    RunStatus,
)
from t3lens.time import SECOND, iso

__all__ = [
    "checkpoint_stalled",
    "effect_failed",
    "effect_retrying",
    "effect_stalled",
    "interrupt_without_effect",
    "queue_held",
    "queued_behind_stuck_run",
]

_SECOND = (ModelInUse.SECOND,)
_AWAITED = (EffectType.START, EffectType.INTERRUPT, EffectType.RESTART, EffectType.CHECKPOINT)


def _process_note(case: SecondCase) -> str:
    if case.driver not in SHARED_PROCESS_DRIVERS:
        return ""
    return f" One {case.driver} process serves all threads of it: they hang with it."


@detector(
    "effect-stalled",
    Severity.HIGH,
    Group.QUEUE,
    "PS",
    needs="P",
    makes=Verdict.STUCK,
    remedy=Remedy.RESTART_SERVER,
    thresholds=("settle", "pending"),
    models=_SECOND,
    condition="An effect in the outbox is held past its lease, or waits for long though nothing is before it.",
    explanation=(
        "The server takes up the effects of a thread one by one, and nothing reads the lease: an effect whose executor "
        "hangs is held until the server ends, and all later ones of its thread wait behind it. Another interrupt does "
        "not help, it would wait too. It ends when the provider's process wakes or when the server is restarted; a "
        "restart cancels every live run and, on builds before October 2026, every queued message of all threads."
    ),
)
def effect_stalled(case: SecondCase) -> Iterator[Hit]:
    """Held past the lease, or left lying."""
    facts = case.second_facts
    for effect in case.hung:
        until = held_until(effect) or 0
        over = (case.context.as_of - until) // SECOND
        behind = blocked_by(effect, facts)
        waits = [f"effect {other.effect_type}" for other in behind]
        waits += [counted(len(facts.queue), "queued run")] if facts.queue else []
        waiting = f" Behind it wait: {', '.join(waits)}." if waits else ""
        matters = case.active is not None or bool(facts.queue)
        sure = case.context.older(until, "settle")
        yield Hit(
            summary=(
                f"An effect hangs: {effect.effect_type} of {case.name} is held since "
                f"{iso(effect.updated_at or effect.created_at or 0)}, {over} s past its lease.{waiting}{_process_note(case)}"
            ),
            confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
            no_verdict=not matters or effect.effect_type == EffectType.TITLE,
            severity=Severity.LOW if effect.effect_type == EffectType.TITLE else None,
            turn_id=effect.run_id or (case.active.run_id if case.active else None),
            since=effect.updated_at or effect.created_at,
            evidence=(
                case.effect_row(effect),
                *(case.effect_row(other) for other in behind[:3]),
                *(case.run_row(run) for run in ([case.active] if case.active else [])),
            ),
        )
    lying = left_lying(facts, case.context)
    if lying:
        effect = lying[0]
        since = effect.available_at or effect.created_at
        yield Hit(
            summary=(
                f"The server's workers do not take up effect {effect.effect_type} of {case.name}, which waits since "
                f"{iso(since or 0)} with nothing at work before it."
            ),
            confidence=Confidence.LIKELY,
            no_verdict=case.active is None,
            turn_id=effect.run_id,
            since=since,
            evidence=(case.effect_row(effect),),
        )


@detector(
    "queued-behind-stuck-run",
    Severity.HIGH,
    Group.ORPHAN,
    "P",
    makes=Verdict.STUCK,
    remedy=Remedy.RESTART_SERVER,
    thresholds=("settle",),
    models=_SECOND,
    condition="A message is queued behind a run that will not end, or behind none at all.",
    explanation=(
        "A queued run begins when the run before it is over. That one will not end by itself, so the message waits for "
        "ever; a further message would only be queued too."
    ),
)
def queued_behind_stuck_run(case: SecondCase) -> Iterator[Hit]:
    """Queued, and what is before it does not move."""
    facts, active = case.second_facts, case.active
    queue = [run for run in facts.queue if not run.queue_held]
    if not queue:
        return
    if active is None:
        yield from _behind_nothing(case, queue)
        return
    holding = [effect for effect in case.hung if effect.effect_type != EffectType.TITLE]
    if not holding and case.orphaned is None:
        return
    why = f"effect {holding[0].effect_type} hangs" if holding else ""
    if case.orphaned is not None:
        why = case.orphaned.reason
    yield Hit(
        summary=f"{capital(why)}; {_messages(queue)} of {case.name} waits behind a run that will not end.",
        turn_id=queue[0].run_id,
        since=queue[0].requested_at,
        evidence=(
            case.run_row(queue[0]),
            case.run_row(active),
            *(case.effect_row(effect) for effect in holding[:1]),
        ),
    )


def _behind_nothing(case: SecondCase, queue: list[RunRow]) -> Iterator[Hit]:
    over = [run.completed_at for run in case.second_facts.runs if run.completed_at]
    since = max([queue[0].requested_at or 0, *over])
    if not case.context.older(since, "settle"):
        return
    dead = case.context.server.dead
    why = "No server of this home is running" if dead else "Nothing takes up the queue, and no run is before it"
    yield Hit(
        summary=f"{why}; {_messages(queue)} of {case.name} waits since {iso(queue[0].requested_at or 0)}.",
        explanation=(
            "A queued run is started by the end of the run before it. There is none, so nothing will start it; a new "
            "message sets the queue going again, or waits behind it."
        ),
        remedy=Remedy.NEW_MESSAGE,
        turn_id=queue[0].run_id,
        since=queue[0].requested_at,
        evidence=(case.run_row(queue[0]),),
    )


def _messages(runs: list[RunRow]) -> str:
    more = f" (and {len(runs) - 1} more)" if len(runs) > 1 else ""
    return f"a queued message{more}"


@detector(
    "queue-held",
    Severity.LOW,
    Group.QUEUE,
    "P",
    makes=Verdict.STUCK,
    remedy=Remedy.RESUME_QUEUE,
    models=_SECOND,
    condition="Queued runs are held until a person resumes the queue.",
    explanation=(
        "After a restart, and after Stop, the server keeps queued messages instead of sending them. They wait until "
        "the queue is resumed; nothing is broken."
    ),
)
def queue_held(case: SecondCase) -> Iterator[Hit]:
    """The queue of a thread is held until a person resumes it."""
    held = [run for run in case.second_facts.queue if run.queue_held]
    if not held:
        return
    yield Hit(
        summary=f"The queue is held until you resume it: {_messages(held)} of {case.name} waits.",
        no_verdict=case.active is not None,
        turn_id=held[0].run_id,
        since=held[0].requested_at,
        evidence=tuple(case.run_row(run) for run in held[:3]),
    )


@detector(
    "interrupt-without-effect",
    Severity.HIGH,
    Group.REQUEST,
    "PS",
    needs="P",
    makes=Verdict.STUCK,
    remedy=Remedy.RESTART_SERVER,
    thresholds=("settle",),
    models=_SECOND,
    condition="A person asked to interrupt a live run, and its effect is not done after the settle time.",
    explanation=(
        "The server accepted the interrupt and stored the wish; the effect that tells the provider does not end, "
        "because the provider's process is frozen or gone. It settles when the process wakes, else only a restart of "
        "the server helps."
    ),
)
def interrupt_without_effect(case: SecondCase) -> Iterator[Hit]:
    """Asked to interrupt, nothing came of it."""
    run = case.active
    if run is None or case.orphaned is not None:
        return
    asked = [
        one
        for one in case.second_facts.interrupts
        if one.run_id == run.run_id and not one.done and case.context.older(one.at, "settle")
    ]
    effects = [
        effect
        for effect in case.second_facts.effects
        if effect.effect_type == EffectType.INTERRUPT and effect.open and case.context.older(effect.created_at, "settle")
    ]
    if not asked and not effects:
        return
    since = min([*(one.at or 0 for one in asked), *(e.created_at or 0 for e in effects)])
    done = "its effect is still " + effects[0].status if effects else "its result was never stored"
    yield Hit(
        summary=f"An interrupt asked for at {iso(since)} had no effect on {case.name}: {done}.",
        turn_id=run.run_id,
        since=since,
        evidence=(
            *(case.effect_row(effect) for effect in effects[:1]),
            *(case.item_row(i.item_id, i.at, "run_interrupt_request without result") for i in asked[:1]),
            case.run_row(run),
        ),
    )


@detector(
    "effect-failed",
    Severity.MEDIUM,
    Group.REQUEST,
    "P",
    remedy=Remedy.INVESTIGATE,
    models=_SECOND,
    condition="An effect of the newest run, or since it, was tried until the server gave up.",
    explanation="The server tries an effect five times, then marks it failed with its last error and goes on.",
)
def effect_failed(case: SecondCase) -> Iterator[Hit]:
    """The server gave an effect up."""
    latest = case.second_facts.latest
    since = latest.requested_at if latest else None
    for effect in case.second_facts.effects:
        if effect.status != EffectStatus.FAILED:
            continue
        if since is not None and (effect.created_at or 0) < since:
            continue  # newer work went on without it
        yield Hit(
            summary=(
                f"Effect {effect.effect_type} failed after {effect.attempt_count} attempts: "
                f"{(effect.last_error or 'no reason is stored')[:160]} (in {case.name})"
            ),
            severity=Severity.LOW if effect.effect_type == EffectType.TITLE else None,
            turn_id=effect.run_id,
            since=effect.updated_at,
            evidence=(case.effect_row(effect),),
        )


@detector(
    "effect-retrying",
    Severity.INFO,
    Group.REQUEST,
    "P",
    remedy=Remedy.WAIT,
    models=_SECOND,
    condition="An effect is tried again.",
    explanation="The effect failed before, and the server tries it again; after five attempts it gives up.",
)
def effect_retrying(case: SecondCase) -> Iterator[Hit]:
    """An open effect is at a later attempt."""
    for effect in case.second_facts.effects:
        if effect.open and effect.attempt_count > 1:
            yield Hit(
                summary=(
                    f"Effect {effect.effect_type} is at attempt {effect.attempt_count}: "
                    f"{(effect.last_error or 'no reason is stored')[:160]} (in {case.name})"
                ),
                turn_id=effect.run_id,
                since=effect.created_at,
                evidence=(case.effect_row(effect),),
            )


@detector(
    "checkpoint-stalled",
    Severity.MEDIUM,
    Group.QUEUE,
    "P",
    makes=Verdict.STUCK,
    remedy=Remedy.INVESTIGATE,
    thresholds=("pending",),
    models=_SECOND,
    condition=(
        "A run has its answer, nothing of it is at work in the background, and it waits for its checkpoint longer than "
        "the threshold."
    ),
    explanation=(
        "The provider is done; the run is over when its checkpoint is taken, which takes a few seconds. It waits for "
        "nobody's answer. A large work tree or a broken git repository holds it up, and queued messages with it."
    ),
)
def checkpoint_stalled(case: SecondCase) -> Iterator[Hit]:
    """Answered, and no checkpoint."""
    run = case.active
    if run is None or run.status != RunStatus.WAITING or case.orphaned is not None:
        return
    since = case.ended_at(run)
    if not case.context.older(since, "pending"):
        return
    captures: list[EffectRow] = [
        e for e in case.second_facts.effects if e.effect_type == EffectType.CHECKPOINT and e.run_id in (run.run_id, None)
    ]
    if case.second_facts.in_background and not any(e.open for e in captures):
        return  # it waits for that, for as long as that takes
    yield Hit(
        summary=(f"The checkpoint is not taken: a run of {case.name} has its answer since {iso(since or 0)}."),
        turn_id=run.run_id,
        since=since,
        evidence=(case.run_row(run), *(case.effect_row(e) for e in captures[-1:])),
    )
