"""The audit's table for people: what is given to a command stands there whole, whatever the titles."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from t3lens.document.model import AuditDocument
from t3lens.document.table import audit_table
from t3lens.domain.finding import Verdict

CODE = "session-error-not-reopened"
"""The longest code there is."""


def test_titles_are_folded_and_no_id_and_no_code_is_cut(document: AuditDocument) -> None:
    threads = tuple(
        msgspec.structs.replace(thread, title="A title that is long " * 4, verdict=Verdict.DIVERGED, primary=CODE)
        for thread in document.threads
    )
    out = io.StringIO()
    audit_table(msgspec.structs.replace(document, threads=threads), Console(file=out, width=100, no_color=True))
    rows = [line for line in out.getvalue().splitlines() if line.startswith("◆ diverged")]
    assert len(rows) == len(threads)
    for thread, row in zip(threads, rows, strict=True):
        assert thread.thread_id[:8] in row
        assert CODE in row
    assert max(map(len, out.getvalue().splitlines())) <= 100


@pytest.mark.parametrize(("width", "code"), [(80, "orphaned-turn"), (80, CODE), (100, CODE), (200, CODE)])
def test_a_homes_name_is_never_broken_in_a_word(document: AuditDocument, width: int, code: str) -> None:
    names = {home.home_id: f"a-restarted-{place}-workstation" for place, home in enumerate(document.homes)}
    homes = tuple(msgspec.structs.replace(home, path=f"/archive/{names[home.home_id]}") for home in document.homes)
    threads = tuple(
        msgspec.structs.replace(thread, title="Untangle the imports", verdict=Verdict.DIVERGED, primary=code)
        for thread in document.threads
    )
    out = io.StringIO()
    told = msgspec.structs.replace(document, threads=threads, homes=homes)
    audit_table(told, Console(file=out, width=width, no_color=True))
    table = out.getvalue().partition("verdict ")[2].partition("\n\n")[0]
    assert max(map(len, table.splitlines())) <= width
    words = set(table.replace("-", "- ").split())
    assert {"restarted-", "workstation", "Untangle", "imports"} <= words
    assert code in table
    if width == 200:
        assert all(name in table for name in names.values())
