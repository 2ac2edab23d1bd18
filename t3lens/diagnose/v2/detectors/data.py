"""Data health of homes of the second data model: projections behind, imports that failed, rows nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from t3lens.counted import counted
from t3lens.diagnose.detector import Group, Hit, detector
from t3lens.diagnose.evidence import absence
from t3lens.diagnose.facts import ModelInUse
from t3lens.diagnose.home_case import HomeCase
from t3lens.diagnose.v2.case import SecondCase
from t3lens.diagnose.v2.facts import SecondFacts
from t3lens.domain.finding import Confidence, Evidence, EvidenceKind, Remedy, Severity, Verdict
from t3lens.t3code.v2.schema import CURSOR_NAME, TABLES
from t3lens.t3code.v2.words import PROVIDER_TURN_LIVE
from t3lens.time import iso

__all__ = ["database_not_in_use", "ghost_rows", "import_failed", "projection_gap", "schema_unknown"]

_SECOND = (ModelInUse.SECOND,)
_CURSORS = next(table.source for table in TABLES if table.name == "cursors")
_NAMED = 10


@detector(
    "projection-gap",
    Severity.HIGH,
    Group.DATA,
    "EP",
    makes=Verdict.DIVERGED,
    home_wide=True,
    models=_SECOND,
    condition="The projections' cursor is behind the newest event of this data model while no server runs.",
    explanation=(
        "The tables that the app shows do not contain the newest events. The server checks them when it starts; "
        "events that are missing from the store say nothing, it is compacted."
    ),
)
def projection_gap(home: HomeCase) -> Iterator[Hit]:
    """Cursor behind the store."""
    facts = home.context.home
    applied = facts.last_applied
    if applied is None or not home.context.server.dead:
        return
    row = Evidence(
        kind=EvidenceKind.ROW,
        source=_CURSORS,
        key=CURSOR_NAME,
        excerpt=f"last applied sequence {applied}",
    )
    for thread_id, case in home.cases.items():
        newest = case.facts.newest_sequence if isinstance(case.facts, SecondFacts) else 0
        if newest > applied:
            yield Hit(
                summary=(
                    f"The projections are behind: they stand at sequence {applied}, {case.name} has events up to {newest}."
                ),
                thread_id=thread_id,
                evidence=(row,),
            )


@detector(
    "import-failed",
    Severity.MEDIUM,
    Group.DATA,
    "P",
    models=_SECOND,
    condition="The import of a thread of the first data model ended in an error.",
    explanation=(
        "The thread was to be taken over from the first data model, and was not, or not whole. Its old messages "
        "still stand in the first model's database."
    ),
    remedy=Remedy.INVESTIGATE,
)
def import_failed(case: SecondCase) -> Iterator[Hit]:
    """An import with an error."""
    found = case.second_facts.imported
    if found is None or not found.last_error:
        return
    yield Hit(
        summary=f"The import from the first data model failed: {found.last_error[:160]} (in {case.name})",
        since=found.imported_at,
        evidence=(case.other_row("legacy_imports", case.facts.thread_id, found.imported_at, found.last_error),),
    )


@detector(
    "ghost-rows",
    Severity.INFO,
    Group.DATA,
    "P",
    models=_SECOND,
    condition="A deleted thread has a run or a provider turn that is stored as live.",
    explanation="A start of the server does not reach deleted threads. These rows are harmless, nobody shows them.",
)
def ghost_rows(case: SecondCase) -> Iterator[Hit]:
    """Deleted, and stored as live."""
    row = case.facts.row
    if row is None or row.deleted_at is None:
        return
    runs = [run for run in case.second_facts.runs if run.live]
    turns = [t for t in case.second_facts.provider_turns if t.status in PROVIDER_TURN_LIVE]
    if not runs and not turns:
        return
    evidence = [case.run_row(run) for run in runs] + [case.provider_turn_row(t) for t in turns]
    what = " and ".join(counted(len(rows), noun) for rows, noun in ((runs, "run"), (turns, "provider turn")) if rows)
    yield Hit(
        summary=f"{what} {'looks' if len(evidence) == 1 else 'look'} live, though {case.name} is deleted.",
        since=row.deleted_at,
        evidence=tuple(evidence[:_NAMED]),
    )


@detector(
    "schema-unknown",
    Severity.INFO,
    Group.DATA,
    "E",
    needs="",
    home_wide=True,
    models=_SECOND,
    condition="The home holds event types that t3lens does not know.",
    explanation="A newer build or a fork wrote this home. Unknown events are kept, but no rule is applied to them.",
)
def schema_unknown(home: HomeCase) -> Iterator[Hit]:
    """Unknown event types."""
    unknown = home.context.home.unknown_types
    if unknown:
        named = ", ".join(f"{kind} ({count})" for kind, count in list(unknown.items())[:_NAMED])
        yield Hit(
            summary=f"{counted(len(unknown), 'unknown event type')}: {named}.",
            evidence=(absence("known types", named),),
        )


@detector(
    "database-not-in-use",
    Severity.INFO,
    Group.DATA,
    "P",
    needs="",
    home_wide=True,
    models=(ModelInUse.FIRST, ModelInUse.SECOND),
    condition="The home has a database of another data model beside the one in use.",
    explanation=(
        "T3 Code's second data model began as a copy of the first one's database, and neither follows the other since. "
        "Only the one in use is judged: what stands in the other is frozen, and says nothing about the threads any more."
    ),
)
def database_not_in_use(home: HomeCase) -> Iterator[Hit]:
    """A frozen database beside the one in use."""
    databases = home.context.home.databases
    used = next((one for one in databases if one.in_use), None)
    for other in databases:
        if other.in_use or used is None:
            continue
        model = f" ({ModelInUse(other.model).label})" if other.model else ""
        only = other.only_here
        named = ", ".join(only[:_NAMED])
        more = f" and {len(only) - _NAMED} more" if len(only) > _NAMED else ""
        threads = f" {counted(len(only), 'thread')} {'stands' if len(only) == 1 else 'stand'} only there." if only else ""
        unsure = "" if used.sure else " No server says which one is in use, so the other could be."
        newest = f"newest record {iso(other.newest_at)}" if other.newest_at else other.why
        newest += f"; threads that stand only there: {named}{more}" if only else ""
        yield Hit(
            summary=f"{other.name}{model} is not in use and was not judged: {used.why}.{unsure}{threads}",
            confidence=Confidence.CERTAIN if used.sure else Confidence.LIKELY,
            evidence=(absence(other.name, newest),),
        )
