"""An incident as Markdown: the twin of the page, for issue trackers and wikis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from t3lens.report.incident import Incident, PastEpisode, ReportedThread
from t3lens.t3code.rule_names import rule_words
from t3lens.time import Micros, duration, iso, to_datetime
from t3lens.view.page.escape import plain
from t3lens.view.page.markdown import md

__all__ = [
    "EPISODE_COLUMNS", "UNKNOWN_LEAD", "WAITING_COLUMNS", "earlier_turns", "episode_row", "incident_markdown", "lasted",
]  # fmt: skip


def _when(at: Micros | None) -> str:
    return "" if at is None else f"{to_datetime(at):%Y-%m-%d %H:%M:%S}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(md(cell) if cell is not None else '' for cell in row)} |" for row in rows]
    return [*lines, ""]


EPISODE_COLUMNS: Final = ("incident", "was", "why", "from", "to", "for", "how it ended")


UNKNOWN_LEAD: Final = "The thread is told of as it was at a moment gone by. No record keeps of that time:"

WAITING_COLUMNS: Final = ("what waited", "reference", "since", "turn id", "what came of it")


def heading(thread: ReportedThread) -> str:
    """What a subject of a document is, or was."""
    return f"was {thread.over.verdict}" if thread.over is not None else thread.verdict


def lasted(thread: ReportedThread) -> str:
    """How long what a document tells of lasted, for people; of what goes on, at least."""
    if thread.impact.lasted is None:
        return ""
    return f"{'' if thread.over is not None else 'at least '}{duration(thread.impact.lasted)}"


def earlier_turns(thread: ReportedThread) -> str:
    """What the table of a thread's turns leaves out."""
    many = f"{thread.more_turns:,} earlier turns are" if thread.more_turns > 1 else "One earlier turn is"
    return f"{many} not listed; `t3lens show` and the view `turns` have them."


def episode_row(one: PastEpisode) -> tuple[str, ...]:
    """One episode as a row of a document's table; of one that goes on, how long at least."""
    least = "" if one.until is not None else "at least "
    return (
        one.incident_id,
        one.verdict,
        one.code,
        _when(one.since),
        _when(one.until),
        f"{least}{duration(one.lasted)}",
        one.ended,
    )


def incident_markdown(incident: Incident, pictures: Sequence[str] = ()) -> str:
    """The whole document.

    Args:
        incident: What it says; already redacted.
        pictures: File names of the threads' pictures, where there are some.
    """
    lines = [
        f"# {md(incident.title)}",
        "",
        *(line for text in incident.notices for line in (f"> **{md(text)}**", "")),
        f"As of {iso(incident.as_of)} (UTC).",
        "",
        "## Summary",
        "",
    ]
    lines += [f"{md(sentence, 900)}  " for sentence in incident.sentences]
    lines.append("")
    alone = len(incident.threads) == 1
    for place, thread in enumerate(incident.threads):
        picture = pictures[place] if place < len(pictures) else ""
        lines += _thread(thread, picture, alone=alone)
    lines += _homes(incident)
    lines += _appendix(incident)
    lines += _overview(incident)
    return "\n".join(lines).rstrip() + "\n"


def _thread(thread: ReportedThread, picture: str, *, alone: bool) -> list[str]:
    level = "##" if alone else "###"
    lines = []
    if not alone:
        lines += [f"## {heading(thread)}: {md(thread.title or thread.thread_id)}", ""]
        lines += [f"{md(sentence, 900)}  " for sentence in thread.sentences] + [""]
    lines += [f"Thread `{plain(thread.thread_id)}`, {md(thread.provider)}, **{thread.verdict}**"
              + (f", was **{thread.over.verdict}**" if thread.over is not None else "")
              + (f" (`{thread.primary}`)" if thread.primary else "") + ".", ""]  # fmt: skip
    if not thread.judged:
        lines += [f"{level} Open questions", ""]
        lines += [*(f"- {md(question, 400)}" for question in thread.questions), ""]
        return lines + _coverage(thread, level)
    hit = thread.impact
    lines += [f"{level} Impact", ""]
    if hit.lasted is None and not hit.waiting:
        lines += ["None: nothing is wrong with this thread.", ""]
    else:
        if thread.over is not None:
            lines += [f"- {thread.over.verdict}, and over"]
        lines += [f"- lasted: {lasted(thread) or 'unknown'}", f"- turns concerned: {len(hit.turns)}"]
        lines += [f"- matters that waited: {len(hit.waiting)}", ""]
        if hit.waiting:
            lines += _table(
                WAITING_COLUMNS,
                [(w.what, w.reference, _when(w.since), w.turn_id or "", w.later) for w in hit.waiting],
            )
    if thread.moments:
        lines += [f"{level} From beginning to end", ""]
        lines += _table(("time (UTC)", "what"), [(_when(at), text) for at, text in thread.moments])
    if thread.episodes:
        lines += [f"{level} When something was wrong", ""]
        lines += _table(EPISODE_COLUMNS, [episode_row(one) for one in thread.episodes])
    if picture:
        lines += [
            f"{level} Timeline",
            "",
            f"![timeline of {md(thread.title or thread.thread_id)}](<{picture}>)",
            "",
        ]
    if thread.notes:
        lines += [f"{level} Notes", ""]
        lines += _table(("about (UTC)", "note"), [(_when(at), text) for at, text in thread.notes])
    lines += [f"{level} Root cause", ""]
    for cause in thread.causes:
        links = ", ".join(f"E{n}" for n in cause.exhibits if n) or "none"
        lines += [
            f"- **{cause.severity}** `{cause.code}`: {md(cause.summary, 600)}  ",
            f"  {md(cause.explanation, 1200)}  ",
            f"  Confidence: {md(cause.sure)}. Remedy: {cause.remedy}. Evidence: {links}.",
        ]
    lines += [*([] if thread.causes else ["No finding: nothing is wrong."]), ""]
    if thread.story:
        lines += [f"{level} What happened", ""]
        lines += _table(
            ("time (UTC)", "who", "what", "rule", "record"),
            [(iso(s.at)[:23].replace("T", " ") if s.at is not None else "", s.kind, s.text,
              rule_words(s.rule) if s.rule else "", f"E{s.exhibit}" if s.exhibit else "") for s in thread.story],
        )  # fmt: skip
    lines += [f"{level} The truths side by side", "", md(thread.parting), ""]
    lines += _table(
        ("truth", "session", "active turn", "since", "note"),
        [(a, b, c, _when(at), note) for a, b, c, at, note in thread.truths],
    )
    if thread.turns:
        lines += [f"{level} Turns", ""]
        lines += _table(
            ("turn", "stored", "expected", "started", "completed", "error"),
            [(a, b, c, _when(d), _when(e), f) for a, b, c, d, e, f in thread.turns],
        )
        lines += [earlier_turns(thread), ""] if thread.more_turns else []
    lines += [f"{level} What was done", ""]
    if thread.deeds:
        lines += _table(
            ("at", "who", "what", "outcome", "effect"),
            [(_when(d.at), d.who, d.what, d.outcome, d.told) for d in thread.deeds],
        )
    else:
        lines += ["Nothing is known to have been done.", ""]
    if thread.prevention or thread.prevented:
        lines += [f"{level} What would have prevented it", "", *(f"{md(text)}  " for text in thread.prevented), ""]
    if thread.prevention:
        lines += _table(
            ("prevents it", "rules", "builds", "because"),
            [("yes" if p.prevents else "no", p.rules, p.since, p.sentence) for p in thread.prevention],
        )
    lines += [f"{level} Open questions", ""]
    lines += [*(f"- {md(question, 400)}" for question in thread.questions or ("None.",)), ""]
    if thread.unknowable:
        lines += [f"{level} What could not be known", "", f"{UNKNOWN_LEAD}", ""]
        lines += [*(f"- {text}" for text in thread.unknowable), ""]
    return lines + _coverage(thread, level)


def _coverage(thread: ReportedThread, level: str) -> list[str]:
    said = thread.coverage
    lines = [
        f"{level} Data coverage",
        "",
        f"{said.records:,} log records, {said.stored:,} stored events.",
        "",
    ]
    if said.files:
        lines += _table(
            ("file", "read", "records", "bytes", "first", "last"),
            [(f.path, f.status, f.lines, f.size, _when(f.first_at), _when(f.last_at)) for f in said.files],
        )
    return lines


def _homes(incident: Incident) -> list[str]:
    lines = ["## Homes", ""]
    for home in incident.homes:
        guessed = " (guessed)" if home.rules_guessed else ""
        lines += [
            f"- home {md(home.home_id)} at {md(home.path)}",
            f"  - server {home.server}: {md(home.server_why)}; version {md(home.server_version)}",
            f"  - rules {home.rules}{guessed}; migrations {home.migrations}; log generation {home.generation}; "
            f"{home.quarantined:,} quarantined lines; database: {md(home.database)}",
        ]
        lines += [f"  - {md(text)}" for text in (*home.problems, *home.findings)]
        if home.unchecked:
            listed = ", ".join(f"{code} ({why})" for code, why in home.unchecked)
            lines.append(f"  - not checked: {md(listed, 2000)}")
    return [*lines, ""]


def _appendix(incident: Incident) -> list[str]:
    if not incident.exhibits:
        return []
    lines = ["## Appendix: the records", ""]
    for one in incident.exhibits:
        at = f", {iso(one.at)}" if one.at is not None else ""
        event = f", event `{plain(one.event_id)}`" if one.event_id else ""
        lines += [f"**E{one.number}** {md(one.place)}{at}{event}: {md(one.excerpt)}", ""]
        if one.body:
            fence = "`" * (max((len(run) for run in re.findall(r"`+", one.body)), default=0) + 3)
            body = "\n".join(" " * (len(line) - len(line.lstrip())) + plain(line, 2000) for line in one.body.split("\n"))
            lines += [f"{fence}json", body, fence, ""]
    if incident.more_exhibits:
        lines += [
            f"{incident.more_exhibits:,} more records found no room; the homes have them.",
            "",
        ]
    return lines


def _overview(incident: Incident) -> list[str]:
    if incident.content:
        said = "Prompts, answers and tool texts are shown as they are; secrets in them are masked."
    else:
        said = "Prompts, answers, tool arguments and outputs are left out: their length stands for them."
    masked = ", ".join(f"{n:,} {kind}" for kind, n in incident.maskings.items()) or "nothing"
    return [
        "## About this document", "", f"{said} Masked or left out: {md(masked, 900)}.", "",
        f"Made by t3lens {incident.version}. The same homes and the same command make the same document:", "",
        "```", plain(incident.command, 2000), "```",
    ]  # fmt: skip
