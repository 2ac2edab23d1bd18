"""Restarts of the server: how it ended before each, which turns went with it, and whether that comes again and again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from t3lens.counted import counted
from t3lens.diagnose.context import Context
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.evidence import absence
from t3lens.diagnose.facts import ModelInUse
from t3lens.diagnose.home_case import HomeCase
from t3lens.domain.finding import Confidence, Severity
from t3lens.time import SECOND, Micros, iso

__all__ = ["ServerRun", "runs_until", "server_restarted"]

_MOST_NAMED: Final = 10
_PATTERN: Final = 3
"""So many restarts within a day are no chance."""
_MINUTE: Final = 60 * SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


class ServerRun(msgspec.Struct, frozen=True):
    """A run of the server that another one followed; see the view ``server_runs``.

    Attributes:
        next_started_at: When the next one began, microseconds UTC.
        how_ended: ``shut down``, ``died`` or ``unknown``.
        turns_taken: Turns that ran when it ended.
        threads: Number of their threads.
    """

    next_started_at: Micros
    how_ended: str
    turns_taken: list[str]
    threads: int


@detector(
    "server-restarted",
    Severity.INFO,
    Group.DATA,
    "ELP",
    needs="E",
    home_wide=True,
    models=(ModelInUse.FIRST, ModelInUse.SECOND),
    condition="A start of the server is known that records are older than. Three within a day are called a pattern.",
    explanation=(
        "A turn lives in the memory of the server that started it: what runs when the server goes is lost, and its "
        "message gets no answer. Only starts that left a sign are counted, so there may have been more."
    ),
)
def server_restarted(home: HomeCase) -> Iterator[Hit]:
    """Restarts, all in one finding."""
    runs = runs_until(home.context)
    if not runs:
        return
    lost = [turn for run in runs for turn in run.turns_taken]
    yield Hit(
        summary=" ".join(part for part in (_summary(runs), _lost(lost), _pattern(runs)) if part),
        since=runs[0].next_started_at,
        confidence=Confidence.LIKELY if any(run.how_ended == "died" for run in runs) else Confidence.CERTAIN,
        evidence=tuple(absence("server_runs", _excerpt(run)) for run in runs[-_MOST_NAMED:]),
    )


def runs_until(context: Context) -> list[ServerRun]:
    """Runs that were over at the moment. Is it that of the newest record, the start that comes next is told too.

    Args:
        context: The standing of the home.
    """
    as_of, known = context.as_of, context.home
    runs = []
    for started, ended, turns, threads, last in known.extra.get("server_runs", ()):
        newest = as_of == known.newest_at and (last or 0) <= as_of
        if started <= as_of or newest:
            runs.append(ServerRun(started, ended, json.loads(turns), threads))
        if started > as_of:
            break
    return runs


def _summary(runs: Sequence[ServerRun]) -> str:
    if len(runs) == 1:
        how = {"shut down": "the run before it was shut down", "died": "the run before it ended without a farewell"}
        said = how.get(runs[0].how_ended, "how the run before it ended is not known")
        return f"The server was restarted at {iso(runs[0].next_started_at)}; {said}."
    first, last = iso(runs[0].next_started_at), iso(runs[-1].next_started_at)
    died = sum(run.how_ended == "died" for run in runs)
    said = f", {died} of them after it ended without a farewell" if died else ""
    return f"The server was restarted {len(runs)} times between {first} and {last}{said}."


def _lost(turns: Sequence[str]) -> str:
    if not turns:
        return ""
    return f"{counted(len(turns), 'turn')} ran when it went."


def _pattern(runs: Sequence[ServerRun]) -> str:
    """The densest day, if it has enough restarts for a pattern."""
    starts = [run.next_started_at for run in runs]
    number, first = max((sum(start <= one < start + _DAY for one in starts), start) for start in starts)
    if number < _PATTERN:
        return ""
    last = max(one for one in starts if one < first + _DAY)
    every = (last - first) // (number - 1)
    apart = f"{every / _HOUR:.1f} h" if every >= _HOUR else f"{max(1, every // _MINUTE)} min"
    return (
        f"That is a pattern: {number} of them within a day, about {apart} apart. Look for what ends the server (memory, "
        "updates, a supervisor, the machine's sleep) before looking at single threads."
    )


def _excerpt(run: ServerRun) -> str:
    named = ", ".join(run.turns_taken[:_MOST_NAMED]) + (" …" if len(run.turns_taken) > _MOST_NAMED else "")
    took = (
        f"{counted(len(run.turns_taken), 'turn')} in {counted(run.threads, 'thread')} ({named})"
        if run.turns_taken
        else "no turn"
    )
    return f"the next run began at {iso(run.next_started_at)}; this one: {run.how_ended}, took {took} with it"
