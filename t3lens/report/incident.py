"""What an incident document says, gathered from a session: data, already redacted; no layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from t3lens.diagnose import ThreadDiagnosis
from t3lens.domain.finding import WRONG_VERDICTS, Confidence, Finding, Verdict
from t3lens.errors import T3LensError
from t3lens.redact import Redactor
from t3lens.redact.keys import keys_in
from t3lens.report.appendix import Appendix, Exhibit
from t3lens.report.coverage import Coverage, HomeFact, coverage, home_facts
from t3lens.report.deeds import Deed, deeds
from t3lens.report.impact import Impact, Waiting, impact
from t3lens.report.prevention import Prevention, prevention
from t3lens.time import Micros, duration, iso
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
    and cause, story, truths and impact are as they were then.
    """

    home_id: str
    thread_id: str
    title: str
    provider: str
    verdict: str
    primary: str | None
    since: Micros | None
    as_of: Micros
    sentences: tuple[str, str, str]
    story: tuple[StoryStep, ...]
    truths: tuple[tuple[str, str, str, Micros | None, str], ...]
    parting: str
    causes: tuple[Cause, ...]
    turns: tuple[tuple[str, str, str, Micros | None, Micros | None, str], ...]
    impact: Impact
    deeds: tuple[Deed, ...]
    prevention: tuple[Prevention, ...]
    questions: tuple[str, ...]
    coverage: Coverage
    timeline: TimelineData
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
    threads: Sequence[ThreadDiagnosis],
    *,
    redactor: Redactor,
    title: str | None,
    command: str,
) -> Incident:
    """Everything the document of ``threads`` says.

    Args:
        session: Where they are from.
        threads: At least one, in the order in which they are told.
        redactor: Masks and leaves out; one for the whole document, so that masks agree.
        title: The document's title; made from the threads if not said.
        command: What rebuilds the document.
    """
    from t3lens.version import __version__

    session.mirror_journal()  # what was done is a part of the picture
    redactor.keep_keys(key for thread in threads for key in keys_in((thread, thread.case.facts)))
    appendix = Appendix(session.store, redactor)
    past: dict[tuple[str, str], list[Episode]] = {}
    for one in session.incidents(threads=[thread.thread_id for thread in threads]):
        past.setdefault((one.home_id, one.thread_id), []).append(one)
    told = tuple(
        _thread(session.store, thread, past.get((thread.home_id, thread.thread_id), []), appendix, redactor)
        for thread in threads
    )
    homes = tuple(
        home_facts(session.store, home, redactor)
        for home in session.diagnosis.homes
        if home.home.home_id in {thread.home_id for thread in told}
    )
    sentences = told[0].sentences if len(told) == 1 else _over_all(told)
    return Incident(
        title=redactor.text(title) if title else _title(told),
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


def _title(threads: Sequence[ReportedThread]) -> str:
    if len(threads) > 1:
        return f"Incident report: {len(threads)} threads"
    thread = threads[0]
    return f"Incident report: {thread.title or thread.thread_id}"


def _thread(
    store: Store, diagnosis: ThreadDiagnosis, past: Sequence[Episode], appendix: Appendix, redactor: Redactor
) -> ReportedThread:
    from t3lens.diagnose.story import explain
    from t3lens.view.timeline.data import TimelineIndex

    over = _worst(past) if diagnosis.verdict not in WRONG_VERDICTS else None
    then = over.judgement if over is not None else diagnosis
    said = explain(then)
    as_of = diagnosis.case.context.as_of
    home_id, thread_id = diagnosis.home_id, diagnosis.thread_id
    index = TimelineIndex(store, home_id, thread_id, as_of=as_of)
    try:
        timeline = index.view()
    finally:
        index.close()
    causes = tuple(_cause(home_id, thread_id, finding, appendix, redactor) for finding in then.findings)
    story = tuple(
        StoryStep(
            line.at,
            line.kind,
            redactor.text(line.text),
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
    affected = impact(then)
    sentences = _sentences(diagnosis, said.headline, said.next_step, affected, redactor)
    if over is not None:
        affected = msgspec.structs.replace(affected, lasted=over.lasted)
        sentences = _sentences_of_past(diagnosis, over, said.headline, affected, redactor)
        ended = StoryStep(over.until, "asked", f"It was over. {over.ended_by.sentence}", None, 0)
        shown = appendix.event(home_id, thread_id, over.until_event_id) if over.until_event_id else 0
        story = (*story, msgspec.structs.replace(ended, exhibit=shown))
    return ReportedThread(
        home_id=home_id,
        thread_id=thread_id,
        title=redactor.text(diagnosis.title or ""),
        provider=diagnosis.provider or "unknown provider",
        verdict=diagnosis.verdict.value,
        primary=then.primary,
        since=over.since if over is not None else diagnosis.since,
        as_of=as_of,
        sentences=sentences,
        story=_with_actions(story, done),
        truths=truths,
        parting=_parting(said.divergence.between, said.divergence.event, said.divergence.why)
        if said.divergence.compared
        else "Nothing was compared: the home cannot be judged.",
        causes=causes,
        turns=_turns(diagnosis, redactor),
        impact=affected,
        deeds=done,
        prevention=prevention(then, redactor),
        questions=(
            *_questions(then, done, redactor),
            *([f"What t3lens did about it is not known: {untold}."] if untold else []),
        ),
        coverage=coverage(store, diagnosis, redactor),
        timeline=timeline,
        episodes=tuple(_past(one, redactor) for one in past),
        over=_past(over, redactor) if over is not None else None,
        judged=_judged(diagnosis),
    )


def _worst(past: Sequence[Episode]) -> Episode | None:
    """The episode a document about a thread that is well again is about: the worst, of these the longest, the latest."""
    closed = [one for one in past if not one.open and (one.verdict is not Verdict.WAITING or _long(one))]
    return min(closed, key=lambda one: (WRONG_VERDICTS.index(one.verdict), -one.lasted, -one.since), default=None)


def _long(one: Episode) -> bool:
    """Whether a person was waited for longer than is usual."""
    return one.lasted >= one.judgement.case.context.threshold("waiting")


def _past(one: Episode, redactor: Redactor) -> PastEpisode:
    return PastEpisode(
        verdict=one.verdict.value,
        code=one.code,
        since=one.since,
        until=one.until,
        lasted=one.lasted,
        ended=one.ended_by.sentence + (f" Action {one.action_id}." if one.action_id else ""),
        turn_id=one.turn_id,
        message_id=one.message_id,
        summary=redactor.text(one.summary),
    )


def _sentences_of_past(
    diagnosis: ThreadDiagnosis, over: Episode, headline: str, hit: Impact, redactor: Redactor
) -> tuple[str, str, str]:
    """What was wrong; from when to when and at whose cost; how it ended and what is now."""
    assert over.until is not None
    people = len(hit.waiting)
    who = f" {people} matter{' of a person' if people == 1 else 's of people'} waited meanwhile." if people else ""
    cost = f"It was {over.verdict} from {iso(over.since)} to {iso(over.until)}, for {duration(over.lasted)}.{who}"
    now = iso(diagnosis.case.context.as_of)
    end = f"{over.ended_by.sentence} As of {now} it is {diagnosis.verdict}: nothing is wrong now."
    return redactor.text(headline[:1].upper() + headline[1:]), cost, end


def _judged(diagnosis: ThreadDiagnosis) -> bool:
    return diagnosis.case.context.home.standing.cannot_judge is None


def _with_actions(story: Sequence[StoryStep], done: Sequence[Deed]) -> tuple[StoryStep, ...]:
    """The story, each of t3lens's actions behind the last line that is no younger."""
    told = list(story)
    for deed in done:
        if deed.action:
            older = [n for n, step in enumerate(told) if step.at is not None and step.at <= deed.at]
            text = f"{deed.what}, {deed.outcome}: {deed.detail}"
            told.insert(max(older, default=-1) + 1, StoryStep(deed.at, "action", text, None, 0))
    return tuple(told)


def _cause(home_id: str, thread_id: str, finding: Finding, appendix: Appendix, redactor: Redactor) -> Cause:
    return Cause(
        code=finding.code,
        severity=finding.severity.value,
        confidence=finding.confidence.value,
        sure=_MEANING[finding.confidence],
        summary=redactor.text(finding.summary),
        explanation=redactor.text(finding.explanation),
        remedy=finding.remedy.value,
        since=finding.since,
        turn_id=finding.turn_id,
        exhibits=tuple(appendix.evidence(home_id, thread_id, piece) for piece in finding.evidence),
        references=finding.references,
    )


def _parting(between: tuple[str, ...], event: Any, why: str) -> str:
    if not between:
        return "All of them agree."
    where = f" since {event.type} {event.event_id} at {iso(event.at)}" if event else ""
    return f"{between[0]} and {between[1]} part{where}. {why}".strip()


def _sentences(
    diagnosis: ThreadDiagnosis, headline: str, next_step: str, hit: Impact, redactor: Redactor
) -> tuple[str, str, str]:
    """What is wrong; since when and at whose cost; what brings it back."""
    what = headline[:1].upper() + headline[1:]
    since, as_of = diagnosis.since, diagnosis.case.context.as_of
    if diagnosis.verdict in WRONG_VERDICTS:
        lasted = f" since {iso(since)}, for {duration(as_of - since)}" if since is not None else ""
        turns = f"{len(hit.turns)} turn{'' if len(hit.turns) == 1 else 's'}"
        people = len(hit.waiting)
        who = f"; {people} matter{' of a person' if people == 1 else 's of people'} waited" if people else ""
        cost = f"It was {diagnosis.verdict}{lasted} as of {iso(as_of)}, which concerns {turns}{who}."
    else:
        waits = "nobody waits for it" if _judged(diagnosis) else "who waits for it is not known"
        cost = f"As of {iso(as_of)} it is {diagnosis.verdict}, and {waits}."
    return redactor.text(what), cost, redactor.text(next_step)


def _over_all(threads: Sequence[ReportedThread]) -> tuple[str, ...]:
    by_verdict: dict[str, int] = {}
    by_cause: dict[str, int] = {}
    for thread in threads:
        by_verdict[thread.verdict] = by_verdict.get(thread.verdict, 0) + 1
        if thread.primary:
            by_cause[thread.primary] = by_cause.get(thread.primary, 0) + 1
    verdicts = ", ".join(f"{n} {name}" for name, n in by_verdict.items())
    causes = ", ".join(f"{code} ({n})" for code, n in by_cause.items()) or "no finding"
    dated = [thread for thread in threads if thread.since is not None and thread.primary]
    first = min(dated, key=lambda thread: thread.since or 0, default=None)
    longest = max((thread.impact.lasted for thread in threads if thread.impact.lasted), default=0)
    turns = sum(len(thread.impact.turns) for thread in threads)
    people = sum(len(thread.impact.waiting) for thread in threads)
    began = f"The first began at {iso(first.since or 0)} (thread {first.thread_id})" if first else "None is dated"
    return (
        f"{len(threads)} threads are told of: {verdicts}; explained by {causes}.",
        f"{began}; the longest lasted {duration(longest)}, and together they concern {turns} turns and "
        f"{people} waiting matters.",
        f"To be done first: {threads[0].sentences[2]}",
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
    return tuple(rows[-60:])


def _questions(diagnosis: ThreadDiagnosis, done: Sequence[Deed], redactor: Redactor) -> tuple[str, ...]:
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
