"""What is new, gone and known in an audit, for a terminal: the line at the top, and what is told in a line each below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from t3lens.document.model import VanishedEntry
from t3lens.document.since_baseline import CodeGroup, SinceBaseline
from t3lens.domain.finding import Severity
from t3lens.view.page.escape import plain
from t3lens.view.terminal import signed

__all__ = ["print_headline", "print_rest"]

_MOST_GONE: Final = 20


def print_headline(news: SinceBaseline, console: Console) -> None:
    """``1 new, 0 gone, 215 known``, and what is to be known of the comparison.

    Args:
        news: What an audit says against an older one.
        console: The terminal it is printed on.
    """
    console.print(Text(news.headline, style="bold"))
    for remark in news.remarks:
        console.print(Text(f"  {plain(remark, 600)}"))


def print_rest(news: SinceBaseline, console: Console, short: Mapping[str, str], *, everything: bool) -> None:
    """What is gone, what is known in a line for each code, and new remarks where they were not told in full.

    Args:
        news: What an audit says against an older one.
        console: The terminal it is printed on.
        short: For each thread id of the audit the beginning that tells it.
        everything: Whether new findings of severity info were told in full before this.
    """
    remarks = [] if everything else [group for group in news.new if group.severity is Severity.INFO]
    if remarks:
        _print_groups("New remarks (--all tells them in full)", remarks, console)
    if news.gone:
        _print_gone(news.gone, console, short)
    if news.known:
        _print_groups("Known", news.known, console)


def _print_groups(title: str, groups: Sequence[CodeGroup], console: Console) -> None:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
    table.add_column("severity", no_wrap=True)
    table.add_column("code", no_wrap=True)
    table.add_column("how many")
    table.add_column("since", no_wrap=True)
    for group in groups:
        since = f"since {group.since[5:16].replace('T', ' ')}" if group.since is not None else ""
        table.add_row(signed("severity", group.severity), Text(group.code), Text(group.told), Text(since))
    console.print()
    console.print(Text(title, style="bold"))
    console.print(table)


def _print_gone(gone: Sequence[VanishedEntry], console: Console, short: Mapping[str, str]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
    table.add_column("code", no_wrap=True)
    table.add_column("thread", no_wrap=True)
    table.add_column("title", overflow="fold")
    for one in gone[:_MOST_GONE]:
        thread = "(home)" if one.thread_id is None else short.get(one.thread_id, one.thread_id)
        table.add_row(Text(plain(one.code, 60)), Text(plain(thread)), Text(plain(one.title or "", 60)))
    console.print()
    console.print(Text("Gone", style="bold"))
    console.print(table)
    if len(gone) > _MOST_GONE:
        console.print(Text(f"and {len(gone) - _MOST_GONE:,} more", style="dim"))
