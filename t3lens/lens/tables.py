"""The tables a person gets: one query each over the store's views, or one row per diagnosed thread.

Each is a DataFrame that masks itself when a notebook shows it; see ``t3lens.view.notebook.masked_frame``.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from t3lens.store.ordered_words import by_meaning
from t3lens.time import parse_moment, to_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pandas as pd

    from t3lens.diagnose import HomeDiagnosis
    from t3lens.diagnose.replays import Replay
    from t3lens.session.session import Session
    from t3lens.time import Micros

__all__ = [
    "actions",
    "detectors",
    "events",
    "findings",
    "incidents",
    "sessions",
    "shown",
    "threads",
    "transitions",
    "turns",
]

_THREAD_COLUMNS: Final = (
    "home_id", "thread_id", "title", "provider", "verdict", "primary", "since", "findings", "turns", "records",
)  # fmt: skip

_SESSIONS: Final = """
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

_TURNS: Final = """
from turns as t
full join (from expected_turns where rules = 'settle') as e using (home_id, thread_id, turn_id)
select home_id, thread_id, turn_id, t.state, e.state as expected_state, e.settled, e.terminal,
       coalesce(t.requested_at, e.requested_at) as requested_at, coalesce(t.started_at, e.started_at) as started_at,
       t.completed_at, e.completed_at as expected_completed_at, e.last_activity_at, t.pending_message_id, e.error
order by requested_at nulls last, home_id, thread_id, turn_id, t.row_id
"""

_EVENTS: Final = """
from (
    from log_events
    select home_id, thread_id, logged_at as occurred_at, label as source, type, turn_id, item_id, request_id, event_id,
           null::bigint as sequence, file_order, line
    union all by name
    from orchestration_events
    select home_id, stream_id as thread_id, occurred_at, 'STORE' as source, event_type as type,
           payload ->> 'turnId' as turn_id, null as item_id, payload ->> 'requestId' as request_id, event_id, sequence,
           null as file_order, null as line
    where aggregate_kind = 'thread'
)
where $thread is null or thread_id = $thread
order by occurred_at, home_id, thread_id, file_order nulls last, line, sequence
limit $limit
"""

_FINDINGS: Final = """
from findings as f
left join (
    from evidence
    select home_id, finding_id,
           list({'kind': kind, 'source': source, 'line': line, 'byte_offset': byte_offset, 'event_id': event_id, 'key': key,
                 'occurred_at': occurred_at, 'excerpt': excerpt} order by rank) as evidence
    group by all
) as e using (home_id, finding_id)
left join verdicts as v using (home_id, thread_id)
select f.home_id, f.thread_id, v.verdict, f.code, f.severity, f.confidence, f.turn_id, f.since, f.summary,
       f.explanation, f.remedy, e.evidence
order by v.verdict nulls last, f.since, f.home_id, f.thread_id,
         f.rank, f.finding_id
"""


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """A table as it is handed out: what has an order sorts by it, and what a notebook shows of it is masked."""
    from t3lens.view.notebook.masked_frame import MaskedFrame

    return MaskedFrame(by_meaning(frame))


def threads(session: Session) -> pd.DataFrame:
    """One row per thread, worst first."""
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
        for thread in session.diagnosis.threads
    ]
    return shown(pd.DataFrame(rows, columns=list(_THREAD_COLUMNS)))


def sessions(session: Session, as_of: str | datetime | Micros | None) -> pd.DataFrame:
    """One row per thread: its stored session, its binding, its expected session; those of ``as_of`` if given."""
    if as_of is None:
        return shown(session.sql(_SESSIONS))
    import pandas as pd

    from t3lens.diagnose.travel import past_state

    moment = parse_moment(as_of)
    until = {home_id: session.until(session.home(home_id), moment) for home_id in session.home_ids}
    rows = [past_state(thread, moment, until[thread.home_id]).to_row() for thread in session.diagnosis.threads]
    return shown(pd.DataFrame(rows))


def turns(session: Session) -> pd.DataFrame:
    """One row per turn: stored state and expected state."""
    return shown(session.sql(_TURNS))


def events(session: Session, thread_id: str | None, limit: int | None) -> pd.DataFrame:
    """Log records and stored events in order of time, of one thread or of all."""
    return shown(session.sql(_EVENTS, {"thread": thread_id, "limit": limit}))


def findings(session: Session) -> pd.DataFrame:
    """One row per finding, worst thread first, with the evidence as a list of records."""
    return shown(session.sql(_FINDINGS))


def detectors(session: Session) -> pd.DataFrame:
    """One row per home and finding code: condition, inputs, thresholds, and whether it could be checked."""
    import pandas as pd

    from t3lens.diagnose import register_all

    table = register_all()
    rows = [
        {
            "home_id": home.home.home_id,
            "code": check.code,
            "severity": table[check.code].severity.value,
            "checked": check.checked,
            "why_not": check.why,
            "condition": table[check.code].condition,
            "inputs": ", ".join(given.label for given in table[check.code].inputs),
            "thresholds": ", ".join(
                f"{name} {getattr(session.options.thresholds, name):g}" for name in table[check.code].thresholds
            ),
            "found": None if home.home.standing.cannot_judge is not None else found[check.code],
        }
        for home in session.diagnosis.homes
        for found in (_counts(home),)
        for check in home.checks
    ]
    frame = pd.DataFrame(rows)
    if any(row["found"] is None for row in rows):
        # whole numbers stay whole beside what was not counted
        frame["found"] = pd.Series([row["found"] for row in rows], dtype=object)
    return shown(frame)


def _counts(home: HomeDiagnosis) -> Counter[str]:
    """How often each code was found in one home."""
    threads = (finding for thread in home.threads for finding in thread.findings)
    return Counter(finding.code for finding in (*home.findings, *threads))


def transitions(replay: Replay) -> pd.DataFrame:
    """One row per event that was replayed."""
    import pandas as pd

    names = list(replay.transitions[0].__struct_fields__) if replay.transitions else []
    rows = [[getattr(step, name) for name in names] for step in replay.transitions]
    frame = pd.DataFrame(rows, columns=names)
    if names:
        frame["at"] = [to_datetime(step.at) for step in replay.transitions]
    return shown(frame.rename(columns={"at": "occurred_at"}))


def incidents(session: Session, since: str | datetime | Micros | None, threads: Sequence[str] | None) -> pd.DataFrame:
    """One row per episode, the oldest first."""
    from t3lens.document.incidents import frame

    return shown(frame(session.incidents(since=since, threads=threads)))


def actions(session: Session) -> pd.DataFrame:
    """The journal of actions on the session's homes."""
    from t3lens.act import Journal

    return shown(Journal().frame(session.home_paths))
