"""An incident as one HTML page: offline, unable to load or run anything but its own figure, good on paper."""

from __future__ import annotations

from typing import Final

from t3lens.report.appendix import Exhibit
from t3lens.report.incident import Cause, Incident, ReportedThread
from t3lens.report.markdown import EPISODE_COLUMNS, UNKNOWN_LEAD, WAITING_COLUMNS, earlier_turns, episode_row, lasted
from t3lens.t3code.rule_names import rule_words
from t3lens.time import Micros, iso, to_datetime
from t3lens.view.page.assets import script, style_sheet, timeline_script
from t3lens.view.page.escape import html_text
from t3lens.view.page.standalone import PAGE_POLICY, script_hash
from t3lens.view.page.tables import chip, id_html, notices_html, table_html
from t3lens.view.scene.page import scene_html
from t3lens.view.timeline.scene import thread_scene

__all__ = ["incident_html"]

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head><body><div class="t3 r-page"><main>
{body}
</main></div>
<script>{script}</script>
</body></html>
"""


def incident_html(incident: Incident) -> str:
    """The whole page.

    Args:
        incident: What it says; already redacted, still to be escaped.
    """
    moving = timeline_script()
    sections = [_thread(incident, thread, place) for place, thread in enumerate(incident.threads)]
    body = "\n".join([_head(incident), *sections, _homes(incident), _appendix(incident), _overview(incident)])
    return _PAGE.format(
        policy=PAGE_POLICY.format(script_hash(moving)), title=html_text(incident.title, 200),
        style="\n".join((style_sheet(), script("report.css"))), body=body, script=moving,
    )  # fmt: skip


# --- head ----------------------------------------------------------------------------------------------------


def _head(incident: Incident) -> str:
    sentences = "".join(f"<p>{html_text(sentence, 900)}</p>" for sentence in incident.sentences)
    return (
        f"{notices_html(incident.notices)}"
        f'<header><h1>{html_text(incident.title, 200)}</h1><p class="t3-hint">As of {iso(incident.as_of)} (UTC)'
        f"{_verdicts(incident)}</p></header>"
        f'<section aria-labelledby="summary"><h2 id="summary">Summary</h2><div class="r-lead">{sentences}</div>'
        f"{_contents(incident)}</section>"
    )


def _verdicts(incident: Incident) -> str:
    if len(incident.threads) != 1:
        return ""
    thread = incident.threads[0]
    was = f" was {chip('verdict', thread.over.verdict)}" if thread.over is not None else ""
    cause = f' <code class="r-code">{html_text(thread.primary)}</code>' if thread.primary else ""
    where = f"{html_text(thread.provider)} · thread {id_html(thread.thread_id)}"
    return f" {chip('verdict', thread.verdict)}{was}{cause} · {where}"


def _verdict_words(thread: ReportedThread) -> str:
    return f"was {chip('verdict', thread.over.verdict)}" if thread.over is not None else chip("verdict", thread.verdict)


def _contents(incident: Incident) -> str:
    if len(incident.threads) == 1:
        return ""
    rows = "".join(
        f'<tr><td>{_verdict_words(t)}</td><td><a href="#thread-{place}">{html_text(t.title or t.thread_id, 80)}'
        f"</a></td><td>{html_text(t.primary or '')}</td><td>{_when(t.since)}</td>"
        f"<td>{html_text(lasted(t))}</td></tr>"
        for place, t in enumerate(incident.threads)
    )
    return (
        '<div class="t3-scroll"><table class="t3-table"><thead><tr><th>verdict</th><th>thread</th><th>why</th>'
        f"<th>since</th><th>lasted</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _when(at: Micros | None) -> str:
    return "" if at is None else f"{to_datetime(at):%Y-%m-%d %H:%M:%S}"


def _clock(at: Micros | None) -> str:
    if at is None:
        return ""
    return f'<time datetime="{iso(at)}" title="{iso(at)}">{iso(at)[11:23]}</time>'


# --- one thread ----------------------------------------------------------------------------------------------


def _thread(incident: Incident, thread: ReportedThread, place: int) -> str:
    level = "h2" if len(incident.threads) == 1 else "h3"
    head = ""
    if len(incident.threads) > 1:
        lead = "".join(f"<p>{html_text(sentence, 900)}</p>" for sentence in thread.sentences)
        head = (
            f'<h2 id="thread-{place}">{_verdict_words(thread)} {html_text(thread.title or thread.thread_id, 100)}'
            f'</h2><p class="t3-hint">thread {id_html(thread.thread_id)} · {html_text(thread.provider)} · home '
            f'{id_html(thread.home_id)}</p><div class="r-lead">{lead}</div>'
        )
    if not thread.judged:
        questions, coverage = _questions(thread), _coverage(thread)
        listed = f"<{level}>Open questions</{level}>{questions}<{level}>Data coverage</{level}>{coverage}"
        return f'<article class="r-thread">{head}<section>{listed}</section></article>'
    parts = (
        ("Impact", _impact(thread)),
        ("From beginning to end", _moments(thread)),
        ("When something was wrong", _episodes(thread)),
        ("Timeline", _timeline(thread, place)),
        ("Notes", _notes(thread)),
        ("Root cause", _causes(thread, "h3" if level == "h2" else "h4")),
        ("What happened", _story(thread)),
        ("The truths side by side", _truths(thread)),
        ("Turns", _turns(thread)),
        ("What was done", _deeds(thread)),
        ("What would have prevented it", _prevention(thread)),
        ("Open questions", _questions(thread)),
        ("What could not be known", _unknowable(thread)),
        ("Data coverage", _coverage(thread)),
    )
    body = "".join(f"<section><{level}>{name}</{level}>{html}</section>" for name, html in parts if html)
    return f'<article class="r-thread">{head}{body}</article>'


def _impact(thread: ReportedThread) -> str:
    hit = thread.impact
    if hit.lasted is None and not hit.turns and not hit.waiting:
        return "<p>None: nothing is wrong with this thread.</p>"
    facts = []
    if hit.lasted is not None:
        over = thread.over
        since = f"{thread.verdict} since {_when(thread.since)}"
        facts.append((lasted(thread), f"{over.verdict} until {_when(over.until)}" if over is not None else since))
    facts.append((str(len(hit.turns)), "turn concerned" if len(hit.turns) == 1 else "turns concerned"))
    facts.append(
        (
            str(len(hit.waiting)),
            "matter waited for" if len(hit.waiting) == 1 else "matters waited for",
        )
    )
    tiles = "".join(
        f'<div class="r-tile"><b>{html_text(number)}</b><span>{html_text(word)}</span></div>' for number, word in facts
    )
    waiting = ""
    if hit.waiting:
        waiting = table_html(
            WAITING_COLUMNS,
            [(w.what, w.reference, _when(w.since), w.turn_id or "", w.later) for w in hit.waiting],
        )
    return f'<div class="r-tiles">{tiles}</div>{waiting}'


def _moments(thread: ReportedThread) -> str:
    return table_html(("time (UTC)", "what"), [(_when(at), text) for at, text in thread.moments]) if thread.moments else ""


def _unknowable(thread: ReportedThread) -> str:
    if not thread.unknowable:
        return ""
    return f"<p>{UNKNOWN_LEAD}</p><ul>{''.join(f'<li>{html_text(text, 300)}</li>' for text in thread.unknowable)}</ul>"


def _episodes(thread: ReportedThread) -> str:
    return table_html(EPISODE_COLUMNS, [episode_row(one) for one in thread.episodes]) if thread.episodes else ""


def _timeline(thread: ReportedThread, place: int) -> str:
    return f'<div class="r-picture">{scene_html(thread_scene(thread.timeline), name=f"t{place}")}</div>'


def _notes(thread: ReportedThread) -> str:
    return table_html(("about (UTC)", "note"), [(_when(at), text) for at, text in thread.notes]) if thread.notes else ""


def _causes(thread: ReportedThread, heading: str) -> str:
    if not thread.causes:
        return "<p>No finding: nothing is wrong.</p>"
    return "".join(_cause(cause, heading, first=place == 0) for place, cause in enumerate(thread.causes))


def _cause(cause: Cause, heading: str, *, first: bool) -> str:
    links = " ".join(_link(number) for number in cause.exhibits if number)
    since = f" since {_when(cause.since)}" if cause.since is not None else ""
    references = "".join(f"<li>{html_text(text, 200)}</li>" for text in cause.references)
    return (
        f'<div class="r-cause{" r-first" if first else ""}"><{heading} class="r-head">{chip("severity", cause.severity)} '
        f'<code class="r-code">{html_text(cause.code)}</code><span class="t3-hint">{html_text(since)}</span></{heading}>'
        f"<p><b>{html_text(cause.summary, 600)}</b></p><p>{html_text(cause.explanation, 1200)}</p>"
        f'<p class="t3-hint">Confidence: {html_text(cause.sure)}. Remedy: {html_text(cause.remedy)}. Evidence: '
        f"{links or 'none'}</p>{f'<ul>{references}</ul>' if references else ''}</div>"
    )


def _link(number: int) -> str:
    return f'<a class="r-link" href="#e{number}">E{number}</a>' if number else ""


_SIGNS: Final = {
    "asked": "asked",
    "provider": "provider",
    "stored": "stored",
    "wrong": "wrong",
    "action": "t3lens",
    "now": "now",
}


def _story(thread: ReportedThread) -> str:
    if not thread.story:
        return ""
    day, rows = "", []
    for step in thread.story:
        today = _when(step.at)[:10]
        if today and today != day:
            rows.append(f'<tr class="r-day"><th colspan="4" scope="rowgroup">{today}, UTC</th></tr>')
            day = today
        rows.append(
            f'<tr class="r-{html_text(step.kind)}"><td class="r-time">{_clock(step.at)}</td>'
            f"<td>{html_text(_SIGNS.get(step.kind, step.kind))}</td><td>{html_text(step.text, 700)}</td>"
            f'<td class="r-rule">{html_text(rule_words(step.rule) if step.rule else "")} {_link(step.exhibit)}</td></tr>'
        )
    return (
        '<table class="r-story"><thead><tr><th>time</th><th>who</th><th>what</th><th>rule, record</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _truths(thread: ReportedThread) -> str:
    rows = [(a, b, c, _when(at), note) for a, b, c, at, note in thread.truths]
    return f"<p>{html_text(thread.parting, 700)}</p>" + table_html(
        ("truth", "session", "active turn id", "since", "note"), rows
    )


def _turns(thread: ReportedThread) -> str:
    if not thread.turns:
        return ""
    rows = [
        (turn, stored, expected, _when(start), _when(end), error)
        for turn, stored, expected, start, end, error in thread.turns
    ]
    table = table_html(("turn id", "stored state", "expected state", "started", "completed", "error"), rows)
    return f'<p class="t3-hint">{html_text(earlier_turns(thread))}</p>{table}' if thread.more_turns else table


def _deeds(thread: ReportedThread) -> str:
    if not thread.deeds:
        return "<p>Nothing is known to have been done.</p>"
    rows = [(_when(d.at), d.who, d.what, d.outcome, d.told) for d in thread.deeds]
    return table_html(("at", "who", "what", "outcome", "effect"), rows)


def _prevention(thread: ReportedThread) -> str:
    said = "".join(f"<p>{html_text(text, 400)}</p>" for text in thread.prevented)
    if not thread.prevention:
        return said
    rows = [("yes" if p.prevents else "no", p.rules, p.since, p.sentence, _when(p.at)) for p in thread.prevention]
    return said + table_html(("prevents it", "rules", "builds", "because", "from"), rows)


def _questions(thread: ReportedThread) -> str:
    if not thread.questions:
        return "<p>None.</p>"
    return f"<ul>{''.join(f'<li>{html_text(q, 400)}</li>' for q in thread.questions)}</ul>"


def _coverage(thread: ReportedThread) -> str:
    said = thread.coverage
    between = f", from {_when(said.first_at)} to {_when(said.last_at)}" if said.first_at else ""
    generation = f", log generation {said.generation}" if said.generation else ""
    cut = f"; {said.truncated:,} were cut short by T3 Code" if said.truncated else ""
    text = f"{said.records:,} log records{between}{generation}{cut}; {said.stored:,} stored events."
    rows = [(f.path, f.status, f.lines, f.size, _when(f.first_at), _when(f.last_at)) for f in said.files]
    table = table_html(("file", "read", "records", "bytes", "first", "last"), rows) if rows else ""
    return f"<p>{html_text(text, 400)}</p>{table}"


# --- homes, appendix, about ----------------------------------------------------------------------------------


def _homes(incident: Incident) -> str:
    parts = []
    for home in incident.homes:
        guessed = " (guessed)" if home.rules_guessed else ""
        rows = [
            ("server", f"{home.server}: {home.server_why}; version {home.server_version}"),
            ("rules", f"{home.rules}{guessed}"),
            ("database", f"{home.database}; migrations {home.migrations if home.migrations is not None else 'none'}"),
            ("logs", f"generation {home.generation if home.generation is not None else 'none'}; "
                     f"{home.quarantined:,} quarantined lines"),
        ]  # fmt: skip
        rows += [("problem", problem) for problem in home.problems]
        rows += [("home-wide", finding) for finding in home.findings]
        listed = f"<dt>home</dt><dd>{id_html(home.home_id)} at {html_text(home.path, 500)}</dd>"
        listed += "".join(f"<dt>{name}</dt><dd>{html_text(text, 500)}</dd>" for name, text in rows)
        unchecked = ", ".join(f"{code} ({why})" for code, why in home.unchecked)
        not_checked = f'<p class="t3-hint">Not checked: {html_text(unchecked, 2000)}.</p>' if unchecked else ""
        parts.append(f'<dl class="t3-facts">{listed}</dl>{not_checked}')
    return f"<section><h2>Homes</h2>{''.join(parts)}</section>"


def _appendix(incident: Incident) -> str:
    if not incident.exhibits:
        return ""
    more = (
        f'<p class="t3-hint">{incident.more_exhibits:,} more records found no room; the homes have them.</p>'
        if incident.more_exhibits
        else ""
    )
    listed = "".join(_exhibit(one) for one in incident.exhibits)
    return f'<section><h2 id="appendix">Appendix: the records</h2>{listed}{more}</section>'


def _exhibit(one: Exhibit) -> str:
    body = (
        f'<details><summary>record</summary><pre class="t3-body" tabindex="0">{_lines(one.body)}</pre></details>'
        if one.body
        else ""
    )
    event = f" · event {id_html(one.event_id)}" if one.event_id else ""
    at = f" · {iso(one.at)}" if one.at is not None else ""
    return (
        f'<div class="r-exhibit" id="e{one.number}"><h3>E{one.number} <span class="t3-hint">{html_text(one.kind)} · '
        f"{html_text(one.place, 300)}{at}{event}</span></h3><p>{html_text(one.excerpt, 600)}</p>{body}</div>"
    )


def _lines(text: str) -> str:
    return "\n".join(" " * (len(line) - len(line.lstrip())) + html_text(line, 2000) for line in text.split("\n"))


def _overview(incident: Incident) -> str:
    if incident.content:
        said = "Prompts, answers and tool texts are shown as they are; secrets in them are masked."
    else:
        said = "Prompts, answers, tool arguments and outputs are left out: their length stands for them."
    masked = ", ".join(f"{n:,} {kind}" for kind, n in incident.maskings.items())
    return (
        f"<section><h2>About this document</h2><p>{said} Masked or left out: {html_text(masked or 'nothing', 900)}.</p>"
        f"<p>Made by t3lens {html_text(incident.version)}. The same homes and the same command make the same document:</p>"
        f'<div class="t3-quoted"><pre class="t3-body" tabindex="0">{html_text(incident.command, 2000)}</pre></div></section>'
    )
