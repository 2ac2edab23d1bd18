"""The tables a ``Lens`` hands out: one query each over the store's views, or one row per diagnosed thread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from t3lens.time import to_datetime

if TYPE_CHECKING:
    import pandas as pd

    from t3lens.diagnose import ThreadDiagnosis

__all__ = ["EVENTS", "FINDINGS", "SESSIONS", "TURNS", "threads"]

_THREAD_COLUMNS: Final = (
    "home_id", "thread_id", "title", "provider", "verdict", "primary", "since", "findings", "turns", "records",
)  # fmt: skip

SESSIONS: Final = """
from verdicts as v
left join sessions as s using (home_id, thread_id)
left join threads as t using (home_id, thread_id)
left join (from expected_sessions where rules = 'settle') as e using (home_id, thread_id)
select v.home_id, v.thread_id, t.title, v.verdict, s.status, s.active_turn_id, s.last_error, s.updated_at,
       e.status as expected_status, e.active_turn_id as expected_active_turn_id, e.last_error as expected_last_error,
       s.binding_status, s.binding_active_turn_id, s.binding_last_event, s.binding_last_seen_at,
       coalesce(s.provider_name, s.binding_provider) as provider
order by s.updated_at desc nulls last, v.home_id, v.thread_id
"""

TURNS: Final = """
from turns as t
full join (from expected_turns where rules = 'settle') as e using (home_id, thread_id, turn_id)
select home_id, thread_id, turn_id, t.state, e.state as expected_state, e.settled, e.terminal,
       coalesce(t.requested_at, e.requested_at) as requested_at, coalesce(t.started_at, e.started_at) as started_at,
       t.completed_at, e.completed_at as expected_completed_at, e.last_activity_at, t.pending_message_id, e.error
order by requested_at nulls last, home_id, thread_id, turn_id, t.row_id
"""

EVENTS: Final = """
from (
    from log_events
    select home_id, thread_id, logged_at as "at", label as source, type, turn_id, item_id, request_id, event_id,
           null::bigint as sequence, file_order, line
    union all by name
    from orchestration_events
    select home_id, stream_id as thread_id, occurred_at as "at", 'STORE' as source, event_type as type,
           payload ->> 'turnId' as turn_id, null as item_id, payload ->> 'requestId' as request_id, event_id, sequence,
           null as file_order, null as line
    where aggregate_kind = 'thread'
)
where $thread is null or thread_id = $thread
order by "at", home_id, thread_id, file_order nulls last, line, sequence
limit $limit
"""

FINDINGS: Final = """
from findings as f
left join (
    from evidence
    select home_id, finding_id,
           list({'kind': kind, 'source': source, 'line': line, 'offset': "offset", 'event_id': event_id, 'key': key,
                 'at': "at", 'excerpt': excerpt} order by rank) as evidence
    group by all
) as e using (home_id, finding_id)
left join verdicts as v using (home_id, thread_id)
select f.home_id, f.thread_id, v.verdict, f.code, f.severity, f.confidence, f.turn_id, f.since, f.summary,
       f.explanation, f.remedy, e.evidence
order by list_position(['stuck', 'diverged', 'waiting', 'failed'], v.verdict) nulls last, f.since, f.home_id, f.thread_id,
         f.rank, f.finding_id
"""


def threads(diagnosed: Iterable[ThreadDiagnosis]) -> pd.DataFrame:
    """One row per thread, in the order given."""
    import pandas as pd

    rows = [
        (
            thread.home_id,
            thread.thread_id,
            thread.title,
            thread.provider,
            thread.verdict.value,
            thread.primary,
            to_datetime(thread.since) if thread.since is not None else None,
            len(thread.findings),
            len(thread.case.facts.turns) or len(thread.case.expected.turns),
            thread.case.facts.records,
        )
        for thread in diagnosed
    ]
    return pd.DataFrame(rows, columns=list(_THREAD_COLUMNS))
