-- Views over both data models that answer one question each: which runs the server had, what fills the database, which
-- instance of a provider ran each turn.

-- Starts that server-runtime.json told of, one after the other: the file itself only has the last.
CREATE TABLE IF NOT EXISTS _server_starts (home_id VARCHAR NOT NULL, started_at TIMESTAMPTZ NOT NULL);

CREATE OR REPLACE VIEW _server_told AS
SELECT home_id, 'start' AS sign, started_at AS "at", NULL AS thread_id, '@SERVER_RUNTIME@' AS told_by FROM _server_starts
UNION ALL
SELECT home_id, 'start', occurred_at, stream_id, 'startup reconcile'
FROM _orchestration_events
-- Without its quotes first: as each text begins with one, what begins so is found slowly.
WHERE (event_type = '@SESSION_SET@' AND contains(payload::VARCHAR, '@STARTUP_RECONCILE_ERROR@')
        AND contains(payload::VARCHAR, '"@STARTUP_RECONCILE_ERROR@"'))
    OR starts_with(command_id, '@STARTUP_RECONCILE@')
UNION ALL
SELECT home_id, 'end', occurred_at, stream_id, 'shutdown reconcile'
FROM _orchestration_events
WHERE starts_with(command_id, '@SHUTDOWN_RECONCILE@')
UNION ALL
SELECT home_id, 'end', last_event_at, thread_id, 'runtime binding'
FROM _bindings
WHERE last_event = '@STOP_ALL@' AND last_event_at IS NOT NULL;

-- What is stored after an end, a server wrote that somebody started, though nothing tells when.
-- What was told is a named part, which is planned once: each mention of a view is planned anew, with all it stands on.
CREATE OR REPLACE VIEW _server_signs AS
WITH told AS MATERIALIZED (
    FROM _server_told
)
FROM told
UNION ALL
SELECT home_id, 'start', "at", NULL, 'records after an end'
FROM (
    SELECT e.home_id, e."at" AS ended, o.occurred_at AS "at"
    FROM (
        SELECT home_id, max("at") AS "at" FROM told WHERE sign = 'end'
        GROUP BY home_id, time_bucket(INTERVAL @SIGNS_TAKE_S@ SECONDS, "at")
    ) AS e
    ASOF JOIN _orchestration_events AS o ON o.home_id = e.home_id AND e."at" + INTERVAL @SIGNS_TAKE_S@ SECONDS < o.occurred_at
) AS after
WHERE NOT EXISTS (
    SELECT 1 FROM told AS s
    WHERE s.home_id = after.home_id AND s.sign = 'start' AND s."at" > after.ended AND s."at" <= after."at"
);

-- Signs of one start stand close together (the reconcile is over before the file is written).
CREATE OR REPLACE VIEW _server_began AS
SELECT home_id, min("at") AS started_at, string_agg(DISTINCT told_by, ', ' ORDER BY told_by) AS told_by
FROM (
    SELECT *, count(*) FILTER (WHERE first) OVER (PARTITION BY home_id ORDER BY "at" ROWS UNBOUNDED PRECEDING) AS number
    FROM (
        SELECT *, coalesce("at" - lag("at") OVER (PARTITION BY home_id ORDER BY "at") > INTERVAL @SIGNS_TAKE_S@ SECONDS, true) AS first
        FROM _server_signs
        WHERE sign = 'start' AND "at" IS NOT NULL
    )
)
GROUP BY home_id, number;

-- Named parts are worked out once, however often they are used: both views stand on many records.
CREATE OR REPLACE VIEW _server_spans AS
WITH began AS MATERIALIZED (
    SELECT home_id, started_at, told_by FROM _server_began
),
known AS (
    SELECT home_id, started_at, told_by FROM began
    UNION ALL
    -- What ran before the first start that is known: one run, or several.
    SELECT b.home_id, NULL, NULL
    FROM (SELECT home_id, min(started_at) AS started_at FROM began GROUP BY home_id) AS b
    JOIN (SELECT home_id, min(occurred_at) AS oldest FROM _orchestration_events GROUP BY home_id) AS e
        ON e.home_id = b.home_id AND e.oldest < b.started_at - INTERVAL @SIGNS_TAKE_S@ SECONDS
    UNION ALL
    SELECT DISTINCT home_id, NULL::TIMESTAMPTZ, NULL FROM _orchestration_events
    WHERE home_id NOT IN (SELECT home_id FROM began)
)
SELECT
    home_id,
    row_number() OVER in_order AS run,
    started_at,
    lead(started_at) OVER in_order AS next_start,
    told_by
FROM known
WINDOW in_order AS (PARTITION BY home_id ORDER BY started_at NULLS FIRST);

CREATE OR REPLACE VIEW server_runs AS
WITH spans AS MATERIALIZED (
    SELECT * FROM _server_spans
),
ends AS (
    SELECT r.home_id, r.run, min(s."at") AS said_at
    FROM spans AS r
    JOIN _server_told AS s ON s.home_id = r.home_id AND s.sign = 'end'
        AND s."at" > coalesce(r.started_at, TIMESTAMPTZ '-infinity') AND s."at" < coalesce(r.next_start, TIMESTAMPTZ 'infinity')
    GROUP BY ALL
),
taken AS (
    SELECT
        r.home_id, r.run, t.turn_id, t.thread_id,
        coalesce(t.started_at, t.requested_at) AS began,
        -- A binding that no farewell was written to, and nothing since.
        b.last_event_at < r.next_start AND b.last_event IS DISTINCT FROM '@STOP_ALL@' AS abrupt
    FROM spans AS r
    LEFT JOIN ends AS e ON e.home_id = r.home_id AND e.run = r.run
    JOIN turns AS t ON t.home_id = r.home_id AND t.turn_id IS NOT NULL
        AND coalesce(t.started_at, t.requested_at) >= coalesce(r.started_at, TIMESTAMPTZ '-infinity')
        AND coalesce(t.started_at, t.requested_at) < r.next_start
        AND (t.completed_at >= coalesce(e.said_at, r.next_start)
             OR (t.completed_at IS NULL AND t.state IN ('running', 'waiting', 'starting', 'preparing')))
    LEFT JOIN _bindings AS b ON b.home_id = t.home_id AND b.thread_id = t.thread_id
),
lost AS (
    SELECT
        home_id, run,
        list(turn_id ORDER BY began, turn_id) AS turns_taken,
        list(DISTINCT thread_id ORDER BY thread_id) AS threads_taken,
        bool_or(coalesce(abrupt, false)) AS abrupt
    FROM taken
    GROUP BY ALL
),
-- A startup reconcile that no shutdown reconcile went before.
cut AS (
    SELECT r.home_id, r.run
    FROM spans AS r
    JOIN _orchestration_events AS e ON e.home_id = r.home_id AND starts_with(e.command_id, '@STARTUP_RECONCILE@')
        AND e.occurred_at >= r.next_start AND e.occurred_at < r.next_start + INTERVAL @SIGNS_TAKE_S@ SECONDS
    GROUP BY ALL
)
SELECT
    r.home_id,
    r.run,
    r.started_at,
    r.next_start AS next_started_at,
    (SELECT max(e.occurred_at) FROM _orchestration_events AS e
     WHERE e.home_id = r.home_id AND e.occurred_at < r.next_start) AS last_event_at,
    ends.said_at AS ended_at,
    CASE
        WHEN ends.said_at IS NOT NULL THEN 'shut down'
        WHEN r.next_start IS NULL THEN NULL
        WHEN lost.abrupt OR cut.run IS NOT NULL THEN 'died'
        ELSE 'unknown'
    END AS how_ended,
    r.told_by,
    coalesce(lost.turns_taken, []) AS turns_taken,
    coalesce(lost.threads_taken, []) AS threads_taken
FROM spans AS r
LEFT JOIN ends ON ends.home_id = r.home_id AND ends.run = r.run
LEFT JOIN lost ON lost.home_id = r.home_id AND lost.run = r.run
LEFT JOIN cut ON cut.home_id = r.home_id AND cut.run = r.run;

CREATE OR REPLACE VIEW stored_volume AS
SELECT
    home_id,
    CASE WHEN aggregate_kind = 'thread' THEN stream_id END AS thread_id,
    event_type,
    count(*) AS events,
    sum(strlen(payload::VARCHAR) + coalesce(strlen(metadata::VARCHAR), 0))::BIGINT AS bytes,
    sum(bytes) OVER (PARTITION BY home_id)::BIGINT AS home_bytes,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at
FROM _orchestration_events
GROUP BY home_id, CASE WHEN aggregate_kind = 'thread' THEN stream_id END, event_type;

CREATE OR REPLACE VIEW turn_instances AS
WITH told AS (
    SELECT home_id, thread_id, turn_id, logged_at AS "at", provider, provider_instance_id, payload ->> 'model' AS model
    FROM _log_events
    WHERE label = '@CANONICAL@' AND type = '@TURN_STARTED@' AND turn_id IS NOT NULL
    UNION ALL
    SELECT
        home_id, stream_id, payload ->> '$.session.activeTurnId', occurred_at, payload ->> '$.session.providerName',
        payload ->> '$.session.providerInstanceId', NULL
    FROM _orchestration_events
    WHERE event_type = '@SESSION_SET@' AND payload ->> '$.session.activeTurnId' IS NOT NULL
    UNION ALL
    SELECT home_id, thread_id, run_id, coalesce(started_at, requested_at), provider_name, provider_instance_id, NULL
    FROM runs
),
one AS (
    SELECT
        home_id, thread_id, turn_id,
        min("at") AS started_at,
        arg_min(provider, "at") AS provider_name,
        arg_min(provider_instance_id, "at") AS provider_instance_id,
        arg_min(model, "at") AS model
    FROM told
    GROUP BY home_id, thread_id, turn_id
)
SELECT
    *,
    lag(provider_instance_id) OVER in_order AS before_instance_id,
    coalesce(provider_instance_id <> lag(provider_instance_id) OVER in_order, false) AS changed
FROM one
WINDOW in_order AS (PARTITION BY home_id, thread_id ORDER BY started_at, turn_id);

-- Whether the folders that providers work in are there: looked at only where the home is this machine's own.
CREATE TABLE IF NOT EXISTS _working_folders (
    home_id VARCHAR NOT NULL,
    cwd VARCHAR NOT NULL,
    there BOOLEAN,
    checked_at TIMESTAMPTZ NOT NULL
);

CREATE OR REPLACE VIEW working_folders AS
SELECT b.home_id, b.thread_id, b.cwd, f.there, f.checked_at
FROM (
    SELECT home_id, thread_id, runtime_payload ->> 'cwd' AS cwd FROM _bindings
    UNION
    SELECT home_id, thread_id, payload ->> 'cwd' FROM provider_sessions WHERE bound
) AS b
LEFT JOIN _working_folders AS f ON f.home_id = b.home_id AND f.cwd = b.cwd
WHERE b.cwd IS NOT NULL;
