"""The queries behind a thread's timeline: the store's views → two narrow tables, *spans* and *points*.

A span is anything with a beginning and an end (a session status, a turn, an item, a request); a point is one record.
Both keep only what is drawn or hovered; texts of prompts and answers are never among it.
"""

from __future__ import annotations

from typing import Final

from t3lens.store.sql import listed
from t3lens.t3code.native import claude, codex, opencode
from t3lens.t3code.v1 import event_types as types
from t3lens.t3code.v1 import writers
from t3lens.t3code.v1.log_grammar import CANONICAL, NATIVE

__all__ = [
    "ACTIONS",
    "CREATE",
    "EXPECTED_SESSION",
    "EXPECTED_TURNS",
    "FINDINGS",
    "INCIDENTS",
    "ITEMS",
    "LOG_KINDS",
    "LOG_NAMES",
    "LOG_POINTS",
    "NOTES",
    "RECORDED",
    "REQUESTS",
    "STORED_KINDS",
    "STORED_NAMES",
    "STORED_POINTS",
    "STORED_SESSION",
    "STORED_SESSION_ROW",
    "STORED_TURNS",
    "THREAD",
]

CREATE: Final = """
CREATE TABLE spans (
    lane VARCHAR, id VARCHAR, turn_id VARCHAR, start_us BIGINT, end_us BIGINT, open BOOLEAN, state VARCHAR,
    title VARCHAR, facts JSON
);
CREATE TABLE points (
    kind_n UBIGINT, turn_n UBIGINT, item_n UBIGINT, file_n UBIGINT, at_us BIGINT, file_order INTEGER, line BIGINT
);
CREATE TABLE kinds (n UBIGINT, lane VARCHAR, type VARCHAR, important BOOLEAN, kind VARCHAR);
CREATE TABLE names (n UBIGINT, name VARCHAR);
"""

THREAD: Final = """
SELECT t.title, s.provider_name AS provider, epoch_us(t.created_at) AS created_us, v.verdict, v.primary_code,
       epoch_us(v.since) AS since_us, v.rules, h.has_database, h.has_logs, h.log_generation, h.path
FROM (SELECT ?::VARCHAR AS home_id, ?::VARCHAR AS thread_id) AS k
LEFT JOIN homes AS h USING (home_id)
LEFT JOIN threads AS t USING (home_id, thread_id)
LEFT JOIN sessions AS s USING (home_id, thread_id)
LEFT JOIN verdicts AS v USING (home_id, thread_id)
"""

# Stored times go backwards (the server stamps a reactor's event with its command's time); the order of truth is
# the sequence, so a segment begins at the latest time seen so far.
STORED_SESSION: Final = f"""
WITH sets AS (
    SELECT sequence, event_id, epoch_us(occurred_at) AS at_us,
           max(epoch_us(occurred_at)) OVER (ORDER BY sequence) AS start_us,
           payload -> 'session' ->> 'status' AS status,
           payload -> 'session' ->> 'activeTurnId' AS turn_id,
           payload -> 'session' ->> 'lastError' AS last_error,
           CASE WHEN command_id LIKE '{writers.INGESTION}%' THEN 'ingestion of a provider event'
                WHEN command_id LIKE '{writers.REACTOR}%' THEN 'a reactor of the server'
                ELSE 'a client, or the server at its start' END AS writer
    FROM orchestration_events
    WHERE home_id = ? AND stream_id = ? AND event_type = '{types.SESSION_SET}'
),
changes AS (
    SELECT *, lag(status) OVER w AS before, lag(turn_id) OVER w AS before_turn, row_number() OVER w AS n
    FROM sets WINDOW w AS (ORDER BY sequence)
)
SELECT 'session-stored' AS lane, 'event:' || sequence AS id, turn_id, start_us,
       lead(start_us) OVER (ORDER BY sequence) AS end_us,
       lead(start_us) OVER (ORDER BY sequence) IS NULL AND status IN ('starting', 'running') AS open,
       status AS state, 'session ' || status AS title,
       json_object('active turn', turn_id, 'last error', last_error, 'written by', writer,
                   'stored event', 'sequence ' || sequence) AS facts
FROM changes
WHERE n = 1 OR status IS DISTINCT FROM before OR turn_id IS DISTINCT FROM before_turn
"""

STORED_SESSION_ROW: Final = """
SELECT status, active_turn_id, last_error, epoch_us(updated_at) AS at_us FROM sessions
WHERE home_id = ? AND thread_id = ? AND status IS NOT NULL
"""

EXPECTED_SESSION: Final = """
WITH steps AS (
    SELECT step, occurred_at AS happened, max(epoch_us(occurred_at)) OVER (ORDER BY step) AS start_us, event_id, type, rule,
           why, to_status AS status, to_turn AS turn_id
    FROM transitions
    WHERE home_id = ? AND thread_id = ? AND rules = ? AND to_status IS NOT NULL
),
changes AS (
    SELECT *, lag(status) OVER w AS before, lag(turn_id) OVER w AS before_turn, row_number() OVER w AS n
    FROM steps WINDOW w AS (ORDER BY step)
)
SELECT ?::VARCHAR AS lane, 'step:' || ?::VARCHAR || ':' || step AS id, turn_id, start_us,
       lead(start_us) OVER (ORDER BY step) AS end_us,
       lead(start_us) OVER (ORDER BY step) IS NULL AND status IN ('starting', 'running') AS open,
       status AS state, 'session should be ' || status AS title,
       json_object('active turn', turn_id, 'rule', rule, 'because', why, 'event', type) AS facts
FROM changes
WHERE n = 1 OR status IS DISTINCT FROM before OR turn_id IS DISTINCT FROM before_turn
"""

STORED_TURNS: Final = """
SELECT 'turns-stored' AS lane, 'turn:' || coalesce(t.turn_id, 'row ' || t.row_id) AS id, t.turn_id,
       coalesce(epoch_us(t.started_at), epoch_us(t.requested_at)) AS start_us, epoch_us(t.completed_at) AS end_us,
       t.completed_at IS NULL AND t.state IN ('pending', 'running') AS open,
       t.state, 'turn ' || t.state AS title,
       json_object('turn', t.turn_id, 'requested', strftime(t.requested_at, '%H:%M:%S.%g UTC'),
                   'started', strftime(t.started_at, '%H:%M:%S.%g UTC'),
                   'completed', strftime(t.completed_at, '%H:%M:%S.%g UTC'), 'message', t.pending_message_id,
                   'checkpoint', t.checkpoint_status) AS facts
FROM turns AS t
WHERE t.home_id = ? AND t.thread_id = ? AND coalesce(t.started_at, t.requested_at) IS NOT NULL
"""

EXPECTED_TURNS: Final = """
SELECT ?::VARCHAR AS lane, 'turn:' || turn_id AS id, turn_id,
       coalesce(epoch_us(started_at), epoch_us(requested_at), epoch_us(last_activity_at)) AS start_us,
       epoch_us(completed_at) AS end_us,
       completed_at IS NULL AND state IN ('pending', 'running') AS open,
       state, 'turn should be ' || state AS title,
       json_object('turn', turn_id, 'settled', settled, 'error', error, 'ended by', terminal,
                   'last activity', strftime(last_activity_at, '%H:%M:%S.%g UTC')) AS facts
FROM expected_turns
WHERE home_id = ? AND thread_id = ? AND rules = ?
  AND coalesce(started_at, requested_at, last_activity_at) IS NOT NULL
"""

ITEMS: Final = f"""
SELECT 'items' AS lane, 'item:' || item_id AS id, min(turn_id) AS turn_id,
       min(epoch_us(logged_at)) AS start_us,
       max(epoch_us(logged_at)) FILTER (type = '{types.ITEM_COMPLETED}') AS end_us,
       count(*) FILTER (type = '{types.ITEM_COMPLETED}') = 0 AS open,
       coalesce(min(payload ->> 'itemType') FILTER (type IN ('{types.ITEM_STARTED}', '{types.ITEM_COMPLETED}')), 'unknown')
           || ':' || coalesce(min(payload ->> 'status') FILTER (type = '{types.ITEM_COMPLETED}'), '') AS state,
       NULL AS title, json_object('item', item_id, 'turn', min(turn_id), 'records', count(*)) AS facts
FROM log_events
WHERE home_id = ? AND thread_id = ? AND label = '{CANONICAL}' AND item_id IS NOT NULL
  AND type IN ({listed((types.ITEM_STARTED, types.ITEM_UPDATED, types.ITEM_COMPLETED))})
GROUP BY item_id
"""

# What the agent itself recorded of its turns; one that was cut reaches to the turn that shows it.
RECORDED: Final = """
SELECT 'recorded' AS lane, 'recorded:' || place AS id, t.turn_id, epoch_us(started_at) AS start_us,
       CASE outcome WHEN 'cut' THEN TRY_CAST(marks ->> '$[#-1].at' AS BIGINT) ELSE epoch_us(ended_at) END AS end_us,
       outcome = 'open' AS open,
       CASE outcome WHEN 'finished' THEN 'completed' WHEN 'failed' THEN 'error' WHEN 'cut' THEN 'error'
                    WHEN 'aborted' THEN 'interrupted' WHEN 'open' THEN 'running' ELSE 'stopped' END AS state,
       r.provider || ': ' || outcome AS title,
       json_object('turn', t.turn_id, 'outcome', outcome, 'how sure', confidence, 'because', nullif(t.why, ''),
                   'error', error, 'retries', nullif(retries, 0), 'record', r.path) AS facts
FROM record_turns AS t JOIN provider_records AS r USING (home_id, thread_id)
WHERE home_id = ? AND thread_id = ? AND started_at IS NOT NULL AND NOT inherited
"""

REQUESTS: Final = """
SELECT 'requests' AS lane, 'request:' || request_id AS id, turn_id, epoch_us(opened_at) AS start_us,
       epoch_us(closed_at) AS end_us, closed_at IS NULL AS open,
       CASE WHEN closed_at IS NULL THEN 'waiting' ELSE 'completed' END AS state,
       CASE kind WHEN 'approval' THEN 'approval' ELSE 'question' END AS title,
       json_object('request', request_id, 'turn', turn_id, 'kind', request_type, 'decision', decision,
                   'answered', strftime(closed_at, '%H:%M:%S.%g UTC')) AS facts
FROM requests
WHERE home_id = ? AND thread_id = ? AND opened_at IS NOT NULL
"""

# A thread may have millions of records. Of each only numbers are copied; what they stand for is copied once: words
# become their hashes (64 bits: a clash among a million of them is less likely than a broken disk).
LOG_POINTS: Final = """
SELECT hash(label, type) AS kind_n, hash(turn_id) AS turn_n, hash(item_id) AS item_n, hash(file_id) AS file_n,
       epoch_us(logged_at) AS at_us, file_order, line
FROM log_events
WHERE home_id = ? AND thread_id = ? AND logged_at IS NOT NULL
"""

# What is drawn how, of canonical and of native records.
_LIFECYCLE: Final = (
    *(
        types.SESSION_STARTED,
        types.SESSION_CONFIGURED,
        types.SESSION_STATE_CHANGED,
        types.THREAD_STARTED,
    ),
    *(types.THREAD_STATE_CHANGED, types.TURN_STARTED, opencode.SESSION_STATUS, codex.TURN_STARTED),
)
_TERMINAL: Final = (
    *(types.TURN_COMPLETED, types.SESSION_EXITED),
    *(opencode.SESSION_IDLE, codex.TURN_COMPLETED, claude.RESULT),
)
_TROUBLE: Final = (
    *(types.RUNTIME_ERROR, types.RUNTIME_WARNING, types.TURN_ABORTED),
    *(opencode.SESSION_ERROR, codex.TURN_ABORTED),
)
_IMPORTANT: Final = (*_LIFECYCLE, *_TERMINAL, *_TROUBLE, *types.ASKED_TYPES, *types.ANSWERED_TYPES)

LOG_KINDS: Final = f"""
SELECT hash(label, type) AS n,
       CASE label WHEN '{CANONICAL}' THEN 'canonical' WHEN '{NATIVE}' THEN 'native' ELSE 'orchestration' END AS lane, type,
       coalesce(type IN ({listed(_IMPORTANT)}), FALSE) AS important,
       CASE
           WHEN type IN ({listed(_TERMINAL)}) THEN 'terminal'
           WHEN type IN ({listed(_TROUBLE)}) THEN 'trouble'
           WHEN type LIKE '{types.REQUEST_PREFIX}%' OR type LIKE '{types.USER_INPUT_PREFIX}%' THEN 'ask'
           WHEN type IN ({listed(_LIFECYCLE)}) THEN 'lifecycle'
           ELSE 'other' END AS kind
FROM (SELECT DISTINCT label, type FROM log_events WHERE home_id = ? AND thread_id = ? AND logged_at IS NOT NULL)
"""

LOG_NAMES: Final = """
SELECT hash(name) AS n, name FROM (
    SELECT DISTINCT turn_id AS name FROM log_events WHERE home_id = $home AND thread_id = $thread
    UNION SELECT DISTINCT item_id FROM log_events WHERE home_id = $home AND thread_id = $thread
    UNION SELECT DISTINCT file_id FROM log_events WHERE home_id = $home AND thread_id = $thread
)
WHERE name IS NOT NULL
"""

# What the session and the turns say by themselves, and far too often to stand out.
_UNIMPORTANT: Final = listed((types.MESSAGE_SENT, types.ACTIVITY_APPENDED, types.THREAD_META_UPDATED))

_STORED: Final = f"""
SELECT epoch_us(occurred_at) AS at_us, event_type AS type, sequence,
       coalesce(payload ->> 'turnId', payload -> 'session' ->> 'activeTurnId') AS turn_id,
       event_type NOT IN ({_UNIMPORTANT}) AS important,
       CASE
           WHEN event_type IN ({listed(sorted(types.REQUEST_TYPES))}) THEN 'command'
           WHEN event_type = '{types.SESSION_SET}' AND (payload -> 'session' ->> 'status') = 'error' THEN 'trouble'
           WHEN event_type IN ({_UNIMPORTANT}) THEN 'other'
           ELSE 'lifecycle' END AS kind
FROM orchestration_events
WHERE home_id = ? AND stream_id = ? AND occurred_at IS NOT NULL
"""

# A stored event comes from no file: that tells it from a record of a log.
STORED_POINTS: Final = f"""
SELECT hash('stored', type, kind) AS kind_n, hash(turn_id) AS turn_n, NULL AS item_n, NULL AS file_n, at_us,
       0 AS file_order, sequence AS line
FROM ({_STORED})
"""

STORED_KINDS: Final = f"""
SELECT DISTINCT hash('stored', type, kind) AS n, 'orchestration' AS lane, type, important, kind FROM ({_STORED})
"""

STORED_NAMES: Final = f"""
SELECT DISTINCT hash(turn_id) AS n, turn_id AS name FROM ({_STORED}) WHERE turn_id IS NOT NULL
"""

FINDINGS: Final = """
SELECT f.finding_id, f.thread_id IS NULL AS home_wide, f.turn_id, f.code, f.severity, f.confidence,
       epoch_us(f.since) AS since_us, f.since_event_id, f.summary, f.remedy, f.makes, f.rank
FROM findings AS f
WHERE f.home_id = ? AND (f.thread_id = ? OR f.thread_id IS NULL)
ORDER BY f.severity, f.rank, f.code, f.finding_id
"""

# What is wrong now has no end; a home's past is in the view as far as it was asked for.
INCIDENTS: Final = """
SELECT 'incidents' AS lane, 'incident:' || incident_id AS id, turn_id, epoch_us(since) AS start_us,
       epoch_us(until) AS end_us, until IS NULL AS open, verdict AS state, verdict || ': ' || code AS title,
       json_object('incident', incident_id, 'ended by', ended_by, 'action', action_id, 'turn', turn_id,
                   'message', message_id, 'because', summary) AS facts
FROM incidents
WHERE home_id = ? AND thread_id = ?
"""

# An action ends where its effect was seen; one without an effect is a moment.
NOTES: Final = """
SELECT note_id, epoch_us(about) AS at_us, text, strftime(written_at, '%Y-%m-%d %H:%M:%S') AS written FROM notes
WHERE home_id = ? AND thread_id = ? ORDER BY about, note_id LIMIT 200
"""
"""What people wrote about moments."""

ACTIONS: Final = """
SELECT 'actions' AS lane, 'action:' || action_id AS id, turn_id, epoch_us(started_at) AS start_us,
       CASE WHEN changed AND finished_at > started_at THEN epoch_us(finished_at) ELSE epoch_us(started_at) END AS end_us,
       FALSE AS open, outcome AS state, kind || ', ' || outcome AS title,
       json_object('outcome', outcome,
                   'session', coalesce(before, 'unknown') || ' → ' || coalesce(after, 'unknown'),
                   'outcome written', strftime(finished_at, '%H:%M:%S.%g UTC'), 'who', who, 'why', nullif(why, ''),
                   'said', detail) AS facts
FROM actions
WHERE home_id = ? AND thread_id = ?
"""
