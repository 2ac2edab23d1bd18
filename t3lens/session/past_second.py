"""What has to stand before the store, so that it shows homes of the second data model as they were.

Of an entity its status and times are those that ``t3lens.diagnose.v2.past`` read off its events; what else stands in its
row does not change, but the whole payload is of now, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from t3lens.diagnose.v2.facts import SecondFacts
from t3lens.store.arrow_rows import typed_table

if TYPE_CHECKING:
    import pyarrow as pa

    from t3lens.diagnose.facts import HomeFacts

__all__ = ["VIEWS", "tables"]

_ELSEWHERE: Final = (
    "select v.* from {{whole}}.{view} as v where not exists (from _then_second as c where c.home_id = v.home_id)"
)
_THEN: Final = (
    "select v.* replace ({replaced}) from {{whole}}.{view} as v join _then_second as c using (home_id) {among} "
    "union all by name " + _ELSEWHERE
)


def _if_then(*columns: str) -> str:
    """SQL of times that are unknown where they lie after the moment."""
    return ", ".join(f"case when v.{name} <= c.moment then v.{name} end as {name}" for name in columns)


_ENTITIES: Final = {
    "runs": ("run_id", "status started_at@ completed_at@", ""),
    "run_attempts": ("attempt_id", "status", _if_then("started_at", "completed_at")),
    "nodes": ("node_id", "status started_at@ completed_at@", ""),
    "provider_turns": ("provider_turn_id", "status started_at@ completed_at@", ""),
    "provider_sessions": ("provider_session_id", "status last_error updated_at@", ""),
    "effects": (
        "effect_id",
        "status attempt_count# lease_owner lease_expires_at@ available_at@ updated_at@ completed_at@ last_error",
        "",
    ),
}
"""By view: its key, what of a row is as it was, and what else is unknown where it is later."""


def _entity(view: str) -> str:
    key, columns, others = _ENTITIES[view]
    names = [name.rstrip("@#") for name in columns.split()]
    replaced = ", ".join([f"t.{name} as {name}" for name in names] + ["null::json as payload"] + [others] * bool(others))
    among = f"join _then_{view} as t on t.home_id = v.home_id and t.thread_id = v.thread_id and t.{key} = v.{key}"
    return _THEN.format(view=view, replaced=replaced, among=among)


VIEWS: Final = {
    **{view: _entity(view) for view in _ENTITIES},
    "items": _THEN.format(
        view="items",
        replaced=_if_then("closed_at") + ", least(v.last_at, c.moment) as last_at, "
        "case when v.closed_at > c.moment then 'open' else v.state end as state",
        among="where coalesce(v.opened_at, v.first_at) <= c.moment",
    ),
    "requests": _THEN.format(
        view="requests",
        replaced=_if_then("closed_at") + ", case when v.closed_at > c.moment then 'open' else v.state end as state, "
        "case when v.closed_at <= c.moment then v.decision end as decision",
        among="where v.opened_at <= c.moment",
    ),
    "threads": _THEN.format(
        view="threads",
        replaced=_if_then("updated_at", "archived_at", "deleted_at", "settled_at")
        + ", null::integer as pending_approval_count, null::integer as pending_user_input_count, null::json as extra",
        among="where v.created_at <= c.moment",
    ),
}
"""The queries that stand in front, by the name of the view they hide."""


def tables(homes: list[HomeFacts]) -> dict[str, pa.Table]:
    """The tables that the queries join.

    Args:
        homes: Of the second data model, as of a moment, that went on.
    """
    moments = [(home.home_id, home.until.moment) for home in homes if home.until is not None]
    made = {"_then_second": typed_table("home_id moment@", moments)}
    for view, (key, columns, _) in _ENTITIES.items():
        names = [name.rstrip("@#") for name in columns.split()]
        rows = [
            (facts.home_id, facts.thread_id, getattr(row, key), *(getattr(row, name) for name in names))
            for home in homes
            for facts in home.threads.values()
            if isinstance(facts, SecondFacts)
            for row in _rows(facts, view)
        ]
        made[f"_then_{view}"] = typed_table(f"home_id thread_id {key} {columns}", rows)
    return made


def _rows(facts: SecondFacts, view: str) -> Iterator[Any]:
    names = {"run_attempts": "attempts", "provider_sessions": "sessions"}
    yield from getattr(facts, names.get(view, view))
