-- Base tables (leading underscore: private) and the public views over them.
-- Every statement is idempotent: the whole file runs again whenever the schema text changes.
-- Views name no column with a word of SQL, so that each can be selected without quotes; tables may.

CREATE TABLE IF NOT EXISTS _meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);

CREATE SEQUENCE IF NOT EXISTS _snapshot_ids START 1;

CREATE TABLE IF NOT EXISTS _homes (
    home_id VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    environment_id VARCHAR,
    runtime_pid BIGINT,
    runtime_origin VARCHAR,
    runtime_started_at TIMESTAMPTZ,
    server_version VARCHAR,
    has_database BOOLEAN NOT NULL,
    has_logs BOOLEAN NOT NULL,
    database_error VARCHAR,
    database_stamp VARCHAR,
    last_ingested_at TIMESTAMPTZ
);

-- What tells the data model of a home: names of its databases, tables and migrations (t3lens.t3code.data_model.Signs).
CREATE TABLE IF NOT EXISTS _home_signs (home_id VARCHAR NOT NULL, signs JSON NOT NULL);

-- Homes that a reading began and did not end, and why.
CREATE TABLE IF NOT EXISTS _unfinished (home_id VARCHAR NOT NULL, began TIMESTAMPTZ NOT NULL, why VARCHAR NOT NULL);

-- What is wrong with a home's databases, for conclusions; _homes.database_error says it in words.
CREATE TABLE IF NOT EXISTS _database_faults (
    home_id VARCHAR NOT NULL,
    damaged BOOLEAN NOT NULL,
    missing_tables VARCHAR[] NOT NULL
);

CREATE TABLE IF NOT EXISTS _files (
    file_key INTEGER NOT NULL,
    home_id VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    family VARCHAR NOT NULL,
    rotation INTEGER NOT NULL,
    generation UTINYINT,
    compression VARCHAR,
    thread_id VARCHAR,
    head_length INTEGER NOT NULL,
    head_hash VARCHAR,
    tail_length INTEGER NOT NULL,
    tail_hash VARCHAR NOT NULL,
    size BIGINT NOT NULL,
    mtime_ns BIGINT NOT NULL,
    inode UBIGINT NOT NULL,
    parent_key INTEGER,
    base_offset BIGINT NOT NULL,
    base_line BIGINT NOT NULL,
    bytes_ingested BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    torn_bytes BIGINT NOT NULL,
    first_logged_at TIMESTAMPTZ,
    last_logged_at TIMESTAMPTZ,
    status VARCHAR NOT NULL,
    error VARCHAR,
    file_order INTEGER NOT NULL,
    content_size BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS _log_events (
    home_id VARCHAR NOT NULL,
    thread_id VARCHAR,
    label VARCHAR NOT NULL,
    logged_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ,
    type VARCHAR,
    -- Ids are all different: looking for what repeats in them costs much and saves little.
    event_id VARCHAR USING COMPRESSION uncompressed,
    turn_id VARCHAR,
    item_id VARCHAR,
    request_id VARCHAR,
    provider VARCHAR,
    provider_instance_id VARCHAR,
    provider_thread_id VARCHAR,
    payload JSON USING COMPRESSION zstd,
    extra JSON,
    raw_source VARCHAR,
    raw_method VARCHAR,
    raw_event_id VARCHAR USING COMPRESSION uncompressed,
    file_key INTEGER NOT NULL,
    line BIGINT NOT NULL,
    "offset" BIGINT NOT NULL,
    length BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS _quarantine (
    file_key INTEGER NOT NULL,
    line BIGINT NOT NULL,
    "offset" BIGINT NOT NULL,
    length BIGINT NOT NULL,
    reason VARCHAR NOT NULL,
    excerpt VARCHAR NOT NULL,
    provisional BOOLEAN NOT NULL
);

CREATE TABLE IF NOT EXISTS _spans (
    home_id VARCHAR NOT NULL,
    name VARCHAR,
    trace_id VARCHAR,
    span_id VARCHAR,
    parent_span_id VARCHAR,
    started_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    duration_ms DOUBLE,
    exit VARCHAR,
    thread_id VARCHAR,
    attributes JSON,
    events JSON,
    exit_detail JSON,
    file_key INTEGER NOT NULL,
    line BIGINT NOT NULL,
    "offset" BIGINT NOT NULL,
    length BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS _orchestration_events (
    home_id VARCHAR NOT NULL,
    sequence BIGINT NOT NULL,
    event_id VARCHAR,
    aggregate_kind VARCHAR,
    stream_id VARCHAR,
    stream_version BIGINT,
    event_type VARCHAR,
    occurred_at TIMESTAMPTZ,
    command_id VARCHAR,
    causation_event_id VARCHAR,
    correlation_id VARCHAR,
    actor_kind VARCHAR,
    payload JSON,
    metadata JSON
);

CREATE TABLE IF NOT EXISTS _receipts (
    home_id VARCHAR NOT NULL,
    command_id VARCHAR,
    aggregate_kind VARCHAR,
    aggregate_id VARCHAR,
    accepted_at TIMESTAMPTZ,
    result_sequence BIGINT,
    status VARCHAR,
    error VARCHAR,
    source_rowid BIGINT NOT NULL
);

-- The last event of a home up to which each was seen to have its receipt, where receipts were not kept.
CREATE TABLE IF NOT EXISTS _receipts_seen (home_id VARCHAR NOT NULL, up_to BIGINT NOT NULL);

CREATE TABLE IF NOT EXISTS _snapshots (
    snapshot_id BIGINT NOT NULL,
    home_id VARCHAR NOT NULL,
    taken_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    origin VARCHAR NOT NULL,
    content_hash VARCHAR NOT NULL
);

CREATE TABLE IF NOT EXISTS _snapshot_rows (
    snapshot_id BIGINT NOT NULL,
    table_name VARCHAR NOT NULL,
    key VARCHAR,
    content JSON NOT NULL,
    extra JSON
);

-- Which snapshot a question about "now" is answered from: the newest of each home.
CREATE TABLE IF NOT EXISTS _provider_records (
    home_id VARCHAR NOT NULL,
    thread_id VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    session_id VARCHAR NOT NULL,
    path VARCHAR,
    state VARCHAR NOT NULL,
    why VARCHAR,
    builds VARCHAR[] NOT NULL,
    cwd VARCHAR,
    origin VARCHAR,
    parent_session_id VARCHAR,
    first_at TIMESTAMPTZ,
    last_at TIMESTAMPTZ,
    size BIGINT,
    lines BIGINT,
    unread BIGINT,
    torn_bytes BIGINT,
    open_sub_agents VARCHAR[] NOT NULL,
    stamp VARCHAR,
    read_at BIGINT NOT NULL,
    read_us BIGINT NOT NULL
);

-- How far a growing record was read, to read on from there; of no use to another build (t3lens.ingest.records.resume).
CREATE TABLE IF NOT EXISTS _record_states (home_id VARCHAR NOT NULL, thread_id VARCHAR NOT NULL, state BLOB NOT NULL);

CREATE TABLE IF NOT EXISTS _record_turns (
    home_id VARCHAR NOT NULL,
    thread_id VARCHAR NOT NULL,
    place BIGINT NOT NULL,
    turn_id VARCHAR,
    outcome VARCHAR NOT NULL,
    confidence VARCHAR NOT NULL,
    why VARCHAR,
    kind VARCHAR NOT NULL,
    started_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    error VARCHAR,
    retries BIGINT NOT NULL,
    steered_by VARCHAR NOT NULL,
    inherited BOOLEAN NOT NULL,
    void BOOLEAN NOT NULL,
    marks VARCHAR NOT NULL
);

CREATE TABLE IF NOT EXISTS _record_quarantine (
    home_id VARCHAR NOT NULL,
    thread_id VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    "offset" BIGINT NOT NULL,
    length BIGINT NOT NULL,
    reason VARCHAR NOT NULL
);

CREATE OR REPLACE VIEW record_quarantine AS
SELECT q.home_id, q.thread_id, r.path, q.line, q."offset" AS byte_offset, q.length, q.reason
FROM _record_quarantine AS q
JOIN _provider_records AS r USING (home_id, thread_id);

CREATE OR REPLACE VIEW provider_records AS
SELECT * EXCLUDE (stamp, read_at, read_us) FROM _provider_records;

CREATE OR REPLACE VIEW record_turns AS SELECT * FROM _record_turns;

CREATE OR REPLACE VIEW _latest_rows AS
SELECT s.home_id, s.snapshot_id, r.table_name, r.key, r.content, r.extra
FROM _snapshot_rows AS r
JOIN (SELECT home_id, max(snapshot_id) AS snapshot_id FROM _snapshots GROUP BY home_id) AS s
    USING (snapshot_id);

CREATE OR REPLACE VIEW homes AS
SELECT
    h.home_id,
    h.path,
    h.kind,
    h.environment_id,
    f.log_generation,
    h.runtime_pid,
    h.runtime_origin,
    h.runtime_started_at,
    h.server_version,
    h.has_database,
    h.has_logs,
    r.migrations,
    h.database_error,
    h.last_ingested_at
FROM _homes AS h
-- Joined, as subqueries in the list of columns take long to plan.
LEFT JOIN (
    SELECT home_id, max(generation)::INTEGER AS log_generation FROM _files
    WHERE kind = 'provider-log' AND lines > 0 GROUP BY home_id
) AS f ON f.home_id = h.home_id
LEFT JOIN (
    SELECT home_id, max(TRY_CAST(content ->> 'migration_id' AS INTEGER)) AS migrations FROM _latest_rows
    WHERE table_name = 'migrations' GROUP BY home_id
) AS r ON r.home_id = h.home_id;

CREATE OR REPLACE VIEW source_files AS
SELECT
    home_id,
    file_key::VARCHAR AS file_id,
    path,
    kind,
    family,
    rotation,
    generation::INTEGER AS generation,
    compression,
    head_hash AS fingerprint,
    size,
    make_timestamptz(mtime_ns // 1000) AS mtime,
    base_offset,
    bytes_ingested,
    torn_bytes,
    lines,
    first_logged_at,
    last_logged_at,
    status,
    error,
    file_order
FROM _files;

CREATE OR REPLACE VIEW log_events AS
SELECT
    e.home_id,
    e.thread_id,
    e.label,
    e.logged_at,
    e.created_at,
    e.type,
    -- A native event without an id of its own has its provider's, inside the payload.
    CASE WHEN e.event_id IS NULL AND e.label = '@NATIVE@' THEN e.payload ->> '$.id' ELSE e.event_id END
        AS event_id,
    e.turn_id,
    e.item_id,
    e.request_id,
    e.provider,
    e.provider_instance_id,
    e.provider_thread_id,
    e.payload,
    e.extra,
    e.raw_source,
    e.raw_method,
    e.raw_event_id,
    -- What begins with a letter that is rare is looked for first: with a quote every text begins.
    contains(e.payload::VARCHAR, '[truncated by t3, ')
        OR (contains(e.payload::VARCHAR, 'uncated":true') AND contains(e.payload::VARCHAR, '"truncated":true'))
        OR (contains(e.payload::VARCHAR, 'Characters":') AND contains(e.payload::VARCHAR, '"omittedCharacters":'))
        AS truncated,
    f.generation::INTEGER AS generation,
    f.file_key::VARCHAR AS file_id,
    f.path,
    f.file_order,
    e.line,
    e."offset" AS byte_offset,
    e.length
FROM _log_events AS e
JOIN _files AS f USING (file_key);

CREATE OR REPLACE VIEW quarantine AS
SELECT f.home_id, f.file_key::VARCHAR AS file_id, f.path, q.line, q."offset" AS byte_offset, q.length,
    q.reason, q.excerpt
FROM _quarantine AS q
JOIN _files AS f USING (file_key);

CREATE OR REPLACE VIEW orchestration_events AS SELECT * FROM _orchestration_events;

CREATE OR REPLACE VIEW receipts AS SELECT * EXCLUDE (source_rowid) FROM _receipts;

CREATE OR REPLACE VIEW spans AS
SELECT s.* EXCLUDE (file_key) RENAME ("offset" AS byte_offset), f.file_key::VARCHAR AS file_id, f.path
FROM _spans AS s
JOIN _files AS f USING (file_key);

CREATE OR REPLACE VIEW _first_threads AS
SELECT
    home_id,
    content ->> 'thread_id' AS thread_id,
    content ->> 'project_id' AS project_id,
    content ->> 'title' AS title,
    content ->> 'latest_turn_id' AS latest_turn_id,
    TRY_CAST(content ->> 'created_at' AS TIMESTAMPTZ) AS created_at,
    TRY_CAST(content ->> 'updated_at' AS TIMESTAMPTZ) AS updated_at,
    TRY_CAST(content ->> 'archived_at' AS TIMESTAMPTZ) AS archived_at,
    TRY_CAST(content ->> 'deleted_at' AS TIMESTAMPTZ) AS deleted_at,
    content ->> 'runtime_mode' AS runtime_mode,
    TRY_CAST(content ->> 'pending_approval_count' AS INTEGER) AS pending_approval_count,
    TRY_CAST(content ->> 'pending_user_input_count' AS INTEGER) AS pending_user_input_count,
    content ->> 'settled_override' AS settled_override,
    TRY_CAST(content ->> 'settled_at' AS TIMESTAMPTZ) AS settled_at,
    TRY_CAST(content ->> 'snoozed_until' AS TIMESTAMPTZ) AS snoozed_until,
    extra
FROM _latest_rows
WHERE table_name = 'threads';

CREATE OR REPLACE VIEW _first_turns AS
SELECT
    home_id,
    content ->> 'thread_id' AS thread_id,
    TRY_CAST(content ->> 'row_id' AS BIGINT) AS row_id,
    content ->> 'turn_id' AS turn_id,
    content ->> 'pending_message_id' AS pending_message_id,
    content ->> 'assistant_message_id' AS assistant_message_id,
    content ->> 'state' AS state,
    TRY_CAST(content ->> 'requested_at' AS TIMESTAMPTZ) AS requested_at,
    TRY_CAST(content ->> 'started_at' AS TIMESTAMPTZ) AS started_at,
    TRY_CAST(content ->> 'completed_at' AS TIMESTAMPTZ) AS completed_at,
    TRY_CAST(content ->> 'checkpoint_turn_count' AS INTEGER) AS checkpoint_turn_count,
    content ->> 'checkpoint_ref' AS checkpoint_ref,
    content ->> 'checkpoint_status' AS checkpoint_status,
    extra
FROM _latest_rows
WHERE table_name = 'turns';

CREATE OR REPLACE VIEW approvals AS
SELECT
    home_id,
    content ->> 'request_id' AS request_id,
    content ->> 'thread_id' AS thread_id,
    content ->> 'turn_id' AS turn_id,
    content ->> 'status' AS status,
    content ->> 'decision' AS decision,
    TRY_CAST(content ->> 'created_at' AS TIMESTAMPTZ) AS created_at,
    TRY_CAST(content ->> 'resolved_at' AS TIMESTAMPTZ) AS resolved_at,
    extra
FROM _latest_rows
WHERE table_name = 'approvals';

CREATE OR REPLACE VIEW projectors AS
SELECT
    home_id,
    content ->> 'projector' AS projector,
    TRY_CAST(content ->> 'last_applied_sequence' AS BIGINT) AS last_applied_sequence,
    TRY_CAST(content ->> 'updated_at' AS TIMESTAMPTZ) AS updated_at
FROM _latest_rows
WHERE table_name = 'projectors';

CREATE OR REPLACE VIEW projects AS
SELECT
    home_id,
    content ->> 'project_id' AS project_id,
    content ->> 'title' AS title,
    content ->> 'workspace_root' AS workspace_root,
    TRY_CAST(content ->> 'deleted_at' AS TIMESTAMPTZ) AS deleted_at,
    extra
FROM _latest_rows
WHERE table_name = 'projects';

CREATE OR REPLACE VIEW migrations AS
SELECT
    home_id,
    TRY_CAST(content ->> 'migration_id' AS INTEGER) AS migration_id,
    content ->> 'name' AS name,
    TRY_CAST(content ->> 'created_at' AS TIMESTAMPTZ) AS created_at
FROM _latest_rows
WHERE table_name = 'migrations';

CREATE OR REPLACE VIEW _thread_sessions AS
SELECT
    home_id,
    content ->> 'thread_id' AS thread_id,
    content ->> 'status' AS status,
    content ->> 'provider_name' AS provider_name,
    content ->> 'provider_instance_id' AS provider_instance_id,
    content ->> 'provider_session_id' AS provider_session_id,
    content ->> 'provider_thread_id' AS provider_thread_id,
    content ->> 'active_turn_id' AS active_turn_id,
    content ->> 'last_error' AS last_error,
    TRY_CAST(content ->> 'updated_at' AS TIMESTAMPTZ) AS updated_at,
    content ->> 'runtime_mode' AS runtime_mode,
    extra
FROM _latest_rows
WHERE table_name = 'sessions';

CREATE OR REPLACE VIEW _bindings AS
SELECT
    home_id,
    content ->> 'thread_id' AS thread_id,
    content ->> 'status' AS status,
    content ->> 'provider_name' AS provider_name,
    content ->> 'provider_instance_id' AS provider_instance_id,
    content ->> 'adapter_key' AS adapter_key,
    content ->> 'runtime_mode' AS runtime_mode,
    TRY_CAST(content ->> 'last_seen_at' AS TIMESTAMPTZ) AS last_seen_at,
    content -> 'resume_cursor' AS resume_cursor,
    content -> 'runtime_payload' AS runtime_payload,
    runtime_payload ->> 'lastRuntimeEvent' AS last_event,
    TRY_CAST(runtime_payload ->> 'lastRuntimeEventAt' AS TIMESTAMPTZ) AS last_event_at,
    extra
FROM _latest_rows
WHERE table_name = 'bindings';

CREATE OR REPLACE VIEW _first_sessions AS
SELECT
    coalesce(s.home_id, b.home_id) AS home_id,
    coalesce(s.thread_id, b.thread_id) AS thread_id,
    s.status,
    s.provider_name,
    coalesce(s.provider_instance_id, b.provider_instance_id) AS provider_instance_id,
    s.provider_session_id,
    s.provider_thread_id,
    s.active_turn_id,
    s.last_error,
    s.updated_at,
    s.runtime_mode,
    b.status AS binding_status,
    b.provider_name AS binding_provider,
    b.last_seen_at AS binding_last_seen_at,
    b.runtime_payload ->> 'activeTurnId' AS binding_active_turn_id,
    b.runtime_payload ->> 'lastError' AS binding_last_error,
    b.last_event AS binding_last_event,
    b.last_event_at AS binding_last_event_at,
    b.resume_cursor AS binding_resume_cursor
FROM _thread_sessions AS s
FULL OUTER JOIN _bindings AS b ON s.home_id = b.home_id AND s.thread_id = b.thread_id;

CREATE OR REPLACE VIEW _first_items AS
SELECT
    home_id,
    thread_id,
    item_id,
    min(turn_id) AS turn_id,
    min(payload ->> 'itemType') AS item_type,
    min(payload ->> 'title') AS title,
    min(logged_at) AS first_at,
    max(logged_at) AS last_at,
    min(logged_at) FILTER (type = '@ITEM_STARTED@') AS opened_at,
    max(logged_at) FILTER (type = '@ITEM_COMPLETED@') AS closed_at,
    coalesce(
        arg_max(payload ->> 'status', logged_at) FILTER (type = '@ITEM_COMPLETED@'),
        CASE WHEN count(*) FILTER (type = '@ITEM_COMPLETED@') > 0 THEN 'completed' ELSE 'open' END
    ) AS state,
    count(*) AS events
FROM _log_events
WHERE label = '@CANONICAL@' AND type IN ('@ITEM_STARTED@', '@ITEM_UPDATED@', '@ITEM_COMPLETED@') AND item_id IS NOT NULL
GROUP BY home_id, thread_id, item_id;

CREATE OR REPLACE VIEW _first_requests AS
SELECT
    home_id,
    thread_id,
    request_id,
    min(turn_id) AS turn_id,
    CASE WHEN bool_or(type LIKE '@USER_INPUT_PREFIX@%') THEN 'user-input' ELSE 'approval' END AS kind,
    min(payload ->> 'requestType') AS request_type,
    min(logged_at) FILTER (type IN ('@REQUEST_OPENED@', '@USER_INPUT_REQUESTED@')) AS opened_at,
    max(logged_at) FILTER (type IN ('@REQUEST_RESOLVED@', '@USER_INPUT_RESOLVED@')) AS closed_at,
    arg_max(payload ->> 'decision', logged_at) FILTER (type = '@REQUEST_RESOLVED@') AS decision,
    CASE WHEN count(*) FILTER (type IN ('@REQUEST_RESOLVED@', '@USER_INPUT_RESOLVED@')) > 0
        THEN 'closed' ELSE 'open' END AS state
FROM _log_events
WHERE label = '@CANONICAL@'
    AND type IN ('@REQUEST_OPENED@', '@REQUEST_RESOLVED@', '@USER_INPUT_REQUESTED@', '@USER_INPUT_RESOLVED@')
    AND request_id IS NOT NULL
GROUP BY home_id, thread_id, request_id;

-- How complete a thread's evidence is: what rests on absence is only as good as this.
CREATE OR REPLACE VIEW coverage AS
WITH per_file AS (
    SELECT home_id, thread_id, file_key, count(*) AS records, min(logged_at) AS first_at,
        max(logged_at) AS last_at
    FROM _log_events
    GROUP BY home_id, thread_id, file_key
),
families AS (
    SELECT home_id, family,
        max(rotation) FILTER (status NOT IN ('missing', 'truncated'))
            - count(DISTINCT rotation) FILTER (status NOT IN ('missing', 'truncated')) + 1 AS gaps
    FROM _files
    WHERE kind = 'provider-log'
    GROUP BY home_id, family
),
rejected AS (SELECT file_key, count(*) AS pieces FROM _quarantine GROUP BY file_key)
SELECT
    p.home_id,
    p.thread_id,
    sum(p.records)::BIGINT AS records,
    min(p.first_at) AS first_record_at,
    max(p.last_at) AS last_record_at,
    count(*) AS files,
    min(f.generation)::INTEGER AS oldest_generation,
    max(f.generation)::INTEGER AS newest_generation,
    count(*) FILTER (f.status = 'missing') AS files_gone,
    count(*) FILTER (f.status = 'truncated') AS files_truncated,
    coalesce(max(g.gaps), 0)::INTEGER AS rotation_gaps,
    coalesce(sum(r.pieces), 0)::BIGINT AS quarantined
FROM per_file AS p
JOIN _files AS f USING (file_key)
LEFT JOIN families AS g ON g.home_id = f.home_id AND g.family = f.family
LEFT JOIN rejected AS r ON r.file_key = p.file_key
GROUP BY p.home_id, p.thread_id;

CREATE OR REPLACE VIEW snapshots AS
SELECT s.home_id, s.snapshot_id, s.taken_at, s.last_seen_at, s.origin,
    (SELECT count(*) FROM _snapshot_rows AS r WHERE r.snapshot_id = s.snapshot_id) AS "rows"
FROM _snapshots AS s;

-- A mirror of the journal of actions (which is a file of its own), so that SQL can ask about it.
CREATE TABLE IF NOT EXISTS _actions (
    action_id VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    kind VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    changed BOOLEAN,
    home_id VARCHAR NOT NULL,
    thread_id VARCHAR NOT NULL,
    title VARCHAR,
    turn_id VARCHAR,
    why VARCHAR,
    who VARCHAR,
    detail VARCHAR
);
ALTER TABLE _actions ADD COLUMN IF NOT EXISTS before VARCHAR;
ALTER TABLE _actions ADD COLUMN IF NOT EXISTS after VARCHAR;

CREATE OR REPLACE VIEW actions AS SELECT * RENAME ("at" AS started_at) FROM _actions;
