"""A plan as text for a terminal and as HTML for a notebook; everything that comes from data is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from t3lens.act.choice import Decision
from t3lens.domain.finding import Evidence
from t3lens.time import SECOND, Micros, iso

if TYPE_CHECKING:
    from t3lens.act.plan import Plan

__all__ = ["age", "evidence_line", "plan_html", "plan_text", "printable"]

_HEADLINES: Final = {
    Decision.ACT: "would act",
    Decision.NOTHING: "nothing to do",
    Decision.REFUSE: "refused",
    Decision.RESTART: "needs a restart of the server",
    Decision.START: "needs the server to be started",
}
_EVIDENCE: Final = 4
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400


def age(since: Micros, now: Micros) -> str:
    """How long ago ``since`` was, in the coarsest unit that still says something."""
    seconds = max(0, (now - since) // SECOND)
    if seconds < _MINUTE:
        return f"{seconds} s ago"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min ago"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR} h ago"
    return f"{seconds // _DAY} days ago"


def evidence_line(evidence: Evidence) -> str:
    """One piece of evidence: where it stands and what it says."""
    place = evidence.source
    if evidence.line is not None:
        place += f":{evidence.line}"
    if evidence.key is not None:
        place += f" [{evidence.key}]"
    return f"{place}: {evidence.excerpt}"


def printable(text: str) -> str:
    """``text`` without control characters, which could steer a terminal."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _sections(plan: Plan) -> list[tuple[str, list[str]]]:
    target, session = plan.target, plan.seen.session
    stored = (
        f"stored as {session.status}, active turn {session.active_turn_id or 'none'}"
        if session
        else "no session stored"
    )
    belief = f"{plan.belief.verdict}"
    if plan.finding is not None:
        belief += f" by {plan.finding.code} ({plan.finding.severity}, {plan.finding.confidence})"
    sections = [
        (
            "Target",
            [
                f"thread {target.thread_id}{f' — {target.title}' if target.title else ''}",
                f"home {target.home_path}",
                stored,
            ],
        ),
        ("Why", list(plan.because)),
        ("Believed", [belief]),
    ]
    if plan.finding is not None and plan.finding.evidence:
        sections.append(("Evidence", [evidence_line(e) for e in plan.finding.evidence[:_EVIDENCE]]))
    fresh = []
    for source in plan.seen.sources:
        newest = (
            f"newest word {iso(source.newest_at)}, {age(source.newest_at, source.read_at)}"
            if source.newest_at is not None
            else "nothing about this thread"
        )
        fresh.append(f"{source.source}: read {iso(source.read_at)}; {newest}")
    sections.append(("How new", fresh))
    for number, step in enumerate(plan.steps, 1):
        sections.append(
            (
                f"Step {number}: {step.action}",
                [
                    step.says,
                    f"expected: {step.expects}",
                    f"could go wrong: {step.risk}",
                    f"then: {step.then}",
                ],
            )
        )
    sections += [
        ("Know before", list(plan.risks)),
        ("Not touched", list(plan.untouched)),
        ("Instead or next", list(plan.advice)),
        ("Command line", [plan.command_line]),
    ]
    return [(title, lines) for title, lines in sections if lines]


def plan_text(plan: Plan) -> str:
    """The plan for a terminal, in lines of plain text."""
    lines = [f"Plan to {plan.kind} ({_HEADLINES[plan.decision]})"]
    for title, entries in _sections(plan):
        lines.append(f"  {title}")
        lines += [f"    {printable(entry)}" for entry in entries]
    return "\n".join(lines)


def plan_html(plan: Plan) -> str:
    """The plan for a notebook; works in light and dark themes, since it sets no colours of its own."""
    rows = []
    for title, entries in _sections(plan):
        content = "<br>".join(escape(printable(entry)) for entry in entries)
        rows.append(
            '<tr><th scope="row" style="text-align:left;vertical-align:top;padding-right:1em">'
            f'{escape(title)}</th><td style="text-align:left">{content}</td></tr>'
        )
    head = f"Plan to {escape(plan.kind)}: {escape(_HEADLINES[plan.decision])}"
    return f'<table class="t3lens-plan"><caption style="text-align:left"><b>{head}</b></caption>{"".join(rows)}</table>'
