-- What t3lens concluded, rewritten whole for the threads a diagnosis was made of.

create table if not exists _verdict (
    home_id varchar not null,
    thread_id varchar not null,
    verdict varchar not null,
    primary_code varchar,
    since timestamptz,
    rules varchar not null,
    as_of timestamptz not null
);

create table if not exists _finding (
    home_id varchar not null,
    finding_id varchar not null,
    thread_id varchar,
    turn_id varchar,
    rank integer not null,
    code varchar not null,
    severity varchar not null,
    confidence varchar not null,
    since timestamptz,
    since_event_id varchar,
    summary varchar not null,
    explanation varchar not null,
    remedy varchar not null,
    makes varchar,
    "references" varchar[]
);

create table if not exists _evidence (
    home_id varchar not null,
    finding_id varchar not null,
    thread_id varchar,
    rank integer not null,
    kind varchar not null,
    source varchar not null,
    line bigint,
    "offset" bigint,
    event_id varchar,
    key varchar,
    "at" timestamptz,
    excerpt varchar not null
);

create table if not exists _transition (
    home_id varchar not null,
    thread_id varchar not null,
    rules varchar not null,
    step integer not null,
    event_id varchar not null,
    type varchar not null,
    "at" timestamptz not null,
    rule varchar not null,
    applied boolean not null,
    why varchar not null,
    turn_id varchar,
    from_status varchar,
    to_status varchar,
    from_turn varchar,
    to_turn varchar,
    settled varchar[],
    sequence bigint
);

create table if not exists _expected_session (
    home_id varchar not null,
    thread_id varchar not null,
    rules varchar not null,
    status varchar,
    active_turn_id varchar,
    last_error varchar,
    updated_at timestamptz
);

create table if not exists _expected_turn (
    home_id varchar not null,
    thread_id varchar not null,
    rules varchar not null,
    turn_id varchar not null,
    index integer not null,
    state varchar not null,
    requested_at timestamptz,
    started_at timestamptz,
    completed_at timestamptz,
    settled varchar,
    error varchar,
    terminal varchar,
    terminal_event_id varchar,
    last_activity_at timestamptz
);

create table if not exists _diagnosis (
    home_id varchar not null,
    as_of timestamptz not null,
    server varchar not null,
    server_why varchar not null,
    rules varchar not null,
    rules_guessed boolean not null,
    thresholds json not null,
    not_checked json not null,
    t3lens_version varchar not null
);

create table if not exists _incident (
    home_id varchar not null,
    incident_id varchar not null,
    thread_id varchar not null,
    title varchar,
    provider varchar,
    verdict varchar not null,
    code varchar not null,
    codes varchar[] not null,
    since timestamptz not null,
    until timestamptz,
    ended_by varchar not null,
    action_id varchar,
    duration_s double not null,
    seen_until timestamptz not null,
    turn_id varchar,
    message_id varchar,
    confidence varchar not null,
    summary varchar not null,
    since_event_id varchar,
    until_event_id varchar
);

-- Words that have an order sort by it: worst, or surest, first.
create or replace view incidents as
select * replace (verdict::enum (@VERDICT_ORDER@) as verdict, confidence::enum (@CONFIDENCE_ORDER@) as confidence)
from _incident;
create or replace view diagnoses as select * from _diagnosis;
create or replace view verdicts as select * replace (verdict::enum (@VERDICT_ORDER@) as verdict) from _verdict;
create or replace view findings as
select *
    replace (severity::enum (@SEVERITY_ORDER@) as severity, confidence::enum (@CONFIDENCE_ORDER@) as confidence)
    rename ("references" as see_also)
from _finding;
create or replace view evidence as select * rename ("offset" as byte_offset, "at" as occurred_at) from _evidence;
create or replace view transitions as select * rename ("at" as occurred_at) from _transition;
create or replace view expected_sessions as select * from _expected_session;
create or replace view expected_turns as select * from _expected_turn;
