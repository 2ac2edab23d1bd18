"""The SQL that turns the store into facts. Everything big stays in DuckDB; only lifecycle rows come out.

Every query is about a home; ``@home(column)`` stands for the restriction to it, ``@threads(column)`` for that to some
threads (``only``). Those with ``@each`` can be asked of several homes at once (``of_many``): it stands for the column that
then tells whose a row is, the last one. Every order is total, so that the same store always tells the same story.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from t3lens.store.sql import listed
from t3lens.t3code.data_model import PROTOCOL_RECORD
from t3lens.t3code.native import accepted_messages, lifecycle_signs, record, requests
from t3lens.t3code.v1 import event_types, log_grammar, server_trace, writers
from t3lens.t3code.v2.log import PROTOCOL_MEMBER
from t3lens.time import Micros

__all__ = [
    "ACTIVITIES",
    "ANCHORS",
    "APPROVALS",
    "ASKS",
    "BEGAN_LATER",
    "BINDINGS",
    "CANONICAL",
    "CLOCK_FALLS",
    "CLOCK_SET_BACK_OVER",
    "DATABASES",
    "FAULTS",
    "FILES_CHANGED",
    "FILE_PROBLEMS",
    "FIRST_AFTER",
    "HOME",
    "INGESTED",
    "IS_SMALL",
    "LOGGED",
    "MARKS",
    "MAY_BE_RESTARTED",
    "MESSAGES_TAKEN",
    "MODEL",
    "NATIVE",
    "NEWEST_OF_ALL",
    "NEWEST_SNAPSHOT",
    "NEXT_AFTER",
    "OF_RECORDS",
    "PAYLOAD_KEYS",
    "PROJECTORS",
    "PROTOCOL_RECORDS",
    "QUARANTINED",
    "RECORDS",
    "RECORD_TURNS",
    "SERVER_RUNS",
    "SESSIONS",
    "SIGNS",
    "SIZES",
    "SPANS",
    "STORED",
    "STORED_KEYS",
    "STORED_LAST",
    "STORE_TOTALS",
    "THREADS",
    "THREAD_LOGS",
    "THREAD_LOGS_OF_MANY",
    "TIMES_BEHIND",
    "TOLD",
    "TRUNCATED",
    "TURNS",
    "UNKNOWN_TYPES",
    "WAS_RESTARTED",
    "WEIGHTS",
    "WENT_ON",
    "WITHOUT_RECEIPT",
    "LoggedRows",
    "Until",
    "most_of",
    "of_many",
    "only",
    "part_logged",
    "some_of",
]

_THREADS: Final = re.compile(r"@threads\(([\w\[\].]+)\)")
_UNTIL: Final = re.compile(r"@until\((\w+|least\(.*?\)\))\)")
_SAID_AT: Final = "least(logged_at, coalesce(created_at, logged_at))"
"""When a log line's record came about: the line is written a moment later, and its event is stored under this time."""
_STORED_UNTIL: Final = re.compile(r"@stored_until\(([\w.]+)\)")
_NAMED: Final = re.compile(r"@named\((\w+)\)")
_PLAIN: Final = re.compile(r"[\w.-]+", re.ASCII)
_HOME: Final = re.compile(r"@home(?:\(([\w.]+)\))?")
_EACH: Final = re.compile(r" ?@each(?:\(([\w.]+)\))?")
_MOST: Final = re.compile(r"@most\((\d+)\)")
_HOMES: Final = "(select unnest($homes))"


class Until(msgspec.Struct, frozen=True):
    """The last of a home's records that are looked at.

    Attributes:
        moment: Log lines after it are left out, microseconds UTC.
        sequence: Stored events from this one on are left out; None for none. The server dates many of its own events by
            the request they answer, so their times alone do not tell what was stored by then.
    """

    moment: Micros
    sequence: int | None


def only(sql: str, threads: Sequence[str] | None, until: Until | None = None) -> tuple[str, dict[str, object]]:
    """A query restricted to some threads and to records up to a moment, and the parameters for that.

    Args:
        sql: One of the queries here.
        threads: Thread ids; None for all. One alone is compared directly, which lets DuckDB skip whole row groups,
            and JSON that does not contain it (``@named``) is not parsed; an id that JSON may write otherwise than
            it is read is looked for in all of them.
        until: Leaves out what is newer, where the query says which column tells (``@until``, ``@stored_until``).
    """
    sql, cut = _cut(_of_one(sql), until)
    restricted, values = _restricted(sql, threads)
    return restricted, values | cut


def of_many(sql: str) -> str | None:
    """A query of all threads and records of several homes, ``$homes``: the last column tells whose each row is.

    Args:
        sql: One of the queries here.

    Returns:
        None if it can be asked of one home only. Where it limits its rows (``most_of``), there may be more; what counts
        something has no row of a home that has none of it.
    """
    if "@each" not in sql:
        return None
    sql, _ = _cut(sql, None)
    sql, _ = _restricted(sql, None)
    sql = _MOST.sub("", sql.replace("@grouped", "group by home_id").replace("@parted", "partition by home_id"))
    newest = f"snapshot_id in (from _snapshots select max(snapshot_id) where home_id in {_HOMES} group by home_id)"
    sql = _EACH.sub(lambda column: f", {column[1] or 'home_id'}", sql.replace("@snapshot", newest))
    return _HOME.sub(lambda column: f"{column[1] or 'home_id'} in {_HOMES}", sql)


def most_of(sql: str) -> int | None:
    """So many rows of a home a query gives at most; None if it gives all."""
    found = _MOST.search(sql)
    return int(found[1]) if found else None


def _of_one(sql: str) -> str:
    """A query of the home ``$home``."""
    sql = sql.replace("@grouped", "").replace("@parted", "").replace("@snapshot", "snapshot_id = $snapshot")
    sql = _MOST.sub(r"limit \1", sql)
    return _HOME.sub(lambda column: f"{column[1] or 'home_id'} = $home", _EACH.sub("", sql))


def _cut(sql: str, until: Until | None) -> tuple[str, dict[str, object]]:
    values: dict[str, object] = {}
    logged, stored = "true", "true"
    if until is not None and "@until" in sql:
        logged, values["moment"] = r"epoch_us(\1) <= $moment", until.moment
    if until is not None and until.sequence is not None and "@stored_until" in sql:
        stored, values["cut"] = r"\1 < $cut", until.sequence
    return _STORED_UNTIL.sub(stored, _UNTIL.sub(logged, sql)), values


def _restricted(sql: str, threads: Sequence[str] | None) -> tuple[str, dict[str, object]]:
    if "@threads" not in sql or threads is None:
        return _NAMED.sub("true", _THREADS.sub("true", sql)), {}
    if len(threads) == 1:
        named = r"contains(\1::varchar, $thread)" if _PLAIN.fullmatch(threads[0]) else "true"
        return _NAMED.sub(named, _THREADS.sub(r"\1 = $thread", sql)), {"thread": threads[0]}
    some = _THREADS.sub(r"\1 in (select unnest($threads))", sql)
    return _NAMED.sub("true", some), {"threads": list(threads)}


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
    "detail.error.additionalDetails",
)
"""What rules and detectors read of a canonical payload; the rest (texts, diffs) is never decoded here."""


def some_of(payload: str, keys: Sequence[str]) -> str:
    """SQL of a JSON list with the values of some keys of an object: an object of them would take twice as long."""
    paths = ", ".join(f"'$.{key}'" for key in keys)
    return f"to_json(json_extract({payload}, [{paths}]))"


FAULTS: Final = "from _database_faults select damaged, missing_tables @each where @home"

MODEL: Final = "from databases select data_model @each where @home and in_use"

DATABASES: Final = """
from databases
select name, data_model, in_use, why, epoch_us(newest_at) as newest_at, sure, to_json(only_here)::varchar as only_here @each
where @home order by in_use desc, name
"""

UNFINISHED: Final = "from _unfinished select why @each where @home"
"""Why the reading of a home was begun and did not end."""

HOME: Final = """
from homes
select path, kind, has_database, has_logs, database_error, log_generation, migrations, server_version,
       epoch_us(runtime_started_at) as runtime_started_at @each
where @home
"""

_NATIVE_PREFIXES: Final = " or ".join(f"type like '{prefix}%'" for prefix in lifecycle_signs.PREFIXES)
_UPDATES, _TELLING = lifecycle_signs.UPDATES
_ANSWER_MARKS: Final = " or ".join(f"contains(payload::varchar, '{mark}')" for mark in lifecycle_signs.ANSWER_MARKS)

_LIFECYCLE: Final = f"label = '{log_grammar.CANONICAL}' and type in $types and event_id is not null"
_SIGNS: Final = f"""label = '{log_grammar.NATIVE}'
  and (type in ({listed(lifecycle_signs.TYPES)}) or {_NATIVE_PREFIXES}
       or (type like '%{_UPDATES}' and contains(payload::varchar, '{_TELLING}'))
       or (type in ({listed(lifecycle_signs.ANSWERS)}) and ({_ANSWER_MARKS})))"""
_READ: Final = some_of("payload", PAYLOAD_KEYS)
_SAID: Final = f"json_extract_string(coalesce(payload, '{{}}'), [{listed(record.PATHS)}])"


def _logged(columns: str, which: str) -> str:
    """SQL of log lines of threads, in the order of each thread's log."""
    return f"""
from _log_events join (from _files select file_key, file_order, path) using (file_key)
select {columns} @each
where @home and thread_id is not null and logged_at is not null
  and ({which})
  and @until({_SAID_AT})
  and @threads(thread_id)
order by thread_id, file_order, line, file_key
"""


_OF_CANONICAL: Final = """thread_id, event_id, type, epoch_us(logged_at) as at, turn_id, item_id, request_id,
       provider, provider_instance_id, path, line, "offset\""""

CANONICAL: Final = _logged(f"{_OF_CANONICAL}, {_READ} as payload", _LIFECYCLE)

NATIVE: Final = _logged(
    f'thread_id, type, epoch_us(logged_at) as at, turn_id, provider_thread_id, path, line, "offset", {_SAID} as payload',
    _SIGNS,
)

LOGGED: Final = _logged(
    f"""label, {_OF_CANONICAL}, case when label = '{log_grammar.CANONICAL}' then {_READ} end as payload,
       provider_thread_id, case when label = '{log_grammar.NATIVE}' then {_SAID} end as said""",
    f"({_LIFECYCLE}) or ({_SIGNS})",
)
"""Both in one: of few lines planning takes longer than reading them. See ``part_logged``."""


class LoggedRows(msgspec.Struct, frozen=True):
    """Rows of ``LOGGED`` as the queries of one label give them.

    Attributes:
        canonical: As ``CANONICAL`` does.
        native: As ``NATIVE`` does.
    """

    canonical: list[tuple[Any, ...]]
    native: list[tuple[Any, ...]]


def part_logged(rows: Iterable[tuple[Any, ...]]) -> LoggedRows:
    """Part rows of ``LOGGED`` by their label."""
    parted = LoggedRows([], [])
    for label, *row, session, said in rows:
        if label == log_grammar.CANONICAL:
            parted.canonical.append(tuple(row))
        else:
            thread_id, _, kind, at, turn, _, _, _, _, path, line, offset, _ = row
            parted.native.append((thread_id, kind, at, turn, session, path, line, offset, said))
    return parted


MESSAGES_TAKEN: Final = f"""
from log_events
select thread_id, epoch_us(min(logged_at)) as taken_at, any_value({accepted_messages.MESSAGE_SESSION}) as session_id
where home_id = $home and label = '{log_grammar.NATIVE}' and thread_id in (select unnest($waiting))
  and logged_at is not null and @until({_SAID_AT}) and {accepted_messages.MESSAGE_TAKEN}
group by thread_id, {accepted_messages.MESSAGE_TAKEN_ID}
order by thread_id, taken_at
"""
"""When each message of some threads was first seen taken, by the provider's own records."""

ASKS: Final = f"""
from log_events
select thread_id, epoch_us(logged_at) as asked_at, {requests.ASK} as asks, {requests.ASK_ID} as ask_id, type,
       {requests.ASKING_SESSION} as session_id,
       path, line, byte_offset
where home_id = $home and label = '{log_grammar.NATIVE}' and thread_id in (select unnest($working))
  and logged_at is not null and @until({_SAID_AT}) and ({requests.ASK} or {requests.ANSWER})
order by thread_id, file_order, line, file_id::int
"""
"""What the providers of some threads asked in their own protocol, and were answered."""

FIRST_AFTER: Final = f"""
from orchestration_events select min(sequence)
where home_id = $home and (occurred_at > make_timestamptz($moment)
    or (event_type = '{event_types.SESSION_SET}' and contains(payload::varchar, 'updatedAt')
        and epoch_us(try_cast(payload ->> '$.session.updatedAt' as timestamptz)) > $moment))
"""
"""The first event that was stored after a moment: what stands behind it came later still, whatever its date."""

NEXT_AFTER: Final = """
select epoch_us(least(
    (from orchestration_events select min(occurred_at) where home_id = $home and sequence >= $cut
        and occurred_at > make_timestamptz($moment)),
    (from log_events select min(logged_at) where home_id = $home and logged_at > make_timestamptz($moment))))
"""
"""When the first record after a moment was written."""

CLOCK_SET_BACK_OVER: Final = """
from (from orchestration_events select occurred_at as after,
      lag(occurred_at) over (order by sequence) as before where home_id = $home)
select count(*) > 0
where before - after > to_seconds($clock) and epoch_us(before) > $moment and epoch_us(after) <= $moment
"""
"""Whether the clock was set back over a moment: then no date tells what was stored by then."""

WENT_ON: Final = f"""
select distinct thread_id from (
    (from orchestration_events select stream_id as thread_id
     where home_id = $home and aggregate_kind = 'thread' and sequence >= $cut)
    union all by name
    (from log_events select thread_id where home_id = $home and epoch_us({_SAID_AT}) > $moment))
where thread_id is not null and @threads(thread_id) order by thread_id
"""
"""Threads of which something was stored or logged after a moment."""

STORED_LAST: Final = """
from orchestration_events
select stream_id as thread_id, epoch_us(max(occurred_at)) as at
where home_id = $home and @stored_until(sequence) and stream_id in (select unnest($silent))
group by stream_id order by stream_id
"""

TOLD: Final = f"""
from orchestration_events
select stream_id as thread_id, sequence, event_id, epoch_us(occurred_at) as at,
       case payload ->> '$.activity.kind' when '{event_types.TOOL_COMPLETED}' then '{event_types.ITEM_COMPLETED}'
            else '{event_types.RUNTIME_WARNING}' end as type,
       payload ->> '$.activity.turnId' as turn_id,
       {some_of("payload -> '$.activity.payload'", PAYLOAD_KEYS)} as payload
where home_id = $home and event_type = '{event_types.ACTIVITY_APPENDED}' and stream_id in (select unnest($silent))
  and (payload ->> '$.activity.kind') in ('{event_types.RUNTIME_WARNING}', '{event_types.TOOL_COMPLETED}')
  and @stored_until(sequence)
order by stream_id, sequence
"""
"""What the providers of some threads warned of, and which tools ended, by the store alone."""

_LINE: Final = (
    """{'line': line, 'offset': "offset", 'at': epoch_us(logged_at), 'label': label, 'type': coalesce(type, '')}"""
)
"""SQL of a ``LogLine`` without its file."""


def _thread_logs(truncated: str) -> str:
    """SQL of the totals of each thread's log. Of each file the last line is looked for among its own lines: to tell all
    lines of a thread by their files as well takes twice as long.
    """
    return f"""
from (from _log_events
      select thread_id, file_key, count(*) as records, min(logged_at) as first_at, {truncated} as truncated,
             arg_max({_LINE}, line) as last,
             arg_max({_LINE}, line)
                 filter (label = '{log_grammar.CANONICAL}' and type in ({listed(event_types.WORK_TYPES)})
                         and turn_id is not null) as work @each
      where @home and thread_id is not null
        and @until({_SAID_AT})
        and @threads(thread_id)
      group by thread_id, file_key @each) as e
join _files as f using (file_key)
select e.thread_id,
       sum(e.records)::bigint as records,
       epoch_us(min(e.first_at)) as first_at,
       max(f.generation)::integer as generation,
       sum(e.truncated)::bigint as truncated,
       arg_max({{'path': f.path, 'line': e.last}}, (f.file_order, e.last.line, file_key)) as last,
       arg_max({{'path': f.path, 'line': e.work}}, (f.file_order, e.work.line, file_key)) filter (e.work is not null) as work
       @each(e.home_id)
group by e.thread_id @each(e.home_id)
"""


THREAD_LOGS: Final = _thread_logs(f"count(*) filter ({log_grammar.CUT_SHORT})")

THREAD_LOGS_OF_MANY: Final = _thread_logs("0")
"""The same, but for records that were cut short, which ``TRUNCATED`` tells of: by itself it takes half as long."""

TRUNCATED: Final = f"""
from log_events
select thread_id, count(*) as truncated @each
where @home and truncated and thread_id is not null
  and @until({_SAID_AT})
  and @threads(thread_id)
group by thread_id @each
"""

_MESSAGE_KEYS: Final = event_types.STORED_KEYS[event_types.MESSAGE_SENT]
_CHECKPOINT_KEYS: Final = event_types.STORED_KEYS[event_types.TURN_DIFF_COMPLETED]


STORED_KEYS: Final = event_types.STORED_KEYS
"""Keys of those payloads of which ``STORED`` gives some: the values alone, as a JSON list in this order."""


STORED: Final = f"""
from orchestration_events
select stream_id as thread_id, sequence, event_id, event_type as type, epoch_us(occurred_at) as at, command_id,
       case when event_type = '{event_types.TURN_DIFF_COMPLETED}' then {some_of("payload", _CHECKPOINT_KEYS)}
            when event_type = '{event_types.MESSAGE_SENT}' then {some_of("payload", _MESSAGE_KEYS)}
            else payload end as payload
       @each
where @home and aggregate_kind = 'thread' and occurred_at is not null
  and event_type in ({listed(event_types.STATE_TYPES)})
  and @stored_until(sequence)
  and @threads(stream_id)
order by stream_id, sequence
"""

ACTIVITIES: Final = f"""
from orchestration_events
select stream_id as thread_id, sequence, event_id, epoch_us(occurred_at) as at,
       coalesce(payload ->> '$.activity.kind', '') as kind,
       payload ->> '$.activity.turnId' as turn_id,
       payload ->> '$.activity.payload.requestId' as request_id,
       coalesce(payload ->> '$.activity.payload.detail', payload ->> '$.activity.payload.message',
                payload ->> '$.activity.payload.error', payload ->> '$.activity.summary') as detail @each
where @home and event_type = '{event_types.ACTIVITY_APPENDED}'
  and ((payload ->> '$.activity.kind') like '{event_types.PROVIDER_ACTIVITY_PREFIX}%'
       or (payload ->> '$.activity.kind') in ({listed(event_types.QUESTION_ACTIVITIES)})
       or (payload ->> '$.activity.tone') = '{event_types.ERROR_TONE}')
  and @stored_until(sequence)
  and @threads(stream_id)
order by stream_id, sequence
"""

ANCHORS: Final = f"""
from orchestration_events
select stream_id as thread_id, split_part(command_id, ':', 2) as event_id, min(sequence) as sequence @each
where @home and command_id like '{writers.INGESTION}%'
  and @stored_until(sequence)
  and @threads(stream_id)
group by all
"""
"""Their order does not matter."""

INGESTED: Final = f"""
from orchestration_events
select distinct stream_id as thread_id @each
where @home and command_id like '{writers.INGESTION}%'
  and @stored_until(sequence)
  and @threads(stream_id)
order by thread_id
"""
"""Threads of which ``ANCHORS`` would tell: all that there is to know of them where no log line can stand at one."""

STORE_TOTALS: Final = f"""
from orchestration_events
select coalesce(max(sequence), 0) as last_sequence,
       coalesce(max(sequence) filter (command_id like '{writers.REACTOR}%'
                                        and command_id not like '{writers.CHECKPOINT_REACTOR}%'), 0)
           as last_reactor_sequence,
       epoch_us(max(occurred_at)) as newest_at @each
where @home and @stored_until(sequence)
@grouped
"""

QUARANTINED: Final = "from quarantine select count(*) @each where @home @grouped"

FILE_PROBLEMS: Final = """
from source_files select path, status, error @each where @home and error is not null order by path, file_id::int
"""

FILES_CHANGED: Final = "from source_files select epoch_us(max(mtime)) where home_id = $home"

SIGNS: Final = "from _home_signs select signs::varchar @each where @home"

PROTOCOL_RECORDS: Final = f"""
from _log_events select count(*) > 0 @each
where @home and label = '{log_grammar.NATIVE}' and contains(extra::varchar, '{PROTOCOL_RECORD}')
    and extra ->> '{PROTOCOL_MEMBER}' is not null
@grouped
"""

NEWEST_OF_ALL: Final = """
select epoch_us(greatest(
    (from _log_events select max(logged_at) where home_id = $home),
    (from orchestration_events select max(occurred_at) where home_id = $home),
    (from threads select max(updated_at) where home_id = $home)))
"""
"""The newest record of a home whose records are not looked at one by one."""

WEIGHTS: Final = """
from (
    (from orchestration_events select stream_id as thread_id, count(*) as n where home_id = $home group by all)
    union all by name
    (from log_events select thread_id, count(*) as n where home_id = $home group by all)
)
select thread_id, sum(n)::bigint as n where thread_id is not null group by all order by thread_id
"""
"""Threads, and streams that are none, with the number of their records."""

BEGAN_LATER: Final = f"""
from log_events select count(*) > 0
where home_id = $home and label = '{log_grammar.CANONICAL}' and type = '{event_types.TURN_STARTED}'
  and epoch_us(logged_at) > $newest
"""
"""Whether a turn began after a moment, by the log."""

SIZES: Final = """
from (
    (from _orchestration_events select home_id, count(*) as n where home_id in (select unnest($homes)) group by all)
    union all by name
    (from _log_events select home_id, count(*) as n where home_id in (select unnest($homes)) group by all)
)
select home_id, sum(n)::bigint group by home_id
"""
"""Log lines and stored events of some homes."""

IS_SMALL: Final = """
select (from (from _log_events select 1 where home_id = $home limit $most) select count(*))
     + (from (from _orchestration_events select 1 where home_id = $home limit $most) select count(*)) < $most
"""
"""Whether a home has fewer log lines and stored events than a bound."""

CLOCK_FALLS: Final = """
from (from orchestration_events select sequence, occurred_at @each,
      lag(occurred_at) over (@parted order by sequence) as before where @home)
select sequence, epoch_us(before) as before, epoch_us(occurred_at) as after @each
where before - occurred_at > to_seconds($clock) and @stored_until(sequence)
order by sequence @most(20)
"""

TIMES_BEHIND: Final = """
from orchestration_events select sequence, epoch_us(occurred_at) where home_id = $home and sequence > $last order by sequence
"""
"""Sequences and times of the events behind one."""

PROJECTORS: Final = """
from projectors select projector, last_applied_sequence @each where @home order by projector
"""

NEWEST_SNAPSHOT: Final = "from _snapshots select max(snapshot_id) @each where @home @grouped"


MARKS: Final = """
from (from _homes select home_id, max(database_stamp) as stamp where @home group by home_id)
left join (from _snapshots select home_id, max(snapshot_id) as snapshot, max(last_seen_at) as seen
           where @home group by home_id) using (home_id)
left join (from _files select home_id, count(*) as there, sum(rotation) as rotations
           where @home and kind = 'provider-log' and status not in ('missing', 'truncated') group by home_id) using (home_id)
select {'stamp': stamp, 'snapshot': snapshot} as database,
       {'rejected': (from _quarantine select count(*) where not provisional),
        'files': {'there': coalesce(there, 0), 'rotations': rotations}} as logs,
       epoch_us(seen) as seen_at @each
"""
"""What changes when the database does, and when files or lines of logs are lost: cheap to ask, and to compare. And when
the database was last read.
"""


def _snapshot(table: str, owner: str, columns: str, order: str = "1") -> str:
    """SQL of one projection as its newest snapshot has it, without going through the views: a row's JSON is parsed
    once for all columns, and the restriction to threads stands at the base table.

    Args:
        table: Name of the projection in a snapshot.
        owner: Where its thread stands: ``key`` if that is its primary key, else ``content``.
        columns: Paths into a row in the order wanted, first the thread; ``@`` marks times (microseconds come out),
            ``#`` whole numbers.
        order: Places of the columns to order by, before the primary key.
    """
    names = columns.split()
    paths = ", ".join(f"'$.{name.rstrip('@#')}'" for name in names)
    types = {"@": "epoch_us(try_cast({} as timestamptz))", "#": "try_cast({} as bigint)"}
    values = [types.get(name[-1], "{}").format(f"c[{at}]") for at, name in enumerate(names, 1)]
    inside, outside = ("@threads(key)", "true") if owner == "key" else ("true", "@threads(c[1])")
    return f"""
from (from _snapshot_rows
      select snapshot_id, key, case when @named(content) then json_extract_string(content, [{paths}]) end as c
      where @snapshot and table_name = '{table}' and {inside})
select {", ".join(values)} @each(snapshot_id)
where {outside} and c[1] is not null
order by {order}, key
"""


THREADS: Final = _snapshot(
    "threads",
    "key",
    "thread_id title project_id latest_turn_id created_at@ updated_at@ archived_at@ deleted_at@ pending_approval_count#",
)

SESSIONS: Final = _snapshot("sessions", "key", "thread_id status active_turn_id last_error updated_at@ provider_name")

BINDINGS: Final = _snapshot(
    "bindings",
    "key",
    "thread_id status provider_name last_seen_at@ runtime_payload.activeTurnId runtime_payload.lastError "
    "runtime_payload.lastRuntimeEvent runtime_payload.lastRuntimeEventAt@",
)

TURNS: Final = _snapshot(
    "turns",
    "content",
    "thread_id row_id# turn_id pending_message_id state requested_at@ started_at@ completed_at@ "
    "assistant_message_id checkpoint_turn_count# checkpoint_ref checkpoint_status",
    order="1, 2, 3, 4, 5",
)

APPROVALS: Final = _snapshot(
    "approvals",
    "content",
    "thread_id request_id turn_id status created_at@ resolved_at@",
    order="1, 5, 2",
)

OF_RECORDS: Final = frozenset({CANONICAL, NATIVE, STORED, ACTIVITIES, ANCHORS, INGESTED, TURNS, APPROVALS})
"""What is asked of single records of every thread, and of rows it has many of; the thread's id comes first."""

RECORDS: Final = """
from _provider_records
select thread_id, provider, session_id, state, path, coalesce(why, ''), epoch_us(last_at), len(open_sub_agents) > 0,
       read_at, builds @each
where @home and @threads(thread_id)
order by thread_id
"""

RECORD_TURNS: Final = """
from record_turns
select thread_id, turn_id, outcome, confidence, coalesce(why, ''), kind, epoch_us(started_at), epoch_us(ended_at),
       error, inherited, void, marks @each
where @home and @threads(thread_id)
qualify row_number() over (partition by thread_id @each order by place desc) <= 100
order by thread_id, place
"""
"""Only the newest turns: what T3 Code still says runs is among them."""

SPANS: Final = f"""
from spans
select name, thread_id, epoch_us(started_at) as at, epoch_us(ended_at) as ended_at, exit,
       attributes::varchar as attributes, events::varchar as events, path, line, byte_offset @each
where @home and @until(started_at)
  and (name like '%{server_trace.REAPER}%' or events::varchar like '%{server_trace.REAPER}%'
       or exit is distinct from '{server_trace.SUCCESS}')
order by started_at, path, line @most(10000)
"""

WITHOUT_RECEIPT: Final = """
from orchestration_events as e
anti join receipts as r on r.home_id = e.home_id and r.command_id = e.command_id
select e.sequence, e.stream_id, e.event_id, e.event_type @each(e.home_id)
where @home(e.home_id)
  and e.sequence > coalesce((from _receipts_seen as s select max(s.up_to) where s.home_id = e.home_id), 0)
order by e.sequence @most(20)
"""

MAY_BE_RESTARTED: Final = """
from (
    from _server_told select home_id, sign, "at" where @home
    union all
    (from _orchestration_events select home_id, 'record', min(occurred_at) where @home group by home_id)
)
select coalesce(bool_or(sign = 'end')
                or max("at") filter (sign = 'start') - min("at") > interval 5 seconds, false) @each
@grouped
"""
"""Whether the server may have had more than one run: an end was told, or a start after something else. Quickly asked."""

WAS_RESTARTED: Final = "from _server_spans select count(*) > 0 @each where @home and next_start is not null @grouped"
"""Whether more than one run of the server left a sign: cheap to ask, where ``SERVER_RUNS`` is not."""

SERVER_RUNS: Final = """
from server_runs
select epoch_us(next_started_at), how_ended, to_json(turns_taken)::varchar, len(threads_taken), epoch_us(last_event_at) @each
where @home and next_started_at is not null order by run
"""
"""Runs of the server that another one followed."""

UNKNOWN_TYPES: Final = f"""
from (
    (from orchestration_events select event_type as type, count(*) as n @each where @home group by all)
    union all by name
    (from _log_events select type, count(*) as n @each where @home and label = '{log_grammar.CANONICAL}' group by all)
)
select type, sum(n)::bigint as n @each where type is not null group by all order by type
"""
