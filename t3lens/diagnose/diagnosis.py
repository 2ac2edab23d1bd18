"""Diagnose a store: replay every thread, run every detector that can be run, say what could not be checked."""

from __future__ import annotations

import gc
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from t3lens.diagnose.asking import Together, small_together
from t3lens.diagnose.case import Case
from t3lens.diagnose.context import Context, HomeServer, as_of, decide
from t3lens.diagnose.detector import Detector, of_model, register_all
from t3lens.diagnose.facts import HomeFacts, Input, ModelInUse, ThreadFacts
from t3lens.diagnose.gather import Parts, gather, gather_in_parts
from t3lens.diagnose.gatherer import find_standing
from t3lens.diagnose.home_case import HomeCase
from t3lens.diagnose.in_time import TookTooLong, judged_in_time
from t3lens.diagnose.less_sure import less_sure
from t3lens.diagnose.making import make_case
from t3lens.diagnose.options import Options
from t3lens.diagnose.processes import Processes
from t3lens.diagnose.verdict import order, primary, verdict
from t3lens.domain.finding import VERDICT_ORDER, Finding, Remedy, Verdict, named
from t3lens.errors import T3LensError, fail_loudly
from t3lens.time import Micros

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = [
    "Check",
    "Diagnosis",
    "HomeDiagnosis",
    "ThreadDiagnosis",
    "diagnose",
    "judge",
    "rediagnose",
    "same_ground",
    "thread_detectors",
    "urgency",
]


class Check(msgspec.Struct, frozen=True):
    """Whether a detector could be run on a home.

    Attributes:
        code: The detector.
        checked: Whether it was.
        why: If not, what is missing.
        applies: Whether it looks for something in homes of this data model at all.
    """

    code: str
    checked: bool
    why: str = ""
    applies: bool = True


class ThreadDiagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What t3lens says of one thread.

    Attributes:
        home_id: Its home.
        thread_id: Its id.
        title: Its title, if the database has one.
        provider: Its provider.
        project_id: Its project, if the database says.
        verdict: What it is.
        primary: Code of the finding that explains the verdict, if one does.
        since: Since when, microseconds UTC.
        findings: The explaining one first.
        case: Facts and replays, for whoever wants to look closer.
    """

    home_id: str
    thread_id: str
    title: str | None
    provider: str | None
    project_id: str | None
    verdict: Verdict
    primary: str | None
    since: Micros | None
    findings: tuple[Finding, ...]
    case: Case


class HomeDiagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What t3lens says of one home.

    Attributes:
        context: Its standing: server, rules, the moment.
        findings: Home-wide findings.
        checks: Every detector, and whether it could be run.
        threads: Its threads, worst first.
    """

    context: Context
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    threads: tuple[ThreadDiagnosis, ...]

    @property
    def home(self) -> HomeFacts:
        """Its facts."""
        return self.context.home

    @property
    def notice(self) -> str | None:
        """What every output says first of it; None if there is nothing to say."""
        said = self.home.standing.notice
        return None if said is None else f"home {self.home.path}: {said}"


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What t3lens says of a set of homes.

    Attributes:
        options: The options of the diagnosis.
        homes: In the order of their paths.
    """

    options: Options
    homes: tuple[HomeDiagnosis, ...]

    @property
    def threads(self) -> list[ThreadDiagnosis]:
        """All threads of all homes, worst first."""
        if len(self.homes) == 1:
            return list(self.homes[0].threads)
        return sorted((t for home in self.homes for t in home.threads), key=urgency)

    @property
    def findings(self) -> list[Finding]:
        """All findings of all homes: the home-wide ones, then those of the threads, worst thread first."""
        wide = [finding for home in self.homes for finding in home.findings]
        return wide + [finding for thread in self.threads for finding in thread.findings]

    @property
    def notices(self) -> list[str]:
        """What every output says first: homes that cannot be judged, or less surely than usual, and why."""
        return [home.notice for home in self.homes if home.notice is not None]

    @property
    def counts(self) -> dict[str, int]:
        """Number of threads by verdict, worst first, without zeros."""
        counted = Counter(thread.verdict for home in self.homes for thread in home.threads)
        return {one.value: counted[one] for one in VERDICT_ORDER if counted[one]}


def urgency(thread: ThreadDiagnosis) -> tuple[int, int, Micros, str]:
    """Where a thread stands among others, the worst first: verdict, gravest finding, since when, id."""
    severity = min((finding.severity.rank for finding in thread.findings), default=9)
    return (VERDICT_ORDER.index(thread.verdict), severity, thread.since or 0, thread.thread_id)


def diagnose(
    store: Store,
    homes: Iterable[str],
    options: Options | None = None,
    *,
    servers: Mapping[str, HomeServer] | None = None,
    processes: Mapping[str, Processes] | None = None,
    threads: Sequence[str] | None = None,
    in_parts: bool = False,
) -> Diagnosis:
    """Say of every thread of some homes what it is, and why.

    Args:
        store: Where they were ingested.
        homes: Home ids.
        options: Moment, server, rules, thresholds; defaults otherwise.
        servers: What looking at each home's server told, by home id; unknown where absent.
        processes: The provider processes of each home's server, by home id.
        threads: Only these thread ids, in all homes; home-wide findings are then about these threads alone.
        in_parts: Whether a large home is judged some threads at a time, so that memory does not grow with it. The cases
            then hold rows and states, and no records and no replays.

    Returns:
        The diagnosis; nothing is written.
    """
    options = options or Options()
    detectors = tuple(register_all().values())
    found = []
    homes = list(homes)
    alone = threads is not None or options.as_of is not None
    for home_id, together in zip(homes, [None] * len(homes) if alone else small_together(store, homes), strict=True):
        probed = (servers or {}).get(home_id, HomeServer("unknown", why="nobody looked"))
        running = (processes or {}).get(home_id)
        large = in_parts and not alone and together is None
        attempt = partial(_attempt, store, home_id, options, threads, probed, running, detectors, large, together)
        with _no_search_for_cycles():
            found.append(_judged(store, attempt, options.budget))
    return Diagnosis(options=options, homes=tuple(sorted(found, key=lambda home: home.home.path)))


def _attempt(
    store: Store,
    home_id: str,
    options: Options,
    threads: Sequence[str] | None,
    probed: HomeServer,
    running: Processes | None,
    detectors: Sequence[Detector],
    in_parts: bool,
    together: Together | None,
    failure: Exception | None,
) -> HomeDiagnosis:
    """One home judged; with what went wrong the first time, only its threads' names are read."""
    parts = (
        gather_in_parts(store, home_id, options.thresholds, protocol=probed.protocol) if in_parts and not failure else None
    )
    if parts is not None:
        return _diagnose_parts(decide(parts.home, probed, options, running), detectors, parts)
    facts = gather(
        store,
        home_id,
        options.thresholds,
        threads,
        protocol=probed.protocol,
        until=options.as_of,
        failure=failure,
        together=together if failure is None else None,
    )
    context = decide(facts, probed, options, running)
    if options.as_of is not None and facts.standing.cannot_judge is None:
        _rewind(facts, context, options.as_of)
    return _diagnose_home(context, detectors)


def _judged(store: Store, attempt: Callable[[Exception | None], HomeDiagnosis], seconds: float) -> HomeDiagnosis:
    """A home judged; where that would not end in time or t3lens itself fails, that is said of it alone."""
    try:
        with judged_in_time(seconds):
            return store.with_enough_memory(partial(attempt, None))
    except (T3LensError, MemoryError):
        raise
    except TookTooLong as error:
        return attempt(error)
    except Exception as error:
        if fail_loudly():
            raise
        return attempt(error)


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Facts and states of a large home are millions of objects that stay, none in a cycle: to look for cycles among
    them again and again takes a fifth of the time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _rewind(facts: HomeFacts, context: Context, moment: Micros) -> None:
    """Make what was gathered of a home up to a moment what stood then; changes ``facts``."""
    if facts.model is ModelInUse.FIRST:
        from t3lens.diagnose.past import rewind

        rewind(facts, context.first_rules, moment)
    else:
        from t3lens.diagnose.v2.past import rewind_second

        rewind_second(facts, moment)


def same_ground(store: Store, before: Diagnosis) -> bool:
    """Whether every home is still of the data model it was: else all of it has to be diagnosed again.

    Args:
        store: Where what is new was ingested.
        before: The diagnosis of before.
    """
    return all(
        find_standing(store, home.home.home_id, home.context.server.protocol) == home.home.standing for home in before.homes
    )


def rediagnose(store: Store, before: Diagnosis, threads: Sequence[str]) -> Diagnosis:
    """Say again what some threads are, after new records of theirs were ingested; the others stay as they were.

    Home-wide findings are not looked for again: they need all threads (``diagnose``).

    Args:
        store: Where the new records were ingested.
        before: The diagnosis of all threads.
        threads: Ids of the threads to look at again.
    """
    homes = []
    for home in before.homes:
        context, options = home.context, before.options
        try:
            with judged_in_time(options.budget):
                homes.append(_again(store, home, options, threads))
        except TookTooLong as error:
            every = tuple(register_all().values())
            known = (home.home.home_id, options, None, context.server, context.processes, every, False, None)
            homes.append(_attempt(store, *known, error))
    return Diagnosis(options=before.options, homes=tuple(homes))


def _again(store: Store, home: HomeDiagnosis, options: Options, threads: Sequence[str]) -> HomeDiagnosis:
    """A home with some threads looked at again."""
    if home.home.standing.cannot_judge is not None:  # read whole: nothing but names
        whole = gather(store, home.home.home_id, options.thresholds, protocol=home.context.server.protocol)
        context = decide(whole, home.context.server, options, home.context.processes)
        return _diagnose_home(context, tuple(register_all().values()))
    # a thread nobody saw before may belong to any home; the store knows to which
    until = options.as_of
    facts = gather(store, home.home.home_id, options.thresholds, threads, home.home, until=until)
    if until is not None:
        _rewind(facts, home.context, until)
    context = msgspec.structs.replace(home.context, home=facts, as_of=as_of(facts, home.context))
    runnable = [of_model(check.code, facts.model) for check in home.checks if check.checked]
    alone = thread_detectors(home)
    wide_codes = {one.code for one in runnable if one is not None and one.home_wide}
    said = list(home.threads)
    for thread_id in threads:
        if thread_id in facts.threads:
            thread = facts.threads[thread_id]
            case = make_case(context, thread)
            place = next((n for n, t in enumerate(said) if t.thread_id == thread_id), None)
            old = said.pop(place).findings if place is not None else ()
            wide = [finding for finding in old if finding.code in wide_codes]
            insort(said, _thread(case, wide + _alone(case, alone)), key=urgency)
    return msgspec.structs.replace(home, context=context, threads=tuple(said))


def thread_detectors(home: HomeDiagnosis) -> list[Detector]:
    """The detectors of single threads that can be run on a home.

    Args:
        home: Its diagnosis.
    """
    runnable = [of_model(check.code, home.home.model) for check in home.checks if check.checked]
    return [one for one in runnable if one is not None and not one.home_wide]


def judge(case: Case, detectors: Sequence[Detector]) -> ThreadDiagnosis:
    """What one thread is, by detectors of single threads.

    Args:
        case: The thread.
        detectors: As ``thread_detectors`` gives them.
    """
    return _thread(case, _alone(case, detectors))


def _alone(case: Case, detectors: Sequence[Detector]) -> list[Finding]:
    """What the detectors of single threads find."""
    thread_id = case.facts.thread_id
    if _deleted(case):
        detectors = [detector for detector in detectors if detector.code == "ghost-rows"]
    return [
        _reachable(less_sure(finding, detector, case.context), case)
        for detector in detectors
        for finding in detector.findings(case, thread_id)
    ]


_UNBOUND = (
    "The thread has no runtime binding: this build accepts a stop of it and does nothing. Only a repair of the database, "
    "while no server runs, settles its session."
)


def _reachable(finding: Finding, case: Case) -> Finding:
    """The finding, with a remedy that reaches the thread: some builds stop nothing that has no runtime binding."""
    context, facts = case.context, case.facts
    if context.home.model is not ModelInUse.FIRST:
        return finding  # the second has no bindings, though a database may hold the first one's table
    unbound = case.unbound and facts.session is not None and Input.BINDING in context.home.inputs
    if finding.remedy is not Remedy.STOP or not unbound or not context.build.traits.stop_needs_binding:
        return finding
    return msgspec.structs.replace(finding, remedy=Remedy.OFFLINE_REPAIR, explanation=f"{finding.explanation} {_UNBOUND}")


def _diagnose_home(context: Context, detectors: Sequence[Detector]) -> HomeDiagnosis:
    facts = context.home
    if facts.standing.cannot_judge is not None:
        return _not_judged(context, detectors)
    cases = {thread_id: make_case(context, thread) for thread_id, thread in facts.threads.items()}
    checks, runnable = _runnable(context, detectors)
    wide, by_thread = _of_all(HomeCase(context, cases), runnable)
    alone = [detector for detector in runnable if not detector.home_wide]
    said = [_thread(case, by_thread.get(thread_id, []) + _alone(case, alone)) for thread_id, case in cases.items()]
    return _home(context, wide, checks, said)


def _diagnose_parts(context: Context, detectors: Sequence[Detector], parts: Parts) -> HomeDiagnosis:
    """A home judged some threads at a time; those that home-wide detectors find something of, once more with that."""
    checks, runnable = _runnable(context, detectors)
    alone = [detector for detector in runnable if not detector.home_wide]
    looks = [look for detector in runnable for look in detector.looks]
    said = {}

    def judge_part(part: Mapping[str, ThreadFacts], by_thread: Mapping[str, list[Finding]]) -> None:
        for thread_id, thread in part.items():
            case = make_case(context, thread)
            said[thread_id] = _thread(case, by_thread.get(thread_id, []) + _alone(case, alone))
            for look in looks:
                case.told(look)
            case.let_go()

    for part in parts.of():
        judge_part(part, {})
    cases = {thread_id: said[thread_id].case for thread_id in sorted(said)}
    context.home.threads.update((thread_id, case.facts) for thread_id, case in cases.items())
    wide, by_thread = _of_all(HomeCase(context, cases), runnable)
    for part in parts.of(sorted(by_thread)):
        judge_part(part, by_thread)
    return _home(context, wide, checks, said.values())


def _runnable(context: Context, detectors: Sequence[Detector]) -> tuple[tuple[Check, ...], list[Detector]]:
    """Which detectors can be run on a home, and of each whether."""
    model = context.home.model
    own = [of_model(detector.code, model) for detector in detectors]
    checks = tuple(
        _check(mine, context) if mine else Check(other.code, False, _of_another(model), applies=False)
        for mine, other in zip(own, detectors, strict=True)
    )
    return checks, [d for d, check in zip(own, checks, strict=True) if d is not None and check.checked]


def _of_all(home: HomeCase, runnable: Sequence[Detector]) -> tuple[list[Finding], dict[str, list[Finding]]]:
    """What the detectors that look at all threads find: of the home, and of single threads by their ids."""
    wide: list[Finding] = []
    by_thread: dict[str, list[Finding]] = {}
    for detector in runnable:
        if not detector.home_wide:
            continue
        for found in detector.findings(home, None):
            finding = less_sure(found, detector, home.context)
            if finding.thread_id is None:
                wide.append(finding)
            elif finding.thread_id in home.cases and not _deleted(home.cases[finding.thread_id]):
                by_thread.setdefault(finding.thread_id, []).append(finding)
    return wide, by_thread


def _home(
    context: Context, wide: list[Finding], checks: tuple[Check, ...], said: Iterable[ThreadDiagnosis]
) -> HomeDiagnosis:
    return HomeDiagnosis(
        context=context,
        findings=named(wide, context.home.home_id),
        checks=checks,
        threads=tuple(sorted(said, key=urgency)),
    )


def _not_judged(context: Context, detectors: Sequence[Detector]) -> HomeDiagnosis:
    """A home of a data model that cannot be judged: its threads by name, nothing checked, nothing found."""
    facts = context.home
    return HomeDiagnosis(
        context=context,
        findings=(),
        checks=tuple(Check(one.code, False, facts.standing.not_checked) for one in detectors),
        threads=tuple(
            ThreadDiagnosis(
                home_id=thread.home_id,
                thread_id=thread.thread_id,
                title=thread.row.title if thread.row else None,
                provider=None,
                project_id=thread.row.project_id if thread.row else None,
                verdict=Verdict.UNKNOWN,
                primary=None,
                since=None,
                findings=(),
                case=make_case(context, thread),
            )
            for thread in facts.threads.values()
        ),
    )


def _deleted(case: Case) -> bool:
    return case.facts.row is not None and case.facts.row.deleted_at is not None


def _of_another(model: ModelInUse) -> str:
    """Why a detector of the other data model is not run."""
    return f"not checked: the home is {model.label}"


def _check(detector: Detector, context: Context) -> Check:
    there = set(context.home.inputs)
    if context.server.status != "unknown" or context.server.started_at is not None:
        there.add(Input.SERVER)
    if context.processes is not None:
        there.add(Input.PROCESSES)
    missing = [needed.label for needed in detector.needs if needed not in there]
    if missing:
        return Check(detector.code, False, f"no {', no '.join(missing)}")
    return Check(detector.code, True)


def _thread(case: Case, findings: list[Finding]) -> ThreadDiagnosis:
    facts = case.facts
    said = verdict(case, findings)
    ordered = order(findings, said)
    explains = next((finding for finding in ordered if finding.makes is said), None)
    since = explains.since if explains else None
    if since is None and case.session is not None:
        since = case.session.updated_at
    provider = case.session.provider if case.session else None
    if provider is None:
        provider = next((event.provider for event in facts.canonical if event.provider), None)
    return ThreadDiagnosis(
        home_id=facts.home_id,
        thread_id=facts.thread_id,
        title=facts.row.title if facts.row else None,
        provider=provider or (facts.binding.provider if facts.binding else None),
        project_id=facts.row.project_id if facts.row else None,
        verdict=said,
        primary=primary(findings, said),
        since=since,
        findings=named(ordered, facts.home_id),
        case=case,
    )
