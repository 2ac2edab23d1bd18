"""What every public view and column means; the reference is made from this and the schema itself.

Types come from the database, so only meanings stand here; a test fails when a view or column has none.
``make docs`` writes it down.

All times are UTC (``TIMESTAMP WITH TIME ZONE``, microseconds); all offsets and lengths are bytes.
"""

from __future__ import annotations

from typing import Final

from t3lens.store.store import Store
from t3lens.t3code.home_layout import DEV, SERVER_RUNTIME, STATE_SQLITE, USERDATA
from t3lens.t3code.v1.log_grammar import CANONICAL, NATIVE, ORCHESTRATION

__all__ = ["COLUMNS", "NO_PAST", "NO_PAST_SECOND", "VIEWS", "column_meaning", "reference"]

VIEWS: Final = {
    "actions": "What was done, or refused: the journal of actions.",
    "approvals": "Approvals as T3 Code stored them, at the newest snapshot.",
    "databases": "The databases of each home: of which data model each is, and which is in use.",
    "effects": "The second data model's outbox: what the server still has to do, and did.",
    "nodes": "Nodes of runs of the second data model: the root, tools, requests, subagents.",
    "provider_sessions": "Provider sessions of the second data model, once for each thread they are bound to.",
    "provider_threads": "Threads of the second data model as their providers know them.",
    "provider_turns": "What providers made of attempts at runs (second data model).",
    "run_attempts": "Attempts at runs of the second data model.",
    "runs": "Runs of the second data model: what a message set going. In turns, a run is a turn.",
    "subagents": "Subagents of runs of the second data model.",
    "coverage": "How complete the log of each thread is: what rests on absence is as good as this.",
    "diagnoses": "How each home was judged last: moment, server, rules, thresholds, what was not checked.",
    "evidence": "The records each finding rests on, most telling first.",
    "expected_sessions": "The session each thread should have, by the rules of a profile.",
    "expected_turns": "The turns each thread should have, by the rules of a profile.",
    "findings": "What is wrong, or worth knowing, worst first.",
    "incidents": "What was wrong with threads, from when to when, and what ended it; what is wrong now goes on.",
    "homes": "The homes read into this store.",
    "items": "Items of turns (messages, tools, file changes), from their first to their last event.",
    "log_events": "Every record of the provider logs; within a thread ordered by file_order, line, byte_offset.",
    "migrations": "Schema migrations T3 Code has applied, at the newest snapshot.",
    "orchestration_events": "T3 Code's event store, in order of sequence.",
    "projectors": "How far each projector has applied the event store, at the newest snapshot.",
    "projects": "Projects as T3 Code stored them, at the newest snapshot.",
    "provider_records": "The agents' own records of the threads, and why there is none.",
    "record_turns": "What those records say of each turn, in their order.",
    "record_quarantine": "Lines of those records that hold no JSON object, at most 1,000 of each; nothing else is left out.",
    "quarantine": "Pieces of files that are no records, and why. Nothing else was left out.",
    "receipts": "What became of each command T3 Code was given.",
    "requests": "Approvals and questions as the provider log tells them, opened to closed.",
    "server_runs": "Runs of the server, as far as starts and ends left a sign: how each ended, and which turns it took.",
    "sessions": "Stored sessions beside their runtime bindings, at the newest snapshot.",
    "snapshots": "When the projections were read; the newest of a home is what the other views show.",
    "source_files": "Every file read, and how far.",
    "spans": "Spans of the server's own trace.",
    "stored_volume": "What fills the event store: events and bytes by thread and event type.",
    "threads": "Threads as T3 Code stored them, at the newest snapshot.",
    "transitions": "What each event did to the state of its thread, by which rule, and why.",
    "turn_instances": "Which configured instance of which provider ran each turn, and where that changed.",
    "turns": "Turns as T3 Code stored them, at the newest snapshot.",
    "verdicts": "The verdict of each thread: what it is, and since when.",
    "working_folders": "The folder each thread's provider works in, and whether it is there.",
}
"""Meaning of each public view."""

COLUMNS: Final = {
    "codes": "All finding codes that made the verdict.",
    "duration_s": "How long, seconds; of what goes on, at least.",
    "ended_by": "provider, stopped, interrupted, answered, new-message, restart, t3lens, deleted, unknown or never.",
    "incident_id": "The incident; the same in every run over the same records, also after it ended.",
    "seen_until": "The last moment at which it can be shown to have been so.",
    "until": "Until when it was so; null if it goes on.",
    "until_event_id": "The event it ended with.",
    "before_instance_id": "The instance that ran the thread's turn before; null for the first.",
    "bytes": "Length of their payloads and metadata, bytes.",
    "checked_at": "When that was looked at.",
    "cwd": "The folder, as the thread's binding or provider session names it.",
    "home_bytes": "The same of the whole home.",
    "how_ended": "shut down (it said so), died (it did not), unknown; null for the newest, of which no end is known.",
    "last_event_at": "The last stored event before the next run.",
    "next_started_at": "When the next run began; null for the newest.",
    "run": "Its number; before the first start that is known stands one row for all that was before, without a start.",
    "there": "Whether the folder is there; null in a home that is not this machine's own, and where it cannot be told.",
    "threads_taken": "Threads of these turns.",
    "told_by": f"What told of the start: {SERVER_RUNTIME}, startup reconcile, records after an end.",
    "turns_taken": "Turns that ran when it ended.",
    "application_event_version": "2 for events of the second data model; null before it.",
    "attempt_count": "How many times the effect was taken up.",
    "attempt_id": "The attempt.",
    "available_at": "From when on the effect may be taken up.",
    "bound": "Whether the session is bound to a thread; one that is not says nothing any more.",
    "checkpoint_id": "The run's checkpoint.",
    "child_thread_id": "The subagent's own thread, if it has one.",
    "command_type": "What was commanded; null before the second data model, legacy for what it took over.",
    "continues_run_id": "The run that this one continues after a restart.",
    "data_model": "v1 or v2: T3 Code's first or second data model; null if the database could not be opened.",
    "effect_id": "The effect.",
    "effect_type": "What is to be done: provider-turn.start, checkpoint.capture ….",
    "first_run_ordinal": "The first run in it.",
    "in_use": "Whether the home is judged by it.",
    "last_run_ordinal": "The last run in it.",
    "lease_expires_at": "When its worker should be done with it; the server never reads this.",
    "lease_owner": "The server that works on it.",
    "message_id": "The message.",
    "model": "The model the session was opened with.",
    "native_id": "The provider's own id.",
    "newest_at": "Time of the newest record in it; null for the one in use.",
    "node_id": "The node.",
    "only_here": "Threads that stand in it and not in the one in use.",
    "opened_by_thread_id": "The thread that opened the session; others may share it.",
    "ordinal": "Its place among its kind, from 1.",
    "parent_node_id": "The node it is part of.",
    "provider_turn_id": "The provider's turn.",
    "queue_held": "Whether the run waits until a person resumes the queue; null before October 2026.",
    "queue_position": "Place in the thread's queue; null if it does not wait.",
    "root_node_id": "The root node of the run.",
    "run_id": "The run.",
    "subagent_id": "The subagent.",
    "sure": "Whether it is settled which database is in use.",
    "active_attempt_id": "The attempt that works on the run.",
    "accepted_at": "When the command was taken.",
    "action_id": "The action.",
    "active_turn_id": "The turn the session says it works on; null for none.",
    "actor_kind": "Who acted: client, server or provider.",
    "aggregate_id": "The thread or project the command was about.",
    "aggregate_kind": "thread or project.",
    "applied": "Whether the event changed anything.",
    "archived_at": "When the thread was archived; null if it is not.",
    "as_of": "The moment the verdict is about.",
    "assistant_message_id": "The message that holds the answer.",
    "attributes": "The span's attributes, a JSON object.",
    "base_offset": "Bytes at the beginning that stand in another file's records (a copy, a cut file).",
    "binding_active_turn_id": "The turn the runtime binding names; stays after a turn is over.",
    "binding_last_error": "The last error the runtime binding names.",
    "binding_last_event": "The last thing the provider service did for the thread.",
    "binding_last_event_at": "When it did that.",
    "binding_last_seen_at": "When the provider service last touched the binding.",
    "binding_provider": "Driver the binding belongs to.",
    "binding_resume_cursor": "What the provider needs to resume, a JSON value.",
    "binding_status": "starting, running, stopped or error; running is no sign of life.",
    "builds": "Versions of the agent that the record names, oldest first.",
    "byte_offset": "Where the record begins in the file (unpacked), bytes from 0.",
    "bytes_ingested": "Bytes of the file that are records or in quarantine for good (unpacked).",
    "causation_event_id": "The event that caused this one.",
    "changed": "Whether anything was changed; null if that is not known.",
    "checkpoint_ref": "Git reference of the turn's checkpoint.",
    "checkpoint_status": "ready, missing or error.",
    "checkpoint_turn_count": "Number of the turn's checkpoint.",
    "closed_at": "When it was closed; null while open.",
    "code": "Stable name of the finding.",
    "command_id": "The command; its shape tells who gave it.",
    "completed_at": "When the turn was over.",
    "compression": "gz, zst or null.",
    "confidence": "certain, likely or possible; sorts so.",
    "correlation_id": "What belongs together carries the same.",
    "created_at": "When it was made, by its own account.",
    "database_error": f"What could not be read of {STATE_SQLITE}, and why; null if all was.",
    "decision": "What was decided: accept, acceptForSession, decline or cancel.",
    "deleted_at": "When it was deleted; null if it is not.",
    "detail": "The outcome in words.",
    "duration_ms": "How long the span took, milliseconds.",
    "ended_at": "When the span ended.",
    "environment_id": "The environment this home belongs to, by its own file.",
    "error": "What went wrong; null if nothing did.",
    "event_id": "Id of the event; unique within a home and label.",
    "event_type": "Type of the stored event.",
    "events": "How many events it rests on; for spans the span's own events, a JSON list.",
    "excerpt": "What it says, shortened to 200 characters, without message texts and secrets.",
    "exit": "Success, Failure or Interrupted, as the span says.",
    "exit_detail": "How a span failed, a JSON object; null for success.",
    "explanation": "Why this is so, in plain words.",
    "extra": "Columns or fields no other column names, a JSON object; null for none.",
    "family": "What rotated files of one log have in common.",
    "file_id": "The file in source_files.",
    "file_order": "Place of the file in its thread's chain, oldest first, from 1.",
    "files": "How many files hold records of the thread.",
    "files_gone": "Of these, how many are no longer on disk.",
    "files_truncated": "Of these, how many were cut in place after they had been read.",
    "finding_id": "The finding.",
    "fingerprint": "Hash of the beginning of the file: what it is known by under any name.",
    "finished_at": "When its outcome was known; null if it was cut off.",
    "first_at": "Time of the first event.",
    "first_logged_at": "Time of the first record.",
    "first_record_at": "Time of the first record.",
    "from_status": "Session status before.",
    "from_turn": "Active turn before.",
    "generation": "1 or 2: which kind of log; 2 leaves deltas out, so silence tells less.",
    "has_database": f"Whether the home has a {STATE_SQLITE}.",
    "has_logs": "Whether the home has provider logs.",
    "home_id": "The home; the environment's id, or a hash of the path.",
    "index": "Place among the thread's turns, from 0, in order of first sight.",
    "inherited": "Copied from the session this one was forked from.",
    "item_id": "The item the event is about.",
    "item_type": "Kind of item: assistant_message, command_execution, file_change ….",
    "key": "Primary key of the row the evidence is, as text.",
    "kind": "Which kind; see the values in the view.",
    "label": f"{NATIVE} (the provider's words), {CANONICAL} (T3 Code's reading of them), {ORCHESTRATION}, or another.",
    "last_activity_at": "Time of the turn's last event.",
    "last_applied_sequence": "Sequence of the last event the projector applied.",
    "last_at": "Time of the last event.",
    "last_error": "The session's last error.",
    "last_ingested_at": "When t3lens last read the home.",
    "last_logged_at": "Time of the last record.",
    "last_record_at": "Time of the last record.",
    "last_seen_at": "When a reading last found exactly this.",
    "latest_turn_id": "The turn T3 Code calls the latest.",
    "length": "Bytes of the record, line end included.",
    "line": "Line in the file, from 1; glued records share one and differ by byte_offset.",
    "lines": "Whole lines read.",
    "log_generation": "Highest generation of provider log seen; null without logs.",
    "logged_at": "When the line was admitted to the log.",
    "makes": "The verdict the finding forces; null for none.",
    "marks": "Lines or rows the outcome rests on, a JSON array.",
    "metadata": "The event's metadata, a JSON object.",
    "migration_id": "Number of the migration; forks count differently from 36 on.",
    "migrations": "Highest migration applied; null without a database.",
    "mtime": "When the file was last changed.",
    "name": "Its name.",
    "newest_generation": "Highest log generation of the thread's files.",
    "not_checked": "Finding codes that could not be looked for, with what was missing; a JSON object.",
    "occurred_at": "When the event occurred, by the server's clock.",
    "oldest_generation": "Lowest log generation of the thread's files.",
    "open_sub_agents": "Sub-agents that work for it and are not marked as finished.",
    "opened_at": "When it was opened; null if that was before the log begins.",
    "origin": "database, or http for a live server's answer.",
    "outcome": "applied, already, failed, refused, not confirmed or cut off.",
    "parent_session_id": "The session it was forked from or works for.",
    "parent_span_id": "The span this one is part of.",
    "path": "Where it is: of a home absolute, of a file relative to its home.",
    "payload": "What the event says, a JSON value; canonical raw is left out (see raw_source).",
    "pending_approval_count": "Open approvals, as T3 Code counts them.",
    "pending_message_id": "The message that asked for the turn.",
    "pending_user_input_count": "Open questions, as T3 Code counts them.",
    "place": "Its place in the record, from 0.",
    "primary_code": "The finding that explains the verdict best; null for none.",
    "project_id": "The project.",
    "projector": "Name of the projector.",
    "provider": "Driver: codex, opencode, claude ….",
    "provider_instance_id": "Configured instance of the provider.",
    "provider_name": "Driver: codex, opencode, claude ….",
    "provider_session_id": "The provider's own session.",
    "provider_thread_id": "The provider's own id of the conversation; auxiliary sessions differ by it.",
    "quarantined": "Pieces in quarantine in the thread's files.",
    "rank": "Place in the list, best first.",
    "raw_event_id": "Id of the native event the canonical one was made of.",
    "raw_method": "Method of the native event the canonical one was made of.",
    "raw_source": f"Where the native event came from; its payload is kept once, in the {NATIVE} record.",
    "reason": "Why it is no record: torn, invalid-json, nul-bytes, no-prefix, invalid-utf-8, utf-16 ….",
    "records": "How many records.",
    "remedy": "The kind of plan that brings the thread back, or advice.",
    "request_id": "The approval or question.",
    "request_type": "What the approval is about.",
    "requested_at": "When the turn was asked for.",
    "resolved_at": "When it was resolved; null while open.",
    "result_sequence": "Sequence of the event the command led to.",
    "retries": "Retries the record knows of.",
    "rotation": "Suffix of the file: 0 is written to, higher is older.",
    "rotation_gaps": "Numbers missing in the chain of rotated files.",
    "row_id": "Row of the stored turn.",
    "rows": "How many rows the snapshot has.",
    "rule": "The rule that decided.",
    "rules": "The profile of rules.",
    "rules_guessed": "Whether the profile was guessed from the home rather than said.",
    "runtime_mode": "What the provider may do without asking.",
    "runtime_origin": f"Address in {SERVER_RUNTIME}.",
    "runtime_pid": f"Process id in {SERVER_RUNTIME}; a killed server leaves the file behind.",
    "runtime_started_at": f"Start time in {SERVER_RUNTIME}.",
    "see_also": "Public issues or addresses that tell more.",
    "sequence": "Position in the event store.",
    "server": "Whether the home's server was alive, dead or unknown.",
    "server_version": "Version the server answered with; null if none did.",
    "server_why": "What that rests on.",
    "settled": "What settled: turns that left running, or how a turn did.",
    "settled_at": "When the thread was settled by a person.",
    "settled_override": "Whether a person settled or unsettled the thread.",
    "severity": "critical, high, medium, low or info; sorts so, worst first.",
    "since": "Since when it is so.",
    "since_event_id": "The event where it began.",
    "size": "Bytes on disk.",
    "snapshot_id": "The snapshot; higher is newer.",
    "snoozed_until": "Until when the thread is snoozed.",
    "source": "The file or table it stands in; for an absence where was looked.",
    "span_id": "The span.",
    "started_at": "When it started.",
    "state": "Its state.",
    "status": "Its status.",
    "steered_by": "Ids of further prompts that the turn took in, a JSON array.",
    "step": "Place among the thread's transitions, from 0.",
    "stream_id": "The thread or project the event is about.",
    "stream_version": "Position among the events of that thread or project.",
    "summary": "One sentence with the ids in it.",
    "t3lens_version": "The version of t3lens that judged.",
    "taken_at": "When it was read first.",
    "terminal": "How the turn's own terminal event says it ended.",
    "terminal_event_id": "That event.",
    "thread_id": "The thread, as named inside the event; null for what belongs to none.",
    "thresholds": "How long was too long, by name, seconds (retries: a count); a JSON object.",
    "title": "What people call it.",
    "to_status": "Session status after.",
    "to_turn": "Active turn after.",
    "torn_bytes": "Bytes of a last line without end, in quarantine until the file goes on.",
    "trace_id": "The trace.",
    "truncated": "Whether the writer cut a long value.",
    "turn_id": "The turn; null while pending.",
    "type": "Canonical type; of a native record its type or method.",
    "unread": "Lines or rows that hold no JSON object.",
    "updated_at": "When it last changed, by T3 Code's account.",
    "verdict": "stuck, diverged, waiting, failed, working, unknown, stopped, idle or deleted; sorts so, worst first.",
    "void": "Taken back later: rolled back or reverted.",
    "who": "Account and machine that acted.",
    "why": "One plain sentence.",
    "workspace_root": "The project's folder.",
}
"""Meaning of each column name; a name means the same in every view."""


def column_meaning(view: str, column: str) -> str | None:
    """What a column of a public view means; None if it is not documented."""
    return _SPECIAL.get((view, column)) or COLUMNS.get(column)


_SPECIAL: Final = {
    ("incidents", "action_id"): "The action of t3lens that ended it; null for none.",
    ("incidents", "code"): "The finding that explained it, as last seen.",
    ("incidents", "message_id"): "The message of the turn it is about.",
    ("incidents", "since_event_id"): "The event it began with.",
    ("incidents", "summary"): "That finding in one sentence, as it would have been said then.",
    ("incidents", "verdict"): "stuck, diverged, waiting or failed; sorts so, worst first.",
    ("actions", "after"): "Status of the stored session afterwards; null if not known.",
    ("actions", "before"): "Status of the stored session before the action; null if not known.",
    ("actions", "started_at"): "When it was meant to begin.",
    ("actions", "kind"): "stop, reconcile or offline-repair.",
    ("evidence", "occurred_at"): "When it happened.",
    ("evidence", "kind"): "log, row, event, record or absence.",
    ("provider_records", "cwd"): "The folder the session works in, as the agent recorded it.",
    ("provider_records", "lines"): "Complete lines, or rows of messages.",
    ("provider_records", "origin"): "fork or sub-agent; null for neither.",
    (
        "provider_records",
        "path",
    ): "Its file, or the database its rows stand in; null if none was found.",
    (
        "provider_records",
        "session_id",
    ): "The agent's own id of the session, from T3 Code's resume cursor.",
    ("provider_records", "size"): "Bytes of the file on disk.",
    ("provider_records", "state"): "read, absent or unreadable.",
    ("provider_records", "why"): "Why it is absent or unreadable.",
    ("record_turns", "confidence"): "How sure the outcome is: high, medium or low.",
    ("record_turns", "ended_at"): "When its end was recorded; null without an end.",
    ("record_turns", "error"): "What the agent says went wrong.",
    ("record_turns", "kind"): "What began it: prompt, compaction, notification or continuation.",
    (
        "record_turns",
        "outcome",
    ): "finished, failed, aborted, superseded, cut, open, absent or unreadable.",
    ("record_turns", "turn_id"): "The agent's own id of the turn, or of its prompt.",
    ("provider_records", "first_at"): "Its earliest time.",
    ("provider_records", "last_at"): "Its latest time.",
    ("record_turns", "why"): "Why it is not surer, or what it leaves open.",
    ("server_runs", "ended_at"): "When it said that it ends; null where it did not.",
    ("server_runs", "started_at"): "When it began, by the first sign of it; null if that was before all that is known.",
    ("turn_instances", "changed"): "Whether another instance ran the turn than the one before.",
    ("stored_volume", "events"): "Number of events.",
    ("stored_volume", "thread_id"): "The thread; null for events of projects.",
    ("homes", "kind"): f"{USERDATA}, {DEV}, logs, file or bundle.",
    ("items", "state"): "open, or how the item was completed.",
    ("requests", "kind"): "approval or user-input.",
    ("requests", "state"): "open or closed.",
    ("sessions", "status"): "idle, starting, running, ready, interrupted, stopped or error.",
    ("source_files", "kind"): "provider-log or trace.",
    ("source_files", "status"): "present, missing, truncated, damaged or unreadable.",
    ("databases", "name"): "Its file name.",
    ("databases", "why"): "How it is known whether it is in use.",
    (
        "runs",
        "status",
    ): "preparing, queued, starting, running, waiting (for its checkpoint), completed, "
    "interrupted, failed, cancelled or rolled_back.",
    ("effects", "status"): "pending, running, succeeded, failed or cancelled.",
    ("effects", "last_error"): "Why the effect failed last.",
    ("nodes", "kind"): "root_turn, assistant_message, tool_call, approval_request, subagent ….",
    ("run_attempts", "reason"): "initial, steering_restart, retry or provider_recovery.",
    ("subagents", "origin"): "provider_native or app_owned.",
    ("turns", "state"): "pending, running, completed, interrupted or error.",
    ("approvals", "status"): "pending or resolved.",
    ("receipts", "status"): "accepted or rejected.",
    ("spans", "thread_id"): "The thread its attributes name, if any.",
}


NO_PAST: Final = frozenset({"projectors", "migrations", "snapshots", "provider_records", "record_turns", "working_folders"})
"""Views of what keeps no past: as of a moment gone by they cannot be asked."""

NO_PAST_SECOND: Final = frozenset({"provider_threads", "subagents"})
"""The same in homes of the second data model."""

_HEAD: Final = f"""# Views of the store

What `lens.sql(...)` and `t3lens sql` can ask. Times are UTC with microseconds; lengths and offsets are bytes.
JSON columns are text in JSON form: `payload ->> 'state'` takes a field out. Everything else in the store is
private and may change. No column needs quotes.

A column of type ENUM sorts by what its words mean, worst or surest first, and `min` is the worst; beside a text
(`severity <= 'high'`) it compares as that text does, so choose with `in` and `=`.

As of a moment (`--as-of`, `t3lens.open(as_of=)`) of a home whose records go on after it:
`log_events`, `orchestration_events`, `receipts`, `spans`, `actions`, `server_runs` and what is counted from them
(`items`, `requests`, `coverage`, `stored_volume`, `turn_instances`) end at that moment; `threads`, `sessions`, `turns`
and `approvals` are what the stored events up to then make; `verdicts`, `findings`, `evidence`, `transitions`,
`expected_sessions`, `expected_turns`, `incidents` and `diagnoses` are concluded from that. Titles and `projects` are
names, and are those of now. `homes`, `databases`, `source_files` and `quarantine` tell of what was read. No past is
kept of {", ".join(f"`{name}`" for name in sorted(NO_PAST))}: these are refused then. Of a home of the second
data model `runs`, `run_attempts`, `nodes`, `provider_turns`, `provider_sessions` and `effects` have the status and the
times of then, and no payload; {" and ".join(f"`{name}`" for name in sorted(NO_PAST_SECOND))} are refused."""


def reference() -> str:
    """The schema reference as Markdown: every public view with its columns, types and meanings."""
    store = Store.open()
    rows = store.table(
        "SELECT v.view_name, c.column_name, c.data_type FROM duckdb_views() AS v "
        "JOIN duckdb_columns() AS c ON c.table_name = v.view_name "
        "WHERE NOT v.internal AND NOT starts_with(v.view_name, '_') "
        "ORDER BY v.view_name, c.column_index"
    ).to_pylist()
    store.close()
    parts: list[str] = [_HEAD]
    current = None
    for row in rows:
        view, column = row["view_name"], row["column_name"]
        if view != current:
            parts.append(f"\n### `{view}`\n\n{VIEWS.get(view, '')}\n\n| column | type | meaning |\n|---|---|---|")
            current = view
        kind = row["data_type"].partition("(")[0].replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
        meaning = (column_meaning(view, column) or "").replace("|", "\\|")
        parts.append(f"| `{column}` | {kind} | {meaning} |")
    return "\n".join(parts).lstrip("\n") + "\n"
