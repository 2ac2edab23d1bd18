"""A thread's story as text and as inert HTML."""

from __future__ import annotations

from typing import Final

from t3lens.diagnose.story import Divergence, Explanation
from t3lens.t3code.rule_names import rule_words
from t3lens.time import Micros, iso
from t3lens.view.page.escape import html_text, plain
from t3lens.view.page.tables import Lines, chip, section, table_html

__all__ = ["DivergenceView", "Story"]

_SIGN = {"asked": "?", "provider": "·", "stored": "□", "server": "≡", "wrong": "!", "now": "="}


def _when(at: Micros | None) -> str:
    return iso(at) if at is not None else ""


def _truths(divergence: Divergence) -> list[tuple[object, ...]]:
    return [
        (truth.source, truth.status or "–", truth.turn_id or "–", _when(truth.at), truth.note) for truth in divergence.truths
    ]


_LONGEST_ID: Final = 80
_READ_WHOLE: Final = 4000
"""What is to be read is not cut; longer than this is nothing that t3lens says."""
_TRUTH_COLUMNS: Final = ("truth", "session", "active turn", "since", "note")


class DivergenceView:
    """The truths about a thread side by side, as ``thread.divergence()`` shows them.

    Attributes:
        divergence: The truths to draw.
    """

    def __init__(self, divergence: Divergence) -> None:
        self.divergence = divergence

    @property
    def event(self) -> object:
        """The first event after which two truths never agree again; None if they agree."""
        return self.divergence.event

    def _verdict(self) -> str:
        said = self.divergence
        if not said.between:
            return said.why
        where = f" since {said.event.type} {said.event.event_id} at {iso(said.event.at)}" if said.event else ""
        return f"{said.between[0]} and {said.between[1]} part{where}. {said.why}".rstrip()

    def __repr__(self) -> str:
        lines = [self._verdict()]
        rows = _truths(self.divergence)
        ids = max(len(plain(row[2], _LONGEST_ID)) for row in rows)
        for *facts, note in rows:
            row = "  ".join(
                plain(fact, _LONGEST_ID).ljust(width) for fact, width in zip(facts, (9, 9, ids, 24), strict=True)
            )
            short = len(str(note)) <= 44
            lines.append(f"  {row}  {plain(note) if short else ''}".rstrip())
            if not short:  # an error in full is what people look for
                lines.append(f"    {plain(note, _READ_WHOLE)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return section(
            f"<p>{html_text(self._verdict(), _READ_WHOLE)}</p>",
            table_html(_TRUTH_COLUMNS, _truths(self.divergence), limit=_READ_WHOLE),
            label="truths side by side",
        )


class Story:
    """Why a thread is what it is, as ``thread.explain()`` shows it.

    Attributes:
        explanation: The explanation to draw.
    """

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation

    def text(self, following: str | None = None) -> str:
        """The story for a terminal.

        Args:
            following: What is to be done; the Python call that does it if not said.
        """
        said = self.explanation
        return f"{self._as_text()}\n\nNext: {said.next_step if following is None else following}"

    def __repr__(self) -> str:
        return self.text()

    def _as_text(self) -> str:
        said = self.explanation
        lines = [
            f"{said.verdict.upper()}  {plain(said.title or '', 400)}  {said.thread_id}",
            "",
            plain(said.headline, _READ_WHOLE),
            "",
        ]
        for line in said.lines:
            rule = f" [{rule_words(line.rule)}]" if line.rule else ""
            lines.append(f"  {_when(line.at)[11:23] or ' ' * 12} {_SIGN[line.kind]} {plain(line.text, _READ_WHOLE)}{rule}")
        lines += ["", repr(DivergenceView(said.divergence)), ""]
        for finding in said.findings:
            lines.append(
                f"  {finding.severity}, {finding.confidence}: {finding.code}. {plain(finding.explanation, _READ_WHOLE)}"
            )
            for piece in finding.evidence:
                place = f":{piece.line}" if piece.line is not None else f" {piece.key}" if piece.key else ""
                lines.append(f"      {piece.kind} {plain(piece.source, 1000)}{place}: {plain(piece.excerpt, _READ_WHOLE)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        said = self.explanation
        steps = "".join(
            f'<li class="t3-{line.kind}"><time>{html_text(_when(line.at)[11:23])}</time> '
            f"{html_text(line.text, _READ_WHOLE)}"
            f"{f' <span class=t3-hint>{rule_words(line.rule)}</span>' if line.rule else ''}</li>"
            for line in said.lines
        )
        findings = [
            (
                finding.code,
                finding.severity,
                finding.confidence,
                finding.explanation,
                Lines(
                    f"{piece.source}{f':{piece.line}' if piece.line is not None else ''} {piece.excerpt}"
                    for piece in finding.evidence
                ),
            )
            for finding in said.findings
        ]
        return section(
            f"<h3>{chip('verdict', said.verdict)} {html_text(said.title or said.thread_id, 400)}</h3>",
            f"<p><b>{html_text(said.headline, _READ_WHOLE)}</b></p>",
            f'<ol class="t3-story">{steps}</ol>',
            f"<p>{html_text(DivergenceView(said.divergence)._verdict(), _READ_WHOLE)}</p>",
            table_html(_TRUTH_COLUMNS, _truths(said.divergence), caption="truths side by side", limit=_READ_WHOLE),
            table_html(
                ("finding", "severity", "confidence", "why", "evidence"),
                findings,
                caption="findings",
                limit=_READ_WHOLE,
            )
            if findings
            else "",
            f"<p><b>Next:</b> {html_text(said.next_step, _READ_WHOLE)}</p>",
            label="story",
        )
