"""Conclusions into the store, so that SQL sees what Python sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from t3lens.diagnose.diagnosis import Diagnosis, HomeDiagnosis, ThreadDiagnosis
from t3lens.diagnose.replays import Replay
from t3lens.diagnose.stored_conclusions import forget_kept
from t3lens.domain.finding import Finding
from t3lens.store.arrow_rows import insert_typed
from t3lens.t3code.v1.rules import REFERENCE
from t3lens.version import __version__

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["save"]

Row = tuple[Any, ...]


class _Table(NamedTuple):
    """Rows and their columns as ``typed_table`` takes them."""

    columns: str
    rows: list[Row]


def save(store: Store, diagnosis: Diagnosis, *, threads: Sequence[str] | None = None) -> None:
    """Write a diagnosis into the store's tables, in place of what stood there.

    Args:
        store: The store that was diagnosed.
        diagnosis: What was concluded.
        threads: Write only what is about these thread ids; the others' rows and the home-wide findings stay.
    """
    tables = _tables(diagnosis, frozenset(threads) if threads is not None else None)
    homes = [home.home.home_id for home in diagnosis.homes]
    with store.write() as con:
        for name, (columns, rows) in tables.items():
            whole = threads is None or name == "_diagnosis"
            only = "" if whole else " and thread_id in (select unnest($threads))"
            params: dict[str, Any] = {"homes": homes}
            if not whole and threads is not None:
                params["threads"] = list(threads)
            con.execute(f"delete from {name} where home_id in (select unnest($homes)){only}", params)
            insert_typed(con, name, columns, rows)
        forget_kept(con, homes)
        # what was found of their past rests on what was concluded before
        again = "" if threads is None else " and thread_id in (select unnest($threads))"
        stale: dict[str, Any] = {"homes": homes} if threads is None else {"homes": homes, "threads": list(threads)}
        con.execute(f"delete from _incident where home_id in (select unnest($homes)){again}", stale)


def _tables(diagnosis: Diagnosis, only: frozenset[str] | None) -> dict[str, _Table]:
    verdicts: list[Row] = []
    findings: list[Row] = []
    evidence: list[Row] = []
    steps: list[Row] = []
    sessions: list[Row] = []
    turns: list[Row] = []
    for home in diagnosis.homes:
        for rank, finding in enumerate(home.findings if only is None else ()):
            _finding(findings, evidence, home.home.home_id, rank, finding)
        for thread in home.threads:
            if only is not None and thread.thread_id not in only:
                continue
            verdicts.append(_verdict(home, thread))
            for rank, finding in enumerate(thread.findings):
                _finding(findings, evidence, thread.home_id, rank, finding)
            for replay in thread.case.replays.known:
                _replay(steps, sessions, turns, thread, replay)
    return {
        "_diagnosis": _Table(_DIAGNOSIS, [_run(home) for home in diagnosis.homes]),
        "_verdict": _Table(_VERDICT, verdicts),
        "_finding": _Table(_FINDING, findings),
        "_evidence": _Table(_EVIDENCE, evidence),
        "_transition": _Table(_TRANSITION, steps),
        "_expected_session": _Table(_SESSION, sessions),
        "_expected_turn": _Table(_TURN, turns),
    }


def _run(home: HomeDiagnosis) -> Row:
    """How a home was judged: enough to judge it so again."""
    context = home.context
    return (
        home.home.home_id,
        context.as_of,
        context.server.status,
        context.server.why,
        context.rules.name,
        context.rules_guessed,
        msgspec.json.encode(context.options.thresholds).decode(),
        msgspec.json.encode({c.code: c.why for c in home.checks if not c.checked}).decode(),
        __version__,
    )


def _verdict(home: HomeDiagnosis, thread: ThreadDiagnosis) -> Row:
    context = home.context
    return (
        thread.home_id,
        thread.thread_id,
        thread.verdict.value,
        thread.primary,
        thread.since,
        context.rules.name,
        context.as_of,
    )


def _finding(findings: list[Row], evidence: list[Row], home_id: str, rank: int, finding: Finding) -> None:
    findings.append(
        (
            home_id,
            finding.finding_id,
            finding.thread_id,
            finding.turn_id,
            rank,
            finding.code,
            finding.severity.value,
            finding.confidence.value,
            finding.since,
            finding.since_event_id,
            finding.summary,
            finding.explanation,
            finding.remedy.value,
            finding.makes.value if finding.makes else None,
            list(finding.references),
        )
    )
    for place, piece in enumerate(finding.evidence):
        evidence.append(
            (
                home_id,
                finding.finding_id,
                finding.thread_id,
                place,
                piece.kind.value,
                piece.source,
                piece.line,
                piece.offset,
                piece.event_id,
                piece.key,
                piece.at,
                piece.excerpt,
            )
        )


def _replay(steps: list[Row], sessions: list[Row], turns: list[Row], thread: ThreadDiagnosis, replay: Replay) -> None:
    head = (thread.home_id, thread.thread_id, replay.rules.name)
    # what is mere activity under the build's own rules is the same as under the reference: kept once
    keep_all = replay.rules is REFERENCE
    for number, step in enumerate(replay.transitions):
        if keep_all or step.rule != "R14":
            steps.append(
                (
                    *head,
                    number,
                    step.event_id,
                    step.type,
                    step.at,
                    step.rule,
                    step.applied,
                    step.why,
                    step.turn_id,
                    step.from_status,
                    step.to_status,
                    step.from_turn,
                    step.to_turn,
                    list(step.settled),
                    step.sequence,
                )
            )
    session = replay.final.session
    if session is not None:
        sessions.append(
            (
                *head,
                session.status.value,
                session.active_turn_id,
                session.last_error,
                session.updated_at,
            )
        )
    for turn in replay.final.turns.values():
        heard = turn.last_activity_at or replay.final.activity.get(turn.turn_id)
        turns.append(
            (
                *head,
                turn.turn_id,
                turn.index,
                turn.state.value,
                turn.requested_at,
                turn.started_at,
                turn.completed_at,
                turn.settled.value if turn.settled else None,
                turn.error,
                turn.terminal.value if turn.terminal else None,
                turn.terminal_event_id,
                heard,
            )
        )


_DIAGNOSIS = "home_id as_of@ server server_why rules rules_guessed? thresholds not_checked t3lens_version"
_VERDICT = "home_id thread_id verdict primary_code since@ rules as_of@"
_FINDING = (
    "home_id finding_id thread_id turn_id rank# code severity confidence since@ since_event_id summary explanation "
    "remedy makes references*"
)
_EVIDENCE = "home_id finding_id thread_id rank# kind source line# offset# event_id key at@ excerpt"
_TRANSITION = (
    "home_id thread_id rules step# event_id type at@ rule applied? why turn_id from_status to_status from_turn to_turn "
    "settled* sequence#"
)
_SESSION = "home_id thread_id rules status active_turn_id last_error updated_at@"
_TURN = (
    "home_id thread_id rules turn_id index# state requested_at@ started_at@ completed_at@ settled error terminal "
    "terminal_event_id last_activity_at@"
)
"""Columns as ``typed_table`` takes them."""
