"""A thread's timeline in a document: with the secrets in its words masked, as a scene and as a picture."""

from __future__ import annotations

from dataclasses import replace

from t3lens.redact import Redactor
from t3lens.view.scene.paint import plain_colours, scene_svg
from t3lens.view.timeline.data import Bar, FindingMark, Mark, TimelineData
from t3lens.view.timeline.scene import thread_scene

__all__ = ["redacted", "timeline_svg"]


def redacted(data: TimelineData, redactor: Redactor) -> TimelineData:
    """``data`` with the secrets in its words masked."""

    def facts(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple(
            (name, redactor.said(value, "account") if name == "who" else redactor.text(str(value))) for name, value in pairs
        )

    def bar(one: Bar) -> Bar:
        return replace(one, title=redactor.text(one.title), facts=facts(one.facts))

    def mark(one: Mark) -> Mark:
        return replace(one, title=redactor.text(one.title), facts=facts(one.facts))

    def finding(one: FindingMark) -> FindingMark:
        return replace(one, summary=redactor.text(one.summary))

    return replace(
        data,
        title=redactor.text(data.title),
        bars=tuple(bar(one) for one in data.bars),
        marks=tuple(mark(one) for one in data.marks),
        findings=tuple(finding(one) for one in data.findings),
    )


def timeline_svg(data: TimelineData) -> str:
    """The picture of a timeline as a file of its own: a light page's colours, and what they mean.

    Args:
        data: What to draw, already redacted.
    """
    return plain_colours(scene_svg(thread_scene(data), legend=True))
