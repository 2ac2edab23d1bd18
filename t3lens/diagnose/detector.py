"""What a detector is, and the table of all of them.

A detector is a small function over a ``Case`` (one thread) or a ``HomeCase`` (all of a home) that yields ``Hit``\\ s;
everything constant about its findings stands in the decorator. To add one: write the function in the module of its
group and decorate it; listing, coverage, ordering, JSON and documentation follow from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from itertools import chain
from typing import Any, Final

import msgspec

from t3lens.diagnose.facts import Input, ModelInUse
from t3lens.diagnose.time_limit import in_time
from t3lens.diagnose.wording import with_short_ids
from t3lens.domain.finding import Confidence, Evidence, Finding, Remedy, Severity, Verdict
from t3lens.time import Micros

__all__ = ["DETECTORS", "Detector", "Group", "Hit", "detector", "of_model", "register_all"]


class Group(IntEnum):
    """The order in which findings explain one thread: the first that applies is primary."""

    DATA = 0
    QUEUE = 1
    ORPHAN = 2
    SPLIT = 3
    REQUEST = 4
    MISMATCH = 5
    SILENCE = 6


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector found; severity, verdict and remedy are its detector's unless said here.

    Attributes:
        summary: One sentence that begins with the cause; see ``t3lens.diagnose.wording``.
        confidence: How sure the detector is of it.
        evidence: Most telling first.
        explanation: Overrides the detector's.
        also: What another witness adds to the explanation.
        turn_id: The turn concerned.
        thread_id: For home-wide detectors: the thread it also stands at; None for the home itself.
        since: Since when it is so, microseconds UTC.
        since_event_id: The event where it began.
        severity: Overrides the detector's.
        makes: Overrides the detector's verdict.
        no_verdict: The hit forces no verdict whatever its detector says.
        remedy: Overrides the detector's.
    """

    summary: str
    confidence: Confidence = Confidence.CERTAIN
    evidence: tuple[Evidence, ...] = ()
    explanation: str | None = None
    also: str = ""
    turn_id: str | None = None
    thread_id: str | None = None
    since: Micros | None = None
    since_event_id: str | None = None
    severity: Severity | None = None
    makes: Verdict | None = None
    no_verdict: bool = False
    remedy: Remedy | None = None


class Detector(msgspec.Struct, frozen=True, kw_only=True):
    """One finding code and how it is found.

    Attributes:
        code: Stable kebab-case name; other people's pipelines key on it.
        severity: How bad it is for the people who use the thread.
        group: Its place when several findings explain one thread.
        inputs: All it looks at.
        needs: Those without which it cannot be checked.
        condition: When it applies, in one sentence.
        explanation: Why that is so, in plain words.
        makes: The verdict it forces, if any.
        remedy: What brings the thread back.
        thresholds: Names of the thresholds it uses.
        home_wide: Whether it looks at a home at once.
        references: Public issue numbers, where useful.
        check: The function that looks.
        model: The data model whose homes it looks at.
        looks: What it asks each case of a home, where that rests on records.
    """

    code: str
    severity: Severity
    group: Group
    inputs: tuple[Input, ...]
    needs: tuple[Input, ...]
    condition: str
    explanation: str
    makes: Verdict | None
    remedy: Remedy
    thresholds: tuple[str, ...]
    home_wide: bool
    references: tuple[str, ...]
    check: Callable[[Any], Iterable[Hit]]
    model: ModelInUse = ModelInUse.FIRST
    looks: tuple[Callable[[Any], Any], ...] = ()

    def findings(self, case: Any, thread_id: str | None) -> list[Finding]:
        """Run it, and dress its hits as findings."""
        hits = iter(self.check(case))
        first = next(hits, None)  # mostly there is none, and counting them would take longer than looking
        if first is None:
            return []
        return [self._finding(hit, thread_id or hit.thread_id) for hit in in_time(chain((first,), hits))]

    def _finding(self, hit: Hit, thread_id: str | None) -> Finding:
        return Finding(
            code=self.code,
            severity=hit.severity or self.severity,
            confidence=hit.confidence,
            summary=with_short_ids(hit.summary),
            explanation=" ".join(filter(None, (hit.explanation or self.explanation, hit.also))),
            remedy=hit.remedy or self.remedy,
            thread_id=thread_id,
            turn_id=hit.turn_id,
            since=hit.since,
            since_event_id=hit.since_event_id,
            makes=None if hit.no_verdict else hit.makes or self.makes,
            evidence=hit.evidence,
            references=self.references,
        )


DETECTORS: Final[dict[str, Detector]] = {}
"""All detectors by code, in the order of their groups; filled by ``register_all``.

A code that both data models have stands here as the first has it; ``of_model`` tells them apart.
"""

_OF_MODEL: Final[dict[ModelInUse, dict[str, Detector]]] = {model: {} for model in ModelInUse}

_Check = Callable[[Any], Iterable[Hit]]


def detector(
    code: str,
    severity: Severity,
    group: Group,
    inputs: str,
    *,
    condition: str,
    explanation: str,
    makes: Verdict | None = None,
    remedy: Remedy = Remedy.NONE,
    needs: str | None = None,
    thresholds: tuple[str, ...] = (),
    home_wide: bool = False,
    references: tuple[str, ...] = (),
    models: tuple[ModelInUse, ...] = (ModelInUse.FIRST,),
    looks: tuple[Callable[[Any], Any], ...] = (),
) -> Callable[[_Check], _Check]:
    """Register a function as the detector of ``code``; see ``Detector`` for the arguments.

    Args:
        inputs: Letters of the inputs, as in the findings' definitions (``"PES"``).
        needs: Letters of those it cannot do without; all of ``inputs`` unless said.
        models: The data models whose homes it can look at.
        looks: What a home-wide detector asks each case (``told``), where that rests on records: these are let go
            before it looks at all threads of a large home.
    """

    def register(check: _Check) -> _Check:
        for model in models:
            if code in _OF_MODEL[model]:
                raise RuntimeError(f"two detectors are called {code}")
            made = Detector(
                code=code,
                severity=severity,
                group=group,
                inputs=tuple(Input(letter) for letter in inputs),
                needs=tuple(Input(letter) for letter in (inputs if needs is None else needs)),
                condition=condition,
                explanation=explanation,
                makes=makes,
                remedy=remedy,
                thresholds=thresholds,
                home_wide=home_wide,
                references=references,
                check=check,
                model=model,
                looks=looks,
            )
            _OF_MODEL[model][code] = made
            if model is ModelInUse.FIRST or code not in DETECTORS:
                DETECTORS[code] = made
        return check

    return register


def register_all() -> dict[str, Detector]:
    """Import every module of detectors, and return the table: by group, then by code."""
    from t3lens.diagnose import detectors

    detectors.load()
    ordered = sorted(DETECTORS.items(), key=lambda entry: (entry[1].group, entry[0]))
    if ordered != list(DETECTORS.items()):
        DETECTORS.clear()
        DETECTORS.update(ordered)
    return DETECTORS


def of_model(code: str, model: ModelInUse) -> Detector | None:
    """The detector of a code for homes of a data model; None if that model has none."""
    from t3lens.diagnose import detectors

    detectors.load()
    return _OF_MODEL[model].get(code)
