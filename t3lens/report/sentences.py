"""What stands at the head of a document, in plain words: the cause first, then whom it cost what, then what is next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from t3lens.counted import counted
from t3lens.diagnose import ThreadDiagnosis
from t3lens.domain.finding import WRONG_VERDICTS, Verdict
from t3lens.report.causes import cause_of, what_it_did
from t3lens.report.impact import Impact, Waiting
from t3lens.time import SECOND, Micros, duration, to_datetime
from t3lens.view.advice import command_line

if TYPE_CHECKING:
    from t3lens.diagnose.story import Explanation
    from t3lens.incidents import Episode
    from t3lens.report.prevention import Prevention

__all__ = ["Say", "moment", "of_now", "of_past", "over_all", "still_so", "what_would_help"]

Say = Callable[[str], str]
"""Masks a text and shortens the ids in it."""


_WORTH: Final = 60 * SECOND
"""Who would have known of it by less than this earlier would not have been helped much."""


def moment(at: Micros) -> str:
    """A time as a sentence has it."""
    return f"{to_datetime(at):%Y-%m-%d %H:%M:%S} UTC"


def of_past(now: ThreadDiagnosis, over: Episode, hit: Impact, say: Say) -> tuple[str, str, str]:
    """Of an incident that is over: all of it in one sentence, from when to when and at whose cost, and what is now.

    Args:
        now: The thread as it stands.
        over: The incident.
        hit: What it cost.
        say: Masks and shortens.
    """
    assert over.until is not None
    what = f"{what_it_did(over.verdict)} for {duration(over.lasted)}, because {cause_of(over.code)}, {over.ended_by.clause}"
    cause = say(f"thread {over.thread_id} {what}.")
    cost = f"It was {over.verdict} from {moment(over.since)} to {moment(over.until)}.{_wait_for(hit.waiting, over=True)}"
    stands = now.verdict
    then = "nothing is wrong now" if stands not in WRONG_VERDICTS else "something is wrong now"
    end = f"{over.ended_by.sentence} As of {moment(now.case.context.as_of)} the thread is {stands}: {then}."
    return cause[:1].upper() + cause[1:], say(cost), say(end)


def of_now(now: ThreadDiagnosis, said: Explanation, hit: Impact, say: Say) -> tuple[str, str, str]:
    """Of a thread as it stands: what is wrong and why, since when and at whose cost, what brings it back.

    Args:
        now: The thread.
        said: The story of the thread.
        hit: What its state costs.
        say: Masks and shortens.
    """
    context = now.case.context
    what = said.headline[:1].upper() + said.headline[1:]
    if now.verdict in WRONG_VERDICTS:
        lasted = ""
        if now.since is not None:
            lasted = f" since {moment(now.since)}, for at least {duration(context.as_of - now.since)}"
        turns = counted(len(hit.turns), "turn")
        cost = f"It has been {now.verdict}{lasted}: {still_so(now)}. {turns} concerned.{_wait_for(hit.waiting, over=False)}"
    else:
        judged = context.home.standing.cannot_judge is None
        waits = "nobody waits for it" if judged else "who waits for it is not known"
        cost = f"As of {moment(context.as_of)} it is {now.verdict}, and {waits}."
    command = command_line(said.remedy, now.thread_id, context.home.path)
    following = f"{said.next_words} On the command line: {command}" if command else said.next_words
    return say(what), say(cost), say(following)


def still_so(now: ThreadDiagnosis) -> str:
    """Until when it is known to have been so, as a part of a sentence: an old home tells of its own last word only."""
    context = now.case.context
    last = context.home.newest_at
    if not context.server.alive and last is not None and last == context.as_of:
        return f"it was still so when the home's last record was written, at {moment(context.as_of)}"
    return f"it was still so at {moment(context.as_of)}"


def what_would_help(rules: Sequence[Prevention], about: Episode | None, noticed: Micros | None) -> tuple[str, ...]:
    """What would have prevented an incident, or made it shorter, in words.

    Args:
        rules: What other rules make of the same events.
        about: The incident; None if there is none.
        noticed: From when on the records told of it.
    """
    said = []
    better = [one for one in rules if one.prevents]
    if better:
        said.append(f"These rules would have: {', '.join(one.rules for one in better)}.")
    elif rules:
        said.append("No rules of a known build would have: the cause lies outside of what T3 Code makes of its events.")
    if about is not None and about.verdict is not Verdict.FAILED and noticed is not None:
        end = about.until if about.until is not None else about.seen_until
        if end - noticed >= _WORTH:
            until = "before it was over" if about.until is not None else "before the last that is known"
            said.append(f"t3lens watch would have told of it from {moment(noticed)} on, {duration(end - noticed)} {until}.")
    return tuple(said)


def _wait_for(waiting: Sequence[Waiting], *, over: bool) -> str:
    """Who waited for what, and what came of it."""
    if not waiting:
        return ""
    parts = []
    for what in dict.fromkeys(one.what for one in waiting):
        mine = [one for one in waiting if one.what == what]
        parts.append(counted(len(mine), what))
    told = f" {' and '.join(parts)} of a person waited{'' if over else ' so long'}"
    lost = sum(one.later == "has no answer" for one in waiting)
    if lost:
        one = "it has" if len(waiting) == 1 else "1 of these has"
        told += f"; {one if lost == 1 else f'{lost} of these have'} no answer to this day"
    return f"{told}."


def over_all(
    lasted: Sequence[Micros], verdicts: Sequence[str], causes: Sequence[str], first: str, costs: str, following: str
) -> tuple[str, str, str]:
    """Of several subjects together.

    Args:
        lasted: How long each lasted, microseconds.
        verdicts: What each is or was.
        causes: The finding that explains each, where one does.
        first: When the first began, as a sentence without its end.
        costs: What they concern together.
        following: What is to be done first.
    """
    counted = ", ".join(f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts))
    explained = ", ".join(f"{code} ({causes.count(code)})" for code in dict.fromkeys(causes)) or "no finding"
    return (
        f"{len(verdicts)} are told of: {counted}; explained by {explained}.",
        f"{first}; the longest lasted {duration(max(lasted, default=0))}, and together they concern {costs}.",
        f"To be done first: {following}",
    )
