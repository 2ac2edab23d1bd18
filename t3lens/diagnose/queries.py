"""The SQL that turns the store into facts. Everything big stays in DuckDB; only lifecycle rows come out.

Every query takes a home id; ``@threads(column)`` stands for the restriction to some threads (``only``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = [
    "ACTIVITIES",
    "ANCHORS",
    "APPROVALS",
    "CANONICAL",
    "CLOCK_FALLS",
    "FILES_CHANGED",
    "HOME",
    "NATIVE",
    "PAYLOAD_KEYS",
    "PROJECTORS",
    "SESSIONS",
    "SPANS",
    "STORED",
    "STORE_TOTALS",
    "THREADS",
    "THREAD_LOGS",
    "TURNS",
    "UNKNOWN_TYPES",
    "WITHOUT_RECEIPT",
    "only",
]

_THREADS: Final = re.compile(r"@threads\((\w+)\)")


def only(sql: str, threads: Sequence[str] | None) -> tuple[str, dict[str, object]]:
    """A query restricted to some threads, and the parameters for that.

    Args:
        sql: One of the queries here.
        threads: Thread ids; None for all. One alone is compared directly, which lets DuckDB skip whole row groups.
    """
    if "@threads" not in sql or threads is None:
        return _THREADS.sub("true", sql), {}
    if len(threads) == 1:
        return _THREADS.sub(r"\1 = $thread", sql), {"thread": threads[0]}
    return _THREADS.sub(r"\1 in (select unnest($threads))", sql), {"threads": list(threads)}


PAYLOAD_KEYS: Final = (
    "state",
    "reason",
    "errorMessage",
    "message",
    "itemType",
    "status",
    "taskId",
    "requestType",
    "exitKind",
    "class",
    "providerThreadId",
    "detail.type",
    "detail.willRetry",
)
"""What rules and detectors read of a canonical payload; the rest (texts, diffs) is never decoded here."""

_PATHS: Final = "[" + ", ".join(f"'$.{key}'" for key in PAYLOAD_KEYS) + "]"

HOME: Final = """
from homes
select path, kind, has_database, has_logs, database_error, log_generation, migrations, server_version,
       epoch_us(runtime_started_at) as runtime_started_at
where home_id = $home
"""

CANONICAL: Final = f"""
from log_events
join source_files using (home_id, file_id)
select thread_id, event_id, type, epoch_us(logged_at) as at, turn_id, item_id, request_id,
       provider, provider_instance_id, source_files.path, line, "offset",
       json_extract_string(payload, {_PATHS}) as payload
where home_id = $home and label = 'CANON' and type in $types
  and @threads(thread_id)
  and thread_id is not null and event_id is not null and logged_at is not null
order by thread_id, log_events.file_order, line
"""

NATIVE: Final = """
from log_events
join source_files using (home_id, file_id)
select thread_id, type, epoch_us(logged_at) as at, turn_id, provider, provider_thread_id, source_files.path, line, "offset",
       json_extract_string(payload, ['$.properties.status.type', '$.properties.sessionID', '$.turn.status',
                                     '$.turn.id', '$.stopReason', '$.is_error', '$.result.stopReason', '$.cause']) as payload
where home_id = $home and label = 'NTIVE' and thread_id is not null and logged_at is not null
  and (type in ('session.status', 'session.idle', 'session.error', 'turn/completed', 'turn/aborted', 'turn/started',
               'turn/interrupted', 'result', 'session/prompt/response', 'session/prompt') or type like 'claude/result%')
  and @threads(thread_id)
order by thread_id, log_events.file_order, line
"""

THREAD_LOGS: Final = """
from log_events
join source_files using (home_id, file_id)
select thread_id,
       count(*) as records,
       epoch_us(min(logged_at)) as first_at,
       max(log_events.generation) as generation,
       count(*) filter (truncated) as truncated,
       arg_max({'path': source_files.path, 'line': line, 'offset': "offset", 'at': epoch_us(logged_at),
                'label': label, 'type': coalesce(type, '')}, (log_events.file_order, line)) as last,
       arg_max({'path': source_files.path, 'line': line, 'offset': "offset", 'at': epoch_us(logged_at),
                'label': label, 'type': coalesce(type, '')}, (log_events.file_order, line))
           filter (label = 'CANON' and type in ('item.started', 'item.updated', 'content.delta')
                   and turn_id is not null) as work
where home_id = $home and thread_id is not null
  and @threads(thread_id)
group by thread_id
"""

STORED: Final = """
from orchestration_events
select stream_id as thread_id, sequence, event_id, event_type as type, epoch_us(occurred_at) as at, command_id,
       case when event_type = 'thread.turn-diff-completed'
            then json_object('turnId', payload ->> 'turnId', 'status', payload ->> 'status',
                             'checkpointTurnCount', payload -> 'checkpointTurnCount',
                             'checkpointRef', payload ->> 'checkpointRef',
                             'assistantMessageId', payload ->> 'assistantMessageId',
                             'completedAt', payload ->> 'completedAt')
            when event_type = 'thread.message-sent'
            then json_object('turnId', payload ->> 'turnId', 'role', payload ->> 'role',
                             'messageId', payload ->> 'messageId', 'streaming', payload -> 'streaming',
                             'createdAt', payload ->> 'createdAt', 'updatedAt', payload ->> 'updatedAt')
            else payload end as payload
where home_id = $home and aggregate_kind = 'thread' and occurred_at is not null
  and event_type in ('thread.session-set', 'thread.turn-start-requested', 'thread.turn-interrupt-requested',
                     'thread.session-stop-requested', 'thread.approval-response-requested',
                     'thread.user-input-response-requested', 'thread.turn-diff-completed', 'thread.message-sent',
                     'thread.checkpoint-revert-requested', 'thread.reverted', 'thread.deleted')
  and @threads(stream_id)
order by stream_id, sequence
"""

ACTIVITIES: Final = """
from orchestration_events
select stream_id as thread_id, sequence, event_id, epoch_us(occurred_at) as at,
       payload ->> '$.activity.kind' as kind,
       payload ->> '$.activity.turnId' as turn_id,
       payload ->> '$.activity.payload.requestId' as request_id,
       payload ->> '$.activity.payload.detail' as detail
where home_id = $home and event_type = 'thread.activity-appended'
  and ((payload ->> '$.activity.kind') like 'provider.%'
       or (payload ->> '$.activity.kind') in ('user-input.requested', 'user-input.resolved'))
  and @threads(stream_id)
order by stream_id, sequence
"""

ANCHORS: Final = """
from orchestration_events
select stream_id as thread_id, split_part(command_id, ':', 2) as event_id, min(sequence) as sequence
where home_id = $home and command_id like 'provider:%'
  and @threads(stream_id)
group by all
"""

STORE_TOTALS: Final = """
from orchestration_events
select coalesce(max(sequence), 0) as last_sequence,
       coalesce(max(sequence) filter (command_id like 'server:%' and command_id not like 'server:checkpoint%'), 0)
           as last_reactor_sequence,
       coalesce(max(sequence) filter (command_id like 'provider:%'), 0) as last_ingested_sequence,
       epoch_us(max(occurred_at) filter (command_id like 'provider:%')) as last_ingested_at,
       epoch_us(max(occurred_at)) as newest_at
where home_id = $home
"""

FILES_CHANGED: Final = "from source_files select epoch_us(max(mtime)) where home_id = $home"

CLOCK_FALLS: Final = """
from (from orchestration_events select sequence, occurred_at,
      lag(occurred_at) over (order by sequence) as before where home_id = $home)
select sequence, epoch_us(before) as before, epoch_us(occurred_at) as after
where before - occurred_at > to_seconds($clock)
order by sequence limit 20
"""

PROJECTORS: Final = "from projectors select projector, last_applied_sequence where home_id = $home"

THREADS: Final = """
from threads
select thread_id, title, project_id, latest_turn_id, epoch_us(created_at) as created_at,
       epoch_us(updated_at) as updated_at, epoch_us(archived_at) as archived_at, epoch_us(deleted_at) as deleted_at,
       pending_approval_count, pending_user_input_count
where home_id = $home and @threads(thread_id)
"""

SESSIONS: Final = """
from sessions
select thread_id, status, provider_name, active_turn_id, last_error, epoch_us(updated_at) as updated_at,
       binding_status, binding_provider, epoch_us(binding_last_seen_at) as binding_last_seen_at,
       binding_active_turn_id, binding_last_error, binding_last_event,
       epoch_us(binding_last_event_at) as binding_last_event_at, binding_resume_cursor::varchar as binding_resume_cursor
where home_id = $home and @threads(thread_id)
"""

TURNS: Final = """
from turns
select thread_id, row_id, turn_id, pending_message_id, state, epoch_us(requested_at) as requested_at,
       epoch_us(started_at) as started_at, epoch_us(completed_at) as completed_at, assistant_message_id,
       checkpoint_turn_count, checkpoint_ref, checkpoint_status
where home_id = $home and @threads(thread_id)
order by thread_id, row_id
"""

APPROVALS: Final = """
from approvals
select thread_id, request_id, turn_id, status, epoch_us(created_at) as created_at, epoch_us(resolved_at) as resolved_at
where home_id = $home and @threads(thread_id)
"""

SPANS: Final = """
from spans
select name, thread_id, epoch_us(started_at) as at, epoch_us(ended_at) as ended_at, exit,
       attributes::varchar as attributes, events::varchar as events, path, line, "offset"
where home_id = $home
  and (name like '%reap%' or events::varchar like '%reap%' or exit is distinct from 'Success')
order by started_at limit 10000
"""

WITHOUT_RECEIPT: Final = """
from orchestration_events as e
anti join receipts as r on r.home_id = e.home_id and r.command_id = e.command_id
select e.sequence, e.stream_id, e.event_id, e.event_type
where e.home_id = $home
order by e.sequence limit 20
"""

UNKNOWN_TYPES: Final = """
(from orchestration_events select event_type as type, count(*) as n where home_id = $home group by all)
union all by name
(from log_events select type, count(*) as n where home_id = $home and label = 'CANON' group by all)
"""
