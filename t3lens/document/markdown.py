"""The audit as Markdown: for a job summary, a chat, an issue."""

from __future__ import annotations

from t3lens.document.failing import fails, threshold
from t3lens.document.incidents import incident_length
from t3lens.document.model import NEED_ATTENTION, AuditDocument, FindingEntry
from t3lens.document.notices import notices
from t3lens.view.page.markdown import md

__all__ = ["audit_markdown"]

_MOST = 100


def audit_markdown(document: AuditDocument) -> str:
    """Verdict counts, the threads that need somebody's eyes, and their findings.

    Args:
        document: As ``audit_document`` makes it.
    """
    counts = ", ".join(f"**{n:,}** {verdict}" for verdict, n in document.counts.items())
    failing = sum(1 for _ in fails(document))
    lines = [
        "# t3lens audit",
        "",
        *(line for text in notices(document) for line in (f"> **{md(text, 700)}**", "")),
        f"As of {document.as_of}: {counts or 'no threads'}. {failing:,} finding{'' if failing == 1 else 's'} of "
        f"severity {threshold(document)} or more{' are new' if document.baseline else ''}.",
        "",
    ]
    for problem in document.errors:
        lines += [f"- could not be read: {md(problem.path)}: {md(problem.message)}"]
    for home in document.homes:
        for finding in home.findings:
            lines += [f"- home {md(home.path)}: {_finding(finding)}"]
    shown = [thread for thread in document.threads if thread.verdict in NEED_ATTENTION]
    if shown:
        lines += [
            "",
            "| verdict | thread | title | because | since | provider |",
            "|---|---|---|---|---|---|",
        ]
        for thread in shown[:_MOST]:
            lines.append(
                f"| {thread.verdict} | {md(thread.thread_id)} | {md(thread.title or '', 80)} | "
                f"{md(thread.primary or '')} | {(thread.since or '')[:19].replace('T', ' ')} | "
                f"{md(thread.provider or '', 20)} |"
            )
        if len(shown) > _MOST:
            lines += ["", f"and {len(shown) - _MOST:,} more"]
        lines += ["", "## Findings", ""]
        for thread in shown[:_MOST]:
            if thread.findings:
                lines.append(f"### {md(thread.title or thread.thread_id, 80)}")
                lines.append("")
                lines += [f"- {_finding(finding)}" for finding in thread.findings]
                lines.append("")
    lines += _incidents(document)
    for gone in document.vanished:
        lines.append(f"- vanished since the baseline: {gone.code} of thread {md(gone.thread_id or 'home')}")
    return "\n".join(lines).rstrip() + "\n"


def _incidents(document: AuditDocument) -> list[str]:
    if document.incidents_since is None:
        return []
    lines = [f"## Incidents since {document.incidents_since}", ""]
    if not document.incidents:
        return [*lines, "None.", ""]
    lines += ["| was | thread | title | because | from | for | ended by | incident |", "|---|---|---|---|---|---|---|---|"]
    for one in document.incidents[:_MOST]:
        lines.append(
            f"| {one.verdict} | {md(one.thread_id)} | {md(one.title or '', 80)} | {md(one.code)} | "
            f"{one.since[:19].replace('T', ' ')} | {incident_length(one)} | "
            f"{'goes on' if one.until is None else one.ended_by} | `{one.incident_id}` |"
        )
    if len(document.incidents) > _MOST:
        lines += ["", f"and {len(document.incidents) - _MOST:,} more"]
    return [*lines, ""]


def _finding(finding: FindingEntry) -> str:
    known = ", known" if finding.known else ""
    return (
        f"**{finding.severity}**, {finding.confidence}{known}: `{finding.code}`. {md(finding.summary, 600)} "
        f"{md(finding.explanation, 600)} Remedy: {finding.remedy}."
    )
