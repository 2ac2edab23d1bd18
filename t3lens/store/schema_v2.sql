-- T3 Code's second data model: its rows with the time they stood, and the views over them. Views of both data
-- models stand here too: what the first model says (`_first_…`) and what the second says, one below the other.

-- Which database of a home was read, of which data model it is, and what stands beside it that nobody reads.
CREATE TABLE IF NOT EXISTS _databases (
    home_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    data_model VARCHAR,
    in_use BOOLEAN NOT NULL,
    why VARCHAR NOT NULL,
    newest_at TIMESTAMPTZ,
    sure BOOLEAN NOT NULL,
    -- Threads that stand in this database and not in the one in use.
    only_here VARCHAR[] NOT NULL
);

ALTER TABLE _orchestration_events ADD COLUMN IF NOT EXISTS application_event_version INTEGER;
ALTER TABLE _receipts ADD COLUMN IF NOT EXISTS command_type VARCHAR;

-- A row as it stood from one snapshot on (`since`) until before another (`until`; null: it stands so still).
CREATE TABLE IF NOT EXISTS _entities (
    home_id VARCHAR NOT NULL,
    table_name VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    thread_id VARCHAR,
    content JSON NOT NULL USING COMPRESSION zstd,
    payload JSON USING COMPRESSION zstd,
    since BIGINT NOT NULL,
    until BIGINT
);

CREATE OR REPLACE VIEW orchestration_events AS SELECT * FROM _orchestration_events;

CREATE OR REPLACE VIEW receipts AS SELECT * EXCLUDE (source_rowid) FROM _receipts;

CREATE OR REPLACE VIEW databases AS SELECT * FROM _databases;

CREATE OR REPLACE VIEW runs AS
SELECT
    home_id,
    key AS run_id,
    thread_id,
    TRY_CAST(content ->> 'ordinal' AS INTEGER) AS ordinal,
    content ->> 'status' AS status,
    content ->> 'provider' AS provider_name,
    content ->> 'provider_instance_id' AS provider_instance_id,
    content ->> 'provider_thread_id' AS provider_thread_id,
    payload ->> 'userMessageId' AS message_id,
    payload ->> 'rootNodeId' AS root_node_id,
    payload ->> 'activeAttemptId' AS active_attempt_id,
    TRY_CAST(payload ->> 'queuePosition' AS INTEGER) AS queue_position,
    TRY_CAST(payload ->> 'queueHeld' AS BOOLEAN) AS queue_held,
    payload ->> 'restartContinuationOfRunId' AS continues_run_id,
    payload ->> 'checkpointId' AS checkpoint_id,
    TRY_CAST(content ->> 'requested_at' AS TIMESTAMPTZ) AS requested_at,
    TRY_CAST(payload ->> 'startedAt' AS TIMESTAMPTZ) AS started_at,
    TRY_CAST(content ->> 'completed_at' AS TIMESTAMPTZ) AS completed_at,
    payload
FROM _entities
WHERE table_name = 'runs' AND until IS NULL;

CREATE OR REPLACE VIEW run_attempts AS
SELECT
    home_id,
    key AS attempt_id,
    thread_id,
    content ->> 'run_id' AS run_id,
    TRY_CAST(content ->> 'attempt_ordinal' AS INTEGER) AS ordinal,
    content ->> 'status' AS status,
    payload ->> 'reason' AS reason,
    content ->> 'root_node_id' AS root_node_id,
    content ->> 'provider' AS provider_name,
    content ->> 'provider_instance_id' AS provider_instance_id,
    content ->> 'provider_thread_id' AS provider_thread_id,
    content ->> 'provider_turn_id' AS provider_turn_id,
    TRY_CAST(payload ->> 'startedAt' AS TIMESTAMPTZ) AS started_at,
    TRY_CAST(payload ->> 'completedAt' AS TIMESTAMPTZ) AS completed_at,
    payload
FROM _entities
WHERE table_name = 'run_attempts' AND until IS NULL;

CREATE OR REPLACE VIEW nodes AS
SELECT
    home_id,
    key AS node_id,
    thread_id,
    content ->> 'run_id' AS run_id,
    content ->> 'parent_node_id' AS parent_node_id,
    content ->> 'root_node_id' AS root_node_id,
    content ->> 'kind' AS kind,
    content ->> 'status' AS status,
    content ->> 'provider_thread_id' AS provider_thread_id,
    content ->> 'provider_turn_id' AS provider_turn_id,
    content ->> 'runtime_request_id' AS request_id,
    TRY_CAST(content ->> 'started_at' AS TIMESTAMPTZ) AS started_at,
    TRY_CAST(content ->> 'completed_at' AS TIMESTAMPTZ) AS completed_at,
    payload
FROM _entities
WHERE table_name = 'nodes' AND until IS NULL;

CREATE OR REPLACE VIEW provider_turns AS
SELECT
    home_id,
    key AS provider_turn_id,
    thread_id,
    content ->> 'provider_thread_id' AS provider_thread_id,
    content ->> 'node_id' AS node_id,
    content ->> 'run_attempt_id' AS attempt_id,
    TRY_CAST(content ->> 'ordinal' AS INTEGER) AS ordinal,
    content ->> 'status' AS status,
    payload ->> '$.nativeTurnRef.nativeId' AS native_id,
    TRY_CAST(content ->> 'started_at' AS TIMESTAMPTZ) AS started_at,
    TRY_CAST(content ->> 'completed_at' AS TIMESTAMPTZ) AS completed_at,
    payload
FROM _entities
WHERE table_name = 'provider_turns' AND until IS NULL;

CREATE OR REPLACE VIEW provider_sessions AS
SELECT
    s.home_id,
    s.key AS provider_session_id,
    b.thread_id,
    s.thread_id AS opened_by_thread_id,
    s.content ->> 'status' AS status,
    coalesce(s.content ->> 'driver', s.content ->> 'provider') AS provider_name,
    s.content ->> 'provider_instance_id' AS provider_instance_id,
    s.content ->> 'model' AS model,
    s.payload ->> 'lastError' AS last_error,
    b.thread_id IS NOT NULL AS bound,
    TRY_CAST(s.content ->> 'updated_at' AS TIMESTAMPTZ) AS updated_at,
    s.payload
FROM _entities AS s
LEFT JOIN _entities AS b
    ON b.home_id = s.home_id AND b.table_name = 'provider_session_bindings' AND b.until IS NULL
    AND b.content ->> 'provider_session_id' = s.key
WHERE s.table_name = 'provider_sessions' AND s.until IS NULL;

CREATE OR REPLACE VIEW provider_threads AS
SELECT
    home_id,
    key AS provider_thread_id,
    thread_id,
    content ->> 'provider_session_id' AS provider_session_id,
    content ->> 'status' AS status,
    coalesce(content ->> 'driver', content ->> 'provider') AS provider_name,
    content ->> 'provider_instance_id' AS provider_instance_id,
    payload ->> '$.nativeThreadRef.nativeId' AS native_id,
    TRY_CAST(content ->> 'first_run_ordinal' AS INTEGER) AS first_run_ordinal,
    TRY_CAST(content ->> 'last_run_ordinal' AS INTEGER) AS last_run_ordinal,
    TRY_CAST(content ->> 'updated_at' AS TIMESTAMPTZ) AS updated_at,
    payload
FROM _entities
WHERE table_name = 'provider_threads' AND until IS NULL;

CREATE OR REPLACE VIEW subagents AS
SELECT
    home_id,
    key AS subagent_id,
    thread_id,
    content ->> 'run_id' AS run_id,
    content ->> 'parent_node_id' AS parent_node_id,
    content ->> 'child_thread_id' AS child_thread_id,
    content ->> 'origin' AS origin,
    content ->> 'status' AS status,
    coalesce(content ->> 'driver', content ->> 'provider') AS provider_name,
    TRY_CAST(content ->> 'started_at' AS TIMESTAMPTZ) AS started_at,
    TRY_CAST(content ->> 'completed_at' AS TIMESTAMPTZ) AS completed_at,
    TRY_CAST(content ->> 'updated_at' AS TIMESTAMPTZ) AS updated_at,
    payload
FROM _entities
WHERE table_name = 'subagents' AND until IS NULL;

CREATE OR REPLACE VIEW effects AS
SELECT
    home_id,
    key AS effect_id,
    thread_id,
    content ->> 'command_id' AS command_id,
    content ->> 'effect_type' AS effect_type,
    content ->> 'status' AS status,
    payload ->> 'runId' AS run_id,
    TRY_CAST(content ->> 'attempt_count' AS INTEGER) AS attempt_count,
    content ->> 'lease_owner' AS lease_owner,
    TRY_CAST(content ->> 'lease_expires_at' AS TIMESTAMPTZ) AS lease_expires_at,
    TRY_CAST(content ->> 'available_at' AS TIMESTAMPTZ) AS available_at,
    TRY_CAST(content ->> 'created_at' AS TIMESTAMPTZ) AS created_at,
    TRY_CAST(content ->> 'updated_at' AS TIMESTAMPTZ) AS updated_at,
    TRY_CAST(content ->> 'completed_at' AS TIMESTAMPTZ) AS completed_at,
    content ->> 'last_error' AS last_error,
    payload
FROM _entities
WHERE table_name = 'effects' AND until IS NULL;

-- The views of both models.

CREATE OR REPLACE VIEW threads AS
SELECT * FROM _first_threads
UNION ALL BY NAME
SELECT
    t.home_id,
    t.key AS thread_id,
    t.content ->> 'project_id' AS project_id,
    t.content ->> 'title' AS title,
    (SELECT arg_max(r.run_id, r.ordinal) FROM runs AS r
     WHERE r.home_id = t.home_id AND r.thread_id = t.key) AS latest_turn_id,
    TRY_CAST(t.content ->> 'created_at' AS TIMESTAMPTZ) AS created_at,
    TRY_CAST(t.content ->> 'updated_at' AS TIMESTAMPTZ) AS updated_at,
    TRY_CAST(coalesce(t.payload ->> 'archivedAt', t.content ->> 'archived_at') AS TIMESTAMPTZ) AS archived_at,
    TRY_CAST(coalesce(t.payload ->> 'deletedAt', t.content ->> 'deleted_at') AS TIMESTAMPTZ) AS deleted_at,
    t.content ->> 'runtime_mode' AS runtime_mode,
    (SELECT count(*)::INTEGER FROM _entities AS q
     WHERE q.home_id = t.home_id AND q.thread_id = t.key AND q.table_name = 'runtime_requests'
        AND q.until IS NULL AND q.content ->> 'status' = 'pending'
        AND q.content ->> 'kind' NOT LIKE '%input%') AS pending_approval_count,
    (SELECT count(*)::INTEGER FROM _entities AS q
     WHERE q.home_id = t.home_id AND q.thread_id = t.key AND q.table_name = 'runtime_requests'
        AND q.until IS NULL AND q.content ->> 'status' = 'pending'
        AND q.content ->> 'kind' LIKE '%input%') AS pending_user_input_count,
    t.payload ->> 'settledOverride' AS settled_override,
    TRY_CAST(t.payload ->> 'settledAt' AS TIMESTAMPTZ) AS settled_at,
    TRY_CAST(t.payload ->> 'snoozedUntil' AS TIMESTAMPTZ) AS snoozed_until,
    t.payload AS extra
FROM _entities AS t
WHERE t.table_name = 'threads' AND t.until IS NULL;

CREATE OR REPLACE VIEW turns AS
SELECT * FROM _first_turns
UNION ALL BY NAME
SELECT
    home_id,
    thread_id,
    ordinal::BIGINT AS row_id,
    run_id AS turn_id,
    message_id AS pending_message_id,
    NULL::VARCHAR AS assistant_message_id,
    CASE
        WHEN status IN ('preparing', 'queued', 'starting') THEN 'pending'
        WHEN status IN ('running', 'waiting') THEN 'running'
        WHEN status = 'completed' THEN 'completed'
        WHEN status = 'failed' THEN 'error'
        WHEN status IN ('interrupted', 'cancelled', 'rolled_back') THEN 'interrupted'
        ELSE status
    END AS state,
    requested_at,
    started_at,
    completed_at,
    NULL::INTEGER AS checkpoint_turn_count,
    checkpoint_id AS checkpoint_ref,
    NULL::VARCHAR AS checkpoint_status,
    payload AS extra
FROM runs;

CREATE OR REPLACE VIEW sessions AS
SELECT * FROM _first_sessions
UNION ALL BY NAME
SELECT
    s.home_id,
    s.thread_id,
    s.status,
    s.provider_name,
    s.provider_instance_id,
    s.provider_session_id,
    t.content ->> 'active_provider_thread_id' AS provider_thread_id,
    (SELECT arg_max(r.run_id, r.ordinal) FROM runs AS r
     WHERE r.home_id = s.home_id AND r.thread_id = s.thread_id
        AND r.status IN ('preparing', 'starting', 'running', 'waiting')) AS active_turn_id,
    s.last_error,
    s.updated_at,
    t.content ->> 'runtime_mode' AS runtime_mode
FROM provider_sessions AS s
LEFT JOIN _entities AS t
    ON t.home_id = s.home_id AND t.table_name = 'threads' AND t.until IS NULL AND t.key = s.thread_id
WHERE s.bound;

CREATE OR REPLACE VIEW items AS
SELECT * FROM _first_items
UNION ALL BY NAME
SELECT
    home_id,
    thread_id,
    key AS item_id,
    content ->> 'run_id' AS turn_id,
    content ->> 'type' AS item_type,
    payload ->> 'title' AS title,
    TRY_CAST(payload ->> 'startedAt' AS TIMESTAMPTZ) AS first_at,
    TRY_CAST(content ->> 'updated_at' AS TIMESTAMPTZ) AS last_at,
    TRY_CAST(payload ->> 'startedAt' AS TIMESTAMPTZ) AS opened_at,
    TRY_CAST(payload ->> 'completedAt' AS TIMESTAMPTZ) AS closed_at,
    CASE WHEN content ->> 'status' IN ('pending', 'running', 'waiting') THEN 'open'
        ELSE content ->> 'status' END AS state,
    1::BIGINT AS events
FROM _entities
WHERE table_name = 'turn_items' AND until IS NULL;

CREATE OR REPLACE VIEW requests AS
SELECT * FROM _first_requests
UNION ALL BY NAME
SELECT
    q.home_id,
    q.thread_id,
    q.key AS request_id,
    n.content ->> 'run_id' AS turn_id,
    CASE WHEN q.content ->> 'kind' LIKE '%input%' THEN 'user-input' ELSE 'approval' END AS kind,
    q.content ->> 'kind' AS request_type,
    TRY_CAST(q.content ->> 'created_at' AS TIMESTAMPTZ) AS opened_at,
    TRY_CAST(q.content ->> 'resolved_at' AS TIMESTAMPTZ) AS closed_at,
    coalesce(q.payload ->> '$.resolution.decision', q.payload ->> 'decision') AS decision,
    CASE WHEN q.content ->> 'status' = 'pending' THEN 'open' ELSE 'closed' END AS state
FROM _entities AS q
LEFT JOIN _entities AS n
    ON n.home_id = q.home_id AND n.table_name = 'nodes' AND n.until IS NULL AND n.key = q.content ->> 'node_id'
WHERE q.table_name = 'runtime_requests' AND q.until IS NULL;
