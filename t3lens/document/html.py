"""The audit as one HTML page that stands alone: no script, nothing loaded. Of many homes it tells by code, and folds.

What can be filtered is filtered by the page's style alone (``:has``), so that a page needs no script.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from t3lens.counted import counted
from t3lens.document.fail_on import failing_told
from t3lens.document.incidents import incident_length
from t3lens.document.model import (
    NEED_ATTENTION,
    AuditDocument,
    FindingEntry,
    HomeEntry,
    RollUpEntry,
    ThreadEntry,
)
from t3lens.document.notices import notices
from t3lens.document.roll_up import folded_into_matters, labels, matter_told
from t3lens.document.rows import each
from t3lens.document.short_ids import short_ids
from t3lens.document.since_baseline import CodeGroup, SinceBaseline, grouped, news_of, with_known_folded
from t3lens.domain.finding import VERDICT_ORDER
from t3lens.view.advice import advice
from t3lens.view.page import theme
from t3lens.view.page.assets import script, style_sheet
from t3lens.view.page.escape import html_text
from t3lens.view.page.tables import chip, notices_html, table_html

__all__ = ["audit_html", "finding_html", "html_pieces", "page_html", "turns_html"]

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_MOST: Final = 500
_FEW: Final = 40
"""So many threads are told one by one; of more the findings are told by code."""

_OF_A_CODE: Final = 150
_STYLE: Final = """
.a-filter{border:0;padding:0;margin:.6rem 0}.a-filter label{margin-right:.9rem;white-space:nowrap}
.a-list{border-collapse:collapse;width:100%;font-size:12.5px}.a-list th{color:var(--t3-muted);font-weight:600}
.a-list td,.a-list th{padding:.15rem .7rem .15rem 0;text-align:left;vertical-align:top;
border-bottom:1px solid var(--t3-grid)}
.a-list td:first-child,.a-list td:nth-child(2){white-space:nowrap}
details{margin:.5rem 0}.t3 summary{width:auto}
"""

_PAGE_END: Final = "</main></div></body></html>\n"

Pages = Mapping[tuple[str, str], str]
"""Where the page of a thread is, by home id and thread id."""


def page_html(title: str, body: str, style: str = "") -> str:
    """A page around what stands in it.

    Args:
        title: Its title; untrusted.
        body: HTML, escaped already.
        style: More style, for this page only.
    """
    return f"{_page_start(title, style)}{body}{_PAGE_END}"


def _page_start(title: str, style: str) -> str:
    sheet = f"{style_sheet()}\n{script('report.css')}{_STYLE}{style}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">\n'
        f"<title>{html_text(title, 120)}</title>\n<style>{sheet}</style></head>\n"
        '<body><div class="t3 r-page"><main>'
    )


def audit_html(document: AuditDocument, *, pages: Pages | None = None) -> str:
    """What is new and what is one matter, verdict counts, threads, their findings, and homes.

    Args:
        document: As ``audit_document`` makes it.
        pages: The pages of threads to link to, if there are such.
    """
    return "".join(html_pieces(document, pages=pages))


def html_pieces(document: AuditDocument, *, pages: Pages | None = None) -> Iterator[str]:
    """The same, a part at a time, and what has a row for each home a row at a time."""
    news = news_of(document)
    told = folded_into_matters(document if news is None else with_known_folded(document))
    shown = each(told.threads, lambda one: one if news is not None or one.verdict in NEED_ATTENTION else None)
    rest = sum(number for verdict, number in document.counts.items() if verdict not in NEED_ATTENTION)
    page = _Page(told, shown, pages or {})
    counts = "".join(chip("verdict", name, f"{n:,}") for name, n in document.counts.items())
    yield _page_start("t3lens audit", page.filter_style())
    yield f'<header><h1>t3lens audit</h1><p class="t3-hint">As of {html_text(document.as_of)} (UTC)</p></header>'
    yield _news_headline(news) if news is not None else ""
    yield _matters(document)
    yield notices_html(notices(document))
    yield f'<p class="t3-chips">{counts}</p>'
    said = failing_told(document)
    yield f"<p>{said}</p>" if said else ""
    yield _problems(document)
    yield from map(_roll_up, document.roll_ups)
    yield page.threads()
    if rest and news is None:
        yield f'<p class="t3-hint">{rest:,} more threads with nothing to look at.</p>'
    yield from page.findings()
    yield _news_rest(news) if news is not None else ""
    yield _incidents(document, page.homes_named)
    yield from page.homes()
    yield _PAGE_END


class _Page:
    """The parts of a page that name threads and homes.

    Args:
        told: What of the audit is told.
        shown: Its threads that are listed.
        pages: Where their pages are.

    Attributes:
        homes_named: What tells each home, by home id.
    """

    def __init__(self, told: AuditDocument, shown: Sequence[ThreadEntry], pages: Pages) -> None:
        self._told = told
        self._shown = shown
        self._pages = pages
        self.homes_named = labels(told)
        self._short = short_ids(told.threads)
        here = {thread.verdict for thread in shown}
        self._verdicts = [one for one in VERDICT_ORDER if one in here]

    def _link(self, thread: ThreadEntry) -> str:
        name = html_text(self._short[thread.thread_id], 60)
        page = self._pages.get((thread.home_id, thread.thread_id))
        return f'<a href="{html_text(page, 200)}">{name}</a>' if page is not None else name

    def filter_style(self) -> str:
        """Shows only the rows of the verdict that is picked."""
        return "".join(
            f"main:has(#f-{verdict}:checked) tr[data-v]:not([data-v={verdict}]){{display:none}}"
            for verdict in self._verdicts
        )

    def threads(self) -> str:
        if not self._shown:
            return "<p>No thread to look at.</p>"
        rows = "".join(
            f'<tr data-v="{one.verdict}"><td>{theme.look(f"verdict:{one.verdict}").sign} {one.verdict}</td>'
            f'<td title="{html_text(one.thread_id, 80)}">{self._link(one)}</td>'
            f"<td>{html_text(self.homes_named[one.home_id], 80)}</td><td>{html_text(one.title or '', 80)}</td>"
            f"<td>{html_text(one.primary or '', 60)}</td><td>{_when(one.since)}</td>"
            f"<td>{html_text(one.provider or '', 20)}</td></tr>"
            for one in self._shown[:_MOST]
        )
        head = ("verdict", "thread", "home", "title", "because", "since", "provider")
        return f"<h2>Threads</h2>{self._filter()}{_list(head, rows, 'threads', len(self._shown) - _MOST)}"

    def _filter(self) -> str:
        if len(self._verdicts) < 2:
            return ""
        picks = [("all", "all", " checked"), *((str(one), str(one), "") for one in self._verdicts)]
        inputs = "".join(
            f'<label><input type="radio" name="f" id="f-{name}"{checked}> {text}</label>' for name, text, checked in picks
        )
        return f'<fieldset class="a-filter"><legend class="t3-hint">Show only</legend>{inputs}</fieldset>'

    def findings(self) -> Iterator[str]:
        if len(self._shown) <= _FEW:
            yield from (self._findings_of(thread) for thread in self._shown if thread.findings)
            yield self._helps()
            return
        groups = grouped((one, thread) for thread in self._shown for one in thread.findings)
        told: dict[str, list[tuple[FindingEntry, ThreadEntry]]] = {group.code: [] for group in groups}
        for thread in self._shown:
            for one in thread.findings:
                if len(told[one.code]) < _OF_A_CODE:
                    told[one.code].append((one, thread))
        hint = "" if self._pages else '<p class="t3-hint">Evidence stands in the pages of threads (--pages), or in JSON.</p>'
        yield f"<h2>Findings</h2>{hint}"
        for group in groups:
            yield (
                f'<details><summary>{chip("severity", group.severity)} <code class="r-code">{html_text(group.code)}</code> '
                f"{group.told}, since {_when(group.since)}</summary>{self._of_code(told[group.code], group)}</details>"
            )

    def _of_code(self, some: Sequence[tuple[FindingEntry, ThreadEntry]], group: CodeGroup) -> str:
        first = some[0][0]
        helps = advice(first.remedy, "THREAD", "HOME")
        rows = "".join(
            f'<tr data-v="{thread.verdict}"><td>{self._link(thread)}</td>'
            f"<td>{html_text(self.homes_named[thread.home_id], 60)}</td>"
            f"<td>{_when(one.since)}</td><td>{html_text(one.summary, 160)}</td></tr>"
            for one, thread in some
        )
        return (
            f"<p>{html_text(first.explanation, 1200)}</p>"
            f"{f'<p><b>What helps:</b> {html_text(helps, 300)}</p>' if helps else ''}"
            f"{_list(('thread', 'home', 'since', 'what'), rows, first.code, group.findings - _OF_A_CODE)}"
        )

    def _findings_of(self, thread: ThreadEntry) -> str:
        listed = "".join(finding_html(finding, evidence=True) for finding in thread.findings)
        name = html_text(thread.title or thread.thread_id, 100)
        return f"<section><h2>{chip('verdict', thread.verdict)} {name}</h2>{listed}</section>"

    def _helps(self) -> str:
        """What helps, once for each kind."""
        remedies: dict[str, int] = {}
        for thread in self._shown:
            if thread.findings:
                said = advice(thread.findings[0].remedy, "THREAD", "HOME")
                remedies[said] = remedies.get(said, 0) + 1
        listed = "".join(
            f"<li>{counted(number, 'thread')}: {html_text(said, 300)}</li>" for said, number in remedies.items() if said
        )
        return f"<h2>What helps</h2><ul>{listed}</ul>" if listed else ""

    def homes(self) -> Iterator[str]:
        homes = self._told.homes
        rows = (
            f"<tr><td>{html_text(home.path, 200)}</td><td>{html_text(home.server)}</td><td>{html_text(home.rules, 40)}</td>"
            f"<td>{home.log_generation or ''}</td><td>{html_text('; '.join(home.missing), 300)}</td></tr>"
            for home in homes
        )
        start, end = _list_around(("home", "server", "rules", "logs", "missing"), "homes", 0)
        yield "<h2>Homes</h2>"
        if len(homes) <= _FEW:
            yield start
            yield from rows
            yield end
            yield from (_home_findings(home) for home in homes if home.findings)
            return
        groups = grouped((one, home) for home in homes for one in home.findings)
        of_homes = [(one.severity, one.code, one.told, _when(one.since)) for one in groups]
        yield table_html(("severity", "code", "how many", "since"), of_homes) if groups else ""
        yield f"<details><summary>{counted(len(homes), 'home')}</summary>{start}"
        yield from rows
        yield f"{end}</details>"


def _list(head: Sequence[str], rows: str, name: str, more: int) -> str:
    """A table of rows that are HTML already, lighter than ``table_html``: a page of many homes has thousands."""
    start, end = _list_around(head, name, more)
    return f"{start}{rows}{end}"


def _list_around(head: Sequence[str], name: str, more: int) -> Sequence[str]:
    """What stands before the rows of such a table, and after them."""
    columns = "".join(f'<th scope="col">{one}</th>' for one in head)
    note = f'<p class="t3-hint">and {more:,} more</p>' if more > 0 else ""
    return [
        f'<div class="t3-scroll" tabindex="0" role="group" aria-label="{html_text(name)}"><table class="a-list">'
        f"<thead><tr>{columns}</tr></thead><tbody>",
        f"</tbody></table></div>{note}",
    ]


def _home_findings(home: HomeEntry) -> str:
    listed = "".join(finding_html(one, evidence=True, heading="h4") for one in home.findings)
    return f"<section><h3>{html_text(home.path, 200)}</h3>{listed}</section>"


def _news_headline(news: SinceBaseline) -> str:
    remarks = "".join(f"<p>{html_text(text, 700)}</p>" for text in news.remarks)
    return f"<p><b>{html_text(news.headline)}</b></p>{remarks}"


def _matters(document: AuditDocument) -> str:
    listed = "".join(
        f"<li>{chip('severity', one.severity)} {html_text(matter_told(one, len(document.homes)), 300)}</li>"
        for one in document.matters
    )
    return f"<h2>One matter each</h2><ul>{listed}</ul>" if listed else ""


def _roll_up(entry: RollUpEntry) -> str:
    compared = any(row.new is not None for row in entry.rows)
    head = (entry.by.value, "severity", "findings", *(("new",) if compared else ()), "threads", "homes", "oldest")
    rows = [
        (row.name, row.severity, row.findings, *((row.new,) if compared else ()), row.threads, row.homes, _when(row.since))
        for row in entry.rows[:_MOST]
    ]
    listed = table_html(head, rows, more=max(len(entry.rows) - _MOST, 0)) if rows else "<p>No finding.</p>"
    return f"<h2>By {entry.by.value}</h2>{listed}"


def _news_rest(news: SinceBaseline) -> str:
    """What is gone, and what is known in a line for each code; folded."""
    parts = []
    if news.gone:
        rows = [(one.code, one.thread_id or "", one.title or "", _when(one.since)) for one in news.gone[:_MOST]]
        listed = table_html(("code", "thread", "title", "since"), rows, more=max(len(news.gone) - _MOST, 0))
        parts.append(f"<details><summary>{len(news.gone):,} gone</summary>{listed}</details>")
    if news.known:
        groups = [(one.severity, one.code, one.told, _when(one.since)) for one in news.known]
        listed = table_html(("severity", "code", "how many", "since"), groups)
        number = sum(one.findings for one in news.known)
        parts.append(f"<details><summary>{number:,} known</summary>{listed}</details>")
    return "".join(parts)


def _problems(document: AuditDocument) -> str:
    said = [f"{one.path}: {one.message}" for one in document.errors]
    listed = "".join(f"<li>{html_text(text, 400)}</li>" for text in said)
    return f"<ul>{listed}</ul>" if listed else ""


def _when(text: str | None) -> str:
    return (text or "")[:19].replace("T", " ")


def finding_html(finding: FindingEntry, *, evidence: bool, heading: str = "h3") -> str:
    """A finding as a part of a page.

    Args:
        finding: Of an audit; untrusted.
        evidence: With the records it rests on.
        heading: The element of its head: one level below the heading that it stands under.
    """
    known = f", {finding.baseline}" if finding.baseline is not None else ""
    pieces = [(p.kind, f"{p.source}{':' + str(p.line) if p.line else ''}", p.excerpt) for p in finding.evidence]
    table = table_html(("evidence", "where", "what"), pieces) if pieces and evidence else ""
    return (
        f'<div class="r-cause"><{heading} class="r-head">{chip("severity", finding.severity)} <code class="r-code">'
        f'{html_text(finding.code)}</code><span class="t3-hint">{html_text(finding.confidence)}{known}, since '
        f"{_when(finding.since)}</span></{heading}><p><b>{html_text(finding.summary, 600)}</b></p>"
        f'<p>{html_text(finding.explanation, 1200)}</p><p class="t3-hint">Remedy: {html_text(finding.remedy)}</p>'
        f"{table}</div>"
    )


def turns_html(thread: ThreadEntry) -> str:
    """A thread's session and turns, as they are stored and as they should be."""
    stored, expected = thread.session, thread.expected_session
    rows = [("session", stored.status if stored else "", expected.status if expected else "")]
    rows += [(f"turn {turn.turn_id or ''}", turn.state or "", turn.expected_state or "") for turn in thread.turns[-_MOST:]]
    return f"<h2>Stored and expected</h2>{table_html(('of', 'stored', 'expected'), rows)}"


def _incidents(document: AuditDocument, homes: Mapping[str, str]) -> str:
    if document.incidents_since is None:
        return ""
    several = len(homes) > 1
    rows = [
        (
            one.verdict, one.thread_id, *((homes.get(one.home_id, one.home_id),) if several else ()), one.title or "",
            one.code, _when(one.since), incident_length(one), "goes on" if one.until is None else one.ended_by,
            one.incident_id,
        )
        for one in document.incidents[:_MOST]
    ]  # fmt: skip
    columns = ("was", "thread", *(("home",) if several else ()), "title", "because", "from", "for", "ended by", "incident")
    more = max(len(document.incidents) - _MOST, 0)
    listed = table_html(columns, rows, more=more) if rows else "<p>None.</p>"
    return f"<h2>Incidents since {html_text(document.incidents_since)}</h2>{listed}"
