"""The audit as one HTML page that stands alone: no script, nothing loaded."""

from __future__ import annotations

from t3lens.document.failing import fails, threshold
from t3lens.document.incidents import incident_length
from t3lens.document.model import NEED_ATTENTION, AuditDocument, FindingEntry, ThreadEntry
from t3lens.document.notices import notices
from t3lens.view.page.assets import script, style_sheet
from t3lens.view.page.escape import html_text
from t3lens.view.page.tables import chip, notices_html, table_html

__all__ = ["audit_html"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_MOST = 500


def audit_html(document: AuditDocument) -> str:
    """Verdict counts, homes, threads and their findings.

    Args:
        document: As ``audit_document`` makes it.
    """
    counts = "".join(chip("verdict", name, f"{n:,}") for name, n in document.counts.items())
    failing = sum(1 for _ in fails(document))
    shown = [one for one in document.threads if one.verdict in NEED_ATTENTION]
    rest = len(document.threads) - len(shown)
    parts = [
        f'<header><h1>t3lens audit</h1><p class="t3-hint">As of {html_text(document.as_of)} (UTC)</p></header>',
        notices_html(notices(document)),
        f'<p class="t3-chips">{counts}</p>',
        f"<p>{failing:,} finding{'' if failing == 1 else 's'} of severity {html_text(threshold(document))} or more"
        f"{' are new' if document.baseline else ''}.</p>",
        _problems(document),
        _threads(shown[:_MOST], len(shown) - _MOST),
        f'<p class="t3-hint">{rest:,} more threads need nobody\'s eyes.</p>' if rest else "",
        "".join(_findings(thread) for thread in shown[:_MOST] if thread.findings),
        _incidents(document),
        _homes(document),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">\n'
        f"<title>t3lens audit</title>\n<style>{style_sheet()}\n{script('report.css')}</style></head>\n"
        f'<body><div class="t3 r-page"><main>{"".join(parts)}</main></div></body></html>\n'
    )


def _problems(document: AuditDocument) -> str:
    said = [f"{one.path}: {one.message}" for one in document.errors]
    gone = [f"{one.code} of {one.thread_id or 'a home'} vanished since the baseline" for one in document.vanished]
    listed = "".join(f"<li>{html_text(text, 400)}</li>" for text in (*said, *gone))
    return f"<ul>{listed}</ul>" if listed else ""


def _threads(threads: list[ThreadEntry], more: int) -> str:
    rows = [(t.verdict, t.thread_id, t.title or "", t.primary or "", _when(t.since), t.provider or "") for t in threads]
    if not rows:
        return "<p>No thread needs anybody's eyes.</p>"
    return "<h2>Threads</h2>" + table_html(
        ("verdict", "thread", "title", "because", "since", "provider"), rows, more=max(more, 0)
    )


def _when(text: str | None) -> str:
    return (text or "")[:19].replace("T", " ")


def _findings(thread: ThreadEntry) -> str:
    listed = "".join(_finding(finding) for finding in thread.findings)
    name = html_text(thread.title or thread.thread_id, 100)
    return f"<section><h2>{chip('verdict', thread.verdict)} {name}</h2>{listed}</section>"


def _finding(finding: FindingEntry) -> str:
    known = ", known" if finding.known else ""
    pieces = [(p.kind, f"{p.source}{':' + str(p.line) if p.line else ''}", p.excerpt) for p in finding.evidence]
    table = table_html(("evidence", "where", "what"), pieces) if pieces else ""
    return (
        f'<div class="r-cause"><h4>{chip("severity", finding.severity)} <code class="r-code">'
        f'{html_text(finding.code)}</code><span class="t3-hint">{html_text(finding.confidence)}{known}, since '
        f"{_when(finding.since)}</span></h4><p><b>{html_text(finding.summary, 600)}</b></p>"
        f'<p>{html_text(finding.explanation, 1200)}</p><p class="t3-hint">Remedy: {html_text(finding.remedy)}</p>'
        f"{table}</div>"
    )


def _incidents(document: AuditDocument) -> str:
    if document.incidents_since is None:
        return ""
    rows = [
        (
            one.verdict, one.thread_id, one.title or "", one.code, _when(one.since), incident_length(one),
            "goes on" if one.until is None else one.ended_by, one.incident_id,
        )
        for one in document.incidents[:_MOST]
    ]  # fmt: skip
    columns = ("was", "thread", "title", "because", "from", "for", "ended by", "incident")
    more = max(len(document.incidents) - _MOST, 0)
    listed = table_html(columns, rows, more=more) if rows else "<p>None.</p>"
    return f"<h2>Incidents since {html_text(document.incidents_since)}</h2>{listed}"


def _homes(document: AuditDocument) -> str:
    rows = [(h.path, h.server, h.rules, h.log_generation or "", "; ".join(h.missing)) for h in document.homes]
    wide = "".join(
        f"<section><h3>{html_text(home.path, 200)}</h3>{''.join(map(_finding, home.findings))}</section>"
        for home in document.homes
        if home.findings
    )
    return f"<h2>Homes</h2>{table_html(('home', 'server', 'rules', 'logs', 'missing'), rows)}{wide}"
