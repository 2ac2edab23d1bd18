"""What a document rests on: which files and tables were read, from when to when, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from t3lens.diagnose import HomeDiagnosis, ThreadDiagnosis
from t3lens.redact import Redactor
from t3lens.redact.names import is_relative
from t3lens.time import Micros

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["Coverage", "HomeFact", "LogFile", "coverage", "home_facts"]


class LogFile(msgspec.Struct, frozen=True):
    """One log file with records of a thread."""

    path: str
    status: str
    lines: int
    size: int
    first_at: Micros | None
    last_at: Micros | None


class Coverage(msgspec.Struct, frozen=True):
    """What is known of a thread: log records and files, stored events, cut records."""

    records: int
    stored: int
    first_at: Micros | None
    last_at: Micros | None
    generation: int | None
    truncated: int
    files: tuple[LogFile, ...]


class HomeFact(msgspec.Struct, frozen=True, kw_only=True):
    """The standing of a home; texts are redacted."""

    home_id: str
    path: str
    server: str
    server_why: str
    server_version: str
    rules: str
    rules_guessed: bool
    migrations: int | None
    generation: int | None
    quarantined: int
    database: str
    problems: tuple[str, ...]
    unchecked: tuple[tuple[str, str], ...]
    findings: tuple[str, ...]


_FILES = """
SELECT f.path, f.status, count(*), f.size, epoch_us(min(e.logged_at)), epoch_us(max(e.logged_at))
FROM log_events AS e JOIN source_files AS f USING (home_id, file_id)
WHERE e.home_id = ? AND e.thread_id = ?
GROUP BY f.path, f.status, f.size, f.file_order ORDER BY f.file_order, f.path
"""
_STORED = "SELECT count(*) FROM orchestration_events WHERE home_id = ? AND stream_id = ?"


def coverage(store: Store, diagnosis: ThreadDiagnosis, redactor: Redactor) -> Coverage:
    """What the store holds of a thread.

    Args:
        store: The store.
        diagnosis: The thread.
        redactor: Masks paths.
    """
    key = [diagnosis.home_id, diagnosis.thread_id]
    with store.read() as con:
        rows = con.execute(_FILES, key).fetchall()
        stored = con.execute(_STORED, key).fetchall()[0][0]
    files = tuple(
        LogFile(
            path if is_relative(path) else redactor.text(path),
            status,
            lines,
            size,
            first,
            last,
        )
        for path, status, lines, size, first, last in rows
    )
    facts = diagnosis.case.facts
    return Coverage(
        records=facts.records,
        stored=stored,
        first_at=min((one.first_at for one in files if one.first_at), default=None),
        last_at=max((one.last_at for one in files if one.last_at), default=None),
        generation=facts.generation,
        truncated=facts.truncated,
        files=files,
    )


def home_facts(store: Store, home: HomeDiagnosis, redactor: Redactor) -> HomeFact:
    """The standing of a home as a document tells it.

    Args:
        store: The store.
        home: The diagnosis of the home.
        redactor: Masks paths and errors.
    """
    context, facts = home.context, home.home
    judged = facts.standing.cannot_judge is None
    database = "read" if facts.has_database else redactor.text(facts.database_error or "none")
    return HomeFact(
        home_id=facts.home_id,
        path=redactor.text(facts.path),
        server=context.server.status,
        server_why=redactor.text(context.server.why),
        server_version=context.server.version or facts.server_version or "not known",
        rules=context.rules.name if judged else "none applied",
        rules_guessed=context.rules_guessed and judged,
        migrations=facts.migrations,
        generation=facts.generation,
        quarantined=facts.quarantined,
        database=database,
        problems=tuple(redactor.text(problem) for problem in facts.file_problems),
        unchecked=tuple((check.code, check.why) for check in home.checks if not check.checked)
        if judged
        else (("everything", facts.standing.not_checked),),
        findings=tuple(f"{finding.code}: {redactor.text(finding.summary)}" for finding in home.findings),
    )
