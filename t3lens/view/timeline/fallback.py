"""A thread's timeline where nothing runs: text, and HTML with a still picture and the tables it was drawn from."""

from __future__ import annotations

from zlib import crc32

from t3lens.counted import counted
from t3lens.time import iso
from t3lens.view.page.escape import html_text, plain
from t3lens.view.page.tables import section, table_html, when_text
from t3lens.view.scene.paint import scene_svg
from t3lens.view.timeline.data import TimelineData
from t3lens.view.timeline.scene import thread_scene

__all__ = ["timeline_fallback"]


def timeline_fallback(data: TimelineData) -> tuple[str, str]:
    """A timeline as text and as HTML: a still picture and tables, for where nothing runs (and for who reads)."""
    words = [data.title]
    if data.verdict:
        words.append(f"{data.verdict}{f' ({data.primary})' if data.primary else ''}")
    words.append(f"{counted(data.records, 'record')}, as of {iso(data.as_of)}")
    headline = ", ".join(plain(word, 100) for word in words)
    lanes = {lane.key: lane.title for lane in data.lanes}
    spans = [
        (
            lanes[bar.lane], bar.title, when_text(bar.start), "still open" if bar.open else when_text(bar.end),
            dict(bar.facts).get("turn") or bar.turn_id or "",
        )
        for bar in data.bars
        if bar.lane.startswith(("session", "turns")) or bar.lane in ("requests", "recorded", "incidents")
    ]  # fmt: skip
    findings = [(f.severity, f.code, when_text(f.since), f.confidence, f.summary) for f in data.findings]
    html = section(
        f"<h3>{html_text(headline, 400)}</h3>",
        scene_svg(thread_scene(data), name=f"t3s-{crc32(data.thread_id.encode()):08x}", legend=True),
        table_html(("severity", "code", "since", "confidence", "summary"), findings, caption="Findings", limit=4000)
        if findings else "",
        table_html(("lane", "what", "from", "until", "turn"), spans[:60], caption="Timeline", more=max(len(spans) - 60, 0)),
        label=f"Timeline of {plain(data.title, 80)}",
    )  # fmt: skip
    lines = [headline]
    lines += [f"  {f.severity:<9}{f.code}: {plain(f.summary, 160)}" for f in data.findings[:8]]
    lines += [f"  {a:<18}{plain(b, 40):<28}{c} – {d}" for a, b, c, d, _ in spans[:12]]
    return "\n".join(lines), html
