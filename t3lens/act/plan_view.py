"""A plan as text for a terminal and as HTML for a notebook; everything that comes from data is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from t3lens.domain.finding import Evidence
from t3lens.time import SECOND, Micros

__all__ = ["age", "evidence_line", "html_of", "in_python", "printable", "python_line", "text_of"]

Sections = Iterable[tuple[str, Sequence[str]]]
"""Titles, each with its lines."""

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400


def age(since: Micros, now: Micros) -> str:
    """How long ago ``since`` was, in the coarsest unit that still says something."""
    seconds = max(0, (now - since) // SECOND)
    if seconds < _MINUTE:
        return f"{seconds} s ago"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min ago"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR} h ago"
    return f"{seconds // _DAY} days ago"


def in_python(advice: str) -> str:
    """What is advised to somebody in a notebook, who has no command line at hand."""
    told = advice.replace("t3lens reconcile --offline", "--offline").replace("--offline", "thread.reconcile(offline=True)")
    told = _COMMAND.sub(lambda found: _CALLS[found[1]], told)
    told = _EACH.sub(lambda found: f"each={{{', '.join(f'{name!r}: …' for name in _TO.findall(found[0]))}}}", told)
    told = _ID_OPTION.sub(lambda found: f"{found[1]}_id={found[2]!r}", told)
    return _OPTION.sub(lambda found: f"{found[1]}=…", _BOTH.sub(r"\1", told))


_CALLS: Final = {
    "show": "thread.explain()", "stop": "thread.stop()", "decline": "thread.decline()", "answer": "thread.answer(…)",
    "reconcile": "thread.reconcile()", "resume-queue": "thread.resume_queue()", "cancel-queued": "thread.cancel_queued()",
    "move-queued": "thread.move_queued(…)", "edit-queued": "thread.edit_queued(…)",
    "promote-queued": "thread.promote_queued()",
}  # fmt: skip
_COMMAND: Final = re.compile(rf"\bt3lens ({'|'.join(_CALLS)})\b(?! [^ ]*[/=])")
_BOTH: Final = re.compile(r"(\w+=), --[\w-]+")
_TO: Final = re.compile(r"--to (\S+?)=…")
_EACH: Final = re.compile(r"--to \S+?=…(?: --to \S+?=…)*")
_ID_OPTION: Final = re.compile(r"--(request|run) ([\w.:-]+)")
_OPTION: Final = re.compile(r"--(decision|before)\b")


def python_line(kind: str, thread_id: str) -> str:
    """The line of Python that makes a plan of this kind; empty for a kind that takes more than the thread."""
    return f"lens.thread({thread_id!r}).{kind.replace('-', '_')}()" if kind in _OF_A_THREAD else ""


_OF_A_THREAD: Final = frozenset({"stop", "reconcile", "decline", "resume-queue"})


def evidence_line(evidence: Evidence) -> str:
    """One piece of evidence: where it stands and what it says."""
    place = evidence.source
    if evidence.line is not None:
        place += f":{evidence.line}"
    if evidence.key is not None:
        place += f" [{evidence.key}]"
    return f"{place}: {evidence.excerpt}"


def printable(text: str) -> str:
    """``text`` without control characters, which could steer a terminal."""
    return "".join(c if c.isprintable() else "�" for c in text)


def text_of(headline: str, sections: Sections) -> str:
    """A headline and sections of lines for a terminal, in plain text."""
    lines = [headline]
    for title, entries in sections:
        lines.append(f"  {title}")
        lines += [f"    {printable(entry)}" for entry in entries]
    return "\n".join(lines)


def html_of(headline: str, sections: Sections) -> str:
    """The same for a notebook; works in light and dark themes, since it sets no colours of its own."""
    rows = []
    for title, entries in sections:
        content = "<br>".join(escape(printable(entry)) for entry in entries)
        rows.append(
            '<tr><th scope="row" style="text-align:left;vertical-align:top;padding-right:1em">'
            f'{escape(title)}</th><td style="text-align:left">{content}</td></tr>'
        )
    head = f'<caption style="text-align:left"><b>{escape(headline)}</b></caption>'
    return f'<table class="t3lens-plan">{head}{"".join(rows)}</table>'
