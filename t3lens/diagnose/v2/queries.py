"""What is asked of the store about a home of the second data model; ``$home``, and ``@threads(column)`` as for the first."""

from __future__ import annotations

from typing import Final

from t3lens.t3code.v1.log_grammar import NATIVE
from t3lens.t3code.v2 import events, log
from t3lens.t3code.v2.words import (
    BACKGROUND_ITEMS,
    ERROR_ITEM,
    INTERRUPT_REQUEST_ITEM,
    INTERRUPT_RESULT_ITEM,
    RECONCILE_COMMAND,
    ROOT_NODE,
    SUBAGENT_LIVE,
)

__all__ = [
    "ATTEMPTS",
    "CURSOR",
    "DARK",
    "EFFECTS",
    "ENDS",
    "HELPERS",
    "IMPORTS",
    "INTERRUPTS",
    "LIFE",
    "NEWEST_SEQUENCES",
    "NODES",
    "OF_RECORDS",
    "PROVIDER_SESSIONS",
    "PROVIDER_THREADS",
    "PROVIDER_TURNS",
    "REASONS",
    "RECONCILED",
    "REQUESTS",
    "RUNS",
    "SIGN_OF_LIFE",
    "STARTS_SEEN",
    "STATUSES",
    "STORED",
    "SUBAGENTS",
    "THREADS",
    "TOOLS",
    "TOTALS",
    "UNKNOWN_TYPES",
    "WORK",
    "of_work",
]


def _list(words: frozenset[str] | tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


_WORKS: Final = ("run", "turn-item.", "message.", "node.", "subagent.", "provider-turn.", "plan.")
"""How the types of events begin that tell of work: not those of a person who looks at a thread or files it."""


def of_work(column: str) -> str:
    """Whether an event's type tells of a run's work, in SQL."""
    return "(" + " or ".join(f"{column} like '{begin}%'" for begin in _WORKS) + ")"


THREADS: Final = """
from threads
select thread_id, title, project_id, latest_turn_id, epoch_us(created_at) as created_at, epoch_us(updated_at) as updated_at,
       epoch_us(archived_at) as archived_at, epoch_us(deleted_at) as deleted_at, pending_approval_count
where home_id = $home and @threads(thread_id)
order by thread_id
"""

RUNS: Final = """
from runs
select thread_id, run_id, coalesce(ordinal, 0) as ordinal, coalesce(status, '') as status,
       epoch_us(requested_at) as requested_at, epoch_us(started_at) as started_at,
       epoch_us(completed_at) as completed_at, message_id, provider_thread_id,
       coalesce(queue_held, false) as queue_held
where home_id = $home and thread_id is not null and @threads(thread_id)
order by thread_id, ordinal, run_id
"""

ATTEMPTS: Final = """
from run_attempts
select thread_id, attempt_id, run_id, coalesce(status, '') as status, ordinal, reason
where home_id = $home and thread_id is not null and @threads(thread_id)
order by thread_id, run_id, ordinal, attempt_id
"""

NODES: Final = f"""
from nodes
select thread_id, node_id, run_id, kind, coalesce(status, '') as status, epoch_us(started_at) as started_at,
       epoch_us(completed_at) as completed_at
where home_id = $home and thread_id is not null and @threads(thread_id)
  and kind = '{ROOT_NODE}'
order by thread_id, started_at, node_id
"""

PROVIDER_TURNS: Final = """
from provider_turns
select thread_id, provider_turn_id, provider_thread_id, attempt_id, coalesce(status, '') as status, native_id,
       epoch_us(started_at) as started_at, epoch_us(completed_at) as completed_at
where home_id = $home and thread_id is not null and @threads(thread_id)
order by thread_id, started_at, ordinal, provider_turn_id
"""

PROVIDER_SESSIONS: Final = """
from provider_sessions
select thread_id, provider_session_id, coalesce(status, '') as status, provider_name, last_error,
       epoch_us(updated_at) as updated_at
where home_id = $home and bound and @threads(thread_id)
order by thread_id, updated_at, provider_session_id
"""

PROVIDER_THREADS: Final = """
from provider_threads
select thread_id, provider_thread_id, coalesce(status, '') as status, provider_name, native_id,
       coalesce(json_array_length(payload, '$.pendingBackgroundTasks'), 0)::integer as background
where home_id = $home and thread_id is not null and @threads(thread_id)
order by thread_id, first_run_ordinal, provider_thread_id
"""

REQUESTS: Final = """
from _entities as q
left join nodes as n on n.home_id = q.home_id and n.node_id = q.content ->> 'node_id'
select q.thread_id, q.key, coalesce(q.content ->> 'kind', '') as kind, coalesce(q.content ->> 'status', '') as status,
       epoch_us(try_cast(q.content ->> 'created_at' as timestamptz)) as created_at, n.run_id,
       q.payload ->> '$.responseCapability.type' as capability,
       epoch_us(try_cast(q.content ->> 'resolved_at' as timestamptz)) as resolved_at
where q.home_id = $home and q.table_name = 'runtime_requests' and q.until is null and q.thread_id is not null
  and @threads(q.thread_id)
order by q.thread_id, created_at, q.key
"""

EFFECTS: Final = """
from effects
select thread_id, effect_id, coalesce(effect_type, '') as effect_type, coalesce(status, '') as status,
       coalesce(attempt_count, 0) as attempt_count, command_id, run_id, lease_owner,
       epoch_us(lease_expires_at) as lease_expires_at, epoch_us(available_at) as available_at,
       epoch_us(created_at) as created_at, epoch_us(updated_at) as updated_at,
       epoch_us(completed_at) as completed_at, last_error
where home_id = $home and thread_id is not null and @threads(thread_id)
order by thread_id, created_at, effect_id
"""

IMPORTS: Final = """
from _entities
select thread_id, epoch_us(try_cast(content ->> 'shell_imported_at' as timestamptz)) as imported_at,
       epoch_us(try_cast(content ->> 'transcript_imported_at' as timestamptz)) as transcript_at,
       try_cast(content ->> 'imported_message_count' as integer) as messages, content ->> 'last_error' as last_error
where home_id = $home and table_name = 'legacy_imports' and until is null and @threads(thread_id)
order by thread_id
"""

_ITEMS: Final = """
from _entities
select thread_id, key, content ->> 'run_id' as run_id,
       epoch_us(try_cast(content ->> 'updated_at' as timestamptz)) as seen{columns}
where home_id = $home and table_name = 'turn_items' and until is null and thread_id is not null
  and @threads(thread_id) and {where}
order by thread_id, seen, key
"""

REASONS: Final = _ITEMS.format(
    columns=", coalesce(payload ->> '$.failure.message', '') as message, payload ->> '$.failure.code' as code",
    where=f"content ->> 'type' = '{ERROR_ITEM}'",
)
INTERRUPTS: Final = _ITEMS.format(
    columns=", content ->> 'type' as type",
    where=f"content ->> 'type' in ('{INTERRUPT_REQUEST_ITEM}', '{INTERRUPT_RESULT_ITEM}')",
)
TOOLS: Final = f"""
from items
select thread_id, item_id, item_type, epoch_us(coalesce(opened_at, first_at, last_at)) as started,
       case when state <> 'open' then epoch_us(coalesce(closed_at, last_at)) end as ended
where home_id = $home and thread_id is not null and @threads(thread_id)
  and item_type in ({_list(BACKGROUND_ITEMS | {"file_change", "file_search", "web_search"})})
  and (state = 'open' or epoch_us(coalesce(closed_at, last_at)) - started >= $least)
order by thread_id, started, item_id
"""
"""Tools that are at work, and those that were for so long that silence is looked at differently."""

SUBAGENTS: Final = f"""
from subagents
select thread_id, subagent_id, child_thread_id, epoch_us(started_at) as started,
       case when status not in ({_list(SUBAGENT_LIVE)}) then epoch_us(coalesce(completed_at, updated_at)) end as ended
where home_id = $home and thread_id is not null and status is not null and @threads(thread_id)
order by thread_id, started, subagent_id
"""

HELPERS: Final = f"""
with recursive helpers as (
    from subagents select thread_id, child_thread_id as helper
    where home_id = $home and child_thread_id is not null and child_thread_id <> thread_id and @threads(thread_id)
    union
    from helpers as h join subagents as s on s.home_id = $home and s.thread_id = h.helper
    select h.thread_id, s.child_thread_id
    where s.child_thread_id is not null and s.child_thread_id <> h.thread_id
)
from helpers as h join orchestration_events as e on e.home_id = $home and e.stream_id = h.helper
select h.thread_id, epoch_us(max(e.occurred_at)) as at
where e.aggregate_kind = 'thread' and {of_work("e.event_type")} and @stored_until(e.sequence)
group by h.thread_id
"""
"""When anything was last stored of the threads that subagents of a thread work in, and theirs."""

CURSOR: Final = """
from _entities
select try_cast(content ->> 'last_sequence' as bigint) as last_sequence,
       epoch_us(try_cast(content ->> 'updated_at' as timestamptz)) as updated_at
where home_id = $home and table_name = 'cursors' and until is null and key = $cursor
"""

_KEPT: Final = (
    "id",
    "status",
    "ordinal",
    "userMessageId",
    "requestedAt",
    "startedAt",
    "completedAt",
    "queueHeld",
    "queuePosition",
    "runAttemptId",
    "reason",
    "kind",
    "type",
    "failure",
    "lastError",
    "driver",
    "providerSessionId",
    "providerThreadId",
    "responseCapability",
    "nativeTurnRef",
)
_PATHS: Final = ", ".join(f"'$.{name}'" for name in _KEPT)

STORED: Final = f"""
from orchestration_events as e
left join receipts as r on r.home_id = e.home_id and r.command_id = e.command_id
select e.stream_id as thread_id, e.sequence, e.event_id, e.event_type as type, epoch_us(e.occurred_at) as at, e.command_id,
       r.command_type,
       coalesce(e.metadata ->> 'runId',
                case when e.event_type in ('{events.RUN_CREATED}', '{events.RUN_UPDATED}') then e.payload ->> 'id'
                     else e.payload ->> 'runId' end) as run_id,
       e.metadata ->> 'driver' as driver, e.metadata ->> 'providerInstanceId' as instance,
       to_json(map({list(_KEPT)}, json_extract(e.payload, [{_PATHS}]))) as payload
where e.home_id = $home and e.aggregate_kind = 'thread' and e.occurred_at is not null
  and e.event_type in ({_list(events.LIFECYCLE_TYPES)})
  and (e.event_type <> '{events.TURN_ITEM_UPDATED}'
       or e.payload ->> 'type' in ('{ERROR_ITEM}', '{INTERRUPT_REQUEST_ITEM}'))
  and @stored_until(e.sequence) and @threads(e.stream_id)
order by e.stream_id, e.sequence
"""
"""Tool output and texts stay in the store: of an event only what a rule reads."""

RECONCILED: Final = f"""
from orchestration_events as e
left join receipts as r on r.home_id = e.home_id and r.command_id = e.command_id
select e.stream_id as thread_id, coalesce(e.payload ->> 'id', e.metadata ->> 'runId') as run_id
where e.home_id = $home and e.event_type = '{events.RUN_UPDATED}' and e.payload ->> 'status' = 'cancelled'
  and (r.command_type = '{RECONCILE_COMMAND}'
       or (r.command_type is null and e.command_id like 'command:runtime-reconcile:%'))
  and @stored_until(e.sequence) and @threads(e.stream_id)
"""

STARTS_SEEN: Final = """
from orchestration_events
select distinct epoch_us(occurred_at)
where home_id = $home and occurred_at is not null and command_id like 'command:runtime-reconcile:startup:%'
"""
"""When servers started that ended what an earlier one left."""

DARK: Final = """
with starts as materialized (select unnest($starts::bigint[]) as start),
     words as (
         (from orchestration_events select epoch_us(occurred_at) as at where home_id = $home and occurred_at is not null)
         union all by name
         (from log_events select epoch_us(logged_at) as at where home_id = $home and logged_at is not null))
from starts asof join words on words.at < starts.start
select words.at as since, starts.start as until
order by until
"""
"""The last record before each of some starts, and the start."""

SIGN_OF_LIFE: Final = (
    f"label = '{NATIVE}' and raw_source is not null and type is not null "
    f"and type not in ({_list(log.NO_SIGN_OF_LIFE | {log.RETRY_STATUS})})"
)
"""Whether a log line tells that a turn is at work, in SQL."""

LIFE: Final = f"""
from (
    from log_events
    select thread_id, epoch_us(logged_at) as seen,
           {{'path': path, 'line': line, 'offset': byte_offset, 'at': epoch_us(logged_at), 'label': label,
             'type': type}} as ref
    where home_id = $home and thread_id is not null and logged_at is not null and {SIGN_OF_LIFE}
      and @until(logged_at) and @threads(thread_id)
)
select thread_id, max(seen) as seen, arg_max(ref, seen) as ref
group by thread_id
"""

WORK: Final = f"""
from orchestration_events
select stream_id as thread_id, epoch_us(max(occurred_at)) as at
where home_id = $home and aggregate_kind = 'thread' and {of_work("event_type")}
  and @stored_until(sequence) and @threads(stream_id)
group by stream_id
"""

NEWEST_SEQUENCES: Final = """
from orchestration_events
select stream_id as thread_id, max(sequence) as sequence
where home_id = $home and aggregate_kind = 'thread' and application_event_version = $version
  and @stored_until(sequence) and @threads(stream_id)
group by stream_id
"""

ENDS: Final = f"""
from log_events
select thread_id, epoch_us(logged_at) as at, provider_thread_id, turn_id, type, raw_method, path, line, byte_offset
where home_id = $home and label = '{NATIVE}' and raw_source is not null and thread_id is not null and logged_at is not null
  and type in ({_list(log.ENDS | log.STARTS)})
  and @until(logged_at) and @threads(thread_id)
order by thread_id, file_order, line
"""

STATUSES: Final = f"""
from (
    from log_events
    select thread_id, type, epoch_us(logged_at) as seen, path, line, byte_offset, label,
           max(logged_at) filter (type in ({_list(log.PROGRESS | log.STARTS | log.ENDS)}))
               over (partition by thread_id) as progress, logged_at
    where home_id = $home and label = '{NATIVE}' and raw_source is not null and thread_id is not null
      and type in ({_list(log.PROGRESS | log.STARTS | log.ENDS | {log.RETRY_STATUS})})
      and @until(logged_at) and @threads(thread_id)
)
select thread_id, path, line, byte_offset, seen, label, type
where type = '{log.RETRY_STATUS}' and (progress is null or logged_at > progress)
order by thread_id, seen, path, line
"""

TOTALS: Final = """
from orchestration_events
select coalesce(max(sequence), 0) as last_sequence, epoch_us(max(occurred_at)) as newest_at
where home_id = $home and @stored_until(sequence)
"""

UNKNOWN_TYPES: Final = """
from orchestration_events
select event_type, count(*) as n
where home_id = $home and event_type is not null and application_event_version is not null
  and @stored_until(sequence)
group by all order by event_type
"""

OF_RECORDS: Final = frozenset({STORED, RECONCILED, WORK, NEWEST_SEQUENCES, LIFE, ENDS, STATUSES})
"""What is asked of single records of every thread; the thread's id comes first."""
