"""How well each profile foretells what real servers wrote: counted over the recordings, with every disagreement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from t3lens.domain.event import Event
from t3lens.domain.state import ThreadState, Transition
from t3lens.t3code.v1.event_types import SESSION_SET
from t3lens.t3code.v1.lifecycle.interleave import interleave
from t3lens.t3code.v1.lifecycle.reducer import transitions
from t3lens.t3code.v1.rules import PROFILES, Rules
from t3lens.t3code.v1.writers import ingested_event_id
from tests.recordings import PROFILE_OF_BUILD, recordings

Fields = tuple[str | None, str | None, str | None]
"""Status, active turn and last error of a session."""


@dataclass(frozen=True)
class Disagreement:
    """One stored session that a profile foretells otherwise, or a session that it foretells and nobody stored."""

    home: str
    sequence: int | None
    event_id: str
    type: str
    why: str
    foretold: Fields
    stored: Fields | None

    def __str__(self) -> str:
        place = f"{self.home} at {self.sequence}" if self.sequence else self.home
        return f"{place}: {self.type} {self.event_id}: foretold {self.foretold}, stored {self.stored} ({self.why})"


@dataclass
class Conformance:
    """Agreements and disagreements by build and profile.

    ``without_line`` are stored sessions whose canonical line the log lost; ``unanswered`` are canonical events
    that change the session, says the build's own profile, and after which the server stored none.
    """

    agreed: Counter[tuple[str, str]] = field(default_factory=Counter)
    differed: dict[tuple[str, str], list[Disagreement]] = field(default_factory=dict)
    without_line: Counter[str] = field(default_factory=Counter)
    unanswered: list[Disagreement] = field(default_factory=list)

    def total(self, build: str, profile: str) -> int:
        key = build, profile
        return self.agreed[key] + len(self.differed.get(key, ()))

    def table(self) -> list[str]:
        """Lines of a Markdown table: builds down, profiles across, agreements of all compared."""
        lines = [f"| build | {' | '.join(PROFILES)} | no CANON line |"]
        lines.append("|---" * (len(PROFILES) + 2) + "|")
        for build in PROFILE_OF_BUILD:
            cells = [f"{self.agreed[build, p]}/{self.total(build, p)}" for p in PROFILES]
            lines.append(f"| {build} | {' | '.join(cells)} | {self.without_line[build]} |")
        return lines


@cache
def conformance() -> Conformance:
    """Foretell every session that ingestion stored, in every recording, under every profile."""
    found = Conformance()
    for home in recordings():
        for thread_id in home.threads:
            stored = home.stored[thread_id]
            merged = interleave(home.canonical.get(thread_id, []), stored)
            written = list(_written(stored))
            ids = {event.event_id for event in merged}
            found.without_line[home.build] += sum(event_id not in ids for event_id, _ in written)
            for rules in PROFILES.values():
                after = _after_each(merged, rules)
                for event_id, event in written:
                    if event_id in after:
                        _compare(found, home.build, home.name, rules, event, after[event_id])
            own = PROFILES[PROFILE_OF_BUILD[home.build]]
            answered = {event_id for event_id, _ in written}
            found.unanswered.extend(_unanswered(home.name, merged, own, answered))
    return found


def _written(stored: Iterable[Event]) -> Iterator[tuple[str, Event]]:
    for event in stored:
        event_id = ingested_event_id(event.command_id)
        if event.type == SESSION_SET and event_id is not None:
            yield event_id, event


def _after_each(merged: Iterable[Event], rules: Rules) -> dict[str, tuple[ThreadState, Transition]]:
    return {step[1].event_id: step for step in transitions(merged, rules)}


def _fields(state: ThreadState) -> Fields:
    return state.status, state.active_turn_id, state.last_error


def _compare(
    found: Conformance,
    build: str,
    home: str,
    rules: Rules,
    event: Event,
    step: tuple[ThreadState, Transition],
) -> None:
    state, transition = step
    session = event.payload["session"]
    stored = session["status"], session["activeTurnId"], session["lastError"]
    if _fields(state) == stored:
        found.agreed[build, rules.name] += 1
        return
    found.differed.setdefault((build, rules.name), []).append(
        Disagreement(
            home,
            event.sequence,
            transition.event_id,
            transition.type,
            transition.why,
            _fields(state),
            stored,
        )
    )


def _unanswered(home: str, merged: Iterable[Event], rules: Rules, answered: set[str]) -> Iterator[Disagreement]:
    before: Fields = (None, None, None)
    for state, transition in transitions(merged, rules):
        after = _fields(state)
        canonical = not transition.type.startswith("thread.") or transition.type == "thread.started"
        if canonical and after != before and transition.event_id not in answered:
            yield Disagreement(home, None, transition.event_id, transition.type, transition.why, after, None)
        before = after
