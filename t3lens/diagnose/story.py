"""The story of a thread: what was asked, what happened, where it went wrong, what follows. Data, not layout."""

from __future__ import annotations

from itertools import groupby

import msgspec

from t3lens.diagnose.detectors.restarts import runs_until
from t3lens.diagnose.diagnosis import ThreadDiagnosis
from t3lens.diagnose.divergence import fork, parting
from t3lens.diagnose.event_contents import words_of
from t3lens.diagnose.v2.case import SecondCase
from t3lens.diagnose.verdict import what_is_missing
from t3lens.diagnose.witness import witness_of
from t3lens.diagnose.wording import capital, with_short_ids
from t3lens.domain.event import Event
from t3lens.domain.finding import WRONG_VERDICTS, EvidenceKind, Finding, Remedy, Verdict
from t3lens.domain.state import Transition
from t3lens.t3code.home_layout import SERVER_RUNTIME
from t3lens.t3code.native.record import NativeSays
from t3lens.t3code.native.words import one_line
from t3lens.t3code.v1.event_types import (
    REQUEST_SUFFIX,
    RUNTIME_ERROR,
    RUNTIME_WARNING,
    TURN_START_REQUESTED,
    TURN_STARTED,
)
from t3lens.t3code.v2 import remedies
from t3lens.t3code.v2.rules import SecondRules
from t3lens.time import SECOND, Micros, iso

__all__ = ["Divergence", "Explanation", "StoryLine", "Truth", "divergence", "explain", "what_helps"]


class StoryLine(msgspec.Struct, frozen=True):
    """One line of the story.

    Attributes:
        at: When, microseconds UTC.
        kind: ``asked``, ``provider``, ``stored``, ``server``, ``wrong`` or ``now``.
        text: What happened, in one sentence.
        event_id: The event it tells of, if it tells of one.
        rule: The rule that decided, if one did.
    """

    at: Micros | None
    kind: str
    text: str
    event_id: str | None = None
    rule: str | None = None


class Truth(msgspec.Struct, frozen=True):
    """One of the truths about a thread.

    Attributes:
        source: ``native``, ``expected``, ``stored``, ``binding``, ``record``.
        status: What it says of the session.
        turn_id: The turn it considers active.
        at: Since when it is so, microseconds UTC.
        note: Anything else it says, in a few words.
    """

    source: str
    status: str | None
    turn_id: str | None
    at: Micros | None
    note: str = ""


class Divergence(msgspec.Struct, frozen=True):
    """The truths side by side, and where the first two part.

    Attributes:
        truths: Native, expected, stored, binding, and the agent's own record.
        between: The two that part, e.g. ``("expected", "stored")``; empty if all agree.
        event: The first event after which they never agree again.
        why: What the rules say of that event; where none part, what there is to say of that.
        compared: Whether they were compared at all; not in a home that cannot be judged.
    """

    truths: tuple[Truth, ...]
    between: tuple[str, ...]
    event: Event | None
    why: str
    compared: bool = True


class Explanation(msgspec.Struct, frozen=True):
    """Why a thread is what it is.

    Attributes:
        thread_id: The thread.
        title: Its title.
        verdict: What it is.
        headline: The finding that explains it in one sentence, or that nothing is wrong.
        lines: The story in order of time.
        divergence: The truths side by side.
        findings: All findings, the explaining one first.
        next_step: What brings it back, with the Python call that does it.
        next_words: The same without the call.
        remedy: The kind of plan that brings it back.
    """

    thread_id: str
    title: str | None
    verdict: str
    headline: str
    lines: tuple[StoryLine, ...]
    divergence: Divergence
    findings: tuple[Finding, ...]
    next_step: str
    next_words: str
    remedy: Remedy


_NEXT = {
    Remedy.NONE: "Nothing needs to be done.",
    Remedy.STOP: "Stop the session{how}; the next message continues the conversation.",
    Remedy.DECLINE: "Decline what it asks{how}; no prompt of T3 Code answers it.",
    Remedy.ANSWER: "Answer the open request in T3 Code{how}; the turn then goes on.",
    Remedy.NEW_MESSAGE: "Send the message again; nothing blocks.",
    Remedy.RESTART_SERVER: "Send no more commands. Restart the server, then stop what is still stuck.",
    Remedy.WAIT: "Wait; it should move on by itself.",
    Remedy.OFFLINE_REPAIR: "Repair the database while no server runs{how}.",
    Remedy.RESTORE_BACKUP: "Stop the server, copy all database files aside, then recover or restore.",
    Remedy.DETACH: "Let the broken provider session go (provider-session.detach); the next message opens a new one.",
    Remedy.RESUME_QUEUE: "Resume the queue{how}; the held messages then run.",
    Remedy.INVESTIGATE: "Look at the evidence before you do anything.",
}

_CALLS = {
    Remedy.STOP: " (thread.reconcile() makes a plan)",
    Remedy.DECLINE: " (thread.decline() makes a plan)",
    Remedy.ANSWER: ", or here (thread.answer(…) makes a plan)",
    Remedy.RESUME_QUEUE: " (thread.resume_queue() makes a plan)",
    Remedy.OFFLINE_REPAIR: " (thread.reconcile(offline=True))",
}

_STAYS = "Nothing blocks: the next message goes on as usual. No command corrects what is stored."

_NOT_OF_THE_PAST = "not known of the past"
_NOT_JUDGED = "Look at it in T3 Code: t3lens cannot tell what it is, and stops and repairs nothing in its home."


def explain(thread: ThreadDiagnosis) -> Explanation:
    """Tell the story of a thread from its last request to now.

    Args:
        thread: Its diagnosis.
    """
    explaining = next((f for f in thread.findings if f.makes is thread.verdict), None)
    # where nothing is wrong, a message without an answer is still what to tell of
    unanswered = next((f for f in thread.findings if f.remedy is Remedy.NEW_MESSAGE), None)
    first = explaining or (None if thread.primary else unanswered) or next(iter(thread.findings), None)
    if thread.verdict is Verdict.UNKNOWN:
        missing = what_is_missing(thread.case)
        headline = f"Too little is known to tell what {thread.case.name} is: {missing}."
    elif explaining is not None:
        headline = explaining.summary
    elif first is not None and (thread.primary is not None or first is unanswered):
        headline = first.summary
    else:
        headline = f"Nothing is wrong with {thread.case.name}: it is {thread.verdict}."
    judged = thread.case.context.home.standing.cannot_judge is None
    remedy = first.remedy if first is not None else Remedy.NONE
    if thread.verdict is Verdict.UNKNOWN:
        remedy = Remedy.INVESTIGATE
    if remedy is Remedy.NONE and any(finding.remedy is Remedy.ANSWER for finding in thread.findings):
        remedy = Remedy.ANSWER  # what is untrue holds nothing up, and an open request does
    harmless = remedy is Remedy.NONE and thread.verdict is Verdict.DIVERGED
    following = (_STAYS if harmless else _next(thread, remedy)) if judged else _NOT_JUDGED
    return Explanation(
        thread_id=thread.thread_id,
        title=thread.title,
        verdict=thread.verdict.value,
        headline=headline,
        lines=tuple(_lines(thread)),
        divergence=divergence(thread),
        findings=thread.findings,
        next_step=following.format(how=_CALLS.get(remedy, "")),
        next_words=following.format(how=""),
        remedy=remedy if judged and not harmless else Remedy.NONE,
    )


def what_helps(remedy: Remedy, *, call: bool = True, second: bool = False) -> str:
    """What a remedy comes to, in a sentence.

    Args:
        remedy: Of a finding.
        call: Name the Python call that makes a plan of it, where one does.
        second: In the words of the second data model alone, whose server's start ends what was left.
    """
    if second and remedy is Remedy.RESTART_SERVER:
        return f"{capital(remedies.RESTART)}: its start ends runs that were left, before it answers."
    return _NEXT[remedy].format(how=_CALLS.get(remedy, "") if call else "")


def _next(thread: ThreadDiagnosis, remedy: Remedy) -> str:
    """What helps, in the words of the data model: a start of the second one's server ends by itself what was left."""
    context = thread.case.context
    if remedy is not Remedy.RESTART_SERVER or not isinstance(context.rules, SecondRules):
        return _NEXT[remedy]
    first = remedies.START if context.server.dead else remedies.RESTART
    said = remedies.healed_by_start(holds=context.rules.start_holds_queue, first=first)
    return f"{capital(said)}."


def _lines(thread: ThreadDiagnosis) -> list[StoryLine]:
    """The transitions that matter since the last turn that began, and the findings among them by time."""
    replay = thread.case.replays.expected
    steps = [step for step in replay.transitions if step.rule != "R14" or step.type.endswith(REQUEST_SUFFIX)]
    begin = _begin(steps)
    lines = [_line(step) for step in steps[begin:]]
    since = steps[begin].at if begin < len(steps) else None
    lines += _words(thread, since)
    lines += _server(thread, since)
    for finding in thread.findings:
        at = _shown_at(finding, thread)
        lines.append(StoryLine(at, "wrong", f"{finding.code}: {finding.summary}", finding.since_event_id))
    lines = [msgspec.structs.replace(line, text=with_short_ids(line.text)) for line in lines]
    dated = sorted(
        (line for line in lines if line.at is not None),
        key=lambda line: (line.at or 0, line.kind == "wrong"),
    )
    return dated + [line for line in lines if line.at is None]


def _server(thread: ThreadDiagnosis, since: Micros | None) -> list[StoryLine]:
    """What became of the server while the story went on: that it was restarted, that it is gone."""
    context = thread.case.context
    starts = {run.next_started_at for run in runs_until(context)}
    if context.server.started_at is not None and not context.server.dead:
        began = context.server.started_at
        # the sign of a start that the store has stands a moment beside what the server says itself
        starts = {at for at in starts if abs(at - began) > _ONE_START} | {began}
    told = [StoryLine(at, "server", "server restarted") for at in sorted(starts) if since is not None and since < at]
    if context.server.dead and thread.case.orphaned is not None:
        told.append(StoryLine(_end(thread), "server", "no server of this home is running any more"))
    return told[-10:]


def _end(thread: ThreadDiagnosis) -> Micros:
    """The moment, or the start of the server that came next, if that is told of."""
    context = thread.case.context
    return max([context.as_of, *(run.next_started_at for run in runs_until(context))])


def _shown_at(finding: Finding, thread: ThreadDiagnosis) -> Micros | None:
    """Where a finding stands in the story: at the newest of the records it rests on, so behind what caused it."""
    if finding.since is None:
        return None
    end = _end(thread)
    rests_on = [end if piece.at is None else piece.at for piece in finding.evidence if piece.source == SERVER_RUNTIME]
    rests_on += [piece.at for piece in finding.evidence if piece.kind in _MOMENTS and piece.at is not None]
    return min(max([finding.since, *rests_on]), max(end, finding.since))


_MOMENTS = frozenset({EvidenceKind.LOG, EvidenceKind.EVENT, EvidenceKind.RECORD})
"""Evidence of something that happened; a row only says what is so."""

_ONE_START = 5 * SECOND
"""Signs of one start of the server are no further apart."""


def _words(thread: ThreadDiagnosis, since: Micros | None) -> list[StoryLine]:
    """What the provider and the server themselves said went wrong, the last ten each: often the answer looked for."""
    facts = thread.case.facts
    said = [
        StoryLine(e.at, "provider", f"the provider {_SAYS[e.type]}: {one_line(words_of(e))}", e.event_id)
        for e in facts.canonical
        if e.type in _SAYS and e.text("message") and (since is None or e.at >= since)
    ]
    stored = [
        StoryLine(f.at, "stored", f"T3 Code wrote down {f.kind or 'an error'}: {one_line(f.detail)}", f.event_id)
        for f in sorted((*facts.failures, *facts.errors), key=lambda failure: failure.sequence)
        if f.detail and f.kind != RUNTIME_ERROR and (since is None or f.at >= since)
    ]
    return _folded(said)[-10:] + _folded(stored)[-10:]


def _folded(lines: list[StoryLine]) -> list[StoryLine]:
    """The same thing said again and again is one line, at the time it was said first."""
    folded: list[StoryLine] = []
    for _, group in groupby(lines, key=lambda line: line.text):
        same = list(group)
        again = f" ({len(same)} times until {iso(same[-1].at)})" if len(same) > 1 and same[-1].at is not None else ""
        folded.append(msgspec.structs.replace(same[0], text=same[0].text + again))
    return folded


_SAYS = {RUNTIME_WARNING: "warns", RUNTIME_ERROR: "reports an error"}


def _begin(steps: list[Transition]) -> int:
    """Where the story begins: at the request of the turn before the last session change, at most 40 lines back."""
    requests = [i for i, step in enumerate(steps) if step.type == TURN_START_REQUESTED]
    started = [i for i, step in enumerate(steps) if step.type == TURN_STARTED]
    candidates = requests or started
    begin = candidates[-1] if candidates else 0
    later = [i for i in started if i > begin]
    if not later and len(candidates) > 1:
        begin = candidates[-2]
    return max(begin, len(steps) - 40)


def _line(step: Transition) -> StoryLine:
    if step.type.endswith(REQUEST_SUFFIX):
        kind = "asked"
    elif step.rule in ("W", "R11"):
        kind = "stored"
    else:
        kind = "provider"
    return StoryLine(step.at, kind, step.why, step.event_id, step.rule)


def divergence(thread: ThreadDiagnosis) -> Divergence:
    """Native, expected, stored and binding side by side, with the first event where two of them part."""
    case = thread.case
    facts, expected = case.facts, case.expected
    truths = [_native(thread)]
    session = expected.session
    truths.append(
        Truth(
            "expected",
            session.status.value,
            session.active_turn_id,
            session.updated_at,
            "by the reference rules",
        )
        if session
        else Truth("expected", None, None, None, "no session event")
    )
    stored = facts.session
    truths.append(
        Truth(
            "stored",
            stored.status,
            stored.active_turn_id,
            stored.updated_at,
            stored.last_error or "",
        )
        if stored
        else Truth(
            "stored",
            None,
            None,
            None,
            "no session row" if case.context.home.has_database else "no database",
        )
    )
    binding = facts.binding
    truths.append(
        Truth(
            "binding",
            binding.status,
            binding.active_turn_id,
            binding.last_seen_at,
            binding.last_event or "",
        )
        if binding
        else Truth("binding", None, None, None, _NOT_OF_THE_PAST if facts.went_on else "no runtime binding")
    )
    truths.append(_recorded(thread))
    if case.context.home.standing.cannot_judge is not None:
        return Divergence(tuple(truths), (), None, "Nothing was compared: the home cannot be judged.", compared=False)
    if stored is None or session is None:
        return Divergence(tuple(truths), (), None, "There are no two truths to compare.")
    if (stored.status, stored.active_turn_id) != (session.status, session.active_turn_id):
        replays = case.replays
        event = (
            fork(replays.expected, replays.shipped)
            if isinstance(case, SecondCase)
            else parting(replays.expected, case.session_sets)
        )
        step = next(
            (s for s in case.replays.expected.transitions if event and s.event_id == event.event_id),
            None,
        )
        return Divergence(tuple(truths), ("expected", "stored"), event, step.why if step else "")
    last = next(reversed(facts.native), None)
    if (
        last is not None
        and last.kind in (NativeSays.IDLE, NativeSays.ERROR)
        and stored.live
        and not case.requests.open
        and case.of_active_turn(last)
    ):
        return Divergence(
            tuple(truths),
            ("native", "stored"),
            None,
            "the provider's protocol says the turn is over",
        )
    witness = witness_of(case, stored.active_turn_id) if stored.live else None
    if witness is not None and witness.turn.outcome in ("finished", "failed", "aborted", "cut"):
        said = f"the agent's own record says of the turn: {witness.turn.outcome}"
        return Divergence(tuple(truths), ("record", "stored"), None, said)
    return Divergence(tuple(truths), (), None, _agreed(thread))


def _agreed(thread: ThreadDiagnosis) -> str:
    """What is said where no two truths part: of a thread that something is wrong with, what none of them tells."""
    if thread.verdict not in WRONG_VERDICTS:
        return "All truths agree."
    return f"No two of the truths part, and all the same it is {thread.verdict}: {thread.primary or 'see its findings'}."


def _recorded(thread: ThreadDiagnosis) -> Truth:
    """What the agent itself recorded of the stored session's turn, else of its newest one."""
    facts = thread.case.facts
    record = facts.record
    if record is None:
        note = _NOT_OF_THE_PAST if facts.went_on else "no record of the agent was looked for"
        return Truth("record", None, None, None, note)
    if record.state != "read":
        return Truth("record", None, None, None, record.why)
    active = facts.session.active_turn_id if facts.session is not None else None
    witness = witness_of(thread.case, active)
    turn = witness.turn if witness is not None else next(reversed(record.turns), None)
    if turn is None:
        return Truth("record", None, None, record.last_at, "its record holds no turn")
    return Truth("record", turn.outcome, turn.turn_id, turn.ended_at or turn.started_at, turn.why)


def _native(thread: ThreadDiagnosis) -> Truth:
    signs = [sign for sign in thread.case.facts.native if not thread.case.auxiliary(sign)]
    if not signs:
        return Truth("native", None, None, None, "no lifecycle sign in the provider's protocol")
    last = signs[-1]
    return Truth("native", last.kind, last.turn_id, last.at, last.ref.type)
