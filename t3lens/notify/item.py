"""What is told: that a finding is new, that it is over, or that it came and went while nobody was to be told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from t3lens.document.identity import FindingKey, fingerprint
from t3lens.document.model import FindingEntry, HomeEntry, ThreadEntry
from t3lens.document.since_baseline import grouped_words
from t3lens.domain.finding import Severity
from t3lens.view.advice import advice
from t3lens.view.page.escape import plain

__all__ = ["UNREAD", "Item", "ItemKind", "body_of", "item_of", "json_of", "title_of", "unread_item"]

UNREAD: Final = "home-not-read"
"""What is told as the code of a home that could not be read or judged; no finding, as nothing was looked for in it."""

_FEW: Final = 3
"""So many are told one by one; more are a digest."""

_LISTED: Final = 10
_IN_JSON: Final = 1_000
_INERT: Final = str.maketrans({"@": "\N{FULLWIDTH COMMERCIAL AT}", "<": "\u2039", ">": "\u203a", "`": "'"})
"""What chats take for a mention, a link or code."""


class ItemKind(StrEnum):
    """What is said of a finding."""

    NEW = "new"
    OVER = "over"
    PASSED = "passed"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell; secrets are masked in it.

    Attributes:
        kind: ``new``, ``over``, or ``passed``: it came and went before it could be told.
        id: The same as long as it is the same finding; see ``t3lens.document.identity``.
        code, severity, confidence: Of the finding.
        home: Where its home stands.
        home_id, thread_id, turn_id: Its keys.
        title: Of its thread.
        provider: Of its thread.
        since: Since when it is so.
        noticed: When t3lens noticed this.
        summary: What was found, in one sentence.
        advice: What brings the thread back, in one sentence.
        maybe_told: Whether an attempt to tell it was cut off, so that it may have been told before.
    """

    kind: ItemKind
    id: str
    code: str
    severity: Severity
    confidence: str
    home: str
    home_id: str
    thread_id: str | None
    turn_id: str | None
    title: str | None
    provider: str | None
    since: str | None
    noticed: str
    summary: str
    advice: str
    maybe_told: bool = False


def item_of(finding: FindingEntry, place: HomeEntry | ThreadEntry, home: str, key: FindingKey, noticed: str) -> Item:
    """A finding as something new to tell.

    Args:
        finding: Of a masked document.
        place: What it stands at.
        home: Where its home stands.
        key: What it is known by.
        noticed: The moment, ISO 8601.
    """
    thread = place if isinstance(place, ThreadEntry) else None
    return Item(
        kind=ItemKind.NEW,
        id=fingerprint(key),
        code=finding.code,
        severity=finding.severity,
        confidence=finding.confidence.value,
        home=home,
        home_id=place.home_id,
        thread_id=thread.thread_id if thread is not None else None,
        turn_id=finding.turn_id,
        title=thread.title if thread is not None else None,
        provider=thread.provider if thread is not None else None,
        since=finding.since,
        noticed=noticed,
        summary=finding.summary,
        advice=advice(finding.remedy, thread.thread_id if thread is not None else "", home),
    )


def unread_item(home: str, why: str, noticed: str) -> Item:
    """That a home could not be read or judged, as something new to tell.

    Args:
        home: Where it stands.
        why: In words, secrets masked.
        noticed: The moment, ISO 8601.
    """
    return Item(
        kind=ItemKind.NEW,
        id=fingerprint(FindingKey(home, "", UNREAD, "")),
        code=UNREAD,
        severity=Severity.HIGH,
        confidence="certain",
        home=home,
        home_id="",
        thread_id=None,
        turn_id=None,
        title=None,
        provider=None,
        since=None,
        noticed=noticed,
        summary=why,
        advice="",
    )


def title_of(items: Sequence[Item]) -> str:
    """One line for several items: ``t3lens: 2 new, 1 over``, with the code if there is one only."""
    numbers = [(kind, sum(one.kind is kind for one in items)) for kind in ItemKind]
    words = {ItemKind.NEW: "new", ItemKind.OVER: "over", ItemKind.PASSED: "came and went"}
    said = ", ".join(f"{number:,} {words[kind]}" for kind, number in numbers if number)
    codes = {one.code for one in items}
    return f"t3lens: {said}: {_inert(codes.pop(), 60)}" if len(codes) == 1 else f"t3lens: {said}"


def body_of(items: Sequence[Item], left_out: int = 0) -> str:
    """Several items as plain text for people: few in full, many by code.

    Args:
        items: What is to be told.
        left_out: How many more there were than could be kept.
    """
    lines: list[str] = []
    if len(items) > _FEW:
        for kind in ItemKind:
            some = [one for one in items if one.kind is kind]
            for code in sorted({one.code for one in some}, key=lambda code: -sum(one.code == code for one in some)):
                lines.append(_by_code(kind, code, [one for one in some if one.code == code]))
        lines.append("")
    shown = items if len(items) <= _FEW else items[:_LISTED]
    for one in shown:
        lines += _message_lines(one, full=len(items) <= _FEW)
    if len(items) > len(shown):
        lines.append(f"and {len(items) - len(shown):,} more")
    if left_out:
        lines.append(f"and {left_out:,} that were too many to keep")
    return "\n".join(lines)


def _by_code(kind: ItemKind, code: str, some: Sequence[Item]) -> str:
    homes = len({one.home_id for one in some})
    since = min((one.since for one in some if one.since is not None), default=None)
    return f"{kind}: {_inert(code, 60)}, {grouped_words(len(some), homes)}" + (
        f", since {since[:16].replace('T', ' ')}" if since else ""
    )


def _message_lines(one: Item, *, full: bool) -> list[str]:
    again = " (may have been told before)" if one.maybe_told else ""
    where = " ".join(_inert(text, 80) for text in (one.title, one.thread_id) if text) or "the home"
    since = f", since {one.since[:19].replace('T', ' ')} UTC" if one.since else ""
    lines = [f"{one.kind}{again}: {one.severity} {_inert(one.code, 60)}: {where}, in {_inert(one.home, 120)}{since}"]
    if full and one.kind is ItemKind.NEW:
        lines.append(f"  {_inert(one.summary, 400)}")
        if one.advice:
            lines.append(f"  what helps: {_inert(one.advice, 300)}")
    return lines


def _inert(text: str, limit: int) -> str:
    return plain(text, limit).translate(_INERT)


def json_of(items: Sequence[Item], left_out: int = 0) -> bytes:
    """One item as a JSON object; several as ``{"kind": "digest", "items": [...]}``. Ends with a newline."""
    values: Any
    if len(items) == 1 and not left_out:
        values = msgspec.to_builtins(items[0])
    else:
        shown = items[:_IN_JSON]
        values = {
            "kind": "digest",
            "items": [msgspec.to_builtins(one) for one in shown],
            "left_out": left_out + len(items) - len(shown),
        }
    return (json.dumps(values, ensure_ascii=True) + "\n").encode("ascii")
