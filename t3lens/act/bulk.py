"""Many threads, one after the other: worst first, one command at a time, and no further than the first bad sign."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any, Final

import msgspec

from t3lens.act.errors import Interrupted
from t3lens.act.plan import Decision, Plan
from t3lens.act.plan_view import printable
from t3lens.act.result import Outcome, Progress, Result
from t3lens.domain.finding import VERDICT_ORDER, Confidence, Severity
from t3lens.errors import UsageError
from t3lens.t3code.data_model import DataModel

__all__ = ["BulkResult", "run_bulk", "worst_first"]

_HOPELESS: Final = frozenset({"auth-invalid", "no-token", "scope-missing", "wrong-home", "actions-off", "not-delivered"})
"""Result codes that every further thread of the same server would only repeat."""

_SURENESS: Final = tuple(Confidence)


class BulkResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of many plans.

    Attributes:
        results: In the order in which they were carried out.
        left: Plans that were not reached; run the same again to go on with them.
        skipped: Plans that were not taken, with the reason.
        stopped_because: Why the run ended early; None if it did not.
    """

    results: tuple[Result, ...]
    left: tuple[Plan, ...] = ()
    skipped: tuple[tuple[Plan, str], ...] = ()
    stopped_because: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many results there are of each outcome."""
        counts: dict[str, int] = {}
        for result in self.results:
            counts[result.outcome.value] = counts.get(result.outcome.value, 0) + 1
        return counts

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {
            "results": [result.to_dict() for result in self.results],
            "counts": self.counts,
            "left": [plan.target.thread_id for plan in self.left],
            "skipped": [{"thread_id": plan.target.thread_id, "reason": reason} for plan, reason in self.skipped],
            "stopped_because": self.stopped_because,
        }

    def _lines(self) -> list[str]:
        said = ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items())
        lines = [said or "nothing was carried out"]
        lines += [f"{r.target.get('thread_id')}: {r.outcome}: {r.detail}" for r in self.results]
        lines += [f"{p.target.thread_id}: skipped: {reason}" for p, reason in self.skipped]
        if self.stopped_because:
            lines.append(f"ended early: {self.stopped_because}")
        if self.left:
            lines.append(f"{len(self.left)} left: run the same again to go on")
        return [printable(line) for line in lines]

    def __repr__(self) -> str:
        return "\n  ".join(self._lines())

    def _repr_html_(self) -> str:
        return f'<div class="t3lens-result">{"<br>".join(escape(x) for x in self._lines())}</div>'


def worst_first(plans: Iterable[Plan]) -> list[Plan]:
    """Plans in the order in which to carry them out: worst verdict, worst finding, oldest."""

    def key(plan: Plan) -> tuple[int, int, int, str]:
        finding = plan.finding
        severity = finding.severity if finding else Severity.INFO
        since = finding.since if finding and finding.since is not None else plan.made_at
        return (
            VERDICT_ORDER.index(plan.belief.verdict),
            severity.rank,
            since,
            plan.target.thread_id,
        )

    return sorted(plans, key=key)


def run_bulk(
    plans: Sequence[Plan],
    carry_out: Callable[[Plan], Result],
    *,
    why: str,
    confirm: bool | Callable[[Sequence[Plan]], bool],
    limit: int | None = None,
    least: Confidence = Confidence.LIKELY,
    on_step: Callable[[Progress], None] | None = None,
) -> BulkResult:
    """Carry out many plans, worst first, one at a time.

    It ends at the first sign of a blocked queue or of a server that does not answer, and at ``limit``. Run again
    with fresh plans it goes on: what is done by then has nothing left to do.

    Args:
        plans: From ``make_reconcile_plan``, ``make_stop_plan`` or ``make_decline_plan``.
        carry_out: Executes one plan (``execute`` with ``confirm=True``).
        why: A person's reason; needed, because nobody looks at each plan.
        confirm: Whether, or a question that is asked once about all.
        limit: At most so many plans that send something.
        least: Plans whose finding is less sure than this are skipped.
        on_step: Told about the progress.

    Raises:
        UsageError: No reason was given.
        Interrupted: A person pressed Ctrl-C; ``result`` is the ``BulkResult`` so far.
    """
    if not why.strip():
        raise UsageError("many threads at once need a reason (why=, --why), for the journal", code="no-reason")
    ordered = worst_first(plans)
    acting = [plan for plan in ordered if plan.acts]
    blocked = next((plan for plan in ordered if _blocks_all(plan)), None)
    skipped = [(plan, plan.because[0]) for plan in ordered if not plan.acts and not _blocks_all(plan)]
    if blocked is not None:
        return BulkResult(
            results=(),
            left=tuple(acting),
            skipped=tuple(skipped),
            stopped_because=blocked.because[0],
        )
    unsure = [plan for plan in acting if not _is_sure(plan, least)]
    skipped += [(plan, f"only {plan.confidence}; look at it by itself") for plan in unsure]
    todo = [plan for plan in acting if _is_sure(plan, least)]
    if todo and not (confirm if isinstance(confirm, bool) else confirm(todo)):
        return BulkResult(
            results=(),
            left=tuple(todo),
            skipped=tuple(skipped),
            stopped_because="nobody confirmed it",
        )
    return _run(todo, carry_out, limit, skipped, on_step)


def _run(
    todo: list[Plan],
    carry_out: Callable[[Plan], Result],
    limit: int | None,
    skipped: list[tuple[Plan, str]],
    on_step: Callable[[Progress], None] | None,
) -> BulkResult:
    results: list[Result] = []

    def so_far(because: str | None, done: int) -> BulkResult:
        return BulkResult(
            results=tuple(results),
            left=tuple(todo[done:]),
            skipped=tuple(skipped),
            stopped_because=because,
        )

    for number, plan in enumerate(todo):
        if limit is not None and number >= limit:
            return so_far(f"the limit of {limit} is reached", number)
        if on_step is not None:
            text = f"thread {number + 1} of {len(todo)}: {plan.target.thread_id}"
            on_step(Progress(phase="checking", text=text))
        try:
            result = carry_out(plan)
        except Interrupted as interrupt:
            if isinstance(interrupt.result, Result):
                results.append(interrupt.result)
            summary = so_far("interrupted", number + 1)
            raise Interrupted(str(interrupt), summary) from None
        results.append(result)
        because = _bad_sign(result)
        if because is not None:
            return so_far(because, number + 1)
    return so_far(None, len(todo))


def _blocks_all(plan: Plan) -> bool:
    """Whether nothing can be done about any thread: the first data model has one command queue for all of them."""
    return plan.decision is Decision.RESTART and plan.target.model is DataModel.V1


def _bad_sign(result: Result) -> str | None:
    if result.outcome is Outcome.NOT_CONFIRMED:
        return f"{result.target.get('thread_id')}: {result.detail}"
    if result.code in _HOPELESS:
        return result.detail
    return None


def _is_sure(plan: Plan, least: Confidence) -> bool:
    confidence = plan.confidence
    if confidence is None:
        return plan.kind == "stop"
    return _SURENESS.index(confidence) <= _SURENESS.index(least)
