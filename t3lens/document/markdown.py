"""The audit as Markdown: for a job summary, a chat, an issue."""

from __future__ import annotations

from collections.abc import Mapping

from t3lens.document.fail_on import failing_told
from t3lens.document.incidents import incident_length
from t3lens.document.model import NEED_ATTENTION, AuditDocument, FindingEntry, RollUpEntry
from t3lens.document.notices import notices
from t3lens.document.roll_up import folded_into_matters, labels, matter_told
from t3lens.document.since_baseline import SinceBaseline, news_of, with_known_folded
from t3lens.view.page.markdown import md

__all__ = ["audit_markdown"]

_MOST = 100


def audit_markdown(document: AuditDocument) -> str:
    """Verdict counts, the threads that something is wrong with, and their findings.

    Args:
        document: As ``audit_document`` makes it.
    """
    counts = ", ".join(f"**{n:,}** {verdict}" for verdict, n in document.counts.items())
    news = news_of(document)
    told = folded_into_matters(document if news is None else with_known_folded(document))
    places = labels(document)
    lines = [
        "# t3lens audit",
        "",
        *(_news_headline(news) if news is not None else ()),
        *(line for text in notices(document) for line in (f"> **{md(text, 700)}**", "")),
        f"As of {document.as_of}: {counts or 'no threads'}. {failing_told(document)}".rstrip(),
        "",
    ]
    lines += [f"- one matter: {md(matter_told(one, len(document.homes)), 300)}" for one in document.matters]
    for entry in document.roll_ups:
        lines += _roll_up(entry)
    for problem in document.errors:
        lines += [f"- could not be read: {md(problem.path)}: {md(problem.message)}"]
    for home in told.homes:
        for finding in home.findings:
            lines += [f"- home {md(home.path)}: {_finding(finding)}"]
    shown = [thread for thread in told.threads if news is not None or thread.verdict in NEED_ATTENTION]
    if shown:
        lines += [
            "",
            "| verdict | thread | home | title | because | since | provider |",
            "|---|---|---|---|---|---|---|",
        ]
        for thread in shown[:_MOST]:
            lines.append(
                f"| {thread.verdict} | {md(thread.thread_id)} | {md(places[thread.home_id], 80)} | "
                f"{md(thread.title or '', 80)} | "
                f"{md(thread.primary or '')} | {(thread.since or '')[:19].replace('T', ' ')} | "
                f"{md(thread.provider or '', 20)} |"
            )
        if len(shown) > _MOST:
            lines += ["", f"and {len(shown) - _MOST:,} more"]
        lines += ["", "## Findings", ""]
        told_of: set[tuple[str, str]] = set()
        for thread in shown[:_MOST]:
            if thread.findings:
                lines.append(f"### {md(thread.title or thread.thread_id, 80)}")
                lines.append("")
                lines += [f"- {_finding(finding, first=_is_first_of_kind(finding, told_of))}" for finding in thread.findings]
                lines.append("")
    if news is not None:
        lines += _news_rest(news)
    lines += _incidents(document, places)
    return "\n".join(lines).rstrip() + "\n"


def _roll_up(entry: RollUpEntry) -> list[str]:
    compared = any(row.new is not None for row in entry.rows)
    head = [entry.by.value, "worst", "findings", *(["new"] if compared else []), "threads", "homes", "oldest"]
    lines = ["", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in entry.rows[:_MOST]:
        new = [f"{row.new:,}"] if row.new is not None else []
        oldest = (row.since or "")[:16].replace("T", " ")
        cells = [md(row.name, 80), row.severity, f"{row.findings:,}", *new, f"{row.threads:,}", f"{row.homes:,}", oldest]
        lines.append(f"| {' | '.join(cells)} |")
    if len(entry.rows) > _MOST:
        lines += ["", f"and {len(entry.rows) - _MOST:,} more"]
    return [*lines, ""]


def _news_headline(news: SinceBaseline) -> list[str]:
    return [f"**{md(news.headline)}**", "", *(line for text in news.remarks for line in (f"> {md(text, 700)}", ""))]


def _news_rest(news: SinceBaseline) -> list[str]:
    """What is gone, and what is known in a line for each code, folded where Markdown can."""
    lines: list[str] = []
    if news.gone:
        lines += ["", "## Gone", ""]
        lines += [
            f"- `{md(gone.code, 60)}` of {'the home' if gone.thread_id is None else f'thread {md(gone.thread_id)}'}"
            f"{f' {md(gone.title, 80)}' if gone.title else ''}"
            for gone in news.gone[:_MOST]
        ]
        if len(news.gone) > _MOST:
            lines += ["", f"and {len(news.gone) - _MOST:,} more"]
    if news.known:
        lines += ["", "## Known", "", "| severity | code | how many | since |", "|---|---|---|---|"]
        lines += [
            f"| {group.severity} | `{md(group.code, 60)}` | {group.told} | {(group.since or '')[:19].replace('T', ' ')} |"
            for group in news.known
        ]
    return [*lines, ""]


def _incidents(document: AuditDocument, homes: Mapping[str, str]) -> list[str]:
    if document.incidents_since is None:
        return []
    lines = [f"## Incidents since {document.incidents_since}", ""]
    if not document.incidents:
        return [*lines, "None.", ""]
    several = len(homes) > 1
    lines += [f"| was | thread |{' home |' if several else ''} title | because | from | for | ended by | incident |"]
    lines += [f"|{'---|' * (9 if several else 8)}"]
    for one in document.incidents[:_MOST]:
        home = f"{md(homes.get(one.home_id, one.home_id), 80)} | " if several else ""
        lines.append(
            f"| {one.verdict} | {md(one.thread_id)} | {home}"
            f"{md(one.title or '', 80)} | {md(one.code)} | {one.since[:19].replace('T', ' ')} | {incident_length(one)} | "
            f"{'goes on' if one.until is None else one.ended_by} | `{one.incident_id}` |"
        )
    if len(document.incidents) > _MOST:
        lines += ["", f"and {len(document.incidents) - _MOST:,} more"]
    return [*lines, ""]


def _is_first_of_kind(finding: FindingEntry, told: set[tuple[str, str]]) -> bool:
    """Whether nothing was said of this kind yet: why it is so and what helps stands once, not at each thread."""
    kind = (finding.code, finding.remedy)
    if kind in told:
        return False
    told.add(kind)
    return True


def _finding(finding: FindingEntry, *, first: bool = True) -> str:
    known = f", {finding.baseline}" if finding.baseline is not None else ""
    why = f" {md(finding.explanation, 600)} Remedy: {finding.remedy}." if first else ""
    return f"**{finding.severity}**, {finding.confidence}{known}: `{finding.code}`. {md(finding.summary, 600)}{why}"
