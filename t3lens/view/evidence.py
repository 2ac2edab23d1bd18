"""Findings in a user's hand: every piece of evidence opens as the record it names, in its surroundings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from t3lens.diagnose import HomeDiagnosis
from t3lens.domain.finding import Evidence, EvidenceKind, Finding
from t3lens.places import local_copy
from t3lens.reading import open_regular
from t3lens.t3code.home_layout import STATE_FOLDERS
from t3lens.t3code.v1.schema import (
    PROJECTION_PENDING_APPROVALS,
    PROJECTION_THREAD_SESSIONS,
    PROJECTION_TURNS,
    PROVIDER_SESSION_RUNTIME,
)
from t3lens.time import iso
from t3lens.view.page.escape import html_text, plain
from t3lens.view.page.tables import chip, facts_html, section, table_html
from t3lens.view.records import ShownRecord, find_record

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["EvidenceView", "FindingView", "OpenedEvidence", "shown_findings"]

_ROWS = {
    PROJECTION_THREAD_SESSIONS: "session:row",
    PROVIDER_SESSION_RUNTIME: "session:row",
}
"""Tables whose rows are shown with the session."""

_LONGEST = 4096


class OpenedEvidence:
    """A record that a finding rests on, in its surroundings.

    Attributes:
        evidence: The piece of evidence.
        record: The record as the store has it, with its neighbours; None for an absence, or where it is gone.
        in_file: What the original file has at that place: ``same`` line, ``changed`` or ``gone``; None if the
            evidence is not of a file.
        line: The line itself, cut to 4 KiB, if ``content`` was asked for.
    """

    def __init__(self, evidence: Evidence, record: ShownRecord | None, in_file: str | None, line: str | None) -> None:
        self.evidence = evidence
        self.record = record
        self.in_file = in_file
        self.line = line

    def _facts(self) -> list[tuple[str, str]]:
        facts = [("evidence", self.evidence.excerpt), ("source", self.evidence.source)]
        if self.in_file is not None:
            facts.append(("original file", {"same": "still has this line"}.get(self.in_file, self.in_file)))
        if self.record is not None:
            facts += [(name, value) for name, value in self.record.facts]
        return facts

    def _surroundings(self) -> list[tuple[str, str, str, str]]:
        near = self.record.neighbours if self.record is not None else ()
        return [("→" if one.chosen else "", iso(one.at) if one.at else "", one.lane, one.title) for one in near]

    def __repr__(self) -> str:
        title = self.record.title if self.record is not None else self.evidence.kind.value
        lines = [plain(title, 100)]
        lines += [f"  {name}: {plain(value, 300)}" for name, value in self._facts()]
        lines += ["  " + "  ".join(plain(cell, 60) for cell in row) for row in self._surroundings()]
        if self.record is not None and self.record.body:
            lines += ["", *(plain(line, 200) for line in self.record.body.splitlines()[:40])]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        title = self.record.title if self.record is not None else self.evidence.kind.value
        body = self.record.body if self.record is not None else ""
        return section(
            f"<h4>{html_text(title, 100)}</h4>",
            facts_html(self._facts()),
            table_html(("", "at", "label", "type"), self._surroundings()) if self._surroundings() else "",
            f"<pre>{html_text_block(body)}</pre>" if body else "",
            label="evidence",
        )


def html_text_block(text: str) -> str:
    """Many lines of hostile text, escaped line by line."""
    return "\n".join(html_text(line, 400) for line in text.splitlines()[:200])


class EvidenceView:
    """One piece of evidence; its fields are those of ``Evidence``.

    Attributes:
        evidence: The evidence to draw.
    """

    def __init__(self, evidence: Evidence, store: Store, home: HomeDiagnosis, thread_id: str | None) -> None:
        self.evidence = evidence
        self._store = store
        self._home = home
        self._thread_id = thread_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self.evidence, name)

    def open(self, *, content: bool = False) -> OpenedEvidence:
        """The record in its surroundings, from the store, and whether the original file still has it.

        Args:
            content: Show texts of prompts, answers and commands too.
        """
        key = self._key()
        home_id = self._home.home.home_id
        record = find_record(self._store, home_id, self._thread_id, key, content=content) if key else None
        in_file, line = self._original()
        return OpenedEvidence(self.evidence, record, in_file, line if content else None)

    def _key(self) -> str | None:
        """The key the record is found by."""
        evidence = self.evidence
        if evidence.kind is EvidenceKind.LOG and evidence.line is not None:
            sql = "select file_id from source_files where home_id = ? and path = ?"
            with self._store.read() as con:
                row = con.execute(sql, [self._home.home.home_id, evidence.source]).fetchone()
            return f"log:{row[0]}:{evidence.line}" if row else None
        if evidence.kind is EvidenceKind.EVENT and evidence.key:
            return f"event:{evidence.key}"
        if evidence.kind is not EvidenceKind.ROW:
            return None
        if evidence.source == PROJECTION_TURNS:
            sql = "select coalesce(turn_id, 'row ' || row_id) from turns where home_id = ? and row_id::varchar = ?"
            with self._store.read() as con:
                row = con.execute(sql, [self._home.home.home_id, evidence.key]).fetchone()
            return f"turn:{row[0]}" if row else None
        if evidence.source == PROJECTION_PENDING_APPROVALS and evidence.key:
            return f"request:{evidence.key}"
        return _ROWS.get(evidence.source)

    def _original(self) -> tuple[str | None, str | None]:
        """What the file has at the place, now."""
        evidence = self.evidence
        if evidence.kind is not EvidenceKind.LOG or evidence.offset is None:
            return None, None
        home = self._home.home
        path = local_copy(home.path) / evidence.source
        try:
            with open_regular(path, local_copy(home.path) if home.kind in STATE_FOLDERS else None) as file:
                file.seek(evidence.offset)
                line = file.readline(_LONGEST)
        except OSError:
            return "gone", None
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        same = evidence.at is not None and text.startswith(f"[{iso(evidence.at)}]")
        return ("same" if same else "changed"), text

    def __repr__(self) -> str:
        evidence = self.evidence
        place = f":{evidence.line}" if evidence.line is not None else f" {evidence.key}" if evidence.key else ""
        return f"{evidence.kind} {plain(evidence.source, 120)}{place}: {plain(evidence.excerpt, 200)}"


class FindingView:
    """One finding; its fields are those of ``Finding``, and its evidence opens.

    Attributes:
        finding: The finding to draw.
        evidence: Its evidence, most telling first.
    """

    def __init__(self, finding: Finding, store: Store, home: HomeDiagnosis) -> None:
        self.finding = finding
        self.evidence = tuple(EvidenceView(piece, store, home, finding.thread_id) for piece in finding.evidence)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.finding, name)

    def __repr__(self) -> str:
        said = self.finding
        lines = [f"{said.severity}, {said.confidence}: {said.code}. {plain(said.summary, 400)}"]
        return "\n".join(lines + [f"  {piece!r}" for piece in self.evidence])

    def _repr_html_(self) -> str:
        said = self.finding
        rows = [(piece.kind, piece.source, piece.line or piece.key or "", piece.excerpt) for piece in self.evidence]
        return section(
            f"<p>{chip('severity', said.severity)} <b>{html_text(said.code)}</b> ({said.confidence}) "
            f"{html_text(said.summary, 600)}</p>",
            f"<p>{html_text(said.explanation, 800)}</p>",
            table_html(("kind", "source", "place", "says"), rows),
            label="finding",
        )


def shown_findings(findings: Iterable[Finding], store: Store, home: HomeDiagnosis) -> tuple[FindingView, ...]:
    """Findings as a user holds them."""
    return tuple(FindingView(finding, store, home) for finding in findings)
