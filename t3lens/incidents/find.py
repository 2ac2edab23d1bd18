"""Finding episodes: each thread judged again just before whatever happened to it after a while of nothing.

What is wrong is told by the same detectors as the present, on the facts as they were then (``t3lens.diagnose.past``). A
thread changes only when something happens, so what was wrong between two events is seen at the end of that time; and
most findings need a while of nothing to be findings. What only a row of that time could tell (a binding, a process, a
projector that was behind, commands of other threads) is not known of the past, and is not told of it; nor is what was
wrong with a home as a whole, which needs all of its threads at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from t3lens.diagnose.case import Case
from t3lens.diagnose.context import Context, HomeServer
from t3lens.diagnose.detector import DETECTORS, Detector, Group
from t3lens.diagnose.diagnosis import Diagnosis, HomeDiagnosis, ThreadDiagnosis
from t3lens.diagnose.event_contents import session_of
from t3lens.diagnose.facts import LogLine, ModelInUse, ThreadFacts
from t3lens.diagnose.judging import judge, thread_detectors
from t3lens.diagnose.make_case import make_case
from t3lens.diagnose.past import cut
from t3lens.diagnose.time_limit import TookTooLong, asked_in_time, in_time, judged_in_time
from t3lens.diagnose.v2.facts import SecondFacts
from t3lens.diagnose.v2.past import cut_second
from t3lens.diagnose.v2.queries import SIGN_OF_LIFE, of_work
from t3lens.domain.episode_end import EpisodeEnd
from t3lens.domain.event import Event
from t3lens.domain.finding import WRONG_VERDICTS, Confidence, Finding
from t3lens.domain.layered_mapping import last_of
from t3lens.domain.state import SessionStatus, ThreadState, TurnState
from t3lens.incidents.ends import Ending, ended
from t3lens.incidents.episode import Episode, JournalAction
from t3lens.t3code.v1.event_types import SESSION_SET
from t3lens.time import Micros

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["Past", "facts_at", "find_episodes", "silences", "why_no_past"]

_QUIET: Final = frozenset({None, SessionStatus.READY, SessionStatus.IDLE, SessionStatus.STOPPED})
"""Statuses of a session with which nothing can be wrong by itself."""

_GAPS: Final = """
with gaps as (
    from (from log_events
          select thread_id, epoch_us(logged_at) as ends_at, lag(epoch_us(logged_at)) over of_thread as began_at,
                 lag(file_id::int) over of_thread as in_file, lag(line) over of_thread as at_line
          where home_id = $home and thread_id is not null and logged_at is not null
            and ($threads is null or list_contains($threads, thread_id))
          window of_thread as (partition by thread_id order by file_order, line, file_id::int))
    where ends_at - began_at >= $least)
from gaps join log_events as e on e.home_id = $home and e.file_id::int = in_file and e.line = at_line
select gaps.thread_id, {'path': e.path, 'line': e.line, 'offset': e.byte_offset, 'at': began_at, 'label': e.label,
                        'type': coalesce(e.type, '')} as before, ends_at
order by gaps.thread_id, ends_at
"""
"""Where a thread's log fell silent: the line before, and when the next came. Lines are sorted by numbers only: of all but
those before a gap nothing else is wanted."""

_GAPS_SECOND: Final = f"""
from (from (
          (from log_events
           select thread_id, path, line, byte_offset, label, type, logged_at as ends_at
           where home_id = $home and thread_id is not null and logged_at is not null and {SIGN_OF_LIFE}
             and ($threads is null or list_contains($threads, thread_id)))
          union all by name
          (from orchestration_events
           select stream_id as thread_id, '' as path, 0 as line, 0 as byte_offset, '' as label, event_type as type,
                  occurred_at as ends_at
           where home_id = $home and aggregate_kind = 'thread' and {of_work("event_type")}
             and ($threads is null or list_contains($threads, stream_id))))
      select thread_id, ends_at,
             lag({{'path': path, 'line': line, 'offset': byte_offset, 'at': epoch_us(ends_at), 'label': label,
                  'type': coalesce(type, '')}}) over (partition by thread_id order by ends_at, path, line) as before)
select thread_id, before, epoch_us(ends_at) as ends_at
where epoch_us(ends_at) - before.at >= $least
order by thread_id, ends_at
"""
"""Where log and store of a thread fell silent together; heartbeats are no sign of life."""


def find_episodes(
    store: Store,
    diagnosis: Diagnosis,
    *,
    since: Micros | None = None,
    actions: Iterable[JournalAction] = (),
    threads: Sequence[str] | None = None,
    late: dict[str, str] | None = None,
) -> list[Episode]:
    """What was wrong with threads, from when to when, and what ended it; what is wrong now are the open ones.

    Args:
        store: Where the homes were ingested.
        diagnosis: Of these homes.
        since: Leave out what was over before this moment, microseconds UTC.
        actions: Actions of the journal, to name those that ended something.
        threads: Only these thread ids; None for all.
        late: Gets, by home id, why only what is wrong now is told of a home: its past takes longer than its budget.

    Returns:
        Episodes by the moment they began.
    """
    known = list(actions)
    found: list[Episode] = []
    wanted = None if threads is None else frozenset(threads)
    for home in diagnosis.homes:
        past = Past(home)
        asked = [thread for thread in home.threads if wanted is None or thread.thread_id in wanted]
        try:
            with judged_in_time(diagnosis.options.budget):
                gaps = _Gaps(store, home, threads)
                of_home = [one for t in asked for one in _of_thread(past, t, gaps, known)]
        except TookTooLong as error:
            of_home = [one for t in asked for one in _runs(past, t, [], known)]
            if late is not None:
                late[home.home.home_id] = f"incidents that are over cannot be told: {error}"
        found += of_home
    if since is not None:
        found = [one for one in found if one.until is None or one.until >= since]
    return sorted(found, key=lambda one: (one.since, one.home_id, one.thread_id))


class _Gaps:
    """Where threads' logs fell silent, asked of the store when it is first wanted: of most homes it never is.

    All of a long thread's lines are sorted for it, and wanted it is only where something could have been wrong.
    """

    def __init__(self, store: Store, home: HomeDiagnosis, threads: Sequence[str] | None) -> None:
        self._store, self._home, self._threads = store, home, threads
        self._found: dict[str, list[tuple[LogLine, Micros]]] | None = None

    def of(self, thread_id: str) -> Sequence[tuple[LogLine, Micros]]:
        """Those of one thread, as ``silences`` says."""
        if self._found is None:
            home = self._home.home
            told = home.standing.cannot_judge is None and (home.has_logs or home.model is ModelInUse.SECOND)
            self._found = silences(self._store, self._home, self._threads) if told else {}
        return self._found.get(thread_id, ())


def why_no_past(home: HomeDiagnosis) -> str | None:
    """Why nothing is told of what was wrong with a home's threads and is over; None if it is.

    Args:
        home: Its diagnosis.
    """
    if home.home.standing.cannot_judge is not None:
        return "incidents cannot be told: the home cannot be judged"
    return None


def silences(store: Store, home: HomeDiagnosis, threads: Sequence[str] | None) -> dict[str, list[tuple[LogLine, Micros]]]:
    """Where threads' logs fell silent for longer than is usual: the line before, and when the next came, by thread id.

    Args:
        store: Where the home was ingested.
        home: Its diagnosis.
        threads: Only these thread ids; None for all.
    """
    least = min(home.context.threshold("silence"), home.context.threshold("silence_tool"))
    found: dict[str, list[tuple[LogLine, Micros]]] = {}
    sql = _GAPS if home.home.model is ModelInUse.FIRST else _GAPS_SECOND
    with store.read() as con, asked_in_time(con):
        asked = {"home": home.home.home_id, "least": least, "threads": list(threads) if threads is not None else None}
        for thread_id, before, ends_at in con.execute(sql, asked).fetchall():
            found.setdefault(thread_id, []).append((LogLine(**before), ends_at))
    return found


class Past:
    """A home's standing at moments gone by."""

    def __init__(self, home: HomeDiagnosis) -> None:
        self.home = home
        self.detectors: list[Detector] = thread_detectors(home)
        # how far projectors had come is not kept: they are taken to have been up to date
        self._facts = msgspec.structs.replace(home.home, projectors={}) if home.home.model is ModelInUse.FIRST else home.home

    def at(self, moment: Micros) -> Context:
        """The standing at ``moment``: a server wrote what came next, so one ran, since when is known only of the last.

        Where what came next was the start of a server, whether one ran before that is not known.
        """
        server = self.home.context.server
        started = server.started_at
        dark = self.home.home.why_unknown(moment)
        was = HomeServer("alive", started if started is not None and started <= moment else None, server.version)
        if dark is not None:
            was = HomeServer("unknown", version=server.version, why=dark)
        return msgspec.structs.replace(self.home.context, home=self._facts, as_of=moment, processes=None, server=was)


class _JudgedMoment(msgspec.Struct, frozen=True):
    """A thread as it was judged at one moment.

    Attributes:
        step: How many of its events had happened.
        moment: Microseconds UTC.
        thread: What was judged of the thread.
    """

    step: int
    moment: Micros
    thread: ThreadDiagnosis


def _of_thread(past: Past, now: ThreadDiagnosis, gaps: _Gaps, actions: Sequence[JournalAction]) -> Iterator[Episode]:
    """Episodes of one thread: runs of moments at which it was judged the same, and wrong."""
    seen = list(_judged(past, now, gaps)) if past.home.home.standing.cannot_judge is None else []
    return _runs(past, now, seen, actions)


def _runs(
    past: Past, now: ThreadDiagnosis, seen: list[_JudgedMoment], actions: Sequence[JournalAction]
) -> Iterator[Episode]:
    """Runs of moments at which a thread was seen to be the same, the present one the last."""
    events = now.case.replays.expected.events
    seen.append(_JudgedMoment(len(events), past.home.context.as_of, now))
    run: list[_JudgedMoment] = []
    for one in seen:
        if run and not _goes_on(run[-1], one, events):
            yield _episode(run, events, one, actions)
            run = []
        if one.thread.verdict in WRONG_VERDICTS:
            run.append(one)
    if run:
        yield _episode(run, events, None, actions)


def _goes_on(before: _JudgedMoment, after: _JudgedMoment, events: Sequence[Event]) -> bool:
    """Whether the same matter is still so: it did not begin anew after it was seen last.

    A matter is known by its turn; what explains it may be another finding by now (the server of a run that hung is gone).
    """
    if before.thread.verdict is not after.thread.verdict:
        return False
    turns = [finding.turn_id for finding in _findings_of_verdict(before.thread)]
    between = {event.turn_id for event in events[before.step : after.step]}
    for finding in _findings_of_verdict(after.thread):
        if not turns or not (finding.turn_id in turns or finding.turn_id is None or None in turns):
            continue
        if finding.since is None or finding.since <= before.moment:
            return True
        # what nobody works on stays so while only other turns are written of; silence begins anew with each word
        still = finding.turn_id in turns and finding.turn_id is not None and not between & {finding.turn_id, None}
        if still and DETECTORS[finding.code].group in (Group.QUEUE, Group.ORPHAN):
            return True
    return False


def _findings_of_verdict(thread: ThreadDiagnosis) -> list[Finding]:
    """The findings that make the verdict, the one that explains it first."""
    return [finding for finding in thread.findings if finding.makes is thread.verdict]


def _explaining(thread: ThreadDiagnosis) -> Finding | None:
    return next(iter(_findings_of_verdict(thread)), None)


def _judged(past: Past, now: ThreadDiagnosis, gaps: _Gaps) -> Iterator[_JudgedMoment]:
    """The thread just before each event that came after a while of nothing, where something could be wrong."""
    case = now.case
    events, reached = case.replays.expected.events, case.replays.reached
    settle, lag = (past.home.context.threshold(name) for name in ("settle", "lag"))
    shortest = min(settle, lag)
    stored: object = None
    for step in in_time(range(1, len(events))):
        before = events[step - 1]
        if before.type == SESSION_SET:
            stored = session_of(before).get("status")
        if reached[step] - reached[step - 1] < shortest:
            continue  # whatever the state: of a busy thread none is ever made
        state = case.replays.expected.states[step - 1]
        least = lag if _at_once(state) or stored == SessionStatus.ERROR else settle
        if reached[step] - reached[step - 1] < least or (stored in _QUIET and not _can_be_wrong(state)):
            continue
        moment = reached[step] - 1
        facts = facts_at(past, case, events[:step], moment, gaps.of(now.thread_id))
        yield _JudgedMoment(step, moment, judge(make_case(past.at(moment), facts), past.detectors))


def facts_at(
    past: Past, case: Case, events: Sequence[Event], moment: Micros, gaps: Sequence[tuple[LogLine, Micros]]
) -> ThreadFacts:
    """A thread's facts as they were at a moment.

    Args:
        past: The standing of its home.
        case: The thread as it is now.
        events: Its events up to the moment.
        moment: Microseconds UTC.
        gaps: Where its log fell silent, as ``silences`` says.
    """
    if isinstance(case.facts, SecondFacts):
        last = next((line for line, ends_at in gaps if line.at <= moment < ends_at), None)
        return cut_second(case.facts, events, moment, last)
    return cut(case.facts, events, past.home.context.first_rules, moment, _last_line(case, events, moment, gaps))


def _at_once(state: ThreadState) -> bool:
    """Whether a person is asked, or the latest turn failed: these need no while to be so."""
    if state.requests:
        return True
    latest = last_of(state.turns)  # a long thread has thousands of turns, and this is asked at each event
    return latest is not None and latest.state is TurnState.ERROR


def _can_be_wrong(state: ThreadState) -> bool:
    """Whether something is at work, awaited, or ended badly; else there is nothing to judge."""
    return state.status not in _QUIET or state.pending is not None or bool(state.running) or _at_once(state)


def _last_line(
    case: Case, events: Sequence[Event], moment: Micros, gaps: Sequence[tuple[LogLine, Micros]]
) -> LogLine | None:
    """The thread's newest log line at a moment: of the lines that are no lifecycle only the gaps between them are known."""
    newest = case.facts.last_log
    if newest is not None and newest.at <= moment:
        return newest
    for line, ends_at in gaps:
        if line.at <= moment < ends_at:
            return line
    known = next((case.facts.refs[e.event_id] for e in reversed(events) if e.event_id in case.facts.refs), None)
    return msgspec.structs.replace(known, at=moment) if known is not None else None


def _episode(
    run: Sequence[_JudgedMoment], events: Sequence[Event], after: _JudgedMoment | None, actions: Sequence[JournalAction]
) -> Episode:
    last = run[-1]
    thread, finding = last.thread, _explaining(last.thread)
    end = ended(thread, events, last.step, after.step, actions) if after is not None else Ending(EpisodeEnd.NEVER)
    turn_id = finding.turn_id if finding is not None else None
    turn = next((turn for turn in thread.case.facts.turns if turn.turn_id == turn_id), None)
    sinces = [seen.thread.since for seen in run if seen.thread.since is not None]
    return Episode(
        home_id=thread.home_id,
        thread_id=thread.thread_id,
        title=thread.title,
        provider=thread.provider,
        verdict=thread.verdict,
        code=finding.code if finding is not None else thread.verdict.value,
        codes=tuple(dict.fromkeys(f.code for f in thread.findings if f.makes is thread.verdict)),
        since=min(sinces, default=run[0].moment),
        since_event_id=finding.since_event_id if finding is not None else None,
        until=end.at if after is not None else None,
        until_event_id=end.event_id,
        ended_by=end.by,
        action_id=end.action_id,
        seen_until=last.moment,
        turn_id=turn_id,
        message_id=(turn.pending_message_id if turn is not None else None)
        or (thread.case.facts.pending.pending_message_id if thread.case.facts.pending is not None else None),
        # the second data model knows failures that no finding explains
        summary=finding.summary if finding is not None else f"{thread.case.name} is {thread.verdict}.",
        confidence=finding.confidence if finding is not None else Confidence.CERTAIN,
        evidence=(*(finding.evidence if finding is not None else ()), *end.evidence),
        judgement=thread,
    )
