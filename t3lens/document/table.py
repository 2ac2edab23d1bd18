"""The audit for people: what is wrong, worst first, and what helps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from t3lens.counted import counted
from t3lens.document.homes_table import print_advice, print_homes, print_matters, print_roll_ups, shared_remedies
from t3lens.document.incidents import incident_length
from t3lens.document.model import (
    NEED_ATTENTION,
    AuditDocument,
    DifferingThreadEntry,
    FindingEntry,
    HomeEntry,
    IncidentEntry,
    ThreadEntry,
)
from t3lens.document.notices import notices
from t3lens.document.roll_up import folded_into_matters, labels
from t3lens.document.rows import each
from t3lens.document.short_ids import short_ids
from t3lens.document.since_baseline import news_of, with_known_folded
from t3lens.document.since_baseline_table import print_headline, print_rest
from t3lens.domain.finding import VERDICT_ORDER, Severity
from t3lens.view.advice import advice
from t3lens.view.page.escape import plain
from t3lens.view.terminal import Jointed, signed

__all__ = ["audit_table"]

_AT_ONCE: Final = 500
"""So many rows make a table; of more each so many have a heading, and none but these are held."""
_TITLE: Final = 60
_TITLE_LEAST: Final = 8
_SINCE: Final = len("07-06 09:00:03")
_BETWEEN: Final = 10
"""What stands between the six columns of the table of threads."""
_MODELS: Final = {"v1": "V1", "v2": "V2", "both": "V1 and V2 (both)", "unknown": "not known"}


def audit_table(document: AuditDocument, console: Console, *, everything: bool = False) -> None:
    """Print an audit.

    Args:
        document: As ``audit_document`` makes it.
        console: The terminal it is printed on.
        everything: Also the threads without trouble, and findings of severity info.
    """
    news = news_of(document)
    if news is not None:
        print_headline(news, console)
    for notice in notices(document):
        console.print(Text(f"!! {notice}", style="bold red"))
    console.print(_headline(document))
    print_matters(document, console)
    print_roll_ups(document.roll_ups, console)
    several = len(document.homes) > 1
    told = document if news is None else with_known_folded(document)
    if not everything:
        told = folded_into_matters(told)
    print_homes(told.homes, console, _home, everything=everything)
    short = short_ids(document.threads)
    wanted = VERDICT_ORDER if everything or news is not None else NEED_ATTENTION
    least = Severity.INFO if everything else Severity.LOW

    def is_shown(thread: ThreadEntry) -> bool:
        return thread.verdict in wanted and (news is None or any(one.severity.at_least(least) for one in thread.findings))

    shown = each(told.threads, lambda thread: thread if is_shown(thread) else None)
    if shown and not document.roll_ups:
        names = labels(document) if several else {}
        for first in range(0, len(shown), _AT_ONCE):
            console.print()
            console.print(_threads(shown[first : first + _AT_ONCE], short, names, console.width))
        shared = shared_remedies(shown)
        paths = {home.home_id: plain(home.path, 300) for home in document.homes}
        for thread in shown:
            if thread.findings:
                place = paths[thread.home_id] if several else None
                helps = thread.findings[0].remedy not in shared
                console.print(
                    _details(thread, everything, short[thread.thread_id], paths[thread.home_id], place, helps=helps)
                )
        print_advice(shown, short, console)
    if news is not None:
        print_rest(news, console, short, everything=everything)
    if document.incidents_since is not None:
        console.print()
        for part in _incidents(document, short, labels(document) if several else {}):
            console.print(part)
    _print_what_is_left_out(document, shown, console)
    if document.comparison is not None:
        console.print()
        console.print(Text(plain(document.comparison.summary, 400)))
        for differing in document.comparison.threads:
            console.print(_fork(differing, short[differing.thread_id], document.comparison.rules))


def _headline(document: AuditDocument) -> Text:
    number = len(document.threads)
    line = Text(f"{counted(number, 'thread')} as of {document.as_of}: ")
    counts = list(document.counts.items())
    for place, (verdict, count) in enumerate(counts):
        line.append(", " if place else "")
        line.append(f"{count:,} ")
        line.append_text(signed("verdict", verdict))
    return line if counts else line.append("none")


def _home(home: HomeEntry) -> RenderableType:
    generation = f", logs of generation {home.log_generation}" if home.log_generation else ""
    guessed = " (guessed)" if home.rules_guessed else ""
    judged = f"rules {home.rules}{guessed}" if home.cannot_judge is None else "no rules applied"
    first = Text(f"home {plain(home.path, 300)}")
    if home.cannot_judge is not None:
        first.append(f": data model {_MODELS[home.data_model]}, CANNOT BE JUDGED", "bold red")
    lines: list[RenderableType] = [
        first,
        Text(f"  server {home.server}, {judged}{generation}", style="dim"),
    ]
    lines += [Text(f"  missing: {plain(text, 300)}") for text in home.missing]
    for finding in home.findings:
        lines.append(Padding(_finding(finding), (0, 0, 0, 2), expand=False))
    return Group(*lines)


def _threads(threads: Sequence[ThreadEntry], short: Mapping[str, str], homes: Mapping[str, str], width: int) -> Table:
    names = {thread.home_id: Jointed(homes[thread.home_id]) for thread in threads if homes}
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    table.add_column("verdict", no_wrap=True)
    table.add_column("thread", no_wrap=True)
    beside = _home_width(threads, short, names, width) if homes else 0
    if beside:
        table.add_column("home", width=beside)
    # a title may be folded; codes and ids must stay what they are
    table.add_column("title, in home" if homes and not beside else "title", overflow="fold")
    table.add_column("because", no_wrap=True)
    table.add_column("since (UTC)", no_wrap=True)
    if not homes:
        table.add_column("provider", no_wrap=True)
    for thread in threads:
        table.add_row(
            signed("verdict", thread.verdict),
            Text(plain(short[thread.thread_id])),
            *([names[thread.home_id]] if beside else []),
            Group(Text(plain(thread.title or "–", _TITLE)), *([names[thread.home_id]] if homes and not beside else [])),
            Text(thread.primary or "–"),
            Text((thread.since or "–")[5:19].replace("T", " ")),
            *([] if homes else [Text(plain(thread.provider or "–", 12))]),
        )
    return table


def _home_width(threads: Sequence[ThreadEntry], short: Mapping[str, str], names: Mapping[str, Jointed], width: int) -> int:
    """As wide as homes' names are, or else half of the room for them and titles; 0 where they do not fit beside titles."""
    others = max(len(f"x {thread.verdict}") for thread in threads) + max(len(short[thread.thread_id]) for thread in threads)
    others += max(len(thread.primary or "–") for thread in threads) + _SINCE + _BETWEEN
    room = width - others
    titles = max(len(plain(thread.title or "–", _TITLE)) for thread in threads)
    least, most = (max(widths) for widths in zip(*(name.widths for name in names.values()), strict=True))
    least = max(least, len("home"))
    return min(max(most, least), max(room - titles, room // 2, least)) if room >= least + _TITLE_LEAST else 0


def _incidents(document: AuditDocument, short: Mapping[str, str], homes: Mapping[str, str]) -> Iterator[RenderableType]:
    found = document.incidents
    over = sum(one.until is not None for one in found)
    yield Text(f"Wrong at some time since {document.incidents_since}: {len(found):,}, of which {over:,} over")
    for first in range(0, len(found), _AT_ONCE):
        yield _incidents_table(found[first : first + _AT_ONCE], short, homes)


def _incidents_table(some: Sequence[IncidentEntry], short: Mapping[str, str], homes: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    table.add_column("incident", no_wrap=True)
    table.add_column("thread", no_wrap=True)
    if homes:
        table.add_column("home")
    table.add_column("title", overflow="fold")
    table.add_column("because", no_wrap=True)
    table.add_column("from (UTC)", no_wrap=True)
    table.add_column("for")
    for one in some:
        ended = [f"ended by: {one.ended_by}"] if one.until is not None else []
        table.add_row(
            Text(one.incident_id),
            Text(plain(short.get(one.thread_id, one.thread_id))),
            *([Jointed(homes.get(one.home_id, one.home_id))] if homes else []),
            Text(plain(one.title or "–", 60)),
            Text(one.code),
            Text(one.since[5:19].replace("T", " ")),
            _Lines([incident_length(one), *ended]),
        )
    return table


class _Lines:
    """Lines that are broken before a number only: a length of time and its unit are read in one."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        parts = [part for line in self._lines for part in _BEFORE_NUMBER.split(line)]
        return Measurement(max(map(len, parts)), max(map(len, self._lines)))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self._lines:
            fits = len(line) <= options.max_width
            yield from map(Text, [line] if fits else _BEFORE_NUMBER.split(line, maxsplit=1))


_BEFORE_NUMBER: Final = re.compile(r" (?=\d)")
"""Where ``at least 24 min 53 s`` may be broken first."""


def _details(
    thread: ThreadEntry, everything: bool, short: str, home: str, place: str | None, *, helps: bool
) -> RenderableType:
    lines: list[RenderableType] = []
    for finding in thread.findings:
        if everything or finding.severity.at_least(Severity.LOW):
            lines.append(Padding(_finding(finding), (0, 0, 0, 2), expand=False))
    said = advice(thread.findings[0].remedy, short, home) if helps else ""
    if lines and said:
        lines.append(Text(f"  → {said}"))
    if not lines:
        return Group()
    head = Text(f"\n{plain(short)} {plain(thread.title or '', 80)}".rstrip(), style="bold")
    return Group(head, *([Text(f"  in {place}", style="dim")] if place is not None else []), *lines)


def _finding(finding: FindingEntry) -> Text:
    line = signed("severity", finding.severity)
    line.append(f", {finding.confidence}: {finding.code}\n")
    line.append(plain(finding.summary, 400))
    return line


def _print_what_is_left_out(document: AuditDocument, shown: Sequence[ThreadEntry], console: Console) -> None:
    left = len(document.threads) - len(shown)
    notes = []
    if left and document.baseline is None:
        notes.append(f"{counted(left, 'more thread')} without trouble (--all shows all)")
    if document.quarantined:
        notes.append(f"{document.quarantined:,} log lines are no records (see `quarantine`)")
    unchecked = {check.code for home in document.homes for check in home.not_checked}
    if unchecked:
        notes.append(f"{len(unchecked)} checks could not be made everywhere (`t3lens detectors` says why)")
    if notes:
        console.print()
    for note in notes:
        console.print(Text(note, style="dim"))


def _fork(thread: DifferingThreadEntry, short: str, rules: tuple[str, str]) -> Text:
    line = Text(f"  {plain(short)} ")
    line.append_text(signed("verdict", thread.verdict))
    if thread.fork is not None:
        fork = thread.fork
        line.append(f" forks at {fork.at} {plain(fork.type, 40)}\n")
    for name, end in zip(rules, thread.ends, strict=True):
        line.append(f"    {name}: session {end.status}\n")
    line.rstrip()
    return line
