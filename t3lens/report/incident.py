"""What an incident document says, gathered from a session: data, already redacted; no layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.counted import counted
from t3lens.diagnose import ThreadDiagnosis
from t3lens.diagnose.past import UNKNOWABLE
from t3lens.domain.finding import Confidence, Finding
from t3lens.errors import T3LensError
from t3lens.incidents import noticeable_from
from t3lens.redact import Redactor
from t3lens.redact.keys import keys_in
from t3lens.report.actions_taken import ActionTaken, deeds
from t3lens.report.appendix import Appendix, Exhibit
from t3lens.report.coverage import Coverage, HomeFact, coverage, home_facts
from t3lens.report.impact import Impact, Waiting, impact, with_what_came
from t3lens.report.names import Names
from t3lens.report.prevention import Prevention, prevention
from t3lens.report.sentences import Say, moment, of_now, of_past, over_all, still_so, what_would_help
from t3lens.report.subject import Subject, over_of
from t3lens.session.notes import notes_of
from t3lens.time import Micros, iso
from t3lens.view.timeline.data import TimelineData

if TYPE_CHECKING:
    from t3lens.incidents import Episode
    from t3lens.session.session import Session
    from t3lens.store import Store

__all__ = [
    "Cause",
    "Incident",
    "PastEpisode",
    "ReportedThread",
    "StoryStep",
    "gather_incident",
]

_MOST_TURNS: Final = 60
_LEAST_TURNS: Final = 12
_MEANING = {
    Confidence.CERTAIN: "certain: it rests on records alone",
    Confidence.LIKELY: "likely: it rests on records and one assumption",
    Confidence.POSSIBLE: "possible: it rests on silence, which weak logs can also make",
}


class StoryStep(msgspec.Struct, frozen=True):
    """One line of the story; ``exhibit`` is the number of the record it tells of, 0 for none."""

    at: Micros | None
    kind: str
    text: str
    rule: str | None
    exhibit: int


class Cause(msgspec.Struct, frozen=True):
    """A finding as the document tells it; ``exhibits`` are the numbers of its evidence."""

    code: str
    severity: str
    confidence: str
    sure: str
    summary: str
    explanation: str
    remedy: str
    since: Micros | None
    turn_id: str | None
    exhibits: tuple[int, ...]
    references: tuple[str, ...]


class PastEpisode(msgspec.Struct, frozen=True):
    """A stretch of time in which something was wrong; ``until`` is None where it goes on."""

    incident_id: str
    verdict: str
    code: str
    since: Micros
    until: Micros | None
    lasted: Micros
    ended: str
    turn_id: str | None
    message_id: str | None
    summary: str


class ReportedThread(msgspec.Struct, frozen=True, kw_only=True):
    """One thread of an incident; every text in it is redacted.

    ``episodes`` are all times something was wrong. Where nothing is now, ``over`` is the one that the document is about,
    and cause, story, truths and impact are as they were then. ``name`` is its title and the beginning of its id,
    ``moments`` are the incident's times with what happened, ``unknowable`` is what no record keeps of the past,
    ``prevented`` says in words what would have helped.
    """

    home_id: str
    thread_id: str
    incident_id: str | None
    title: str
    name: str
    provider: str
    verdict: str
    primary: str | None
    since: Micros | None
    as_of: Micros
    sentences: tuple[str, str, str]
    moments: tuple[tuple[Micros, str], ...]
    story: tuple[StoryStep, ...]
    truths: tuple[tuple[str, str, str, Micros | None, str], ...]
    parting: str
    causes: tuple[Cause, ...]
    turns: tuple[tuple[str, str, str, Micros | None, Micros | None, str], ...]
    more_turns: int
    impact: Impact
    deeds: tuple[ActionTaken, ...]
    prevention: tuple[Prevention, ...]
    prevented: tuple[str, ...]
    questions: tuple[str, ...]
    unknowable: tuple[str, ...]
    coverage: Coverage
    timeline: TimelineData
    notes: tuple[tuple[Micros, str], ...] = ()
    episodes: tuple[PastEpisode, ...] = ()
    over: PastEpisode | None = None
    judged: bool = True


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """A whole incident document."""

    title: str
    as_of: Micros
    sentences: tuple[str, ...]
    threads: tuple[ReportedThread, ...]
    homes: tuple[HomeFact, ...]
    exhibits: tuple[Exhibit, ...]
    more_exhibits: int
    command: str
    content: bool
    maskings: dict[str, int]
    version: str
    notices: tuple[str, ...] = ()

    @property
    def waiting(self) -> list[tuple[ReportedThread, Waiting]]:
        """Everybody who waited, over all threads."""
        return [(thread, one) for thread in self.threads for one in thread.impact.waiting]


def gather_incident(
    session: Session,
    subjects: Sequence[Subject],
    *,
    redactor: Redactor,
    title: str | None,
    command: str,
) -> Incident:
    """Everything the document of some subjects says.

    Args:
        session: Where they are from.
        subjects: At least one, in the order in which they are told.
        redactor: Masks and leaves out; one for the whole document, so that masks agree.
        title: The document's title; made from the threads if not said.
        command: What rebuilds the document.
    """
    from t3lens.version import __version__

    session.mirror_journal()  # what was done is a part of the picture
    threads = [one.thread for one in subjects]
    redactor.keep_keys(key for thread in threads for key in keys_in((thread, thread.case.facts)))
    appendix = Appendix(session.store, redactor)
    past: dict[tuple[str, str], list[Episode]] = {}
    for one in session.incidents(threads=[thread.thread_id for thread in threads]):
        past.setdefault((one.home_id, one.thread_id), []).append(one)
    share = min(0.5, 1.2 / len(subjects))  # twenty long threads together are to stay a small document
    most = max(_MOST_TURNS * 4 // (len(subjects) + 3), _LEAST_TURNS)
    told = tuple(
        _thread(session, one, past.get((one.thread.home_id, one.thread.thread_id), []), appendix, redactor, share, most)
        for one in subjects
    )
    homes = tuple(
        home_facts(session.store, home, redactor)
        for home in session.diagnosis.homes
        if home.home.home_id in {thread.home_id for thread in told}
    )
    sentences = told[0].sentences if len(told) == 1 else _over_all(told)
    return Incident(
        title=redactor.text(title)
        if title
        else _title(told, "incidents" if subjects[0].incident is not None else "threads"),
        as_of=max(thread.as_of for thread in told),
        sentences=sentences,
        threads=told,
        homes=homes,
        exhibits=appendix.exhibits(),
        more_exhibits=appendix.left_out,
        command=redactor.text(command),
        content=redactor.content,
        maskings=dict(sorted(redactor.counts.items())),
        version=__version__,
        notices=tuple(redactor.text(text) for text in session.diagnosis.notices),
    )


def _title(threads: Sequence[ReportedThread], what: str) -> str:
    if len(threads) > 1:
        return f"Incident report: {len(threads)} {what}"
    thread = threads[0]
    return f"Incident report: {thread.title or thread.thread_id}"


def _thread(
    session: Session,
    told: Subject,
    past: Sequence[Episode],
    appendix: Appendix,
    redactor: Redactor,
    share: float,
    most_turns: int,
) -> ReportedThread:
    from t3lens.diagnose.story import explain

    store, diagnosis = session.store, told.thread
    turns = _turns(diagnosis, redactor)
    over = over_of(told, past)
    about = over or told.incident or next((one for one in reversed(past) if one.open), None)
    then = over.judgement if over is not None else diagnosis
    said = explain(then)
    home_id, thread_id = diagnosis.home_id, diagnosis.thread_id
    title = redactor.text(diagnosis.title or "")
    names = Names(keys_in((diagnosis, diagnosis.case.facts)), {thread_id: title})

    def say(text: str) -> str:
        return names.text(redactor.text(text))

    rebuilt = then.case.facts.went_on
    causes = tuple(_cause(home_id, thread_id, finding, appendix, say, rebuilt=rebuilt) for finding in then.findings)
    noticed = None
    if about is not None:
        noticed = noticeable_from(store, session.home(home_id), diagnosis, about)
    rules = prevention(then, say)
    story = tuple(
        StoryStep(
            line.at,
            line.kind,
            say(line.text),
            line.rule,
            appendix.event(home_id, thread_id, line.event_id) if line.event_id else 0,
        )
        for line in said.lines
    )
    truths = tuple(
        (t.source, t.status or "–", t.turn_id or "–", t.at, redactor.text(t.note)) for t in said.divergence.truths
    )
    try:
        done, untold = deeds(diagnosis, redactor), ""
    except T3LensError as error:
        done, untold = (), redactor.text(str(error))
    affected = with_what_came(impact(then), diagnosis)
    if over is not None:
        affected = msgspec.structs.replace(affected, lasted=over.lasted)
        sentences = of_past(diagnosis, over, affected, say)
        ended = StoryStep(over.until, "asked", f"It was over. {over.ended_by.sentence}", None, 0)
        shown = appendix.event(home_id, thread_id, over.until_event_id) if over.until_event_id else 0
        story = (*story, msgspec.structs.replace(ended, exhibit=shown))
    else:
        sentences = of_now(diagnosis, said, affected, say)
    return ReportedThread(
        home_id=home_id,
        thread_id=thread_id,
        incident_id=about.incident_id if about is not None else None,
        title=title,
        name=f"“{title}” ({names.short(thread_id)})" if title else names.short(thread_id),
        provider=diagnosis.provider or "unknown provider",
        verdict=diagnosis.verdict.value,
        primary=then.primary,
        since=over.since if over is not None else diagnosis.since,
        as_of=diagnosis.case.context.as_of,
        sentences=sentences,
        moments=_moments(diagnosis, about, noticed, done) if about is not None else (),
        story=_with_actions(story, done),
        truths=truths,
        parting=say(_parting(said.divergence.between, said.divergence.event, said.divergence.why)),
        causes=causes,
        turns=turns[-most_turns:],
        more_turns=max(len(turns) - most_turns, 0),
        impact=affected,
        deeds=done,
        prevention=rules,
        prevented=what_would_help(rules, about, noticed),
        questions=(
            *map(names.text, _questions(then, done, redactor)),
            *([f"What t3lens did about it is not known: {untold}."] if untold else []),
        ),
        unknowable=UNKNOWABLE if rebuilt else (),
        coverage=coverage(store, diagnosis, redactor),
        timeline=_timeline(store, diagnosis, share),
        notes=tuple((one.about, redactor.text(one.text)) for one in notes_of(store, home_id, thread_id)),
        episodes=tuple(_past(one, say) for one in past),
        over=_past(over, say) if over is not None else None,
        judged=_judged(diagnosis),
    )


def _timeline(store: Store, diagnosis: ThreadDiagnosis, share: float) -> TimelineData:
    from t3lens.view.timeline.data import TimelineIndex

    index = TimelineIndex(store, diagnosis.home_id, diagnosis.thread_id, as_of=diagnosis.case.context.as_of)
    try:
        return index.view(share=share)
    finally:
        index.close()


def _moments(
    diagnosis: ThreadDiagnosis, about: Episode, noticed: Micros | None, done: Sequence[ActionTaken]
) -> tuple[tuple[Micros, str], ...]:
    """When it began, when it could be noticed, what was done meanwhile, and when it was over."""
    found = [(about.since, "It began.")]
    if noticed is not None:
        found.append((noticed, f"From here on the records told of it: {about.code}."))
    last = about.until if about.until is not None else diagnosis.case.context.as_of
    for deed in done:
        if about.since <= deed.at <= last:
            found.append((deed.at, f"{deed.who}: {deed.what}, {deed.outcome}; {deed.told}."))
    if about.until is not None:
        found.append((about.until, f"It was over. {about.ended_by.sentence}"))
    else:
        found.append((last, f"It goes on: {still_so(diagnosis)}."))
    return tuple(sorted(found, key=lambda one: one[0]))


def _past(one: Episode, say: Say) -> PastEpisode:
    return PastEpisode(
        incident_id=one.incident_id,
        verdict=one.verdict.value,
        code=one.code,
        since=one.since,
        until=one.until,
        lasted=one.lasted,
        ended=one.ended_by.sentence + (f" Action {one.action_id}." if one.action_id else ""),
        turn_id=one.turn_id,
        message_id=one.message_id,
        summary=say(one.summary),
    )


def _judged(diagnosis: ThreadDiagnosis) -> bool:
    return diagnosis.case.context.home.standing.cannot_judge is None


def _with_actions(story: Sequence[StoryStep], done: Sequence[ActionTaken]) -> tuple[StoryStep, ...]:
    """The story, each of t3lens's actions behind the last line that is no younger."""
    told = list(story)
    for deed in done:
        if deed.action:
            older = [n for n, step in enumerate(told) if step.at is not None and step.at <= deed.at]
            text = f"{deed.what}, {deed.outcome}: {deed.told}"
            told.insert(max(older, default=-1) + 1, StoryStep(deed.at, "action", text, None, 0))
    return tuple(told)


def _cause(home_id: str, thread_id: str, finding: Finding, appendix: Appendix, say: Say, *, rebuilt: bool) -> Cause:
    return Cause(
        code=finding.code,
        severity=finding.severity.value,
        confidence=finding.confidence.value,
        sure=_MEANING[finding.confidence],
        summary=say(finding.summary),
        explanation=say(finding.explanation),
        remedy=finding.remedy.value,
        since=finding.since,
        turn_id=finding.turn_id,
        exhibits=tuple(appendix.evidence(home_id, thread_id, piece, rebuilt=rebuilt) for piece in finding.evidence),
        references=finding.references,
    )


def _parting(between: tuple[str, ...], event: Any, why: str) -> str:
    if not between:
        return why
    where = f" since {event.type} {event.event_id} at {iso(event.at)}" if event else ""
    return f"{between[0]} and {between[1]} part{where}. {why}".strip()


def _over_all(threads: Sequence[ReportedThread]) -> tuple[str, ...]:
    dated = [thread for thread in threads if thread.since is not None and thread.primary]
    first = min(dated, key=lambda thread: thread.since or 0, default=None)
    began = f"The first began at {moment(first.since or 0)} ({first.name})" if first else "None is dated"
    turns = sum(len(thread.impact.turns) for thread in threads)
    people = sum(len(thread.impact.waiting) for thread in threads)
    return over_all(
        [thread.impact.lasted for thread in threads if thread.impact.lasted],
        [f"was {thread.over.verdict}" if thread.over is not None else thread.verdict for thread in threads],
        [thread.primary for thread in threads if thread.primary],
        began,
        f"{counted(turns, 'turn')} and {counted(people, 'waiting matter')}",
        next((thread.sentences[2] for thread in threads if thread.over is None), "nothing; all of it is over."),
    )


def _turns(
    diagnosis: ThreadDiagnosis, redactor: Redactor
) -> tuple[tuple[str, str, str, Micros | None, Micros | None, str], ...]:
    case = diagnosis.case
    stored = {turn.turn_id: turn for turn in case.facts.turns if turn.turn_id}
    expected = case.expected.turns
    rows = []
    for turn_id in [*stored, *(key for key in expected if key not in stored)]:
        row, other = stored.get(turn_id), expected.get(turn_id)
        start = (row.started_at or row.requested_at) if row else None
        if start is None and other is not None:
            start = other.started_at or other.requested_at
        end = row.completed_at if row else None
        rows.append((
            turn_id, row.state if row else "–", other.state.value if other else "–", start, end,
            redactor.text(other.error or "") if other else "",
        ))  # fmt: skip
    return tuple(rows)


def _questions(diagnosis: ThreadDiagnosis, done: Sequence[ActionTaken], redactor: Redactor) -> tuple[str, ...]:
    """What this document cannot tell, and what would settle it."""
    context = diagnosis.case.context
    found: list[str] = []
    if context.server.status == "unknown":
        found.append(
            f"Whether the server was running is not known ({context.server.why}); findings that rest on it are "
            "likely at best. Look at the machine, or say --server alive or --server dead."
        )
    if not _judged(diagnosis):
        found.append("What this thread is: a t3lens that knows its home's data model can tell.")
    elif context.rules_guessed:
        found.append(
            f"The rules of the build that wrote the home were taken for {context.rules.name}; "
            "--rules says otherwise if that is wrong."
        )
    for finding in diagnosis.findings:
        if finding.confidence is not Confidence.CERTAIN and finding.makes is not None:
            found.append(f"{finding.code} is {_MEANING[finding.confidence]}.")
    if not context.home.has_database and _judged(diagnosis):
        found.append("There is no state database: what T3 Code stored is not known.")
    if not context.home.has_logs:
        found.append("There are no provider logs: what the provider did is not known.")
    if context.home.database_error:
        found.append(redactor.text(f"The state database: {context.home.database_error}"))
    for deed in done:
        if deed.unclear:
            found.append(f"What came of the {deed.what} at {iso(deed.at)} is not known.")
    return tuple(dict.fromkeys(found))
