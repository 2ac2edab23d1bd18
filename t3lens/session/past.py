"""The store of homes that are looked at as of a moment: its views show that moment, and nothing newer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from t3lens.diagnose.facts import ModelInUse, ThreadFacts
from t3lens.session import past_second
from t3lens.store.arrow_rows import typed_table
from t3lens.store.schema_doc import NO_PAST, NO_PAST_SECOND
from t3lens.store.shadowed_tables import Shadow

if TYPE_CHECKING:
    import pyarrow as pa

    from t3lens.diagnose import Diagnosis

__all__ = ["NO_PAST", "no_past_of", "shadow_of"]

_SAID_AT: Final = "least(e.logged_at, coalesce(e.created_at, e.logged_at))"
_CUT: Final = "from {{whole}}.{table} as e left join _then as c using (home_id) where c.home_id is null or {so}"
_REBUILT: Final = """
select v.* from {{whole}}.{view} as v where not exists (from _then_first as c where c.home_id = v.home_id)
    or exists (from _then_stayed as s where s.home_id = v.home_id and s.thread_id = v.thread_id)
union all by name select * from {then}
"""

_VIEWS: Final = {
    "_log_events": "select e.* " + _CUT.format(table="_log_events", so=f"{_SAID_AT} <= c.moment"),
    "_orchestration_events": "select e.* "
    + _CUT.format(table="_orchestration_events", so="c.sequence is null or e.sequence < c.sequence"),
    "_receipts": "select e.* " + _CUT.format(table="_receipts", so="e.accepted_at <= c.moment"),
    "_spans": "select e.* " + _CUT.format(table="_spans", so="coalesce(e.ended_at, e.started_at) <= c.moment"),
    "_server_starts": "select e.* " + _CUT.format(table="_server_starts", so="e.started_at <= c.moment"),
    "_homes": "select e.* replace (case when c.moment is null or e.runtime_started_at <= c.moment then "
    "e.runtime_started_at end as runtime_started_at) from {whole}._homes as e left join _then as c using (home_id)",
    "_actions": "select e.* " + _CUT.format(table="_actions", so='e."at" <= c.moment'),
    "_first_threads": _REBUILT.format(view="_first_threads", then="_then_threads"),
    "_first_sessions": _REBUILT.format(view="_first_sessions", then="_then_sessions"),
    "_first_turns": _REBUILT.format(view="_first_turns", then="_then_turns"),
    "approvals": _REBUILT.format(view="approvals", then="_then_approvals"),
}
"""What is hidden of homes that went on: records after the moment; and rows that changed, by what they were."""

Row = dict[str, Any]


def shadow_of(diagnosis: Diagnosis) -> Shadow | None:
    """What has to stand before the store, so that it shows the moment a diagnosis is about; None if nothing is newer.

    Args:
        diagnosis: As of a moment; see ``t3lens.diagnose.past``.
    """
    both = [home.home for home in diagnosis.homes if home.home.went_on and home.home.until is not None]
    if not both:
        return None
    homes = [home for home in both if home.model is ModelInUse.FIRST]
    second = [home for home in both if home.model is ModelInUse.SECOND]
    then = [
        {"home_id": home.home_id, "moment": home.until.moment, "sequence": home.until.sequence}
        for home in both
        if home.until is not None
    ]
    threads = [facts for home in homes for facts in home.threads.values()]
    later = [facts for facts in threads if facts.went_on]
    stayed = [_key(facts) for facts in threads if not facts.went_on]
    return Shadow(
        tables={
            "_then": _table(then, "home_id moment@ sequence#"),
            "_then_first": _table([{"home_id": home.home_id} for home in homes], "home_id"),
            "_then_stayed": _table(stayed, "home_id thread_id"),
            "_then_threads": _table(
                list(_threads(later)),
                "home_id thread_id project_id title latest_turn_id created_at@ updated_at@ archived_at@ deleted_at@ "
                "pending_approval_count#",
            ),
            "_then_sessions": _table(
                list(_sessions(later)),
                "home_id thread_id status provider_name active_turn_id last_error updated_at@ binding_status "
                "binding_provider binding_active_turn_id binding_last_seen_at@ binding_last_event",
            ),
            "_then_turns": _table(
                list(_turns(later)),
                "home_id thread_id row_id# turn_id pending_message_id assistant_message_id state requested_at@ started_at@ "
                "completed_at@ checkpoint_turn_count# checkpoint_ref checkpoint_status",
            ),
            "_then_approvals": _table(
                list(_approvals(later)), "home_id thread_id request_id turn_id status created_at@ resolved_at@"
            ),
            **(past_second.tables(second) if second else {}),
        },
        views=_VIEWS | past_second.VIEWS if second else _VIEWS,
    )


def no_past_of(diagnosis: Diagnosis) -> frozenset[str]:
    """Views that cannot be asked of the moment a diagnosis is about."""
    later = [home.home.model for home in diagnosis.homes if home.home.went_on]
    return (NO_PAST if later else frozenset()) | (NO_PAST_SECOND if ModelInUse.SECOND in later else frozenset())


def _key(facts: ThreadFacts) -> Row:
    return {"home_id": facts.home_id, "thread_id": facts.thread_id}


def _threads(later: list[ThreadFacts]) -> Iterator[Row]:
    for facts in later:
        row = facts.row
        if row is not None:
            yield _key(facts) | {
                "project_id": row.project_id,
                "title": row.title,
                "latest_turn_id": row.latest_turn_id,
                "created_at": row.created_at,
                "updated_at": row.updated_at,
                "archived_at": row.archived_at,
                "deleted_at": row.deleted_at,
                "pending_approval_count": row.pending_approval_count,
            }


def _sessions(later: list[ThreadFacts]) -> Iterator[Row]:
    for facts in later:
        session, binding = facts.session, facts.binding
        if session is None and binding is None:
            continue
        row = _key(facts)
        if session is not None:
            row |= {
                "status": session.status,
                "provider_name": session.provider,
                "active_turn_id": session.active_turn_id,
                "last_error": session.last_error,
                "updated_at": session.updated_at,
            }
        if binding is not None:
            row |= {
                "binding_status": binding.status,
                "binding_provider": binding.provider,
                "binding_active_turn_id": binding.active_turn_id,
                "binding_last_seen_at": binding.last_seen_at,
                "binding_last_event": binding.last_event,
            }
        yield row


def _turns(later: list[ThreadFacts]) -> Iterator[Row]:
    for facts in later:
        for turn in (*facts.turns, *((facts.pending,) if facts.pending is not None else ())):
            yield _key(facts) | {
                "row_id": turn.row_id,
                "turn_id": turn.turn_id,
                "pending_message_id": turn.pending_message_id,
                "assistant_message_id": turn.assistant_message_id,
                "state": turn.state,
                "requested_at": turn.requested_at,
                "started_at": turn.started_at,
                "completed_at": turn.completed_at,
                "checkpoint_turn_count": turn.checkpoint_turn_count,
                "checkpoint_ref": turn.checkpoint_ref,
                "checkpoint_status": turn.checkpoint_status,
            }


def _approvals(later: list[ThreadFacts]) -> Iterator[Row]:
    for facts in later:
        for one in facts.approvals:
            yield _key(facts) | {
                "request_id": one.request_id,
                "turn_id": one.turn_id,
                "status": one.status,
                "created_at": one.created_at,
                "resolved_at": one.resolved_at,
            }


def _table(rows: list[Row], columns: str) -> pa.Table:
    names = [name.rstrip("@#") for name in columns.split()]
    return typed_table(columns, [tuple(row.get(name) for name in names) for row in rows])
