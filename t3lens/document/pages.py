"""An audit as a folder of pages: the audit itself, and one page for each thread with trouble, that it links to."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from t3lens.document.html import finding_html, html_pieces, page_html, turns_html
from t3lens.document.model import AuditDocument, ThreadEntry
from t3lens.document.roll_up import labels
from t3lens.view.advice import advice
from t3lens.view.page.escape import html_text
from t3lens.view.page.tables import chip
from t3lens.writing import make_folder, replace_file, writing_file

__all__ = ["page_name", "write_pages"]

_INDEX: Final = "index.html"
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9-]+")


def page_name(thread: ThreadEntry) -> str:
    """The name of a thread's page: the beginning of its id, and what tells it from every other thread of every home."""
    said = _NOT_IN_A_NAME.sub("-", thread.thread_id)[:40].strip("-")
    whole = f"{thread.home_id}\0{thread.thread_id}".encode("utf-8", "surrogatepass")
    return f"{said or 'thread'}-{hashlib.sha256(whole).hexdigest()[:8]}.html"


def write_pages(document: AuditDocument, folder: Path) -> None:
    """Write ``index.html`` and a page for each thread that has a finding.

    Pages of an earlier run stay where they are; the audit's page links to none that this run did not write.

    Args:
        document: As ``audit_document`` makes it, secrets masked.
        folder: Where to; made if it is not there.

    Raises:
        InputError: Something cannot be written.
    """
    make_folder(folder)
    names: dict[tuple[str, str], str] = {}
    places = labels(document)
    paths = {home.home_id: home.path for home in document.homes}
    for thread in document.threads:
        if thread.findings:
            names[thread.home_id, thread.thread_id] = page_name(thread)
            replace_file(
                folder / page_name(thread),
                _thread_page(thread, places[thread.home_id], paths[thread.home_id], document.as_of),
            )
    with writing_file(folder / _INDEX) as stream:
        stream.writelines(piece.encode("utf-8", "surrogateescape") for piece in html_pieces(document, pages=names))


def _thread_page(thread: ThreadEntry, home: str, path: str, as_of: str) -> str:
    helps = advice(thread.findings[0].remedy, thread.thread_id, path)
    name = html_text(thread.title or thread.thread_id, 100)
    facts = ", ".join(
        html_text(text, 200) for text in (thread.thread_id, f"home {home}", thread.provider, thread.project) if text
    )
    body = (
        f'<header><p><a href="{_INDEX}">All threads</a></p><h1>{chip("verdict", thread.verdict)} {name}</h1>'
        f'<p class="t3-hint">{facts}. As of {html_text(as_of)} (UTC)</p></header>'
        f"{f'<p><b>What helps:</b> {html_text(helps, 400)}</p>' if helps else ''}"
        f"{''.join(finding_html(one, evidence=True, heading='h2') for one in thread.findings)}{turns_html(thread)}"
    )
    return page_html(f"t3lens: {thread.title or thread.thread_id}", body)
