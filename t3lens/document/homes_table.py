"""Many homes in a terminal: what is one matter, what homes lack, counts by something, advice once for each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from t3lens.counted import counted
from t3lens.document.model import AuditDocument, HomeEntry, RollUpEntry, ThreadEntry
from t3lens.document.roll_up import matter_told
from t3lens.domain.finding import Remedy, Severity
from t3lens.view.advice import advice
from t3lens.view.page.escape import plain
from t3lens.view.terminal import signed

__all__ = ["FEW", "print_advice", "print_homes", "print_matters", "print_roll_ups", "shared_remedies"]

FEW: Final = 5
"""So many homes are each told of; of more only those that somebody has to know about."""

_SENTENCES: Final = 10


def print_matters(document: AuditDocument, console: Console) -> None:
    """What began in half of the homes or more within an hour, a line each."""
    for matter in document.matters:
        line = signed("severity", matter.severity)
        line.append(f", one matter: {matter_told(matter, len(document.homes))}")
        console.print(line)


def print_homes(
    homes: Sequence[HomeEntry], console: Console, told: Callable[[HomeEntry], RenderableType], *, everything: bool
) -> None:
    """What is said of homes: of few each, of many those with a home-wide finding or that cannot be judged, and what others
    lack in a line for each sentence.

    Args:
        homes: As they are to be told.
        console: The terminal it is printed on.
        told: What is said of one.
        everything: Each of many, too.
    """
    if len(homes) <= FEW or everything:
        for home in homes:
            console.print(told(home))
        return
    for home in homes:
        if home.cannot_judge is not None or any(one.severity.at_least(Severity.LOW) for one in home.findings):
            console.print(told(home))
    lacking = Counter(text for home in homes if home.cannot_judge is None for text in home.missing)
    for text, number in lacking.most_common(_SENTENCES):
        console.print(Text(f"missing in {counted(number, 'home')}: {plain(text, 300)}"))
    if len(lacking) > _SENTENCES:
        console.print(Text(f"and {len(lacking) - _SENTENCES:,} more such sentences (--all)", style="dim"))
    remarks = Counter(one.code for home in homes for one in home.findings if not one.severity.at_least(Severity.LOW))
    if remarks:
        said = ", ".join(f"{code} {number:,}" for code, number in remarks.most_common())
        console.print(Text(f"remarks on homes: {said} (--all tells them)", style="dim"))


def print_roll_ups(roll_ups: Sequence[RollUpEntry], console: Console) -> None:
    """Findings counted by something, a table for each."""
    for entry in roll_ups:
        compared = any(row.new is not None for row in entry.rows)
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
        table.add_column(entry.by.value, overflow="fold")
        table.add_column("worst", no_wrap=True)
        for name in ("findings", *(["new"] if compared else []), "threads", "homes"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("oldest (UTC)", no_wrap=True)
        for row in entry.rows:
            numbers = [row.findings, *([row.new or 0] if compared else []), row.threads, row.homes]
            table.add_row(
                Text(plain(row.name, 100)),
                signed("severity", row.severity),
                *(Text(f"{number:,}") for number in numbers),
                Text((row.since or "–")[:16].replace("T", " ")),
            )
        console.print()
        console.print(table if entry.rows else Text(f"by {entry.by.value}: no finding of severity low or worse"))


def shared_remedies(threads: Sequence[ThreadEntry]) -> frozenset[Remedy]:
    """The remedies that help several of these threads: told once, below them."""
    numbers = Counter(thread.findings[0].remedy for thread in threads if thread.findings)
    return frozenset(remedy for remedy, number in numbers.items() if number > 1)


def print_advice(threads: Sequence[ThreadEntry], short: Mapping[str, str], console: Console) -> None:
    """What helps, once for each kind that helps several threads, with the threads it helps.

    Args:
        threads: Those that are told of.
        short: For each thread id the beginning that tells it.
        console: The terminal it is printed on.
    """
    shared = shared_remedies(threads)
    numbers: Counter[Remedy] = Counter()
    first: dict[Remedy, list[str]] = {remedy: [] for remedy in shared}
    for one in threads:
        remedy = one.findings[0].remedy if one.findings else None
        if remedy in shared:
            numbers[remedy] += 1
            if len(first[remedy]) < FEW:
                first[remedy].append(plain(short[one.thread_id]))
    lines = []
    for remedy in sorted(shared):
        said = advice(remedy, "THREAD", "HOME")
        if said:
            listed = ", ".join(first[remedy]) + (" …" if numbers[remedy] > FEW else "")
            lines.append(Text(f"  → {counted(numbers[remedy], 'thread')} ({listed}): {said}"))
    if lines:
        console.print()
        console.print(Text("What helps", style="bold"))
    for line in lines:
        console.print(line)
