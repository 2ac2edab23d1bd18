"""From a home's facts to its diagnosis: which detectors can be run, what they find, and what each thread is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from t3lens.diagnose.case import Case
from t3lens.diagnose.confidence import less_sure
from t3lens.diagnose.context import Context
from t3lens.diagnose.detector import Detector, of_model
from t3lens.diagnose.diagnosis import Check, HomeDiagnosis, ThreadDiagnosis, urgency
from t3lens.diagnose.facts import Input, ModelInUse, ThreadFacts
from t3lens.diagnose.gather import Parts
from t3lens.diagnose.home_case import HomeCase
from t3lens.diagnose.make_case import make_case
from t3lens.diagnose.time_limit import check_in_time
from t3lens.diagnose.verdict import order, primary, verdict
from t3lens.domain.finding import Finding, Remedy, Verdict, named

__all__ = ["found_in", "judge", "judge_home", "judge_in_parts", "judged", "thread_detectors"]

_LONG: Final = 1_000
"""Records of a thread of which a single detector may take noticeably long."""


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
    return judged(case, found_in(case, detectors))


def found_in(case: Case, detectors: Sequence[Detector]) -> list[Finding]:
    """What the detectors of single threads find.

    Args:
        case: The thread.
        detectors: As ``thread_detectors`` gives them.
    """
    thread_id = case.facts.thread_id
    if _deleted(case):
        detectors = [detector for detector in detectors if detector.code == "ghost-rows"]
    check_in_time()
    found = []
    is_long = case.facts.records + len(case.facts.stored) > _LONG
    for detector in detectors:
        if is_long:
            check_in_time()
        for finding in detector.findings(case, thread_id):
            found.append(_reachable(less_sure(finding, detector, case.context), case))
    return found


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


def judge_home(context: Context, detectors: Sequence[Detector]) -> HomeDiagnosis:
    """A home whose threads' facts are all held.

    Args:
        context: Its standing, with its facts.
        detectors: Those of both data models.
    """
    facts = context.home
    if facts.standing.cannot_judge is not None:
        return _not_judged(context, detectors)
    cases = {thread_id: make_case(context, thread) for thread_id, thread in facts.threads.items()}
    checks, runnable = _runnable(context, detectors)
    wide, by_thread = _of_all(HomeCase(context, cases), runnable)
    alone = [detector for detector in runnable if not detector.home_wide]
    said = [judged(case, by_thread.get(thread_id, []) + found_in(case, alone)) for thread_id, case in cases.items()]
    return _home(context, wide, checks, said)


def judge_in_parts(context: Context, detectors: Sequence[Detector], parts: Parts) -> HomeDiagnosis:
    """A home judged some threads at a time; those that home-wide detectors find something of, once more with that.

    Args:
        context: Its standing; it is given the facts of the threads, without their records.
        detectors: Those of both data models.
        parts: Its threads.
    """
    checks, runnable = _runnable(context, detectors)
    alone = [detector for detector in runnable if not detector.home_wide]
    looks = [look for detector in runnable for look in detector.looks]
    said = {}

    def judge_part(part: dict[str, ThreadFacts], by_thread: Mapping[str, list[Finding]]) -> None:
        for thread_id in list(part):
            case = make_case(context, part.pop(thread_id))  # let go of before the next part is read
            said[thread_id] = judged(case, by_thread.get(thread_id, []) + found_in(case, alone))
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
        check_in_time()
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


def judged(case: Case, findings: list[Finding]) -> ThreadDiagnosis:
    """What one thread is, by what was found of it.

    Args:
        case: The thread.
        findings: All of them, in any order.
    """
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
